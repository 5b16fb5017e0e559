"""How far the clock of this machine is from the store's (J4). Work goes by the store's; what the product does beside it goes by this one.

A node that is far off is told of once, and once more when it is right again, however many processes have its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.facts import Fact
from taskkit.instants import SECOND, Clock, Instant
from taskkit.storage import Keep

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TABLE = "skew"
FAR_SECONDS = 5.0
_NEAR_SECONDS = FAR_SECONDS / 2
_EVERY_SECONDS = 15.0


class Skew:
    def __init__(self, ground: Ground, own: Clock | None) -> None:
        """`own` is this machine's clock, None where the engine goes by it."""
        self._ground, self._own = ground, own
        self._next = float("-inf")
        self._was_far: bool | None = None
        self._is_told: bool | None = None

    def seconds(self) -> float | None:
        """Above 0 where this machine's clock is ahead."""
        return None if self._own is None else (self._own.now() - self._ground.now()) / SECOND

    def look(self, now: Instant) -> int:
        """Told is what two looks have seen: this thread may have stood still between the two clocks, or an answer come late."""
        monotonic, ahead = self._ground.clock.monotonic(), self.seconds()
        if ahead is None or monotonic < self._next:
            return 0
        self._next = monotonic + _EVERY_SECONDS
        before, is_far = self._was_far, abs(ahead) > (_NEAR_SECONDS if self._is_told else FAR_SECONDS)
        self._was_far = is_far
        return self._tell(now, ahead, is_far=is_far) if is_far == before and is_far != self._is_told else 0

    def _tell(self, now: Instant, ahead: float, *, is_far: bool) -> int:
        node = self._ground.node
        kept = self._ground.storage.document(_TABLE, node)
        if (kept is not None) == is_far:  # by another process of this node, or by one before this one
            self._is_told = is_far
            return 0
        body = {"ahead": ahead} if is_far else None
        fact = Fact("ClockSkewed" if is_far else "ClockRighted", now, details={"node": node, "ahead": round(ahead, 3)})
        if not self._ground.storage.write([(Keep(_TABLE, node, kept.revision if kept else 0, body), fact)])[0]:
            return 0
        self._is_told = is_far
        return 1
