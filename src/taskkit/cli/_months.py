"""A month as a picture: each day with its runs, or with the hours for which a window is open."""

from __future__ import annotations

import calendar
from collections import Counter
from datetime import datetime

import pendulum
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taskkit.cli._rows import apart
from taskkit.events import AnyOf, Interval, Memory, RandomDays, Window
from taskkit.events.moments import floor_second

_SHADES = ((18 * 3600, "on green"), (6 * 3600, "on dark_green"), (1, "on grey23"))


def picture(rule: Interval | Window, start: datetime, months: int) -> RenderableType:
    """`months` months from the one that holds the moment, and what the signs mean."""
    first = rule.shown_in.show(floor_second(start)).start_of("month")
    pictures = [_month(rule, first.add(months=number), start) for number in range(months)]
    return Group(Columns(pictures, padding=(1, 3)), Text(_legend(rule), style="dim"))


def _month(rule: Interval | Window, first: pendulum.DateTime, start: datetime) -> Table:
    table = Table(title=f"{first:%B %Y}", box=None, padding=(0, 1), title_style="bold", title_justify="left", header_style="dim")
    for name in calendar.day_abbr:
        table.add_column(name, justify="right")
    end = first.add(months=1)
    weight = _opened(rule, first, end) if isinstance(rule, Window) else _runs(rule, first, end, start)
    changed = {rule.shown_in.show(change.start).day for change in rule.shown_in.changes(floor_second(first), floor_second(end))}
    for week in calendar.monthcalendar(first.year, first.month):
        table.add_row(*(_cell(day, weight[day], day in changed, window=isinstance(rule, Window)) for day in week))
    return table


def _runs(rule: Interval, first: pendulum.DateTime, end: pendulum.DateTime, start: datetime) -> Counter[int]:
    if isinstance(rule, AnyOf) and rule.relative:
        drawn, known = apart(rule)
        return sum((_runs(part, first, end, start) for part in (*drawn, *known)), Counter())
    if not isinstance(rule, RandomDays):
        return Counter(moment.day for moment in rule.between(first, end, Memory(created=start)))
    earliest, latest = (rule.next_after(start, memory) for memory in rule.range_after(Memory(created=start)))
    days = (first.add(days=number) for number in range(first.days_in_month))
    return Counter(day.day for day in days if earliest and latest and earliest.date() <= day.date() <= latest.date())


def _opened(window: Window, first: pendulum.DateTime, end: pendulum.DateTime) -> Counter[int]:
    """Seconds open on each day."""
    found: Counter[int] = Counter()
    for number in range(first.days_in_month):
        day = first.add(days=number)
        for opening in window.openings(day, day.add(days=1)):
            found[day.day] += floor_second(opening.closes) - floor_second(opening.opens)
    return found


def _cell(day: int, weight: int, changed: bool, *, window: bool) -> Text:
    if not day:
        return Text("")
    sign = "~" if changed else ""
    if not weight:
        return Text(f"{sign}{day}", style="dim")
    if window:
        style = next(style for least, style in _SHADES if weight >= least)
        return Text(f"{sign}{day}:{weight / 3600:.3g}h", style=style)
    return Text(f"{sign}{day}" + ("*" if weight == 1 else f"*{weight}"), style="bold green")


def _legend(rule: Interval | Window) -> str:
    if isinstance(rule, Window):
        return "15:2h open for two hours on the 15th   ~ the clock changes on this day"
    if isinstance(rule, RandomDays):
        return "15* the next run may fall on the 15th   ~ the clock changes on this day"
    if rule.relative:
        return "15* a run on the 15th, or one whose day is drawn and may be the 15th   ~ the clock changes on this day"
    return "15* one run on the 15th   15*3 three runs   ~ the clock changes on this day"
