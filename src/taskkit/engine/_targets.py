"""Whose task runs for a trigger (R2), and with which shadow account (R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.records import Record
from taskkit.targets import Target
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


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

    def shadow(self, task: Task, record: Record | None) -> Record | None:
        """The record of the shadow account: the task's own, else its list's."""
        name = task.shadow or self._ground.catalog.list(task.list).shadow
        return self._ground.vault.records.get(name) if name and (record is None or name != record.id) else None

    def _other(self, task: Task, record: Record) -> Record | None:
        if task.target is Target.SHADOW:
            return self.shadow(task, record)
        return self._ground.vault.records.get(record.reference) if record.reference else None

    def _same_script(self, task: Task, record: Record) -> Task | None:
        same = (other for other in self._ground.catalog.effective(record) if other.script == task.script and other.active)
        return next(same, None)
