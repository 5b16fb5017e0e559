"""Starts and ends that are alike, in a database: they land as in memory, without a question, and nobody is told what is not so (C1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from taskkit.facts import START
from taskkit.instants import MINUTE
from taskkit.jobs import Job
from taskkit.states import State, Step
from taskkit.storage import Change, Claimed, Expect, Hold, Insert, Keep, Move, Query, Refusal, Unit, Wait
from taskkit.storage._alike import End, Start, Starts
from taskkit.storage.integrity import check_store
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sql._known import Known
from taskkit.testing.contracts.storage._makings import NOW, cause, fired, kept, lands, occurrence, told
from tests.storage.test_nights import Batches, claim_all
from tests.storage.test_sql_knowledge import Asked, Durable
from tests.storage.test_wholes import twins

_ALL = Query()
_LATER = "later"


class Calm(Batches):
    """Little else happens meanwhile, so most of them are decided together."""

    def around(self, store: MemoryStorage) -> list[Change]:
        return super().around(store) if self.odd(0.2) else [Insert(self.successor())]


@pytest.fixture
def store(store: Durable) -> Durable:
    """It has a task."""
    store.write([(Keep("task", "t", 0, {}),)])
    return store


def claimed(store: Durable, *jobs: Job) -> Sequence[Claimed]:
    """After that, all is known by heart."""
    store.write([(Insert(job),) for job in jobs])
    found = store.claim(NOW, worker="w", node="n", pools=["local"], limit=100, lease=NOW + MINUTE)
    assert len(found) == len(jobs)
    for _ in range(2):
        store.write([(told(), Expect("task", "t", 1))])
    assert store._known.has_holds
    return found


def night(*, fire: str = _LATER, **fields: Any) -> Starts:
    successor = occurrence("", fire, due=NOW + MINUTE)
    return Starts(Expect("task", "t", 1), {"started": NOW, "node": "n", **fields}, NOW, {"node": "n"}, successor)


def begin(starts: Starts, one: Claimed) -> Start:
    return Start(starts, one.job, f"line:{one.job.record}", f"{one.job.id}-next")


def three(store: Durable) -> Sequence[Claimed]:
    return claimed(store, *(occurrence(name, "first", record=name) for name in "abc"))


def asked_by(store: Durable) -> Asked:
    assert store._lines._writer is not None
    return Asked(store._lines._writer)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that have started and ended as others did."""
    seen: list[str] = []
    begin, end = Known.begin, Known.end

    def begins(known: Known, jobs: Sequence[str], starts: Sequence[Start]) -> bool:
        seen.extend(jobs)
        return begin(known, jobs, starts)

    def ends(known: Known, jobs: Sequence[str]) -> bool:
        seen.extend(jobs)
        return end(known, jobs)

    monkeypatch.setattr(Known, "begin", begins)
    monkeypatch.setattr(Known, "end", ends)
    return seen


def answers(store: Durable, *units: Unit) -> list[Refusal | None]:
    return [answer.refusal for answer in store.write(list(units))]


@pytest.mark.parametrize("seed", range(6))
def test_c01_what_is_alike_stands_in_a_database_as_in_memory(store: Durable, seed: int, at_once: list[str]) -> None:
    memory, _ = twins()
    nights = Calm(seed)
    for turn in range(25):
        units = list(nights.units(memory))
        assert answers(store, *units) == [answer.refusal for answer in memory.write(units)], turn
        assert store.jobs(_ALL, limit=1000) == memory.jobs(_ALL, limit=1000), turn
        assert store.facts(START)[0][1:] == memory.facts(START)[0][1:], turn
        for record in "abcd":
            assert store.holders(f"line:{record}") == sorted(memory.holders(f"line:{record}"))
        nights.now += MINUTE
        assert claim_all(memory, nights.now) == claim_all(store, nights.now), turn
    assert store.check() == []
    assert len(at_once) > 10


