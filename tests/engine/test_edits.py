"""Edits and removals: one unit, then what waits is planned anew in its place, whatever happens meanwhile (R1, R7)."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from taskkit.errors import Duplicate, NotFound, Outdated
from taskkit.events import Daily, Minutely, Monthly
from taskkit.events.happenings import CheckedIn, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import State, Step
from taskkit.tasks import Fallback, Task
from tests.engine.houses import UNIX, Crash, House, Watched, hosts, kept, steps, writes
from tests.engine.nights import NIGHTLY, after, at, moody, waiting, with_task

# edits


def test_r01_an_edit_re_plans_what_waits_in_its_place() -> None:
    house, task = with_task()
    before = [job.id for job in waiting(house)]
    edited = house.engine.edit(evolve(task, policies=[Daily(at="04:00")], pool="dmz"))
    assert edited.revision == 2
    assert [(job.id, job.due, job.planned_for, job.pool) for job in waiting(house)] == [
        (id, at("2026-03-02T04:00"), 2, "dmz") for id in before
    ]


def test_r01_an_edit_that_changes_no_times_moves_none() -> None:
    house, task = with_task(task=Task("third days", "work", Daily(3, at="02:30")))
    house.clock.advance(days=1)
    house.engine.drain()
    before = [(job.id, job.at) for job in waiting(house)]
    house.engine.edit(evolve(house.engine.task(task.id), description="every third day"))
    assert [(job.id, job.at) for job in waiting(house)] == before


def test_r01_a_rule_that_ended_by_an_edit_leaves_no_occurrence() -> None:
    house, task = with_task()
    house.engine.edit(evolve(task, policies=[Daily(at="02:30", end="2026-03-01")]))
    assert waiting(house) == []
    assert {(entry.state, entry.why) for entry in house.entries()} == {(State.CANCELED, "ended")}


def test_t06_an_edit_takes_away_no_run_that_is_due() -> None:
    house, task = with_task()
    house.clock.advance(hours=3)
    house.engine.edit(evolve(task, description="at night"))
    house.engine.drain()
    assert house.play.count("h01") == house.play.count("h02") == 1


def test_j06_an_edit_does_not_put_off_what_somebody_brought_forward() -> None:
    house, task = with_task(Record("h01", "unix"))
    (job,) = waiting(house)
    house.engine.run_now(job.id)
    house.engine.edit(evolve(task, policies=[Daily(at="05:00")]))
    assert house.engine.drain() == 1
    assert house.play.count("h01") == 1


def test_t06_a_nominal_that_had_its_run_is_not_planned_again_by_an_edit_or_an_activation() -> None:
    house, task = with_task(Record("h01", "unix"))
    house.engine.run_now(waiting(house)[0].id)
    house.engine.drain()
    house.engine.edit(evolve(house.engine.task(task.id), description="edited"))
    assert [job.due for job in waiting(house)] == [at("2026-03-03T02:30")]
    house.engine.deactivate(task.id)
    house.engine.activate(task.id)
    assert [job.due for job in waiting(house)] == [at("2026-03-03T02:30")]
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_r01_an_edit_lets_what_is_deferred_be_looked_at_again() -> None:
    house, task = with_task(Record("h01", "unix", fields={"host": "a"}), task=Task("t", "work", AfterCheckIn()))
    house.engine.pause("host:a")
    house.engine.emit(CheckedIn("h01"))
    house.engine.drain()
    assert [job.why for job in waiting(house)] == ["host_paused"]
    house.engine.edit(evolve(task, description="edited"))
    assert house.engine.drain() == 1
    assert [job.why for job in waiting(house)] == ["host_paused"]
    house.engine.resume("host:a")
    assert house.engine.drain() == 1  # not a day later
    assert house.play.count("h01") == 1


def test_r01_one_of_two_edits_at_once_is_outdated() -> None:
    house, task = with_task()
    handle = Watched(house.storage)
    handle.before(writes("task"), lambda: house.engine.edit(evolve(task, description="quicker")))
    with pytest.raises(Outdated, match="it stands at revision 2, not 1; read it again"):
        house.enter(storage=handle).edit(evolve(task, description="slower"))
    assert house.engine.task(task.id).description == "quicker"
    assert [job.planned_for for job in waiting(house)] == [2, 2]


def test_r01_a_stale_edit_is_outdated_and_changes_nothing() -> None:
    house, task = with_task()
    house.engine.edit(evolve(task, description="one"))
    before = kept(house.storage)
    with pytest.raises(Outdated):
        house.engine.edit(evolve(task, description="two"))
    assert kept(house.storage) == before


def test_r01_an_edit_of_a_task_that_is_removed_at_the_same_time_is_refused() -> None:
    house, task = with_task()
    handle = Watched(house.storage)
    handle.before(writes("task"), lambda: house.engine.remove(task.id))
    with pytest.raises(NotFound, match="there is no such task"):
        house.enter(storage=handle).edit(evolve(task, description="too late"))
    assert house.engine.tasks() == []
    assert waiting(house) == []


def test_r01_of_two_who_put_the_same_name_at_once_one_has_it() -> None:
    house = House(*hosts(2))
    house.engine.define(house.Scripted("other"))
    handle = Watched(house.storage)
    handle.before(writes("task"), lambda: house.engine.put(Task("nightly", "other", Daily(at="01:00")), list=UNIX))
    with pytest.raises(Duplicate, match="has a task of this name"):
        house.enter(storage=handle).put(NIGHTLY, list=UNIX)
    assert [task.script for task in house.engine.tasks()] == ["other"]
    assert [job.due for job in waiting(house)] == [at("2026-03-02T01:00")] * 2


def test_r01_of_two_who_put_the_same_script_at_once_one_has_it() -> None:
    house = House(*hosts(2))
    handle = Watched(house.storage)
    handle.before(writes("task"), lambda: house.engine.put(Task("early", "work", Daily(at="01:00")), list=UNIX))
    with pytest.raises(Duplicate, match="'early' carries out the script 'work'"):
        house.enter(storage=handle).put(NIGHTLY, list=UNIX)
    assert [task.name for task in house.engine.tasks()] == ["early"]


def test_r01_two_who_put_different_tasks_at_once_both_have_them() -> None:
    house = House(*hosts(2))
    handle = Watched(house.storage)
    handle.before(writes("task"), lambda: house.engine.put(Task("daily report", "work")))
    house.enter(storage=handle).put(NIGHTLY, list=UNIX)
    assert sorted(task.name for task in house.engine.tasks()) == ["daily report", "nightly"]


# edits and runs


def test_r01_an_edit_during_a_run_lets_it_end_and_plans_what_follows() -> None:
    house, task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)
    house.play.says("h01", after(lambda: house.engine.edit(evolve(task, policies=[Daily(at="06:00")]))))
    house.engine.drain()
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.SCHEDULED]
    assert [(job.due, job.planned_for) for job in waiting(house)] == [(at("2026-03-02T06:00"), 2)]


def test_j07_an_edit_during_a_run_ends_the_tries() -> None:
    house, task = with_task(Record("h01", "unix"), task=evolve(NIGHTLY, fallback=Fallback(10, 3)))
    house.clock.advance(hours=3)
    failed = NotDone(ErrorClass.UNREACHABLE, "down")
    house.play.says("h01", after(lambda: house.engine.edit(evolve(task, description="edited")), failed))
    house.engine.drain()
    assert [(entry.kind, entry.state) for entry in house.entries()] == [(Kind.OCCURRENCE, State.ERROR), (Kind.OCCURRENCE, State.SCHEDULED)]


def test_j07_an_edit_ends_a_retry_that_waits() -> None:
    house, task = with_task(Record("h01", "unix"), task=evolve(NIGHTLY, fallback=Fallback(10, 3)))
    house.clock.advance(hours=3)
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "down"))
    house.engine.drain()
    house.engine.edit(evolve(house.engine.task(task.id), description="edited"))
    (retry,) = [entry for entry in house.entries() if entry.kind is Kind.FALLBACK]
    assert (retry.state, retry.why) == (State.CANCELED, "edited")


def test_r01_a_job_starts_only_for_the_revision_it_was_planned_for() -> None:
    """The edit lands while a worker stands between the gates and the start."""
    house, task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)
    house.engine.define(house.Scripted("other"))
    handle = Watched(house.storage)
    handle.before(steps(Step.START), lambda: house.engine.edit(evolve(task, script="other")))
    engine = house.enter(storage=handle)
    engine.work()
    assert house.play.performed == []
    assert [(job.planned_for, job.state) for job in waiting(house)] == [(2, State.SCHEDULED)]
    engine.drain()
    assert house.play.performed == [("other", "h01")]


def test_r01_a_rescued_run_goes_on_with_the_task_as_it_began() -> None:
    house = House(Record("h01", "unix"))
    house.engine.define(house.Scripted("other"))
    task = house.engine.put(Task("t", "work", AfterCheckIn()), list=UNIX)
    house.engine.emit(CheckedIn("h01"))

    def die(run: Run) -> Outcome:
        house.engine.edit(evolve(task, script="other"))
        raise Crash

    house.play.says("h01", die)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=2)
    house.enter().drain()
    assert house.play.performed == [("work", "h01"), ("work", "h01")]
    assert [entry.state for entry in house.entries()] == [State.COMPLETED]


# chores


def interrupted_edit(house: House, task: Task, after: int, **changes: Any) -> None:
    """An edit whose process dies after so many of its portions."""
    handle = Watched(house.storage)

    def die() -> None:
        raise Crash

    left = [after]

    def last(units: Any) -> bool:
        left[0] -= steps(Step.REPLAN)(units)
        return left[0] < 0

    handle.before(last, die)
    with pytest.raises(Crash):
        house.enter(storage=handle).edit(evolve(task, **changes))


def test_r01_what_an_edit_left_half_done_the_next_engine_finishes() -> None:
    house, task = with_task(*hosts(99), *(Record(f"x{number:04}", "unix") for number in range(1000)))
    interrupted_edit(house, task, after=1, policies=[Daily(at="23:00")])
    planned = [job.planned_for for job in waiting(house)]
    assert (planned.count(1), planned.count(2)) == (799, 300)
    later = house.enter()
    later.tick()
    assert {(job.planned_for, job.due) for job in waiting(house)} == {(2, at("2026-03-02T23:00"))}
    assert len(waiting(house)) == 1099
    assert house.storage.documents("chore") == []


def test_r01_a_stale_plan_never_runs_meanwhile() -> None:
    house, task = with_task()
    house.engine.define(house.Scripted("other"))
    interrupted_edit(house, task, after=0, script="other")
    house.clock.advance(hours=3)
    house.engine.work()  # the process that knows the old revision by heart
    house.enter().work()
    assert {script for script, _ in house.play.performed} <= {"other"}
    house.engine.drain()
    assert sorted(house.play.performed) == [("other", "h01"), ("other", "h02")]


def test_r01_a_task_whose_planning_was_interrupted_is_planned_by_the_next_engine() -> None:
    house = House(*hosts(2))
    handle = Watched(house.storage)

    def die() -> None:
        raise Crash

    handle.before(lambda units: not writes("task")(units), die)
    with pytest.raises(Crash):
        house.enter(storage=handle).put(NIGHTLY, list=UNIX)
    assert waiting(house) == []
    house.engine.tick()
    assert [job.record for job in waiting(house)] == ["h01", "h02"]


def test_r01_the_planning_of_an_older_edit_does_not_write_over_a_newer_one() -> None:
    house, task = with_task(*hosts(3), task=Task("t", "work", Minutely(5)))
    handle = Watched(house.storage)
    monthly = evolve(task, policies=[Monthly(1, at="02:30")])

    def newer() -> None:
        house.engine.edit(evolve(house.engine.task(task.id), policies=[Minutely(7)]))

    handle.before(steps(Step.REPLAN), newer)
    house.enter(storage=handle).edit(monthly)
    assert {(job.planned_for, job.due) for job in waiting(house)} == {(3, at("2026-03-02T00:07"))}
    house.engine.tick()
    assert house.storage.documents("chore") == []


def test_r01_planning_that_began_before_a_newer_edit_ends_with_it() -> None:
    """The newer edit is through before the older planning looks at the jobs."""
    house, task = with_task(*hosts(3), task=Task("t", "work", Minutely(5)))
    handle = Watched(house.storage)
    handle.before_looking(lambda: house.engine.edit(evolve(house.engine.task(task.id), policies=[Minutely(7)])))
    house.enter(storage=handle).edit(evolve(task, policies=[Monthly(1, at="02:30")]))
    assert {(job.planned_for, job.due) for job in waiting(house)} == {(3, at("2026-03-02T00:07"))}


def test_r01_what_moves_while_it_is_planned_anew_is_looked_at_again() -> None:
    """The first claim of a job falls between reading and writing; its worker gives it back without having begun."""
    house, task = with_task(Record("h01", "unix"), task=Task("t", "work", AfterUnlock(10)))
    house.engine.deactivate(task.id)
    task = house.engine.activate(task.id)
    house.engine.emit(Unlocked("h01"))
    handle = Watched(house.storage)
    other = house.enter()

    def moved() -> None:
        (job,) = waiting(house)
        other.run_now(job.id)

    handle.before(steps(Step.REPLAN), moved)
    house.enter(storage=handle).edit(evolve(task, description="edited"))
    assert [job.planned_for for job in waiting(house)] == [4]


def test_r01_without_the_vault_an_edit_lands_and_its_planning_waits() -> None:
    house, task = with_task()
    records = moody(house)
    records.away = True
    edited = house.engine.edit(evolve(task, policies=[Daily(at="05:00")]))
    assert edited.revision == 2
    house.engine.tick()
    assert [job.planned_for for job in waiting(house)] == [1, 1]
    records.away = False
    house.engine.tick()
    assert [(job.planned_for, job.due) for job in waiting(house)] == [(2, at("2026-03-02T05:00"))] * 2


# removal


def test_r07_the_run_of_a_removed_task_ends_normally() -> None:
    house, task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)
    house.play.says("h01", after(lambda: house.engine.remove(task.id)))
    house.engine.drain()
    assert [(entry.state, entry.why, entry.task_name) for entry in house.entries()] == [
        (State.COMPLETED, None, "nightly"), (State.CANCELED, "removed", "nightly"),
    ]  # fmt: skip


def test_r07_the_run_of_a_removed_task_ends_normally_also_after_a_rescue_and_without_its_script() -> None:
    house, task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)

    def die(run: Run) -> Outcome:
        run.save({"step": 1})
        house.engine.remove(task.id)
        house.engine.undefine("work")
        raise Crash

    memos: list[Any] = []

    def look(run: Run) -> Outcome:
        memos.append(dict(run.memo))
        return DONE

    house.play.says("h01", die, look)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=2)
    house.enter().drain()
    assert memos == [{"step": 1}]
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.CANCELED]


def test_r07_a_claimed_job_of_a_removed_task_is_canceled() -> None:
    house, task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)
    handle = Watched(house.storage)
    handle.before(steps(Step.START), lambda: house.engine.remove(task.id))
    house.enter(storage=handle).work()
    assert [(entry.state, entry.why) for entry in house.entries()] == [(State.CANCELED, "removed")]
    assert house.play.performed == []
