"""The overview of tasks: how each stands, when it ran and runs next, for those who may see it."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from taskkit.engine import Row
from taskkit.events import Daily, MaxAge, Once, RandomDays
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.outcomes import ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.selections import Everything
from taskkit.states import State
from taskkit.storage import Query
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import SYSTEM, Fallback, Task, Waves, of_record
from tests.engine.houses import START, UNIX, Crash, House, hosts


def put(house: House, *policies: Any, list: str = UNIX, by: str = "anna", **settings: Any) -> Task:
    return house.engine.put(Task("rotate", "work", policies or [Daily(at="02:00")], **settings), list=list, by=by)


def row(house: House, user: str | None = None, **filters: Any) -> Row:
    (found,) = house.engine.overview(user, **filters).entries
    assert isinstance(found, Row)
    return found


def night(house: House) -> None:
    house.clock.advance(days=1)
    house.engine.drain()


# status


def test_a_task_that_runs_is_active() -> None:
    house = House(*hosts(2))
    task = put(house, tags={"weekly audit"})
    assert row(house) == Row(
        task.id, "rotate", UNIX, "active", 0, None, None, START.add(hours=2), None, "anna", frozenset({"weekly audit"}), None
    )


def test_r07_a_deactivated_task_is_inactive_and_runs_nothing_next() -> None:
    house = House(*hosts(2))
    house.engine.deactivate(put(house).id)
    assert (row(house).status, row(house).next_run) == ("inactive", None)


def test_j01_a_task_that_is_suspended_as_a_whole_says_why_and_until_when_nobody_knows() -> None:
    house = House()
    task = put(house, list=SYSTEM)
    house.engine.suspend_task(task.id, why="the audit")
    found = row(house)
    assert (found.status, found.suspended, found.next_run) == ("suspended", "the audit", None)
    house.engine.resume_task(task.id)
    assert row(house).status == "active"


def test_j01_a_task_that_is_suspended_for_one_record_goes_on_for_the_others() -> None:
    house = House(*hosts(2))
    house.engine.suspend_task(put(house).id, "h01")
    assert row(house).status == "active"


def test_t12_a_task_whose_policies_can_fire_no_more_has_ended_and_is_out_of_the_overview() -> None:
    house = House()
    put(house, Once(START.add(hours=1)), list=SYSTEM)
    assert row(house).status == "active"
    night(house)
    assert house.engine.overview().entries == ()
    assert row(house, ended=True).status == "ended"


def test_t12_a_retry_of_its_last_occurrence_keeps_it_in_the_overview() -> None:
    house = House()
    house.play.says(None, NotDone(ErrorClass.UNREACHABLE, "down"))
    put(house, Once(START.add(hours=1)), list=SYSTEM, fallback=Fallback(minutes=30))
    house.clock.advance(hours=1)
    house.engine.drain()
    assert (row(house).status, row(house).next_run) == ("active", START.add(hours=1, minutes=30))
    house.clock.advance(minutes=30)
    house.engine.drain()
    assert row(house, ended=True).status == "ended"


@pytest.mark.parametrize(
    ("policies", "ended"),
    [
        ([Daily(at="02:00", end="2026-03-03")], True),
        ([Daily(at="02:00", end="2026-03-03"), Daily(at="04:00")], False),
        ([Daily(at="02:00", end="2026-03-03"), OnDemand()], False),
        ([Daily(at="02:00", end="2026-03-03"), AfterCheckIn()], False),
        ([MaxAge(2)], False),
        ([RandomDays(2, 3, end="2026-03-03")], True),
        ([OnDemand()], False),
        ([], False),
    ],
    ids=["ended", "another interval", "on demand", "a happening", "max age", "drawn days", "only on demand", "nothing"],
)
def test_t12_it_has_ended_when_no_policy_of_it_can_fire(policies: list[Any], ended: bool) -> None:
    house = House(*hosts(1))
    house.engine.put(Task("rotate", "work", policies), list=UNIX)
    for _ in range(5):
        night(house)
    assert row(house, ended=True).status == ("ended" if ended else "active")


# runs


def test_t13_first_last_and_next_run_and_the_last_result() -> None:
    house = House(*hosts(2))
    put(house)
    for _ in range(3):
        house.clock.jump(house.clock.moment.add(days=1).at(2, 0))
        house.engine.drain()
    found = row(house)
    assert (found.first_run, found.last_run) == (START.add(days=1, hours=2), START.add(days=3, hours=2))
    assert (found.next_run, found.last_result) == (START.add(days=4, hours=2), State.COMPLETED)


def test_the_last_result_is_that_of_the_run_that_began_last() -> None:
    house = House(*hosts(2))
    put(house, OnDemand())
    task = house.engine.tasks(UNIX)[0]
    house.engine.demand(task.id, "h01")
    house.clock.advance(minutes=1)
    house.engine.drain()
    house.play.says("h02", NotDone(ErrorClass.REFUSED, "no"))
    house.engine.demand(task.id, "h02")
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert (row(house).last_result, row(house).last_run) == (State.ERROR, START.add(minutes=2))


def test_a_job_that_never_began_is_no_run() -> None:
    house = House(*hosts(1))
    task = put(house, OnDemand())
    house.engine.cancel(house.engine.demand(task.id, "h01"))
    assert (row(house).first_run, row(house).last_run, row(house).last_result) == (None, None, None)


def test_what_runs_now_is_counted() -> None:
    house = House(*hosts(2))
    task = put(house, OnDemand())
    seen: list[int] = []

    def looking(run: Run) -> Outcome:
        seen.append(row(house).running)
        raise Crash

    house.play.says("h01", looking)
    house.engine.demand(task.id, "h01")
    with pytest.raises(Crash):
        house.engine.drain()
    assert (seen, row(house).last_result) == ([1], State.RUNNING)


def test_r06_a_run_over_many_runs_as_long_as_it_waits_for_its_parts() -> None:
    house = House(*hosts(3))
    task = put(house, Daily(at="02:00", start="2026-03-02"), list=SYSTEM, selection=Everything(), waves=Waves(size=1))
    house.clock.advance(hours=2)
    house.engine.work(1)
    assert (row(house).running, row(house).next_run) == (1, START.add(days=1, hours=2))  # not the timer of its conductor
    house.engine.drain()
    assert (row(house).running, row(house).last_result) == (0, State.COMPLETED)
    assert house.engine.history(task=task.id, states=State.COMPLETED).entries


def test_t13_a_next_run_set_by_hand_is_shown() -> None:
    house = House()
    task = put(house, list=SYSTEM)
    house.engine.drain()
    house.engine.set_next_run(task.id, START.add(hours=5))
    assert row(house).next_run == START.add(hours=5)


def test_a_copy_of_a_task_has_runs_of_its_own() -> None:
    """The line is the same, the tasks are not."""
    house = House(*hosts(2))
    task = put(house)
    house.engine.make_unique("h01")
    night(house)
    rows = {found.list: found for found in house.engine.overview().entries}
    assert rows[UNIX].id == task.id
    assert rows[of_record("h01")].last_run == rows[UNIX].last_run == START.add(days=1)
    house.engine.deactivate(rows[of_record("h01")].id)
    rows = {found.list: found for found in house.engine.overview().entries}
    assert (rows[UNIX].next_run, rows[of_record("h01")].next_run) == (START.add(days=1, hours=2), None)


# pages and people


def many(house: House, count: int) -> list[Task]:
    return [house.engine.put(Task(f"task {number:02}", "work"), by="anna" if number % 3 else "bert") for number in range(count)]


def test_it_is_paged() -> None:
    house = House()
    many(house, 10)
    names, page = list[str](), ""
    while True:
        found = house.engine.overview(page=page, limit=4)
        names += [entry.name for entry in found.entries]
        if found.next is None:
            break
        page = found.next
    assert sorted(names) == [f"task {number:02}" for number in range(10)]


def test_a07_a_person_sees_the_tasks_that_they_have_to_do_with_and_pages_are_full() -> None:
    house = House()
    many(house, 10)
    house.vault.deny("bert")
    first = house.engine.overview("bert", limit=3)
    assert [entry.owner for entry in first.entries] == ["bert"] * 3
    second = house.engine.overview("bert", limit=3, page=first.next or "")
    assert ([entry.owner for entry in second.entries], second.next) == (["bert"], None)


@pytest.mark.parametrize(
    ("user", "seen"),
    [("admin", {"system", UNIX, "record:h01"}), ("mona", {UNIX}), ("leo", {"record:h01"}), ("eve", set())],
)
def test_a07_who_sees_which_list(user: str, seen: set[str]) -> None:
    house = House(*hosts(2))
    put(house, managers={"mona"})
    house.engine.put(Task("mail", "work"))
    house.engine.make_unique("h01")
    copy = house.engine.tasks(of_record("h01"))[0]
    house.engine.edit(attrs.evolve(copy, managers={"administrators"}))
    if user != "admin":
        house.vault.deny(user, "system_administrator")
    for right in ("task_manage", "task_review", *(["task_execute"] if user != "leo" else [])):
        if user != "admin":
            house.vault.deny(user, right)
    assert {entry.list for entry in house.engine.overview(user).entries} == seen


def test_it_is_of_one_list_where_one_is_named() -> None:
    house = House(*hosts(1))
    put(house)
    house.engine.put(Task("mail", "work"))
    assert [entry.name for entry in house.engine.overview(list=SYSTEM).entries] == ["mail"]


def test_a_row_is_a_document() -> None:
    house = House(*hosts(1))
    put(house, tags={"b", "a"})
    night(house)
    document = house.engine.overview().document()
    assert json.loads(json.dumps(document)) == document
    (entry,) = document["entries"]
    assert (entry["tags"], entry["last_result"], entry["last_run"]) == (["a", "b"], "completed", "2026-03-03T00:00:00+00:00")


# its cost


class Counting(MemoryStorage):
    """Counts the jobs that are handed out."""

    read = 0

    def jobs(self, query: Query, **kwargs: Any) -> Any:
        found = super().jobs(query, **kwargs)
        Counting.read += len(found.jobs)
        return found


def test_it_reads_a_handful_of_jobs_for_each_task_however_long_its_history_is() -> None:
    house = House(*(Record(f"r{number:03}", "unix") for number in range(200)))
    put(house)
    for _ in range(3):
        night(house)
    engine = house.enter(storage=Counting(house.storage._tables))
    Counting.read = 0
    (found,) = engine.overview().entries
    assert found.last_result is State.COMPLETED
    assert Counting.read <= 8


# what a person may run


def test_a04_demandable_are_the_tasks_that_a_person_may_run_on_the_record_now() -> None:
    house = House(*hosts(2))
    task = put(house, OnDemand())
    house.engine.define(house.Scripted("other"))
    house.engine.put(Task("nightly", "other", [Daily(at="02:00")]), list=UNIX)
    assert [found.name for found in house.engine.demandable("h01", "leo")] == ["rotate"]
    house.vault.deny("leo", "task_execute", "h02")
    assert house.engine.demandable("h02", "leo") == []
    assert house.engine.demandable("none", "leo") == []
    house.engine.deactivate(task.id)
    assert house.engine.demandable("h01", "leo") == []


def test_a_happening_is_a_run_like_any_other() -> None:
    house = House(*hosts(1))
    put(house, AfterCheckIn())
    house.engine.emit(CheckedIn("h01", approval="a"))
    assert row(house).next_run == START
    house.engine.drain()
    assert (row(house).first_run, row(house).next_run) == (START, None)
