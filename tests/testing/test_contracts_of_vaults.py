"""The vault in memory keeps what every vault keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskkit.records import Record
from taskkit.testing import MemoryVault
from taskkit.testing.contracts import VaultContract


class TestMemoryVault(VaultContract):
    def vault(self, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> MemoryVault:
        return MemoryVault(records, secrets)

    def restore(self, vault: MemoryVault) -> None:
        vault.outbox.kept.clear()
        vault.outbox.readers.clear()
