"""Whose job a job of happenings is that several have joined: that of one reason, until its task or record is gone (P4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from taskkit.engine._catalog import TASKS
from taskkit.engine._planner import NO_RETRY, Planner, dropped, fitted
from taskkit.engine._targets import Aim, Targets
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.records import Record
from taskkit.storage import Expect, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

RecordOf = Callable[[str], Record | None]
_JOINED = (Kind.FIRED, Kind.FALLBACK)


class Leads:
    def __init__(self, ground: Ground, planner: Planner, targets: Targets) -> None:
        self._ground, self._planner, self._targets = ground, planner, targets

    def without(self, job: Job, why: Why, record_of: RecordOf) -> Unit:
        """What led it is gone: another of its reasons does from now on, best one that leads where it is; without any it ends."""
        causes = self._ground.storage.causes(job.id) if job.kind in _JOINED else ()
        others = [cause for cause in causes if _trigger(cause, job) != job.trigger]
        triggers = dict.fromkeys(_trigger(cause, job) for cause in others)
        leads = [lead for task, record in triggers if (lead := self._lead(task, record, record_of)) is not None]
        if not leads:
            return dropped(job, why, self._ground.now(), causes=len(causes) if causes else None)
        trigger, aim = min(leads, key=lambda lead: _place(lead[1]) != (job.line, job.record))
        due, path = min(cause.due for cause in others), (*job.origin, trigger.line, aim.task.line)
        fields = {**self._planner.aimed(job, aim), **NO_RETRY, "due": due, "wanted": due, "origin": tuple(dict.fromkeys(path))}
        return Expect(TASKS, trigger.id, trigger.revision), *fitted(job, fields)

    def _lead(self, task: str, name: str | None, record_of: RecordOf) -> tuple[Task, Aim] | None:
        trigger, record = self._ground.catalog.task(task), None if name is None else record_of(name)
        home = None if trigger is None or record is None else self._ground.catalog.home(trigger, record)
        return None if home is None else (home, self._targets.aim(home, record))


def _trigger(cause: Cause, job: Job) -> tuple[str, str | None]:
    return cause.via or (job.task, job.record)


def _place(aim: Aim) -> tuple[str, str | None]:
    return aim.task.line, aim.record.id if aim.record else None
