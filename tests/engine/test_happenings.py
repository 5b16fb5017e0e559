"""How a happening becomes a job or joins one (P4), is taken in once (P9), and is held back where too many come at once (A8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
from attrs import evolve, frozen

from taskkit.errors import InvalidValue, NotAllowed, Outdated, Refused
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn, Demanded, Happening, RecordCreated, RecordRemoved, RecordSaved, SessionEnded, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterSave, AfterSession, AfterUnlock, OnDemand
from taskkit.instants import instant
from taskkit.jobs import Kind, Why
from taskkit.outcomes import DONE, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import State, Step
from taskkit.storage import Insert, Landed, Move, Unit
from taskkit.storage.memory import MemoryStorage
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Fallback, Guard, Task, of_type
from tests.engine.houses import START, UNIX, House, Watched, hosts, one
from tests.engine.stores import Interleaved, Noting


def done(house: House) -> int:
    return len(house.entries(states=State.COMPLETED))


def passed(house: House) -> list[str]:
    return [fact.details["why"] for fact in house.engine.facts(kinds=["HappeningPassed"])]


def telling(house: House, *happenings: Happening, then: Outcome = DONE) -> Callable[[Run], Outcome]:
    """A run during which something happens."""

    def perform(run: Run) -> Outcome:
        house.enter().emit(*happenings)
        return then

    return perform


# P4: what it joins


def test_p04_a_happening_joins_the_fired_job_that_waits() -> None:
    house = one()
    house.put(AfterCheckIn(), AfterUnlock(60))
    job = house.emit(Unlocked("r1"))
    assert house.emit(CheckedIn("r1")) == job
    assert house.engine.job(job).due == START
    house.engine.drain()
    assert len(house.engine.job(job).reasons) == 2
    assert house.play.count("r1") == 1


def test_p04_each_reason_keeps_a_due_time_of_its_own_and_the_earliest_counts() -> None:
    house = one()
    house.put(AfterUnlock(60), AfterCheckIn())
    job = house.emit(Unlocked("r1"))
    house.clock.advance(minutes=10)
    house.emit(CheckedIn("r1"))
    dues = [cause.due for cause in house.storage.causes(job)]
    assert dues == [instant(START.add(minutes=60)), instant(START.add(minutes=10))]
    kept = house.storage.job(job)
    assert kept is not None
    assert kept.due == min(dues)


def test_p04_a_happening_joins_a_job_that_waits_for_its_retry_and_takes_the_place_of_its_next_cycle() -> None:
    house = one()
    house.put(AfterCheckIn(), fallback=Fallback(60, 3))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT))
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    (retry,) = house.entries(states=State.SCHEDULED)
    house.clock.advance(minutes=10)
    assert house.emit(CheckedIn("r1")) == retry.id
    house.engine.drain()
    entry = house.engine.job(retry.id)
    assert (entry.state, entry.kind, entry.attempt) == (State.COMPLETED, Kind.FALLBACK, 2)
    assert entry.started == START.add(minutes=10)


@pytest.mark.parametrize("kind", ["fired", "occurrence", "demand"])
def test_p04_a_happening_joins_a_job_that_is_claimed_and_has_not_started(kind: str) -> None:
    house = one()
    task = house.put(Daily(at="00:30"), AfterCheckIn(), OnDemand())
    if kind == "fired":
        house.emit(CheckedIn("r1"))
    elif kind == "demand":
        house.engine.demand(task.id, "r1", by="ann")
    else:
        house.clock.advance(minutes=30)
    others, joined = house.enter(), list[str]()

    def tell(claimed: Sequence[Any]) -> None:
        if claimed:
            joined.extend(others.emit(CheckedIn("r1")))

    house.enter(storage=Interleaved(house.storage.join(), claim=tell)).work()
    assert done(house) == 1
    assert [entry.id for entry in house.entries(states=State.COMPLETED)] == joined
    assert any("checked_in" in reason for reason in house.engine.job(joined[0]).reasons)
    assert house.play.count("r1") == 1


def test_p04_a_happening_at_exactly_the_turning_instant_makes_the_follow_up_and_one_before_it_joins() -> None:
    house = one()
    house.put(AfterCheckIn())
    now = START.add(seconds=10)
    before, at = CheckedIn("r1", at=now.subtract(microseconds=1)), CheckedIn("r1", at=now)
    house.play.says("r1", telling(house, before, at))
    job = house.emit(CheckedIn("r1"))
    house.clock.advance(seconds=10)
    house.engine.work()
    assert len(house.engine.job(job).reasons) == 2
    (follow_up,) = house.entries(states=State.SCHEDULED)
    assert len(follow_up.reasons) == 1
    house.engine.drain()
    assert house.play.count("r1") == 2


def test_p04_all_that_happens_while_it_runs_makes_one_follow_up() -> None:
    house = one()
    house.put(AfterCheckIn())
    house.play.says("r1", telling(house, *(CheckedIn("r1") for _ in range(5))))
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.play.count("r1") == 2
    assert [len(entry.reasons) for entry in house.entries()] == [1, 5]


def test_p04_a_follow_up_waits_for_the_end_of_the_run_that_it_follows() -> None:
    house, running = one(), list[int]()
    house.put(AfterCheckIn())

    def perform(run: Run) -> Outcome:
        other = house.enter()
        other.emit(CheckedIn("r1"))
        other.work()
        running.append(house.play.count("r1"))
        return DONE

    house.play.says("r1", perform)
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert running == [1]
    assert house.play.count("r1") == 2


def test_p04_a_job_turns_again_when_it_chooses_its_secret() -> None:
    house = one()
    house.put(AfterCheckIn())
    inside = list[str]()

    def rotate(run: Run) -> Outcome:
        house.clock.advance(seconds=5)
        run.save({"chosen": True}, turned=True)
        inside.extend(house.engine.emit(CheckedIn("r1", at=house.clock.moment.subtract(seconds=1))))
        inside.extend(house.engine.emit(CheckedIn("r1")))
        return DONE

    house.play.says("r1", rotate)
    job = house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert inside[0] == job
    assert inside[1] != job
    assert house.play.count("r1") == 2


def test_p04_a_happening_while_a_job_that_has_begun_waits_makes_a_follow_up_beside_it() -> None:
    house = one()
    house.put(AfterCheckIn())
    house.play.says("r1", NotNow(START.add(minutes=30)))
    job = house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.engine.job(job).state is State.DEFERRED
    house.clock.advance(minutes=10)
    follow_up = house.emit(CheckedIn("r1"))
    assert follow_up != job
    assert house.emit(CheckedIn("r1")) == follow_up
    house.clock.advance(minutes=20)
    house.engine.drain()
    assert house.engine.job(job).state is house.engine.job(follow_up).state is State.COMPLETED
    assert house.play.count("r1") == 3


def test_p04_what_goes_on_after_a_wait_swallows_nothing_that_happened_meanwhile() -> None:
    """Its effect may lie before the happening: only its first start, or its choice of a secret, turns it."""
    house = one()
    house.put(AfterCheckIn())
    house.play.says("r1", NotNow(START.add(minutes=30)))
    job = house.emit(CheckedIn("r1"))
    house.engine.drain()
    house.clock.advance(minutes=30)
    late = CheckedIn("r1", at=START.add(minutes=20))
    house.play.says("r1", telling(house, late))
    house.engine.drain()
    assert len(house.engine.job(job).reasons) == 1
    assert house.play.count("r1") == 3


def test_p04_other_records_and_other_tasks_have_jobs_of_their_own() -> None:
    house = one(Record("r2", "unix"))
    house.put(AfterCheckIn())
    house.engine.define(house.Scripted("other"))
    house.engine.put(Task("other", "other", AfterCheckIn()), list=UNIX)
    jobs = house.engine.emit(CheckedIn("r1"), CheckedIn("r2"))
    assert len(set(jobs)) == 4


# P4: occurrences


def test_p04_a_happening_never_uses_up_an_occurrence_whose_time_has_not_come() -> None:
    house = one()
    house.put(Daily(at="02:00"), AfterCheckIn())
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    (waiting,) = house.entries(states=State.SCHEDULED)
    assert (waiting.kind, waiting.due) == (Kind.OCCURRENCE, START.add(hours=2))
    house.clock.advance(hours=2)
    house.engine.drain()
    assert done(house) == 2


@pytest.mark.parametrize("later", [-60, 0, 60])
def test_p04_an_occurrence_that_comes_due_takes_the_fired_job_and_its_reasons_over(later: int) -> None:
    """Whether that one is due before it and claimed in one go with it, at the same time, or not yet."""
    house = one()
    house.put(Daily(at="02:00"), AfterUnlock(180))
    fired = house.emit(Unlocked("r1", at=START.add(seconds=later - 3600)))
    house.clock.advance(hours=2)
    house.engine.drain()
    entry = house.engine.job(fired)
    assert (entry.state, entry.why) == (State.MERGED, Why.MERGED)
    assert entry.into is not None
    occurrence = house.engine.job(entry.into)
    assert (occurrence.kind, occurrence.state) == (Kind.OCCURRENCE, State.COMPLETED)
    assert occurrence.reasons == ("every day at 02:00, UTC", "180 minutes after unlock (unlocked)")
    assert house.engine.job(fired).reasons == ()
    assert house.play.count("r1") == 1
    (fact,) = house.engine.facts(kinds=["JobMerged"])
    assert (fact.job, fact.details["into"]) == (fired, occurrence.id)


def test_p04_a_fired_job_that_was_claimed_with_an_occurrence_that_may_not_start_goes_its_own_way() -> None:
    house = one()
    task = house.put(Daily(at="02:00"), AfterCheckIn(), max_lateness=10)
    house.clock.advance(hours=5)
    fired = house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.engine.job(fired).state is State.COMPLETED
    assert len(house.entries(states=State.MISSED)) == 1
    assert house.engine.task(task.id).active


def test_t15_what_joins_a_job_that_is_late_is_not_missed_with_it() -> None:
    """A run stands for all its reasons, so the last of them says how late it is."""
    house = one()
    house.put(AfterCheckIn(), max_lateness=10)
    fired = house.emit(CheckedIn("r1"))
    house.clock.advance(hours=5)
    assert house.emit(CheckedIn("r1")) == fired
    house.engine.drain()
    assert house.engine.job(fired).state is State.COMPLETED


def test_t15_a_job_of_happenings_that_are_all_late_is_missed() -> None:
    house = one()
    house.put(AfterCheckIn(), max_lateness=10)
    fired = house.emit(CheckedIn("r1"))
    house.clock.advance(hours=5)
    house.engine.drain()
    assert house.engine.job(fired).state is State.MISSED


def test_p04_the_fired_job_runs_first_and_the_occurrence_still_has_its_run() -> None:
    house = one()
    house.put(Daily(at="02:00"), AfterCheckIn())

    def long_run(run: Run) -> Outcome:
        house.clock.advance(seconds=30)
        house.enter().work()
        return DONE

    house.clock.advance(hours=1, minutes=59, seconds=45)
    house.play.says("r1", long_run)
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert [entry.kind for entry in house.entries(states=State.COMPLETED)] == [Kind.OCCURRENCE, Kind.FIRED]
    assert house.play.count("r1") == 2


def test_p04_an_occurrence_that_somebody_runs_now_leaves_the_fired_job_alone() -> None:
    house = one()
    house.put(Daily(at="02:00"), AfterUnlock(60))
    fired = house.emit(Unlocked("r1"))
    occurrence = next(entry for entry in house.entries() if entry.kind is Kind.OCCURRENCE)
    house.engine.run_now(occurrence.id, by="ann")
    house.engine.drain()
    assert house.engine.job(fired).state is State.SCHEDULED
    house.clock.advance(hours=1)
    house.engine.drain()
    assert house.play.count("r1") == 2


def test_p04_a_merge_that_is_raced_by_a_claim_runs_one_after_the_other() -> None:
    """Another process claimed the fired job between the occurrence's claim and its start."""
    house = one()
    house.put(Daily(at="02:00"), AfterUnlock(119))
    house.emit(Unlocked("r1", at=START.add(minutes=1, seconds=1)))
    other, once = house.enter(), [True]

    def race(claimed: Sequence[Any]) -> None:
        if claimed and once.pop():
            house.clock.advance(seconds=1)
            other.work()

    house.clock.advance(hours=2)
    house.enter(storage=Interleaved(house.storage.join(), claim=race)).work(1)
    house.engine.drain()
    assert house.play.count("r1") == 2
    assert done(house) == 2
    assert not house.entries(states=[State.QUEUED, State.RUNNING, State.DEFERRED])


