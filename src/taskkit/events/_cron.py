"""Cron expressions as sets: croniter reads and refuses them, and sees neither zone nor clock.

Five fields, with names, ranges, steps, lists, `L` and `#`. Where both the day of the month and the day of the week are
restricted (neither is `*`), a day that satisfies *either* belongs to the expression, as in every cron since Vixie's; `*/2`
is a restriction. Several expressions are written with `|` between them and mean the minutes of all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import date

from attrs import evolve, frozen

from taskkit.errors import InvalidValue
from taskkit.events._days import Calendar, YearTable, is_leap, months_of, new_year
from taskkit.events._tzif import DAY, EPOCH_DAY

#: From (included) and to (excluded), in seconds of the day.
Range = tuple[int, int]
Ranges = tuple[Range, ...]
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
WHOLE_DAY: Ranges = ((0, DAY),)


@frozen
class Expression:
    """One expression, expanded; two spellings of the same sets are equal. `None` stands for `*`."""

    minutes: frozenset[int]  # of the day
    days: frozenset[int | str] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None  # Sunday is 0
    nth: frozenset[tuple[int, int | str]]

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
    if "w" in fields[2] or any(letter in "".join(fields[:2]) for letter in "hr"):
        raise InvalidValue(refusal, "W, H and R are not for windows", "use numbers, names, ranges, steps, lists, L and #")
    try:
        (minutes, hours, days, months, weekdays), nth = croniter.expand(text)
    except (CroniterError, ValueError) as error:
        raise InvalidValue(refusal, f"croniter says {str(error).strip('.')!r}", "five fields, as in '* 22-23 * * 1-5'") from None
    return Expression(
        minutes=frozenset(60 * hour + minute for hour in _all(hours, range(24)) for minute in _all(minutes, range(60))),
        days=None if days == ["*"] else frozenset(days),
        months=frozenset(_all(months, range(1, 13))),
        weekdays=None if weekdays == ["*"] else frozenset(weekdays),
        nth=frozenset((weekday, which) for weekday, several in nth.items() for which in several),
    )


def _all(values: list[int | str], everything: range) -> Iterable[int]:
    return everything if values == ["*"] else [int(value) for value in values]


class Pattern:
    """The open minutes of each day on the wall, from several expressions."""

    def __init__(self, expressions: frozenset[Expression]) -> None:
        self.expressions = expressions
        self._years: dict[Hashable, tuple[Ranges, ...]] = {}
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
        year = date.fromordinal(day + EPOCH_DAY).year
        return self.year(year)[day - new_year(year)]

    def contains(self, wall: int) -> bool:
        return self.first_open(wall) == wall

    def first_open(self, wall: int) -> int | None:
        """The first wall second at or after `wall` that belongs to the pattern."""
        day, second = divmod(wall, DAY)
        for start, end in self.ranges(day):
            if second < end:
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
        days = self.year(_A_LEAP_YEAR)
        lengths = {end - start for ranges in set(days) for start, end in ranges if start > 0 and end < DAY}
        for today, tomorrow in set(zip(days, (*days[1:], days[0]), strict=True)):
            late = today[-1][1] - today[-1][0] if today and today[-1][1] == DAY else 0
            early = tomorrow[0][1] if tomorrow and tomorrow[0][0] == 0 else 0
            if late or early:
                lengths.add(late + early)
        return min(lengths, default=0)

    def _lay_out(self, year: int) -> tuple[Ranges, ...]:
        sets = [(expression.days_of(year), expression.minutes) for expression in self.expressions]
        known: dict[tuple[bool, ...], Ranges] = {}
        days = []
        for day in range(sum(months_of(year))):
            which = tuple(day in days_of for days_of, _ in sets)
            if which not in known:
                minutes = frozenset[int]().union(*(minutes for matches, (_, minutes) in zip(which, sets, strict=True) if matches))
                known[which] = runs(minutes)
            days.append(known[which])
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


_A_LEAP_YEAR = 2024


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
