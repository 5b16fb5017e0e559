"""The clock of a database (J4)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from taskkit.engine import Engine
from taskkit.instants import MINUTE, SECOND
from taskkit.storage.postgresql import _NOW, PostgresStorage
from taskkit.storage.sql._clocks import DatabaseClock
from taskkit.storage.sqlite._lines import SqliteLine
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import START

THERE = 1_790_000_000_000_000


class World(SqliteLine):
    """A database, the way to it, and the clocks of this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        #: Microseconds: what the database says at the begin, how long it takes there and back, and how far the steady clock is.
        self.there, self.way, self.back, self.steady = THERE, 0, 0, 3 * SECOND
        self.began = self.steady
        monkeypatch.setattr(time, "clock_gettime_ns", lambda _: self.steady * 1000)

    @property
    def now(self) -> int:
        return self.there + self.steady - self.began

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        self.steady += self.way
        told = self.now
        self.steady += self.back
        return [(told,)]

    def passes(self, seconds: float) -> None:
        self.steady += round(seconds * SECOND)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_j04_it_is_read_at_once_also_on_a_machine_that_has_just_been_switched_on(world: World) -> None:
    clock = DatabaseClock("now")
    clock.look(world)
    assert clock.now() == THERE


def test_j04_it_is_read_again_after_some_seconds_and_not_before(world: World) -> None:
    clock = DatabaseClock("now")
    for seconds in (100, 5, 4, 2):
        world.passes(seconds)
        clock.look(world)
    assert world.asked.count("now") == 2


def test_j04_in_between_time_passes_and_this_machines_own_clock_may_jump_at_will(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = DatabaseClock("now")
    clock.look(world)
    for own in (0, THERE * 2, 7):
        monkeypatch.setattr(time, "time_ns", lambda own=own: own * 1000)
        world.passes(3)
        assert clock.now() == world.now
        clock.look(world)
        assert clock.now() == world.now


def test_j04_what_the_database_says_is_followed(world: World) -> None:
    clock = DatabaseClock("now")
    clock.look(world)
    for seconds in (86_400, -172_800, 0.5):
        world.there += round(seconds * SECOND)
        world.passes(11)
        clock.look(world)
        assert clock.now() == world.now


def test_j04_a_slow_answer_moves_nothing_that_it_does_not_refute(world: World) -> None:
    clock = DatabaseClock("now")
    clock.look(world)
    world.passes(11)
    world.way, world.back = 0, 8 * SECOND  # half of the way there and back would be four seconds wrong
    clock.look(world)
    assert clock.now() == world.now
    world.way, world.back, world.there = 0, 2 * SECOND, THERE + 60 * SECOND
    world.passes(11)
    clock.look(world)
    assert 0 <= world.now - clock.now() <= 2 * SECOND


def test_j04_a_first_answer_that_was_slow_is_put_right_by_the_next(world: World) -> None:
    clock = DatabaseClock("now")
    world.way = 8 * SECOND
    clock.look(world)
    assert abs(clock.now() - world.now) == 4 * SECOND
    world.way = 0
    world.passes(11)
    clock.look(world)
    assert clock.now() == world.now


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that goes on while it sleeps")
def test_j04_who_slept_with_its_machine_does_not_claim_by_the_time_at_which_it_fell_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def gettime(clock: int) -> int:
        asked.append(clock)
        return 0

    monkeypatch.setattr(time, "clock_gettime_ns", gettime)
    DatabaseClock("now").now()
    assert asked == [time.CLOCK_BOOTTIME]


def test_j04_an_engine_on_postgresql_goes_by_the_database_whatever_its_own_machine_says(database: str) -> None:
    own = VirtualClock(START)
    with PostgresStorage(database) as storage:
        engine = Engine(MemoryVault(), storage, clock=own)
        for moment in (START, START.add(years=100), START.subtract(years=50)):
            own.jump(moment)
            [(there,)] = storage._ask(lambda line: line.rows(_NOW))
            assert abs(engine._ground.now() - there) < MINUTE
            skew = engine.skew()
            assert skew is not None
            assert abs(skew - (own.now() - there) / SECOND) < 60