def test_p04_at_most_one_occurrence_waits_for_a_task_and_record() -> None:
    house = one()
    task = house.put(Daily(at="02:00"), AfterCheckIn())
    house.engine.emit(RecordCreated("r1"))
    house.engine.reconcile()
    house.engine.edit(evolve(house.engine.task(task.id), description="new"))
    assert len(house.entries(states=State.SCHEDULED)) == 1


# P4: demands


def test_p04_a_demand_joins_nothing() -> None:
    house = one()
    task = house.put(AfterUnlock(60), OnDemand())
    fired = house.emit(Unlocked("r1"))
    first, second = (house.engine.demand(task.id, "r1", by="ann") for _ in range(2))
    assert len({fired, first, second}) == 3
    house.engine.drain()
    assert house.engine.job(fired).state is State.SCHEDULED
    assert house.play.count("r1") == 2


def test_p04_no_happening_joins_a_demand_that_waits() -> None:
    house = one()
    task = house.put(AfterCheckIn(), OnDemand())
    demand = house.engine.demand(task.id, "r1", by="ann")
    assert house.emit(CheckedIn("r1")) != demand


def test_p04_a_demand_that_the_vault_reports_is_one_job_however_often_it_is_told() -> None:
    house = one()
    task = house.put(OnDemand())
    demanded = Demanded("r1", task=task.id, user="ann", id="d1")
    job = house.emit(demanded)
    assert house.emit(demanded) == job
    house.engine.drain()
    assert house.emit(demanded) == job
    assert house.play.count("r1") == 1
    assert house.engine.job(job).reasons == ("on demand of ann",)


