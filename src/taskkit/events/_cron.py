"""Cron expressions as sets: croniter reads and refuses them, and sees neither zone nor clock.

Five fields, with names, ranges, steps, lists, `L` and `#`. Where both the day of the month and the day of the week are
restricted (neither is `*`), a day that satisfies *either* belongs to the expression, as in every cron since Vixie's; `*/2`
is a restriction. Several expressions are written with `|` between them and mean the minutes of all.
"""

from __future__ import annotations

import re

from attrs import evolve, frozen

from taskkit.errors import InvalidValue
from taskkit.events._days import months_of, new_year
from taskkit.events._fields import MONTH_NAMES, WEEKDAY_NAMES
from taskkit.events._tzif import EPOCH_DAY

_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")


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
    if any("#" not in item and not item.startswith("l") for item in plain[-1].split(",")):
        nth = {}  # the same days are meant each week, too: croniter takes no others beside
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
    first, last = (_number(word, names) for word in match.groups()[:2])
    if names is _WEEKDAYS and last == 0 and (days := _until_sunday(first, match)):
        return days
    if first == last:
        return str(first)
    if match[3] not in (None, "/1") and isinstance(first, int) and isinstance(last, int) and first > last:
        raise ValueError(f"the steps of {item} would go past the end of the field: write two ranges")
    return item


def _until_sunday(first: int | str, match: re.Match[str]) -> str:
    """From a day to the Sunday that ends the week, day by day: croniter takes it for the one that begins it."""
    step = int((match[3] or "/1")[1:])
    is_longer = first in range(1, 7) or (first == 0 and match[1] != "7" and match[2] == "7")
    return ",".join(str(day % 7) for day in range(int(first), 8, step)) if is_longer and step else ""


def _number(word: str, names: dict[str, int]) -> int | str:
    """`mon`, `01` and `1` are one."""
    return names.get(word, int(word) if word.isdecimal() else word)
