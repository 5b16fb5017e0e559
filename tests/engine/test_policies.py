"""What each policy makes of what happens (P1, P2, P3, P5, P6, P7, P8), driven through a whole engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest
from attrs import field, frozen

from taskkit.errors import MissingPlugin
from taskkit.events.clocks import Daily, Monthly, Once, Weekly
from taskkit.events.elapsed import Hourly, Minutely
from taskkit.events.happenings import (
    ApprovalExpired,
    Approved,
    CheckedIn,
    Happening,
    RecordCreated,
    RecordSaved,
    SessionEnded,
    Unlocked,
)
from taskkit.events.policies import (
    AfterApproval,
    AfterCheckIn,
    AfterExpire,
    AfterSave,
    AfterSession,
    AfterUnlock,
    Due,
    OnDemand,
    Policy,
)
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.jobs import Kind, Why
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import State
from taskkit.tasks import Fallback, Task
from tests.engine.houses import START, UNIX, House, one

ROOT = Record("root", "unix")
#: Two that refer to it, one of them by way of another.
FAMILY = (ROOT, Record("a", "unix", reference="root"), Record("b", "unix", reference="a"))


def states(house: House, **filters: Any) -> list[State]:
    return [entry.state for entry in house.entries(**filters)]


# P1


@pytest.mark.parametrize(
    ("policy", "happening"),
    [
        (AfterApproval(), Approved("r1")),
        (AfterSave(), RecordCreated("r1")),
        (AfterSave(), RecordSaved("r1")),
        (AfterExpire(), ApprovalExpired("r1")),
        (AfterCheckIn(), CheckedIn("r1")),
        (AfterSession(), SessionEnded("r1")),
        (AfterSession(last=True), SessionEnded("r1")),
    ],
)
def test_p01_what_a_policy_wants_is_done_at_once_and_names_its_reason(policy: Policy, happening: Happening) -> None:
    house = one()
    house.put(policy)
    job = house.emit(happening)
    assert house.engine.drain() == 1
    entry = house.engine.job(job)
    assert (entry.state, entry.kind) == (State.COMPLETED, Kind.FIRED)
    assert entry.reasons == (f"{policy} ({happening.kind})",)


def test_p01_all_policy_events_and_intervals_of_the_manuals_live_under_one_roof() -> None:
    house = one()
    task = house.put(
        AfterApproval(), AfterSave(), AfterExpire(), AfterCheckIn(), AfterSession(last=True), AfterUnlock(60), OnDemand(),
        Monthly(days=20), Weekly(on="sun"), Daily(every=3), RandomDays(15, 30), Minutely(40), Hourly(12),
        Weekly(every=2, on=["mon", "wed"]), Monthly(days=[1, -1], months=["june", "december"]), Once("2026-05-01 12:00"),
        Daily(every=5, end="2026-04-01"), MaxAge(90),
    )  # fmt: skip
    assert house.engine.task(task.id).policies == task.policies
    told = [Approved("r1"), RecordSaved("r1"), ApprovalExpired("r1", approval="a"), CheckedIn("r1", approval="b"), SessionEnded("r1")]
    for happening in told:
        house.emit(happening)
        house.engine.drain()
    house.emit(Unlocked("r1"))
    house.engine.demand(task.id, "r1", by="ann")
    for _ in range(4 * 36):  # four days
        house.clock.advance(minutes=40)
        house.engine.drain()
    reasons = {reason for entry in house.entries(states=State.COMPLETED) for reason in entry.reasons}
    assert {f"{policy} ({happening.kind})" for policy, happening in zip(task.policies, told, strict=False)} <= reasons
    assert {"60 minutes after unlock (unlocked)", "on demand of ann"} <= reasons
    assert any(reason.startswith("every 40 minutes") for reason in reasons)
    assert any(reason.startswith("every 3 days") for reason in reasons)
    assert all(state in (State.COMPLETED, State.SCHEDULED, State.MERGED) for state in states(house))


def test_p01_several_policies_that_want_one_happening_are_one_fire_with_all_their_names() -> None:
    house = one()
    house.put(AfterSession(last=True), AfterSession())
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    house.engine.drain()
    entry = house.engine.job(job)
    assert entry.state is State.COMPLETED  # the one that waits for nothing counts
    assert entry.reasons == ("after the last session; after a session (session_ended)",)


# P2


@pytest.mark.parametrize(("ends", "goes_on"), [("a", "b"), ("b", "a"), ("root", "a"), ("a", "root"), ("root", "b"), ("b", "root")])
def test_p02_it_waits_for_sessions_on_every_record_of_the_root_in_both_directions(ends: str, goes_on: str) -> None:
    house = House(*FAMILY, Record("stranger", "unix"))
    house.put(AfterSession(last=True))
    house.vault.begin(goes_on, "s1")
    house.vault.begin("stranger", "s2")
    job = house.emit(SessionEnded(ends))
    house.engine.drain()
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.DEFERRED, Why.SESSION)
    assert house.play.count(ends) == 0
    house.vault.end(goes_on, "s1")
    house.engine.emit(SessionEnded(goes_on))
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    assert house.play.count(ends) == 1


def test_p02_the_end_of_another_session_wakes_it_only_when_all_have_ended() -> None:
    house = House(*FAMILY)
    house.put(AfterSession(last=True))
    for number, record in enumerate(("a", "b", "root")):
        house.vault.begin(record, f"s{number}")
    for number, record in enumerate(("a", "b")):
        house.vault.end(record, f"s{number}")
        house.engine.emit(SessionEnded(record))
        house.engine.drain()
        assert set(states(house)) == {State.DEFERRED}
    house.vault.end("root", "s2")
    house.engine.emit(SessionEnded("root"))
    house.engine.drain()
    assert set(states(house)) == {State.COMPLETED}


def test_p02_without_last_nobody_is_waited_for() -> None:
    house = House(*FAMILY)
    house.put(AfterSession())
    house.vault.begin("a", "s1")
    house.emit(SessionEnded("b"))
    house.engine.drain()
    assert states(house) == [State.COMPLETED]


def test_p02_a_session_that_nobody_told_the_end_of_is_found_to_have_ended() -> None:
    house = one()
    house.put(AfterSession(last=True))
    house.vault.begin("r1", "s1")
    house.emit(SessionEnded("r1"))
    house.engine.drain()
    house.vault.end("r1", "s1")
    assert house.engine.drain() == 0
    house.clock.advance(minutes=5)
    house.engine.drain()
    assert states(house) == [State.COMPLETED]


def test_p02_the_vault_is_asked_again_before_the_start() -> None:
    """Quiet when the session ended, and another one began while the job waited in the queue."""
    house = one()
    house.put(AfterSession(last=True))
    job = house.emit(SessionEnded("r1"))
    house.vault.begin("r1", "s2")
    house.engine.drain()
    assert house.engine.job(job).why == Why.SESSION
    assert house.play.performed == []


def test_p02_the_same_wait_again_is_a_count_and_no_new_fact() -> None:
    house = one()
    house.put(AfterSession(last=True))
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    for _ in range(4):
        house.engine.drain()
        house.clock.advance(minutes=5)
    assert house.kinds().count("JobDeferred") == 1
    kept = house.storage.job(job)
    assert kept is not None
    assert kept.waits == 3


def test_p02_after_max_defer_it_runs_and_says_so() -> None:
    house = one()
    house.put(AfterSession(last=True, max_defer=12))
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    for minutes in (0, 5, 5):
        house.clock.advance(minutes=minutes)
        house.engine.drain()
        assert house.engine.job(job).state is State.DEFERRED
    house.clock.advance(minutes=2)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    assert "longer than it may wait" in house.engine.job(job).text
    (started,) = house.engine.facts(kinds=["JobStarted"])
    assert started.details["despite"] == "session"


def test_p02_after_max_defer_it_is_given_up_and_says_so() -> None:
    house = one()
    house.put(AfterSession(last=True, max_defer=12, then="give_up"))
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    house.engine.drain()
    house.clock.advance(minutes=12)
    house.engine.drain()
    entry = house.engine.job(job)
    assert (entry.state, entry.why) == (State.CANCELED, Why.GAVE_UP)
    assert "longer than it may wait" in entry.text
    (fact,) = house.engine.facts(kinds=["JobCanceled"])
    assert fact.details["why"] == Why.GAVE_UP
    assert house.play.performed == []


def test_p02_a_reason_that_may_wait_longer_is_not_given_up_with_the_first() -> None:
    house = one()
    house.put(AfterSession(last=True, max_defer=10, then="give_up"))
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    house.engine.drain()
    house.clock.advance(minutes=9)
    assert house.emit(SessionEnded("r1")) == job
    house.engine.drain()
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert house.engine.job(job).state is State.DEFERRED
    house.clock.advance(minutes=9)
    house.engine.drain()
    assert house.engine.job(job).why == Why.GAVE_UP


def test_p02_what_waits_for_quiet_and_gives_up_takes_no_other_reason_with_it() -> None:
    house = one()
    house.put(AfterSession(last=True, max_defer=10, then="give_up"), AfterUnlock(60))
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    assert house.emit(Unlocked("r1")) == job
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert house.engine.job(job).state is State.DEFERRED
    house.clock.advance(minutes=50)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_p02_a_reason_that_waits_for_nothing_ends_the_wait_at_its_own_time() -> None:
    house = one()
    house.put(AfterSession(last=True), AfterUnlock(7))
    house.vault.begin("r1", "s1")
    job = house.emit(SessionEnded("r1"))
    house.emit(Unlocked("r1"))
    house.engine.drain()
    house.clock.advance(minutes=6, seconds=59)
    house.engine.drain()
    assert house.engine.job(job).state is State.DEFERRED
    house.clock.advance(seconds=1)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_p02_a_retry_waits_for_quiet_as_its_first_attempt_did() -> None:
    house = one()
    house.put(AfterSession(last=True), fallback=Fallback(10, 3))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT))
    house.emit(SessionEnded("r1"))
    house.engine.drain()
    house.vault.begin("r1", "s2")
    house.clock.advance(minutes=10)
    house.engine.drain()
    retry = house.entries()[-1]
    assert (retry.kind, retry.state, retry.why) == (Kind.FALLBACK, State.DEFERRED, Why.SESSION)
    house.vault.end("r1", "s2")
    house.emit(SessionEnded("r1"))
    house.engine.drain()
    assert house.engine.job(retry.id).state is State.COMPLETED
    assert house.play.count("r1") == 2


def test_p02_a_vault_that_does_not_answer_lets_it_wait() -> None:
    house = one()
    house.put(AfterSession(last=True))

    def away(account: str) -> Any:
        raise OSError("no route")

    job = house.emit(SessionEnded("r1"))
    answers = house.vault.sessions.active
    house.vault.sessions.active = away  # type: ignore[method-assign]
    house.engine.drain()
    assert house.engine.job(job).why == Why.VAULT_AWAY
    house.vault.sessions.active = answers  # type: ignore[method-assign]
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_p02_references_that_lead_nowhere_do_not_keep_a_session_from_being_taken_in() -> None:
    house = House(Record("r1", "unix", reference="gone"))
    house.put(AfterSession())
    assert len(house.engine.emit(SessionEnded("r1"))) == 1


# P3


def due_of(house: House, job: str) -> pendulum.DateTime:
    return house.engine.job(job).due


def test_p03_the_first_unlock_fixes_the_time_and_the_next_adds_a_reason() -> None:
    house = one()
    house.put(AfterUnlock(60))
    job = house.emit(Unlocked("r1", user="ann"))
    for _ in range(5):
        house.clock.advance(minutes=10)
        assert house.emit(Unlocked("r1", user="bob")) == job
    assert due_of(house, job) == START.add(minutes=60)
    house.clock.advance(minutes=10)
    assert house.engine.drain() == 1
    entry = house.engine.job(job)
    assert entry.state is State.COMPLETED
    assert len(entry.reasons) == 6


def test_p03_it_is_not_due_a_second_early() -> None:
    house = one()
    house.put(AfterUnlock(60))
    house.emit(Unlocked("r1"))
    house.clock.advance(minutes=59, seconds=59)
    assert house.engine.drain() == 0
    house.clock.advance(seconds=1)
    assert house.engine.drain() == 1


def test_p03_the_vault_says_when_the_unlock_was() -> None:
    house = one()
    house.put(AfterUnlock(60))
    job = house.emit(Unlocked("r1", at=START.subtract(minutes=20)))
    assert due_of(house, job) == START.add(minutes=40)


def test_p03_extend_moves_the_time_with_each_unlock_up_to_the_total() -> None:
    house = one()
    house.put(AfterUnlock(60, restart="extend", max_total=90))
    job = house.emit(Unlocked("r1"))
    house.clock.advance(minutes=20)
    house.emit(Unlocked("r1"))
    assert due_of(house, job) == START.add(minutes=80)
    house.clock.advance(minutes=20)
    house.emit(Unlocked("r1"))
    assert due_of(house, job) == START.add(minutes=90)
    house.clock.advance(minutes=49, seconds=59)
    assert house.engine.drain() == 0
    house.clock.advance(seconds=1)
    assert house.engine.drain() == 1


def test_p03_an_unlock_that_is_told_late_moves_nothing_back() -> None:
    house = one()
    house.put(AfterUnlock(60, restart="extend", max_total=90))
    job = house.emit(Unlocked("r1"))
    house.clock.advance(minutes=1)
    house.emit(Unlocked("r1", at=START.subtract(minutes=10)))
    assert due_of(house, job) == START.add(minutes=60)


def test_p03_extend_puts_off_no_other_reason() -> None:
    house = one()
    house.put(AfterUnlock(60, restart="extend", max_total=300), AfterCheckIn())
    house.engine.pause("engine")
    job = house.emit(Unlocked("r1"))
    house.clock.advance(minutes=10)
    house.emit(CheckedIn("r1"))
    house.clock.advance(minutes=10)
    house.emit(Unlocked("r1"))
    assert due_of(house, job) == START.add(minutes=10)


def test_p03_extend_puts_off_no_retry() -> None:
    house = one()
    house.put(AfterUnlock(60, restart="extend", max_total=300), AfterCheckIn(), fallback=Fallback(10, 3))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT))
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    retry = house.emit(Unlocked("r1"))
    assert house.engine.job(retry).kind is Kind.FALLBACK
    house.emit(Unlocked("r1"))
    assert due_of(house, retry) == START.add(minutes=10)


def test_p03_after_the_run_a_new_unlock_starts_a_new_clock() -> None:
    house = one()
    house.put(AfterUnlock(60, restart="extend", max_total=60))
    first = house.emit(Unlocked("r1"))
    house.clock.advance(minutes=60)
    house.engine.drain()
    house.clock.advance(minutes=5)
    second = house.emit(Unlocked("r1"))
    assert second != first
    assert due_of(house, second) == START.add(minutes=125)


def test_p03_what_a_run_reads_is_no_unlock() -> None:
    house = one(secrets={"r1": {"password": "old"}})
    house.put(AfterUnlock(60), AfterCheckIn())
    reads: list[str | None] = house.vault.secrets.read_by

    def read(run: Run) -> Outcome:
        run.vault.secrets.values("r1", run)
        house.engine.emit(Unlocked("r1", origin=run.origin))  # a vault that reports every read says whose it was
        return DONE

    house.play.says("r1", read)
    house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert len(reads) == 1
    assert states(house) == [State.COMPLETED]


# P5


def saving(house: House, record: str) -> Callable[[Run], Outcome]:
    """A script that writes to the vault, which reports it with the path that led there."""

    def save(run: Run) -> Outcome:
        house.engine.emit(RecordSaved(record, origin=run.origin))
        return DONE

    return save


def chain(*names: str) -> tuple[House, list[str]]:
    """Tasks of one list that each save the record, and fire when somebody saves it; who ran, in their order."""
    house, ran = one(), list[str]()

    def perform(run: Run) -> Outcome:
        ran.append(run.task.name)
        return saving(house, "r1")(run)

    house.play.always["r1"] = perform
    for name in names:
        house.engine.define(house.Scripted(name))
        house.engine.put(Task(name, name, AfterSave()), list=UNIX)
    return house, ran


def test_p05_two_tasks_do_not_set_each_other_off_for_ever_and_others_still_react() -> None:
    house, ran = chain("one", "two", "three")
    house.engine.emit(RecordSaved("r1"))
    house.engine.drain(500)
    assert sorted(ran[:3]) == ["one", "three", "two"]
    assert 3 < len(ran) < 20
    assert house.engine.drain() == 0
    passed = [fact.details["why"] for fact in house.engine.facts(kinds=["HappeningPassed"])]
    assert "own_origin" in passed


def test_p05_a_write_carries_the_whole_path() -> None:
    house = one()
    seen: list[tuple[str, ...]] = []
    lines = {}
    for name, policy in {"first": AfterCheckIn(), "second": AfterSave()}.items():
        house.engine.define(house.Scripted(name))
        lines[name] = house.engine.put(Task(name, name, policy), list=UNIX).line

    def write(run: Run) -> Outcome:
        seen.append(run.origin)
        return saving(house, "r1")(run)

    house.play.always["r1"] = write
    house.emit(CheckedIn("r1", origin=["elsewhere"]))
    house.engine.drain()
    assert seen == [("elsewhere", lines["first"]), ("elsewhere", lines["first"], lines["second"])]


def test_p05_a_write_of_an_occurrence_carries_its_own_line() -> None:
    house = one()
    task = house.put(Daily(at="02:00"), AfterSave())
    house.play.always["r1"] = saving(house, "r1")
    house.clock.advance(hours=2)
    house.engine.drain()
    assert house.play.count("r1") == 1
    (fact,) = house.engine.facts(kinds=["HappeningPassed"])
    assert (fact.line, fact.details["why"]) == (task.line, "own_origin")


def test_p05_a_reason_that_joined_brings_its_path_along() -> None:
    house = one()
    task = house.put(AfterCheckIn())
    paths: list[tuple[str, ...]] = []

    def perform(run: Run) -> Outcome:
        paths.append(run.origin)
        return DONE

    house.play.always["r1"] = perform
    house.emit(CheckedIn("r1"))
    house.emit(CheckedIn("r1", origin=["other"]))
    house.engine.drain()
    assert [sorted(path) for path in paths] == [sorted(["other", task.line])]


def test_p05_a_retry_keeps_the_path_of_what_failed() -> None:
    house = one()
    task = house.put(AfterCheckIn(), fallback=Fallback(10, 1))
    paths: list[tuple[str, ...]] = []

    def perform(run: Run) -> Outcome:
        paths.append(run.origin)
        return NotDone(ErrorClass.TIMEOUT)

    house.play.always["r1"] = perform
    house.emit(CheckedIn("r1", origin=["other"]))
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert paths == [("other", task.line)] * 2


# P6


@pytest.mark.parametrize("first", [CheckedIn, ApprovalExpired])
def test_p06_check_in_and_expiry_of_one_approval_are_one_job(first: type[CheckedIn]) -> None:
    house = one()
    house.put(AfterCheckIn(), AfterExpire())
    ends = [CheckedIn("r1", approval="a1"), ApprovalExpired("r1", approval="a1")]
    ends.sort(key=lambda happening: not isinstance(happening, first))
    job = house.emit(ends[0])
    assert house.emit(ends[1]) == job
    house.engine.drain()
    assert states(house) == [State.COMPLETED]
    assert house.kinds().count("HappeningPassed") == 1


def test_p06_also_after_the_job_has_finished_and_after_a_restart() -> None:
    house = one()
    house.put(AfterCheckIn(), AfterExpire())
    job = house.emit(CheckedIn("r1", approval="a1"))
    house.engine.drain()
    house.clock.advance(days=30)
    assert house.enter().emit(ApprovalExpired("r1", approval="a1")) == [job]
    house.engine.drain()
    assert house.play.count("r1") == 1
    house.emit(ApprovalExpired("r1", approval="a2"))
    house.engine.drain()
    assert house.play.count("r1") == 2


def test_p06_approvals_of_different_records_are_different_fires() -> None:
    house = House(Record("r1", "unix"), Record("r2", "unix"))
    house.put(AfterCheckIn())
    house.engine.emit(CheckedIn("r1", approval="a1"), CheckedIn("r2", approval="a1"))
    house.engine.drain()
    assert states(house) == [State.COMPLETED] * 2


# P7


def test_p07_access_is_pending_until_the_job_has_ended_and_then_granted_or_failed() -> None:
    house = House(Record("r1", "unix"), Record("r2", "unix"))
    house.put(AfterApproval())
    house.play.says("r2", NotDone(ErrorClass.PERMISSION))
    jobs = house.engine.emit(Approved("r1", approval="a1"), Approved("r2", approval="a2"))
    assert [house.engine.pending_access(job) for job in jobs] == ["pending", "pending"]
    house.engine.drain()
    assert [house.engine.pending_access(job) for job in jobs] == ["granted", "failed"]


def test_p07_access_stays_pending_while_a_retry_waits_and_follows_its_end() -> None:
    house = one()
    house.put(AfterApproval(), fallback=Fallback(10, 2))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT), NotDone(ErrorClass.TIMEOUT))
    job = house.emit(Approved("r1"))
    house.engine.drain()
    assert house.engine.pending_access(job) == "pending"
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert house.engine.pending_access(job) == "pending"
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert house.engine.pending_access(job) == "granted"


def test_p07_access_follows_a_job_that_another_one_did() -> None:
    house = one()
    house.put(AfterApproval(), Daily(at="02:00"))
    house.engine.pause("engine")
    house.clock.advance(hours=1)
    job = house.emit(Approved("r1"))
    house.clock.advance(hours=1)
    house.engine.resume("engine")
    house.engine.drain()
    assert house.engine.job(job).state is State.MERGED
    assert house.engine.pending_access(job) == "granted"


def test_p07_who_tells_the_approval_again_gets_the_same_job() -> None:
    house = one()
    house.put(AfterApproval())
    approved = Approved("r1", id="h1")
    job = house.emit(approved)
    assert house.engine.emit(approved) == [job]
    house.engine.drain()
    assert house.enter().emit(approved) == [job]
    assert house.engine.pending_access(job) == "granted"


# P8


@frozen
class Exported(Happening):
    """A happening of somebody else's vault."""

    kind = "exported"
    pages: int = field(default=1, kw_only=True)


