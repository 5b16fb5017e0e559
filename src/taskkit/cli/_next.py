"""`taskkit next`: when a rule is due, or a window opens."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from datetime import datetime

import pendulum
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskkit.cli._months import picture
from taskkit.cli._rows import Row, change_text, changes_between, distance, rows_of
from taskkit.errors import NarrowWindow
from taskkit.events import Interval, Window, parse, to_document

_WIDE = 140  # where no terminal says how wide it is


def run(text: str, start_in: Callable[[str], datetime], count: int, *, as_json: bool, months: int) -> int:
    """Read the text, show what it means from the moment on."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NarrowWindow)
        rule = parse(text)
    start = start_in(rule.shown_in.name)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    notes = [str(one.message) for one in caught]
    if as_json:
        told = {"rule": str(rule), "document": to_document(rule), "next": [row.data for row in rows_of(rule, start, count)], "notes": notes}
        console.file.write(json.dumps(told, indent=2) + "\n")
        return 0
    console.print(Text(rule.description if isinstance(rule, Window) else str(rule), style="bold"))
    for note in notes:
        console.print(Text(f"note: {note}", style="yellow"))
    if months:
        console.print(picture(rule, start, months))
    else:
        rows = rows_of(rule, start, count)
        console.print(_table(rule, rows, start))
        if len(rows) < count and not _stays_open(rule, rows):
            console.print(Text("the rule ends here" if rows else "nothing follows", style="dim"))
    return 0


def _stays_open(rule: Interval | Window, rows: list[Row]) -> bool:
    return isinstance(rule, Window) and bool(rows) and rows[-1].end is None


def _table(rule: Interval | Window, rows: list[Row], start: datetime) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    two_ends = any(row.end for row in rows)
    heads = ("opens", "closes") if isinstance(rule, Window) else ("not before", "not after") if two_ends else ("when",)
    elsewhere = rule.shown_in.name != "UTC"
    for head in (*heads, *(["UTC"] if elsewhere else []), "in", ""):
        table.add_column(head, no_wrap=bool(head))
    changes = [] if two_ends and not isinstance(rule, Window) else changes_between(rule, rows)
    for place, row in enumerate(rows):
        for _, change in (one for one in changes if one[0] == place):
            blank = [""] * (len(table.columns) - 2)
            table.add_row(_local(rule.shown_in.show(change.start)), *blank, change_text(change), style="yellow")
        ends = [_local(end) for end in (row.start, row.end)[: len(heads)]]
        utc = [f"{row.start.in_timezone('UTC'):%a %H:%M}"] if elsewhere else []
        table.add_row(*ends, *utc, distance(start, row.start), Text(row.mark, style="bold"))
    return table


def _local(moment: pendulum.DateTime | None) -> str:
    return "" if moment is None else f"{moment:%a %Y-%m-%d %H:%M} {moment.format('Z')}"
