"""Words for what is expected of an engine: each is met, and each is broken, with the message that its reader gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pendulum
import pytest

from taskkit.engine import Engine, Settings
from taskkit.errors import InvalidValue, NaiveMoment, NotFound
from taskkit.events import Daily, Once, TimeWindow
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.policies import AfterCheckIn, AfterSession, OnDemand
from taskkit.instants import shown
from taskkit.jobs import Job, Kind, Why
from taskkit.outcomes import ErrorClass
from taskkit.records import Record, RecordType
from taskkit.scripts import Commands, Step
from taskkit.selections import OfType
from taskkit.states import State
from taskkit.storage import Insert
from taskkit.tasks import ConsentRule, Fallback, Task, of_type
from taskkit.testing import Expectations, FakeExecutor, House, MemoryVault, VirtualClock, expect

START = pendulum.datetime(2026, 3, 2, tz="UTC")
NIGHT = TimeWindow("* 2-4 * * *")


@pytest.fixture
def taskkit_vault() -> MemoryVault:
    return MemoryVault([Record(f"db-{number}", "unix", fields={"host": f"10.0.0.{number}", "user": "app"}) for number in (1, 2)])


@pytest.fixture
def house(taskkit_house: House) -> House:
    """The task `nightly` at 02:30 on two records."""
    taskkit_house.engine.define(RecordType("unix", executor="fake"))
    put(taskkit_house, Daily(at="02:30"), AfterCheckIn(), OnDemand())
    return taskkit_house


def put(house: House, *policies: object, name: str = "nightly", **choices: object) -> Task:
    house.engine.define(Commands(f"{name}-script", Step("rotate {user}"), effect="idempotent"))
    return house.engine.put(Task(name, f"{name}-script", policies, **choices), list=of_type("unix"))  # type: ignore[arg-type]


def complaint(word: Callable[[], Expectations]) -> str:
    """What is told where an expectation is not met."""
    with pytest.raises(AssertionError) as caught:
        word()
    return str(caught.value)


def sentence(word: Callable[[], Expectations]) -> str:
    return complaint(word).splitlines()[0]


# ran


def test_a_task_ran_so_many_times(house: House) -> None:
    house.pass_time(days=2)
    expect(house.engine).ran("nightly", on="db-1", times=2).ran("nightly", times=4).ran("nightly")


def test_a_task_that_ran_more_or_less_often_is_told_with_all_its_jobs(house: House) -> None:
    house.pass_time(days=2)
    told = complaint(lambda: expect(house.engine).ran("nightly", on="db-1", times=3))
    assert (
        told
        == """\
'nightly' ran 2 times on db-1, not 3 times
its jobs, the oldest first, in UTC:
  1. nightly on db-1, occurrence for 2026-03-02T02:30 UTC: completed, 2026-03-02 02:30:00
  2. nightly on db-1, occurrence for 2026-03-03T02:30 UTC: completed, 2026-03-03 02:30:00
  3. nightly on db-1, occurrence for 2026-03-04T02:30 UTC: scheduled, due 2026-03-04 02:30:00
