"""Whose task runs for a trigger (R2), and with which shadow account (R3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.engine._border import record_of
from taskkit.errors import NotFound
from taskkit.jobs import Job, Kind
from taskkit.records import Record
from taskkit.targets import Target
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._glances import Read
    from taskkit.engine._ground import Ground


#: What a trigger makes; parts have a record each, and retries stay where they were.
_AIMED = (Kind.OCCURRENCE, Kind.FIRED, Kind.DEMAND)


@frozen(slots=False)
class Aim:
    """What runs, and where the wish came from if from elsewhere."""

    task: Task
    record: Record | None
    via: tuple[str, str | None, int] | None = None
    fallback: bool = False


class Targets:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def aim(self, task: Task, record: Record | None) -> Aim:
        """The task of the same script at the record that the target names, with its own settings; one hop only."""
        if task.target is Target.ITSELF or record is None:
            return Aim(task, record)
        other = self._other(task, record)
        found = self._same_script(task, other) if other else None
        if other is None or found is None:
            return Aim(task, record, fallback=True)
        return Aim(found, other, (task.id, record.id, task.revision))

    def fits(self, job: Job, trigger: Task, record: Record | None) -> bool:
        """Whether a job that has not begun runs where its trigger aims now: lists and references change after it was planned."""
        if trigger.target is Target.ITSELF or job.started is not None or job.kind not in _AIMED:
            return True
        aim = self.aim(trigger, record)
        return (aim.task.id, aim.record.id if aim.record else None, aim.via) == (job.task, job.record, job.via)

    def shadow(self, task: Task, record: Record | None) -> Record | None:
        """The record of the shadow account: the task's own, else its list's."""
        name = self.shadow_name(task)
        return self._record(name) if name and (record is None or name != record.id) else None

    def shadow_name(self, task: Task, read: Read | None = None) -> str | None:
        return task.shadow or self._ground.catalog.list(task.list, read).shadow

    def login(self, task: Task, record: Record, name: str | None) -> Record | None:
        """As whom a job connects, where it is not the record itself. One that is gone is an error: nobody connects in its place (R3)."""
        found = self._record(name) if name and name != record.id else None
        if found is None and name and name != record.id and task.target is not Target.SHADOW:
            tried = f"connecting for the task {task.name!r}"
            raise NotFound(tried, f"there is no record {name!r}, which is its shadow account", "give it another one")
        return found

    def _other(self, task: Task, record: Record) -> Record | None:
        if task.target is Target.SHADOW:
            return self.shadow(task, record)
        return self._record(record.reference) if record.reference and record.reference != record.id else None

    def _record(self, name: str) -> Record | None:
        return record_of(self._ground.vault, name)

    def _same_script(self, task: Task, record: Record) -> Task | None:
        same = (other for other in self._ground.catalog.effective(record) if other.script == task.script and other.active)
        return next(same, None)


def tasks_of(aim: Aim, trigger: Task) -> Sequence[tuple[Task, str | None]]:
    """Those that have to go on for it, each with its record: the one that runs, and the one that wants it."""
    runs = aim.task, aim.record.id if aim.record else None
    return (runs,) if aim.via is None else (runs, (trigger, aim.via[1]))
