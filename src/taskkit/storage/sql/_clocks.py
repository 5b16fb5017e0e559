"""The clock of a database: nodes whose own clocks differ agree on it (J4)."""

from __future__ import annotations

import time

from taskkit.instants import Instant, SystemClock
from taskkit.storage.sql._lines import Line

_LOOK_NANOS = 10 * 1_000_000_000
#: Goes on while the machine sleeps, where it has such a clock: else who wakes up would claim by the time at which it fell asleep.
_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class DatabaseClock(SystemClock):
    """Read from time to time by `now`, a question; in between a clock of this machine that no change moves tells how much has passed."""

    def __init__(self, now: str) -> None:
        self._now, self._ahead = now, 0
        self._read: int | None = None

    def now(self) -> Instant:
        return time.clock_gettime_ns(_STEADY) // 1000 + self._ahead

    def look(self, line: Line) -> None:
        """The database read its clock somewhere between our question and its answer: a slow answer moves only what it refutes."""
        if self._read is not None and time.clock_gettime_ns(_STEADY) - self._read < _LOOK_NANOS:
            return
        line.rows("SELECT 1")  # from here on nobody's turn is waited for
        before = time.clock_gettime_ns(_STEADY)
        [(there,)] = line.rows(self._now)
        least, most = there - time.clock_gettime_ns(_STEADY) // 1000, there - before // 1000
        self._ahead = (least + most) // 2 if self._read is None else min(max(self._ahead, least), most)
        self._read = before
