"""A job that is to be led to where its happening was told of once more: that one has its job there already, and twice is once (J5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskkit.engine._occurrences import reason_of, told_of
from taskkit.engine._replans import theirs
from taskkit.facts import Fact
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job, Why
from taskkit.states import Step
from taskkit.storage import Insert, Join, Landed, Move, Query, Refusal, Storage, Unit

if TYPE_CHECKING:
    from taskkit.engine._cases import Case
    from taskkit.engine._ground import Ground

_LOOKED_THROUGH = 200


def serving(storage: Storage, line: str, record: str | None, fire: str, *, but: str = "") -> str | None:
    """The job that a fire made or joined there when it was told before."""
    found = storage.jobs(Query(line=line, record=record), limit=_LOOKED_THROUGH).jobs
    return next((job.id for job in found if job.id != but and any(cause.fire == fire for cause in storage.causes(job.id))), None)


def leads_there(answer: Landed, job: Job) -> Move | None:
    """The move of a job that was refused because one of its fires is kept where it leads; an occurrence takes its next nominal there."""
    move = answer.change if answer.refusal is Refusal.FIRE else None
    return move if isinstance(move, Move) and move.job == job.id and move.step is Step.REPLAN and "at" not in move.fields else None


def repeated(ground: Ground, case: Case, led: Move) -> Unit:
    """It ends in the job that is there; what else it is there for goes on there."""
    job, storage = case.job, ground.storage
    line, record = led.fields.get("line", job.line), led.fields.get("record", job.record)
    causes = storage.causes(job.id)
    there = {cause.fire: serving(storage, line, record, cause.fire, but=job.id) for cause in causes}
    into = next(filter(None, there.values()), None)
    left = [cause for cause in causes if there[cause.fire] is None]
    if into is None and job.fire is None:  # what it ends in was purged: nobody can say which of them that was
        left = []
    told = {"ended": case.now, "into": into, "why": Why.MERGED.value}
    fact = Fact("JobMerged", case.now, job.id, job.task, job.line, job.record, None, {"into": into, **reason_of(job)})
    return Move(job.id, Step.MERGE, token=job.token, fields=told, causes=len(causes)), *_going_on(ground, case, led, left), fact


def _going_on(ground: Ground, case: Case, led: Move, causes: Sequence[Cause]) -> Unit:
    """For these, the job that waits there, or one of their own."""
    job = case.job
    if not causes:
        return ()
    seat = "fired", led.fields.get("line", job.line), led.fields.get("record", job.record) or ""
    waiting = ground.storage.seated(seat)
    if waiting is not None:
        joins = [Join(cause._replace(job=waiting.id)) for cause in causes]
        return *joins, *(_fact("HappeningJoined", waiting, cause, told_of(cause), case.now) for cause in causes)
    id = ground.ids()
    own = job.afresh({**led.fields, **theirs(job, causes), "id": id, "created": case.now})
    moved = tuple(cause._replace(job=id) for cause in causes)
    made = _fact("JobMade", own, moved[0], told_of(moved[0]) | reason_of(own), case.now)
    return Insert(own, moved), made, *(_fact("HappeningJoined", own, one, told_of(one), case.now) for one in moved[1:])


def _fact(kind: str, job: Job, cause: Cause, told: Mapping[str, Any], now: Instant) -> Fact:
    return Fact(kind, now, job.id, job.task, job.line, job.record, cause.who, told)
