"""The days of a forecast in some zone, each with its runs, the load of its hours, and what should be looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date

from attrs import field, frozen

from taskkit.events._tzif import DAY, EPOCH_DAY
from taskkit.events.zones import zone
from taskkit.insight.forecasts import Concern, Forecast, Load
from taskkit.insight.runs import ForecastRun
from taskkit.instants import HOUR, SECOND, Instant


@frozen
class Day:
    date: date
    tz: str
    since: Instant
    until: Instant
    count: int
    drawn: int  #: of how many runs the day is not drawn yet
    runs: Sequence[ForecastRun] = field(repr=False)  #: those that start on it
    under_way: Sequence[ForecastRun] = field(repr=False)  #: those that began before
    loads: Sequence[Load] = field(repr=False)
    concerns: Sequence[Concern] = field(repr=False)

    @property
    def busy(self) -> float:
        return sum(load.busy for load in self.loads)

    @property
    def hours(self) -> list[tuple[float, float]]:
        """Of each hour, how busy all pools are, and for how long workers are there."""
        found: dict[Instant, tuple[float, float]] = {}
        for load in self.loads:
            busy, there = found.get(load._hour, (0.0, 0.0))
            found[load._hour] = busy + load.busy, there + load.capacity
        return [found[hour] for hour in sorted(found)]


def days_of(forecast: Forecast, tz: str) -> list[Day]:
    """Each day that the forecast touches."""
    bounds = _bounds(forecast, tz)
    starts, loads = [one.start_at for one in forecast.runs], _by_day(forecast.loads, bounds)
    longest = max((one.end_at - one.start_at for one in forecast.runs), default=0)
    concerns = [(_within(forecast, one._since), one) for one in forecast.concerns]
    days = []
    for place, (when, since, until) in enumerate(bounds):
        first, last = bisect_left(starts, since), bisect_left(starts, until)
        runs = forecast.runs[first:last]
        before = forecast.runs[bisect_left(starts, since - longest) : first]
        days.append(Day(
            when, tz, since, until, len(runs), sum(one.is_drawn for one in runs), runs, [one for one in before if one.end_at > since],
            loads.get(place, ()), [one for at, one in concerns if since <= at < until],
        ))  # fmt: skip
    return days


def _within(forecast: Forecast, at: Instant) -> Instant:
    """What has been so for longer is to be looked at from the beginning on."""
    return max(forecast._start, min(at, forecast._end - 1))


def _bounds(forecast: Forecast, tz: str) -> list[tuple[date, Instant, Instant]]:
    """A clock may begin its day later than at midnight, show midnight twice, and skip a day as a whole."""
    clocks, found = zone(tz), list[tuple[date, Instant, Instant]]()
    day = clocks.wall(forecast._start // SECOND) // DAY - 1
    since = clocks.begin_of(day) * SECOND
    while since < forecast._end:
        until = clocks.begin_of(day + 1) * SECOND
        if max(since, forecast._start) < until:
            found.append((date.fromordinal(day + EPOCH_DAY), since, until))
        since, day = until, day + 1
    return found


def _by_day(loads: Sequence[Load], bounds: Sequence[tuple[date, Instant, Instant]]) -> Mapping[int, list[Load]]:
    """An hour belongs to the day in which most of it lies."""
    ends, found = [until for _, _, until in bounds], dict[int, list[Load]]()
    for load in loads:
        middle = load._hour + HOUR // 2
        found.setdefault(min(bisect_left(ends, middle + 1), len(ends) - 1), []).append(load)
    return found