@frozen
class AfterExport(Policy):
    """A policy of somebody else's plug-in."""

    kind = "after_export"
    pages: int = 10
    until: str | None = None

    def wants(self, happening: Happening) -> Due | None:
        return Due(60) if isinstance(happening, Exported) and happening.pages >= self.pages else None

    def has_ended(self, moment: Any) -> bool:
        return self.until is not None and moment.to_date_string() > self.until


def test_p08_a_policy_and_a_happening_of_somebody_else_work_as_our_own_and_are_read_back() -> None:
    house = one(policies=[AfterExport])
    task = house.put(AfterExport(5))
    assert house.enter().task(task.id).policies == (AfterExport(5),)
    assert house.engine.emit(Exported("r1", pages=4)) == []
    job = house.emit(Exported("r1", pages=5))
    assert house.engine.drain() == 0
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    assert house.engine.job(job).reasons == (f"{AfterExport(5)} (exported)",)


def test_p08_without_its_plug_in_a_task_is_named_at_the_start() -> None:
    house = one(policies=[AfterExport])
    house.put(AfterExport(5))
    other = House(Record("r1", "unix"))
    with pytest.raises(MissingPlugin, match="after_export"):
        other.enter(storage=house.storage.join())


def test_p08_a_policy_that_has_ended_gets_nothing_and_its_task_is_ended() -> None:
    house = one(policies=[AfterExport])
    task = house.put(AfterExport(1, until="2026-03-10"))
    assert [row.status for row in house.engine.overview().entries] == ["active"]
    house.clock.advance(days=20)
    assert house.engine.emit(Exported("r1")) == []
    (fact,) = house.engine.facts(kinds=["HappeningPassed"])
    assert fact.details["why"] == "ended"
    assert [row.id for row in house.engine.overview(ended=True).entries] == [task.id]
    assert house.engine.overview().entries == ()