def test_c01_many_that_are_alike_stand_in_a_database_as_in_memory(store: Durable) -> None:
    """More than one statement adds at once, with others among them that are not like them; a record may have a quote in its name."""
    memory, _ = twins()
    memory.write([(Keep("task", "t", 0, {}),)])
    jobs = [occurrence(f"j{number:02}", "first", record=f'r"{number}\\', host=f"h{number % 3}") for number in range(64)]
    for one in (store, memory):
        one.write([(Insert(job),) for job in jobs])
        found = one.claim(NOW, worker="w", node="n", pools=["local"], limit=100, lease=NOW + MINUTE)
        for _ in range(2):
            one.write([(told(), Expect("task", "t", 1))])
        starts = night()
        units: list[Unit] = [begin(starts, job) for job in found]
        units[57:57] = [(Insert(occurrence("between", "x", record="between", due=NOW + MINUTE)),)]
        assert all(one.write(units))
        assert all(one.write([End(job.job, NOW + 1) for job in found]))
    assert store.jobs(_ALL, limit=1000) == memory.jobs(_ALL, limit=1000)
    assert store.facts(START)[0][1:] == memory.facts(START)[0][1:]
    assert claim_all(store, NOW + MINUTE) == claim_all(memory, NOW + MINUTE)
    assert store.check() == []
    assert check_store(store, NOW + MINUTE) == []


def test_what_starts_and_ends_alike_is_asked_for_nothing(store: Durable) -> None:
    found, starts = three(store), night()
    asked = asked_by(store)
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    assert answers(store, *(End(one.job, NOW + 1) for one in found)) == [None] * 3
    assert asked.questions == []
    assert [job.state for job in store.jobs(_ALL, order="due").jobs] == [State.COMPLETED] * 3 + [State.SCHEDULED] * 3
    assert kept(store, "b-next").record == "b"
    assert store.check() == []


def test_j03_what_another_process_has_rescued_does_not_start_with_the_others(store: Durable) -> None:
    found, starts = three(store), night()
    with store.join() as other:
        other.claim(NOW + 10 * MINUTE, worker="v", node="m", pools=["local"], limit=1, lease=NOW + 20 * MINUTE)
    refused = answers(store, *(begin(starts, one) for one in found))
    assert sorted(refused, key=str) == [None, None, Refusal.TOKEN]


def test_j03_what_was_rescued_here_is_not_ended_by_who_had_it_before(store: Durable) -> None:
    found, starts = three(store), night()
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    store.claim(NOW + 10 * MINUTE, worker="w", node="n", pools=["local"], limit=3, lease=NOW + 20 * MINUTE)
    assert answers(store, *(End(one.job, NOW + 1) for one in found)) == [Refusal.TOKEN] * 3


def test_j05_a_fire_that_was_kept_before_refuses_one_start_and_no_other(store: Durable, at_once: list[str]) -> None:
    found = three(store)
    lands(store, Insert(occurrence("elsewhere", _LATER, record="b", due=NOW + 5)))
    lands(store, Move("elsewhere", Step.CANCEL, 1, fields={"ended": NOW}))
    assert answers(store, *(begin(night(), one) for one in found)) == [None, Refusal.FIRE, None]
    assert at_once
    assert kept(store, "b").state is State.QUEUED
    assert store.holders("line:b") == []


def test_j02_a_name_that_is_taken_refuses_one_start_and_no_other(store: Durable) -> None:
    found, starts = three(store), night()
    lands(store, Insert(occurrence("b-next", "other", record="x", due=NOW + 5)))
    assert answers(store, *(begin(starts, one) for one in found)) == [None, Refusal.REVISION, None]


def test_p04_a_start_beside_which_another_came_meanwhile_is_refused(store: Durable) -> None:
    found, starts = three(store), night()
    lands(store, Insert(occurrence("b-other", "between", record="b", due=NOW + 5)))
    assert answers(store, *(begin(starts, one) for one in found)) == [None, Refusal.SEAT, None]
    late = Insert(occurrence("c-other", "between", record="c", due=NOW + 5))
    assert answers(store, (late,)) == [Refusal.SEAT]


def test_p04_who_was_alone_before_another_process_wrote_is_not_taken_to_be_so_still(store: Durable) -> None:
    three(store)
    with store.join() as other:
        lands(other, Insert(fired("late", record="a", due=NOW)))
        lands(other, Insert(occurrence("a-other", "between", record="a", due=NOW + 2 * MINUTE)))
    for _ in range(3):
        lands(store, told(), Expect("task", "t", 1))
    [late] = store.claim(NOW, worker="w", node="n", pools=["local"], limit=1, lease=NOW + MINUTE)
    assert answers(store, begin(night(), late)) == [Refusal.SEAT]


def test_p04_who_comes_in_the_same_write_finds_the_seat_taken(store: Durable) -> None:
    found, starts = three(store), night()
    late = Insert(occurrence("c-other", "between", record="c", due=NOW + 5))
    assert answers(store, *(begin(starts, one) for one in found), (late,)) == [None, None, None, Refusal.SEAT]


