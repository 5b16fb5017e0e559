"""Rows for people: a table on a terminal, else lines with columns that other programs can cut; rich is needed for neither."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: Of a terminal's columns: below that, a table of several would show nothing.
_NARROW = 60


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


@contextmanager
def heard_or_not() -> Iterator[None]:
    """Whoever listens may leave: what the exit code says is so all the same."""
    try:
        yield
    except BrokenPipeError:
        sys.stderr.close()


def lines(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    console = Console(highlight=False)
    if console.width < _NARROW:
        return False
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    return True
