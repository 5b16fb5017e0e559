"""A job that this process has claimed, and that stands again where another wants to be planned, after another process has written."""

from __future__ import annotations

import pytest

from taskkit.instants import MINUTE
from taskkit.states import State, Step
from taskkit.storage import Expect, Insert, Keep, Move, Query, Refusal
from taskkit.storage._alike import Start, Starts
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.contracts.storage._makings import NOW, lands, occurrence, told
from tests.storage.test_sql_knowledge import Durable


def both_claimed(store: Durable | MemoryStorage) -> None:
    """Two occurrences of one line and record, neither begun: the second came while the first was at work."""
    lands(store, Keep("task", "t", 0, {}))
    lands(store, Insert(occurrence("b", "first", record="r")))
    assert len(store.claim(NOW, worker="w", node="n", pools=["local"], limit=1, lease=NOW + MINUTE)) == 1
    lands(store, Insert(occurrence("a", "second", record="r")))
    assert len(store.claim(NOW, worker="w", node="n", pools=["local"], limit=1, lease=NOW + MINUTE)) == 1


def sent_back_and_begun(store: Durable | MemoryStorage) -> list[Refusal | None]:
    b, a = store.job("b"), store.job("a")
    assert a is not None
    assert b is not None
    starts = Starts(Expect("task", "t", 1), {"started": NOW}, NOW, {}, occurrence("", "later", record="r", due=NOW + MINUTE))
    units = [(Move("b", Step.RELEASE, token=b.token, fields={"due": NOW + 5}),), Start(starts, a, "line:r", "a-next")]
    return [one.refusal for one in store.write(units)]


def test_p04_who_is_sent_back_in_the_same_write_has_the_seat(store: Durable) -> None:
    memory = MemoryStorage()
    both_claimed(memory)
    both_claimed(store)
    with store.join() as other:
        lands(other, told())
    expected = sent_back_and_begun(memory)
    assert expected == [None, Refusal.SEAT]
    assert sent_back_and_begun(store) == expected
    assert len(store.jobs(Query(states=frozenset({State.SCHEDULED, State.DEFERRED}))).jobs) == 1


def test_p04_who_is_sent_back_has_the_seat_also_where_nobody_knows_any_more_that_it_was_claimed_here(store: Durable) -> None:
    """A write that broke off lets all be forgotten that was known by heart."""
    memory = MemoryStorage()
    both_claimed(memory)
    lands(store, Keep("task", "t", 0, {}), Insert(occurrence("b", "first", record="r")))
    assert len(store.claim(NOW, worker="w", node="n", pools=["local"], limit=1, lease=NOW + MINUTE)) == 1
    with pytest.raises(TypeError):
        store.write([(Keep("colour", "sky", 0, {"is": object()}),)])
    lands(store, Insert(occurrence("a", "second", record="r")))
    assert len(store.claim(NOW, worker="w", node="n", pools=["local"], limit=1, lease=NOW + MINUTE)) == 1
    for _ in range(2):
        lands(store, told(), Expect("task", "t", 1))
    assert sent_back_and_begun(store) == sent_back_and_begun(memory) == [None, Refusal.SEAT]
