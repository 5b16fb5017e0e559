"""The windows of R5 by brute force: every minute is asked for itself, so that quick answers can be held against slow ones.

It shares nothing with what it checks: the five fields are read here once more, and the wall clocks are those of `zoneinfo`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
_MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True)
class Asked:
    """A window as it was written."""

    expression: str
    tz: str


# The five fields, once more.


@dataclass(frozen=True)
class Cron:
    """One expression; the days are told apart by `allows`, one by one."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: str
    months: frozenset[int]
    weekdays: str

    @classmethod
    def read(cls, text: str) -> Cron:
        minutes, hours, days, months, weekdays = text.lower().split()
        return cls(_numbers(minutes, 0, 59), _numbers(hours, 0, 23), days, _numbers(months, 1, 12, _MONTHS), weekdays)

    def matches(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and _allows(self, wall.date())


@cache
def _allows(cron: Cron, day: date) -> bool:
    """The either-rule: where neither field is `*`, one of the two is enough."""
    if day.month not in cron.months:
        return False
    by_day = any(_is_month_day(term, day) for term in cron.days.split(","))
    by_weekday = any(_is_weekday(term, day) for term in cron.weekdays.split(","))
    if "*" in (cron.days, cron.weekdays):
        return by_day and by_weekday
    return by_day or by_weekday


def _is_month_day(term: str, day: date) -> bool:
    return _is_last(day, 1) if term == "l" else day.day in _numbers(term, 1, 31)


def _is_weekday(term: str, day: date) -> bool:
    if term.startswith("l"):
        return _weekday(day) in _weekday_numbers(term[1:]) and _is_last(day, 7)
    weekdays, _, nth = term.partition("#")
    return _weekday(day) in _weekday_numbers(weekdays) and (not nth or (day.day - 1) // 7 + 1 == int(nth))


def _weekday(day: date) -> int:
    return day.isoweekday() % 7


def _is_last(day: date, days: int) -> bool:
    """Whether the month ends within so many days."""
    return (day + timedelta(days=days)).month != day.month


def _weekday_numbers(text: str) -> frozenset[int]:
    return frozenset(number % 7 for number in _numbers(text, 0, 6, _WEEKDAYS))


@cache
def _numbers(text: str, lowest: int, highest: int, names: Sequence[str] = ()) -> frozenset[int]:
    return frozenset(number for term in text.split(",") for number in _term(term, lowest, highest, names))


def _term(term: str, lowest: int, highest: int, names: Sequence[str]) -> Sequence[int]:
    """`*`, `5`, `5-9`, `9-5` (past the end), each with `/2`; `5/2` runs to the end."""
    span, _, step = term.partition("/")
    if span == "*":
        found = list(range(lowest, highest + 1))
    else:
        first, *rest = (_number(word, names) for word in span.split("-"))
        last = rest[0] if rest else highest if step else first
        past_the_end = [*range(first, max(first, highest) + 1), *range(lowest, last + 1)]
        found = past_the_end if first > last else list(range(first, last + 1))
    return found[:: int(step or 1)]


def _number(word: str, names: Sequence[str]) -> int:
    return names.index(word) if word in names else int(word)


# The wall clocks.


@lru_cache(maxsize=8)
def _walls(tz: str, start: datetime, count: int) -> list[datetime]:
    """What the wall shows at each UTC minute from `start` on."""
    zone = ZoneInfo(tz)
    return [(start + MINUTE * number).astimezone(zone).replace(tzinfo=None, fold=0) for number in range(count)]


@cache
def changes(tz: str, first_year: int, last_year: int) -> tuple[datetime, ...]:
    """The minutes at which the zone's offset changes."""
    zone, start = ZoneInfo(tz), datetime(first_year, 1, 1, tzinfo=UTC)
    days = [start + DAY * number for number in range((date(last_year, 12, 31) - start.date()).days)]
    return tuple(_change(a, b, zone) for a, b in pairwise(days) if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset())


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = before.astimezone(zone).utcoffset()
    while after - before > MINUTE:
        middle = before + MINUTE * ((after - before) // MINUTE // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


# Open minutes.


def open_minutes(asked: Asked, start: datetime, count: int) -> list[bool]:
    """For each UTC minute from `start` on, whether the window is open: by the wall, and by the gaps before it.

    No gap is longer than a day, so what a gap moved lies within the day that follows it.
    """
    crons = [Cron.read(text) for text in asked.expression.split("|")]
    lead = 24 * 60 + 1
    walls = _walls(asked.tz, start - MINUTE * lead, lead + count)
    flags = [_matches(crons, wall) for wall in walls]
    for place, (before, after) in enumerate(pairwise(walls), start=1):
        if after - before > MINUTE:
            for moved in range(place, min(place + _swallowed(crons, before + MINUTE, after), len(flags))):
                flags[moved] = True
    return flags[lead:]


def _swallowed(crons: list[Cron], start: datetime, end: datetime) -> int:
    """How many minutes the longest opening has that lies wholly in the gap from `start` to `end`."""
    return max((last - first for first, last in _runs(crons, start, end)), default=timedelta()) // MINUTE


def _runs(crons: list[Cron], start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The openings that begin and end within the gap; the minute on either side is asked, too."""
    opens, wall = None, start
    while wall <= end:
        if not _matches(crons, wall):
            if opens is not None:
                yield opens, wall
            opens = None
        elif not _matches(crons, wall - MINUTE):
            opens = wall
        wall += MINUTE


def _matches(crons: list[Cron], wall: datetime) -> bool:
    return any(cron.matches(wall) for cron in crons)


def open_time_minutes(window: Asked | None, blackouts: Sequence[Asked], start: datetime, count: int) -> list[bool]:
    """The same for a window, or all time, less its blackouts."""
    flags = open_minutes(window, start, count) if window else [True] * count
    for blackout in blackouts:
        flags = [is_open and not is_shut for is_open, is_shut in zip(flags, open_minutes(blackout, start, count), strict=True)]
    return flags
