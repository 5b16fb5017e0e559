"""The fence between a worker and its job (J3, J4): what it writes lands while the job is its own, and never after.

A write with an old token changes nothing; somebody should know that it was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from taskkit.errors import Outdated, StaleToken
from taskkit.facts import Fact
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.states import State, Step
from taskkit.storage import Move, Name, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

THE_PRODUCT = "the product"  #: who asks where nobody is named
_LOOK_SECONDS = 0.5


class Fence:
    """Of one claimed job, for the worker that claimed it."""

    _lost = _stop = False
    _look = float("-inf")

    def __init__(self, ground: Ground, job: Job) -> None:
        self._ground, self._job = ground, job
        self._lease = job.lease or 0

    def save(self, fields: Mapping[str, Any], changes: Unit = (), *, durable: bool) -> None:
        """Keep something of the job, and in one with it what else is to land; StaleToken where it is another's.

        Outdated where somebody has changed meanwhile what stands beside it, and nothing has landed.
        """
        if not self._lands(Step.SAVE, fields, changes, durable=durable):
            raise self._stale()

    def pass_on(self) -> None:
        """Before a further step; StaleToken where the job is another's."""
        if not self._is_ours():
            raise self._stale()

    def asks_to_stop(self) -> bool:
        """Asked often, it reads the store only now and then; who asks for a stop in this process has it read at once."""
        now = self._ground.clock.monotonic()
        if now >= self._look and not (self._stop or self._lost):
            self._look = now + _LOOK_SECONDS
            kept = self._ground.storage.job(self._job.id)
            if kept is None or kept.token != self._job.token:
                self.lose(Step.BEAT)
            else:
                self._stop = kept.stop is not None
        return self._stop or not self._is_ours()

    # from outside

    def look_again(self) -> None:
        self._look = float("-inf")

    def renewed(self, lease: Instant) -> None:
        """Its heartbeat landed."""
        self._lease = max(self._lease, lease)

    def lose(self, step: Step) -> None:
        """The job is another's now; whatever its worker still writes changes nothing."""
        if not self._lost:
            self._lost = True
            overtaken(self._ground, self._job, step)

    # the store's word

    def _is_ours(self) -> bool:
        """Once the lease ran out, only the store can say that nobody else has taken the job over (J4)."""
        return not self._lost and (self._ground.now() < self._lease or self._lands(Step.BEAT, {}, durable=False))

    def _lands(self, step: Step, fields: Mapping[str, Any], changes: Unit = (), *, durable: bool) -> bool:
        lease = self._ground.now() + self._ground.settings.lease_length
        move = Move(self._job.id, step, token=self._job.token, fields={"lease": lease, **fields})
        landed = self._ground.storage.write([(move, *changes)], durable=durable)[0]
        if isinstance(landed.change, Name):  # the store has lost a blob, and nobody the job
            return self._lands(step, fields, tuple(change for change in changes if change != landed.change), durable=durable)
        if not landed and landed.change in changes:
            raise Outdated(f"keeping how far the job {self._job.id!r} has come", "somebody was there first", "it is looked at anew")
        if not landed:
            self.lose(step)
            return False
        self._lease = lease
        return True

    def _stale(self) -> StaleToken:
        return StaleToken(f"going on with the job {self._job.id!r}", "a newer claim owns it", "nothing more is done here")


def asked_to_stop(job: Job, by: str | None, now: Instant) -> Unit:
    """The unit by which somebody asks for the stop of a job that is claimed: its worker reads it at its next safe point (J6)."""
    step = Step.SAVE if job.state is State.RUNNING else Step.BEAT
    return Move(job.id, step, token=job.token, fields={"stop": by or THE_PRODUCT}), stop_asked(job, by, now)


def stop_asked(job: Job, by: str | None, now: Instant) -> Fact:
    return Fact("StopAsked", now, job.id, job.task, job.line, job.record, by)


def overtaken(ground: Ground, job: Job, step: Step) -> None:
    """The job is another's now, or has ended: a worker that had been given up, or was thought dead, has come back."""
    told = {"step": step.value, "token": job.token, "worker": job.worker, "node": job.node}
    fact = Fact("StaleWriteRefused", ground.now(), job.id, job.task, job.line, job.record, None, told)
    ground.storage.write([(fact,)])
