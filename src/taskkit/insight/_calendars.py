"""Months of a forecast as a picture: the more work a day has, the stronger its colour; bars tell when on that day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from taskkit.events._wording import counted
from taskkit.insight._days import Day
from taskkit.insight._svg import box, element, picture, text, title, warning
from taskkit.insight.forecasts import Forecast
from taskkit.instants import HOUR

_WIDE, _HIGH, _TOP, _LEFT = 164, 92, 56, 8
_STEPS = 5
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def calendar_of(days: Sequence[Day], forecast: Forecast) -> str:
    most = max((day.busy for day in days), default=0.0)
    fullest = max((busy for day in days for busy, _ in day.hours), default=0.0)
    inside, top = list[str](), 0.0
    for _, several in groupby(days, key=lambda day: (day.date.year, day.date.month)):
        month = list(several)
        inside += _month(month, most, fullest, top)
        top += _TOP + _rows(month) * _HIGH + 16
    inside.append(_legend(most, fullest, top))
    told = f"{counted(len(forecast.runs), 'run', ',')} from {days[0].date} to {days[-1].date}, by day"
    return picture("Runs by day", told, 7 * _WIDE + 2 * _LEFT, top + 66, *inside)


def _rows(month: Sequence[Day]) -> int:
    return (month[0].date.replace(day=1).weekday() + month[-1].date.day - 1) // 7 - _first(month) + 1


def _first(month: Sequence[Day]) -> int:
    """The row of the first day that is drawn: weeks before it are left out."""
    return (month[0].date.replace(day=1).weekday() + month[0].date.day - 1) // 7


def _month(month: Sequence[Day], most: float, fullest: float, top: float) -> Iterator[str]:
    yield text(_LEFT, top + 24, f"{month[0].date:%B %Y}", "big")
    for place, name in enumerate(_NAMES):
        yield text(_LEFT + place * _WIDE + 6, top + 48, name, "dim")
    offset, first = month[0].date.replace(day=1).weekday() - 1, _first(month)
    for day in month:
        row, column = divmod(offset + day.date.day, 7)
        yield _cell(day, most, fullest, _LEFT + column * _WIDE, top + _TOP + (row - first) * _HIGH)


def _cell(day: Day, most: float, fullest: float, x: float, y: float) -> str:
    step = _step(day.busy, most)
    on = "on" if step >= 4 else ""
    parts = [
        title(_told(day)),
        box(x, y, _WIDE, _HIGH, f"cell h{step}"),
        text(x + 8, y + 20, str(day.date.day), f"big {on}"),
    ]
    if day.count:
        unsure = f" ~{day.drawn:,}" if day.drawn else ""
        parts.append(
            text(
                x + _WIDE - (32 if day.concerns else 8), y + 19, f"{day.count:,}{unsure} {'run' if day.count == 1 else 'runs'}", f"end {on}"
            )
        )
        parts.append(text(x + 8, y + 38, f"{_work(day.busy)} of work", on or ("" if step >= 2 else "dim")))
    parts += _bars(day, fullest, x, y, "paper" if step >= 3 else "bar")
    if day.concerns:
        parts.append(warning(x + _WIDE - 16, y + 7, "\n".join(str(one) for one in day.concerns)))
    return element("g", *parts)


def _bars(day: Day, fullest: float, x: float, y: float, style: str) -> Iterator[str]:
    hours = day.hours
    wide = (_WIDE - 16) / max(24, len(hours))
    first = 0 if len(hours) != 0 and day.loads[0]._hour <= day.since + HOUR // 2 else max(0, 24 - len(hours))
    for place, (busy, _) in enumerate(hours, first):
        if busy:
            high = max(1.5, 38 * busy / fullest)
            yield box(x + 8 + place * wide, y + _HIGH - 6 - high, wide - 1, high, style)


def _told(day: Day) -> str:
    by_task: dict[str, int] = {}
    for one in day.runs:
        by_task[one.task_name] = by_task.get(one.task_name, 0) + 1
    counts = sorted(by_task.items(), key=lambda item: -item[1])
    lines = [f"{day.date:%A, %d %B %Y}", *(f"{name}: {count:,}" for name, count in counts[:8])]
    if len(counts) > 8:
        lines.append(f"and {len(counts) - 8} other tasks")
    if day.drawn:
        lines.append(f"{day.drawn:,} of them are examples: their day is not drawn yet")
    return "\n".join(lines)


def _legend(most: float, fullest: float, top: float) -> str:
    parts, x = [text(_LEFT, top + 16, "Work on a day:", "dim")], _LEFT + 96.0
    for step in range(_STEPS + 1):
        said = "none" if step == 0 else f"up to {_work(most * step / _STEPS)}"
        parts += [box(x, top + 4, 16, 16, f"cell h{step}"), text(x + 22, top + 16, said, "dim")]
        x += 34 + 7 * len(said)
    parts += [
        text(_LEFT, top + 44, f"Bars: the hours of the day from 0 to 24; the highest is {_work(fullest)} of work.", "dim"),
        warning(_LEFT + 492, top + 32, "something should be looked at"),
        text(_LEFT + 508, top + 44, "something should be looked at", "dim"),
        text(_LEFT + 720, top + 44, "~3: of three runs the day is not drawn yet", "dim"),
    ]
    return element("g", *parts)


def _step(busy: float, most: float) -> int:
    return 0 if not busy or not most else min(_STEPS, 1 + int(busy / most * _STEPS * 0.9999))


def _work(seconds: float) -> str:
    """`3.2 h`, `40 min`, `12 s`."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.0f} h" if seconds >= 36_000 else f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
