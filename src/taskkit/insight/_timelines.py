"""One day of a forecast as a picture: for each pool how many of its workers are busy, and a lane for each task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from taskkit.events._wording import counted
from taskkit.insight._days import Day
from taskkit.insight._svg import box, element, line, picture, text, title, warning
from taskkit.insight.forecasts import Concern, ConcernKind, Forecast
from taskkit.insight.runs import ForecastRun
from taskkit.instants import HOUR, MINUTE, SECOND, Instant, shown

_LEFT, _RIGHT, _WIDE = 190, 14, 1180
_LANE, _LOAD, _GAP = 34, 58, 8
_PIECE = 5 * MINUTE
_MOST_LANES, _MOST_TICKS = 18, 80
_LETTERS = 25
#: What it is called, which tasks are in it, and their runs.
Lane = tuple[str, set[str], list[ForecastRun]]


@frozen
class Scale:
    """Where a moment of the day stands."""

    since: Instant
    until: Instant

    def x(self, at: Instant) -> float:
        at = min(max(at, self.since), self.until)
        return _LEFT + (at - self.since) / (self.until - self.since) * (_WIDE - _LEFT - _RIGHT)


def timeline_of(day: Day, forecast: Forecast) -> str:
    scale, hatch = Scale(day.since, day.until), f"shut-{day.date:%Y%m%d}"
    runs = [*day.under_way, *day.runs]
    inside, y = list[str](), 34.0
    for pool in sorted({load.pool for load in day.loads} | {one.pool for one in runs}):
        own = [one for one in runs if one.pool == pool]
        lanes = _lanes(own, [one for one in day.concerns if one.kind is ConcernKind.WINDOW and one.pool == pool])
        if lanes or len({load.pool for load in day.loads}) == 1:
            inside += _pool(pool, own, lanes, day, forecast, scale, y, hatch)
            y += _LOAD + _GAP + len(lanes) * _LANE + 2 * _GAP
    told = f"{counted(day.count, 'run')} on {day.date}, by pool and task"
    return picture(
        f"Runs on {day.date:%d %B %Y}", told, _WIDE, y + 34, *_hours(scale, day.tz, y), *inside, *_legend(y + 8, hatch), hatch=hatch
    )  # fmt: skip


def _hours(scale: Scale, tz: str, bottom: float) -> Iterator[str]:
    """The hours as clocks there show them, also where one is skipped or comes twice."""
    for place, at in enumerate(range(scale.since, scale.until + 1, HOUR)):
        x = scale.x(at)
        yield line(x, 24, x, bottom - _GAP, "grid")
        if place % 2 == 0 and at < scale.until:
            yield text(x, 16, f"{shown(at, tz):%H:%M}", "dim mid")


def _pool(
    pool: str, runs: Sequence[ForecastRun], lanes: Sequence[Lane], day: Day, forecast: Forecast, scale: Scale, y: float, hatch: str
) -> Iterator[str]:
    capacity = max((load.capacity / 3600 for load in day.loads if load.pool == pool), default=0.0)
    yield text(8, y + 18, f"pool {_short(pool)}", "big")
    busiest = _at_once(runs, scale)
    if capacity:  # what takes no time keeps nobody busy
        busiest = Counter({x: min(count, int(capacity)) for x, count in busiest.items()})
    top = max(capacity, *busiest.values(), 1)
    yield text(8, y + 36, f"{max(busiest.values(), default=0):,} of {capacity:,.0f} workers", "dim")
    yield from _area(busiest, top, scale, y, _LOAD, "bar", "busy at once")
    yield line(_LEFT, y + _LOAD, _WIDE - _RIGHT, y + _LOAD, "grid")
    if capacity:
        level = y + _LOAD - _LOAD * capacity / top
        yield line(_LEFT, level, _WIDE - _RIGHT, level, "bound")
    yield from _overfull(pool, forecast, scale, y)
    y += _LOAD + _GAP
    for lane in lanes:
        yield from _lane(*lane, forecast, scale, y, hatch, day.tz)
        y += _LANE


def _overfull(pool: str, forecast: Forecast, scale: Scale, y: float) -> Iterator[str]:
    for one in forecast.worries(ConcernKind.OVERFULL):
        if pool in (one.pool or "").split(", ") and one._since < scale.until and one._until > scale.since:
            x, end = scale.x(one._since), scale.x(one._until)
            yield element("g", title(str(one)), box(x, y, end - x, _LOAD, "mark"))
            yield warning(min(x + 10, _WIDE - 24), y + 4, str(one))


def _lanes(runs: Iterable[ForecastRun], late: Iterable[Concern]) -> list[Lane]:
    """The tasks with most to do, and all others together; in the order in which they begin. One that never starts has a lane, too."""
    by_task, names = defaultdict[str, list[ForecastRun]](list), dict[str, str]()
    for one in runs:
        by_task[one.task].append(one)
        names[one.task] = one.task_name
    none = [(concern.task_name or "", {concern.task or ""}, list[ForecastRun]()) for concern in late if concern.task not in by_task]
    ranked = sorted(by_task.values(), key=lambda own: -len(own))
    kept = sorted(ranked[:_MOST_LANES], key=lambda own: (own[0].start_at, own[0].task_name))
    lanes = [(names[own[0].task], {own[0].task}, own) for own in kept]
    if others := ranked[_MOST_LANES:]:
        lanes.append((f"{len(others)} other tasks", {own[0].task for own in others}, [one for own in others for one in own]))
    return [*lanes, *none]


def _lane(
    name: str, ids: set[str], runs: Sequence[ForecastRun], forecast: Forecast, scale: Scale, y: float, hatch: str, tz: str
) -> Iterator[str]:
    count = sum(one.start_at >= scale.since for one in runs)
    told = title(f"{name}: {counted(count, 'run', ',')}")
    yield element("g", told, text(8, y + 17, _short(name)), text(_LEFT - 12, y + 17, f"{count:,}", "end dim"))
    if len(ids) == 1:
        yield from _shut(next(iter(ids)), forecast, scale, y, hatch, tz)
    busy, high = _at_once(runs, scale), _LANE - 8
    yield from _area(busy, max(busy.values(), default=1), scale, y + 2, high, "bar", f"of {name} at once")
    if len(runs) <= _MOST_TICKS:
        yield from (_tick(one, forecast, scale, y + 2, high, tz) for one in runs if one.start_at >= scale.since)
    yield line(_LEFT, y + _LANE - 5, _WIDE - _RIGHT, y + _LANE - 5, "grid")
    for one in forecast.worries(ConcernKind.WINDOW):
        if one.task in ids and scale.since <= one._since < scale.until:
            yield from _too_small(one, scale, y)


def _shut(task: str, forecast: Forecast, scale: Scale, y: float, hatch: str, tz: str) -> Iterator[str]:
    window = forecast.windows.get(task)
    if window is None:
        return
    at, last = scale.since // SECOND, scale.until // SECOND
    while at < last:
        opens = window.open_from(at)
        until = last if opens is None else min(opens, last)
        if until > at:
            told = f"shut from {shown(at * SECOND, tz):%H:%M} to {shown(until * SECOND, tz):%H:%M}"
            x = scale.x(at * SECOND)
            yield box(x, y, scale.x(until * SECOND) - x, _LANE - 5, "", title(told), fill=f"url(#{hatch})")
        closes = None if opens is None else window.shut_from(opens)
        at = last if closes is None else closes


def _too_small(one: Concern, scale: Scale, y: float) -> Iterator[str]:
    """A line where the window closes, with what was not started by then."""
    x = scale.x(one._since)
    yield element("g", title(str(one)), box(x - 1.5, y - 2, 3, _LANE - 2, "warn"))
    yield warning(x, y - 4, str(one))
    yield text(x + 12, y + 12, f"{one.count:,} too late", "warn")


def _tick(one: ForecastRun, forecast: Forecast, scale: Scale, y: float, high: float, tz: str) -> str:
    where = "" if one.record is None else f" on {forecast.names.get(one.record, one.record)}"
    drawn = f"\nan example: drawn between {one.earliest:%d %b} and {one.latest:%d %b}" if one.is_drawn else ""
    told = f"{one.task_name}{where}\n{shown(one.start_at, tz):%H:%M:%S} to {shown(one.end_at, tz):%H:%M:%S}, {one.state}{drawn}"
    x = scale.x(one.start_at)
    wide = max(3.0, scale.x(one.end_at) - x)
    return element("g", title(told), box(x, y, wide, high, "paper", opacity=0), line(x, y + high - 8, x, y + high, "tick"))


def _area(found: Counter[int], top: float, scale: Scale, y: float, high: float, style: str, what: str) -> Iterator[str]:
    """One bar for each five minutes; equal ones that follow each other are one."""
    for first, last, count in _runs_of(found):
        tall = max(2.0, high * count / top)
        x, end = scale.x(scale.since + first * _PIECE), scale.x(scale.since + (last + 1) * _PIECE)
        yield box(x, y + high - tall, end - x, tall, style, title(f"{count:,} {what}"))


def _runs_of(found: Counter[int]) -> Iterator[tuple[int, int, int]]:
    first = last = count = None
    for place in sorted(found):
        if first is not None and last is not None and count is not None:
            if place == last + 1 and found[place] == count:
                last = place
                continue
            yield first, last, count
        first = last = place
        count = found[place]
    if first is not None and last is not None and count is not None:
        yield first, last, count


def _at_once(runs: Iterable[ForecastRun], scale: Scale) -> Counter[int]:
    """The most that run at once, for each five minutes in which something does."""
    steps = defaultdict[int, int](int)
    for one in runs:
        steps[max(one.start_at, scale.since)] += 1
        steps[max(one.end_at, one.start_at + 1)] -= 1
    found, running, before = Counter[int](), 0, scale.since
    for at in sorted(steps):
        if running:
            for place in range((before - scale.since) // _PIECE, (min(at, scale.until) - 1 - scale.since) // _PIECE + 1):
                found[place] = max(found[place], running)
        running, before = running + steps[at], at
        if before >= scale.until:
            break
    return found


def _legend(y: float, hatch: str) -> Iterator[str]:
    yield box(_LEFT, y, 26, 14, "bar")
    yield text(_LEFT + 32, y + 12, "at work, the most at once", "dim")
    yield line(_LEFT + 196, y + 2, _LEFT + 196, y + 13, "tick")
    yield text(_LEFT + 204, y + 12, "a start", "dim")
    yield line(_LEFT + 262, y + 8, _LEFT + 290, y + 8, "bound")
    yield text(_LEFT + 296, y + 12, "all workers", "dim")
    yield box(_LEFT + 376, y, 26, 14, "", fill=f"url(#{hatch})")
    yield text(_LEFT + 408, y + 12, "shut: window closed, or a blackout", "dim")
    yield warning(_LEFT + 632, y, "something should be looked at")
    yield text(_LEFT + 646, y + 12, "too full, or too late", "dim")


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
