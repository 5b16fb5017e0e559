"""Which days a rule means, as sets of day numbers (days since 1970-01-01) that can be searched and counted directly.

Two shapes are enough. A *cycle* repeats after a number of days: every five days, every second week on Monday and Wednesday.
A *calendar* looks alike in all years of the same kind: the last day of June, the second Friday of a month.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Hashable
from datetime import date
from itertools import accumulate
from typing import Protocol

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


class Cycle:
    """`origin + k * length + offset`, for every whole k and each of the offsets (ascending, within the length)."""

    __slots__ = ("length", "offsets", "origin")

    def __init__(self, origin: int, length: int, offsets: tuple[int, ...] = (0,)) -> None:
        self.origin, self.length, self.offsets = origin, length, offsets

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


class OneDay:
    """A set of a single day."""

    __slots__ = ("day",)

    def __init__(self, day: int) -> None:
        self.day = day

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
        self._years: dict[int, tuple[int, YearTable]] = {}

    @abstractmethod
    def kind(self, year: int) -> Hashable: ...

    @abstractmethod
    def table(self, year: int) -> YearTable: ...

    def of(self, year: int) -> YearTable:
        """The table of the year, made once per kind."""
        return self._year(year)[1]

    def _year(self, year: int) -> tuple[int, YearTable]:
        """1 January and the table."""
        found = self._years.get(year)
        if found is None:
            kind = self.kind(year)
            table = self._tables.get(kind)
            if table is None:
                table = self._tables[kind] = self.table(year)
            found = self._years[year] = new_year(year), table
        return found

    def ceiling(self, day: int) -> int | None:
        year = _year(day)
        start, table = self._year(year)
        index = bisect_left(table, day - start)
        while index == len(table):
            if year == date.max.year:
                return None
            year += 1
            start, table = self._year(year)
            index = 0
        return start + table[index]

    def floor(self, day: int) -> int | None:
        year = _year(day)
        start, table = self._year(year)
        index = bisect_right(table, day - start)
        while not index:
            if year == date.min.year:
                return None
            year -= 1
            start, table = self._year(year)
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

_COMMON_STARTS = tuple(accumulate(_COMMON[:-1], initial=0))
_LEAP_STARTS = tuple(accumulate(_LEAP[:-1], initial=0))


def _starts_of(year: int) -> tuple[int, ...]:
    """On which day of the year, counted from 0, the twelve months begin."""
    return _LEAP_STARTS if is_leap(year) else _COMMON_STARTS


def months_of(year: int) -> tuple[int, ...]:
    """How long the twelve months of the year are."""
    return _LEAP if is_leap(year) else _COMMON


def _year(day: int) -> int:
    if FIRST_DAY <= day <= LAST_DAY:
        return date.fromordinal(day + EPOCH_DAY).year
    return date.min.year if day < FIRST_DAY else date.max.year


class MonthDays(Calendar):
    """Given days of given months, counted from either end (T7)."""

    def __init__(self, days: tuple[int, ...], months: tuple[int, ...], missing: str, every: int, origin: int) -> None:
        super().__init__()
        self.days, self.months, self.missing, self.every, self.origin = days, months, missing, every, origin

    def kind(self, year: int) -> Hashable:
        return is_leap(year), (12 * year - self.origin) % self.every

    def table(self, year: int) -> YearTable:
        found: set[int] = set()
        starts, lengths = _starts_of(year), months_of(year)
        for month in self.months:
            if (12 * year + month - 1 - self.origin) % self.every == 0:
                start, length = starts[month - 1] - 1, lengths[month - 1]
                for day in self.days:
                    place = day if 0 < day <= length else self._place(day, length)
                    if place:
                        found.add(start + place)
        return tuple(sorted(found))

    def _place(self, day: int, length: int) -> int:
        """Which day is meant by one from the end or past it: 0 for none, one past the end for the next month's first."""
        if day < 0:
            return length + 1 + day
        return {"last": length, "next": length + 1, "skip": 0}[self.missing]
