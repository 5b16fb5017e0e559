"""Of a text that holds NUL, SQLite's lists of JSON keep the part before it: what is asked for among many is another then (C1, C11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskkit.storage import Hold, Insert, Keep, Refusal
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import NOW, job, lands

_NAMES = ["a", "b", "c", "x", "x\0y"]


@pytest.mark.parametrize("several", [_NAMES, _NAMES[-2:]], ids=["many", "few"])
def test_c04_a_document_whose_name_holds_nul_is_found_among_others(tmp_path: Path, several: list[str]) -> None:
    with SqliteStorage(tmp_path / "db") as store, store.join() as other:
        for kept in (store, MemoryStorage()):
            lands(kept, *(Keep("hosts", name, 0, {}) for name in several))
            asks = other if kept is store else kept
            assert sorted(asks.several("hosts", several)) == sorted(several)
            assert [one.refusal for one in asks.write([(Keep("hosts", name, 1, {}),) for name in several])] == [None] * len(several)


def test_c11_a_host_whose_name_holds_nul_has_as_many_slots_as_any(tmp_path: Path) -> None:
    """A vault's fields are texts of any kind."""
    with SqliteStorage(tmp_path / "db") as store, store.join() as other:
        for kept in (store, MemoryStorage()):
            lands(kept, *(Insert(job(name)) for name in "pq"))
            lands(kept, Hold("p", NOW, slots=(("host:x\0y", 1),)))
            wants = Hold("q", NOW, ("account:1", "account:2", "account:3", "account:4"), slots=(("host:x\0y", 1),))
            asks = other if kept is store else kept
            lands(store, Keep("colour", "sky", 0 if kept is store else 1, {}))  # the other one looks anew
            assert asks.write([(wants,)])[0].refusal is Refusal.BUSY
