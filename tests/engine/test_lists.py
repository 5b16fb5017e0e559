"""Lists of tasks: types' and records' own, made unique and shared again; edits that re-plan what waits (R1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.errors import Duplicate, NotFound, Outdated, VaultAway
from taskkit.events import Daily, MaxAge, Minutely, Monthly
from taskkit.events.happenings import CheckedIn, RecordChanged, RecordCreated, RecordRemoved, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job, Kind
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.kinds import Run
from taskkit.records import Record, RecordType
from taskkit.states import PENDING, State, Step
from taskkit.storage import Query
from taskkit.tasks import Fallback, Task, of_record, of_type
from taskkit.vaults import Records
from tests.engine.houses import Crash, House, Watched, hosts, kept, steps, writes

UNIX = of_type("unix")
NIGHTLY = Task("nightly", "work", Daily(at="02:30"))


def waiting(house: House, **query: Any) -> list[Job]:
    return sorted(house.storage.jobs(Query(states=PENDING, **query), limit=100_000).jobs, key=lambda job: (job.record or "", job.due))


def at(text: str) -> Instant:
    moment = pendulum.parse(text)
    assert isinstance(moment, pendulum.DateTime)
    return int(moment.timestamp()) * SECOND


def after(then: Callable[[], object], answer: Outcome = DONE) -> Callable[[Run], Outcome]:
    """What a script answers after it has done something else to the engine."""

    def perform(run: Run) -> Outcome:
        then()
        return answer

    return perform


def with_task(*records: Record, task: Task = NIGHTLY, **said: Any) -> tuple[House, Task]:
    house = House(*(records or hosts(2)), **said)
    return house, house.engine.put(task, list=UNIX)


# whose tasks are whose


def test_r01_a_record_has_the_tasks_of_its_type() -> None:
    house, task = with_task(*hosts(2), Record("w1", "windows"))
    assert [(job.record, job.task) for job in waiting(house)] == [("h01", task.id), ("h02", task.id)]
    house.clock.advance(hours=3)
    house.engine.drain()
    assert sorted(house.play.performed) == [("work", "h01"), ("work", "h02")]


def test_r01_making_a_record_unique_copies_the_tasks_with_new_ids_and_the_same_line() -> None:
    house, task = with_task()
    (copy,) = house.engine.make_unique("h01")
    assert (copy.id == task.id, copy.line, copy.list) == (False, task.line, of_record("h01"))
    assert evolve(copy, id=task.id, list=task.list) == task
    assert house.engine.tasks(UNIX) == [task]


def test_r01_making_unique_moves_what_waits_to_the_copies_in_the_same_unit() -> None:
    house, task = with_task(task=Task("nightly", "work", [Daily(at="02:30"), AfterUnlock(600), OnDemand()]))
    house.engine.emit(Unlocked("h01"))
    house.engine.suspend_task(task.id, "h01")
    before = {job.id: job for job in waiting(house, record="h01")}
    handle = Watched(house.storage)
    seen: list[list[str]] = []

    def look() -> None:
        seen.append([job.task for job in waiting(house, record="h01")])

    handle.before(writes("chore"), look)
    handle.before(lambda units: bool(seen) and not writes("list")(units), look)
    (copy,) = house.enter(storage=handle).make_unique("h01")
    assert seen == [[task.id] * 2, [copy.id] * 2]  # before the unit all, after it none waits for the type's task
    after = {job.id: job for job in waiting(house, record="h01")}
    assert {id: (job.kind, job.due, job.fire) for id, job in before.items()} == {
        id: (job.kind, job.due, job.fire) for id, job in after.items()
    }
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 0  # the standing came along: it is suspended still
    house.engine.resume_task(copy.id, "h01")
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_r01_an_edit_of_the_type_reaches_no_unique_record_and_the_other_way_round() -> None:
    house, task = with_task()
    (copy,) = house.engine.make_unique("h01")
    house.engine.edit(evolve(house.engine.task(task.id), policies=[Daily(at="05:00")]))
    house.engine.edit(evolve(copy, policies=[Daily(at="07:00")]))
    assert [(job.record, job.due) for job in waiting(house)] == [("h01", at("2026-03-02T07:00")), ("h02", at("2026-03-02T05:00"))]
    house.engine.put(Task("second", "other", Daily(at="01:00")), list=UNIX) if house.engine.define(house.Scripted("other")) else None
    assert {job.record for job in waiting(house)} == {"h01", "h02"}
    assert [job.record for job in waiting(house) if house.engine.task(job.task).name == "second"] == ["h02"]


def test_r01_sharing_again_drops_the_copies_and_cancels_their_jobs() -> None:
    house, task = with_task()
    (copy,) = house.engine.make_unique("h01")
    house.engine.edit(evolve(copy, policies=[Daily(at="07:00")]))
    house.engine.share_again("h01")
    assert house.engine.tasks(of_record("h01")) == []
    with pytest.raises(NotFound):
        house.engine.task(copy.id)
    assert [(entry.state, entry.why) for entry in house.entries(record="h01")][:1] == [(State.CANCELED, "list_changed")]
    assert [(job.record, job.task, job.due) for job in waiting(house, record="h01")] == [("h01", task.id, at("2026-03-02T02:30"))]


def test_r01_a_record_can_be_unique_again_and_keeps_nothing_of_before() -> None:
    house, _ = with_task(*hosts(2), Record("a", "admin"), Record("b", "admin"))
    house.engine.set_shadow(UNIX, "a")
    house.engine.make_unique("h01")
    house.engine.share_again("h01")
    house.engine.set_shadow(UNIX, "b")
    house.engine.make_unique("h01")
    house.clock.advance(hours=3)
    shadows: list[str | None] = []

    def look(run: Run) -> Outcome:
        shadows.append(run.shadow.id if run.shadow else None)
        return DONE

    house.play.says("h01", look)
    house.engine.drain()
    assert shadows == ["b"]


def test_r01_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    house, _ = with_task()
    house.engine.make_unique("h01")
    before = kept(house.storage)
    with pytest.raises(Duplicate, match="making the tasks of 'h01' unique: they are; edit them"):
        house.engine.make_unique("h01")
    with pytest.raises(NotFound, match="it has no tasks of its own"):
        house.engine.share_again("h02")
    with pytest.raises(NotFound, match="there is no record 'h99'"):
        house.engine.make_unique("h99")
    assert kept(house.storage) == before


def test_r01_a_name_is_one_tasks_in_a_list_and_so_is_a_script() -> None:
    house, _ = with_task()
    house.engine.define(house.Scripted("other"))
    before = kept(house.storage)
    with pytest.raises(Duplicate, match="has a task of this name; choose another name"):
        house.engine.put(Task("nightly", "other"), list=UNIX)
    with pytest.raises(Duplicate, match="'nightly' carries out the script 'work' in this list"):
        house.engine.put(Task("weekly", "work"), list=UNIX)
    assert kept(house.storage) == before
    house.engine.put(Task("nightly", "work"))  # another list
    house.engine.put(Task("weekly", "work"))  # the system's tasks may share a script


def test_r01_names_with_slashes_are_names_like_others() -> None:
    house, _ = with_task(Record("h01", "unix"), Record("x", "unix/lab"))
    house.engine.define(house.Scripted("lab/day"))
    house.engine.put(Task("/work", "lab/day"), list=UNIX)
    house.engine.put(Task("day", "work"), list=of_type("unix/lab"))
    assert sorted(task.name for task in house.engine.tasks()) == ["/work", "day", "nightly"]


def test_r01_a_name_is_free_again_after_removal_renaming_and_sharing() -> None:
    house, task = with_task()
    house.engine.remove(task.id)
    task = house.engine.put(NIGHTLY, list=UNIX)
    task = house.engine.edit(evolve(task, name="late"))
    house.engine.edit(evolve(task, name="nightly"))
    house.engine.make_unique("h01")
    house.engine.share_again("h01")
    house.engine.make_unique("h01")
    assert [task.name for task in house.engine.tasks()] == ["nightly", "nightly"]


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
    assert (planned.count(1), planned.count(2)) == (599, 500)
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


class Moody(Records):
    """The vault's records; sometimes the vault does not answer."""

    def __init__(self, records: Records) -> None:
        self.records, self.away = records, False

    def _there(self) -> Records:
        if self.away:
            raise ConnectionError("no route")
        return self.records

    def get(self, id: str) -> Record | None:
        return self._there().get(id)

    def all(self) -> Any:
        return self._there().all()


