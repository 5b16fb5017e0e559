"""Rows for people: a table on a terminal, else lines with columns that other programs can cut; rich is needed for neither."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

#: Between the columns of a table.
_GAP = 3


def plain(value: object) -> str:
    """What may be printed: names and texts come from elsewhere, and a terminal obeys some of what it is sent."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(value))


def show(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    shown = [[plain(value) for value in row] for row in rows]
    if not (sys.stdout.isatty() and _table(heads, shown)):
        say(lines([heads, *shown]))


def say(text: str) -> None:
    """At once, as somebody may wait for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def lines(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    try:
        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    console = Console(highlight=False)
    widths = _widths([heads, *rows], console.width - _GAP * len(heads), cell_len)
    if widths is None:
        return False
    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="dim")
    for head, width in zip(heads, widths, strict=True):
        table.add_column(head, width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    return True


def _widths(rows: Sequence[Sequence[str]], room: int, length: Callable[[str], int]) -> list[int] | None:
    """Of columns whose words stay whole, ids above all: the widest give way. None where there is no room for that."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(length, column)) for column in columns]
    least = [max((length(word) for value in column for word in value.split()), default=0) for column in columns]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max((width, place) for place, width in enumerate(widths) if width > least[place])[1]
        widths[widest] -= 1
    return widths
