"""Lists of tasks: types' and records' own, made unique and shared again, also at the worst moment (R1)."""

from __future__ import annotations

import pytest
from attrs import evolve

from taskkit.errors import Duplicate, NotFound, VaultAway
from taskkit.events import Daily, MaxAge
from taskkit.events.happenings import RecordChanged, RecordCreated, RecordRemoved, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.instants import MINUTE
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import State, Step
from taskkit.targets import Target
from taskkit.tasks import Fallback, Task, of_record, of_type
from tests.engine.houses import UNIX, Crash, House, Watched, hosts, kept, steps, writes
from tests.engine.nights import NIGHTLY, after, at, moody, waiting, with_task

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


@pytest.mark.parametrize("unique", ["root", "web"])
def test_r01_what_another_record_of_the_list_wants_there_is_moved_where_it_runs_or_where_it_came_from(unique: str) -> None:
    house = House(Record("root", "unix"), Record("web", "unix", reference="root"))
    task = house.put(AfterUnlock(60), target=Target.REFERENCED)
    id = house.emit(Unlocked("web"))
    [copy] = house.engine.make_unique(unique)
    job = house.storage.job(id)
    assert job is not None
    assert job.via is not None
    assert (job.record, job.via[1]) == ("root", "web")
    assert (job.task, job.via[0]) == ((copy.id, task.id) if unique == "root" else (task.id, copy.id))
    assert house.engine.reconcile() == 0
    house.clock.advance(hours=1)
    house.engine.drain()
    assert house.play.performed == [("work", "root")]


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


def test_r01_what_a_worker_claimed_and_never_began_ends_with_the_copies_too() -> None:
    """Else it would stand for the type's occurrence, and go with the worker's lease (J5)."""
    house, task = with_task()
    house.engine.make_unique("h01")
    (own,) = waiting(house, record="h01")
    house.engine.run_now(own.id)
    now = house.clock.now()
    (lost,) = house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + MINUTE)
    assert lost.job.id == own.id
    house.engine.share_again("h01")
    assert [(job.task, job.due) for job in waiting(house, record="h01")] == [(task.id, at("2026-03-02T02:30"))]
    assert [(entry.state, entry.why) for entry in house.entries(record="h01") if entry.id == own.id] == [(State.CANCELED, "list_changed")]
    house.clock.advance(hours=1)
    house.engine.drain()
    assert house.play.count("h01") == 0


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
    house, task = with_task(*hosts(2), task=Task("t", "work", AfterCheckIn()))
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
    """The record is made unique while the type's new task is being planned, and its own one is not active."""
    house = House(*hosts(3))
    handle = Watched(house.storage)

    def alone() -> None:
        (copy,) = house.engine.make_unique("h02")
        house.engine.deactivate(copy.id)

    handle.before(lambda units: len(units) > 1, alone)
    task = house.enter(storage=handle).put(NIGHTLY, list=UNIX)
    assert [(job.record, job.task) for job in waiting(house)] == [("h01", task.id), ("h03", task.id)]
    (copy,) = house.engine.tasks(of_record("h02"))
    house.engine.activate(copy.id)
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
