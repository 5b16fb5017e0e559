"""How many connections of this process to one machine there may be: a jump host is one for many machines, and takes so many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._stops import Stop


class Berths:
    def __init__(self) -> None:
        self._lock = Lock()
        self._of: dict[tuple[str, int], BoundedSemaphore] = {}

    @contextmanager
    def one(self, stop: Stop) -> Iterator[None]:
        """For the block; HostRefused where none becomes free in the time that a connection may take."""
        most = stop.settings.connections
        if most is None:
            yield
            return
        with self._lock:
            free = self._of.setdefault((stop.name, most), BoundedSemaphore(most))
        if not free.acquire(timeout=stop.settings.connect_timeout):
            case = f"{most} connections of this process are open already, and none ended within {stop.settings.connect_timeout:g} s"
            raise stop.refusal("connecting to", case, "let fewer jobs run at once", error=ErrorClass.BUSY)
        try:
            yield
        finally:
            free.release()
