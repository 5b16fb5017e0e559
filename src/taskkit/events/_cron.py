"""Cron expressions as sets: croniter reads and refuses them, and sees neither zone nor clock.

Five fields, with names, ranges, steps, lists, `L` and `#`. Where both the day of the month and the day of the week are
restricted (neither is `*`), a day that satisfies *either* belongs to the expression, as in every cron since Vixie's; `*/2`
is a restriction. Several expressions are written with `|` between them and mean the minutes of all.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date
from itertools import pairwise
from operator import itemgetter

from attrs import evolve, frozen

from taskkit.errors import InvalidValue
from taskkit.events._days import FIRST_DAY, LAST_DAY, Calendar, YearTable, is_leap, months_of, new_year
from taskkit.events._fields import MONTH_NAMES, WEEKDAY_NAMES
from taskkit.events._tzif import DAY, EPOCH_DAY

#: From (included) and to (excluded), in seconds of the day.
Range = tuple[int, int]
Ranges = tuple[Range, ...]
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
WHOLE_DAY: Ranges = ((0, DAY),)
_end = itemgetter(1)


@frozen
class Expression:
    """One expression, expanded; two spellings of the same sets are equal. `None` stands for `*`."""

    minutes: frozenset[int]  # of the day
    days: frozenset[int | str] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None  # Sunday is 0
    nth: frozenset[tuple[int, int | str]]

    @property
    def every_day(self) -> bool:
        """Whether no day is left out."""
        all_days = self.days is None or self.days >= set(range(1, 32))
        all_weekdays = self.weekdays is None or (not self.nth and len(self.weekdays) == len(WEEKDAY_NAMES))
        either = self.days is not None and self.weekdays is not None
        return len(self.months) == len(MONTH_NAMES) and ((all_days or all_weekdays) if either else (all_days and all_weekdays))

    def days_of(self, year: int) -> set[int]:
        """Days of the year, counted from 0."""
        found: set[int] = set()
        start, weekday = 0, (new_year(year) + EPOCH_DAY) % 7
        for month, length in enumerate(months_of(year), start=1):
            if month in self.months:
                found.update(start + day - 1 for day in range(1, length + 1) if self._matches(day, length, (weekday + day - 1) % 7))
            start, weekday = start + length, (weekday + length) % 7
        return found

    def _matches(self, day: int, length: int, weekday: int) -> bool:
        by_day = self.days is not None and (day in self.days or ("l" in self.days and day == length))
        if self.weekdays is None:
            return by_day or self.days is None
        return by_day or self._matches_weekday(day, length, weekday)

    def _matches_weekday(self, day: int, length: int, weekday: int) -> bool:
        if not self.nth:
            return self.weekdays is not None and weekday in self.weekdays
        return (weekday, (day + 6) // 7) in self.nth or (day + 7 > length and (weekday, "l") in self.nth)


def read(text: str) -> frozenset[Expression]:
    """All expressions of a text; InvalidValue for what croniter or we do not take."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidValue(f"reading {text!r} as a window", "it is no cron expression", "as in '* 22-23 * * 1-5'")
    merged: dict[tuple[object, ...], Expression] = {}
    for expression in map(_read_one, text.split("|")):
        days = (expression.days, expression.months, expression.weekdays, expression.nth)
        known = merged.get(days)
        merged[days] = evolve(known, minutes=known.minutes | expression.minutes) if known else expression
    return frozenset(merged.values())


def _read_one(text: str) -> Expression:
    from croniter import croniter
    from croniter.croniter import CroniterError

    refusal = f"reading {text.strip()!r} as a window"
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise InvalidValue(refusal, f"it has {len(fields)} of the {len(_FIELDS)} fields", f"give {', '.join(_FIELDS)}")
    try:
        plain = [_plain_field(field, names) for field, names in zip(fields, _NAMES, strict=True)]
        expanded, nth = croniter.expand(" ".join(plain))
    except (CroniterError, ValueError) as error:
        raise InvalidValue(
            refusal, str(error).strip("."), "numbers, names, ranges, steps, lists, L and #, as in '* 22-23 * * 1-5'"
        ) from None
    # What croniter shortens to a star is a restriction all the same, unless it was written as a star.
    minutes, hours, days, months, weekdays = (
        None if field in _STARS else frozenset(everything if values == ["*"] else values)
        for field, values, everything in zip(plain, expanded, _EVERYTHING, strict=True)
    )
    return Expression(
        minutes=frozenset(60 * int(hour) + int(minute) for hour in hours or range(24) for minute in minutes or range(60)),
        days=days,
        months=frozenset(int(month) for month in months or range(1, 13)),
        weekdays=weekdays and frozenset(map(int, weekdays)),
        nth=frozenset((weekday, which) for weekday, several in nth.items() for which in several),
    )


_STARS = ("*", "?")
_EVERYTHING = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_MONTHS = {name[:3].lower(): number for number, name in enumerate(MONTH_NAMES, start=1)}
_WEEKDAYS = {name[:3].lower(): number for number, name in enumerate((WEEKDAY_NAMES[-1], *WEEKDAY_NAMES[:-1]))} | {"7": 0}
_NAMES: tuple[dict[str, int], ...] = ({}, {}, {}, _MONTHS, _WEEKDAYS)
_RANGE = re.compile(r"(\w+)-(\w+)(/\d+)?")
_CHANCE = re.compile(r"[hr](\(.*\))?(/\d+)?")


def _plain_field(field: str, names: dict[str, int]) -> str:
    """A field as croniter reads it rightly: it takes `5-5` for the whole cycle, and knows no star in a list."""
    items = [_plain_item(item, names) for item in field.split(",")]
    return "*" if "*" in items else ",".join(items)


def _plain_item(item: str, names: dict[str, int]) -> str:
    if _CHANCE.fullmatch(item) or (names is _NAMES[2] and "w" in item):
        raise ValueError("W, H and R are not for windows")
    match = _RANGE.fullmatch(item)
    if match is None:
        return item
    first, last = (names.get(word, word) for word in match.groups()[:2])
    if str(first) == str(last):
        return str(first)
    if match[3] not in (None, "/1") and str(first).isdigit() and str(last).isdigit() and int(first) > int(last):
        raise ValueError(f"the steps of {item} would go past the end of the field: write two ranges")
    return item


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
