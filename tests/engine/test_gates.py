"""Gates (J12): asked in their order, each refusal with a reason and a later look, and never in a hot loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.engine import Engine, Entry, Limits, Settings
from taskkit.events import Daily, Hourly, TimeWindow
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.policies import AfterCheckIn, AfterSession, OnDemand
from taskkit.facts import Fact
from taskkit.instants import instant
from taskkit.jobs import Why
from taskkit.outcomes import DONE, NotNow
from taskkit.plugins.runs import Run
from taskkit.records import Accounts
from taskkit.states import PENDING, State, Step
from taskkit.storage import Hold, Move, Query
from taskkit.tasks import ConsentRule, Task
from tests.engine.houses import UNIX, House, Play, does, hosts, scripted
from tests.engine.stores import Noting

NIGHT = TimeWindow("* 2-4 * * *", tz="UTC")


def house_of(**given: Any) -> House:
    """A task with every reason to wait or end, one of which a test takes away after the other."""
    play = Play()
    kind = scripted(play, "rotate", changes_secret=True, accounts=lambda self, run: Accounts(writes=[run.record.id]))
    house = House(*hosts(1), play=play, scripts=[kind], **given)
    house.engine.define(kind("rotate"))
    return house


def put(house: House, **given: Any) -> Task:
    rules = given.pop("rules", [AfterCheckIn(), AfterSession(last=True), OnDemand()])
    return house.engine.put(Task("nightly", "rotate", rules, **given), list=UNIX, by="anna")


def look(house: House, job: str, engine: Engine | None = None) -> Entry:
    (engine or house.engine).drain()
    return house.engine.job(job)


def change(house: House) -> None:
    """Somebody changes the secret, after all that has happened."""
    house.clock.advance(seconds=1)
    house.vault.secrets.changed["h01"] = house.clock.moment


def test_j12_gates_are_asked_in_their_order() -> None:
    """One job meets all of them: each time its reason is the first in the list that still holds."""
    house = house_of(settings=Settings(limits=Limits(pools={"local": 1})))
    task = put(house, window=NIGHT, max_lateness=60)
    house.vault.begin("h01", "s1")
    house.clock.advance(hours=5)
    (job,) = house.engine.emit(SessionEnded("h01", session="s0"))
    house.engine.suspend_task(task.id, "h01", why="maintenance")
    house.vault.deny("anna")
    house.engine.pause("host:host01")
    change(house)

    assert look(house, job).why == Why.SUSPENDED
    house.engine.resume_task(task.id, "h01")
    assert look(house, job).why == Why.WINDOW
    house.clock.advance(hours=21, minutes=1)
    assert look(house, job).state is State.MISSED


@pytest.mark.parametrize("account", ["a\0b", "half \ud800"])
def test_p02_nobody_waits_for_the_sessions_of_an_account_that_no_store_could_keep(account: str) -> None:
    house = house_of()
    put(house, rules=[AfterSession(last=True)])
    house.vault.begin("h01", "s1")
    house.vault.records.logins["h01"] = account
    (job,) = house.engine.emit(SessionEnded("h01", session="s0"))
    entry = look(house, job)
    assert (entry.state, entry.why) == (State.ERROR, Why.MISFIT)
    assert "holds NUL or half a character" in entry.text


def test_j12_after_the_window_come_rights_then_sessions_then_the_pause_of_the_host_then_satisfied() -> None:
    house = house_of()
    put(house, window=NIGHT, rules=[AfterSession(last=True)])
    house.vault.begin("h01", "s1")
    house.clock.advance(hours=5)
    (job,) = house.engine.emit(SessionEnded("h01", session="s0"))
    house.engine.pause("host:host01")
    change(house)

    assert look(house, job).why == Why.WINDOW
    house.clock.advance(hours=21)
    assert look(house, job).why == Why.SESSION
    house.vault.end("h01", "s1")
    house.engine.emit(SessionEnded("h01", session="s1"))
    change(house)
    assert look(house, job).why == Why.HOST_PAUSED
    house.engine.resume("host:host01")
    found = look(house, job)
    assert (found.state, found.why) == (State.COMPLETED, Why.SATISFIED)
    assert house.play.performed == []


def test_j12_a_lost_right_is_found_before_anybody_is_asked_for_consent() -> None:
    house = house_of()
    job = house.engine.demand(put(house).id, "h01", by="bob")
    house.engine.edit(evolve(house.engine.tasks(UNIX)[0], consent=ConsentRule(1)))
    house.vault.deny("anna")
    found = look(house, job)
    assert (found.state, found.why) == (State.CANCELED, Why.RIGHTS)


# never a hot loop


def suspended(house: House) -> None:
    house.engine.suspend_task(house.engine.tasks(UNIX)[0].id, "h01")


def in_session(house: House) -> None:
    house.vault.begin("h01", "s1")


def paused(house: House) -> None:
    house.engine.pause("host:host01")


def away(house: House) -> None:
    def raises(*args: Any) -> Any:
        raise ConnectionError

    house.vault.sessions.active = raises  # type: ignore[method-assign,assignment]


def busy(house: House) -> None:
    far = house.engine.put(Task("other", "work", [Daily(at="02:00", every=365)]), list=UNIX)
    (other,) = house.storage.open_jobs(far.line, "h01")
    assert house.storage.write([(Hold(other.id, 1, ("account:h01",)),)])[0]


WAITS: dict[str, Callable[[House], None]] = {
    "suspended": suspended, "session": in_session, "host_paused": paused, "vault_away": away, "busy": busy,
}  # fmt: skip


@pytest.mark.parametrize("why", WAITS)
def test_j12_a_deferred_job_is_never_due_at_once_and_the_same_reason_again_is_a_count_and_no_fact(why: str) -> None:
    house = house_of()
    put(house)
    (job,) = house.engine.emit(SessionEnded("h01", session="s0"))
    WAITS[why](house)
    storage = Noting(house.storage)
    engine = house.enter(storage=storage)
    counts: list[int] = []
    for _ in range(4):
        engine.drain()
        found = house.storage.job(job)
        assert found is not None
        assert (found.state, found.why) == (State.DEFERRED, why)
        assert found.due > instant(house.clock.moment)
        counts.append(found.waits)
        assert engine.work() == 0
        house.clock.jump(pendulum.from_timestamp(found.due / 1_000_000))
    assert counts == [0, 1, 2, 3]
    assert len(house.engine.facts(kinds=["JobDeferred"])) == 1
    deferrals = [one for one in storage.with_step(Step.DEFER) if all(one.landed)]
    assert [any(isinstance(change, Fact) for change in one.changes) for one in deferrals] == [True, False, False, False]


def test_j12_another_reason_is_a_fact_of_its_own() -> None:
    house = house_of()
    put(house)
    house.engine.emit(CheckedIn("h01", approval="a1"))
    paused(house)
    house.engine.drain()
    suspended(house)
    house.clock.advance(days=1, seconds=1)
    house.engine.drain()
    assert [fact.details["why"] for fact in house.engine.facts(kinds=["JobDeferred"], record="h01")][:2] == ["host_paused", "suspended"]


def test_j12_a_script_that_answers_not_now_for_the_past_is_not_called_in_a_circle() -> None:
    house = house_of()
    put(house)
    house.play.always["h01"] = lambda run: NotNow(run.now().subtract(hours=1), "backup runs")
    (job,) = house.engine.emit(CheckedIn("h01", approval="a1"))
    for times in range(1, 5):
        assert house.engine.drain() == 1
        found = house.storage.job(job)
        assert found is not None
        assert found.due > instant(house.clock.moment)
        assert found.waits == times - 1
        assert house.play.count("h01") == times
        house.clock.advance(seconds=1)
    assert len(house.engine.facts(kinds=["JobDeferred"])) == 1
    assert len(house.engine.facts(kinds=["JobStarted"])) == 1


def test_j12_waiting_for_a_window_takes_one_claim_for_each_opening() -> None:
    house = house_of()
    put(house, window=NIGHT, rules=[AfterCheckIn()])
    house.clock.advance(hours=6)
    house.engine.emit(CheckedIn("h01", approval="a1"))
    claims = [house.engine.drain()]
    for _ in range(23):
        house.clock.advance(hours=1)
        claims.append(house.engine.drain())
    assert sum(claims) == 2
    assert house.play.count("h01") == 1


# the claim


def test_j12_a_claim_takes_no_more_than_was_asked_for_and_looks_at_due_time_and_pool_only() -> None:
    house = House(*hosts(10))
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    house.engine.put(Task("dmz", "work", [Daily(at="02:00")], pool="dmz"), next_run=house.clock.moment.add(hours=1))
    assert house.engine.work() == 0
    house.clock.advance(hours=3)
    assert house.engine.work(3) == 3
    assert house.engine.drain() == 7
    assert house.entries(states=PENDING)[0].state is State.SCHEDULED
    assert house.enter(settings=Settings(pools=("dmz",))).drain() == 1


def test_j12_work_claims_no_more_than_it_gets_done_within_a_second_or_so() -> None:
    """What is started together must not wait for long."""
    house = House(*hosts(40))
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    house.play.always = {record.id: does(lambda run: house.clock.advance(seconds=1)) for record in hosts(40)}
    house.clock.advance(hours=3)
    claims = []
    while claimed := house.engine.work(20):
        claims.append(claimed)
    assert claims[0] == 20
    assert set(claims[1:]) == {1}


def test_j12_an_occurrence_is_planned_at_the_opening_of_its_window() -> None:
    house = house_of()
    put(house, window=TimeWindow("* 4 * * *", tz="UTC"), rules=[Daily(at="02:00")])
    assert house.entries()[0].due.hour == 4


def test_j12_a_window_that_closed_while_the_job_waited_to_be_claimed_is_looked_at_again() -> None:
    house = house_of()
    put(house, window=NIGHT, rules=[Daily(at="02:00")])
    house.clock.advance(hours=6)
    assert look(house, house.entries()[0].id).why == Why.WINDOW


# the vault


def test_j12_the_vault_is_asked_outside_of_every_transaction() -> None:
    """The store is unlocked while the vault answers: another process writes meanwhile."""
    house = house_of()
    put(house)
    other = house.enter()
    asked: list[str] = []
    facets = ((house.vault.records, "get"), (house.vault.records, "account"), (house.vault.sessions, "active"), (house.vault.rights, "may"))
    for facet, name in facets:
        setattr(facet, name, writing(other, getattr(facet, name), name, asked))
    house.engine.emit(SessionEnded("h01", session="s0"))
    house.engine.drain()
    assert house.play.count("h01") == 1
    assert {"get", "account", "active", "may"} <= set(asked)


def writing(other: Engine, answer: Callable[..., Any], name: str, asked: list[str]) -> Callable[..., Any]:
    def ask(*args: Any) -> Any:
        asked.append(name)
        assert not other.storage._tables.lock._is_owned()  # type: ignore[attr-defined]
        return answer(*args)

    return ask


@pytest.mark.parametrize("facet", ["records.get", "records.account", "sessions.active", "rights.may", "secrets.changed_at"])
def test_j12_a_vault_that_does_not_answer_a_gate_lets_the_job_wait_and_go_on(facet: str) -> None:
    house = house_of()
    put(house)
    (job,) = house.engine.emit(SessionEnded("h01", session="s0"))
    owner, name = getattr(house.vault, facet.split(".")[0]), facet.split(".")[1]
    answer = getattr(owner, name)

    def raises(*args: Any) -> Any:
        raise TimeoutError("db-7 does not answer hunter2")

    setattr(owner, name, raises)
    found = look(house, job)
    assert (found.state, found.why) == (State.DEFERRED, Why.VAULT_AWAY)
    assert "hunter2" not in str(house.engine.facts())
    assert (found.due - house.clock.moment).total_seconds() == 60
    setattr(owner, name, answer)
    house.clock.advance(minutes=1)
    assert look(house, job).state is State.COMPLETED


def test_j06_a_job_that_is_asked_to_stop_before_it_begins_does_not_begin() -> None:
    house = house_of()
    put(house, rules=[Daily(at="02:00")])
    house.clock.advance(hours=2)
    now = instant(house.clock.moment)
    (claimed,) = house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 1)
    house.engine.request_stop(claimed.job.id, by="anna")
    house.clock.advance(seconds=1)
    found = look(house, claimed.job.id)
    assert (found.state, found.why) == (State.CANCELED, Why.ASKED_TO_STOP)
    assert house.play.performed == []
    assert house.storage.count(Query(states=State.SCHEDULED)) == 1


# reading


class Counting(Noting):
    """Counts what is read between two looks."""

    def __init__(self, of: Any) -> None:
        super().__init__(of)
        self.reads: list[str] = []

    def document(self, table: str, id: str) -> Any:
        self.reads.append(table)
        return super().document(table, id)

    def job(self, id: str) -> Any:
        self.reads.append("job")
        return super().job(id)

    def fitting(self, keys: Any) -> Any:
        self.reads.append("fitting")
        return super().fitting(keys)

    def seated(self, seat: Any) -> Any:
        self.reads.append("seated")
        return super().seated(seat)

    def causes(self, job: str) -> Any:
        self.reads.append("causes")
        return super().causes(job)


def test_j12_the_way_of_a_plain_occurrence_reads_little() -> None:
    """Claim, gates, start, end: what a hundred jobs of one task have in common is read once for all of them."""
    house = House(*hosts(100))
    house.engine.put(Task("hourly", "work", [Hourly()]), list=UNIX)
    storage = Counting(house.storage)
    engine = house.enter(storage=storage)
    for _ in range(2):
        house.clock.advance(hours=1)
        storage.reads.clear()
        assert engine.work() == 100
    each = {name: storage.reads.count(name) / 100 for name in set(storage.reads)}
    assert {name for name, times in each.items() if times >= 1} <= {"standing", "list", "pause"}
    assert sum(each.values()) < 3.2


def test_j06_a_script_that_asks_often_whether_to_stop_reads_the_store_seldom() -> None:
    house = House(*hosts(1))
    house.engine.put(Task("hourly", "work", [Hourly()]), list=UNIX)
    storage = Counting(house.storage)

    def polls(run: Run) -> Any:
        storage.reads.clear()
        for _ in range(1000):
            assert not run.stop_requested
        assert storage.reads.count("job") == 1
        house.clock.advance(seconds=1)
        assert not run.stop_requested
        assert storage.reads.count("job") == 2
        stop = Move(run.job.id, Step.SAVE, token=run.token, fields={"stop": "anna"})
        assert house.storage.write([(stop,)])[0]  # as another process does it
        house.clock.advance(seconds=1)
        assert run.stop_requested
        return DONE

    house.play.says("h01", polls)
    house.clock.advance(hours=1)
    house.enter(storage=storage).drain()
    assert house.entries()[0].state is State.COMPLETED
