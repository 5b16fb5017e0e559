"""One job, asked for and performed here: by the engine's own door, beside whoever else works on the store, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Engine, Settings
from taskkit.engine._ground import Limits
from taskkit.errors import NotAllowed, OtherNode, Refused
from taskkit.events import TimeWindow
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.outcomes import DONE, Asks, Done, Effect, ErrorClass, NotDone, Outcome, Unknown
from taskkit.records import Record
from taskkit.selections import OfType
from taskkit.states import State, Step
from taskkit.tasks import SYSTEM, ConsentRule, Fallback, Task
from tests.engine.houses import UNIX, Crash, House, Watched, does, hosts, one, steps
from tests.engine.stores import Mortal
from tests.engine.test_accounts import bank, job_of


def attempted(engine: Engine, task: str, record: str | None = "r1", by: str | None = "ada", watch: Any = None) -> Outcome | None:
    attempt = engine._staff.attempts.begin(task, record, by=by)
    attempt.watch(watch or (lambda point, operations: None), lambda executor: executor)
    return engine._staff.attempts.perform(attempt)


def named(house: House, name: str) -> str:
    return next(task.id for task in house.engine.tasks(UNIX) if task.name == name)


# as every demanded job


def test_a02_it_is_a_demanded_job_like_every_other_and_its_history_names_who_asked() -> None:
    house = one()
    task = house.put(OnDemand())
    assert attempted(house.engine, task.id) == DONE
    (entry,) = house.entries()
    assert (entry.state, entry.kind, entry.demanded_by, entry.pool) == (State.COMPLETED, "demand", "ada", "local")
    assert entry.reasons == ("on demand of ada", "run by ada")
    assert house.kinds(record="r1") == ["Demanded", "JobStarted", "JobCompleted"]
    assert not house.engine.check()


def test_a02_who_may_not_execute_the_task_leaves_nothing_behind() -> None:
    house = one()
    task = house.put(OnDemand())
    house.vault.deny("ada", "task_execute")
    with pytest.raises(NotAllowed):
        attempted(house.engine, task.id)
    assert (house.entries(), house.play.performed) == ([], [])


def test_p04_a_task_that_cannot_be_demanded_is_refused() -> None:
    house = one()
    task = house.put(AfterCheckIn())
    with pytest.raises(Refused, match=r"it has no policy OnDemand\(\)"):
        attempted(house.engine, task.id)
    assert house.entries() == []


def test_j07_what_failed_in_front_of_somebody_is_not_tried_again_behind_their_back() -> None:
    house = one()
    task = house.put(OnDemand(), fallback=Fallback(minutes=5, cycles=3))
    house.play.says("r1", NotDone(ErrorClass.UNREACHABLE, "it is down"))
    assert isinstance(attempted(house.engine, task.id), NotDone)
    assert [(entry.kind, entry.state) for entry in house.entries()] == [("demand", State.ERROR)]


def test_j10_what_nobody_saw_end_suspends_the_task_as_ever() -> None:
    house = one()
    blind = house.Scripted("blind")
    type(blind).effect = Effect.BLIND
    house.engine.define(blind)
    task = house.engine.put(Task("blind", "blind", OnDemand()), list=UNIX)
    house.play.says("r1", Unknown("the line was cut"))
    assert isinstance(attempted(house.engine, task.id), Unknown)
    assert house.entries()[0].state is State.UNCERTAIN
    with pytest.raises(Refused, match="is suspended for 'r1'"):
        attempted(house.engine, task.id)
    assert len(house.entries()) == 1


def test_what_the_run_says_is_heard_at_once() -> None:
    house, heard = one(), list[str]()
    task = house.put(OnDemand())
    house.play.says("r1", does(lambda run: run.save({"at": 1})))
    attempted(house.engine, task.id, watch=lambda point, operations: heard.append(point))
    assert heard == ["save", "saved"]


def test_a_task_of_the_system_needs_no_record() -> None:
    house = one()
    house.engine.define(house.Scripted("report"))
    task = house.engine.put(Task("report", "report", OnDemand()), list=SYSTEM, next_run=house.clock.moment.add(days=1))
    assert attempted(house.engine, task.id, None) == DONE


# beside others


def test_r04_an_account_that_another_engine_changes_is_not_touched_and_the_holder_is_named() -> None:
    house = bank()
    other, rotation = house.enter(), named(house, "rotate")
    job = job_of(house, "rotate")
    seen: list[str] = []

    def meanwhile(run: Any) -> Outcome:
        house.play.always["r1"] = DONE
        with pytest.raises(
            Refused, match=rf"it may not begin now: busy: account:r1 is held by the job {job}; line:\S+ is held by the job {job}"
        ) as refused:
            attempted(other, rotation)
        seen.append(str(refused.value))
        return DONE

    house.play.says("r1", meanwhile)
    house.engine.drain()
    assert (len(seen), house.play.count("r1")) == (1, 1)
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.CANCELED]
    house.clock.advance(days=1)
    house.engine.drain()
    assert house.play.count("r1") == 1  # nothing is left that runs later
    assert attempted(other, rotation) == DONE


def test_r04_while_it_runs_no_other_engine_touches_the_account() -> None:
    house = bank()
    other, rotation, states = house.enter(), named(house, "rotate"), list[Any]()

    def meanwhile(run: Any) -> Outcome:
        job = job_of(house, "rotate")
        other.drain()
        states.append((house.engine.job(job).state, house.engine.job(job).why))
        return DONE

    house.play.says("r1", meanwhile)
    assert attempted(house.engine, rotation) == DONE
    assert states == [(State.DEFERRED, "busy")]
    other.drain()
    assert house.play.count("r1") == 2  # its end has woken who waited


def test_r04_a_pool_that_is_full_is_not_made_larger() -> None:
    house = one(Record("r2", "unix"), settings=Settings(limits=Limits(pools={"local": 1})))
    task, other = house.put(OnDemand()), house.enter()
    house.engine.demand(task.id, "r2")

    def meanwhile(run: Any) -> Outcome:
        with pytest.raises(Refused, match="busy: pool:local is held by the job"):
            attempted(other, task.id)
        return DONE

    house.play.says("r2", meanwhile)
    house.engine.drain()
    assert house.play.performed == [("work", "r2")]


def test_j02_nobody_else_claims_it_and_it_claims_nothing_else() -> None:
    house = one(Record("r2", "unix"))
    task, storage = house.put(OnDemand()), Watched(house.storage)
    waiting, mine = house.engine.demand(task.id, "r2"), house.enter(storage=storage)
    storage.before(steps(Step.BEAT), lambda: house.engine.drain())
    assert attempted(mine, task.id) == DONE
    assert [(entry.record, entry.node) for entry in house.entries()] == [("r2", "n1"), ("r1", "n2")]
    assert house.engine.job(waiting).state is State.COMPLETED


# what may not begin now


REFUSALS: dict[str, tuple[dict[str, Any], Callable[[House, Task], object], str]] = {
    "window": ({"window": TimeWindow("* 3 * * *", tz="UTC")}, lambda house, task: None, "window; it would be looked at again at"),
    "suspended": ({}, lambda house, task: house.engine.suspend_task(task.id, "r1"), "suspended for 'r1': by hand"),
    "inactive": ({}, lambda house, task: house.engine.deactivate(task.id), "it is not active"),
    "engine": ({}, lambda house, task: house.engine.pause(by="bert", why="a move"), "engine stands still, by bert: a move"),
    "pool": ({}, lambda house, task: house.engine.pause("pool:local"), "pool:local stands still, by the product"),
    "host": ({}, lambda house, task: house.engine.pause("host:db"), "host_paused"),
    "consent": ({"consent": ConsentRule(1, ("bert",))}, lambda house, task: None, "needs consent"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_j12_what_keeps_every_job_from_starting_keeps_it_too_and_nothing_is_left_that_starts_later(name: str) -> None:
    said, then, why = REFUSALS[name]
    house = House(Record("r1", "unix", fields={"host": "db"}))
    task = house.put(OnDemand(), **said)
    then(house, task)
    with pytest.raises(Refused, match=why):
        attempted(house.engine, task.id)
    assert all(entry.state is State.CANCELED for entry in house.entries())
    for pause in house.engine.pauses():
        house.engine.resume(pause.what)
    house.clock.advance(days=2)
    house.engine.drain()
    assert house.play.performed == []


def test_a01_a_person_as_whom_the_task_runs_and_who_may_no_more_keeps_it_from_starting() -> None:
    house = one()
    task = house.put(OnDemand())
    task = house.engine.edit(evolve(task, runs_as="anna"))
    house.vault.deny("anna")
    with pytest.raises(Refused, match="rights"):
        attempted(house.engine, task.id)
    assert house.play.performed == []


def test_j06_a_pool_that_this_engine_does_not_serve_is_told() -> None:
    house = one()
    task = house.put(OnDemand(), pool="dmz")
    with pytest.raises(OtherNode, match="bound to the pool 'dmz', and this engine serves local"):
        attempted(house.engine, task.id)
    assert house.entries() == []


def test_r06_a_run_over_many_is_not_tried_in_one_process() -> None:
    house = House(*hosts(3))
    task = house.engine.put(Task("all", "work", OnDemand(), selection=OfType("unix")), list=SYSTEM, next_run=house.clock.moment.add(days=1))
    with pytest.raises(Refused, match="it runs over many records"):
        attempted(house.engine, task.id, None)
    assert house.entries(kinds="demand") == []


def test_a08_a_run_that_asks_in_the_middle_waits_for_people_in_the_pool_of_its_task() -> None:
    house = one()
    task = house.put(OnDemand(), consent=None)
    house.play.says("r1", Asks("d1", "change 40 records?"))
    assert isinstance(attempted(house.engine, task.id), Asks)
    (entry,) = house.entries()
    assert (entry.state, entry.pool) == (State.AWAITING_CONSENT, "local")


# crashes and stops


def test_j06_whoever_watches_can_ask_it_to_stop() -> None:
    house = one()
    task = house.put(OnDemand())

    def until_asked(run: Any) -> Outcome:
        house.engine.request_stop(run.job.id, by="ada")
        return NotDone(ErrorClass.STOPPED, "asked to") if run.stop_requested else DONE

    house.play.says("r1", until_asked)
    attempted(house.engine, task.id)
    assert house.entries()[0].state is State.CANCELED


def test_j04_what_dies_while_it_runs_is_rescued_by_whoever_serves_the_pool() -> None:
    house = one()
    task, other = house.put(OnDemand()), house.enter()

    def dies(run: Any) -> Outcome:
        raise Crash

    house.play.says("r1", dies)
    with pytest.raises(Crash):
        attempted(house.engine, task.id)
    house.clock.advance(minutes=10)
    other.drain()
    assert [(entry.state, entry.node) for entry in house.entries()] == [(State.COMPLETED, "n2")]
    assert house.play.count("r1") == 2


def test_a_process_that_dies_at_any_write_leaves_no_job_in_a_corner() -> None:
    """A demand that never began is dropped; one that was claimed is taken over, and runs once (J4, J5)."""
    deaths, states = 0, list[list[tuple[State, str | None]]]()
    for at in range(7):
        house = one()
        task = house.put(OnDemand())
        storage = Mortal(house.storage, at)
        try:
            mine = house.enter(storage=storage)
            attempted(mine, task.id)
        except Crash:
            deaths += 1
        house.clock.advance(days=2)
        house.engine.drain()
        states.append([(entry.state, entry.why) for entry in house.entries()])
        assert house.play.count("r1") <= 2
    assert all(state in (State.COMPLETED, State.CANCELED) for entries in states for state, _ in entries)
    assert states.count([(State.CANCELED, "released")]) == 2  # after it was kept, and after it was claimed
    assert deaths > 3


def test_one_that_was_planned_anew_before_it_was_claimed_is_taken_back() -> None:
    house = one()
    task, storage = house.put(OnDemand()), Watched(house.storage)
    mine = house.enter(storage=storage)
    found = storage.claim

    def claim(*args: Any, **said: Any) -> Any:
        house.engine.edit(evolve(task, deadline=1800))
        return found(*args, **said)

    storage.claim = claim  # type: ignore[method-assign]
    with pytest.raises(Refused, match="it was planned anew meanwhile; it was taken back"):
        attempted(mine, task.id)
    house.clock.advance(days=2)
    house.engine.drain()
    assert house.play.performed == []


def test_j03_an_end_that_comes_after_a_newer_claim_changes_nothing() -> None:
    house = one()
    task, other = house.put(OnDemand()), house.enter()

    def overslept(run: Any) -> Outcome:
        house.play.always["r1"] = Done({"by": "other"})
        house.clock.advance(minutes=10)
        other.drain()
        return Done({"by": "mine"})

    house.play.says("r1", overslept)
    assert attempted(house.engine, task.id) is None
    assert house.entries()[0].result == {"by": "other"}
    assert "StaleWriteRefused" in house.kinds()
