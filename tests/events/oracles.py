"""Two slow answers to "when is this rule due?", made from the rules' words alone, to hold against the quick one.

`walked` converts every UTC minute of a span to wall time and asks of each, by definition, whether the rule means it.
`mapped` lets dateutil list naive wall times and maps each to its instants as PEP 495 reads them. Neither shares a line with
the library or with the other, except for what a rule's words mean: its anchor, its bounds.

Where the rules leave something open, this is how it is read here. `start` and `end` given on the wall bound the nominal time
of wall-clock rules. For elapsed rules `start` is the first instant that it names (in a gap, read with the offset before it), `end`
the last instant at which the zone's clocks show that time or an earlier one; a bare date as `end` is that day's last second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, HOURLY, MINUTELY, MO, MONTHLY, WEEKLY, rrule, weekday

from taskkit.events import AnyOf, Daily, Hourly, Interval, Minutely, Monthly, Once, Weekly

Clock = Daily | Weekly | Monthly
Passing = Minutely | Hourly
#: An instant, and the texts of the nominal times that it stands for.
Named = dict[datetime, set[str]]

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
#: Further than any gap and any fold reaches.
_MARGIN = timedelta(hours=27)
_EPOCH = date(1970, 1, 1)
_CLOCKS = [[f"{hour:02}:{minute:02}" for minute in range(60)] for hour in range(24)]


# The words of a rule


def is_instant(text: str) -> bool:
    return text.endswith("Z")


def instant_in(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def wall_in(text: str) -> datetime:
    return datetime.fromisoformat(text)


def anchor(rule: Clock) -> date:
    """The day from which a wall-clock rule counts."""
    if rule.start is None:
        return _EPOCH
    return instant_in(rule.start).astimezone(ZoneInfo(rule.tz)).date() if is_instant(rule.start) else wall_in(rule.start).date()


def wall_fits(rule: Clock, wall: datetime) -> bool:
    """Bounds said on the wall."""
    start, end = rule.start, rule.end
    if start is not None and not is_instant(start) and wall < wall_in(start):
        return False
    if end is None or is_instant(end):
        return True
    return wall.date() <= date.fromisoformat(end) if len(end) == len("2026-01-31") else wall <= wall_in(end)


def instant_fits(rule: Clock, instant: datetime) -> bool:
    """Bounds said as instants."""
    if rule.start is not None and is_instant(rule.start) and instant < instant_in(rule.start):
        return False
    return rule.end is None or not is_instant(rule.end) or instant <= instant_in(rule.end)


def elapsed_bounds(rule: Passing) -> tuple[datetime | None, datetime | None]:
    zone = ZoneInfo(rule.tz)
    first = None if rule.start is None else instant_in(rule.start) if is_instant(rule.start) else first_reading(wall_in(rule.start), zone)
    if rule.end is None or is_instant(rule.end):
        return first, None if rule.end is None else instant_in(rule.end)
    is_date = len(rule.end) == len("2026-01-31")
    return first, last_instant_until(wall_in(rule.end) + (_DAY - timedelta(seconds=1) if is_date else timedelta()), zone)


@lru_cache(maxsize=1024)
def last_instant_until(wall: datetime, zone: ZoneInfo) -> datetime:
    """The last second at which the zone's clocks show this time or an earlier one."""
    minute = wall.replace(second=0, tzinfo=UTC) + _MARGIN
    while minute.astimezone(zone).replace(tzinfo=None) > wall:
        minute -= _MINUTE
    is_shown = minute.astimezone(zone).replace(tzinfo=None) + _MINUTE > wall
    return minute + timedelta(seconds=wall.second if is_shown else 59)


# Where to look


class Change(NamedTuple):
    """An instant from which another offset holds."""

    instant: datetime
    before: timedelta
    after: timedelta


@lru_cache(maxsize=1024)
def changes(zone: str, first_year: int = 2000, end_year: int = 2041) -> tuple[Change, ...]:
    """The zone's changes of offset, found by looking every few days and then closer: no two lie within a week."""
    info, step = ZoneInfo(zone), 5 * _DAY
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(end_year, 1, 1, tzinfo=UTC)
    found, before = [], offset_at(at, info)
    while at < end:
        after = offset_at(at + step, info)
        if after != before:
            found.append(Change(first_minute_with(after, at, at + step, info), before, after))
        at, before = at + step, after
    return tuple(change for change in found if change.instant < end)