def test_p04_a_task_of_the_system_is_demanded_without_a_record() -> None:
    house = one()
    task = house.engine.put(Task("nightly", "work", OnDemand()), list=SYSTEM)
    house.emit(Demanded("", task=task.id, user="ann"))
    house.engine.drain()
    assert house.play.count(None) == 1


# P4: edits


def test_p04_an_edit_that_ends_a_retry_ends_no_happening_that_joined_it() -> None:
    house = one()
    task = house.put(AfterCheckIn(), AfterUnlock(60), fallback=Fallback(60, 3))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT))
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    house.clock.advance(minutes=10)
    retry = house.emit(Unlocked("r1"))
    house.engine.edit(evolve(house.engine.task(task.id), description="new"))
    entry = house.engine.job(retry)
    assert (entry.kind, entry.state, entry.due) == (Kind.FIRED, State.SCHEDULED, START.add(minutes=70))
    house.clock.advance(minutes=60)
    house.engine.drain()
    assert house.engine.job(retry).state is State.COMPLETED
    assert house.engine.job(retry).attempt == 1


def test_p04_an_edit_leaves_a_fired_job_where_it_is_and_deactivation_ends_it() -> None:
    house = one()
    task = house.put(AfterUnlock(60))
    job = house.emit(Unlocked("r1"))
    house.engine.edit(evolve(house.engine.task(task.id), description="new"))
    assert (house.engine.job(job).state, house.engine.job(job).due) == (State.SCHEDULED, START.add(minutes=60))
    house.engine.deactivate(task.id)
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.CANCELED, Why.INACTIVE)


