"""The schedules that are compared, and who answers for them: the standard library by hand, other packages, and taskkit.

A *seek* takes an aware datetime in the schedule's zone and gives the first occurrence later than it. All that can be prepared is
prepared, so a call is the question alone; who has to be made anew for each question says so in its name.
A peer that cannot express a schedule, or cannot seek in it, is left out there.
"""

from __future__ import annotations

import random
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

from taskkit import FRI, MON, THU, TUE, WED, Daily, Hourly, Interval, Minutely, Monthly, NarrowWindow, TimeWindow, Weekly

Seek = Callable[[datetime], datetime | None]
#: From (excluded) and to (included) give how many were missed, the last of them, and the next.
CatchUp = Callable[[datetime, datetime], tuple[int, datetime | None, datetime | None]]

BY_HAND = "stdlib by hand"
DOOR = "taskkit"
PLAN = "taskkit plan"
OPENING = "taskkit window"
OPEN_FROM = "taskkit open_from"
CRONITER = "croniter"
CRONSIM = "cronsim, made anew"
APS_CRON = "APScheduler cron"
APS_INTERVAL = "APScheduler interval"
RRULE = "rrule"

WORLD = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")

QUARTERS = [f"{hour:02}:{minute:02}" for hour in (2, 3, 4) for minute in (0, 15, 30, 45)]


@dataclass(frozen=True)
class Schedule:
    """One rule, as each of the peers is told it."""

    name: str
    zone: ZoneInfo
    make: Callable[[], Interval]
    cron: str | None = None

    @property
    def anchor(self) -> datetime:
        return datetime(2025, 1, 1, tzinfo=self.zone)

    def moments(self, count: int, first: datetime = datetime(2026, 1, 1, tzinfo=UTC), days: float = 365) -> list[datetime]:
        """Arbitrary moments of a year, the same in every run, none on a whole second."""
        rng = random.Random(f"{self.name} {first:%Y}")
        return [(first + timedelta(seconds=rng.randrange(int(days * 86_400)) + 0.5)).astimezone(self.zone) for _ in range(count)]


SCHEDULES = {
    schedule.name: schedule
    for schedule in (
        Schedule("every 5 minutes", WORLD, lambda: Minutely(5, start="2025-01-01"), "*/5 * * * *"),
        Schedule("every 12 hours", WORLD, lambda: Hourly(12, start="2025-01-01"), "0 */12 * * *"),
        Schedule("every 5 days", BERLIN, lambda: Daily(5, at="06:00", tz="Europe/Berlin", start="2025-01-01")),
        Schedule("every 2 weeks", NEW_YORK, lambda: Weekly(2, on=[MON, WED], at="09:00", tz="America/New_York", start="2025-01-06")),
        Schedule(
            "1, 15, 31 of 3 months",
            BERLIN,
            lambda: Monthly([1, 15, 31], months=[1, 6, 12], at="03:00", tz="Europe/Berlin", missing_day="skip"),
            "0 3 1,15,31 1,6,12 *",
        ),
        Schedule("29 February", BERLIN, lambda: Monthly(29, months=2, at="04:00", tz="Europe/Berlin", missing_day="skip"), "0 4 29 2 *"),
        Schedule(
            "weekdays, 12 times", BERLIN, lambda: Weekly(on=[MON, TUE, WED, THU, FRI], at=QUARTERS, tz="Europe/Berlin"), "*/15 2-4 * * 1-5"
        ),
    )
}
FIVE_MINUTES = SCHEDULES["every 5 minutes"]
QUARTER_HOURS = SCHEDULES["weekdays, 12 times"]


