"""What people do to jobs: run now, cancel, ask to stop, run again what failed (J6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskkit.engine._executions import wake_conductor_of
from taskkit.engine._fences import THE_PRODUCT, asked_to_stop, stop_asked
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._occurrences import reason_of
from taskkit.engine._parts import Parts, Rerun
from taskkit.engine._planner import Planner
from taskkit.engine._rights import FORCE_RUN, RightsDesk
from taskkit.engine._successors import Successor
from taskkit.engine._votes import asked_too, votes
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
    def __init__(self, ground: Ground, planner: Planner, rights: RightsDesk, parts: Parts, lifeline: Lifeline) -> None:
        self._ground, self._planner, self._rights, self._parts = ground, planner, rights, parts
        self._lifeline, self._storage = lifeline, ground.storage

    def wanted(self, id: str, tried: str) -> Job:
        job = self._storage.job(id)
        if job is None:
            raise NotFound(tried, "there is no such job", "it may have been purged")
        return job

    def run_now(self, id: str, *, by: str | None, force: bool) -> None:
        """It skips neither window, blackout nor consent, unless forced by a right of its own; and no suspension. Whoever asked before asks
        still, and what was forced stays so."""
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
            before = asked_too(self._storage, id, {job.demanded_by} - {by})
            if self._storage.write([(move, *before, fact)])[0]:
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def _brought_forward(self, job: Job, by: str | None, tried: str, *, force: bool) -> Move:
        fields: dict[str, Any] = {"due": self._ground.now(), "manual": True, "demanded_by": by, "forced": force or job.forced}
        if force and job.state is State.AWAITING_CONSENT and job.why == Why.CONSENT:  # what people have to look at waits for them (A8)
            return Move(job.id, Step.CONSENT, job.revision, fields={**fields, "asks_until": None, "why": None})
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

    def rerun(self, execution: str, *, by: str | None, force: bool) -> list[str]:
        """As a demand is: refused while it is suspended, and inside the window, unless forced. What was forced stays so, by who may."""
        tried = f"running what failed of {execution!r} again"
        conductor = self.wanted(execution, tried)
        self._may(conductor, by)
        task = self._ground.catalog.task(conductor.task)
        if task is None or not task.active:
            raise Refused(tried, "its task is not active" if task else "its task was removed", "only a task that is active can run")
        if conductor.ended is None:
            raise Refused(tried, "it has not ended", "wait for it, or ask it to stop")
        if force:
            self._rights.demand(by, FORCE_RUN, f"{tried} by force", conductor.record)
        else:
            self._is_consented(conductor, task, by, tried)
        self._not_suspended(task, conductor, tried)
        forced = force or (conductor.forced and self._rights.may(by, FORCE_RUN, conductor.record))
        return self._parts.again(Rerun(conductor, task, tried, by, forced))

    def _is_consented(self, conductor: Job, task: Task, by: str | None, tried: str) -> None:
        """What was consented to is run once more for those that failed; whoever runs it asks for it, and their own consent is none (A5)."""
        if task.consent is None:
            return
        if conductor.consented is None or conductor.planned_for != task.revision:
            raise Refused(tried, "nobody has consented to the task as it stands (A5)", "demand the task: that asks for consent")
        if by is not None and by in votes(self._storage, conductor.id).given:
            case = f"{by!r} has consented to it, and nobody consents to their own (A5)"
            raise Refused(tried, case, "somebody else has to run it, or demand the task: that asks for consent")

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
