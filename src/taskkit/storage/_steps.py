"""What a unit does to the jobs of the memory store: new ones, their steps, their causes (J1, J2)."""

from __future__ import annotations

from taskkit.jobs import Job
from taskkit.states import CLAIMED, FINAL, PENDING, Step
from taskkit.storage._dues import DUE, Dues
from taskkit.storage._fires import Fires
from taskkit.storage._holds import Holds
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import Journal
from taskkit.storage.units import MOVES, Absorb, Insert, Join, Move, Refusal

#: What says where a job is found, whose seat it has and what it stands for.
PLACED_BY = frozenset({"line", "record", "execution", "kind", "via", "fire"})
#: Steps after which a job still waits for what it waited for.
_STILL = frozenset({Step.WAKE, Step.ADVANCE})


class Steps:
    def __init__(self, journal: Journal, jobs: Jobs, fires: Fires, dues: Dues, holds: Holds) -> None:
        self._log, self._jobs, self._in_hand = journal.log, jobs, jobs.in_hand
        self._fires, self._dues, self._holds = fires, dues, holds

    def insert(self, change: Insert) -> Refusal | None:
        job, fires = change.job, self._fires
        if job.id in self._jobs.number:
            return Refusal.REVISION
        if job.fire is not None and not fires.keep(job, job.fire):
            return Refusal.FIRE
        if job.state in PENDING and self._is_taken(job):
            return Refusal.SEAT
        for cause in change.causes:
            if not fires.add(job, cause):
                return Refusal.FIRE
        self._jobs.add(job)
        if job.state in DUE:
            self._dues.wait(job)
        elif job.state in CLAIMED:
            self._dues.lend(job)
        return None

    def _is_taken(self, job: Job) -> bool:
        """Whether another pending job has its seat (P4)."""
        sitting = self._jobs.sitting(seat) if (seat := job.seat) else ()
        return bool(sitting) and any(other.id != job.id for other in sitting)

    def move(self, change: Move) -> Refusal | None:
        id = change.job
        job = self._in_hand.get(id) or self._jobs.get(id)
        if job is None:
            return Refusal.ABSENT
        if job.state in CLAIMED:
            if change.token is None or job.token != change.token:
                return Refusal.REVISION if change.token is None else Refusal.TOKEN
        elif job.revision != change.revision:
            return Refusal.REVISION if change.token is None else Refusal.TOKEN
        after = MOVES[job.state].get(change.step)
        if after is None:
            return Refusal.STEP
        if change.causes is not None and change.causes != len(self._fires.causes(id)):
            return Refusal.TURNED
        moved = job.after(after, change.fields)
        self._jobs.put(moved)
        if not PLACED_BY.isdisjoint(change.fields) and (refusal := self._place(job, moved)) is not None:
            return refusal
        self._settle(job, moved, change.step)
        return None

    def _settle(self, job: Job, moved: Job, step: Step) -> None:
        """What follows from the state in which it stands now."""
        state = moved.state
        if state in CLAIMED:
            if moved.lease != job.lease:
                self._dues.lend(moved)
            return
        if state in FINAL:
            self._jobs.end(moved)
            self._holds.free(job.id)
            return
        if state in DUE and (moved.due != job.due or job.state not in DUE or moved.pool != job.pool):
            self._dues.wait(moved)
        if step not in _STILL:
            self._holds.wait_no_more(job.id)

    def _place(self, job: Job, moved: Job) -> Refusal | None:
        if (job.line, job.record, job.execution) != (moved.line, moved.record, moved.execution):
            self._jobs.replace(job, moved)
        elif job.fire == moved.fire and job.seat == moved.seat:
            return None
        if job.state in PENDING and moved.state in PENDING and job.seat != moved.seat and self._is_taken(moved):
            return Refusal.SEAT
        return None if self._fires.move(job, moved) else Refusal.FIRE

    def join(self, change: Join) -> Refusal | None:
        cause = change.cause
        job = self._jobs.get(cause.job)
        if job is None:
            return Refusal.ABSENT
        if job.state in FINAL or (job.turned_at is not None and job.turned_at <= cause.at):
            return Refusal.TURNED
        if not self._fires.add(job, cause):
            return Refusal.FIRE
        if job.state in PENDING and cause.due < job.due:
            joined = job.with_({"due": cause.due, "wanted": min(job.wanted, cause.due)})
            self._jobs.put(joined)
            if joined.state in DUE:
                self._dues.wait(joined)
        return None

    def absorb(self, change: Absorb) -> Refusal | None:
        if change.job not in self._jobs.number or change.into not in self._jobs.number:
            return Refusal.ABSENT
        self._fires.absorb(change.job, change.into)
        return None