def moody(house: House) -> Moody:
    records = Moody(house.vault.records)
    object.__setattr__(house.vault, "records", records)
    return records


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


def test_r01_without_the_vault_nothing_is_made_unique_and_the_error_says_so() -> None:
    house, _ = with_task()
    records = moody(house)
    records.away = True
    before = kept(house.storage)
    with pytest.raises(VaultAway, match="ConnectionError"):
        house.engine.make_unique("h01")
    assert kept(house.storage) == before


# unique, at the worst moment


def test_r01_a_claimed_job_goes_to_the_copy_and_its_worker_starts_nothing() -> None:
    house, _task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)
    handle = Watched(house.storage)
    handle.before(steps(Step.START), lambda: house.engine.make_unique("h01"))
    house.enter(storage=handle).work()
    assert house.play.performed == []
    (copy,) = house.engine.tasks(of_record("h01"))
    assert [(job.task, job.state) for job in waiting(house)] == [(copy.id, State.SCHEDULED)]
    house.engine.drain()
    assert house.play.count("h01") == 1
    assert {entry.task for entry in house.entries()} == {copy.id}
    assert [job.due for job in waiting(house)] == [at("2026-03-03T02:30")]


def test_r01_a_running_job_ends_normally_and_what_follows_is_the_copys() -> None:
    house, task = with_task(Record("h01", "unix"))
    house.clock.advance(hours=3)
    house.play.says("h01", after(lambda: house.engine.make_unique("h01")))
    house.engine.drain()
    (copy,) = house.engine.tasks(of_record("h01"))
    assert [(entry.task, entry.state) for entry in house.entries()] == [(task.id, State.COMPLETED), (copy.id, State.SCHEDULED)]