what was told, the oldest first, in UTC:
  2026-03-02 02:30:00  JobStarted of job 1
  2026-03-02 02:30:00  JobCompleted of job 1
  2026-03-03 02:30:00  JobStarted of job 2
  2026-03-03 02:30:00  JobCompleted of job 2"""
    )
    assert sentence(lambda: expect(house.engine).ran("nightly", on="db-1", times=1)) == "'nightly' ran 2 times on db-1, not once"


def test_a_task_that_did_not_run_at_all_is_told_with_what_became_of_it_instead(house: House, taskkit_hosts: FakeExecutor) -> None:
    taskkit_hosts.down("10.0.0.1")
    house.pass_time(hours=3)
    told = complaint(lambda: expect(house.engine).ran("nightly", on="db-1"))
    assert told.splitlines()[0] == "'nightly' did not run on db-1"
    assert "error (unreachable: connecting to '10.0.0.1': unreachable" in told
    assert "2026-03-02 02:30:00  JobFailed of job 1 (error=unreachable" in told


def test_what_runs_later_than_a_moment_is_counted_from_there(house: House) -> None:
    house.pass_time(days=1)
    noon = house.pass_time(hours=12)
    assert sentence(lambda: expect(house.engine).ran("nightly", on="db-1", since=noon)) == f"'nightly' did not run on db-1 since {noon}"
    house.pass_time(days=1)
    expect(house.engine).ran("nightly", on="db-1", times=1, since=noon).ran("nightly", on="db-1", times=3)


def test_a_run_over_many_records_is_one_and_its_parts_are_those_of_their_records(house: House) -> None:
    sweep = house.engine.put(Task("sweep", "nightly-script", [OnDemand()], selection=OfType("unix")), list="system")
    house.engine.demand(sweep.id)
    house.pass_time(minutes=1)
    expect(house.engine).ran("sweep", times=1).ran("sweep", on="db-1", times=1).ran(sweep, on="db-2", times=1)
    assert sentence(lambda: expect(house.engine).ran("sweep", times=3)) == "'sweep' ran once, not 3 times"


def test_never_is_no_count(house: House) -> None:
    with pytest.raises(InvalidValue, match="did_not_run"):
        expect(house.engine).ran("nightly", times=0)


# failed


def test_a_task_failed_as_it_should(house: House, taskkit_hosts: FakeExecutor) -> None:
    taskkit_hosts.down("10.0.0.1")
    house.pass_time(days=1)
    expect(house.engine).failed("nightly").failed("nightly", on="db-1", error=ErrorClass.UNREACHABLE, times=1)
    assert sentence(lambda: expect(house.engine).failed("nightly", on="db-2")) == "'nightly' did not fail on db-2"
    assert sentence(lambda: expect(house.engine).failed("nightly", error="busy")) == "'nightly' did not fail (busy)"
    assert sentence(lambda: expect(house.engine).failed("nightly", times=2)) == "'nightly' failed once, not 2 times"
    assert sentence(lambda: expect(house.engine).failed("nightly", since=house.clock.moment)).startswith("'nightly' did not fail since")


def test_an_error_that_there_is_not_is_refused(house: House) -> None:
    house.pass_time(days=1)
    with pytest.raises(ValueError, match="unreachabel"):
        expect(house.engine).failed("nightly", error="unreachabel")


# did not run


def test_a_task_did_not_run_because_of_a_session(house: House, taskkit_vault: MemoryVault) -> None:
    put(house, AfterSession(last=True), name="clean")
    taskkit_vault.begin("db-1", "s-1")
    house.tell(SessionEnded("db-1", session="s-0"))
    expect(house.engine).did_not_run("clean", on="db-1", because=Why.SESSION).did_not_run("clean").did_not_run("nightly")
    wrong = sentence(lambda: expect(house.engine).did_not_run("clean", on="db-1", because=Why.WINDOW))
    assert wrong == "'clean' did not run on db-1, but not because of window: there it was session"
    none = sentence(lambda: expect(house.engine).did_not_run("nightly", because=Why.WINDOW))
    assert none == "'nightly' did not run, but not because of window: there is no reason at all"


def test_a_task_that_ran_should_not_have(house: House) -> None:
    house.pass_time(days=1)
    told = complaint(lambda: expect(house.engine).did_not_run("nightly", on="db-2"))
    assert told.splitlines()[0] == "'nightly' began once on db-2, and should not have"
    assert "1. nightly on db-2, occurrence for 2026-03-02T02:30 UTC: completed" in told


def test_a_run_that_failed_was_a_run(house: House, taskkit_hosts: FakeExecutor) -> None:
    taskkit_hosts.down("10.0.0.1")
    house.pass_time(hours=3)
    assert "began once" in sentence(lambda: expect(house.engine).did_not_run("nightly", on="db-1"))


def test_a_task_did_not_run_any_more_since_a_moment(house: House) -> None:
    since = house.pass_time(hours=3)
    expect(house.engine).did_not_run("nightly", since=since)
    house.pass_time(days=1)
    assert sentence(lambda: expect(house.engine).did_not_run("nightly", on="db-1", since=since)).startswith(
        "'nightly' began once on db-1 since"
    )


def test_a_happening_was_passed_over_for_a_reason(house: House) -> None:
    (task,) = house.engine.tasks()
    house.engine.suspend_task(task.id, "db-1", why="on leave")
    house.tell(CheckedIn("db-1"))
    expect(house.engine).did_not_run("nightly", on="db-1", because="suspended")
    assert "not because of inactive" in sentence(lambda: expect(house.engine).did_not_run("nightly", on="db-1", because="inactive"))


# waits


def test_a_job_waits_for_its_window_until_it_opens(house: House) -> None:
    put(house, AfterCheckIn(), name="clean", window=NIGHT)
    house.pass_time(hours=8)
    house.tell(CheckedIn("db-1"))
    opens = START.add(days=1, hours=2)
    expect(house.engine).waits("clean").waits("clean", on="db-1", for_=Why.WINDOW, until=opens)
    instead = f"but for window until {opens}"
    assert sentence(lambda: expect(house.engine).waits("clean", for_=Why.SESSION)) == f"'clean' does not wait for session, {instead}"
    late = opens.add(hours=1)
    assert (
        sentence(lambda: expect(house.engine).waits("clean", on="db-1", until=late))
        == f"'clean' does not wait until {late} on db-1, {instead}"
    )
    assert sentence(lambda: expect(house.engine).waits("clean", on="db-2")) == "'clean' does not wait on db-2"


def test_the_reason_and_the_moment_are_those_of_one_job(house: House, taskkit_vault: MemoryVault) -> None:
    put(house, AfterCheckIn(), name="clean", window=NIGHT)
    put(house, AfterCheckIn(), name="look", consent=ConsentRule(1))
    house.tell(CheckedIn("db-1"))
    expect(house.engine).waits("clean", for_=Why.WINDOW)
    opens = START.add(hours=2)
    assert "does not wait for window until" in sentence(
        lambda: expect(house.engine).waits("clean", for_=Why.WINDOW, until=opens.add(days=1))
    )


def test_what_waits_for_its_time_alone_does_not_wait(house: House) -> None:
    assert sentence(lambda: expect(house.engine).waits("nightly")) == "'nightly' does not wait"


def test_a_job_waits_for_consent(house: House) -> None:
    task = put(house, OnDemand(), name="look", consent=ConsentRule(1))
    house.engine.demand(task.id, "db-1", by="ada")
    expect(house.engine).waits("look", on="db-1", for_=Why.CONSENT)


# told


def test_a_fact_was_told(house: House, taskkit_hosts: FakeExecutor) -> None:
    taskkit_hosts.down("10.0.0.1")
    house.pass_time(days=1)
    all_of_it = expect(house.engine).told("JobFailed").told("JobFailed", task="nightly", on="db-1", times=1, error="unreachable")
    all_of_it.told("TaskPut", times=1).did_not_tell("JobFailed", on="db-2").did_not_tell("JobFailed", error="busy")


def test_facts_of_another_task_do_not_count(house: House) -> None:
    put(house, OnDemand(), name="look")
    house.pass_time(days=1)
    expect(house.engine).told("JobCompleted", task="nightly", times=2).did_not_tell("JobCompleted", task="look")


def test_a_fact_that_was_not_told_is_told_with_what_was(house: House) -> None:
    house.pass_time(days=1)
    told = complaint(lambda: expect(house.engine).told("JobFailed", task="nightly", on="db-1", error="busy"))
    assert told.splitlines()[0] == "JobFailed (error=busy) of 'nightly' was not told on db-1"
    assert "2026-03-02 02:30:00  JobCompleted of job 1" in told
    everything = complaint(lambda: expect(house.engine).told("JobUncertain"))
    assert everything.splitlines()[0] == "JobUncertain was not told"
    assert "TaskPut (list=type:unix, name=nightly)" in everything


def test_a_fact_was_told_too_often(house: House) -> None:
    house.pass_time(days=1)
    assert sentence(lambda: expect(house.engine).told("JobCompleted", times=1)) == "JobCompleted was told 2 times, not once"
    assert sentence(lambda: expect(house.engine).told("JobFailed", times=2)) == "JobFailed was not told, not 2 times"


def test_a_fact_that_was_told_should_not_have_been(house: House) -> None:
    house.pass_time(days=1)
    told = sentence(lambda: expect(house.engine).did_not_tell("JobCompleted", on="db-1"))
    assert told == "JobCompleted was told once on db-1, and should not have been"
    expect(house.engine).did_not_tell("JobCompleted", since=house.clock.moment)


# the next run


def test_the_next_run(house: House) -> None:
    expected = expect(house.engine)
    assert expected.next_run("nightly", "db-1") == START.add(hours=2, minutes=30)
    expected.runs_next("nightly", on="db-1", at=START.add(hours=2, minutes=30))
    noon = START.add(hours=12)
    wrong = complaint(lambda: expected.runs_next("nightly", on="db-1", at=noon))
    assert wrong.splitlines()[0] == f"'nightly' should run next at {noon} on db-1, and runs at {START.add(hours=2, minutes=30)}"
    assert "scheduled, due 2026-03-02 02:30:00" in wrong
    assert "should run next not at all" in sentence(lambda: expected.runs_next("nightly", at=None))


def test_nothing_runs_next_until_something_happens(house: House) -> None:
    task = put(house, OnDemand(), name="look")
    expect(house.engine).runs_next(task, at=None)
    assert expect(house.engine).next_run("look") is None
    assert sentence(lambda: expect(house.engine).runs_next("look", at=START)) == f"'look' should run next at {START}, and runs not at all"


def test_a_run_over_many_that_waits_for_its_parts_does_not_run_next(house: House) -> None:
    sweep = house.engine.put(Task("sweep", "nightly-script", [OnDemand()], selection=OfType("unix")), list="system")
    house.engine.pause("host:10.0.0.1", by="ada")
    house.engine.demand(sweep.id)
    house.pass_time(minutes=1)
    expect(house.engine).waits("sweep", for_=Why.CONDUCTING).runs_next("sweep", at=None).waits("sweep", on="db-1", for_=Why.HOST_PAUSED)


def test_a_recovery_is_no_run_to_come_and_what_another_has_done_no_run(house: House) -> None:
    (task,), now = house.engine.tasks(), house.clock.now()
    made = Job("r", Kind.RECOVERY, task.id, task.line, 1, "db-1", now, now, now)
    done = made.with_({"id": "s", "kind": Kind.DEMAND, "state": State.COMPLETED, "why": Why.SATISFIED.value, "ended": now})
    house.engine.storage.write([(Insert(made),), (Insert(done),)])
    expect(house.engine).runs_next("nightly", at=START.add(hours=2, minutes=30)).did_not_run("nightly", because=Why.SATISFIED)
    told = complaint(lambda: expect(house.engine).ran("nightly"))
    assert "completed (satisfied), never began, ended 2026-03-02 00:00:00" in told


# words that nobody has heard of


@pytest.mark.parametrize(
    ("word", "case"),
    [
        (lambda said: said.did_not_run("nighty"), "'nighty'; did you mean 'nightly'?"),
        (lambda said: said.did_not_run("other"), "'other'; there are nightly"),
        (lambda said: said.did_not_run("nightly", on="db1"), "'db1'; did you mean 'db-1'?"),
        (lambda said: said.did_not_tell("JobFaild"), "'JobFaild'; did you mean 'JobFailed'?"),
        (lambda said: said.did_not_tell("JobFailed", task="nighty"), "'nighty'"),
        (lambda said: said.next_run("nighty"), "'nighty'"),
        (lambda said: said.told("JobFailed", on="db1"), "'db1'"),
    ],
)
def test_what_is_misspelt_lets_no_test_pass(house: House, word: Callable[[Expectations], object], case: str) -> None:
    with pytest.raises(NotFound) as caught:
        word(expect(house.engine))
    assert case in str(caught.value)


@pytest.mark.parametrize(
    "word",
    [
        lambda said, naive: said.ran("nightly", since=naive),
        lambda said, naive: said.runs_next("nightly", at=naive),
        lambda said, naive: said.waits("nightly", until=naive),
    ],
)
def test_a_moment_without_a_zone_is_refused(house: House, word: Callable[[Expectations, datetime], object]) -> None:
    with pytest.raises(NaiveMoment):
        word(expect(house.engine), datetime(2026, 3, 2))  # noqa: DTZ001  that is what is refused


def test_a_record_or_task_that_is_gone_is_still_known(house: House, taskkit_vault: MemoryVault) -> None:
    house.pass_time(days=1)
    (task,) = house.engine.tasks()
    taskkit_vault.remove("db-1")
    house.engine.remove(task.id)
    expect(house.engine).ran("nightly", on="db-1", times=1).ran(task, on="db-1", times=1).told("TaskRemoved", task="nightly")


def test_a_task_of_another_engine_is_none_of_this_one(house: House, taskkit_vault: MemoryVault) -> None:
    other = House(Engine(taskkit_vault, clock=house.clock), house.clock)
    other.engine.define(RecordType("unix", executor="local"))
    theirs = put(other, Daily(at="02:30"))
    with pytest.raises(NotFound, match="there is no such task"):
        expect(house.engine).did_not_tell("JobFailed", task=theirs)


def test_a_record_that_only_a_job_knows_of_is_known(house: House, taskkit_vault: MemoryVault) -> None:
    taskkit_vault.remove("db-1")
    expect(house.engine).did_not_run("nightly", on="db-1")


def test_a_record_that_only_a_fact_knows_of_is_known(house: House) -> None:
    house.tell(CheckedIn("db-9"))
    expect(house.engine).told("HappeningPassed", on="db-9", why="no_record")


def test_where_nothing_is_known_of_it_all_there_is_is_told(house: House) -> None:
    house.tell(CheckedIn("db-1"))
    put(house, OnDemand(), name="look")
    told = complaint(lambda: expect(house.engine).ran("look", on="db-2"))
    assert told.splitlines()[:3] == [
        "'look' did not run on db-2",
        "nothing is known of that; in all there is this:",
        "jobs, the oldest first, in UTC:",
    ]
    assert "nightly on db-1, fired: completed" in told
    assert "JobMade of job 1 (kind=checked_in, policy=after check-in)" in told.replace("job 3", "job 1")
    assert "happening=" not in told


def test_a_long_history_is_told_from_its_end(house: House) -> None:
    house.pass_time(days=40)
    told = complaint(lambda: expect(house.engine).ran("nightly", on="db-1", times=1)).splitlines()
    assert told[2] == "  (21 more before these)"
    assert told[3].startswith(" 22. nightly on db-1, occurrence for 2026-03-23T02:30 UTC")
    assert "  (50 more before these)" in told
    assert len(told) == 1 + 2 + 20 + 2 + 30


# time that passes


def test_time_passes_from_event_to_event(house: House) -> None:
    """What is due is done at its time, and not when the span is over."""
    house.pass_time(days=1, hours=3)
    began = [entry.started for entry in house.engine.history(record="db-1", states=State.COMPLETED).entries]
    assert began == [START.add(days=1, hours=2, minutes=30), START.add(hours=2, minutes=30)]
    assert house.clock.moment == START.add(days=1, hours=3)


def test_what_is_due_at_the_end_of_a_span_is_done(house: House) -> None:
    house.pass_to(START.add(hours=2, minutes=30))
    expect(house.engine).ran("nightly", on="db-1", times=1)


def test_a_retry_comes_at_its_time(house: House, taskkit_hosts: FakeExecutor) -> None:
    task = put(house, OnDemand(), name="look", fallback=Fallback(minutes=10, cycles=2))
    taskkit_hosts.script("10.0.0.1", ErrorClass.BUSY)
    house.engine.demand(task.id, "db-1")
    house.pass_time(minutes=9)
    expect(house.engine).failed("look", times=1, error="busy")
    assert "did not run" in sentence(lambda: expect(house.engine).ran("look"))
    house.pass_time(minutes=2)
    expect(house.engine).ran("look", times=1)
    assert house.engine.history(task=task.id).entries[0].started == START.add(minutes=10)


def test_consent_expires_at_its_time(house: House) -> None:
    task = put(house, OnDemand(), name="look", consent=ConsentRule(1, minutes=7))
    job = house.engine.demand(task.id, "db-1", by="ada")
    house.pass_time(hours=1)
    assert house.engine.job(job).ended == START.add(minutes=7)


def test_a_paused_engine_lets_time_pass(house: House) -> None:
    house.engine.pause(by="ada")
    house.pass_time(days=40)
    expect(house.engine).did_not_run("nightly")
    house.engine.resume()
    house.pass_time(minutes=1)
    expect(house.engine).ran("nightly", on="db-1", times=1)


def test_what_is_due_in_a_pool_that_stands_still_holds_up_no_other() -> None:
    clock, vault = VirtualClock(START), MemoryVault([Record("in", "unix"), Record("out", "unix", pool="dmz")])
    engine = Engine(vault, clock=clock, settings=Settings(pools=["local", "dmz"]))
    engine.define(RecordType("unix", executor="local"))
    engine.define(Commands("look", Step("true")))
    engine.put(Task("look", "look", [Daily(at="02:30")]), list=of_type("unix"))
    engine.pause("pool:dmz", by="ada")
    house = House(engine, clock)
    house.pass_time(days=1, minutes=17)
    house.pass_time(days=1)
    began = [entry.started for entry in engine.history(record="in", states=State.COMPLETED).entries]
    assert began == [START.add(days=1, hours=2, minutes=30), START.add(hours=2, minutes=30)]
    expect(engine).did_not_run("look", on="out")


def test_what_the_vault_tells_meanwhile_is_heard(house: House, taskkit_vault: MemoryVault) -> None:
    taskkit_vault.outbox.kept.append(CheckedIn("db-1"))
    house.pass_time(minutes=1)
    expect(house.engine).ran("nightly", on="db-1", times=1)


def test_what_has_no_time_of_its_own_comes_all_the_same(taskkit_house: House, taskkit_vault: MemoryVault) -> None:
    """A record that nobody told of is found by the daily comparison, a day after the first."""
    taskkit_house.engine.define(RecordType("unix", executor="fake"))
    put(taskkit_house, Once(START.add(days=20)))
    taskkit_house.pass_time(minutes=1)
    taskkit_vault.put(Record("db-3", "unix"))
    taskkit_house.pass_time(days=3)
    (fact,) = taskkit_house.engine.facts(kinds=["Reconciled"])
    assert shown(fact.at) - START.add(days=1) <= timedelta(hours=1)
    expect(taskkit_house.engine).runs_next("nightly", on="db-3", at=START.add(days=20))


def test_time_does_not_go_back(house: House) -> None:
    with pytest.raises(InvalidValue, match="has passed"):
        house.pass_time(hours=-1)
    with pytest.raises(InvalidValue, match="has passed"):
        house.pass_to(START - timedelta(seconds=1))
    with pytest.raises(NaiveMoment):
        house.pass_to(datetime(2026, 4, 1))  # noqa: DTZ001  that is what is refused


def test_no_test_framework_is_needed() -> None:
    clock, vault = VirtualClock(START), MemoryVault([Record("db-1", "unix")])
    engine = Engine(vault, clock=clock)
    engine.define(RecordType("unix", executor="local"))
    engine.define(Commands("look", Step("true")))
    engine.put(Task("look", "look", [Daily(at="01:00")]), list=of_type("unix"))
    House(engine, clock).pass_time(days=1)
    expect(engine).ran("look", on="db-1", times=1)
