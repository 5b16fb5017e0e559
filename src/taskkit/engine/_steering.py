"""What people do to jobs: run now, cancel, ask to stop, run again what failed (J6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskkit.engine._conductor import Conductor
from taskkit.engine._executions import wake_conductor_of
from taskkit.engine._fences import THE_PRODUCT, asked_to_stop, stop_asked
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._occurrences import reason_of
from taskkit.engine._planner import Planner
from taskkit.engine._rights import FORCE_RUN, RightsDesk
from taskkit.engine._successors import Successor
from taskkit.engine._waits import written
from taskkit.errors import IllegalStep, NotFound, OtherNode, Outdated, Refused
from taskkit.facts import Fact
from taskkit.jobs import Job, Kind, Why
from taskkit.states import TABLE, State, Step, after
from taskkit.storage import Move, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 8


class Steering:
    def __init__(self, ground: Ground, planner: Planner, rights: RightsDesk, conductor: Conductor, lifeline: Lifeline) -> None:
        self._ground, self._planner, self._rights, self._conductor = ground, planner, rights, conductor
        self._lifeline, self._storage = lifeline, ground.storage

    def wanted(self, id: str, tried: str) -> Job:
        job = self._storage.job(id)
        if job is None:
            raise NotFound(tried, "there is no such job", "it may have been purged")
        return job

    def run_now(self, id: str, *, by: str | None, force: bool) -> None:
        """It skips neither window, blackout nor consent, unless forced by a right of its own; and no suspension."""
        tried = f"running the job {id!r} now"
        for _ in range(_TRIES):
            job = self.wanted(id, tried)
            task = self._may(job, by)
            self._waits(job, tried)
            self._is_served(job, tried)
            if force:
                self._rights.demand(by, FORCE_RUN, f"{tried} by force", job.record)
            move = self._brought_forward(job, by, tried, force=force)
            self._not_suspended(task, job, tried)
            fact = Fact("RunAsked", self._ground.now(), id, job.task, job.line, job.record, by, {"forced": True} if force else {})
            if self._storage.write([(move, fact)])[0]:
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def _brought_forward(self, job: Job, by: str | None, tried: str, *, force: bool) -> Move:
        fields: dict[str, Any] = {"due": self._ground.now(), "manual": True, "demanded_by": by, "forced": force}
        if job.state is State.AWAITING_CONSENT and force and job.digest is None:  # a plan that was shown waits for whoever has seen it
            return Move(job.id, Step.CONSENT, job.revision, fields={**fields, "consented": "forced", "asks_until": None, "why": None})
        if Step.ADVANCE not in TABLE[job.state]:
            waits = job.state is State.AWAITING_CONSENT
            raise IllegalStep(tried, f"it is {job.state}", "engine.consent(…) lets it go on" if waits else "only what waits can be run now")
        return Move(job.id, Step.ADVANCE, job.revision, fields=fields)

    def _is_served(self, job: Job, tried: str) -> None:
        pools = self._ground.settings.pools
        if job.pool not in pools:
            case = f"it is bound to the pool {job.pool!r}, and this node serves {', '.join(pools)}"
            raise OtherNode(tried, case, f"run it on a node of {job.pool!r}")

    def cancel(self, id: str, *, by: str | None) -> None:
        """Only what waits; a repeating task goes on with its next occurrence."""
        tried, successor = f"canceling the job {id!r}", Successor()
        for _ in range(_TRIES):
            job = self.wanted(id, tried)
            self._may(job, by)
            self._waits(job, tried)
            after(job.state, Step.CANCEL)
            if job.kind is Kind.RECOVERY:
                raise Refused(tried, "it resolves an open intent, and nothing cancels that (S4)", "wait for it, or resolve the intent")
            answer = written(self._ground, [self._canceled(job, successor, by)])[0]
            if answer:
                wake_conductor_of(self._ground, job)
                return
            successor.learns(answer)
        raise Outdated(tried, "it moves too fast", "look at it again")

    def _canceled(self, job: Job, successor: Successor, by: str | None) -> Unit:
        now, trigger = self._ground.now(), self._ground.catalog.task(job.trigger[0])
        following: Unit = ()
        if trigger is not None:
            following = successor.of(job, trigger, self._planner, now, self._planner.standing(trigger.line, job.trigger[1]))
        fields = {"ended": now, "why": Why.BY_PERSON.value}
        fact = Fact("JobCanceled", now, job.id, job.task, job.line, job.record, by, {"why": Why.BY_PERSON.value, **reason_of(job)})
        return Move(job.id, Step.CANCEL, job.revision, fields=fields), *following, fact

    def request_stop(self, id: str, *, by: str | None) -> None:
        """Honoured at safe points only; what has begun nothing yet does not begin."""
        tried = f"asking the job {id!r} to stop"
        for _ in range(_TRIES):
            job = self.wanted(id, tried)
            self._may(job, by)
            if not job.is_at_work:
                raise Refused(tried, f"it is {job.state}", "only what runs can be asked to stop; what waits can be canceled")
            if self._storage.write([self._stopping(job, by)])[0]:
                self._lifeline.look_again(id)
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def _stopping(self, job: Job, by: str | None) -> Unit:
        now = self._ground.now()
        if not job.is_pending:
            return asked_to_stop(job, by, now)
        step = Step.WAKE if job.state is State.DEFERRED else Step.ADVANCE
        return Move(job.id, step, job.revision, fields={"stop": by or THE_PRODUCT, "due": now}), stop_asked(job, by, now)

    def rerun(self, execution: str, *, by: str | None) -> list[str]:
        tried = f"running what failed of {execution!r} again"
        conductor = self.wanted(execution, tried)
        self._may(conductor, by)
        task = self._ground.catalog.task(conductor.task)
        if task is None or not task.active:
            raise Refused(tried, "its task is not active" if task else "its task was removed", "only a task that is active can run")
        if conductor.ended is None:
            raise Refused(tried, "it has not ended", "wait for it, or ask it to stop")
        if task.consent is not None and (conductor.consented is None or conductor.planned_for != task.revision):
            raise Refused(tried, "nobody has consented to the task as it stands (A5)", "demand the task: that asks for consent")
        self._not_suspended(task, conductor, tried)
        return self._conductor.again(conductor, task, by)

    def _may(self, job: Job, by: str | None) -> Task:
        task = self._ground.catalog.task(job.task) or self._ground.catalog.removed(job.task)
        if task is None:
            raise NotFound(f"looking for the task of the job {job.id!r}", "there is none", "it was removed")
        self._rights.to_execute(task, job.record, by)
        return task

    def _not_suspended(self, task: Task, job: Job, tried: str) -> None:
        self._planner.not_suspended(task, job.record, tried)
        trigger, name = job.trigger
        if job.via is not None and (wanting := self._ground.catalog.task(trigger)) is not None:
            self._planner.not_suspended(wanting, name, tried)

    @staticmethod
    def _waits(job: Job, tried: str) -> None:
        """Nobody brings forward or cancels what has begun, although its job waits."""
        if job.is_pending and job.is_at_work:
            raise Refused(tried, "it runs, and waits for its parts", "engine.request_stop(…) ends it")
