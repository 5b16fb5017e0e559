"""What is forecast is what comes: the same configuration, happenings, durations and outcomes, played by other code."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from taskkit.events.clocks import Daily, Weekly
from taskkit.events.elapsed import Hourly, Minutely
from taskkit.events.happenings import Unlocked
from taskkit.events.open_times import OpenTime
from taskkit.events.policies import AfterUnlock, OnDemand
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.spreads import Spread
from taskkit.events.windows import TimeWindow
from taskkit.instants import MINUTE, SECOND, instant
from taskkit.records import Record
from taskkit.selections import OfType
from taskkit.states import State
from taskkit.storage import Query
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import SYSTEM, ConsentRule, Fallback, Task, Waves
from taskkit.testing import simulations
from tests.engine.houses import House, hosts, kept
from tests.insight.worlds import UNIX, Played, World, expected, seen_by

HOURS = 30
#: A world is small, and played for a second: making it smaller would take minutes and help nobody.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
INTERVALS = [
    Daily(at="02:30"), Daily(at="02:00", tz="Europe/Berlin"), Weekly(on=["mon", "tue"], at="03:00"), Hourly(4), Minutely(50),
    MaxAge(1, at="05:00"), RandomDays(1, 2, at="04:00"),
]  # fmt: skip
WINDOWS = [None, TimeWindow("* 1-4 * * *"), OpenTime(TimeWindow("* 0-12 * * *"), TimeWindow("* 3 * * *"))]


@st.composite
def tasks(draw: st.DrawFn, number: int, *, over_many: bool) -> tuple[Task, str]:
    said: dict[str, Any] = {
        "window": draw(st.sampled_from(WINDOWS)),
        "spread": draw(st.sampled_from([None, Spread(45)])),
        "fallback": draw(st.sampled_from([None, Fallback(20, 2)])),
        "max_lateness": draw(st.sampled_from([None, None, 30])),
        "at_once": draw(st.sampled_from([None, 1])) if over_many else None,
    }
    policies = draw(st.lists(st.sampled_from(INTERVALS), min_size=1, max_size=2, unique=True))
    name, script = f"t{number}", draw(st.sampled_from(["work", "rotate"] if over_many else ["work"])) + str(number)
    if over_many and draw(st.booleans()):
        waves = draw(st.sampled_from([Waves(), Waves(canary=1, size=2, halt=0.6)]))
        return Task(name, script, policies, selection=OfType("unix"), waves=waves, **{**said, "spread": None}), SYSTEM
    return Task(name, script, [*policies, AfterUnlock(10)] if over_many else policies, **said), UNIX


@st.composite
def worlds(draw: st.DrawFn, *, workers: int, shared: bool) -> World:
    count = draw(st.integers(1, 4))
    roots = [draw(st.sampled_from([None, "r1"])) if shared and number > 1 else None for number in range(1, count + 1)]
    records = [Record(f"r{number}", "unix", reference=root) for number, root in enumerate(roots, 1)]
    several = [draw(tasks(number, over_many=shared)) for number in range(draw(st.integers(1, 3)))]
    places: list[tuple[str, str | None]] = [(task.name, record.id) for task, _ in several for record in records]
    minutes = draw(st.fixed_dictionaries({place: st.integers(1, 90 if shared else 40) for place in places}))
    fails = draw(st.frozensets(st.tuples(st.sampled_from(places), st.integers(1, 2)).map(lambda one: (*one[0], one[1])), max_size=4))
    return World(records, several, minutes, fails, workers)


unlocks = st.lists(st.tuples(st.integers(0, HOURS * 60 - 1), st.integers(1, 4)), max_size=4)


def compare(world: World, before: int, seen: list[tuple[int, int]], stops: list[str]) -> int:
    """How many runs were the same, to the microsecond."""
    with Played(world) as played:
        for task in played.engine.tasks():
            if task.name in stops:
                played.engine.suspend_task(task.id, why="for a test")
        played.simulation.run(minutes=before)
        now = played.simulation.clock.moment
        end = now.add(hours=HOURS)
        looks = [Unlocked(f"r{number}", id=f"u{place}") for place, (_, number) in enumerate(seen)]
        told = [(now.add(minutes=minute, seconds=30), happening) for (minute, _), happening in zip(seen, looks, strict=True)]
        forecast = played.engine.forecast(None, end, durations=world.duration, outcomes=world.outcome, happenings=told)
        for moment, happening in told:
            played.simulation.tell(happening, minutes=(moment - now).total_seconds() / 60)
        played.simulation.run(hours=HOURS)
        came = seen_by(played.engine, now, end)
        assert expected(forecast.runs, instant(end)) == came
        return len(came)


@settings(max_examples=25, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(workers=1, shared=True), st.integers(0, 500), unlocks, st.lists(st.sampled_from(["t0", "t1"]), max_size=1))
def test_with_one_worker_the_forecast_equals_the_run_that_follows_it(
    world: World, before: int, seen: list[tuple[int, int]], stops: list[str]
) -> None:
    compare(world, before, seen, stops)


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(workers=3, shared=False), st.integers(0, 500))
def test_with_several_workers_the_forecast_equals_the_run_that_follows_it(world: World, before: int) -> None:
    """No job waits for another: in a simulation, who is idle does not hear that an account is free."""
    compare(world, before, [], [])


@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(workers=3, shared=True), st.integers(60, 180))
def test_where_several_workers_wait_for_one_account_the_forecast_is_the_run_but_for_the_looks_of_who_is_idle(
    world: World, before: int
) -> None:
    """In a simulation an idle process hears of nothing: it looks each second, and what waits begins so much later.

    Always the same worlds: in some, jobs that wait equally long for one account go in another order, which no rule decides.
    """
    with pytest.MonkeyPatch.context() as patch, Played(world) as played:
        played.simulation.run(minutes=before)
        patch.setattr(simulations, "_POLL", SECOND)
        now = played.simulation.clock.moment
        end = now.add(hours=3)
        forecast = played.engine.forecast(None, end, durations=world.duration, outcomes=world.outcome)
        played.simulation.run(hours=3)
        told, came = expected(forecast.runs, instant(end) - MINUTE), seen_by(played.engine, now, end)
        for one in told:
            assert any(one[:3] == other[:3] and one[5] == other[5] and abs(one[3] - other[3]) < MINUTE // 2 for other in came), one


def test_two_forecasts_of_one_seed_are_one() -> None:
    """T10: whatever is drawn on the way."""
    world = World([Record("r1", "unix")], [(Task("drawn", "work0", RandomDays(2, 9, at="02:30")), UNIX)])
    with Played(world) as played:
        end = played.simulation.clock.moment.add(days=60)
        one, other, third = (played.engine.forecast(None, end, seed=seed, durations=60) for seed in (7, 7, 8))
    assert one.runs == other.runs != third.runs


def test_a_draw_hangs_on_its_own_job_and_not_on_what_others_do() -> None:
    """T10: else two configurations would differ by more than what was changed."""
    drawn = Task("drawn", "work0", RandomDays(2, 9, at="02:30"))
    world = World([Record("r1", "unix"), Record("r2", "unix")], [(drawn, UNIX), (Task("more", "work1", RandomDays(1, 3)), UNIX)])
    with Played(world) as played:
        end = played.simulation.clock.moment.add(days=60)
        [more] = [task.id for task in played.engine.tasks() if task.name == "more"]
        one, other = played.engine.forecast(None, end), played.engine.forecast(None, end, without=[more])
    assert [run.start for run in one.of("drawn", "r1")] == [run.start for run in other.of("drawn", "r1")]


def test_a_durable_store_is_copied_as_one_in_memory(tmp_path: Path) -> None:
    """With jobs that run, wait for an account, conduct, wait to be tried again, and are awaited by people."""
    world = World(
        [Record("r1", "unix"), Record("r2", "unix", reference="r1"), Record("r3", "unix")],
        [
            (Task("rotation", "rotate0", [Hourly(2), OnDemand()], fallback=Fallback(20, 2)), UNIX),
            (Task("tour", "work1", Hourly(3), selection=OfType("unix"), waves=Waves(canary=1, size=1)), SYSTEM),
            (Task("asked", "work2", [Daily(), OnDemand()], consent=ConsentRule(1, ["ann"], minutes=90)), UNIX),
        ],
        {("rotation", name): 50 for name in ("r1", "r2", "r3")},
        frozenset({("rotation", "r1", 1)}),
        workers=2,
    )
    durable = SqliteStorage(tmp_path / "jobs.db")
    found = []
    for handles in (MemoryStorage().join, durable.join):
        with Played(world, handles=handles) as played:
            [asked] = [task.id for task in played.engine.tasks() if task.name == "asked"]
            played.simulation.at(partial(played.engine.demand, asked, "r1", by="bob"), minutes=20)
            played.simulation.run(minutes=145)
            states = Counter((job.state, job.why) for job in played.engine.storage.jobs(Query()).jobs)
            end = played.simulation.clock.moment.add(days=1)
            forecast = played.engine.forecast(None, end, durations=world.duration, outcomes=world.outcome)
            found.append((states, expected(forecast.runs, instant(end)), [str(one) for one in forecast.idle]))
    durable.close()
    assert found[0] == found[1]
    assert {State.RUNNING, State.DEFERRED, State.AWAITING_CONSENT} & {state for state, _ in found[0][0]}


def test_nothing_of_the_real_world_is_touched() -> None:
    world = World([Record("r1", "unix"), Record("r2", "unix")], [(Task("nightly", "rotate0", Daily(at="02:30")), UNIX)])
    with Played(world) as played:
        played.simulation.run(minutes=30)
        before = kept(played.engine.storage)
        runs = played.engine.forecast(None, played.simulation.clock.moment.add(days=9), durations=60).runs
        assert len(runs) == 18
        assert kept(played.engine.storage) == before


def test_what_is_passed_over_does_not_run_in_a_forecast_either() -> None:
    house = House(*hosts(1))
    house.engine.put(Task("nightly", "work", Daily(at="02:00")), list=UNIX)
    house.clock.advance(hours=3)
    house.engine.pass_over(by="ada")
    forecast = house.engine.forecast(None, house.clock.moment.add(hours=6))
    assert [one.task_name for one in forecast.runs] == []
    house.engine.drain()
    assert [entry.state for entry in house.entries() if entry.ended] == [State.MISSED]
