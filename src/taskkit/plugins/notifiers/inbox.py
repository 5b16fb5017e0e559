"""Notices that are kept in memory, for tests and for small products that show them themselves."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from taskkit.checks import names
from taskkit.errors import InvalidValue
from taskkit.facts import Fact
from taskkit.plugins.kinds import Notifier

#: What somebody has to look at.
DISTURBING = frozenset(
    {
        "ClockSkewed", "FallbackEnded", "JobFailed", "JobMissed", "JobUncertain", "PluginAbandoned", "RestoreNoticed", "TaskSuspended",
    }
)  # fmt: skip


class Inbox(Notifier):
    """Keeps the latest notices, `most` of them; any thread may ask and tell."""

    name = "inbox"
    wants = DISTURBING

    def __init__(self, wants: Iterable[str] | str = DISTURBING, *, most: int = 1000) -> None:
        if type(most) is not int or most < 1:
            raise InvalidValue(f"Inbox(most={most!r})", "it is no whole number from 1", "say how many notices are kept")
        self.wants = names(wants)
        self._lock = threading.Lock()
        self._kept: deque[Fact] = deque(maxlen=most)

    def notify(self, facts: Sequence[Fact]) -> None:
        with self._lock:
            self._kept.extend(facts)

    @property
    def notices(self) -> tuple[Fact, ...]:
        """What is kept, the oldest first."""
        with self._lock:
            return tuple(self._kept)

    def take(self) -> tuple[Fact, ...]:
        """What is kept, and nothing of it is kept any longer."""
        with self._lock:
            taken = tuple(self._kept)
            self._kept.clear()
            return taken
