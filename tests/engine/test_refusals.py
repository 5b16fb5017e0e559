"""A job that ends without a run ends by what counts when that lands: by all of its reasons (P4), and by its task as it stands (R1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterSession, AfterUnlock, OnDemand
from taskkit.outcomes import DONE, ErrorClass, NotDone
from taskkit.records import Accounts, Record
from taskkit.states import State, Step
from taskkit.tasks import Fallback, Task, of_type
from tests.engine.houses import START, Crash, House, Play, Watched, hosts, scripted, steps

UNIX = of_type("unix")


def account(script: Any, run: Any) -> Accounts:
    return Accounts(writes={run.vault.records.account(run.record)})


def rotating(*policies: Any, records: Iterable[Record] = (), **said: Any) -> tuple[House, Watched, Task]:
    play = Play()
    kind = scripted(play, "rotate", changes_secret=True, accounts=account)
    house = House(*(records or hosts(1)), play=play, scripts=[kind])
    storage = Watched(house.storage)
    house.engine = house.enter(storage=storage)
    house.engine.define(kind("rotate"))
    task = house.engine.put(Task("rotate", "rotate", policies, **said), list=UNIX)
    return house, storage, task


# reasons that come while it ends


def test_p04_a_reason_that_joins_while_its_job_is_being_satisfied_gets_its_run() -> None:
    house, storage, task = rotating(AfterCheckIn(), AfterUnlock(minutes=60), OnDemand())
    house.engine.emit(Unlocked("h01", user="eve"))
    house.clock.advance(minutes=10)
    house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.clock.advance(minutes=55)  # the unlock's job is due, and the password was changed since
    other, joined = house.enter(), list[str]()
    storage.before(steps(Step.SATISFY), lambda: joined.extend(other.emit(CheckedIn("h01", approval="late"))))
    house.engine.drain()
    assert len(joined) == 1
    found = house.engine.job(joined[0])
    assert (found.state, found.why, len(house.play.performed)) == (State.COMPLETED, None, 2)
    assert house.kinds(kinds=["HappeningJoined", "StaleWriteRefused"]) == ["HappeningJoined"]


def test_p04_a_reason_that_joins_while_its_job_is_given_up_keeps_it_waiting_for_its_own_time() -> None:
    house = House(*hosts(1))
    storage = Watched(house.storage)
    house.engine = house.enter(storage=storage)
    policies = AfterSession(last=True, max_defer=30, then="give_up"), AfterUnlock(minutes=60)
    house.engine.put(Task("work", "work", policies), list=UNIX)
    house.vault.begin("h01", "s1")
    house.engine.emit(SessionEnded("h01", session="s2"))
    house.engine.drain()
    house.clock.advance(minutes=31)
    other = house.enter()
    storage.before(steps(Step.CANCEL), lambda: other.emit(Unlocked("h01", user="eve")))
    house.engine.drain()
    assert house.entries()[0].state is State.DEFERRED
    house.clock.advance(minutes=61)
    house.engine.drain()
    assert house.entries()[0].state is State.COMPLETED


@pytest.mark.parametrize("who", ["who has claimed it", "who plans anew"])
def test_j07_a_reason_that_joins_a_retry_while_an_edit_ends_it_gets_its_run(who: str) -> None:
    house = House(*hosts(1))
    storage = Watched(house.storage)
    house.engine = house.enter(storage=storage)
    task = house.engine.put(Task("work", "work", [AfterCheckIn(), OnDemand()], fallback=Fallback(10, 3)), list=UNIX)
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE))
    house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.clock.advance(minutes=11)
    editor, other = house.enter(), house.enter()
    editor._staff.chores.do_for = lambda task: 0  # type: ignore[method-assign, assignment]  # it dies right after the edit landed
    editor.edit(evolve(task, max_lateness=None, deadline=60.0))
    storage.before(steps(Step.CANCEL), lambda: other.emit(CheckedIn("h01", approval="a1")))
    if who == "who has claimed it":
        house.engine.work()
    house.engine.drain()
    assert [entry.state for entry in house.entries()] == [State.ERROR, State.COMPLETED]


# the task as it stands


@pytest.mark.parametrize("kind", ["fired", "demand"])
def test_j12_no_job_is_refused_by_a_task_as_it_stands_no_more(kind: str) -> None:
    """Another process has edited it, and died before it planned anew; this one knows the task by heart."""
    house = House(*hosts(1))
    task = house.engine.put(Task("work", "work", [AfterCheckIn(), OnDemand()], max_lateness=10, runs_as="ann"), list=UNIX)
    house.engine.emit(CheckedIn("h01", approval="a")) if kind == "fired" else house.engine.demand(task.id, "h01")
    house.clock.advance(minutes=30)
    assert house.engine.task(task.id)  # by heart
    editor = house.enter()
    editor._staff.chores.do_for = lambda task: 0  # type: ignore[method-assign, assignment]
    if kind == "fired":
        editor.edit(evolve(task, max_lateness=None))
    else:
        house.vault.rights.disabled.add("ann")
        editor.edit(evolve(task, runs_as=None))
    house.engine.work()
    assert [entry.state for entry in house.entries()] == [State.SCHEDULED]
    house.engine.work()
    assert [entry.state for entry in house.entries()] == [State.COMPLETED]
    assert house.kinds(kinds=["TaskSuspended", "JobMissed"]) == []


def test_j12_an_occurrence_is_missed_only_by_the_task_as_it_stands() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("work", "work", [Daily(at="02:00")], max_lateness=10), list=UNIX)
    house.clock.advance(hours=3)
    assert house.engine.task(task.id)
    editor = house.enter()
    editor._staff.chores.do_for = lambda task: 0  # type: ignore[method-assign, assignment]
    editor.edit(evolve(task, max_lateness=None))
    house.engine.work()
    assert [entry.state for entry in house.entries()] == [State.SCHEDULED]
    house.engine.work()
    assert house.entries()[0].state is State.COMPLETED


def test_j12_a_refusal_that_stands_lands_at_once() -> None:
    house = House(*hosts(1), start=START)
    house.engine.put(Task("work", "work", [AfterCheckIn()], max_lateness=10), list=UNIX)
    house.engine.emit(CheckedIn("h01", approval="a"))
    house.clock.advance(minutes=30)
    house.engine.work()
    assert (house.entries()[0].state, house.entries()[0].ended) == (State.MISSED, pendulum.instance(house.clock.moment))


# satisfied


def turning(house: House, *, vault_tells: bool) -> Any:
    """The password is chosen, then somebody looks at it, then it is carried to all that depend on it, which takes its time."""

    def perform(run: Any) -> Any:
        house.clock.advance(minutes=1)
        run.save({"committed": True}, turned=True)
        if vault_tells:
            house.vault.secrets.changed["h01"] = house.clock.moment
        house.clock.advance(minutes=1)
        house.engine.emit(Unlocked("h01", user="eve"))
        house.clock.advance(minutes=1)
        return DONE

    return perform


@pytest.mark.parametrize("vault_tells", [True, False])
def test_p04_a_password_that_was_seen_after_its_change_is_changed_again(vault_tells: bool) -> None:
    house, _, _ = rotating(AfterCheckIn(), AfterUnlock(minutes=60))
    house.play.says("h01", turning(house, vault_tells=vault_tells))
    house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.drain()
    assert len(house.entries()) == 2  # it joined nothing: the first had turned
    house.clock.advance(hours=2)
    house.engine.drain()
    assert [(entry.state, entry.why) for entry in house.entries()] == [(State.COMPLETED, None)] * 2
    assert house.play.count("h01") == 2


def test_p04_that_holds_too_where_another_process_came_to_the_end_of_the_change() -> None:
    house, _, _ = rotating(AfterCheckIn(), AfterUnlock(minutes=60))

    def dies(run: Any) -> Any:
        run.save({"committed": True}, turned=True)
        raise Crash

    house.play.says("h01", dies)
    house.engine.emit(CheckedIn("h01", approval="a1"))
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(minutes=1)
    house.engine.emit(Unlocked("h01", user="eve"))
    house.clock.advance(minutes=1)
    house.engine.drain()
    house.clock.advance(hours=2)
    house.engine.drain()
    assert [(entry.state, entry.why) for entry in house.entries()] == [(State.COMPLETED, None)] * 2
    assert house.play.count("h01") == 3


@pytest.mark.parametrize("vault_tells", [True, False])
def test_r04_a_job_whose_reasons_lie_before_the_change_was_chosen_names_the_job_that_made_it(vault_tells: bool) -> None:
    """Also where the vault says when it took the new one: that lies between the choice and the end of that job."""
    house, _, task = rotating(AfterUnlock(minutes=60), OnDemand())
    house.engine.emit(Unlocked("h01", user="eve"))
    house.clock.advance(minutes=10)

    def perform(run: Any) -> Any:
        house.clock.advance(minutes=1)
        run.save({"chosen": True}, turned=True)
        house.clock.advance(minutes=1)
        if vault_tells:
            house.vault.secrets.changed["h01"] = house.clock.moment
        house.clock.advance(minutes=1)
        return DONE

    house.play.says("h01", perform)
    change = house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.clock.advance(hours=1)
    house.engine.drain()
    (satisfied,) = [entry for entry in house.entries() if entry.why == "satisfied"]
    assert satisfied.into == change
    assert house.play.count("h01") == 1


def test_r04_a_reason_between_the_start_and_the_choice_of_another_records_job_is_satisfied() -> None:
    house, _, task = rotating(AfterUnlock(minutes=60), OnDemand(), records=[*hosts(1), Record("h02", "unix", reference="h01")])

    def perform(run: Any) -> Any:
        house.clock.advance(minutes=1)
        house.engine.emit(Unlocked("h02", user="eve"))
        house.clock.advance(minutes=1)
        run.save({"chosen": True}, turned=True)
        house.clock.advance(minutes=1)
        return DONE

    house.play.says("h01", perform)
    change = house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.clock.advance(hours=2)
    house.engine.drain()
    (satisfied,) = [entry for entry in house.entries() if entry.why == "satisfied"]
    assert (satisfied.record, satisfied.into, house.play.count("h02")) == ("h02", change, 0)


def test_r04_a_change_by_somebody_else_since_is_no_work_of_that_job() -> None:
    house, _, task = rotating(AfterUnlock(minutes=60), OnDemand())
    house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.emit(Unlocked("h01", user="eve"))
    house.clock.advance(minutes=10)
    house.vault.secrets.changed["h01"] = house.clock.moment
    house.clock.advance(hours=1)
    house.engine.drain()
    (satisfied,) = [entry for entry in house.entries() if entry.why == "satisfied"]
    assert satisfied.into is None
