"""One wish becomes a job, or a reason of one that is there already (P4); what becomes of none leaves a fact that says why (P9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from taskkit.engine._occurrences import reason_of, told_of
from taskkit.engine._planner import Planner, Seen, suspending
from taskkit.engine._repeats import serving
from taskkit.engine._targets import Aim, tasks_of
from taskkit.engine._wishes import Wish, takes, waiting_first
from taskkit.errors import Outdated
from taskkit.events.happenings import Happening
from taskkit.facts import Fact
from taskkit.instants import MINUTE, SECOND, Instant
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.records import EMPTY
from taskkit.states import State, Step
from taskkit.storage import Insert, Join, Keep, Move, Refusal, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 8
_DAY = 24 * 60 * MINUTE


class Fires:
    def __init__(self, ground: Ground, planner: Planner) -> None:
        self._ground, self._planner, self._storage = ground, planner, ground.storage

    def grant(self, wishes: Sequence[Wish]) -> list[str]:
        """The jobs that serve them; none for what its task does not get now. Written together, so no two of them are for one place."""
        granted: list[str | None] = [None] * len(wishes)
        asked = (one for wish in wishes for one in tasks_of(wish.aim, wish.trigger))
        seen = self._planner.seen(place for task, record in asked for place in suspending(task, record))
        open_jobs = self._storage.open_at([place_of(wish) for wish in wishes])
        waiting = {number: self._tried(wish, seen, open_jobs[place_of(wish)]) for number, wish in enumerate(wishes)}
        for _ in range(_TRIES):
            if not waiting:
                break
            answers = self._storage.write([unit for unit, _ in waiting.values()])
            for (number, (_, id)), answer in zip(list(waiting.items()), answers, strict=True):
                if answer:
                    granted[number] = id
                    del waiting[number]
                else:
                    waiting[number] = (self._repeated if answer.refusal is Refusal.FIRE else self._tried)(wishes[number])
        if waiting:
            happening = wishes[min(waiting)].happening
            tried = f"taking in {happening.kind} of {happening.record!r}"
            raise Outdated(tried, "its jobs move too fast", "tell it again: twice is once")
        return [id for id in granted if id]

    def job(self, aim: Aim, kind: Kind, due: Instant, now: Instant, **fields: Any) -> Job:
        task, record = aim.task, aim.record
        return Job(
            id=self._ground.ids(), kind=kind, task=task.id, line=task.line, planned_for=task.revision, record=record.id if record else None,
            due=due, wanted=due, created=now, pool=self._planner.pool(task, record),
            host=self._planner.host(record), via=aim.via, target_fallback=aim.fallback, conducts=self._planner.conducts(task), **fields,
        )  # fmt: skip

    def serving(self, wish: Wish) -> str | None:
        """The job that a fire made or joined when it was told before."""
        return serving(self._storage, *place_of(wish), wish.fire)

    # what is not granted

    def unknown(self, happening: Happening, now: Instant) -> None:
        """Nobody knows which tasks would have wanted it."""
        told = {"why": "no_record", "happening": happening.id, "kind": happening.kind}
        self._storage.write([(Fact("HappeningPassed", now, record=happening.record, details=told),)])

    def _refused(self, wish: Wish, seen: Seen) -> str | None:
        """Why a task that wants a happening does not get it."""
        task, trigger = wish.aim.task, wish.trigger
        if not (task.active and trigger.active):
            return "inactive"
        if wish.ended:
            return "ended"
        if {task.line, trigger.line} & set(wish.happening.origin):
            return "own_origin"
        return "suspended" if self.suspension(wish.aim, trigger, seen) is not None else None

    def suspension(self, aim: Aim, trigger: Task, seen: Seen = EMPTY) -> str | None:
        """Why the task waits, for the record or whole, where it runs or where it was triggered (J1)."""
        whys = (self._planner.suspension(task, record, seen) for task, record in tasks_of(aim, trigger))
        return next((why for why in whys if why is not None), None)

    def not_suspended(self, aim: Aim, trigger: Task, tried: str) -> None:
        for task, record in tasks_of(aim, trigger):
            self._planner.not_suspended(task, record, tried)

    @staticmethod
    def _passed(wish: Wish, now: Instant, why: str, job: str | None = None) -> Unit:
        task, told = wish.aim.task, {"why": why, "happening": wish.happening.id, "kind": wish.happening.kind}
        return (Fact("HappeningPassed", now, job, task.id, task.line, wish.record, None, told),)

    # what is

    def _tried(self, wish: Wish, seen: Seen = EMPTY, there: Sequence[Job] | None = None) -> tuple[Unit, str | None]:
        """By what is there now: a reason of a job that waits or runs, a job of its own, or what tells that it gets none."""
        now, refused = self._ground.now(), self._refused(wish, seen)
        if refused is not None:
            return self._passed(wish, now, refused), None
        open_jobs = self._storage.open_jobs(*place_of(wish)) if there is None else there
        if takers := [job for job in open_jobs if takes(job, wish.at)]:
            job = min(takers, key=waiting_first)
            return self._joined(wish, job, now), job.id
        return self._made(wish, now)

    def _repeated(self, wish: Wish) -> tuple[Unit, str | None]:
        """Twice is once, and has the same answer; none where its job was purged."""
        id = self.serving(wish)
        return self._passed(wish, self._ground.now(), "repeated", id), id

    def _joined(self, wish: Wish, job: Job, now: Instant) -> Unit:
        cause = wish.cause(job.id)
        fact = Fact("HappeningJoined", now, job.id, job.task, job.line, job.record, cause.who, told_of(cause))
        causes = self._storage.causes(job.id) if wish.due.extends is not None and job.is_pending else ()
        same = [one for one in causes if one.policy == cause.policy]
        return (*self._extended(wish, job, cause, causes, same), fact) if same else (Join(cause), fact)

    def _extended(self, wish: Wish, job: Job, cause: Cause, causes: Sequence[Cause], same: Sequence[Cause]) -> Unit:
        """The due time of its policy moves on with each happening, up to the most that the first allows; other reasons stay (P3)."""
        moments = [cause.at, *(one.at for one in same)]
        due = min(max(moments) + wish.due.after * SECOND, min(moments) + (wish.due.extends or 0) * SECOND)
        own = (job.wanted,) if job.kind is Kind.FALLBACK else ()
        moved = min([due, *own, *(one.due for one in causes if one.policy != cause.policy)])
        fields = {"due": moved} if own else {"due": moved, "wanted": moved}
        return Join(cause._replace(due=due)), Move(job.id, Step.REPLAN, job.revision, fields=fields)

    def _made(self, wish: Wish, now: Instant) -> tuple[Unit, str]:
        task = wish.aim.task
        job = self.job(wish.aim, Kind.FIRED, wish.at + wish.due.after * SECOND, now, origin=wish.origin)
        cause = wish.cause(job.id)
        facts = [Fact("JobMade", now, job.id, task.id, task.line, wish.record, cause.who, told_of(cause) | reason_of(job))]
        bursts, counted = self._bursts(wish, now)
        if bursts:
            asks = f"more runs within a minute than {task.guard.burst}"
            job = job.with_({"state": State.AWAITING_CONSENT, "why": Why.GUARD.value, "asks_until": now + _DAY, "summary": asks})
            facts.append(Fact("ConsentAsked", now, job.id, task.id, task.line, wish.record, None, {"summary": asks}))
        return (Insert(job, (cause,)), *counted, *facts), job.id

    def _bursts(self, wish: Wish, now: Instant) -> tuple[bool, Unit]:
        """Whether so many were started within the last minute, and what keeps two processes from starting one too many (A8, J2)."""
        burst, line = wish.aim.task.guard.burst, wish.aim.task.line
        if burst is None:
            return False, ()
        kept = self._storage.document("burst", line)
        recent = [at for at in kept.body["at"] if abs(now - at) < MINUTE] if kept else []
        if len(recent) >= burst:
            return True, ()
        return False, (Keep("burst", line, kept.revision if kept else 0, {"at": [*recent, now]}),)


def place_of(wish: Wish) -> tuple[str, str | None]:
    """Where its job stands."""
    return wish.aim.task.line, wish.record
