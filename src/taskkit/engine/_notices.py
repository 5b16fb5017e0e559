"""Readers of facts, each from a mark of its own: a crash loses nothing, a slow one slows nobody (J5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.facts import Fact
from taskkit.plugins.kinds import Notifier
from taskkit.storage import Keep, Tell

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TABLE = "mark"
_PAGE = 500


class Notices:
    def __init__(self, ground: Ground) -> None:
        self._ground, self._storage = ground, ground.storage
        self._failing: set[str] = set()

    def send(self) -> int:
        """What landed since, to every notifier; how many facts were handed over."""
        return sum(self._send(notifier) for notifier in self._ground.plugins.notifiers.values())

    def _send(self, notifier: Notifier) -> int:
        """At least once: the mark moves after the notifier has taken what it was handed."""
        kept = self._storage.document(_TABLE, f"notifier:{notifier.name}")
        facts, mark = self._storage.facts(kept.body if kept else {}, kinds=notifier.wants, limit=_PAGE)
        if facts:
            try:
                notifier.notify(facts)
            except Exception as error:
                self._complain(notifier, error)
                return 0
            self._failing.discard(notifier.name)
        if facts or mark != (kept.body if kept else {}):
            self._storage.write([(Keep(_TABLE, f"notifier:{notifier.name}", kept.revision if kept else 0, dict(mark)),)], durable=False)
        return len(facts)

    def _complain(self, notifier: Notifier, error: Exception) -> None:
        """Once, until it works again: the same complaint each second tells nothing more."""
        if notifier.name not in self._failing:
            self._failing.add(notifier.name)
            details = {"notifier": notifier.name, "error": type(error).__name__}
            self._storage.write([(Tell(Fact("NotifierFailed", self._ground.now(), details=details)),)])
