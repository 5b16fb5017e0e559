"""All orders in which two workers can come to a rotation, with a crash and a lost answer: enumerated, not drawn.

A play is told by where the world steps in: a worker stands still until its lease is over and another one has taken its job, and then goes
on in the midst of what it did; a worker dies; an answer is lost. Each play shows at which calls one more mishap can follow. So the tree of
all plays is gone through, depth first, up to a number of mishaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from taskkit.testing._plays import Call, Step
from taskkit.testing.crash_kit import CrashKit, at_work, entered
from taskkit.testing.crash_reports import CrashReport, Finding
from taskkit.testing.mishaps import Mishap
from taskkit.testing.stage import Act

#: A lease is one minute: the other worker comes in between, and may stand still in its turn when this one goes on.
_LATE, _PATIENCE = 2, 20
#: Between two of these nothing changes that others see, so the order of all else is of no account.
_CALLS = ("storage.write", "slots.", "secrets.keep", "host.")

SWITCHED = Mishap("switched", Act.STALL, _LATE)
DIED = Mishap("died", Act.CRASH)
LOST = Mishap("lost", Act.LOSE)
#: How often each may happen in one play.
BOUNDS: Mapping[Mishap, int] = {SWITCHED: 2, DIED: 1, LOST: 1}
Order = tuple[Step, ...]


class Orders:
    """Of the rotations of a kit, with up to `most` mishaps in each, none of them more often than `bounds` says."""

    def __init__(self, kit: CrashKit, *, most: int = 3, bounds: Mapping[Mishap, int] = BOUNDS) -> None:
        self._kit, self._most, self._bounds = kit, most, dict(bounds)

    @property
    def begins(self) -> list[Order]:
        """Each with one mishap: all others begin with one of these."""
        return self.play(())[1]

    def run(self, begins: Iterable[Order] | None = None, *, every: int = 1) -> CrashReport:
        """All that begin so, or each so many-th of them: of those that follow another, the same share is left out at each step."""
        return CrashReport(self._found(self.begins if begins is None else begins, every))

    def _found(self, begins: Iterable[Order], every: int) -> Iterator[Finding]:
        waiting = list(begins)
        while waiting:
            finding, following = self.play(waiting.pop())
            yield finding
            waiting += following[::every]

    def play(self, order: Order) -> tuple[Finding, list[Order]]:
        """What became of it, and what it can go on with."""
        with entered(self._kit, order, _PATIENCE) as play:
            finding = play.found(_told(order), "in this order")
            return finding, list(self._following(order, play.heard_until_quiet))

    def _following(self, order: Order, heard: Sequence[Call]) -> Iterator[Order]:
        last = order[-1].number if order else 0
        left = [mishap for mishap, most in self._bounds.items() if sum(step.mishap == mishap for step in order) < most]
        if len(order) < self._most:
            for number, _, what in at_work(heard):
                if number > last and what.startswith(_CALLS):
                    yield from ((*order, Step(number, mishap)) for mishap in left)


def _told(order: Order) -> str:
    return ", ".join(f"{step.mishap.name} at call {step.number}" for step in order)
