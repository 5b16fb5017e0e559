"""The clock of a database: nodes whose own clocks differ agree on it (J4)."""

from __future__ import annotations

import time

from taskkit.instants import Instant, SystemClock
from taskkit.storage.sql._lines import Line

_LOOK_NANOS = 10 * 1_000_000_000


class DatabaseClock(SystemClock):
    """Read from time to time by `now`, a question; in between a clock of this machine that no change moves tells how much has passed."""

    def __init__(self, now: str) -> None:
        self._now, self._ahead = now, 0
        self._read: int | None = None

    def now(self) -> Instant:
        return time.monotonic_ns() // 1000 + self._ahead

    def look(self, line: Line) -> None:
        """Half of the way there and back is taken for the way back."""
        if self._read is not None and time.monotonic_ns() - self._read < _LOOK_NANOS:
            return
        line.rows("SELECT 1")  # from here on nobody's turn is waited for
        before = time.monotonic_ns()
        [(there,)] = line.rows(self._now)
        self._ahead, self._read = there - (before + time.monotonic_ns()) // 2000, before
