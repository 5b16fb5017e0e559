"""People's consent to a run (A5): k of n, never to one's own, bound to the task's revision and to the plan that was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum
from attrs import evolve, frozen

from taskkit.engine._executions import wake_conductor_of
from taskkit.engine._pages import all_jobs
from taskkit.engine._planner import Planner
from taskkit.engine._rights import TASK_REVIEW, RightsDesk
from taskkit.engine._successors import Successor
from taskkit.engine._votes import VOTES, Votes, asked_for, votes
from taskkit.engine._waits import written
from taskkit.errors import NotAllowed, NotFound, Outdated, Refused
from taskkit.facts import Fact
from taskkit.instants import Instant, shown
from taskkit.jobs import Job, Why
from taskkit.states import State, Step
from taskkit.storage import Change, Expect, Keep, Move, Query
from taskkit.tasks import ConsentRule, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses

_ONE_REVIEWER = ConsentRule(1)
_TRIES = 8


@frozen
class Gathering:
    """How far the consents for a job have come, and what is consented to: hand `plan` to `consent`, and what you saw is what counts."""

    job: str
    needed: int
    given: tuple[str, ...] = ()
    plan: str = ""
    summary: str | None = None
    until: pendulum.DateTime | None = None

    @property
    def is_complete(self) -> bool:
        return len(self.given) >= self.needed


class Consents:
    def __init__(self, ground: Ground, rights: RightsDesk, planner: Planner, pauses: Pauses) -> None:
        self._ground, self._rights, self._planner, self._pauses = ground, rights, planner, pauses
        self._storage = ground.storage

    def give(self, id: str, *, by: str, plan: str | None = None) -> Gathering:
        """One vote; with the last that is needed the job goes on. Two at once cannot both be the first."""
        tried = f"consenting to the job {id!r}"
        for _ in range(_TRIES):
            job, task = self._awaiting(id, tried)
            self._may(job, task, by, tried)
            kept, now = votes(self._storage, id), self._ground.now()
            found = self._gathered(job, task, kept)
            if job.asks_until is not None and job.asks_until <= now:
                raise Refused(tried, "the time for consents is over", "it has to be asked for anew")
            if plan is not None and plan != found.plan:
                raise Outdated(tried, "it was changed since you looked at it", "look at it again")
            if by in found.given:
                raise Refused(tried, f"{by!r} has done so", "somebody else has to")
            given = (*found.given, by)
            if self._storage.write([self._vote(job, task, kept, given, now)])[0]:
                if len(given) >= found.needed and job.conducts:
                    self._pauses.wake(Query(execution=id, states=State.DEFERRED, why=Why.CONSENT))
                return evolve(found, given=given)
        raise Outdated(tried, "too many people do so at once", "try again")

    def _vote(self, job: Job, task: Task, kept: Votes, given: tuple[str, ...], now: Instant) -> tuple[Change, ...]:
        """The unit lands only while the job still waits, for what was consented to. With the last vote it goes on, and all are used up."""
        needed, plan = _rule(task).needed, _plan(job, task)
        told = {"given": len(given), "needed": needed, "plan": plan}
        fact = Fact("Consented", now, job.id, job.task, job.line, job.record, given[-1], told)
        move = Move(job.id, Step.REPLAN, job.revision)
        if len(given) >= needed:
            fields = {"due": max(job.due, now), "consented": job.digest or plan, "asks_until": None, "why": None}
            move = Move(job.id, Step.CONSENT, job.revision, fields=fields)
        return Expect("task", task.id, task.revision), move, kept.of(given, plan, job), fact

    def decline(self, id: str, *, by: str, why: str = "") -> None:
        """One refusal ends it."""
        tried = f"declining the job {id!r}"
        successor = Successor()
        for _ in range(_TRIES):
            job, task = self._awaiting(id, tried)
            self._may(job, task, by, tried)
            answer = written(self._ground, [self._end(job, Step.CANCEL, "Declined", {"why": why} if why else {}, by, successor)])[0]
            if answer:
                wake_conductor_of(self._ground, job)
                return
            successor.learns(answer)
        raise Outdated(tried, "it moves too fast", "look at it again")

    def gathering(self, id: str) -> Gathering:
        job, task = self._awaiting(id, f"looking at the consents for the job {id!r}")
        return self._gathered(job, task, votes(self._storage, id))

    def expire(self, now: Instant) -> int:
        """Expiry limits the gathering, not the wait for a window."""
        asking = all_jobs(self._storage, Query(states=State.AWAITING_CONSENT))
        late = [job for job in asking if job.asks_until is not None and job.asks_until <= now]
        return sum(map(self._expired, late))

    def _expired(self, job: Job) -> bool:
        successor = Successor()
        for _ in range(_TRIES):
            answer = written(self._ground, [self._end(job, Step.EXPIRE, "ConsentExpired", {}, None, successor)])[0]
            if answer:
                wake_conductor_of(self._ground, job)
                return True
            if not successor.learns(answer):
                return False
        return False

    def may(self, job: Job, task: Task, user: str) -> bool:
        try:
            self._may(job, task, user, "consenting")
        except NotAllowed:
            return False
        return True

    def forget(self) -> int:
        """The votes for jobs that were purged go too."""
        gone = [kept for kept in self._ground.catalog.pages(VOTES) if self._storage.job(kept.id) is None]
        return sum(map(bool, self._storage.write([(Keep(VOTES, kept.id, kept.revision, None),) for kept in gone])))

    def _end(self, job: Job, step: Step, kind: str, told: dict[str, Any], by: str | None, successor: Successor) -> tuple[Change, ...]:
        """It ends without a run; an occurrence that never began leaves its successor, so that the cadence goes on (J5, J9)."""
        now = self._ground.now()
        fields = {"ended": now, "why": Why.NO_CONSENT.value, "text": told.get("why", "")}
        fact = Fact(kind, now, job.id, job.task, job.line, job.record, by, told)
        trigger = self._ground.catalog.task(job.trigger[0])
        following: tuple[Change, ...] = ()
        if trigger is not None:
            following = successor.of(job, trigger, self._planner, now, self._planner.standing(trigger.line, job.trigger[1]))
        return (Move(job.id, step, job.revision, fields=fields), *following, fact)

    def _awaiting(self, id: str, tried: str) -> tuple[Job, Task]:
        job = self._storage.job(id)
        if job is None:
            raise NotFound(tried, "there is no such job", "it may have been purged")
        if job.state is not State.AWAITING_CONSENT:
            raise Refused(tried, f"it is {job.state}, and waits for no consent", "look at its history")
        return job, self._ground.catalog.wanted_task(job.task)

    def _gathered(self, job: Job, task: Task, kept: Votes) -> Gathering:
        plan, until = _plan(job, task), shown(job.asks_until) if job.asks_until is not None else None
        given = kept.counted(job, plan, asked_for(self._storage, job)) if kept.given else ()
        return Gathering(job.id, _rule(task).needed, given, plan, job.summary, until)

    def _may(self, job: Job, task: Task, by: str, tried: str) -> None:
        if by in asked_for(self._storage, job):
            raise NotAllowed(tried, f"{by!r} asked for it, and nobody consents to their own", "somebody else has to")
        people = _rule(task).people
        if not people:
            self._rights.demand(by, TASK_REVIEW, tried, job.record)
        elif not self._rights.is_one_of(by, people):
            raise NotAllowed(tried, f"{by!r} is none of those who may", f"these may: {', '.join(sorted(people))}")


def _rule(task: Task) -> ConsentRule:
    return task.consent or _ONE_REVIEWER


def _plan(job: Job, task: Task) -> str:
    """What a vote is bound to: another revision, another digest, or another place where its trigger leads it (R2), is another plan."""
    where = f" of {task.name!r} for {job.record!r}" if job.via is not None else ""
    return f"revision {task.revision}{where}, plan {job.digest}" if job.digest else f"revision {task.revision}{where}"
