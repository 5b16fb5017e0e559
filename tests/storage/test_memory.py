"""The store of this process keeps the contract of every store, and some things of its own."""

from __future__ import annotations

from collections.abc import Callable

from taskkit.storage import Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows
from taskkit.testing.contracts.storage._makings import NOW, lands, told


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
        kept._texts = {position: text for position, text, _ in rows}
        kept._hashes = {position: hash for position, _, hash in rows}
        kept.last, kept._hash = (rows[-1][0], rows[-1][2]) if rows else (kept.base.position, kept.base.hash)
        kept._written = kept.last


def test_a06_of_archived_facts_no_story_keeps_a_place() -> None:
    store = MemoryStorage()
    for number in range(3):
        lands(store, told(f"F{number}", NOW + number, line="l", record="r"))
    assert len(store.story(NOW, line="l", record="r")) == 3
    store.archive({store.chain: 3})
    assert [fact.kind for fact in store.story(NOW, line="l", record="r")] == ["F2"]
    store.archive({store.chain: 4})
    assert list(store.story(NOW, line="l", record="r")) == []
    assert not store._tables.chains.stories._places