# P4: several processes


def test_p04_two_processes_that_take_in_at_once_make_one_job() -> None:
    """The second looked when there was none, and found the seat taken."""
    house = one()
    house.put(AfterCheckIn())
    other, once = house.enter(), [True]

    def race(found: Sequence[Any]) -> None:
        if once:
            once.clear()
            other.emit(CheckedIn("r1"))

    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=race))
    engine.emit(CheckedIn("r1"))
    (entry,) = house.entries()
    assert len(entry.reasons) == 2


def test_p04_a_job_that_turns_just_before_the_join_is_followed_up() -> None:
    house = one()
    house.put(AfterCheckIn())
    first, once = house.emit(CheckedIn("r1")), [True]

    def race(found: Sequence[Any]) -> None:
        if once:
            once.clear()
            house.clock.advance(seconds=1)
            house.engine.work()

    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=race))
    second = house.emit(CheckedIn("r1"), engine)
    assert second != first
    assert house.engine.job(second).state is State.SCHEDULED


def test_p04_where_its_jobs_never_stand_still_the_vault_is_told_to_say_it_again() -> None:
    house = one()
    house.put(AfterCheckIn())
    house.emit(CheckedIn("r1"))

    class Blind(Interleaved):
        """Sees none of the jobs that are there."""

        def open_jobs(self, line: str, record: str | None) -> Sequence[Any]:
            return ()

        def open_at(self, places: Iterable[Any]) -> Mapping[Any, Sequence[Any]]:
            return dict.fromkeys(places, ())

    engine = house.enter(storage=Blind(house.storage.join()))
    with pytest.raises(Outdated, match="twice is once"):
        engine.emit(CheckedIn("r1"))


