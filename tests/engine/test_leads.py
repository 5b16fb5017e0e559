"""P4, R2: a job that happenings on several records have joined is there for each of them, whichever task or record goes meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn, RecordRemoved, RecordSaved, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.instants import MINUTE
from taskkit.outcomes import ErrorClass, NotDone, NotNow
from taskkit.records import Record
from taskkit.states import State, Step
from taskkit.storage import Query
from taskkit.targets import Target
from taskkit.tasks import Fallback, Task, of_record, of_type
from tests.engine.houses import House, Watched, does, steps

WEB, DB, UNIX = of_type("web"), of_type("db"), of_type("unix")


class Joined(House):
    """A check-in of a web record leads the job of the machine that it uses; one of a database, and by choice of the machine, joined."""

    def __init__(self, *, own: bool = False) -> None:
        root, web, other = Record("root", "unix"), Record("web", "web", reference="root"), Record("web2", "web", reference="root")
        super().__init__(root, web, other, Record("db", "db", reference="root"))
        self.runs = self.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
        self.of_web = self.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
        self.of_db = self.engine.put(Task("work it", "work", AfterUnlock(minutes=60), target=Target.REFERENCED), list=DB)
        self.job = self.emit(CheckedIn("web"))
        assert self.emit(CheckedIn("root") if own else Unlocked("db", user="eve")) == self.job

    def ends(self) -> None:
        """All that they wait for is there."""
        self.clock.advance(minutes=61)
        self.engine.drain()

    def leads(self) -> tuple[str, tuple[str, str | None] | None]:
        entry = self.engine.job(self.job)
        return entry.state.value, entry.triggered_by


def deactivated(house: Joined) -> None:
    house.engine.edit(evolve(house.of_web, active=False))


def removed(house: Joined) -> None:
    house.engine.remove(house.of_web.id)


def gone(house: Joined) -> None:
    house.vault.remove("web")
    house.engine.emit(RecordRemoved("web"))


def gone_unnoticed(house: Joined) -> None:
    house.vault.remove("web")


def without_its_task(house: Joined) -> None:
    house.engine.make_unique("web")
    (copy,) = house.engine.tasks(of_record("web"))
    house.engine.remove(copy.id)


LOSSES = [deactivated, removed, gone, gone_unnoticed, without_its_task]


@pytest.mark.parametrize("loses", LOSSES)
@pytest.mark.parametrize("own", [False, True])
def test_p04_a_job_goes_on_for_those_who_joined_when_what_led_it_is_gone(loses: Callable[[Joined], None], own: bool) -> None:
    house = Joined(own=own)
    loses(house)
    house.ends()
    assert house.play.performed == [("work", "root")]
    assert house.leads() == ("completed", None if own else (house.of_db.id, "db"))


@pytest.mark.parametrize("loses", LOSSES)
def test_p04_with_the_last_reason_ends_the_job(loses: Callable[[Joined], None]) -> None:
    house = Joined()
    house.engine.edit(evolve(house.of_db, active=False))
    loses(house)
    house.ends()
    assert house.play.performed == []
    assert house.leads()[0] == "canceled"


def test_p04_a_job_waits_for_the_time_of_those_who_are_left() -> None:
    house = Joined()
    deactivated(house)
    house.engine.drain()
    assert house.leads() == ("scheduled", (house.of_db.id, "db"))
    house.ends()
    assert house.play.performed == [("work", "root")]


def test_p04_of_two_records_of_one_task_the_other_leads() -> None:
    house = Joined()
    assert house.emit(CheckedIn("web2")) == house.job
    house.engine.edit(evolve(house.of_db, active=False))
    gone(house)
    house.ends()
    assert house.leads() == ("completed", (house.of_web.id, "web2"))


def points_elsewhere(house: Joined) -> None:
    house.vault.put(Record("root2", "unix"))
    house.vault.change("web", reference="root2")
    house.engine.emit(RecordSaved("web"))


def points_elsewhere_unnoticed(house: Joined) -> None:
    house.vault.put(Record("root2", "unix"))
    house.vault.change("web", reference="root2")


def runs_by_itself(house: Joined) -> None:
    house.engine.edit(evolve(house.of_web, target=Target.ITSELF))


@pytest.mark.parametrize("leaves", [points_elsewhere, points_elsewhere_unnoticed, runs_by_itself])
@pytest.mark.parametrize("own", [False, True])
def test_p04_a_job_stays_for_those_who_joined_when_what_led_it_leads_elsewhere(leaves: Callable[[Joined], None], own: bool) -> None:
    house = Joined(own=own)
    leaves(house)
    house.ends()
    assert house.play.performed == [("work", "root")]
    assert house.leads() == ("completed", None if own else (house.of_db.id, "db"))


@pytest.mark.parametrize("leaves", [points_elsewhere, points_elsewhere_unnoticed])
def test_r02_a_job_of_one_reason_goes_where_that_leads(leaves: Callable[[Joined], None]) -> None:
    house = Joined()
    house.engine.edit(evolve(house.of_db, active=False))
    leaves(house)
    house.ends()
    assert house.play.performed == [("work", "root2")]


def test_p04_where_no_reason_leads_there_any_more_it_goes_with_the_first() -> None:
    house = Joined()
    house.vault.put(Record("root3", "unix"))
    house.vault.change("db", reference="root3")
    points_elsewhere(house)
    house.ends()
    assert house.play.performed == [("work", "root2")]


def test_p04_an_edit_that_leads_nowhere_else_changes_nobodys_lead() -> None:
    house = Joined()
    due = house.engine.job(house.job).due
    house.engine.edit(evolve(house.of_web, max_lateness=600))
    assert (*house.leads(), house.engine.job(house.job).due) == ("scheduled", (house.of_web.id, "web"), due)


def test_p05_what_leads_it_now_is_on_the_path_of_what_it_writes() -> None:
    house = Joined()
    deactivated(house)
    job = house.storage.job(house.job)
    assert job is not None
    assert job.origin == (house.of_web.line, house.runs.line, house.of_db.line)


def test_p04_best_one_that_leads_to_where_the_job_is() -> None:
    """Without the task that runs, each reason leads to its own record; with it, all lead there."""
    house = Joined()
    assert house.emit(CheckedIn("web2")) == house.job
    house.vault.put(Record("db", "db"))  # it leads nowhere else any more
    without_its_task(house)
    house.ends()
    assert house.leads() == ("completed", (house.of_web.id, "web2"))
    assert house.play.performed == [("work", "root")]


def test_r02_without_the_task_that_runs_a_reason_of_another_record_is_for_that_record() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    runs = house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    job = house.emit(CheckedIn("root"))
    assert house.emit(CheckedIn("web")) == job
    house.engine.edit(evolve(runs, active=False))
    house.engine.drain()
    assert house.play.performed == [("work", "web")]
    assert house.engine.job(job).target_fallback


def test_j07_who_joined_a_retry_outlives_what_it_tries_again() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    runs = house.engine.put(Task("work it", "work", AfterCheckIn(), fallback=Fallback(10, 3)), list=UNIX)
    house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    house.play.says("root", NotDone(ErrorClass.UNREACHABLE))
    house.emit(CheckedIn("root"))
    house.engine.drain()
    retry = house.emit(CheckedIn("web"))
    house.engine.edit(evolve(runs, active=False))
    house.engine.drain()
    assert house.play.performed == [("work", "root"), ("work", "web")]
    assert (house.engine.job(retry).kind, house.engine.job(retry).state) == ("fired", State.COMPLETED)


def test_r01_what_others_want_of_a_record_stays_when_it_goes_back_to_the_tasks_of_its_type() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    house.engine.make_unique("root")
    job = house.emit(CheckedIn("root"))
    assert house.emit(CheckedIn("web")) == job
    house.engine.share_again("root")
    house.engine.drain()
    assert house.play.performed == [("work", "root")]
    assert house.engine.job(job).state is State.COMPLETED


def test_j02_who_joins_while_the_last_reason_falls_is_served() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    task = house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    storage = Watched(house.storage)
    house.engine = house.enter(storage=storage)
    job, other = house.emit(CheckedIn("web")), house.enter()
    storage.before(steps(Step.CANCEL), lambda: other.emit(CheckedIn("root")))
    house.engine.edit(evolve(house.engine.task(task.id), active=False))
    house.engine.drain()
    assert house.play.performed == [("work", "root")]
    assert house.engine.job(job).triggered_by is None


def test_j01_two_happenings_that_one_suspended_task_wants_wait_both() -> None:
    """A third, which another task wants, lets the job run: nobody but that one counts as joined."""
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    task = house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    job = house.emit(CheckedIn("web"))
    assert house.emit(CheckedIn("web")) == job
    house.engine.suspend_task(task.id, "web")
    house.engine.drain()
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.DEFERRED, "suspended")
    assert house.emit(CheckedIn("root")) == job
    house.clock.advance(days=2)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


def claimed_by_the_dead(house: House) -> None:
    """A process claims what is due, and is never heard of again."""
    now = house.clock.now()
    house.storage.claim(now, worker="dead/1", node="dead", pools=["local"], limit=9, lease=now + MINUTE)


def without_interval(house: House, task: Task) -> None:
    house.engine.edit(evolve(house.engine.task(task.id), policies=(AfterCheckIn(),)))


def without_activity(house: House, task: Task) -> None:
    house.engine.edit(evolve(house.engine.task(task.id), active=False))


@pytest.mark.parametrize("loses", [without_interval, without_activity])
def test_p04_who_joined_an_occurrence_while_it_was_claimed_outlives_it(loses: Callable[[House, Task], None]) -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    task = house.engine.put(Task("work it", "work", (AfterCheckIn(), Daily(at="02:00")), target=Target.REFERENCED), list=WEB)
    house.clock.advance(hours=2)
    claimed_by_the_dead(house)
    job = house.emit(CheckedIn("root"))
    loses(house, task)
    house.clock.advance(minutes=2)
    house.engine.drain()
    assert house.play.performed == [("work", "root")]
    assert (house.engine.job(job).kind, house.engine.job(job).state, house.engine.job(job).nominal) == ("fired", State.COMPLETED, None)


def test_p04_who_joined_a_demand_while_it_was_claimed_outlives_it() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    task = house.engine.put(Task("work it", "work", OnDemand(), target=Target.REFERENCED), list=WEB)
    job = house.engine.demand(task.id, "web", by="ann")
    claimed_by_the_dead(house)
    assert house.emit(CheckedIn("root")) == job
    without_activity(house, task)
    house.clock.advance(minutes=2)
    house.engine.drain()
    assert house.play.performed == [("work", "root")]
    assert (house.engine.job(job).kind, house.engine.job(job).state) == ("fired", State.COMPLETED)


def test_j02_who_joins_an_occurrence_while_its_task_falls_is_served() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    task = house.engine.put(Task("work it", "work", Daily(at="02:00"), target=Target.REFERENCED), list=WEB)
    storage = Watched(house.storage)
    house.engine = house.enter(storage=storage)
    other = house.enter()
    house.clock.advance(hours=2)
    claimed_by_the_dead(house)
    house.engine.edit(evolve(house.engine.task(task.id), active=False))
    storage.before(steps(Step.CANCEL), lambda: other.emit(CheckedIn("root")))
    house.clock.advance(minutes=2)
    house.engine.drain()
    assert house.play.performed == [("work", "root")]


def begun(house: Joined) -> None:
    """It has begun, and waits."""
    house.play.says("root", NotNow(house.clock.moment.add(hours=1)))
    house.engine.drain()
    assert house.engine.job(house.job).state is State.DEFERRED


def its_record_is_gone(house: Joined) -> None:
    house.vault.remove("root")


def its_task_is_gone(house: Joined) -> None:
    house.engine.remove(house.runs.id)


def its_record_is_another_type(house: Joined) -> None:
    house.vault.put(Record("root", "other"))


LOST = [(its_record_is_gone, "record_removed"), (its_task_is_gone, "removed"), (its_record_is_another_type, "list_changed")]


@pytest.mark.parametrize(("loses", "why"), LOST)
def test_r02_what_has_begun_ends_where_its_task_or_record_is_no_more(loses: Callable[[Joined], None], why: str) -> None:
    house = Joined()
    begun(house)
    loses(house)
    house.clock.advance(hours=2)
    assert house.engine.drain(20) < 20
    assert (house.engine.job(house.job).state, house.engine.job(house.job).why) == (State.CANCELED, why)
    assert house.play.performed == [("work", "root")]


def test_r01_what_has_begun_goes_on_for_the_copy_of_its_task_when_that_goes() -> None:
    """It ran while its record was made unique, so it was not handed to the copy then."""
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    runs = house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    house.engine.put(Task("work it", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    until = house.clock.moment.add(hours=1)
    house.play.says("root", does(lambda run: house.enter().make_unique("root"), NotNow(until)))
    job = house.emit(CheckedIn("web"))
    house.engine.drain()
    house.engine.remove(runs.id)
    house.clock.advance(hours=2)
    house.engine.drain()
    assert house.play.performed == [("work", "root")] * 2
    assert house.engine.job(job).state is State.COMPLETED


def test_p04_what_has_begun_does_not_follow_another_reason_to_another_record() -> None:
    """What it has noted is about the machine on which it began."""
    house = Joined()
    begun(house)
    house.vault.put(Record("root3", "unix"))
    house.vault.change("db", reference="root3")
    removed(house)
    house.ends()
    assert house.play.performed == [("work", "root")]
    assert house.leads()[0] == "canceled"


def test_j05_a_happening_told_again_while_its_job_waits_to_be_led_elsewhere_is_done_once() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterUnlock(minutes=60), target=Target.REFERENCED), list=WEB)
    unlocked = Unlocked("web")
    by_itself = house.emit(unlocked)
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    there = house.emit(unlocked)
    house.clock.advance(minutes=61)
    house.engine.drain()
    assert house.play.performed == [("work", "root")]
    assert (house.engine.job(by_itself).state, house.engine.job(by_itself).into) == (State.MERGED, there)
    assert "StaleWriteRefused" not in house.kinds()


def test_j05_a_happening_whose_other_job_was_purged_is_done_once_all_the_same() -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterUnlock(minutes=60), target=Target.REFERENCED), list=WEB)
    unlocked = Unlocked("web")
    by_itself = house.emit(unlocked)
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    house.engine.run_now(house.emit(unlocked), by="ann")
    house.engine.drain()
    house.storage.purge([Query(states=State.COMPLETED)])
    house.clock.advance(minutes=61)
    house.engine.drain()
    assert house.play.performed == [("work", "root")]
    assert (house.engine.job(by_itself).state, house.engine.job(by_itself).into) == (State.MERGED, None)


@pytest.mark.parametrize("waits", [True, False])
def test_j05_what_else_such_a_job_is_there_for_goes_on_where_it_leads(waits: bool) -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.engine.put(Task("work it", "work", AfterUnlock(minutes=60), target=Target.REFERENCED), list=WEB)
    unlocked, other = Unlocked("web"), Unlocked("web")
    by_itself = house.emit(unlocked)
    assert house.emit(other) == by_itself
    house.engine.put(Task("work it", "work", AfterCheckIn()), list=UNIX)
    there = house.emit(unlocked)
    if not waits:
        house.engine.run_now(there, by="ann")
        house.engine.work()
    else:
        house.engine.suspend_task(house.engine.tasks(UNIX)[0].id, why="later")
    house.clock.advance(minutes=61)
    house.engine.drain()
    if waits:
        house.engine.resume_task(house.engine.tasks(UNIX)[0].id)
        house.engine.drain()
    reasons = [cause.happening for entry in house.entries(states=State.COMPLETED) for cause in house.storage.causes(entry.id)]
    assert sorted(reasons) == sorted([unlocked.id, other.id])
    assert set(house.play.performed) == {("work", "root")}
    *_, told = (fact for fact in house.engine.facts(limit=1000) if fact.details.get("happening") == other.id)
    [job] = (
        entry.id for entry in house.entries(states=State.COMPLETED) for one in house.storage.causes(entry.id) if one.happening == other.id
    )
    assert (told.kind, told.job) == ("HappeningJoined" if waits else "JobMade", job)


def test_p04_a_joined_happening_tells_who_wants_it() -> None:
    house = Joined()
    (fact,) = house.engine.facts(kinds=["HappeningJoined"])
    assert fact.details["via"] == [house.of_db.id, "db"]
    assert house.engine.job(house.job).reasons == ("after check-in (checked_in on web)", "60 minutes after unlock (unlocked on db)")
    told = [str(because) for because in house.engine.explain(house.runs.id, "root").because]
    assert any("unlocked on db Mon 2026-03-02" in text for text in told), told