@frozen
class Faulty(Policy):
    kind = "faulty"
    answer: str = "raise"

    def wants(self, happening: Happening) -> Due | None:
        if self.answer == "raise":
            raise KeyError("secret detail")
        return self.answer  # type: ignore[return-value]


@pytest.mark.parametrize(("answer", "error"), [("raise", "KeyError"), ("now", "a str is no Due")])
def test_p08_a_faulty_policy_takes_only_itself_down_and_leaves_a_fact(answer: str, error: str) -> None:
    house = one(policies=[Faulty])
    house.put(Faulty(answer), AfterCheckIn())
    job = house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    (fact,) = house.engine.facts(kinds=["PolicyFailed"])
    assert fact.details == {"policy": "faulty", "error": error, "happening": fact.details["happening"], "kind": "checked_in"}


@frozen
class Faltering(Policy):
    """Knows when, and not all of the rest."""

    kind = "faltering"
    mute: bool = False
    lost: bool = False

    def wants(self, happening: Happening) -> Due | None:
        return Due()

    def has_ended(self, moment: Any) -> bool:
        if self.lost:
            raise KeyError("secret detail")
        return False

    def __str__(self) -> str:
        if self.mute:
            raise KeyError("secret detail")
        return "faltering"


def test_p08_a_policy_that_does_not_know_whether_it_has_ended_takes_only_itself_down() -> None:
    house = one(policies=[Faltering])
    task = house.put(Faltering(lost=True), AfterCheckIn())
    job = house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.engine.job(job).reasons == ("after check-in (checked_in)",)
    assert [fact.details["error"] for fact in house.engine.facts(kinds=["PolicyFailed"])] == ["KeyError"]
    assert [row.status for row in house.engine.overview().entries if row.id == task.id] == ["active"]


def test_p08_a_policy_that_cannot_say_what_it_is_goes_by_its_kind() -> None:
    house = one(policies=[Faltering])
    task = house.put(Faltering(mute=True))
    job = house.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    assert house.engine.job(job).reasons == ("faltering (checked_in)",)
    assert "it runs faltering" in str(house.engine.explain(task.id, "r1"))


def test_p08_what_a_policy_says_makes_two_happenings_one_fire() -> None:
    @frozen
    class OncePerRecord(Policy):
        kind = "once_per_record"

        def wants(self, happening: Happening) -> Due | None:
            return Due(fire="the one") if isinstance(happening, CheckedIn) else None

    house = one(policies=[OncePerRecord])
    house.put(OncePerRecord())
    house.engine.emit(CheckedIn("r1"))
    house.engine.drain()
    house.engine.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.play.count("r1") == 1