def test_p04_an_extension_that_is_overtaken_by_a_claim_is_a_reason_all_the_same() -> None:
    house = one()
    house.put(AfterUnlock(60, restart="extend", max_total=600))
    job = house.emit(Unlocked("r1"))
    house.clock.advance(minutes=30)

    def race(found: Sequence[Any]) -> None:
        kept = house.storage.job(job)
        if kept is not None and kept.revision == 1:
            house.storage.write([(Move(job, Step.REPLAN, 1),)])

    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=race))
    assert house.emit(Unlocked("r1"), engine) == job
    assert house.engine.job(job).due == START.add(minutes=90)


# P4: with targets


def test_p04_happenings_on_several_records_join_the_one_job_of_their_target() -> None:
    house = House(Record("root", "unix"), Record("a", "web", reference="root"), Record("b", "web", reference="root"))
    house.engine.put(Task("work it", "work"), list=UNIX)
    house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=of_type("web"))
    first = house.emit(CheckedIn("a"))
    assert house.emit(CheckedIn("b")) == first
    house.engine.drain()
    assert house.play.performed == [("work", "root")]


# P9


def test_p09_the_same_happening_twice_is_once_in_one_call_in_two_and_in_two_processes() -> None:
    house = one()
    house.put(AfterCheckIn())
    happening = CheckedIn("r1", id="h1")
    house.engine.emit(happening, happening)
    house.enter().emit(happening)
    house.engine.drain()
    house.enter().emit(happening)
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert passed(house) == ["repeated"] * 3


def test_p09_a_repeated_happening_does_not_join_the_follow_up() -> None:
    house = one()
    house.put(AfterCheckIn())
    first, second = CheckedIn("r1", id="h1"), CheckedIn("r1", id="h2")
    house.play.says("r1", telling(house, second))
    house.engine.emit(first)
    house.engine.work()
    house.engine.emit(first)
    (follow_up,) = house.entries(states=State.SCHEDULED)
    assert len(follow_up.reasons) == 1


def test_p09_a_happening_for_an_inactive_task_leaves_a_fact() -> None:
    house = one()
    house.put(AfterCheckIn(), active=False)
    assert house.engine.emit(CheckedIn("r1")) == []
    assert passed(house) == ["inactive"]
    assert house.entries() == []


@pytest.mark.parametrize("record", ["r1", None])
def test_p09_a_happening_for_a_suspended_task_leaves_a_fact(record: str | None) -> None:
    house = one(Record("r2", "unix"))
    task = house.put(AfterCheckIn())
    house.engine.suspend_task(task.id, record)
    assert house.engine.emit(CheckedIn("r1")) == []
    assert len(house.engine.emit(CheckedIn("r2"))) == (record is not None)
    house.engine.resume_task(task.id, record)
    assert len(house.engine.emit(CheckedIn("r1"))) == 1
    assert set(passed(house)) == {"suspended"}


def test_p09_a_task_that_is_suspended_where_it_is_triggered_fires_nowhere() -> None:
    house = House(Record("root", "unix"), Record("a", "web", reference="root"))
    house.engine.put(Task("work it", "work"), list=UNIX)
    task = house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=of_type("web"))
    house.engine.suspend_task(task.id, "a")
    assert house.engine.emit(CheckedIn("a")) == []
    assert passed(house) == ["suspended"]


