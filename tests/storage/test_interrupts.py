"""An interrupt may come at the very moment at which a transaction is about to end: nothing stays open for it (J2, C3)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from taskkit.facts import START
from taskkit.storage import Insert
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage, _lines
from taskkit.testing.contracts.storage._makings import job, lands, told
from tests.interrupts import each_moment


@contextmanager
def interrupted(code: Any) -> Iterator[None]:
    """As this is called the first time, before its first line: Python looks for signals there."""
    left = [KeyboardInterrupt()]

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is code and left:
            raise left.pop()

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        sys.setprofile(before)
    assert not left


@pytest.fixture
def store(tmp_path: Any) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "db") as opened:
        lands(opened, Insert(job("there")), told())
        yield opened


_END = _lines._Transaction.__exit__.__code__


def test_c03_who_looks_next_sees_what_others_have_written_since(store: SqliteStorage) -> None:
    with interrupted(_END):
        store.facts(START)
    with store.join() as other:
        lands(other, Insert(job("late")))
    assert store.job("late") is not None


@pytest.mark.parametrize(
    "does", [lambda store: store.write([(Insert(job("a")),)]), lambda store: store.take_away([]), lambda store: store.archive({})]
)
def test_j02_nobody_waits_for_a_write_that_broke_off(store: SqliteStorage, does: Callable[[SqliteStorage], Any]) -> None:
    with interrupted(_END):
        does(store)
    writer = store._lines._writer
    assert writer is not None
    assert not writer._db.in_transaction, "who writes in another process waits as long as nobody writes here"  # type: ignore[attr-defined]
    lands(store, Insert(job("next")))
    assert store.check() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python tells so of one that comes as a generator ends
@pytest.mark.parametrize("makes", [lambda _: MemoryStorage(), partial(SqliteStorage, relaxed=True)], ids=["memory", "sqlite"])
def test_a06_wherever_archiving_is_interrupted_what_is_gone_lies_before_the_checkpoint(
    makes: Callable[[Path], Any], tmp_path: Path
) -> None:
    kept: list[Any] = []

    def begin(at: int) -> Callable[[], object]:
        store = makes(tmp_path / f"{at}.db")
        lands(store, *(told() for _ in range(5)))
        kept[:] = store, store.heads(), store.facts(START)[0]
        return partial(store.archive, {store.chain: 4})

    for where in each_moment(begin, "_chains.py"):
        store, heads, facts = kept
        assert store.check(heads) == [], where
        assert store.facts(START)[0] in (facts, facts[4:]), where
        store.archive({store.chain: 4})
        assert (store.facts(START)[0], store.check(heads)) == (facts[4:], []), where
        if isinstance(store, SqliteStorage):
            store.close()