def quiet_window(expression: str, tz: str) -> TimeWindow:
    """A window that is meant to be narrow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NarrowWindow)
        return TimeWindow(expression, tz=tz)


# By hand: what somebody would write who needs this one schedule and no other. It is the limit, not a competitor.


def _settled(wall: datetime) -> datetime:
    """To the instant and back: a wall time that no instant has moves behind the gap."""
    return datetime.fromtimestamp(wall.timestamp(), wall.tzinfo)


def _passing(step: int) -> Seek:
    origin, zone = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()), WORLD

    def after(moment: datetime) -> datetime:
        return datetime.fromtimestamp(origin + (int(moment.timestamp() - origin) // step + 1) * step, zone)

    return after


def _fifth_days() -> Seek:
    origin, zone = date(2025, 1, 1).toordinal(), BERLIN

    def after(moment: datetime) -> datetime:
        day = moment.toordinal() + (moment.hour >= 6)
        found = date.fromordinal(day + (origin - day) % 5)
        return _settled(datetime(found.year, found.month, found.day, 6, tzinfo=zone))

    return after


def _second_weeks() -> Seek:
    monday, zone = date(2025, 1, 6).toordinal(), NEW_YORK

    def after(moment: datetime) -> datetime:
        day = moment.toordinal() + (moment.hour >= 9)
        place = (day - monday) % 14
        found = date.fromordinal(day - place + (0 if place == 0 else 2 if place <= 2 else 14))
        return _settled(datetime(found.year, found.month, found.day, 9, tzinfo=zone))

    return after


def _some_days_of_some_months() -> Seek:
    days, zone = [(1, 1), (1, 15), (1, 31), (6, 1), (6, 15), (12, 1), (12, 15), (12, 31)], BERLIN

    def after(moment: datetime) -> datetime:
        year = moment.year
        index = bisect_right(days, (moment.month, moment.day - (moment.hour < 3)))
        if index == len(days):
            year, index = year + 1, 0
        month, day = days[index]
        return _settled(datetime(year, month, day, 3, tzinfo=zone))

    return after


def _leap_days() -> Seek:
    zone = BERLIN

    def after(moment: datetime) -> datetime:
        year = moment.year + ((moment.month, moment.day, moment.hour) >= (2, 29, 4))
        while year % 4 or (year % 100 == 0 and year % 400):
            year += 1
        return _settled(datetime(year, 2, 29, 4, tzinfo=zone))

    return after


def _quarter_hours() -> Seek:
    minutes, zone = [int(text[:2]) * 60 + int(text[3:]) for text in QUARTERS], BERLIN

    def after(moment: datetime) -> datetime:
        weekday = moment.weekday()
        if weekday < 5:
            index = bisect_right(minutes, moment.hour * 60 + moment.minute)
            if index < len(minutes):
                hour, minute = divmod(minutes[index], 60)
                return _settled(datetime(moment.year, moment.month, moment.day, hour, minute, tzinfo=zone))
        found = date.fromordinal(moment.toordinal() + (7 - weekday if 4 <= weekday < 6 else 1))
        return _settled(datetime(found.year, found.month, found.day, 2, tzinfo=zone))

    return after


def _quarter_hour_openings() -> Seek:
    """The same as a window: open for the minute, so a moment within it is its own answer."""
    closed = _quarter_hours()

    def at_or_after(moment: datetime) -> datetime | None:
        if moment.minute % 15 == 0 and 2 <= moment.hour <= 4 and moment.weekday() < 5:
            return moment
        return closed(moment)

    return at_or_after


_HAND: Mapping[str, Callable[[], Seek]] = {
    "every 5 minutes": lambda: _passing(300),
    "every 12 hours": lambda: _passing(12 * 3600),
    "every 5 days": _fifth_days,
    "every 2 weeks": _second_weeks,
    "1, 15, 31 of 3 months": _some_days_of_some_months,
    "29 February": _leap_days,
    "weekdays, 12 times": _quarter_hours,
}


# Other packages, each through what its own documentation offers.


def _croniter(schedule: Schedule) -> Iterator[tuple[str, Seek]]:
    from croniter import croniter

    if schedule.cron:
        prepared = croniter(schedule.cron, schedule.anchor)
        yield CRONITER, lambda moment: prepared.get_next(datetime, start_time=moment)


def _cronsim(schedule: Schedule) -> Iterator[tuple[str, Seek]]:
    from cronsim import CronSim

    if schedule.cron:
        expression = schedule.cron
        yield CRONSIM, lambda moment: next(CronSim(expression, moment))


def _apscheduler(schedule: Schedule) -> Iterator[tuple[str, Seek]]:
    for name, trigger in triggers(schedule).items():
        yield name, partial(trigger.get_next_fire_time, None)


def triggers(schedule: Schedule) -> dict[str, Any]:
    """APScheduler's triggers that can seek; the one for calendars can only step on from the last run."""
    from apscheduler.triggers.cron import CronTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    found = {}
    if schedule.cron:
        expression = schedule.cron.replace("1-5", "mon-fri")  # as a number Monday is its 0
        found[APS_CRON] = CronTrigger.from_crontab(expression, timezone=schedule.zone)
    minutes = {"every 5 minutes": 5, "every 12 hours": 720}.get(schedule.name)
    if minutes:
        found[APS_INTERVAL] = IntervalTrigger(minutes=minutes, start_date=schedule.anchor, timezone=schedule.zone)
    return found


