"""A forecast in a terminal: months with the load of their days, a day by hours, what should be looked at, and two of them compared."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taskkit.events.zones import zone_name
from taskkit.insight import Concern, ConcernKind, Difference, Forecast, ForecastRun
from taskkit.insight._days import Day, days_of

#: From little work to much; the last ones are told apart by the count beside them, too.
_SHADES = ("", "on grey15", "on grey23", "on blue3", "on dodger_blue3", "bold black on sky_blue2")
_BLOCKS = " ▁▂▃▄▅▆▇█"
_SIGNS = {ConcernKind.WAITING: "…"}


def months(forecast: Forecast, *, tz: str = "UTC") -> RenderableType:
    """Each month as a calendar: `15:120!` is 120 runs on the 15th, and something to be looked at."""
    days = days_of(forecast, zone_name(tz))
    most = max((day.busy for day in days), default=0.0)
    tables = [_month(list(several), most) for _, several in groupby(days, key=lambda day: (day.date.year, day.date.month))]
    legend = "15:120 runs on the 15th   ! something should be looked at   ~ of some the day is not drawn yet   the stronger, the more work"
    return Group(*tables, Text(legend, style="dim"))


def day(forecast: Forecast, when: date, *, tz: str = "UTC") -> RenderableType:
    """One day by hours: for each pool how full they are, and for each task how many runs start."""
    [found] = [one for one in days_of(forecast, zone_name(tz)) if one.date == when]
    table = Table(
        title=f"{when:%A, %d %B %Y}, {tz}", box=None, padding=(0, 1), title_justify="left", title_style="bold", header_style="dim"
    )
    table.add_column("")
    table.add_column("0     6     12    18    ", no_wrap=True)
    table.add_column("runs", justify="right")
    for pool in sorted({load.pool for load in found.loads}):
        loads = [load for load in found.loads if load.pool == pool]
        hours = [(load.hour.in_timezone(tz).hour, load.share) for load in loads]
        table.add_row(Text(f"pool {pool}", style="bold"), _bars(hours, 1.0), f"{sum(load.starts for load in loads):,}")
        for name, runs in _by_task(found.runs, pool):
            starts = [(one.start.in_timezone(tz).hour, 1.0) for one in runs]
            table.add_row(Text(f"  {name}"), _bars(starts, None), f"{len(runs):,}")
    return table


def worries(forecast: Forecast, *, tz: str = "UTC") -> RenderableType:
    """What should be looked at, in the order of time."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    for one in forecast.concerns:
        table.add_row(_sign(one), f"{one.since.in_timezone(tz):%Y-%m-%d %H:%M}", Text(one.text), Text(one.help, style="dim"))
    return table if forecast.concerns else Text("Nothing has to be looked at.", style="green")


def compared(found: Difference, *, tz: str = "UTC", most: int = 50) -> RenderableType:
    """What appears (+), vanishes (-) and moves (~)."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    rows = [*_rows("+", "green", found.appeared, tz), *_rows("-", "red", found.vanished, tz)]
    for move in found.moved:
        told = f"{move.before.start.in_timezone(tz):%Y-%m-%d %H:%M} → {move.after.start.in_timezone(tz):%Y-%m-%d %H:%M}"
        rows.append((Text("~", style="yellow"), Text(told), _what(move.before)))
    for row in rows[:most]:
        table.add_row(*row)
    left = f", of which {most} are shown" if len(rows) > most else ""
    counts = f"{len(found.appeared)} appear, {len(found.vanished)} vanish, {len(found.moved)} move, {found.same} stay{left}"
    return Group(Text(counts, style="bold"), table)


def _month(days: Sequence[Day], most: float) -> Table:
    first = days[0].date
    table = Table(title=f"{first:%B %Y}", box=None, padding=(0, 1), title_style="bold", title_justify="left", header_style="dim")
    for name in calendar.day_abbr:
        table.add_column(name, justify="right")
    cells = {day.date.day: _cell(day, most) for day in days}
    for week in calendar.monthcalendar(first.year, first.month):
        table.add_row(*(cells.get(number, Text("" if not number else str(number), style="dim")) for number in week))
    return table


def _cell(day: Day, most: float) -> Text:
    if not day.count:
        return Text(f"{day.date.day}{'!' if day.concerns else ''}", style="dim")
    shade = _SHADES[min(len(_SHADES) - 1, 1 + int(day.busy / most * 4.999))] if most else ""
    return Text(f"{day.date.day}:{day.count}{'~' if day.drawn else ''}{'!' if day.concerns else ''}", style=shade)


def _bars(hours: Iterable[tuple[int, float]], full: float | None) -> Text:
    """24 blocks; without a `full` the fullest hour is full."""
    found = [0.0] * 24
    for hour, weight in hours:
        found[hour] += weight
    top = full or max(found) or 1.0
    return Text("".join(_BLOCKS[0 if not one else min(8, max(1, round(8 * one / top)))] for one in found), style="cyan")


def _by_task(runs: Iterable[ForecastRun], pool: str) -> Iterator[tuple[str, list[ForecastRun]]]:
    own = sorted((one for one in runs if one.pool == pool), key=lambda one: one.task_name)
    return ((name, list(several)) for name, several in groupby(own, key=lambda one: one.task_name))


def _sign(one: Concern) -> Text:
    return Text(_SIGNS.get(one.kind, "!"), style="bold yellow")


def _rows(sign: str, style: str, runs: Iterable[ForecastRun], tz: str) -> list[tuple[Text, Text, Text]]:
    return [(Text(sign, style=style), Text(f"{one.start.in_timezone(tz):%Y-%m-%d %H:%M}"), _what(one)) for one in runs]


def _what(one: ForecastRun) -> Text:
    return Text(one.task_name + (f" on {one.record}" if one.record is not None else ""))
