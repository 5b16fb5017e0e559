"""A forked process holds a copy of each engine, without its threads, with its locks and its identity: it must not be used.

Two workers of one name would take each other's jobs for their own. The parent goes on; the child makes an engine of its own.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakSet

from taskkit.errors import Refused

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_grounds: WeakSet[Ground] = WeakSet()


class _Forked:
    """Implements the port `Clock`: whatever changes something asks the time first."""

    def now(self) -> NoReturn:
        raise Refused("using an engine", "this process was forked after the engine was made", "make the engine after the fork")

    def monotonic(self) -> NoReturn:
        self.now()

    def wait(self, event: threading.Event, seconds: float) -> NoReturn:
        self.now()


def guard(ground: Ground) -> None:
    """From now on, a child of this process cannot use it."""
    _grounds.add(ground)


def _disown() -> None:
    for ground in list(_grounds):
        clock: Any = _Forked()
        ground.clock = clock


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)
