"""Compiled zone data (RFC 9636) as plain numbers: when an offset begins, and the rule for the years after the last entry.

The standard library reads the same files but shows no transitions, and without them neither a gap nor a count over one
can be computed directly. Nothing here knows what the numbers are for.
"""

from __future__ import annotations

import importlib.resources
import re
import struct
import zoneinfo
from datetime import date
from pathlib import Path

EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY = 86_400
_MAGIC = b"TZif"
_LONGEST_NAME = 100  # a file system has a limit too, and raises
_NAME = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")


class YearlyRule:
    """Two changes a year, as the footer of a zone file states them."""

    def __init__(self, standard: int, summer: int, begins: Change, ends: Change) -> None:
        self.standard, self.summer, self.begins, self.ends = standard, summer, begins, ends

    def transitions(self, year: int) -> list[tuple[int, int]]:
        """(instant, offset from then on), in order."""
        return sorted([(self.begins.wall(year) - self.standard, self.summer), (self.ends.wall(year) - self.summer, self.standard)])


class Change:
    """`M10.5.0/3`, `J60` or `59`: a day of the year and a time, which may lie outside that day."""

    def __init__(self, kind: str, numbers: tuple[int, ...], seconds: int) -> None:
        self.kind, self.numbers, self.seconds = kind, numbers, seconds

    def wall(self, year: int) -> int:
        first = date(year, 1, 1).toordinal()
        if self.kind == "M":
            month, week, weekday = self.numbers
            start = date(year, month, 1).toordinal()
            day = start + (weekday - start % 7) % 7 + 7 * (week - 1)
            if week == 5 and date.fromordinal(day).month != month:
                day -= 7
        elif self.kind == "J":  # 29 February is never counted
            leap = date(year, 12, 31).toordinal() - first == 365
            day = first + self.numbers[0] - 1 + (leap and self.numbers[0] > 59)
        else:
            day = first + self.numbers[0]
        return (day - EPOCH_DAY) * DAY + self.seconds


class ZoneData:
    """What one zone file holds."""

    __slots__ = ("initial", "rule", "transitions")

    def __init__(self, initial: int, transitions: list[tuple[int, int]], rule: YearlyRule | None) -> None:
        self.initial, self.transitions, self.rule = initial, transitions, rule


def load(name: str) -> bytes | None:
    """The zone file, from where the standard library's zoneinfo takes it, or None where there is none of the name."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        return None
    data = _read(name.split("/"))
    return data if data is not None and data.startswith(_MAGIC) else None


def _read(parts: list[str]) -> bytes | None:
    for folder in zoneinfo.TZPATH:
        path = Path(folder, *parts)
        if path.is_file():
            return path.read_bytes()
    try:
        return importlib.resources.files("tzdata").joinpath("zoneinfo", *parts).read_bytes()
    except OSError:
        return None


def names() -> frozenset[str]:
    """All zones of this machine."""
    return frozenset(zoneinfo.available_timezones())


def parse(data: bytes) -> ZoneData:
    """Read one file."""
    version = data[4:5]
    start, width = 0, 4
    if version >= b"2":  # the first block is there for readers of 32 bits
        start, width = _block_end(data, 0, 4), 8
    _, _, _, times, types, _ = struct.unpack_from(">6l", data, start + 20)
    at = start + 44
    instants = struct.unpack_from(f">{times}{'q' if width == 8 else 'l'}", data, at)
    at += times * width
    indexes = struct.unpack_from(f">{times}B", data, at)
    at += times
    offsets = [struct.unpack_from(">lbb", data, at + 6 * i) for i in range(types)]
    initial = next((offset for offset, summer, _ in offsets if not summer), offsets[0][0])
    footer = ""
    if width == 8:
        footer = data[_block_end(data, start, 8) :].strip(b"\n").decode("ascii")
    last = offsets[indexes[-1]][0] if indexes else initial
    transitions = [(instant, offsets[index][0]) for instant, index in zip(instants, indexes, strict=True)]
    rule, fixed = read_footer(footer, last)
    if not transitions:
        initial = fixed
    return ZoneData(initial, transitions, rule)


def _block_end(data: bytes, start: int, width: int) -> int:
    counts: tuple[int, ...] = struct.unpack_from(">6l", data, start + 20)
    sizes = (1, 1, width + 4, width + 1, 6, 1)  # of UT flags, standard flags, leap seconds, transitions, types, characters
    return start + 44 + sum(count * size for count, size in zip(counts, sizes, strict=True))


_ABBREVIATION = r"(?:<[^>]+>|[A-Za-z]+)"
_CLOCK = r"[+-]?\d+(?::\d+){0,2}"
_DATE = r"(?:M\d+\.\d+\.\d+|J\d+|\d+)"
_FOOTER = rf"{_ABBREVIATION}({_CLOCK})(?:{_ABBREVIATION}({_CLOCK})?,({_DATE})(?:/({_CLOCK}))?,({_DATE})(?:/({_CLOCK}))?)?"


def read_footer(footer: str, last: int) -> tuple[YearlyRule | None, int]:
    """The rule, or None and the fixed offset; a file without a footer keeps its last offset."""
    match = re.fullmatch(_FOOTER, footer)  # compiled when first needed
    if match is None:
        return None, last
    standard_text, summer_text, begins, begins_at, ends, ends_at = match.groups()
    standard = -_clock(standard_text)  # POSIX counts west
    if begins is None:
        return None, standard
    summer = -_clock(summer_text) if summer_text else standard + 3600
    return YearlyRule(standard, summer, _change(begins, begins_at), _change(ends, ends_at)), standard


def _change(day: str, clock: str | None) -> Change:
    kind = day[0] if day[0] in "MJ" else ""
    numbers = tuple(int(part) for part in day.lstrip("MJ").split("."))
    return Change(kind, numbers, _clock(clock) if clock else 2 * 3600)


def _clock(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    hours, minutes, seconds = ([int(part) for part in text.lstrip("+-").split(":")] + [0, 0])[:3]
    return sign * (hours * 3600 + minutes * 60 + seconds)
