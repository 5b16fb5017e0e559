"""What `explain` says about tomorrow happens tomorrow; and what happened is told afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pendulum
import pytest
from attrs import field, frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from taskkit.engine import Explanation
from taskkit.events import AnyOf, Daily, Hourly, MaxAge, Minutely, Monthly, Once, OpenTime, RandomDays, TimeWindow, Weekly
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.events.spreads import Spread
from taskkit.instants import SECOND, Instant, instant
from taskkit.tasks import ConsentRule, Task
from tests.engine.houses import UNIX, House, hosts

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata")
#: Around changes of the clock, the end of a month, and an ordinary day.
DAYS = [
    pendulum.datetime(2026, 3, 28, 9),
    pendulum.datetime(2026, 10, 24, 20),
    pendulum.datetime(2026, 2, 28, 13),
    pendulum.datetime(2026, 6, 10),
]
TIMES = st.sampled_from(["00:00", "01:15", "02:30", "09:00", "13:45", "23:59"])
CLOCK = {"at": TIMES, "tz": st.sampled_from(ZONES)}
DAYS_OF_WEEK = st.lists(st.sampled_from(["mon", "wed", "fri", "sat", "sun"]), min_size=1, max_size=3, unique=True)
RULES = st.one_of(
    st.builds(Minutely, st.sampled_from([90, 240])),
    st.builds(Hourly, st.integers(2, 9)),
    st.builds(Daily, st.integers(1, 3), **CLOCK),
    st.builds(Weekly, st.integers(1, 2), on=DAYS_OF_WEEK, **CLOCK),
    st.builds(Monthly, st.sampled_from([(1,), (11, 25), (29,), (-1,)]), **CLOCK),
    st.builds(Once, st.sampled_from(["2026-03-29T02:30", "2026-10-25T12:00", "2026-06-10T23:00", "2026-12-24T18:00"])),
    st.builds(RandomDays, st.just(1), st.integers(1, 3), **CLOCK),
    st.builds(MaxAge, st.integers(1, 2), **CLOCK),
)
SHUT = st.sampled_from(["* 2-4 * * *", "* 22-23 * * *", "0-29 * * * *", "* * * * sat", "* 9-17 * * 1-5"])
WINDOWS = st.one_of(
    st.none(),
    st.none(),
    st.builds(TimeWindow, SHUT, tz=st.sampled_from(ZONES)),
    st.builds(
        OpenTime,
        st.one_of(st.none(), st.builds(TimeWindow, st.sampled_from(["* 2-4 * * *", "* 0-12 * * *"]))),
        st.lists(st.builds(TimeWindow, st.sampled_from(["* 3 * * *", "* * 29 3 *", "* * 25 10 *", "0-14 * * * *"])), max_size=2),
    ),
)
#: What somebody does to the first task, for the first record or as a whole.
MOODS: dict[str, Callable[[House, Task], object]] = {
    "nothing": lambda house, task: None,
    "suspended for one": lambda house, task: house.engine.suspend_task(task.id, "h01", why="x"),
    "suspended": lambda house, task: house.engine.suspend_task(task.id, why="x"),
    "inactive": lambda house, task: house.engine.deactivate(task.id),
    "next run set": lambda house, task: house.engine.set_next_run(task.id, house.clock.moment.add(hours=20), "h01"),
    "host paused": lambda house, task: house.engine.pause("host:host01"),
    "pool paused": lambda house, task: house.engine.pause("pool:local"),
    "demanded": lambda house, task: house.engine.demand(task.id, "h02"),
}  # fmt: skip


@frozen
class Plan:
    """How a task is set up."""

    rules: Sequence[Any]
    window: Any
    spread: Spread | None
    max_lateness: int | None
    consent: ConsentRule | None

    def task(self, name: str) -> Task:
        rules = AnyOf(*self.rules) if len(self.rules) > 1 else self.rules[0]
        return Task(
            name,
            f"work {name}",
            [rules, AfterCheckIn(), OnDemand()],
            window=self.window,
            spread=self.spread,
            max_lateness=self.max_lateness,
            consent=self.consent,
        )


PLANS = st.builds(
    Plan,
    st.lists(RULES, min_size=1, max_size=2, unique=True),
    WINDOWS,
    st.one_of(st.none(), st.none(), st.builds(Spread, st.integers(1, 90))),
    st.sampled_from([None, None, 1, 60]),
    st.sampled_from([None, None, ConsentRule(1)]),
)


@frozen
class World:
    """Several tasks on two records, somewhere in the year."""

    start: pendulum.DateTime
    plans: Sequence[Plan]
    mood: str
    ripe: int  #: for how many hours it has been at work
    house: House = field(init=False)

    @house.default
    def _house(self) -> House:
        return House(*hosts(2), start=self.start)

    def begun(self) -> list[Task]:
        for number in range(len(self.plans)):  # a list has one task for a script
            self.house.engine.define(self.house.Scripted(f"work t{number}"))
        tasks = [self.house.engine.put(plan.task(f"t{number}"), list=UNIX) for number, plan in enumerate(self.plans)]
        self.live(self.house.clock.now() + self.ripe * 3600 * SECOND)
        MOODS[self.mood](self.house, tasks[0])
        self.house.engine.drain()
        return tasks

    def live(self, until: Instant) -> None:
        """From due to due: nothing else happens."""
        engine, clock = self.house.engine, self.house.clock
        engine.drain()
        while (due := engine.storage.next_due(engine._staff.turns.pools())) is not None and due <= until:
            clock.pass_to(due)
            engine.drain()
        clock.pass_to(until)

    def started(self, task: Task, record: str) -> list[Instant]:
        facts = self.house.engine.facts(kinds=["JobStarted"], record=record, limit=100_000)
        return sorted(fact.at for fact in facts if fact.task == task.id)


WORLDS = st.builds(World, st.sampled_from(DAYS), st.lists(PLANS, min_size=1, max_size=2), st.sampled_from(list(MOODS)), st.integers(0, 12))
MOMENTS = st.lists(st.integers(1, 24 * 12), min_size=1, max_size=3)


def holds(told: Explanation, since: Instant, until: Instant, starts: Sequence[Instant]) -> bool:
    """Whether what was told of the time from a moment on came true; what nobody can say may be."""
    first = next((at for at in starts if since <= at <= until), None)
    if told.run is not None:
        return first == (instant(told.run) if instant(told.run) <= until else None)
    return first is None or "nobody can say" in told.answer


def tomorrow(world: World, fives: Sequence[int]) -> None:
    tasks, house = world.begun(), world.house
    now = house.clock.now()
    until, moments = now + 24 * 3600 * SECOND, [now + 300 * five * SECOND for five in fives]
    pairs = [(task, record) for task in tasks for record in ("h01", "h02")]
    told = {(task.id, record, now + 1): house.engine.explain(task.id, record) for task, record in pairs}
    for at in moments:
        shown = pendulum.from_timestamp(at // SECOND)
        told |= {(task.id, record, at): house.engine.explain(task.id, record, shown) for task, record in pairs}
    world.live(until)
    for task, record in pairs:
        starts = world.started(task, record)
        for (id, name, since), said in told.items():
            if (id, name) == (task.id, record):
                assert holds(said, since, until, starts), (
                    str(said),
                    said.run,
                    [str(pendulum.from_timestamp(at // SECOND)) for at in starts],
                )
        for at in starts[-5:]:
            if at < until:
                past = house.engine.explain(task.id, record, pendulum.from_timestamp(at // SECOND))
                assert past.run is not None
                assert (instant(past.run), past.answer[:3]) == (at, "ran")


SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)


def test_what_follows_a_run_that_will_be_missed_is_said_with_it() -> None:
    """Drawn days hang on the last run: nobody can say what is next."""
    start, closed = pendulum.datetime(2026, 3, 28, 9), OpenTime(None, [TimeWindow("0-14 * * * *")])
    world = World(start, [Plan([Minutely(90), RandomDays(1, 1, at="00:00")], closed, None, 1, None)], "next run set", 0)
    tomorrow(world, [1])


@settings(SETTINGS, max_examples=100)
@given(WORLDS, MOMENTS)
def test_what_is_said_about_tomorrow_happens_tomorrow(world: World, fives: list[int]) -> None:
    tomorrow(world, fives)


@pytest.mark.sweep
@settings(SETTINGS, max_examples=int(os.environ.get("TASKKIT_EXPLAINED", "5000")), phases=[Phase.generate, Phase.shrink])
@given(WORLDS, MOMENTS)
def test_what_is_said_about_tomorrow_happens_in_many_more_worlds(world: World, fives: list[int]) -> None:
    tomorrow(world, fives)
