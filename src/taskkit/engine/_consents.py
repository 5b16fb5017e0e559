"""People's consent to a run (A5): k of n, never to one's own, bound to the task's revision and to the plan that was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.engine._rights import TASK_REVIEW, RightsDesk
from taskkit.errors import NotAllowed, NotFound, Outdated, Refused
from taskkit.facts import Fact
from taskkit.instants import Instant
from taskkit.jobs import Job, Why
from taskkit.states import State, Step
from taskkit.storage import Change, Keep, Move, Query, Tell
from taskkit.tasks import ConsentRule, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TABLE = "consent"
_ONE_REVIEWER = ConsentRule(1)
_TRIES = 8


@frozen
class Gathering:
    """How far the consents for a job have come."""

    job: str
    needed: int
    given: tuple[str, ...] = ()


class Consents:
    def __init__(self, ground: Ground, rights: RightsDesk) -> None:
        self._ground, self._rights, self._storage = ground, rights, ground.storage

    def give(self, id: str, *, by: str) -> Gathering:
        """One vote; with the last that is needed the job goes on. Two at once cannot both be the first."""
        for _ in range(_TRIES):
            job, task = self._awaiting(id, f"consenting to the job {id!r}")
            self._may(job, task, by)
            kept = self._storage.document(_TABLE, id)
            bound = [task.revision, job.digest]
            given = kept.body["given"] if kept and kept.body["bound"] == bound else []
            if by in given:
                raise Refused(f"consenting to the job {id!r}", f"{by!r} has done so", "somebody else has to")
            given = [*given, by]
            needed = (task.consent or _ONE_REVIEWER).needed
            now = self._ground.now()
            told = {"given": len(given), "needed": needed}
            changes: list[Change] = [Keep(_TABLE, id, kept.revision if kept else 0, {"given": given, "bound": bound})]
            changes.append(Tell(Fact("Consented", now, id, job.task, job.line, job.record, by, told)))
            if len(given) >= needed:
                fields = {"due": now, "consented": job.digest or f"revision {task.revision}", "why": None}
                changes.append(Move(id, Step.CONSENT, job.revision, fields=fields))
            if self._storage.write([tuple(changes)])[0]:
                return Gathering(id, needed, tuple(given))
        raise Outdated(f"consenting to the job {id!r}", "too many people do so at once", "try again")

    def decline(self, id: str, *, by: str, why: str = "") -> None:
        """One refusal ends it."""
        job, task = self._awaiting(id, f"declining the job {id!r}")
        self._may(job, task, by)
        now = self._ground.now()
        fields = {"ended": now, "why": Why.NO_CONSENT.value, "text": why}
        fact = Fact("Declined", now, id, job.task, job.line, job.record, by, {"why": why})
        if not self._storage.write([(Move(id, Step.CANCEL, job.revision, fields=fields), Tell(fact))])[0]:
            raise Outdated(f"declining the job {id!r}", "it has moved on", "look at it again")

    def gathering(self, job: Job) -> Gathering:
        task, kept = self._ground.catalog.task(job.task), self._storage.document(_TABLE, job.id)
        rule = (task.consent if task else None) or _ONE_REVIEWER
        return Gathering(job.id, rule.needed, tuple(kept.body["given"]) if kept else ())

    def expire(self, now: Instant) -> int:
        """Expiry limits the gathering, not the wait for a window."""
        waiting = self._storage.jobs(Query(states=State.AWAITING_CONSENT), limit=10_000).jobs
        late = [job for job in waiting if job.asks_until is not None and job.asks_until <= now]
        fields = {"ended": now, "why": Why.NO_CONSENT.value}
        units = [
            (
                Move(job.id, Step.EXPIRE, job.revision, fields=fields),
                Tell(Fact("ConsentExpired", now, job.id, job.task, job.line, job.record)),
            )
            for job in late
        ]
        return sum(map(bool, self._storage.write(units))) if units else 0

    def may(self, job: Job, task: Task, user: str) -> bool:
        try:
            self._may(job, task, user)
        except NotAllowed:
            return False
        return True

    def _awaiting(self, id: str, tried: str) -> tuple[Job, Task]:
        job = self._storage.job(id)
        if job is None:
            raise NotFound(tried, "there is no such job", "it may have been purged")
        if job.state is not State.AWAITING_CONSENT:
            raise Refused(tried, f"it is {job.state}, and waits for no consent", "look at its history")
        return job, self._ground.catalog.wanted_task(job.task)

    def _may(self, job: Job, task: Task, by: str) -> None:
        tried = f"consenting to the job {job.id!r}"
        if by == job.demanded_by:
            raise NotAllowed(tried, f"{by!r} asked for it, and nobody consents to their own", "somebody else has to")
        rule = task.consent
        if rule is not None and rule.people:
            members = self._ground.vault.rights.members
            if not any(by == name or by in members(name) for name in rule.people):
                raise NotAllowed(tried, f"{by!r} is none of those who may", f"these may: {', '.join(sorted(rule.people))}")
        else:
            self._rights.demand(by, TASK_REVIEW, tried, job.record)
