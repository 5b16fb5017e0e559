"""The store of this process keeps the contract of every store, and some things of its own."""

from __future__ import annotations

from collections.abc import Callable

from taskkit.storage import Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows


class TestMemoryStorage(StorageContract):
    def store(self) -> MemoryStorage:
        return MemoryStorage()

    def second_handle(self, store: Storage) -> MemoryStorage:
        assert isinstance(store, MemoryStorage)
        return store.join()

    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
        assert isinstance(store, MemoryStorage)
        chains = store._tables.chains._chains
        kept = chains[chain]
        rows = edit([(position, text, kept.hashes[position]) for position, text in kept.texts.items()])
        if rows is None:
            del chains[chain]
            return
        kept.texts = {position: text for position, text, _ in rows}
        kept.hashes = {position: hash for position, _, hash in rows}
        kept.last, kept.hash = (rows[-1][0], rows[-1][2]) if rows else (kept.base.position, kept.base.hash)
