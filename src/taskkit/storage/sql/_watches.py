"""Looks out for what other processes write, so that nobody waits for the next poll. A hint: who misses one finds it then."""

from __future__ import annotations

import threading
from collections.abc import Callable

from taskkit.storage.sql._lines import Line

_LOOK_SECONDS = 0.25
_PAUSE_SECONDS = 2.0


class Watch:
    """A thread with a connection of its own, that calls `wake` when there are news."""

    def __init__(self, make: Callable[[], Line], wake: Callable[[], None]) -> None:
        self._make, self._wake, self._over = make, wake, threading.Event()
        self._thread = threading.Thread(target=self._live, name="taskkit-watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        while not self._over.is_set():
            try:
                self._look()
            except Exception:  # the database is away; polling goes on meanwhile
                self._over.wait(_PAUSE_SECONDS)

    def _look(self) -> None:
        line = self._make()
        try:
            while not self._over.is_set():
                if line.look(_LOOK_SECONDS):
                    self._wake()
        finally:
            line.close()
