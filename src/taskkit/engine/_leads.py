"""Whose job a job of happenings is that several have joined: that of one reason, until its task or record is gone (P4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from taskkit.engine._catalog import TASKS
from taskkit.engine._replans import Replans, dropped, fitted, may_be_joined, theirs
from taskkit.engine._targets import Aim, Targets
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.records import Record
from taskkit.storage import Expect, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

RecordOf = Callable[[str], Record | None]


class Leads:
    def __init__(self, ground: Ground, replans: Replans, targets: Targets) -> None:
        self._ground, self._replans, self._targets = ground, replans, targets

    def without(self, job: Job, why: Why, record_of: RecordOf) -> Unit:
        """What led it is gone: another of its reasons does from now on, best one that leads where it is; without any it ends.

        What has begun goes nowhere else: what it has noted is about where it is.
        """
        causes = self._ground.storage.causes(job.id) if may_be_joined(job) else ()
        leads = sorted(self._leads(job, causes, record_of), key=lambda lead: not _is_here(job, lead[1]))
        if leads and (job.started is None or _is_here(job, leads[0][1])):
            return self._led(job, causes, *leads[0])
        return dropped(job, why, self._ground.now(), causes=len(causes) if may_be_joined(job) else None)

    def staying(self, job: Job, trigger: Task, record: Record | None, record_of: RecordOf) -> Unit | None:
        """Where what led it leads elsewhere now, and another of its reasons to where the job is, that one keeps it there."""
        if job.kind is not Kind.FIRED or _is_here(job, self._targets.aim(trigger, record)):
            return None
        causes = self._ground.storage.causes(job.id)
        here = (lead for lead in self._leads(job, causes, record_of) if _is_here(job, lead[1]))
        return next((self._led(job, causes, *lead) for lead in here), None)

    def _leads(self, job: Job, causes: Iterable[Cause], record_of: RecordOf) -> list[tuple[Task, Aim]]:
        triggers = dict.fromkeys(_trigger(cause, job) for cause in causes)
        return [lead for wants in triggers if (lead := self._lead(*wants, record_of)) is not None]

    def _led(self, job: Job, causes: Sequence[Cause], trigger: Task, aim: Aim) -> Unit:
        path = dict.fromkeys((*job.origin, trigger.line, aim.task.line))
        left = [cause for cause in causes if _trigger(cause, job) != job.trigger] or causes
        fields = {**self._replans.aimed(job, aim), **theirs(job, left), "origin": tuple(path)}
        return Expect(TASKS, trigger.id, trigger.revision), *fitted(job, fields)

    def _lead(self, task: str, name: str | None, record_of: RecordOf) -> tuple[Task, Aim] | None:
        trigger, record = self._ground.catalog.task(task), None if name is None else record_of(name)
        home = None if trigger is None or record is None else self._ground.catalog.home(trigger, record)
        return None if home is None else (home, self._targets.aim(home, record))


def _trigger(cause: Cause, job: Job) -> tuple[str, str | None]:
    return cause.via or (job.task, job.record)


def _is_here(job: Job, aim: Aim) -> bool:
    return (aim.task.line, aim.record.id if aim.record else None) == (job.line, job.record)