def test_p09_a_happening_on_a_path_that_holds_its_task_leaves_a_fact() -> None:
    house = one()
    task = house.put(AfterSave())
    assert house.engine.emit(RecordSaved("r1", origin=[task.line])) == []
    assert passed(house) == ["own_origin"]


def test_p09_a_happening_that_joins_leaves_a_fact_with_the_job() -> None:
    house = one()
    house.put(AfterCheckIn())
    job = house.emit(CheckedIn("r1"))
    house.emit(CheckedIn("r1", id="h2"))
    (fact,) = house.engine.facts(kinds=["HappeningJoined"])
    told = {"happening": "h2", "kind": "checked_in", "policy": "after check-in", "wanted": instant(START)}
    assert (fact.job, fact.record, fact.details) == (job, "r1", told)


def test_p09_a_happening_on_a_record_that_the_vault_does_not_have_leaves_a_fact() -> None:
    house = one()
    house.put(AfterCheckIn())
    assert house.engine.emit(CheckedIn("stranger")) == []
    assert passed(house) == ["no_record"]


def test_p09_what_no_task_wants_leaves_nothing() -> None:
    house = one()
    house.put(AfterCheckIn())
    before = len(house.kinds())
    assert house.engine.emit(SessionEnded("r1"), Unlocked("r1")) == []
    assert len(house.kinds()) == before


def test_p09_what_is_told_in_one_call_is_written_together_and_answered_in_its_order() -> None:
    house = House(*hosts(4))
    house.put(AfterCheckIn())
    store = Noting(house.storage)
    engine = house.enter(storage=store)
    first = house.emit(CheckedIn("h03"))
    found = engine.emit(*(CheckedIn(f"h{number:02}") for number in (1, 3, 2, 1)))
    assert [engine.job(id).record for id in found] == ["h01", "h03", "h02", "h01"]
    assert found[1] == first
    assert found[0] == found[3]
    assert [len(one.units) for one in store.written] == [3, 1]
    told = [(fact.kind, fact.record) for fact in engine.facts(kinds=["JobMade", "HappeningJoined"])]
    assert told[1:] == [("JobMade", "h01"), ("HappeningJoined", "h03"), ("JobMade", "h02"), ("HappeningJoined", "h01")]


def test_p09_one_that_somebody_else_was_quicker_with_keeps_none_of_those_beside_it_out() -> None:
    house = House(*hosts(3))
    house.put(AfterCheckIn())
    store = Watched(house.storage)
    engine = house.enter(storage=store)
    told = [CheckedIn(record.id, id=f"of {record.id}") for record in house.vault.records.all()]
    store.before(lambda units: True, lambda: house.emit(told[1]))
    found = engine.emit(*told)
    assert [engine.job(id).record for id in found] == ["h01", "h02", "h03"]
    assert passed(house) == ["repeated"]
    assert len(house.entries()) == 3


def test_p09_what_moves_the_jobs_of_a_record_finds_what_was_told_before_it_in_the_same_call() -> None:
    house = one(Record("r2", "unix"))
    house.put(AfterCheckIn())
    known = house.vault.records.get

    def get(id: str) -> Record | None:
        """The second is removed right after it was read."""
        found = known(id)
        if id == "r2" and found:
            house.vault.remove("r2")
        return found

    house.vault.records.get = get  # type: ignore[method-assign]
    kept, gone = house.engine.emit(CheckedIn("r1"), CheckedIn("r2"), RecordRemoved("r2"))
    assert house.engine.job(gone).state is State.CANCELED
    assert house.engine.job(kept).state is State.SCHEDULED


class Choosy(MemoryStorage):
    """A store that cannot keep what is about h02."""

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        if any(isinstance(change, Insert) and change.job.record == "h02" for unit in units for change in unit):
            raise TypeError
        return super().write(units, durable=durable)


def test_p09_what_cannot_be_written_keeps_out_nothing_that_is_told_with_it() -> None:
    house = House(*hosts(3))
    house.put(AfterCheckIn())
    with pytest.raises(TypeError):
        house.enter(storage=Choosy(house.storage._tables)).emit(*(CheckedIn(record.id) for record in hosts(3)))
    assert [entry.record for entry in house.entries()] == ["h01", "h03"]


