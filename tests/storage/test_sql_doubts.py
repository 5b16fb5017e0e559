"""Starts and ends that are alike, on a database on which others write as well: they land together, and nobody is told what is not so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from taskkit.instants import MINUTE
from taskkit.states import State, Step
from taskkit.storage import Claimed, Hold, Insert, Keep, Move, Refusal, Unit, Wait
from taskkit.storage._alike import End
from taskkit.storage.integrity import check_store
from taskkit.testing.contracts.storage._makings import NOW, fired, kept, lands, occurrence, told
from tests.storage.test_nights import claim_all
from tests.storage.test_sql_knowledge import Durable
from tests.storage.test_sql_nights import _ALL, _LATER, Calm, answers, at_once, begin, night, store, three
from tests.storage.test_wholes import twins

__all__ = ["at_once", "store"]


@pytest.fixture
def other(store: Durable) -> Iterator[Durable]:
    with store.join() as joined:
        yield joined


@pytest.mark.parametrize("seed", range(6))
def test_c01_by_whomever_it_is_written_it_stands_as_in_memory(store: Durable, other: Durable, seed: int, at_once: list[str]) -> None:
    memory, _ = twins()
    nights = Calm(seed)
    for turn in range(25):
        units, (writes, claims) = list(nights.units(memory)), nights.rng.choices((store, other), k=2)
        assert answers(writes, *units) == [answer.refusal for answer in memory.write(units)], turn
        assert store.jobs(_ALL, limit=1000) == memory.jobs(_ALL, limit=1000), turn
        for record in "abcd":
            assert store.holders(f"line:{record}") == sorted(memory.holders(f"line:{record}"))
        nights.now += MINUTE
        assert claim_all(memory, nights.now) == claim_all(claims, nights.now), turn
    assert store.check() == []
    assert check_store(store, nights.now) == []
    assert len(at_once) > 5


def test_what_starts_and_ends_alike_does_so_at_once_though_others_write(store: Durable, other: Durable, at_once: list[str]) -> None:
    found, starts = three(store), night()
    lands(other, told())
    assert answers(store, (told(),), *(begin(starts, one) for one in found)) == [None] * 4
    lands(other, told())
    assert answers(store, (told(),), *(End(one.job, NOW + 1) for one in found)) == [None] * 4
    assert at_once == ["a", "b", "c"] * 2
    assert [job.state for job in store.jobs(_ALL, order="due").jobs] == [State.COMPLETED] * 3 + [State.SCHEDULED] * 3
    assert [list(store.holders(f"line:{record}")) for record in "abc"] == [[], [], []]
    assert store.check() == []


def test_what_was_claimed_by_the_first_word_to_a_store_starts_at_once(store: Durable, other: Durable, at_once: list[str]) -> None:
    for name in "abc":
        lands(store, Insert(occurrence(name, "first", record=name)))
    found, starts = claim_all(other, NOW), night()
    assert answers(other, *(begin(starts, one) for one in found)) == [None] * 3
    assert at_once == ["a", "b", "c"]


def _held(other: Durable, _: Claimed) -> None:
    lands(other, Insert(occurrence("x", "x", record="x", due=NOW + 5)))
    lands(other, Hold("x", NOW, ("line:b",)))


def _used(other: Durable, _: Claimed) -> None:
    lands(other, Insert(occurrence("x", "x", record="x", due=NOW + 5)))
    lands(other, Hold("x", NOW, (), ("line:b",)))


def _wanted(other: Durable, _: Claimed) -> None:
    lands(other, Insert(occurrence("x", "x", record="x", due=NOW + 5)))
    lands(other, Wait(Hold("x", NOW - 1, ("line:b",))))


def _rescued(other: Durable, one: Claimed) -> None:
    lands(other, Move(one.job.id, Step.BEAT, token=one.job.token, fields={"lease": NOW - 1}))
    [again] = other.claim(NOW, worker="v", node="m", pools=["local"], limit=1, lease=NOW + MINUTE)
    assert again.job.id == one.job.id


def _seated(other: Durable, _: Claimed) -> None:
    lands(other, Insert(occurrence("b-other", "between", record="b", due=NOW + 5)))


def _stood_for(other: Durable, _: Claimed) -> None:
    lands(other, Insert(occurrence("elsewhere", _LATER, record="b", due=NOW + 5)))
    lands(other, Move("elsewhere", Step.CANCEL, 1, fields={"ended": NOW}))


def _named(other: Durable, _: Claimed) -> None:
    lands(other, Insert(occurrence("b-next", "other", record="x", due=NOW + 5)))


@pytest.mark.parametrize(
    ("does", "refusal"),
    [(_held, Refusal.BUSY), (_used, Refusal.BUSY), (_wanted, Refusal.BUSY), (_rescued, Refusal.TOKEN), (_seated, Refusal.SEAT),
     (_stood_for, Refusal.FIRE), (_named, Refusal.REVISION)],
)  # fmt: skip
def test_j05_what_another_process_does_meanwhile_refuses_one_start_and_no_other(
    store: Durable, other: Durable, does: Callable[[Durable, Claimed], None], refusal: Refusal
) -> None:
    found, starts = three(store), night()
    does(other, found[1])
    assert answers(store, *(begin(starts, one) for one in found)) == [None, refusal, None]
    assert kept(store, "b").state is State.QUEUED
    assert [kept(store, name).state for name in "ac"] == [State.RUNNING] * 2


def test_r01_a_task_that_another_process_has_edited_refuses_all_of_them(store: Durable, other: Durable) -> None:
    found, starts = three(store), night()
    lands(other, Keep("task", "t", 1, {"is": "other"}))
    assert answers(store, *(begin(starts, one) for one in found)) == [Refusal.REVISION] * 3


def test_j03_what_another_process_has_rescued_is_not_ended_with_the_others(store: Durable, other: Durable) -> None:
    found, starts = three(store), night()
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    _rescued(other, found[1])
    assert answers(store, *(End(one.job, NOW + 1) for one in found)) == [None, Refusal.TOKEN, None]
    assert list(store.holders("line:b")) == ["b"]


def test_r04_an_end_tells_of_what_waits_in_another_process(store: Durable, other: Durable) -> None:
    found, starts = three(store), night()
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    _wanted(other, found[1])
    assert [answer.freed for answer in store.write([End(one.job, NOW + 1) for one in found])] == [(), ("line:b",), ()]


def test_r04_an_end_gives_back_more_than_its_own(store: Durable, other: Durable) -> None:
    found, starts = three(store), night()
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    lands(other, Hold("b", NOW, ("line:b", "account:x"), ("account:y",), (("pool", 3),)))
    assert answers(store, *(End(one.job, NOW + 1) for one in found)) == [None] * 3
    assert [list(store.holders(key)) for key in ("line:b", "account:x", "account:y", "pool")] == [[], [], [], []]


def test_p04_who_comes_beside_them_in_the_same_write_is_judged_after_them(store: Durable, other: Durable) -> None:
    found, starts = three(store), night()
    lands(other, told())
    late: list[Unit] = [
        (Insert(occurrence("c-other", "between", record="c", due=NOW + 5)),),
        (Insert(fired("z", record="c", due=NOW + 5)),),
    ]
    assert answers(store, *(begin(starts, one) for one in found), *late) == [None, None, None, Refusal.SEAT, None]
