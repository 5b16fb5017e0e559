"""What `taskkit next` has to show, as plain rows: a printer or a program takes them from here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pendulum
from attrs import evolve, frozen

from taskkit.events.intervals import Interval, Memory, Occurrence
from taskkit.events.moments import floor_second
from taskkit.events.nominals import Nominal
from taskkit.events.remembering import RandomDays
from taskkit.events.unions import AnyOf
from taskkit.events.windows import Opening, Window
from taskkit.events.zones import Stretch, zone

_LAST = pendulum.datetime(9999, 12, 31)


@frozen
class Row:
    """One line: when, until when (openings and drawn days have two ends), what is special, and the same for programs."""

    start: pendulum.DateTime
    end: pendulum.DateTime | None
    mark: str
    data: dict[str, Any]


def rows_of(rule: Interval | Window, start: datetime, count: int) -> list[Row]:
    """The next `count` rows from the moment on."""
    if isinstance(rule, Window):
        return _openings(rule, start, count)
    if isinstance(rule, RandomDays):
        return list(islice(_draws(rule, start), count))
    if isinstance(rule, AnyOf) and any(isinstance(member, RandomDays) for member in rule.members):
        drawn, known = apart(rule)
        rows = [row for part in (*drawn, *known) for row in rows_of(part, start, count)]
        return sorted(rows, key=lambda row: row.start)[:count]
    just_before = start - timedelta(microseconds=1)
    return [_occurrence(one) for one in rule.upcoming(just_before, count, Memory(created=start))]


def apart(rule: AnyOf) -> tuple[list[RandomDays], list[Interval]]:
    """The members whose days are drawn, and all others as one: what is drawn can only be shown as a range."""
    drawn = [member for member in rule.members if isinstance(member, RandomDays)]
    known = [member for member in rule.members if not isinstance(member, RandomDays)]
    return drawn, [AnyOf(*known)] if known else []


def changes_between(rule: Interval | Window, rows: list[Row]) -> list[tuple[int, Stretch]]:
    """The clock changes among the rows: before which row each lies."""
    found = []
    for place, (one, other) in enumerate(pairwise(rows), start=1):
        found += [(place, change) for change in rule.shown_in.changes(floor_second(one.start) + 1, floor_second(other.start) + 1)]
    return found


def change_text(change: Stretch) -> str:
    """`the clock jumps ahead by 1 h`."""
    step = change.offset - change.before
    return f"the clock {'jumps ahead' if step > 0 else 'falls back'} by {_length(abs(step))}"


def distance(start: datetime, end: datetime) -> str:
    """How far away, in the two units that matter."""
    return " ".join(_length(floor_second(end) - floor_second(start)).split()[:4])


def _occurrence(one: Occurrence) -> Row:
    mark = "; ".join(dict.fromkeys(filter(None, (_mark(reason.nominal, one.instant) for reason in one.reasons))))
    reasons = [{"rule": str(reason.interval), "nominal": str(reason.nominal)} for reason in one.reasons]
    return Row(one.instant, None, mark, {**_told(one.instant), "reasons": reasons, "mark": mark or None})


def _mark(nominal: Nominal, instant: pendulum.DateTime) -> str:
    """What a clock change did to this nominal time."""
    if nominal.zone is None:
        return ""
    second = floor_second(instant)
    stretch = zone(nominal.zone).stretch(second)
    said = str(nominal)[11:16]
    if second + stretch.offset != nominal.wall:
        return f"{said} does not exist: {_length(second + stretch.offset - nominal.wall)} later"
    if stretch.will_repeat(second):
        return f"the first of two {said}"
    return f"the second of two {said}" if stretch.repeats(second) else ""


def _draws(rule: RandomDays, start: datetime) -> Iterator[Row]:
    """The range in which each run lies: no draw is made to look at it."""
    memory = Memory(created=start)
    earliest, latest = rule.range_after(memory)
    while True:
        ends = [rule.occurrence_after(start, one) for one in (earliest, latest)]
        if ends[0] is None:
            return
        last = ends[1] or ends[0]
        data = {"earliest": _told(ends[0].instant), "latest": _told(last.instant)}
        yield Row(ends[0].instant, last.instant, "drawn when planned", data)
        earliest = evolve(earliest, last_nominal=ends[0].nominal)
        latest = evolve(latest, last_nominal=last.nominal)


def _openings(window: Window, start: datetime, count: int) -> list[Row]:
    return [_opening(window, one) for one in islice(window.openings(start, _LAST), count)]


def _opening(window: Window, one: Opening) -> Row:
    closes = one.closes
    if window.closes_after(one.opens) is None:
        return Row(one.opens, None, "never closes", {"opens": _told(one.opens), "closes": None, "seconds": None, "mark": "never closes"})
    seconds = floor_second(closes) - floor_second(one.opens)
    crossed = list(window.shown_in.changes(floor_second(one.opens) + 1, floor_second(closes)))
    mark = f"open for {_length(seconds)}" + (", across a clock change" if crossed else "")
    return Row(one.opens, closes, mark, {"opens": _told(one.opens), "closes": _told(closes), "seconds": seconds, "mark": mark})


def _told(moment: pendulum.DateTime) -> dict[str, str]:
    return {"utc": f"{moment.in_timezone('UTC'):%Y-%m-%dT%H:%M:%SZ}", "local": moment.isoformat()}


def _length(seconds: int) -> str:
    """`1 h 30 min`, `2 d`."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