@pytest.mark.parametrize("until", ["suspended", "not active"])
def test_p09_a_demand_that_is_told_again_has_the_same_answer_whatever_became_of_its_task(until: str) -> None:
    house = one()
    task = house.put(OnDemand())
    told = Demanded("r1", task=task.id, id="d1")
    made = house.engine.emit(told)
    house.engine.suspend_task(task.id, "r1") if until == "suspended" else house.engine.deactivate(task.id)
    assert house.engine.emit(told) == made
    with pytest.raises(Refused, match=until):
        house.engine.emit(Demanded("r1", task=task.id, id="d2"))


def test_p09_a_removal_that_is_told_again_takes_nothing_from_a_record_that_is_there_anew() -> None:
    house = one()
    house.put(AfterCheckIn(), Daily(at="02:00"))
    told = [RecordRemoved("r1", id="1"), RecordCreated("r1", id="2"), CheckedIn("r1", id="3")]
    house.vault.outbox.kept += told
    doomed = house.enter()
    doomed._staff.upkeep._outbox._move = lambda *_: False  # type: ignore[method-assign]  # it dies before the mark has moved
    doomed.tick()
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert [entry.kind for entry in house.entries(states=State.SCHEDULED)] == [Kind.OCCURRENCE]


@frozen
class Unreadable(AfterCheckIn):
    """A policy of somebody else's that cannot say what it is."""

    kind = "unreadable"

    def __str__(self) -> str:
        raise RuntimeError


def test_p09_a_policy_without_words_keeps_out_nothing_that_is_told_with_it() -> None:
    house = House(*hosts(2), Record("odd", "odd"), policies=[Unreadable])
    house.put(AfterCheckIn())
    house.put(Unreadable(), list=of_type("odd"))
    house.engine.emit(CheckedIn("h01"), CheckedIn("odd"), CheckedIn("h02"))
    assert sorted(str(entry.record) for entry in house.entries()) == ["h01", "h02", "odd"]


def test_p09_the_outbox_is_fetched_in_order_once_and_by_whoever_ticks_first() -> None:
    house = one()
    house.put(AfterCheckIn(), AfterSession(last=True))
    house.vault.outbox.kept += [CheckedIn("r1", id="h1"), SessionEnded("r1", id="h2")]
    first, second = house.enter(), house.enter()
    first.tick()
    second.tick()
    (entry,) = house.entries()
    assert len(entry.reasons) == 2
    house.vault.outbox.kept.append(CheckedIn("r1", id="h3"))
    second.tick()
    assert len(house.engine.job(entry.id).reasons) == 3
    assert passed(house) == []


def test_p09_a_crash_before_the_mark_moved_takes_nothing_in_twice() -> None:
    house = one()
    house.put(AfterCheckIn())
    house.vault.outbox.kept += [CheckedIn("r1", id="h1"), CheckedIn("r1", id="h2")]
    calls = [0]

    def die(answer: Any) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise SystemExit

    doomed = house.enter(storage=Interleaved(house.storage.join(), write=die))
    with pytest.raises(SystemExit):
        doomed.tick()
    house.enter().tick()
    (entry,) = house.entries()
    assert len(entry.reasons) == 2
    house.engine.drain()
    assert house.play.count("r1") == 1


def test_p09_one_happening_that_nobody_can_take_in_does_not_hold_up_the_others() -> None:
    house = one()
    task = house.put(AfterCheckIn(), OnDemand())
    house.vault.deny("eve", "task_execute")
    house.vault.outbox.kept += [Demanded("r1", task=task.id, user="eve"), Demanded("r1", task="none"), CheckedIn("r1")]
    house.engine.drain()
    assert house.play.count("r1") == 1
    failed = house.engine.facts(kinds=["HappeningFailed"])
    assert [fact.details["error"] for fact in failed] == ["NotAllowed", "NotFound"]
    house.engine.drain()
    assert len(house.engine.facts(kinds=["HappeningFailed"])) == 2


def test_p09_without_the_vault_the_outbox_waits() -> None:
    house = one()
    house.put(AfterCheckIn())
    house.vault.outbox.kept.append(CheckedIn("r1"))
    answers = house.vault.records.get

    def away(id: str) -> Record | None:
        raise OSError("no route")

    house.vault.records.get = away  # type: ignore[method-assign]
    house.engine.tick()
    assert house.entries() == []
    house.vault.records.get = answers  # type: ignore[method-assign]
    house.engine.drain()
    assert done(house) == 1


