"""What is asked before something is done (A2): taskkit asks by name, the vault answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.engine._border import asked
from taskkit.errors import NotAllowed
from taskkit.plugins.kinds import Script
from taskkit.tasks import SYSTEM, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

SYSTEM_ADMINISTRATOR = "system_administrator"
TASK_MANAGE, TASK_EXECUTE, TASK_REVIEW = "task_manage", "task_execute", "task_review"
FORCE_RUN = "force_run"
MANAGE_DEFINITIONS = "manage_definitions"
#: Every right that taskkit asks for; a vault maps them to its own.
RIGHTS = frozenset(
    {
        SYSTEM_ADMINISTRATOR, TASK_MANAGE, TASK_EXECUTE, TASK_REVIEW, FORCE_RUN, MANAGE_DEFINITIONS,
        "manage_directory_tasks", "manage_report_tasks", "manage_discovery_tasks", "manage_emergency_export", "manage_webviewer_export",
        "manage_seal_templates", "manage_lock_templates", "manage_logbook",
    }
)  # fmt: skip


class RightsDesk:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        """`None` is the product itself: it asked before it called."""
        return user is None or asked(lambda: self._ground.vault.rights.may(user, right, record), "asking the vault for a right")

    def demand(self, user: str | None, right: str, tried: str, record: str | None = None) -> None:
        if not self.may(user, right, record):
            where = f" on {record!r}" if record else ""
            raise NotAllowed(tried, f"{user!r} lacks the right {right!r}{where}", "somebody who manages rights in the vault can give it")

    def to_manage(self, task: Task, by: str | None) -> None:
        """Managers of a task may change it; so may who has the right for its list (A3)."""
        if by is not None and task.id and self.is_manager(task, by):
            self._for_script(task, by)
            return
        self.to_manage_list(task.list, by)
        self._for_script(task, by)

    def to_manage_list(self, list: str, by: str | None) -> None:
        kind, _, name = list.partition(":")
        if kind == "type":
            self.demand(by, SYSTEM_ADMINISTRATOR, f"changing the tasks of the type {name!r}")
        elif kind == "record":
            self.demand(by, TASK_MANAGE, f"changing the tasks of {name!r}", name)

    def to_define(self, by: str | None) -> None:
        self.demand(by, MANAGE_DEFINITIONS, "changing definitions")

    def to_execute(self, task: Task, record: str | None, by: str | None) -> None:
        self.demand(by, TASK_EXECUTE, f"running the task {task.name!r}", record)

    def is_manager(self, task: Task, user: str) -> bool:
        members = self._ground.vault.rights.members
        return task.owner == user or any(user == manager or user in members(manager) for manager in task.managers)

    def lost(self, task: Task, record: str | None, script: Script) -> str | None:
        """The right that the person behind a task lacks now, if any (A1)."""
        wanted = [script.right] if script.right else []
        wanted += [TASK_EXECUTE] if record is not None or task.list != SYSTEM else []
        return next((right for right in wanted if not self.may(task.runs_as, right, record)), None)

    def _for_script(self, task: Task, by: str | None) -> None:
        definition = self._ground.catalog.definition(task.script)
        right = definition.value.right if definition and isinstance(definition.value, Script) else None
        if right:
            self.demand(by, right, f"managing the task {task.name!r}")