def test_r04_what_others_hold_or_want_refuses_a_start(store: Durable) -> None:
    found, starts = three(store), night()
    lands(store, Insert(occurrence("x", "x", record="x", due=NOW + 5)))
    lands(store, Hold("x", NOW, ("line:b",)))
    assert answers(store, *(begin(starts, one) for one in found)) == [None, Refusal.BUSY, None]
    lands(store, Wait(Hold("b", NOW, ("line:b",))))
    [freed] = [answer.freed for answer in store.write([(Move("x", Step.CANCEL, 1, fields={"ended": NOW}),)])]
    assert freed == ("line:b",)


def test_r04_of_two_that_want_the_same_in_one_write_one_starts(store: Durable, at_once: list[str]) -> None:
    found = three(store)
    alone = night()._replace(successor=None)
    assert answers(store, *(Start(alone, one.job, "line:shared") for one in found)) == [None, Refusal.BUSY, Refusal.BUSY]
    assert store.holders("line:shared") == ["a"]
    assert at_once


def test_j02_of_two_that_would_have_one_name_in_one_write_one_starts(store: Durable, at_once: list[str]) -> None:
    found, starts = three(store), night()
    same = [Start(starts, one.job, f"line:{one.job.record}", "next") for one in found]
    assert answers(store, *same) == [None, Refusal.REVISION, Refusal.REVISION]
    assert kept(store, "next").record == "a"
    assert at_once


def test_r04_an_end_tells_of_what_others_wait_for(store: Durable) -> None:
    found, starts = three(store), night()
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    lands(store, Insert(occurrence("x", "x", record="x", due=NOW + 5)))
    lands(store, Wait(Hold("x", NOW, ("line:b",))))
    assert [answer.freed for answer in store.write([End(one.job, NOW + 1) for one in found])] == [(), ("line:b",), ()]


def test_r01_a_task_that_was_edited_meanwhile_refuses_all_of_them(store: Durable) -> None:
    found, starts = three(store), night()
    lands(store, Keep("task", "t", 1, {"is": "other"}))
    assert answers(store, *(begin(starts, one) for one in found)) == [Refusal.REVISION] * 3


def test_what_began_with_the_others_goes_on_by_itself(store: Durable) -> None:
    """Its next step finds it as its start has left it, whatever that step is."""
    found, starts = three(store), night(version=7)
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    one = found[1].job
    lands(store, Move(one.id, Step.BEAT, token=one.token, fields={"memo": {"at": 1}}))
    now = kept(store, "b")
    assert (now.version, now.memo, now.revision, now.state) == (7, {"at": 1}, one.revision + 2, State.RUNNING)
    assert answers(store, *(End(one.job, NOW + 1) for one in found)) == [None] * 3
    assert (kept(store, "b").memo, kept(store, "b").ended) == ({"at": 1}, NOW + 1)


def test_t15_what_passed_while_they_waited_is_said_of_all_at_once(store: Durable, at_once: list[str]) -> None:
    """No column of its own holds it."""
    found, starts = three(store), night(missed=2, missed_first=1, missed_last=2)
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    assert [kept(store, name).missed for name in "abc"] == [2, 2, 2]
    assert at_once == ["a", "b", "c"]


def test_t15_who_has_more_to_tell_than_the_others_keeps_it(store: Durable, at_once: list[str]) -> None:
    jobs = [occurrence(name, "first", record=name) for name in "abc"]
    found = claimed(store, jobs[0], jobs[1].with_({"demanded_by": "ann"}), jobs[2])
    starts = night(missed=2, missed_first=1, missed_last=2)
    assert answers(store, *(begin(starts, one) for one in found)) == [None] * 3
    assert [(kept(store, name).missed, kept(store, name).demanded_by) for name in "abc"] == [(2, None), (2, "ann"), (2, None)]
    assert at_once == ["a", "c"]


def test_a_start_that_is_said_twice_starts_once(store: Durable) -> None:
    found, starts = three(store), night()
    first = begin(starts, found[0])
    refused = answers(store, first, first, begin(starts, found[1]), begin(starts, found[1]))
    assert refused[0] is None
    assert refused[2] is None
    assert refused[1] is not None
    assert refused[3] is not None


def test_a_cause_that_comes_in_the_same_write_is_kept(store: Durable) -> None:
    found, starts = three(store), night()
    late = Insert(fired("z", record="c", due=NOW + 5), (cause("z", "told"),))
    assert answers(store, *(begin(starts, one) for one in found), (late,)) == [None] * 4
    assert [one.fire for one in store.causes("z")] == ["told"]
