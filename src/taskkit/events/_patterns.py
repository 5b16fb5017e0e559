"""The open minutes of every day, from cron expressions: on the wall, without zone or change of the clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date
from itertools import pairwise
from operator import itemgetter

from taskkit.events._cron import Expression
from taskkit.events._days import FIRST_DAY, LAST_DAY, Calendar, YearTable, is_leap, months_of, new_year
from taskkit.events._tzif import DAY, EPOCH_DAY

#: From (included) and to (excluded), in seconds of the day.
Range = tuple[int, int]
Ranges = tuple[Range, ...]
WHOLE_DAY: Ranges = ((0, DAY),)
_end = itemgetter(1)


class Pattern:
    """The open minutes of each day on the wall, from several expressions."""

    def __init__(self, expressions: frozenset[Expression]) -> None:
        self.expressions = expressions
        self._years: dict[Hashable, tuple[Ranges, ...]] = {}
        self._days: dict[int, tuple[int, tuple[Ranges, ...]]] = {}  # by year: its first day, and the ranges of each
        self._shapes: dict[tuple[bool, ...], Ranges] = {}
        self.open_days: Calendar = _DaysWhere(self, bool)
        self.broken_days: Calendar = _DaysWhere(self, lambda ranges: ranges != WHOLE_DAY)

    def year(self, year: int) -> tuple[Ranges, ...]:
        """The ranges of each day of the year."""
        kind = kind_of(year)
        found = self._years.get(kind)
        if found is None:
            found = self._years[kind] = self._lay_out(year)
        return found

    def ranges(self, day: int) -> Ranges:
        if not FIRST_DAY <= day <= LAST_DAY:
            day = FIRST_DAY if day < FIRST_DAY else LAST_DAY
        year = date.fromordinal(day + EPOCH_DAY).year
        found = self._days.get(year)
        if found is None:
            found = self._days[year] = new_year(year), self.year(year)
        return found[1][day - found[0]]

    def contains(self, wall: int) -> bool:
        return self.first_open(wall) == wall

    def first_open(self, wall: int) -> int | None:
        """The first wall second at or after `wall` that belongs to the pattern."""
        day, second = divmod(wall, DAY)
        ranges = self.ranges(day)
        if ranges and second < ranges[-1][1]:
            start = ranges[bisect_right(ranges, second, key=_end)][0]
            return wall if second >= start else day * DAY + start
        found = self.open_days.ceiling(day + 1)
        return None if found is None else found * DAY + self.ranges(found)[0][0]

    def first_shut(self, wall: int) -> int | None:
        """The first wall second at or after `wall` that does not belong to it."""
        day, second = divmod(wall, DAY)
        end = _end_of(self.ranges(day), second)
        if end is None:
            return wall
        if end < DAY:
            return day * DAY + end
        found = self.broken_days.ceiling(day + 1)
        return None if found is None else found * DAY + (_end_of(self.ranges(found), 0) or 0)

    def shortest(self) -> int:
        """The shortest time, in seconds, for which it is open at once."""
        return min((length for pair in self._neighbours() for length in _lengths(*pair)), default=0)

    def _neighbours(self) -> set[tuple[Ranges, Ranges]]:
        """What a day and the day after it can look like."""
        if len(self.expressions) == 1:
            (only,) = self.expressions
            ranges = runs(only.minutes)
            return {(ranges, ranges)} if only.every_day else {((), ranges), (ranges, ())}
        inside = {pair for year in KINDS for pair in pairwise(self.year(year))}
        new_years = {
            (self.year(one)[-1], self.year(other)[0]) for one in KINDS for other in KINDS if kind_of(one + 1)[1] == kind_of(other)[1]
        }
        return inside | new_years

    def _lay_out(self, year: int) -> tuple[Ranges, ...]:
        sets = [(expression.days_of(year), expression.minutes) for expression in self.expressions]
        days = []
        for day in range(sum(months_of(year))):
            which = tuple(day in days_of for days_of, _ in sets)
            if which not in self._shapes:  # days of one shape share one value, in all years
                minutes = frozenset[int]().union(*(minutes for matches, (_, minutes) in zip(which, sets, strict=True) if matches))
                self._shapes[which] = runs(minutes)
            days.append(self._shapes[which])
        return tuple(days)


class _DaysWhere(Calendar):
    """The days of a pattern whose ranges satisfy a condition."""

    def __init__(self, pattern: Pattern, holds: Callable[[Ranges], bool]) -> None:
        super().__init__()
        self._pattern, self._holds = pattern, holds

    def kind(self, year: int) -> Hashable:
        return kind_of(year)

    def table(self, year: int) -> YearTable:
        return tuple(day for day, ranges in enumerate(self._pattern.year(year)) if self._holds(ranges))


def _lengths(today: Ranges, tomorrow: Ranges) -> Iterator[int]:
    """How long the openings of today are, and the one that passes midnight or ends there."""
    yield from (end - start for start, end in today if start > 0 and end < DAY)
    late = today[-1][1] - today[-1][0] if today and today[-1][1] == DAY else 0
    early = tomorrow[0][1] if tomorrow and tomorrow[0][0] == 0 else 0
    if late or early:
        yield late + early


def kind_of(year: int) -> tuple[bool, int]:
    """Years of one kind have the same calendar: there are fourteen."""
    return is_leap(year), (new_year(year) + EPOCH_DAY) % 7


#: One year of every kind.
KINDS = tuple({kind_of(year): year for year in range(2000, 2028)}.values())


def runs(minutes: Iterable[int]) -> Ranges:
    """Minutes of the day as ranges of seconds."""
    found: list[list[int]] = []
    for minute in sorted(minutes):
        if found and found[-1][1] == minute * 60:
            found[-1][1] += 60
        else:
            found.append([minute * 60, minute * 60 + 60])
    return tuple((start, end) for start, end in found)


def _end_of(ranges: Ranges, second: int) -> int | None:
    """Where the range that holds the second ends."""
    return next((end for start, end in ranges if start <= second < end), None)
