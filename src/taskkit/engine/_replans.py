"""What waits, fitted to its task as it stands: planned anew after an edit, moved to another task of its line, or at an end (R1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._occurrences import FIRST, Planned, by_hand, fire_of, reason_of
from taskkit.engine._planner import Planner, Seen, led
from taskkit.engine._targets import Aim, Targets
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant
from taskkit.jobs import OF_HAPPENINGS, Cause, Job, Kind, Why
from taskkit.records import EMPTY, Record
from taskkit.standings import Standing
from taskkit.states import State, Step
from taskkit.storage import Free, Move, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

#: Of a job that happenings have joined, when what it was made for is gone: it is theirs.
_NO_RETRY: Mapping[str, Any] = {"kind": Kind.FIRED, "series": None, "cycle": 0}
_NOTHING_ELSE: Mapping[str, Any] = {
    "at": None, "nominal": None, "fire": None, "policy": "", "manual": False, "forced": False, "demanded_by": None,
}  # fmt: skip
_JOINED_LATE = (Kind.OCCURRENCE, Kind.DEMAND)


class Replans:
    def __init__(self, ground: Ground, planner: Planner, targets: Targets) -> None:
        self._ground, self._planner, self._targets = ground, planner, targets

    def anew(self, task: Task, record: Record | None, job: Job, now: Instant, *, after: Instant | None = None, seen: Seen = EMPTY) -> Unit:
        """The unit that fits a pending job to its task as it stands (R1); `after` is a nominal that has had its run (T6)."""
        if job.started is not None:  # it goes on as what it began as; who conducts asks its gates about what is left (R6)
            return fitted(job, self._revisions(task, job) | ({"due": now} if job.conducts else {}))
        if job.kind is Kind.PART and self._ground.catalog.task(job.task) is not None:
            return fitted(job, self._revisions(task, job))
        causes = self._ground.storage.causes(job.id) if job.kind is Kind.FALLBACK else ()
        if job.kind is Kind.FALLBACK and not causes:  # an edit ends the tries of what was before (J7)
            return dropped(job, Why.EDITED, now, causes=0)
        aim = self._targets.aim(task, record)
        fields = self.aimed(job, aim)
        if causes:  # it ends no happening that took its place as the next try
            fields |= theirs(job, causes)
        if job.kind is not Kind.OCCURRENCE:
            return fitted(job, fields)
        return self._occurrence_anew(task, aim, record, job, now, fields, after, seen)

    def aimed(self, job: Job, aim: Aim) -> dict[str, Any]:
        """What it runs, and where."""
        task, record = aim.task, aim.record
        return {
            "task": task.id, "line": task.line, "planned_for": task.revision, "via": aim.via, "record": record.id if record else None,
            "target_fallback": aim.fallback, "pool": self._planner.pool(task, record), "host": self._planner.host(record),
            "conducts": job.execution is None and self._planner.conducts(task),
        }  # fmt: skip

    def _occurrence_anew(
        self, task: Task, aim: Aim, record: Record | None, job: Job, now: Instant, fields: dict[str, Any], after: Instant | None, seen: Seen
    ) -> Unit:
        if job.manual:  # who brought it forward used up this occurrence (J6)
            return fitted(job, fields | {"fire": fire_of(job.nominal or "", aim.via)})
        name = record.id if record else None
        standing, kept = self._planner.ready(task, name, now, seen=seen)
        planned = self._kept(task, aim, name, job, now, standing, after)
        if planned is None and standing is not None and task.interval is not None and task.interval.relative:  # its drawn day lies behind
            standing, kept = self._planner.used(task, name, now, standing)
            planned = self._planner.next(task, name, now, standing, runs=aim.task)
        if planned is None:
            causes = self._ground.storage.causes(job.id) if may_be_joined(job) else None
            return fitted(job, fields | theirs(job, causes)) if causes else dropped(job, Why.ENDED, now, None if causes is None else 0)
        is_due = planned.nominal == job.nominal and job.wanted <= now
        again = {"wanted": min(job.wanted, planned.due)} if is_due else {}  # the lateness of what is not due yet counts from its new time
        return (*kept, *fitted(job, {**fields, **planned.fields(aim.via), **again, "origin": led(task, aim)}))

    def moved(self, job: Job, before: Task, to: Task, record: str | None) -> Unit:
        """The unit that hands a job which has not begun to another task of the same line, in what it has of this record (R1).

        One list may have both, the task that runs and the task that wants it, each for a record of its own.
        """
        fields: dict[str, Any] = {}
        if job.task == before.id and job.record == record:
            fields |= {"task": to.id, "planned_for": to.revision}
        if job.via is not None and job.via[:2] == (before.id, record):
            fields["via"] = via = (to.id, job.via[1], to.revision)
            fields |= {"fire": fire_of(job.nominal, via)} if job.nominal is not None and job.fire is not None else {}
        return fitted(job, fields)

    def _revisions(self, trigger: Task, job: Job) -> dict[str, Any]:
        task = self._ground.catalog.task(job.task)
        fields: dict[str, Any] = {"planned_for": task.revision} if task is not None else {}
        return fields if job.via is None else fields | {"via": (trigger.id, job.via[1], trigger.revision)}

    def _kept(
        self, task: Task, aim: Aim, name: str | None, job: Job, now: Instant, standing: Standing | None, after: Instant | None
    ) -> Planned | None:
        """What is due stays due, whatever the rule says now: an edit takes no run away (T6)."""
        if after is not None:
            return self._planner.next(task, name, max(after, now), standing, runs=aim.task)
        overridden = by_hand(standing, min(now, (job.at or 0) * SECOND))
        if job.at is not None and job.at * SECOND <= now:
            same = overridden or self._planner.next(task, name, (job.at - 1) * SECOND, standing, runs=aim.task)
            if same and same.nominal == job.nominal:
                return evolve(same, due=max(same.due, min(job.due, now)))
            if overridden is None and task.interval is not None and (job.wanted <= now or job.nominal == FIRST):
                opens = now // SECOND if aim.task.window is None else aim.task.window.open_from(now // SECOND)
                return None if opens is None else Planned(job.at, job.nominal or "", max(now, opens * SECOND), job.policy)
        return overridden or self._planner.next(task, name, now, standing, runs=aim.task)


def may_be_joined(job: Job) -> bool:
    """By happenings: an occurrence or a demand while it is claimed, and they stay when it has to wait again (P4)."""
    return job.kind in OF_HAPPENINGS or (job.kind in _JOINED_LATE and job.node is not None)


def theirs(job: Job, causes: Iterable[Cause]) -> dict[str, Any]:
    """What a job becomes that is there for these happenings alone."""
    due, forced = min(cause.due for cause in causes), job.forced and job.kind is not Kind.FALLBACK  # a try, for what it tried
    return {**_NO_RETRY, "forced": forced, **(_NOTHING_ELSE if job.kind in _JOINED_LATE else EMPTY), "due": due, "wanted": due}


def fitted(job: Job, fields: Mapping[str, Any]) -> Unit:
    """Consents are to what was before (A5); what waits is looked at anew, as its reason may be gone; claimed, it goes back to wait."""
    fields = {"consented": None, **fields}
    waits = job.state is State.DEFERRED or (job.state is State.QUEUED and job.why is not None)
    if waits and job.started is None:
        fields = {"due": min(job.due, job.wanted), "why": None, **fields}
    move = Move(job.id, Step.REPLAN, *_by(job), fields)
    return (move, Free(job.id)) if waits and job.why == Why.BUSY else (move,)


def dropped(job: Job, why: Why, now: Instant, causes: int | None = None, **told: Any) -> Unit:
    """A job ends before its start because it has no place any more; its fire is free again, unless it had begun."""
    fields = {"ended": now, "why": why.value, "fire": job.fire if job.started is not None else None, "text": told.pop("text", "")}
    fact = Fact(
        "JobCanceled", now, job.id, job.task, job.line, job.record, told.pop("who", None), {"why": why.value, **reason_of(job), **told}
    )
    return Move(job.id, Step.CANCEL, *_by(job), fields, causes), fact


def _by(job: Job) -> tuple[int | None, int | None]:
    """The revision by which it moves, and the token while somebody has claimed it."""
    return (None, job.token) if job.state is State.QUEUED else (job.revision, None)
