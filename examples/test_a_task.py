"""How a product tests its tasks: no server, no waiting, no real time. Run it by itself, or with `pytest examples/test_a_task.py`."""

# ruff: noqa: S101  a page of tests asserts
from __future__ import annotations

from collections.abc import Iterable

import pendulum

from taskkit import (
    AfterCheckIn,
    AfterExpire,
    ApprovalExpired,
    CheckedIn,
    Engine,
    Fallback,
    OnDemand,
    Record,
    RecordType,
    State,
    Task,
    of_type,
    parse_interval,
)
from taskkit.plugins import Executor, hookimpl
from taskkit.scripts import Commands, Step
from taskkit.testing import FakeExecutor, MemoryVault, VirtualClock


class House:
    """An engine over two records, with everything that a test wants to touch."""

    def __init__(self) -> None:
        self.clock = VirtualClock(pendulum.datetime(2026, 3, 28, 12, tz="Europe/Berlin"))
        self.hosts = FakeExecutor()
        self.vault = MemoryVault([Record(f"db-{n}", "unix", fields={"host": f"10.0.0.{n}", "user": "app"}) for n in (1, 2)])
        self.engine = Engine(self.vault, plugins=[self], clock=self.clock)
        self.engine.define(RecordType("unix", executor="fake"))
        self.engine.define(Commands("check", Step("check {user}"), effect="idempotent"))

    @hookimpl
    def taskkit_executors(self) -> Iterable[Executor]:
        return [self.hosts]

    def states(self, record: str) -> list[State]:
        """Of the jobs that ended, the oldest first."""
        return [entry.state for entry in reversed(self.engine.history(record=record).entries) if entry.ended]


def test_each_night_has_one_run_also_the_one_in_which_the_clock_jumps() -> None:
    house = House()
    house.engine.put(Task("check", "check", parse_interval("daily 02:30 Europe/Berlin")), list=of_type("unix"))
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert house.states("db-1") == [State.COMPLETED] * 3


def test_check_in_and_expiry_of_one_approval_are_one_run() -> None:
    house = House()
    house.engine.put(Task("check", "check", [AfterCheckIn(), AfterExpire()]), list=of_type("unix"))
    house.engine.emit(CheckedIn("db-1", approval="a-17"))
    house.engine.drain()
    house.engine.emit(ApprovalExpired("db-1", approval="a-17"))
    house.engine.drain()
    assert [said.line for said in house.hosts.said] == ["check app"]


def test_a_host_that_is_down_is_tried_again_and_the_other_is_not_held_up() -> None:
    house = House()
    task = house.engine.put(Task("check", "check", OnDemand(), fallback=Fallback(minutes=10)), list=of_type("unix"))
    house.hosts.down("10.0.0.1")
    for record in ("db-1", "db-2"):
        house.engine.demand(task.id, record)
    house.engine.drain()
    house.hosts.up("10.0.0.1")
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert house.states("db-1") == [State.ERROR, State.COMPLETED]
    assert house.states("db-2") == [State.COMPLETED]


def main() -> None:
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
            print(name.removeprefix("test_").replace("_", " "))


if __name__ == "__main__":
    main()