def _rrule(schedule: Schedule) -> Iterator[tuple[str, Seek]]:
    """It walks from its start; its hours are those of the wall, which in UTC is the same."""
    from dateutil import rrule as r

    start, name = schedule.anchor, schedule.name
    if name == "every 5 minutes":
        rule = r.rrule(r.MINUTELY, start, interval=5)
    elif name == "every 12 hours":
        rule = r.rrule(r.HOURLY, start, interval=12)
    elif name == "every 5 days":
        rule = r.rrule(r.DAILY, start, interval=5, byhour=6, byminute=0, bysecond=0)
    elif name == "every 2 weeks":
        rule = r.rrule(r.WEEKLY, start.replace(day=6), interval=2, byweekday=(r.MO, r.WE), byhour=9, byminute=0, bysecond=0)
    elif name == "1, 15, 31 of 3 months":
        rule = r.rrule(r.YEARLY, start, bymonth=(1, 6, 12), bymonthday=(1, 15, 31), byhour=3, byminute=0, bysecond=0)
    elif name == "29 February":
        rule = r.rrule(r.YEARLY, start, bymonth=2, bymonthday=29, byhour=4, byminute=0, bysecond=0)
    else:
        weekdays = (r.MO, r.TU, r.WE, r.TH, r.FR)
        rule = r.rrule(r.DAILY, start, byweekday=weekdays, byhour=(2, 3, 4), byminute=(0, 15, 30, 45), bysecond=0)
    yield RRULE, rule.after


_OTHERS: Mapping[str, Callable[[Schedule], Iterator[tuple[str, Seek]]]] = {
    "croniter": _croniter,
    "cronsim": _cronsim,
    "apscheduler": _apscheduler,
    "dateutil": _rrule,
}
ABSENT = [package for package in _OTHERS if find_spec(package) is None]


def seeks(schedule: Schedule) -> dict[str, Seek]:
    """All who can seek in this schedule: by hand first, then taskkit, then the others."""
    found: dict[str, Seek] = {BY_HAND: _HAND[schedule.name](), DOOR: schedule.make().next_after}
    for package, peer in _OTHERS.items():
        if package not in ABSENT:
            found.update(peer(schedule))
    return found


def openings() -> dict[str, Seek]:
    """The last schedule as a window of single minutes."""
    window = quiet_window("*/15 2-4 * * 1-5", "Europe/Berlin")
    return {BY_HAND: _quarter_hour_openings(), OPENING: window.next_opening}


# Catching up after a long silence.


def catch_ups() -> dict[str, CatchUp]:
    """All who can say what a silence has cost, for the rule of five minutes."""
    found: dict[str, CatchUp] = {BY_HAND: _catch_up_by_hand(), DOOR: _catch_up()}
    if "croniter" not in ABSENT:
        seek = dict(_croniter(FIVE_MINUTES))[CRONITER]
        found[f"{CRONITER}, walking"] = _walking(lambda last, now: seek(last))
    if "apscheduler" not in ABSENT:
        for name, trigger in triggers(FIVE_MINUTES).items():
            found[f"{name}, walking"] = _walking(trigger.get_next_fire_time)
    return found


def _catch_up_by_hand() -> CatchUp:
    """Three questions that know nothing of each other, as taskkit's are."""
    origin, step, zone = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()), 300, WORLD
    following = _passing(step)

    def count(last_run: datetime, now: datetime) -> int:
        return int(now.timestamp() - origin) // step - int(last_run.timestamp() - origin) // step

    def latest(now: datetime) -> datetime:
        return datetime.fromtimestamp(origin + int(now.timestamp() - origin) // step * step, zone)

    def catch_up(last_run: datetime, now: datetime) -> tuple[int, datetime | None, datetime | None]:
        return count(last_run, now), latest(now), following(now)

    return catch_up


def _catch_up() -> CatchUp:
    rule, second = FIVE_MINUTES.make(), timedelta(seconds=1)

    def catch_up(last_run: datetime, now: datetime) -> tuple[int, datetime | None, datetime | None]:
        return rule.count_between(last_run + second, now), rule.latest_before(now), rule.next_after(now)

    return catch_up


def _walking(step: Callable[[datetime, datetime], datetime | None]) -> CatchUp:
    """From one occurrence to the next until one lies ahead, as a scheduler does that knows no shorter way."""

    def catch_up(last_run: datetime, now: datetime) -> tuple[int, datetime | None, datetime | None]:
        missed, latest = 0, None
        found = step(last_run, now)
        while found is not None and found <= now:
            missed, latest = missed + 1, found
            found = step(found, now)
        return missed, latest, found

    return catch_up
