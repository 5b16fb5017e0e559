"""Chains of facts that are long: checked and archived a little at a time, beside those who write (A6, J14)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskkit.facts import Head, KeptChain, all_faults, began, heads_in, linked
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql import _chains
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._facts import tell
from taskkit.testing.contracts.storage._makings import NOW, told


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStorage]:
    if request.param == "sqlite":
        made: SqlStorage = SqliteStorage(tmp_path / "store.db", relaxed=True)
    else:
        made = PostgresStorage(request.getfixturevalue("database"), relaxed=True, keeps_time=False)
    with made:
        yield made


def grown(store: SqlStorage, count: int) -> SqlStorage:
    for first in range(0, count, 1000):
        store.write([(told(record=f"r{place}", details={"n": place}),) for place in range(first, min(first + 1000, count))])
    return store


def peak(store: SqlStorage) -> int:
    """Bytes that a check has at one time, at the most."""
    store.check()  # what is made once stays
    tracemalloc.start()
    try:
        assert not store.check(store.heads())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a06_a_check_takes_no_more_memory_where_a_chain_is_longer(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db", relaxed=True) as store:
        small = peak(grown(store, 3000))
        assert peak(grown(store, 12_000)) < 1.3 * small


def test_a06_who_writes_and_archives_meanwhile_neither_waits_for_a_check_nor_disturbs_it(store: SqlStorage) -> None:
    """All of it is of one moment."""
    other: Any = store.join()  # type: ignore[attr-defined]
    with other:
        tell(other, "A")
        heads, heard = grown(store, 2500).heads(), list[tuple[int, int]]()

        def hears(done: int, of: int) -> None:
            heard.append((done, of))
            if len(heard) < 6:
                tell(other, "B")
                other.archive({store.chain: 400 * len(heard)})

        assert not store.check(heads, hears)
        assert len(heard) >= 6
        assert not other.check(heads)
        assert other.facts({other.chain: 2})[0]


def test_a06_progress_tells_how_much_of_all_facts_is_gone_through(store: SqlStorage) -> None:
    heard: list[tuple[int, int]] = []
    grown(store, 1500).archive({store.chain: 200})
    store.check(progress=lambda *far: heard.append(far))
    assert heard == sorted(heard)
    assert {of for _, of in heard} == {heard[-1][0]} == {2 * 1301}


def test_j14_an_archive_is_many_short_transactions(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, archive = list[int](), _chains.archive

    def archived(line: Line, upto: Any, most: int) -> int:
        sizes.append(archive(line, upto, most))
        return sizes[-1]

    monkeypatch.setattr(_chains, "archive", archived)
    grown(store, 1600)
    assert store.archive({store.chain: 1500}) == 1500 == sum(sizes)
    assert max(sizes) <= 500
    assert not store.check(store.heads())


# what somebody changed


@pytest.mark.parametrize(
    "heads",
    ["[" * 100_000, '{"x":["a","b"]}', '{"x":[[],"b"]}', '{"x":[1,{}]}', '{"x":[true,"b"]}', '{"x":[1]}', "7"],
    ids=["deep", "a text", "a list", "no hash", "a truth", "half", "a number"],
)
def test_a06_heads_that_nobody_can_read_are_found_as_a_change_and_break_no_check(heads: str) -> None:
    text = f'["ChainBegan",{NOW},null,null,null,null,null,{{"heads":{heads}}}]'
    assert heads_in(text) == []
    chain = KeptChain(Head("c", 0, began("c")), [(1, text, "x")])
    assert [(fault.position, fault.case) for fault in all_faults([chain])] == [(1, "the fact was changed, or one before it")]


def test_a06_a_check_goes_through_facts_that_are_read_anew_each_time() -> None:
    """A store hands over what reads a page after the other."""
    first = linked(began("c"), "one")

    class Pages:
        def __iter__(self) -> Iterator[tuple[int, str, str]]:
            yield 1, "one", first
            yield 2, "two", linked(first, "two")

    chain = KeptChain(Head("c", 0, began("c")), Pages())
    assert all_faults([chain], [Head("c", 2, linked(first, "two")), Head("c", 1, first)]) == []
    assert [fault.position for fault in all_faults([chain], [Head("c", 1, "other"), Head("c", 3, "")])] == [3, 1]


def test_a06_rows_in_front_of_the_checkpoint_are_found(store: SqlStorage) -> None:
    """Nobody but a stranger has put them there."""
    grown(store, 5).archive({store.chain: 3})
    store._do(lambda line: line.run("UPDATE taskkit_facts SET position = 1 WHERE chain = ? AND position = 4", store.chain))
    assert {fault.case for fault in store.check()} == {"facts are missing"}