def first_minute_with(offset: timedelta, early: datetime, late: datetime, info: ZoneInfo) -> datetime:
    while late - early > _MINUTE:
        middle = early + (late - early) // _MINUTE // 2 * _MINUTE
        early, late = (early, middle) if offset_at(middle, info) == offset else (middle, late)
    return late


def offset_at(instant: datetime, info: ZoneInfo) -> timedelta:
    return instant.astimezone(info).utcoffset() or timedelta()


@lru_cache(maxsize=1)
def changing_zones() -> tuple[str, ...]:
    """All zones of this machine whose clocks change in these years."""
    return tuple(zone for zone in sorted(available_timezones()) if changes(zone))


# First oracle: a walk over the minutes


class Minutes:
    """What a zone's clock shows in each UTC minute of a span, and which wall minutes it leaves out there."""

    def __init__(self, zone: str, first: datetime, end: datetime) -> None:
        self.shown: dict[datetime, list[datetime]] = {}
        self.left_out: dict[datetime, datetime] = {}
        self.by_clock: dict[str, list[datetime]] = defaultdict(list)
        info = ZoneInfo(zone)
        minute, before = first, None
        while minute < end:
            wall = minute.astimezone(info).replace(tzinfo=None, fold=0)
            if before is not None and wall > before + _MINUTE:
                self._leave_out(before + _MINUTE, wall, minute)
            if wall not in self.shown:
                self.by_clock[_CLOCKS[wall.hour][wall.minute]].append(wall)
            self.shown.setdefault(wall, []).append(minute)
            minute, before = minute + _MINUTE, wall

    def _leave_out(self, missing: datetime, until: datetime, minute: datetime) -> None:
        """From the gap on, the clock of before would have shown one missing wall minute after the other."""
        while missing < until:
            self.left_out[missing] = minute
            self.by_clock[_CLOCKS[missing.hour][missing.minute]].append(missing)
            missing, minute = missing + _MINUTE, minute + _MINUTE

    def instants(self, wall: datetime, gap: str, fold: str) -> list[tuple[datetime, bool]]:
        """When a rule runs that means this wall minute, and whether the name needs to tell a second reading from the first."""
        if wall in self.left_out:
            return [(self.left_out[wall], False)] if gap == "shift" else []
        shown = self.shown.get(wall, [])
        chosen = {"first": shown[:1], "last": shown[-1:], "both": shown}[fold]
        return [(instant, fold == "both" and instant != shown[0]) for instant in chosen]


@lru_cache(maxsize=16)
def minutes(zone: str, first: datetime, end: datetime) -> Minutes:
    return Minutes(zone, first, end)


