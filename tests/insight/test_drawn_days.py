"""Random days: with one seed a forecast draws what the engine draws then, and without it the range that it shows holds (T10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pendulum
import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from taskkit.cli import _forecasts
from taskkit.dice import Dice
from taskkit.events.clocks import Daily, Weekly
from taskkit.events.happenings import CheckedIn
from taskkit.events.open_times import OpenTime
from taskkit.events.policies import AfterCheckIn
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.spreads import Spread
from taskkit.events.windows import TimeWindow
from taskkit.insight import Forecast, pictures
from taskkit.instants import instant
from taskkit.tasks import Task
from tests.engine.houses import UNIX, House, hosts

DAYS = 70
STARTS = [pendulum.datetime(2026, 3, 1, 9), pendulum.datetime(2026, 10, 1, 20)]
ZONES = st.sampled_from(["UTC", "Europe/Berlin"])
TIMES = st.sampled_from(["00:00", "02:30", "23:45", ("02:00", "14:00")])
#: A history of random days is not made smaller in any time.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
SPANS = st.tuples(st.integers(1, 12), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1]))
RANDOM = st.builds(lambda span, at, tz: RandomDays(*span, at=at, tz=tz), SPANS, TIMES, ZONES)
OTHERS = st.sampled_from([Daily(9, at="02:30"), Weekly(on=["mon"], at="06:00"), MaxAge(4, at="05:00")])
WINDOWS = st.sampled_from([None, None, TimeWindow("* 1-4 * * *"), OpenTime(TimeWindow("* * * * mon-fri"), TimeWindow("* * 20-25 * *"))])
SETTINGS = settings(max_examples=20, phases=PHASES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)


def live(house: House, until: pendulum.DateTime) -> None:
    """From due to due: nothing else happens."""
    house.engine.drain()
    while (due := house.storage.next_due(["local"])) is not None and due <= instant(until):
        house.clock.pass_to(due)
        house.engine.drain()
    house.clock.pass_to(instant(until))


def world(start: pendulum.DateTime, tasks: Sequence[Task], seed: int, ripe: int) -> House:
    house = House(*hosts(2), start=start, rng=Dice(seed))
    for task in tasks:
        house.engine.define(house.Scripted(task.script))
        house.engine.put(task, list=UNIX)
    live(house, start.add(days=ripe))
    return house


def came(house: House, since: pendulum.DateTime) -> list[tuple[Any, ...]]:
    names = {task.id: task.name for task in house.engine.tasks()}
    entries = [one for one in house.entries() if one.started is not None and one.started >= since]
    return sorted(((names[one.task], one.record, one.nominal, one.started) for one in entries), key=str)


def told(forecast: Forecast) -> list[tuple[Any, ...]]:
    return sorted(((one.task_name, one.record, one.nominal, one.start) for one in forecast.runs), key=str)


@st.composite
def tasks(draw: st.DrawFn) -> list[Task]:
    made = []
    for number in range(draw(st.integers(1, 2))):
        rules = [draw(RANDOM), *draw(st.lists(st.one_of(RANDOM, OTHERS), max_size=2))]
        said: dict[str, Any] = {"window": draw(WINDOWS), "spread": draw(st.sampled_from([None, Spread(90)]))}
        made.append(Task(f"t{number}", f"work{number}", list(dict.fromkeys([*rules, AfterCheckIn()])), **said))
    return made


@SETTINGS
@given(st.sampled_from(STARTS), tasks(), st.integers(0, 5), st.integers(0, 20), st.lists(st.integers(1, DAYS * 24 - 1), max_size=3))
def test_t10_with_one_seed_a_forecast_draws_the_days_that_are_drawn_then(
    start: pendulum.DateTime, tasks: Sequence[Task], seed: int, ripe: int, hours: Sequence[int]
) -> None:
    house = world(start, tasks, seed, ripe)
    now = house.clock.moment
    happenings = [(now.add(hours=hour, minutes=7), CheckedIn("h01", id=f"c{hour}", approval=f"a{hour}")) for hour in sorted(set(hours))]
    forecast = house.engine.forecast(None, now.add(days=DAYS), durations=0, seed=seed, happenings=happenings)
    for at, happening in happenings:
        live(house, at)
        house.engine.emit(happening)
    live(house, now.add(days=DAYS).subtract(microseconds=1))
    assert told(forecast) == came(house, now)


@SETTINGS
@given(
    st.sampled_from(STARTS),
    RANDOM.filter(lambda rule: len(rule.at) == 1),
    WINDOWS,
    st.integers(0, 5),
    st.integers(6, 9),
    st.integers(0, 20),
)
def test_t10_the_range_of_a_day_that_is_not_drawn_holds_whatever_is_drawn(
    start: pendulum.DateTime, rule: RandomDays, window: Any, seed: int, other: int, ripe: int
) -> None:
    house = world(start, [Task("t0", "work0", rule, window=window)], seed, ripe)
    now = house.clock.moment
    forecast = house.engine.forecast(None, now.add(days=DAYS), durations=0, seed=other)
    live(house, now.add(days=2 * DAYS))
    for record in ("h01", "h02"):
        runs, began = forecast.of("t0", record), [at for _, name, _, at in came(house, now) if name == record]
        assert [one.start for one in runs[:1]] == sorted(began)[: len(runs[:1])]
        for run, at in zip(runs, sorted(began), strict=False):
            assert run.earliest <= at <= run.latest
            assert run.earliest <= run.due <= run.latest
        assert [one.is_drawn for one in runs] == [place > 0 for place in range(len(runs))]


def test_t10_an_edit_draws_anew_the_same_in_a_forecast_and_then() -> None:
    house = world(STARTS[0], [Task("t0", "work0", RandomDays(2, 9, at="02:30"))], 4, 3)
    now, [task] = house.clock.moment, house.engine.tasks(UNIX)
    later = evolve(task, policies=RandomDays(15, 30, at="02:30"))
    forecast = house.engine.forecast(None, now.add(days=DAYS), durations=0, seed=4, changes=[later])
    house.engine.edit(later)
    live(house, now.add(days=DAYS).subtract(microseconds=1))
    assert told(forecast) == came(house, now) != []


def test_t10_a_day_that_is_not_drawn_is_shown_as_a_range_wherever_it_is_shown() -> None:
    house = world(STARTS[0], [Task("t0", "work0", RandomDays(5, 9, at="02:30"))], 4, 0)
    now = house.clock.moment
    forecast = house.engine.forecast(None, now.add(days=40), durations=60, seed=4)
    first, second, *_ = forecast.of("t0", "h01")
    low, high = first.due.add(days=5), first.due.add(days=9)
    assert ((first.earliest, first.latest), (second.earliest, second.latest)) == ((first.due, first.due), (low, high))
    shown = f"drawn between {low:%d %b} and {high:%d %b}"
    assert (shown in str(second), "drawn" in str(first)) == (True, False)
    assert f"  {len(forecast.runs):>7}  t0, of {len(forecast.runs) - 2} the day is not drawn yet" in str(forecast).splitlines()
    document = forecast.document()["runs"]
    assert [("earliest" in one, "latest" in one) for one in document] == [(one.is_drawn, one.is_drawn) for one in forecast.runs]
    assert next(one for one in document if one["start"] == f"{second.start:%Y-%m-%dT%H:%M:%SZ}")["latest"] == f"{high:%Y-%m-%dT%H:%M:%SZ}"
    assert "~" in pictures.months(forecast)
    assert shown in pictures.day(forecast, second.start.date())
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=120, record=True)
    console.print(_forecasts.months(forecast))
    assert f"{second.start.day}:" in (out := console.export_text())
    assert "~" in out
