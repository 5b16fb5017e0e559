"""The same rule said to other schedulers, as they are installed here: what each makes of a span of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

_MANY = 100  # a scheduler that gives the same run for ever is not waited for

#: Takes the begin and the end of a span, aware, and gives the runs in it.
Runs = Callable[[datetime, datetime], list[datetime]]


@frozen
class Peer:
    """One scheduler, and how it is asked for a cron expression or for every second week."""

    package: str
    label: str
    cron: Callable[[str, str], Runs]
    fortnight: Callable[[str], Runs] | None = None

    @property
    def version(self) -> str | None:
        """None where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


def _until(runs: Iterator[datetime], end: datetime) -> list[datetime]:
    found: list[datetime] = []
    for run in runs:
        if run.timestamp() >= end.timestamp() or len(found) == _MANY:
            break
        found.append(run)
    return found


def _croniter(expression: str, tz: str) -> Runs:
    from croniter import croniter

    return lambda start, end: _until(croniter(expression, start.astimezone(ZoneInfo(tz))).all_next(datetime), end)


def _cronsim(expression: str, tz: str) -> Runs:
    from cronsim import CronSim

    return lambda start, end: _until(CronSim(expression, start.astimezone(ZoneInfo(tz))), end)


def _chain(trigger: Any, start: datetime, tz: str) -> Iterator[datetime]:
    """As its scheduler asks: after each run, a moment later by the real clock."""
    run, now = None, start
    while True:
        run = trigger.get_next_fire_time(run, now.astimezone(ZoneInfo(tz)))
        if run is None:
            return
        yield run
        now = max(run.astimezone(UTC), now.astimezone(UTC)) + timedelta(milliseconds=10)


def _apscheduler(expression: str, tz: str) -> Runs:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(expression, timezone=ZoneInfo(tz))
    return lambda start, end: _until(_chain(trigger, start, tz), end)


def _apscheduler_fortnight(tz: str) -> Runs:
    """Every two weeks on Monday and Wednesday at 09:00, in the way its documentation offers: two calendar triggers, joined by `or`."""
    from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
    from apscheduler.triggers.combining import OrTrigger

    days = (date(2026, 3, 2), date(2026, 3, 4))
    trigger = OrTrigger([CalendarIntervalTrigger(weeks=2, hour=9, start_date=day, timezone=ZoneInfo(tz)) for day in days])
    return lambda start, end: _until(_chain(trigger, start, tz), end)


PEERS = (
    Peer("croniter", "croniter", _croniter),
    Peer("cronsim", "cronsim", _cronsim),
    Peer("APScheduler", "APScheduler", _apscheduler, _apscheduler_fortnight),
)