def walked(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    """All instants of the rule from `lo` (included) to `hi` (excluded)."""
    return sorted(walked_names(interval, lo, hi))


def walked_names(interval: Interval, lo: datetime, hi: datetime) -> Named:
    """The same, with the nominal times of each."""
    if isinstance(interval, AnyOf):
        first, end = whole_minutes(lo, hi)
        return in_span(one_per_minute(walked_names(member, first, end) for member in interval.members), lo, hi)
    if isinstance(interval, Minutely | Hourly):
        return walked_elapsed(interval, lo, hi)
    if isinstance(interval, Once) and is_instant(interval.at):
        instant = instant_in(interval.at)
        return in_span({instant: {utc_name(instant)}}, lo, hi)
    first, end = whole_minutes(lo - _MARGIN, hi + _MARGIN)
    if isinstance(interval, Once):
        return in_span(walked_once(interval, minutes(interval.tz, first, end)), lo, hi)
    assert isinstance(interval, Daily | Weekly | Monthly)
    return in_span(walked_clock(interval, minutes(interval.tz, first, end)), lo, hi)


def walked_elapsed(rule: Passing, lo: datetime, hi: datetime) -> Named:
    first, last = elapsed_bounds(rule)
    origin = first or datetime(1970, 1, 1, tzinfo=UTC)
    step = rule.every * (1 if isinstance(rule, Minutely) else 60)
    minute = lo.replace(microsecond=0, second=origin.second) - _MINUTE
    found: Named = {}
    while minute < hi:
        due = (minute - origin) // _MINUTE % step == 0
        if due and minute >= lo and (first is None or minute >= first) and (last is None or minute <= last):
            found[minute] = {utc_name(minute)}
        minute += _MINUTE
    return found


def walked_once(rule: Once, table: Minutes) -> Named:
    wall = wall_in(rule.at)
    seconds = timedelta(seconds=wall.second)
    readings = table.instants(wall - seconds, rule.gap, rule.fold)
    return {instant + seconds: {wall_name(wall, rule.tz, again)} for instant, again in readings}


def walked_clock(rule: Clock, table: Minutes) -> Named:
    found: Named = defaultdict(set)
    for clock in rule.at:
        for wall in table.by_clock.get(clock, ()):
            if wall_fits(rule, wall) and means_day(rule, wall.date()):
                for instant, again in table.instants(wall, rule.gap, rule.fold):
                    if instant_fits(rule, instant):
                        found[instant].add(wall_name(wall, rule.tz, again))
    return found


def means_day(rule: Clock, day: date) -> bool:
    if isinstance(rule, Daily):
        return (day - anchor(rule)).days % rule.every == 0
    if isinstance(rule, Weekly):
        return day.weekday() in rule.on and (monday(day) - monday(anchor(rule))).days // 7 % rule.every == 0
    return means_day_of_month(rule, day)


def monday(day: date) -> date:
    """The begin of the day's ISO week."""
    year, week, _ = day.isocalendar()
    return date.fromisocalendar(year, week, 1)


def means_day_of_month(rule: Monthly, day: date) -> bool:
    if means_month(rule, day) and is_named_day(rule, day):
        return True
    last_before = day - _DAY
    is_first = day.day == 1
    return is_first and rule.missing_day == "next" and means_month(rule, last_before) and max(rule.days) > last_before.day


def means_month(rule: Monthly, day: date) -> bool:
    begin = anchor(rule)
    return day.month in rule.months and ((day.year - begin.year) * 12 + day.month - begin.month) % rule.every == 0


def is_named_day(rule: Monthly, day: date) -> bool:
    """By its number, counted from either end, or as the last day for one that the month lacks."""
    left = (day.replace(day=28) + 4 * _DAY).replace(day=1) - day
    if day.day in rule.days or -left.days in rule.days:
        return True
    return left == _DAY and rule.missing_day == "last" and any(wanted > day.day for wanted in rule.days)


# Second oracle: dateutil on the wall, PEP 495 from there


def mapped(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    """All instants of the rule from `lo` (included) to `hi` (excluded)."""
    return sorted(mapped_names(interval, lo, hi))


def mapped_names(interval: Interval, lo: datetime, hi: datetime) -> Named:
    """The same, with the nominal times of each."""
    if isinstance(interval, AnyOf):
        first, end = whole_minutes(lo, hi)
        return in_span(one_per_minute(mapped_names(member, first, end) for member in interval.members), lo, hi)
    if isinstance(interval, Minutely | Hourly):
        return mapped_elapsed(interval, lo, hi)
    if isinstance(interval, Once):
        return in_span(mapped_once(interval), lo, hi)
    assert isinstance(interval, Daily | Weekly | Monthly)
    found: Named = defaultdict(set)
    for day in listed_days(interval, (lo - 2 * _DAY).date(), (hi + 2 * _DAY).date()):
        for clock in interval.at:
            wall = datetime.combine(day, time.fromisoformat(clock))
            if wall_fits(interval, wall):
                for instant, again in read(wall, interval.tz, interval.gap, interval.fold):
                    found[instant].add(wall_name(wall, interval.tz, again))
    return in_span({instant: names for instant, names in found.items() if instant_fits(interval, instant)}, lo, hi)


def mapped_elapsed(rule: Passing, lo: datetime, hi: datetime) -> Named:
    first, last = elapsed_bounds(rule)
    unit = timedelta(minutes=1) if isinstance(rule, Minutely) else timedelta(hours=1)
    origin = first or datetime(1970, 1, 1, tzinfo=UTC)
    begin = max(lo, first) if first else lo
    rounds = (begin - origin) // (rule.every * unit)  # whole ones, so the rule stays in step
    stop = min(hi - timedelta(microseconds=1), last) if last else hi - timedelta(microseconds=1)
    listed = rrule(
        MINUTELY if isinstance(rule, Minutely) else HOURLY, interval=rule.every, dtstart=origin + rounds * rule.every * unit, until=stop
    )
    return {instant: {utc_name(instant)} for instant in listed if instant >= begin}


def mapped_once(rule: Once) -> Named:
    if is_instant(rule.at):
        return {instant_in(rule.at): {utc_name(instant_in(rule.at))}}
    wall = wall_in(rule.at)
    return {instant: {wall_name(wall, rule.tz, again)} for instant, again in read(wall, rule.tz, rule.gap, rule.fold)}


def read(wall: datetime, tz: str, gap: str, fold: str) -> list[tuple[datetime, bool]]:
    """A wall time as instants, each with whether it is a second reading that the name must tell."""
    found = readings(wall, ZoneInfo(tz))
    if len(found) == 1:
        instant, exists = found[0]
        return [(instant, False)] if exists or gap == "shift" else []
    first, last = found[0][0], found[1][0]
    return {"first": [(first, False)], "last": [(last, False)], "both": [(first, False), (last, True)]}[fold]


def readings(wall: datetime, zone: ZoneInfo) -> list[tuple[datetime, bool]]:
    """PEP 495: two instants in a fold; one in a gap, read with the offset before it, and marked as not existing."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    last = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    exists = first.astimezone(zone).replace(tzinfo=None, fold=0) == wall
    return [(first, True), (last, True)] if exists and first != last else [(first, exists)]


def first_reading(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def listed_days(rule: Clock, first: date, last: date) -> Iterator[date]:
    until = datetime.combine(last, time())
    if isinstance(rule, Daily):
        rounds = (first - anchor(rule)).days // rule.every
        begin = datetime.combine(anchor(rule) + rounds * rule.every * _DAY, time())
        return (day.date() for day in rrule(DAILY, interval=rule.every, dtstart=begin, until=until))
    if isinstance(rule, Weekly):
        begins = anchor(rule) + relativedelta(weekday=MO(-1))
        rounds = (first - begins).days // (7 * rule.every)
        begin = datetime.combine(begins + rounds * rule.every * 7 * _DAY, time())
        named = [weekday(int(day)) for day in rule.on]
        return (day.date() for day in rrule(WEEKLY, interval=rule.every, wkst=MO, byweekday=named, dtstart=begin, until=until))
    return listed_days_of_months(rule, first - 32 * _DAY, until)


def listed_days_of_months(rule: Monthly, first: date, until: datetime) -> Iterator[date]:
    begin = anchor(rule).replace(day=1)
    rounds = ((first.year - begin.year) * 12 + first.month - begin.month) // rule.every
    start = datetime.combine(begin + relativedelta(months=rounds * rule.every), time())
    for month in rrule(MONTHLY, interval=rule.every, bymonth=rule.months, bymonthday=1, dtstart=start, until=until):
        for wanted in rule.days:
            found = day_of_month(month.date(), wanted, rule.missing_day)
            if found is not None:
                yield found


def day_of_month(month: date, wanted: int, missing: str) -> date | None:
    if wanted < 0:
        return month + relativedelta(months=1, days=wanted)
    clipped = month + relativedelta(day=wanted)
    if clipped.day == wanted or missing == "last":
        return clipped
    return month + relativedelta(months=1) if missing == "next" else None


# Both


def in_span(found: Named, lo: datetime, hi: datetime) -> Named:
    return {instant: names for instant, names in found.items() if lo <= instant < hi}


def whole_minutes(lo: datetime, hi: datetime) -> tuple[datetime, datetime]:
    """The minutes that the span touches."""
    end = hi.replace(second=0, microsecond=0)
    return lo.replace(second=0, microsecond=0), end if end == hi else end + _MINUTE


def one_per_minute(members: Iterable[Named]) -> Named:
    """The union: those of one minute are one, at the earliest of their seconds, with all names."""
    runs: dict[datetime, tuple[datetime, set[str]]] = {}
    for member in members:
        for instant, names in member.items():
            minute = instant.replace(second=0)
            earliest, all_names = runs.get(minute, (instant, set()))
            runs[minute] = min(earliest, instant), all_names | names
    return dict(runs.values())


def utc_name(instant: datetime) -> str:
    return _written(instant.replace(tzinfo=None)) + "Z"


def wall_name(wall: datetime, tz: str, again: bool) -> str:
    return f"{_written(wall)} {tz}{' again' if again else ''}"


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds" if moment.second else "minutes")