def test_r01_a_run_that_fails_after_its_record_was_made_unique_is_not_tried_again_by_the_types_task() -> None:
    house, task = with_task(Record("h01", "unix"), task=evolve(NIGHTLY, fallback=Fallback(10, 3)))
    house.clock.advance(hours=3)
    house.play.says("h01", after(lambda: house.engine.make_unique("h01"), NotDone(ErrorClass.UNREACHABLE, "down")))
    house.engine.drain()
    assert [job.task for job in waiting(house)] == [copy.id for copy in house.engine.tasks(of_record("h01"))]
    assert task.id not in {job.task for job in waiting(house)}


def test_r01_a_retry_that_waits_is_the_copys() -> None:
    house, _ = with_task(Record("h01", "unix"), task=evolve(NIGHTLY, fallback=Fallback(10, 3)))
    house.clock.advance(hours=3)
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "down"))
    house.engine.drain()
    (copy,) = house.engine.make_unique("h01")
    assert {(job.kind, job.task) for job in waiting(house)} == {(Kind.OCCURRENCE, copy.id), (Kind.FALLBACK, copy.id)}
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert [(entry.kind, entry.state) for entry in house.entries() if entry.task == copy.id] == [
        (Kind.OCCURRENCE, State.SCHEDULED), (Kind.FALLBACK, State.COMPLETED),
    ]  # fmt: skip


def test_t11_an_age_that_is_counted_anew_is_the_copys() -> None:
    house, _ = with_task(Record("h01", "unix"), task=Task("t", "work", MaxAge(10, at="02:30")))
    house.clock.advance(days=10, hours=3)
    house.play.says("h01", after(lambda: house.engine.make_unique("h01")))
    house.engine.drain()
    (copy,) = house.engine.tasks(of_record("h01"))
    assert [(job.task, job.due) for job in waiting(house)] == [(copy.id, at("2026-03-22T02:30"))]


def test_r01_a_type_that_is_edited_at_the_same_time_is_copied_as_it_is_then() -> None:
    house, task = with_task(*hosts(2))
    handle = Watched(house.storage)
    handle.before(writes("list"), lambda: house.engine.edit(evolve(task, policies=[Daily(at="06:00")])))
    (copy,) = house.enter(storage=handle).make_unique("h01")
    assert copy.policies == house.engine.task(task.id).policies
    assert [job.due for job in waiting(house)] == [at("2026-03-02T06:00")] * 2


def test_r01_a_task_put_on_the_type_at_the_same_time_leaves_nothing_behind() -> None:
    house, _ = with_task(*hosts(2))
    house.engine.define(house.Scripted("other"))
    handle = Watched(house.storage)
    handle.before(writes("list"), lambda: house.engine.put(Task("other", "other", Daily(at="01:00")), list=UNIX))
    engine = house.enter(storage=handle)
    engine.make_unique("h01")
    own = {task.id for task in engine.tasks(of_record("h01"))}
    assert {job.task for job in waiting(house, record="h01")} == own
    assert [job.due for job in waiting(house, record="h02")] == [at("2026-03-02T01:00"), at("2026-03-02T02:30")]


