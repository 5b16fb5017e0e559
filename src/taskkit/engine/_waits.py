"""Who waits for an account or a slot is woken by whoever gives it back: in order of due, as many as fit (R4).

Who waits has a place, and bars those that came after it. The place is kept by coming: a job is looked at again from time to time, and one
that nobody claims when it is due, since its pool stands still or has no node, loses its place. It has the same one again once it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from taskkit.engine._pages import pages
from taskkit.instants import Instant
from taskkit.jobs import Job, Why
from taskkit.states import State, Step
from taskkit.storage import Free, Landed, Move, Query, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_PAGE = 500


class Waits:
    """Looks from time to time for those that do not come."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._next = ground.now() + ground.settings.look_length

    def look(self, now: Instant) -> int:
        """Those that nobody claimed for so long lose their places; how many."""
        length = self._ground.settings.look_length
        if self._next - length <= now < self._next:  # before that only where the clock was set back
            return 0
        self._next = now + length
        return self._pass_over(now - length)

    def _pass_over(self, until: Instant) -> int:
        passed = 0
        for jobs in pages(self._ground.storage, Query(states=State.DEFERRED, why=Why.BUSY), _PAGE, order="due"):
            late = [job for job in jobs if job.due <= until]
            passed += sum(map(bool, written(self._ground, [passed_over(job) for job in late]))) if late else 0
            if len(late) < len(jobs):
                break
        return passed


def written(ground: Ground, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
    """Write, and wake those who waited for what the units gave back."""
    answers = ground.storage.write(units, durable=durable)
    with suppress(Exception):  # what has landed has landed; for those who wait, the timer is the net
        wake(ground, (key for answer in answers for key in answer.freed))
    return answers


def wake(ground: Ground, keys: Iterable[str]) -> None:
    """Those that fit now. Whoever waits longer is woken when one of these gives back, or by the timer."""
    if (freed := dict.fromkeys(keys)) and (fitting := ground.storage.fitting(freed)):
        ground.storage.write([woken_by(job, ground.now()) for job in fitting])


def woken_by(job: Job, now: int) -> Unit:
    """Why it waited stays: the same reason again is a count, and no news."""
    return (Move(job.id, Step.WAKE, job.revision, fields={"due": min(job.due, now)}),)


def passed_over(job: Job) -> Unit:
    """It waits for nothing any more, and comes when somebody claims it: then its place is where it was, by the time since it is wanted."""
    return Move(job.id, Step.WAKE, job.revision, fields={"why": Why.RELEASED.value}), Free(job.id)
