"""What is done once a day and beside the jobs, where the clock was ahead, or one record makes trouble."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Settings
from taskkit.errors import InvalidValue, VaultAway
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.records import Record
from taskkit.states import State
from taskkit.tasks import Guard
from tests.engine.houses import START, House, hosts, raises_over
from tests.engine.test_jumps import Settable


def settable(*records: Record, **said: Any) -> tuple[House, Settable]:
    house, clock = House(*records, **said), Settable(START)
    house.clock = clock
    house.engine = house.enter()
    return house, clock


def test_j08_a_clock_that_was_years_ahead_for_a_moment_ends_no_retention() -> None:
    house, clock = settable(*hosts(1), settings=Settings(retention={State.COMPLETED: 30}))
    house.put(AfterCheckIn())
    clock.set(days=3650)
    house.engine.drain()
    clock.set(days=-3650)
    house.engine.emit(CheckedIn("h01"))
    house.engine.drain()
    for _ in range(40):
        house.clock.advance(days=1)
        house.engine.drain()
    assert house.entries() == []


def test_r08_a_clock_that_was_years_ahead_for_a_moment_ends_no_comparison_with_the_vault() -> None:
    house, clock = settable(*hosts(1))
    house.put(Daily(at="02:00"))
    clock.set(days=3650)
    house.engine.drain()
    clock.set(days=-3650)
    house.vault.put(evolve(hosts(2)[1]))
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert house.play.count("h02") > 0


def test_j05_a_process_that_died_while_its_clock_was_ahead_keeps_no_notice_back() -> None:
    inbox = Inbox(["Paused"])
    inbox.name = "pager"  # type: ignore[misc]
    house, clock = settable(*hosts(1), notifiers=[inbox])
    house.engine.tick()

    def dies(facts: object) -> None:
        raise SystemExit

    take, inbox.notify = inbox.notify, dies  # type: ignore[method-assign]
    clock.set(days=365)
    house.engine.pause("host:a")
    with pytest.raises(SystemExit):
        house.engine.tick()
    clock.set(days=-365)
    inbox.notify = take  # type: ignore[method-assign]
    house.clock.advance(seconds=121)
    house.enter().tick()
    assert [notice.kind for notice in inbox.notices] == ["Paused"]


def test_r04_after_a_clock_that_was_ahead_who_does_not_come_still_loses_its_place() -> None:
    """As without the jump: h02's job is of a pool that no node serves."""

    def count(jump: bool) -> list[str]:
        house, clock = settable(*hosts(1), settings=Settings(look=60))
        house.put(AfterCheckIn(), OnDemand())
        if jump:
            clock.set(days=1)
            house.engine.drain()
            clock.set(days=-1)
        looked = list[int]()
        pass_over = house.engine._staff.waits._pass_over
        house.engine._staff.waits._pass_over = lambda until: looked.append(until) or pass_over(until)  # type: ignore[method-assign, func-returns-value]
        for _ in range(10):
            house.clock.advance(minutes=2)
            house.engine.tick()
        return ["look"] * len(looked)

    assert count(jump=True) == count(jump=False) != []


@pytest.mark.parametrize(
    "error", [InvalidValue("reading", "it is no record", "mend it"), VaultAway("x", "y", "z")], ids=["invalid", "away"]
)
def test_j09_one_record_that_the_vault_cannot_give_holds_up_no_other_chore(error: Exception) -> None:
    house = House(*hosts(3))
    engine = house.engine
    task = house.put(Daily(at="02:00"))
    engine.drain()
    chores, storage = engine._staff.chores, house.storage
    # two workers died right after the unit that left their planning
    storage.write([(chores.left_for("h01"),)])
    storage.write([(chores.left(task.id),)])
    storage.write([(chores.left_for("h03"),)])
    raises_over(house, "h01", error)
    for _ in range(3):
        house.clock.advance(seconds=1)
        with suppress(Exception):
            engine.tick()
    assert [kept.id for kept in storage.documents("chore")] == ["record:h01"]


def test_a08_a_clock_that_is_set_back_makes_no_burst_of_what_happens_for_a_day() -> None:
    house, clock = settable(*hosts(1))
    house.put(AfterCheckIn(), guard=Guard(burst=2))
    for _ in range(2):
        house.engine.emit(CheckedIn("h01"))
        house.engine.drain()
    clock.set(days=-1)
    for _ in range(3):
        house.clock.advance(minutes=10)
        house.engine.emit(CheckedIn("h01"))
        house.engine.drain()
    assert [entry.state.value for entry in house.entries()] == ["completed"] * 5
