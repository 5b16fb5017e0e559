"""What people do to jobs and standings: run now, cancel, ask to stop, suspend and resume, re-run what failed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._conductor import Conductor
from taskkit.engine._finisher import Finisher
from taskkit.engine._pauses import Pauses, woken_by
from taskkit.engine._planner import Planner
from taskkit.engine._rights import FORCE_RUN, RightsDesk
from taskkit.errors import InvalidValue, NotFound, OtherNode, Outdated, Refused
from taskkit.events.intervals import NOTHING, Occurrence
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant, shown
from taskkit.jobs import Job, Kind, Why
from taskkit.standings import Standing
from taskkit.states import CLAIMED, PENDING, State, Step, after
from taskkit.storage import Insert, Move, Tell
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 8


class Steering:
    def __init__(
        self, ground: Ground, planner: Planner, rights: RightsDesk, pauses: Pauses, conductor: Conductor, finisher: Finisher
    ) -> None:
        self._ground, self._planner, self._rights, self._pauses = ground, planner, rights, pauses
        self._conductor, self._finisher, self._storage = conductor, finisher, ground.storage

    def wanted(self, id: str, tried: str) -> Job:
        job = self._storage.job(id)
        if job is None:
            raise NotFound(tried, "there is no such job", "it may have been purged")
        return job

    # jobs

    def run_now(self, id: str, *, by: str | None, force: bool) -> None:
        tried = f"running the job {id!r} now"
        for _ in range(_TRIES):
            job = self.wanted(id, tried)
            self._may(job, by)
            if job.pool not in self._ground.settings.pools:
                serves = ", ".join(self._ground.settings.pools)
                raise OtherNode(
                    tried, f"it is bound to the pool {job.pool!r}, and this node serves {serves}", f"run it on a node of {job.pool!r}"
                )
            if force:
                self._rights.demand(by, FORCE_RUN, f"{tried} outside its window", job.record)
            self._check(job, Step.ADVANCE, tried)
            self._not_suspended(job, tried)
            now = self._ground.now()
            fields: dict[str, Any] = {"due": now, "manual": True, "demanded_by": by, "forced": force}
            fact = Fact("RunAsked", now, id, job.task, job.line, job.record, by, {"forced": True} if force else {})
            if self._storage.write([(Move(id, Step.ADVANCE, job.revision, fields=fields), Tell(fact))])[0]:
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def cancel(self, id: str, *, by: str | None) -> None:
        tried = f"canceling the job {id!r}"
        for _ in range(_TRIES):
            job = self.wanted(id, tried)
            self._may(job, by)
            self._check(job, Step.CANCEL, tried)
            if job.kind is Kind.RECOVERY:
                raise Refused(tried, "it resolves an open intent, and nothing cancels that (S4)", "wait for it, or resolve the intent")
            now = self._ground.now()
            fields = {"ended": now, "why": Why.BY_PERSON.value}
            fact = Fact("JobCanceled", now, id, job.task, job.line, job.record, by, {"why": Why.BY_PERSON.value})
            trigger = self._ground.catalog.task(job.trigger[0])
            following = ()
            if trigger is not None and job.started is None:
                following = self._planner.successor(trigger, job, now, self._planner.standing(trigger.line, job.trigger[1]))  # type: ignore[assignment]
            if self._storage.write([(Move(id, Step.CANCEL, job.revision, fields=fields), *following, Tell(fact))])[0]:
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def request_stop(self, id: str, *, by: str | None) -> None:
        tried = f"asking the job {id!r} to stop"
        for _ in range(_TRIES):
            job = self.wanted(id, tried)
            self._may(job, by)
            if job.state not in CLAIMED and not (job.conducts and job.started is not None and job.state in PENDING):
                raise Refused(tried, f"it is {job.state}", "only what runs can be asked to stop; what waits can be canceled")
            now = self._ground.now()
            fact = Tell(Fact("StopAsked", now, id, job.task, job.line, job.record, by))
            asked: dict[str, Any] = {"stop": by or "the product"}
            if job.state in PENDING:
                move = Move(id, Step.WAKE, job.revision, fields={**asked, "due": now})
            else:
                move = Move(id, Step.SAVE if job.state is State.RUNNING else Step.BEAT, token=job.token, fields=asked)
            if self._storage.write([(move, fact)])[0]:
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def rerun(self, execution: str, *, by: str | None) -> list[str]:
        tried = f"running what failed of {execution!r} again"
        conductor = self.wanted(execution, tried)
        task = self._may(conductor, by)
        found = self._conductor.execution(execution)
        if found is None or not found.failed:
            raise Refused(tried, "nothing of it failed", "look at engine.execution(…)")
        if conductor.ended is None:
            raise Refused(tried, "it has not ended", "wait for it, or ask it to stop")
        now = self._ground.now()
        parts = [self._conductor.part(conductor, task.revision, name, now) for name in found.failed]
        told = Tell(Fact("ExecutionRerun", now, execution, conductor.task, conductor.line, None, by, {"records": len(parts)}))
        self._storage.write([(*(Insert(part) for part in parts), told)])
        return [part.id for part in parts]

    def _may(self, job: Job, by: str | None) -> Task:
        task = self._ground.catalog.task(job.task) or self._ground.catalog.removed(job.task)
        if task is None:
            raise NotFound(f"looking for the task of the job {job.id!r}", "there is none", "it was removed")
        self._rights.to_execute(task, job.record, by)
        return task

    @staticmethod
    def _check(job: Job, step: Step, tried: str) -> None:
        """The table decides; a person reads what was tried."""
        after(job.state, step)

    def _not_suspended(self, job: Job, tried: str) -> None:
        standing = self._planner.standing(job.line, job.record)
        if standing is not None and standing.suspended:
            raise Refused(tried, f"the task is suspended here: {standing.suspended}", "engine.resume_task(…) lets it run again")

    # standings

    def suspend(self, task_id: str, record: str | None, *, by: str | None, why: str) -> None:
        task = self._ground.catalog.wanted_task(task_id)
        self._rights.to_manage(task, by)
        now = self._ground.now()
        self._change(
            task, record, lambda one: evolve(one, suspended=why, suspended_by=by, suspended_at=now), "TaskSuspended", by, {"why": why}
        )

    def resume(self, task_id: str, record: str | None, *, by: str | None) -> None:
        task = self._ground.catalog.wanted_task(task_id)
        self._rights.to_manage(task, by)
        self._change(task, record, lambda one: evolve(one, suspended=None, suspended_by=None, suspended_at=None), "TaskResumed", by, {})
        for job in self._storage.open_jobs(task.line, record):
            if job.is_pending and job.why == Why.SUSPENDED:
                self._storage.write([woken_by(job, self._ground.now())])

    def set_next_run(self, task_id: str, at: Instant | None, record: str | None, *, by: str | None) -> None:
        task = self._ground.catalog.wanted_task(task_id)
        self._rights.to_manage(task, by)
        if at is not None and at < self._ground.now():
            raise InvalidValue(f"setting the next run of {task.name!r}", f"{shown(at)} is in the past", "give a later moment")
        if at is not None and not task.active:
            raise Refused(f"setting the next run of {task.name!r}", "it is not active", "activate it first")
        told = {"at": shown(at).isoformat() if at is not None else None}
        self._change(task, record, lambda one: evolve(one, next_run=at), "NextRunSet", by, told)
        self._replan(task, record)

    def _replan(self, task: Task, record: str | None) -> None:
        found = self._ground.vault.records.get(record) if record is not None else None
        for _ in range(_TRIES):
            now = self._ground.now()
            waiting = self._storage.seated(("occurrence", task.line, record or ""))
            unit = self._planner.replanned(task, found, waiting, now) if waiting else self._planner.occurrence(task, found, now)
            if unit is None or self._storage.write([unit])[0]:
                return

    def _change(self, task: Task, record: str | None, change: Any, kind: str, by: str | None, told: dict[str, Any]) -> None:
        for _ in range(_TRIES):
            now = self._ground.now()
            before = self._planner.standing(task.line, record) or Standing(created=now)
            fact = Tell(Fact(kind, now, None, task.id, task.line, record, by, told))
            if self._storage.write([(self._planner.keep(task, record, change(before)), fact)])[0]:
                return
        raise Outdated(f"changing how {task.name!r} stands", "it moves too fast", "try again")

    # looking ahead

    def upcoming(self, task_id: str, count: int, record: str | None) -> list[Occurrence]:
        task = self._ground.catalog.wanted_task(task_id)
        if task.interval is None:
            return []
        standing = self._planner.ready(task, record, self._ground.now())[0]
        memory = standing.memory(task.interval) if standing is not None and task.interval.relative else NOTHING
        moment = shown(self._ground.now() // SECOND * SECOND)
        return list(islice(task.interval.upcoming(moment, count, memory), count))
