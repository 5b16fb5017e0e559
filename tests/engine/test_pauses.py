"""What stands still, who stopped it and why (J11): the engine, a pool, a host."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from taskkit.engine import Pause, Settings
from taskkit.errors import InvalidValue, NotAllowed, NotFound
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.outcomes import DONE, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import State, Step
from taskkit.tasks import Task
from taskkit.testing import VirtualClock
from tests.engine.houses import START, UNIX, Crash, House, hosts, steps
from tests.engine.houses import Watched as Handle


def rotate(house: House) -> Task:
    return house.engine.put(Task("rotate", "work", [OnDemand(), AfterCheckIn()]), list=UNIX)


def demanded(house: House, *records: str) -> list[str]:
    task = rotate(house)
    return [house.engine.demand(task.id, record) for record in records]


def two_pools() -> House:
    return House(Record("inside", "unix"), Record("outside", "unix", pool="dmz"), settings=Settings(pools=("local", "dmz")))


@pytest.mark.parametrize("what", ["engine", "pool:dmz", "host:host01"])
def test_j11_a_pause_is_durable_and_says_who_and_why(what: str) -> None:
    house = House()
    house.engine.pause(what, by="anna", why="the network is rebuilt")
    assert house.enter().pauses() == [Pause(what, START, "anna", "the network is rebuilt")]
    (fact,) = house.engine.facts(kinds=["Paused"])
    assert (fact.who, fact.details) == ("anna", {"what": what, "why": "the network is rebuilt"})
    house.enter().resume(what, by="bert")
    assert house.engine.pauses() == []
    assert [(fact.who, fact.details) for fact in house.engine.facts(kinds=["Resumed"])] == [("bert", {"what": what})]


def test_j11_a_paused_engine_begins_nothing_on_any_node_and_takes_everything_in() -> None:
    house = House(*hosts(1))
    other = house.enter()
    rotate(house)
    house.engine.pause(why="x")
    (id,) = house.engine.emit(CheckedIn("h01", approval="a"))
    for engine in (house.engine, other):
        engine.drain()
    assert (house.engine.job(id).state, house.play.performed) == (State.SCHEDULED, [])
    house.engine.resume()
    other.drain()
    assert house.engine.job(id).state is State.COMPLETED


def test_j11_who_begins_to_wait_just_as_a_host_is_resumed_does_not_wait() -> None:
    house = House(*hosts(1))
    [job] = demanded(house, "h01")
    house.engine.pause("host:host01")
    handle = Handle(house.storage)
    handle.before(steps(Step.DEFER), lambda: house.enter().resume("host:host01"))
    house.enter(storage=handle).drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_j11_who_waits_for_a_host_is_woken_also_where_the_process_dies_that_resumed_it() -> None:
    house = House(*hosts(1))
    [job] = demanded(house, "h01")
    house.engine.pause("host:host01")
    house.engine.drain()

    def crash() -> None:
        raise Crash

    handle = Handle(house.storage)
    handle.before(steps(Step.WAKE), crash)
    with pytest.raises(Crash):
        house.enter(storage=handle).resume("host:host01")
    house.enter().drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_t15_what_a_paused_engine_missed_is_one_run() -> None:
    house = House(*hosts(1))
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    house.engine.pause()
    for _ in range(4):
        house.clock.advance(days=1)
        house.engine.drain()
    house.engine.resume()
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_j11_a_paused_pool_stands_still_and_the_others_go_on() -> None:
    house = two_pools()
    inside, outside = demanded(house, "inside", "outside")
    house.engine.pause("pool:dmz")
    house.engine.drain()
    assert (house.engine.job(inside).state, house.engine.job(outside).state) == (State.COMPLETED, State.SCHEDULED)
    house.engine.resume("pool:dmz")
    house.engine.drain()
    assert house.engine.job(outside).state is State.COMPLETED


def test_j11_a_paused_host_lets_its_jobs_wait_with_a_reason_and_its_resume_wakes_them() -> None:
    house = House(*hosts(2))
    first, second = demanded(house, "h01", "h02")
    house.engine.pause("host:host01", why="firmware")
    house.engine.drain()
    entry = house.engine.job(first)
    assert (entry.state, entry.why, house.engine.job(second).state) == (State.DEFERRED, "host_paused", State.COMPLETED)
    house.engine.resume("host:host01")
    house.engine.drain()  # no timer has to run out
    assert house.engine.job(first).state is State.COMPLETED


def test_j11_a_resumed_host_wakes_only_its_own() -> None:
    house = House(*hosts(2))
    first, second = demanded(house, "h01", "h02")
    for name in ("host:host01", "host:host02"):
        house.engine.pause(name)
    house.engine.drain()
    house.engine.resume("host:host01")
    assert house.engine.job(second).due > house.clock.moment
    house.engine.drain()
    assert (house.engine.job(first).state, house.engine.job(second).state) == (State.COMPLETED, State.DEFERRED)


def test_j12_the_same_pause_again_is_a_count_and_no_new_fact() -> None:
    house = House(*hosts(1))
    demanded(house, "h01")
    house.engine.pause("host:host01")
    for _ in range(3):
        house.engine.drain()
        house.clock.advance(days=1)
    assert len(house.engine.facts(kinds=["JobDeferred"])) == 1


def test_j11_what_runs_when_its_host_is_paused_ends_normally() -> None:
    house = House(*hosts(1))

    def pausing(run: Run) -> Outcome:
        house.engine.pause("host:host01")
        house.engine.pause("engine")
        return DONE

    house.play.says("h01", pausing)
    (id,) = demanded(house, "h01")
    house.engine.drain()
    assert house.engine.job(id).state is State.COMPLETED


def test_j11_who_paused_it_first_stays_on_record() -> None:
    house = House()
    house.engine.pause("engine", by="anna", why="first")
    house.clock.advance(minutes=1)
    house.engine.pause("engine", by="bert", why="second")
    assert house.engine.pauses() == [Pause("engine", START, "anna", "first")]
    assert len(house.engine.facts(kinds=["Paused"])) == 1


@pytest.mark.parametrize("what", ["", "hosts", "pool:", "host:", "node:n1", "engine:all"])
def test_j11_what_cannot_be_paused_is_refused(what: str) -> None:
    with pytest.raises(InvalidValue):
        House().engine.pause(what)


def test_j11_what_is_not_paused_is_not_resumed() -> None:
    house = House()
    house.engine.pause("pool:dmz")
    with pytest.raises(NotFound, match="paused is pool:dmz"):
        house.engine.resume("engine")


def test_a02_only_administrators_pause_and_resume() -> None:
    house = House()
    house.vault.deny("eve", "system_administrator")
    with pytest.raises(NotAllowed):
        house.engine.pause(by="eve")
    house.engine.pause(by="anna")
    with pytest.raises(NotAllowed):
        house.engine.resume(by="eve")
    assert house.engine.pauses()[0].by == "anna"


class Watched(VirtualClock):
    """Notes for how long the engine would wait, and stops it after a few times."""

    def __init__(self) -> None:
        super().__init__(START)
        self.waits: list[float] = []
        self.stop = threading.Event()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        if len(self.waits) > 20:
            self.stop.set()
        return super().wait(event, seconds)


def watched(house: House) -> tuple[Watched, Any]:
    clock = house.clock = Watched()
    return clock, house.enter()


@pytest.mark.parametrize("what", ["engine", "pool:local"])
def test_j11_a_paused_engine_with_due_jobs_does_not_run_in_circles(what: str) -> None:
    house = House(*hosts(1))
    demanded(house, "h01")
    house.engine.pause(what)
    clock, engine = watched(house)
    engine.run(clock.stop)
    assert house.play.performed == []
    assert min(clock.waits) > 0


def test_j11_a_job_whose_worker_died_in_a_paused_pool_makes_nobody_run_in_circles() -> None:
    house = two_pools()

    def crash(run: Run) -> Outcome:
        raise Crash

    house.play.says("outside", crash)
    demanded(house, "outside")
    with pytest.raises(Crash):
        house.engine.drain()
    house.engine.pause("pool:dmz")
    clock, engine = watched(house)
    clock.advance(seconds=120)
    engine.run(clock.stop)
    assert min(clock.waits) > 0