def test_r01_of_two_who_make_a_record_unique_at_once_one_did() -> None:
    house, _ = with_task()
    handle = Watched(house.storage)
    handle.before(writes("list"), lambda: house.engine.make_unique("h01"))
    with pytest.raises(Duplicate, match="they are"):
        house.enter(storage=handle).make_unique("h01")
    assert len(house.engine.tasks(of_record("h01"))) == 1
    assert len(waiting(house, record="h01")) == 1


def test_r01_a_type_that_is_planned_at_the_same_time_plans_nothing_for_the_unique_record() -> None:
    """The record is made unique while the type's new task is being planned, and its own task is claimed."""
    house = House(*hosts(3))
    handle = Watched(house.storage)
    handle.before(lambda units: len(units) > 1, lambda: house.engine.make_unique("h02"))
    task = house.enter(storage=handle).put(NIGHTLY, list=UNIX)
    (copy,) = house.engine.tasks(of_record("h02"))
    assert [(job.record, job.task) for job in waiting(house)] == [("h01", task.id), ("h02", copy.id), ("h03", task.id)]


def test_r01_sharing_again_when_the_process_dies_is_finished_by_the_next() -> None:
    house, task = with_task()
    house.engine.make_unique("h01")
    handle = Watched(house.storage)

    def die() -> None:
        raise Crash

    handle.before(lambda units: not writes("list")(units), die)
    with pytest.raises(Crash):
        house.enter(storage=handle).share_again("h01")
    assert waiting(house, record="h01") == []
    house.engine.tick()
    assert [job.task for job in waiting(house, record="h01")] == [task.id]


def test_r01_sharing_again_lets_a_running_job_end_normally_also_after_a_rescue() -> None:
    house, _ = with_task(Record("h01", "unix"))
    (copy,) = house.engine.make_unique("h01")
    house.clock.advance(hours=3)

    def die(run: Run) -> Outcome:
        house.engine.share_again("h01")
        raise Crash

    house.play.says("h01", die)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=2)
    house.enter().drain()
    entry = house.entries()[0]
    assert (entry.task, entry.task_name, entry.state) == (copy.id, "nightly", State.COMPLETED)


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


# many


def test_r01_a_type_with_ten_thousand_records_is_edited_made_unique_grown_and_shrunk() -> None:
    many = 10_000
    house = House(*(Record(f"r{number:05}", "unix") for number in range(many)))
    task = house.engine.put(NIGHTLY, list=UNIX)
    assert len(waiting(house)) == many
    task = house.engine.edit(evolve(task, policies=[Daily(at="03:30")]))
    assert {(job.planned_for, job.due) for job in waiting(house)} == {(2, at("2026-03-02T03:30"))}
    (copy,) = house.engine.make_unique("r00007")
    house.engine.deactivate(task.id)
    assert [(job.record, job.task) for job in waiting(house)] == [("r00007", copy.id)]
    house.vault.put(*(Record(f"s{number:02}", "unix") for number in range(10)))
    for number in range(10):
        house.vault.remove(f"r{number + 100:05}")
    house.engine.activate(task.id)
    jobs = waiting(house)
    assert len(jobs) == many
    assert [job.record for job in jobs if job.task != task.id] == ["r00007"]
    assert {job.record for job in jobs} == {record.id for record in house.vault.records.all()}
    house.clock.advance(days=1)
    house.engine.drain(most=2 * many)
    assert len(house.play.performed) == len(set(house.play.performed)) == many
    assert len(waiting(house)) == many
    assert house.engine.check() == []


def test_r08_records_that_come_and_go_by_happenings_are_planned_and_dropped() -> None:
    house, task = with_task(*hosts(2), Record("w1", "windows"))
    house.vault.put(Record("h03", "unix"))
    house.engine.emit(RecordCreated("h03"))
    house.vault.remove("h01")
    house.engine.emit(RecordRemoved("h01"))
    house.vault.change("h02", type="windows")
    house.engine.emit(RecordChanged("h02", before="unix", after="windows"))
    house.vault.change("w1", type="unix")
    house.engine.emit(RecordChanged("w1", before="windows", after="unix"))
    assert [(job.record, job.task) for job in waiting(house)] == [("h03", task.id), ("w1", task.id)]
    ended = sorted((entry.record, entry.why) for entry in house.entries() if entry.ended)
    assert ended == [("h01", "record_removed"), ("h02", "list_changed")]


def test_r08_a_type_without_records_waits_for_the_first() -> None:
    house = House()
    house.engine.define(RecordType("unix"))
    house.engine.put(NIGHTLY, list=UNIX)
    assert waiting(house) == []
