"""Somebody asks for a run: it joins nothing and is a job of its own, now (P4, A4)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from taskkit.engine._fires import Fires
from taskkit.engine._occurrences import reason_of
from taskkit.engine._repeats import serving
from taskkit.engine._rights import RightsDesk
from taskkit.engine._standings import record_with
from taskkit.engine._targets import Targets
from taskkit.engine._wishes import Wish
from taskkit.errors import NotFound, Outdated, Refused
from taskkit.events.happenings import Demanded
from taskkit.events.policies import NOW, OnDemand
from taskkit.facts import Fact
from taskkit.instants import MINUTE, Instant, instant, shown
from taskkit.jobs import Job, Kind, Why
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Insert, Refusal
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


def as_it_is(job: Job) -> Job:
    return job


class Demands:
    def __init__(self, ground: Ground, targets: Targets, rights: RightsDesk, fires: Fires) -> None:
        self._ground, self._targets, self._rights, self._fires, self._storage = ground, targets, rights, fires, ground.storage

    def demand(
        self,
        task_id: str,
        record_id: str | None,
        *,
        by: str | None,
        force: bool = False,
        happening: Demanded | None = None,
        turned: Callable[[Job], Job] = as_it_is,
    ) -> str:
        """The job; the person must be allowed to execute the task. `turned` may change the job before it is kept, or refuse it."""
        task = self._ground.catalog.wanted_task(task_id)
        record = self._record(task, record_id)
        tried, now = f"running the task {task.name!r}", self._ground.now()
        self._may(task, record_id, by, tried, force=force)
        aim = self._targets.aim(task, record)
        self._fires.not_suspended(aim, task, tried)
        happening = happening or Demanded(record_id or "", task=task_id, user=by, at=shown(now))
        wish = Wish(aim, task, str(OnDemand()), NOW, happening, instant(happening.at) if happening.at else now)
        job = turned(self._job(wish, by, now, force=force))
        told = {**reason_of(job), **({"forced": True} if force else {})}
        facts = [Fact("Demanded", now, job.id, aim.task.id, aim.task.line, job.record, by, told)]
        if job.state is State.AWAITING_CONSENT:
            facts.append(Fact("ConsentAsked", now, job.id, aim.task.id, aim.task.line, job.record, by, {"why": Why.CONSENT.value}))
        landed = self._storage.write([(Insert(job, (wish.cause(job.id),)), *facts)])[0]
        if landed.refusal is Refusal.FIRE:
            return self._fires.serving(wish) or ""
        if not landed:
            raise Outdated(tried, f"the store refused it: {landed.refusal}", "try again")
        return job.id

    def told(self, happening: Demanded) -> str:
        """The same, told as a happening: twice is once, also where the task may not run any more."""
        try:
            return self.demand(happening.task, happening.record or None, by=happening.user, happening=happening)
        except Refused:
            if (made := self._made_before(happening)) is None:
                raise
            return made

    def _made_before(self, happening: Demanded) -> str | None:
        with suppress(NotFound):  # its task or record, and who would know where it ran
            task = self._ground.catalog.wanted_task(happening.task)
            aim = self._targets.aim(task, self._record(task, happening.record))
            return serving(self._storage, aim.task.line, aim.record.id if aim.record else None, happening.identity)
        return None

    def _job(self, wish: Wish, by: str | None, now: Instant, *, force: bool) -> Job:
        job = self._fires.job(wish.aim, Kind.DEMAND, now, now, demanded_by=by, forced=force, origin=wish.origin)
        consent = wish.aim.task.consent
        if consent is None or force:  # forcing is a right of its own, and a fact (J6)
            return job
        return job.with_({"state": State.AWAITING_CONSENT, "why": Why.CONSENT.value, "asks_until": now + consent.minutes * MINUTE})

    def _record(self, task: Task, record_id: str | None) -> Record | None:
        if task.is_system:
            return None
        return record_with(self._ground, task, record_id or "", f"running the task {task.name!r}")

    def _may(self, task: Task, record: str | None, by: str | None, tried: str, *, force: bool) -> None:
        if not task.is_system and not task.demandable:
            raise Refused(tried, "it has no policy OnDemand()", "add one to its policies")
        if not task.active:
            raise Refused(tried, "it is not active", "activate it first")
        self._rights.to_execute(task, record, by)
        if force:
            self._rights.demand(by, "force_run", f"{tried} outside its window", record)
