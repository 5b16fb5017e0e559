"""Clocks that jump ahead (J4): a lease that ran out in the jump says nothing of its worker, who renews it within a third of its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.instants import SECOND, Instant

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


class Jumps:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._last: tuple[Instant, float] | None = None
        self._by: Instant = 0
        self._until = float("-inf")

    def doubted(self, now: Instant) -> Instant:
        """The time by which jobs are claimed: for half a lease, as it were without the jump."""
        monotonic, length = self._ground.clock.monotonic(), self._ground.settings.lease_length
        by = self._by if monotonic < self._until else 0
        if self._last is not None:
            before, then = self._last
            jumped = now - before - round((monotonic - then) * SECOND)
            if abs(jumped) > length // 3:
                by, self._until = max(0, by + jumped), monotonic + length / SECOND / 2
        self._last, self._by = (now, monotonic), by
        return now - by
