"""A clock that stands still until it is moved."""

from __future__ import annotations

import threading
from datetime import datetime

import pendulum

from taskkit.errors import InvalidValue
from taskkit.instants import SECOND, Instant, instant, shown


class VirtualClock:
    """Time for tests: `advance(hours=3)` moves it, and waiting takes none."""

    #: Nothing is done because time goes by: leases are renewed where a test says so.
    stands_still = True

    def __init__(self, start: datetime) -> None:
        self._now = instant(start)
        self._lock = threading.Lock()

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> float:
        return self._now / SECOND

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Time passes at once, unless the event is there."""
        if not event.is_set():
            self.advance(seconds=seconds)
        return event.is_set()

    @property
    def moment(self) -> pendulum.DateTime:
        return shown(self._now)

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> pendulum.DateTime:
        """Move forward; what the time is then."""
        passed = round((days * 86_400 + hours * 3600 + minutes * 60 + seconds) * SECOND)
        if passed < 0:
            raise InvalidValue("moving the clock", "this clock only goes forward", "use jump(…) for a clock that is set back")
        with self._lock:
            self._now += passed
        return self.moment

    def pass_to(self, at: Instant) -> None:
        """Move forward to an instant; one that has passed changes nothing."""
        with self._lock:
            self._now = max(self._now, at)

    def jump(self, to: datetime) -> None:
        """Set it, back as well: what an administrator may do to a real one."""
        with self._lock:
            self._now = instant(to)
