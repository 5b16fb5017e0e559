"""Which days a rule means, as sets of day numbers (days since 1970-01-01) that can be searched and counted directly.

Two shapes are enough. A *cycle* repeats after a number of days: every five days, every second week on Monday and Wednesday.
A *calendar* looks alike in all years of the same kind: the last day of June, the second Friday of a month.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Hashable
from datetime import date
from typing import Protocol

from attrs import frozen

from taskkit.events._tzif import EPOCH_DAY

LAST_DAY = date.max.toordinal() - EPOCH_DAY
FIRST_DAY = date.min.toordinal() - EPOCH_DAY


class Days(Protocol):
    """A set of days."""

    def ceiling(self, day: int) -> int | None:
        """The first of the set at or after `day`."""

    def floor(self, day: int) -> int | None:
        """The last of the set at or before `day`."""

    def count(self, first: int, end: int) -> int:
        """How many lie from `first` (included) to `end` (excluded)."""


@frozen
class Cycle:
    """`origin + k * length + offset`, for every whole k and each of the offsets (ascending, within the length)."""

    origin: int
    length: int
    offsets: tuple[int, ...] = (0,)

    def ceiling(self, day: int) -> int | None:
        start, place = self._start(day)
        index = bisect_left(self.offsets, place)
        if index == len(self.offsets):
            return start + self.length + self.offsets[0]
        return start + self.offsets[index]

    def floor(self, day: int) -> int | None:
        start, place = self._start(day)
        index = bisect_right(self.offsets, place)
        return start + self.offsets[index - 1] - (0 if index else self.length)

    def count(self, first: int, end: int) -> int:
        return self._count_before(end) - self._count_before(first)

    def _count_before(self, day: int) -> int:
        cycles, place = divmod(day - self.origin, self.length)
        return cycles * len(self.offsets) + bisect_left(self.offsets, place)

    def _start(self, day: int) -> tuple[int, int]:
        place = (day - self.origin) % self.length
        return day - place, place


@frozen
class OneDay:
    """A set of a single day."""

    day: int

    def ceiling(self, day: int) -> int | None:
        return self.day if day <= self.day else None

    def floor(self, day: int) -> int | None:
        return self.day if day >= self.day else None

    def count(self, first: int, end: int) -> int:
        return int(first <= self.day < end)


#: Days of one year, counted from 0 on 1 January, ascending.
YearTable = tuple[int, ...]


class Calendar(ABC):
    """Days told by year: `table(year)` lists them, and years of the same `kind(year)` have the same table."""

    def __init__(self) -> None:
        self._tables: dict[Hashable, YearTable] = {}

    @abstractmethod
    def kind(self, year: int) -> Hashable: ...

    @abstractmethod
    def table(self, year: int) -> YearTable: ...

    def of(self, year: int) -> YearTable:
        """The table of the year, made once per kind."""
        kind = self.kind(year)
        table = self._tables.get(kind)
        if table is None:
            table = self._tables[kind] = self.table(year)
        return table

    def ceiling(self, day: int) -> int | None:
        year = _year(day)
        start, table = new_year(year), self.of(year)
        index = bisect_left(table, day - start)
        while index == len(table):
            if year == date.max.year:
                return None
            year += 1
            start, table, index = new_year(year), self.of(year), 0
        return start + table[index]

    def floor(self, day: int) -> int | None:
        year = _year(day)
        start, table = new_year(year), self.of(year)
        index = bisect_right(table, day - start)
        while not index:
            if year == date.min.year:
                return None
            year -= 1
            start, table = new_year(year), self.of(year)
            index = len(table)
        return start + table[index - 1]

    def count(self, first: int, end: int) -> int:
        years = range(_year(first), _year(end))
        before_end = bisect_left(self.of(years.stop), end - new_year(years.stop))
        before_first = bisect_left(self.of(years.start), first - new_year(years.start))
        return sum(len(self.of(year)) for year in years) + before_end - before_first


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def new_year(year: int) -> int:
    """1 January of the year."""
    passed = year - 1
    return 365 * passed + passed // 4 - passed // 100 + passed // 400 + 1 - EPOCH_DAY


_COMMON = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LEAP = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def months_of(year: int) -> tuple[int, ...]:
    """How long the twelve months of the year are."""
    return _LEAP if is_leap(year) else _COMMON


def _year(day: int) -> int:
    return date.fromordinal(min(max(day, FIRST_DAY), LAST_DAY) + EPOCH_DAY).year


class MonthDays(Calendar):
    """Given days of given months, counted from either end (T7)."""

    def __init__(self, days: tuple[int, ...], months: tuple[int, ...], missing: str, every: int, origin: int) -> None:
        super().__init__()
        self.days, self.months, self.missing, self.every, self.origin = days, frozenset(months), missing, every, origin

    def kind(self, year: int) -> Hashable:
        return is_leap(year), (12 * year - self.origin) % self.every

    def table(self, year: int) -> YearTable:
        found: set[int] = set()
        start = 0
        for month, length in enumerate(months_of(year), start=1):
            if month in self.months and (12 * year + month - 1 - self.origin) % self.every == 0:
                found.update(start + place - 1 for day in self.days if (place := self._place(day, length)))
            start += length
        return tuple(sorted(found))

    def _place(self, day: int, length: int) -> int:
        """Which day of a month of this length is meant, 0 for none, one past the end for the next month's first."""
        if day < 0:
            return length + 1 + day
        if day <= length or self.missing == "last":
            return min(day, length)
        return length + 1 if self.missing == "next" else 0
