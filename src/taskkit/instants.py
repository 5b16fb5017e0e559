"""Points in time inside the engine: whole microseconds since 1970 in UTC, and the clock that tells them.

Rules count in seconds, people read pendulum's datetimes; jobs, leases and tokens need more than a second and compare as plain numbers.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

import pendulum

from taskkit.events.moments import floor_second

Instant = int
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 86_400 * SECOND
#: Later than every job: for what waits until somebody acts.
NEVER = 253_402_300_799 * SECOND
#: The first that people can read; a moment of a far zone may lie before it, or behind the last.
FIRST = -62_135_596_800 * SECOND


class Clock(Protocol):
    """What tells the time; nothing below the engine asks it."""

    def now(self) -> Instant: ...

    def monotonic(self) -> float:
        """Seconds that no change of the wall clock moves, for durations and deadlines."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event, at most so long; whether it came."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> Instant:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


def instant(moment: datetime) -> Instant:
    """The instant of an aware datetime; a naive one is refused."""
    return floor_second(moment) * SECOND + moment.microsecond


def shown(at: Instant, tz: str = "UTC") -> pendulum.DateTime:
    """The instant as people read it."""
    second, micros = divmod(min(max(at, FIRST), NEVER + SECOND - 1), SECOND)
    utc = datetime.fromtimestamp(second, UTC)
    made = pendulum.DateTime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, micros, tzinfo=pendulum.UTC)
    try:
        return made if tz == "UTC" else made.in_timezone(tz)
    except OverflowError:  # at either end of the calendar, another zone has another year
        return made
