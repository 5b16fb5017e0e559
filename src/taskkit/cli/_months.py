"""A month as a picture: each day with its runs, or with the hours for which a window is open."""

from __future__ import annotations

import calendar
from collections import Counter
from datetime import date, datetime
from itertools import pairwise

import pendulum
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taskkit.cli._rows import apart
from taskkit.events import AnyOf, Interval, Memory, RandomDays, Window
from taskkit.events._tzif import EPOCH_DAY
from taskkit.events.moments import floor_second

_SHADES = ((18 * 3600, "on green"), (6 * 3600, "on dark_green"), (1, "on grey23"))


def picture(rule: Interval | Window, start: datetime, months: int) -> RenderableType:
    """`months` months from the one that holds the moment, and what the signs mean."""
    now = rule.shown_in.show(floor_second(start))
    first = 12 * now.year + now.month - 1
    pictures = [_month(rule, date(number // 12, number % 12 + 1, 1), start) for number in range(first, first + months)]
    return Group(Columns(pictures, padding=(1, 3)), Text(_legend(rule), style="dim"))


def _month(rule: Interval | Window, first: date, start: datetime) -> Table:
    table = Table(title=f"{first:%B %Y}", box=None, padding=(0, 1), title_style="bold", title_justify="left", header_style="dim")
    for name in calendar.day_abbr:
        table.add_column(name, justify="right")
    clocks, day = rule.shown_in, first.toordinal() - EPOCH_DAY
    begins = [clocks.begin_of(day + number) for number in range(calendar.monthrange(first.year, first.month)[1] + 1)]
    moments = [clocks.show(second) for second in begins]
    weight = _opened(rule, moments) if isinstance(rule, Window) else _runs(rule, moments[0], moments[-1], start)
    changed = {clocks.show(change.start).day for change in clocks.changes(begins[0], begins[-1])}
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
    days = [first.date().replace(day=number) for number in range(1, first.days_in_month + 1)]
    return Counter(day.day for day in days if earliest and latest and earliest.date() <= day <= latest.date())


def _opened(window: Window, days: list[pendulum.DateTime]) -> Counter[int]:
    """Seconds open on each day."""
    found: Counter[int] = Counter()
    for number, (day, following) in enumerate(pairwise(days), start=1):
        for opening in window.openings(day, following):
            found[number] += floor_second(opening.closes) - floor_second(opening.opens)
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