def test_p09_who_emits_hears_of_what_is_refused() -> None:
    house = one()
    task = house.put(AfterCheckIn(), OnDemand())
    house.vault.deny("eve", "task_execute")
    with pytest.raises(NotAllowed):
        house.engine.emit(Demanded("r1", task=task.id, user="eve"))
    house.engine.suspend_task(task.id, "r1")
    with pytest.raises(Refused, match="suspended"):
        house.engine.emit(Demanded("r1", task=task.id, user="ann"))


def test_p09_a_record_that_is_removed_takes_its_waiting_jobs_along() -> None:
    house = one()
    house.put(AfterUnlock(60), Daily(at="02:00"))
    house.emit(Unlocked("r1"))
    house.vault.remove("r1")
    house.engine.emit(RecordRemoved("r1"))
    assert {(entry.state, entry.why) for entry in house.entries()} == {(State.CANCELED, Why.RECORD_REMOVED)}


# A8


def burst(count: int) -> tuple[House, Task]:
    house = House(*(Record(f"r{number}", "unix") for number in range(count)))
    return house, house.put(AfterCheckIn(), guard=Guard(burst=3))


def test_a08_a_burst_starts_as_many_runs_as_its_guard_says_and_asks_for_the_rest() -> None:
    house, _ = burst(5)
    house.engine.emit(*(CheckedIn(f"r{number}") for number in range(5)))
    house.engine.drain()
    assert done(house) == 3
    held = house.entries(states=State.AWAITING_CONSENT)
    assert [(entry.why, entry.asks) for entry in held] == [(Why.GUARD, "more runs within a minute than 3")] * 2
    asked = house.engine.facts(kinds=["ConsentAsked"])
    assert [fact.job for fact in asked] == [entry.id for entry in held]


def test_a08_a_burst_told_in_one_call_is_counted_as_one_told_in_many() -> None:
    house = House(*hosts(20))
    house.put(AfterCheckIn(), guard=Guard(burst=12))
    found = house.engine.emit(*(CheckedIn(record.id) for record in house.vault.records.all()))
    assert [house.engine.job(id).state for id in found] == [State.SCHEDULED] * 12 + [State.AWAITING_CONSENT] * 8


def test_a08_what_a_guard_held_back_runs_when_somebody_consents() -> None:
    house, _ = burst(4)
    house.engine.emit(*(CheckedIn(f"r{number}") for number in range(4)))
    house.engine.drain()
    (held,) = house.entries(states=State.AWAITING_CONSENT)
    house.clock.advance(hours=1)
    house.engine.consent(held.id, by="ann")
    house.engine.drain()
    assert house.engine.job(held.id).state is State.COMPLETED


def test_a08_what_nobody_consents_to_expires() -> None:
    house, _ = burst(4)
    house.engine.emit(*(CheckedIn(f"r{number}") for number in range(4)))
    house.clock.advance(hours=24)
    house.engine.drain()
    assert len(house.entries(states=State.EXPIRED)) == 1


def test_a08_what_comes_at_its_own_pace_is_no_burst() -> None:
    house, _ = burst(6)
    for number in range(6):
        house.engine.emit(CheckedIn(f"r{number}"))
        house.clock.advance(seconds=30)
    house.engine.drain()
    assert done(house) == 6


def test_a08_a_happening_joins_the_job_that_was_held_back() -> None:
    house, _ = burst(4)
    jobs = house.engine.emit(*(CheckedIn(f"r{number}") for number in range(4)))
    assert house.emit(CheckedIn("r3")) == jobs[3]
    assert house.engine.job(jobs[3]).state is State.AWAITING_CONSENT


@pytest.mark.parametrize("odd", ["nul \0", "half \ud800", "two\nlines", " "])
def test_p06_an_approval_or_a_session_is_told_by_what_every_store_can_keep(odd: str) -> None:
    """Of these a fire is made."""
    for make in (lambda: CheckedIn("h01", approval=odd), lambda: SessionEnded("h01", session=odd)):
        with pytest.raises(InvalidValue, match="it is no name"):
            make()
