"""The vault in memory keeps what every vault keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from taskkit.records import Record
from taskkit.testing import MemoryVault
from taskkit.testing.contracts import VaultContract


class TestMemoryVault(VaultContract):
    closed: ClassVar = {"V27": "it ends with its process"}

    def vault(self, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> MemoryVault:
        return MemoryVault(records, secrets)

    def restore(self, vault: MemoryVault) -> None:
        vault.outbox.kept.clear()
        vault.outbox.readers.clear()


class TestMemoryVaultWithoutSlots(TestMemoryVault):
    closed: ClassVar = {**TestMemoryVault.closed, **{f"V{number}": "it offers no slots" for number in range(20, 27)}}

    def vault(self, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> MemoryVault:
        return MemoryVault(records, secrets, slots=False)


class TestMemoryVaultThatTakesNothing(TestMemoryVault):
    closed: ClassVar = TestMemoryVaultWithoutSlots.closed

    def vault(self, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> MemoryVault:
        return MemoryVault(records, secrets, slots=False, keeps=False)
