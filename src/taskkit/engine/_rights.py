"""What is asked before something is done (A2): taskkit asks by name, the vault answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskkit.checks import is_keepable
from taskkit.engine._border import asked
from taskkit.errors import NotAllowed
from taskkit.plugins.kinds import Script
from taskkit.records import RecordType
from taskkit.tasks import SYSTEM, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

SYSTEM_ADMINISTRATOR = "system_administrator"
TASK_MANAGE, TASK_EXECUTE, TASK_REVIEW = "task_manage", "task_execute", "task_review"
FORCE_RUN = "force_run"
MANAGE_DEFINITIONS = "manage_definitions"
MANAGE_LOGBOOK = "manage_logbook"
#: What a script may name as the right of its own, for tasks of the system.
OF_SCRIPTS = frozenset(
    {
        "manage_directory_tasks", "manage_report_tasks", "manage_discovery_tasks", "manage_emergency_export", "manage_webviewer_export",
        "manage_seal_templates", "manage_lock_templates", MANAGE_LOGBOOK,
    }
)  # fmt: skip
#: Every right that taskkit asks for; a vault maps them to its own.
RIGHTS = OF_SCRIPTS | {SYSTEM_ADMINISTRATOR, TASK_MANAGE, TASK_EXECUTE, TASK_REVIEW, FORCE_RUN, MANAGE_DEFINITIONS}


class RightsDesk:
    """`None` as a person is the product itself: it asked before it called."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        """On what no store keeps, nobody has any: it is no record's id."""
        if user is None or (record is not None and not is_keepable(record)):
            return user is None
        return asked(lambda: self._ground.vault.rights.may(user, right, record), "asking the vault for a right")

    def demand(self, user: str | None, right: str, tried: str, record: str | None = None) -> None:
        if not self.may(user, right, record):
            where = f" on {record!r}" if record else ""
            raise NotAllowed(tried, f"{user!r} lacks the right {right!r}{where}", "somebody who manages rights in the vault can give it")

    def is_one_of(self, user: str, names: frozenset[str]) -> bool:
        """Whether a person is named, alone or by a group."""
        members = self._ground.vault.rights.members
        return user in names or any(asked(lambda name=name: user in members(name), "asking the vault for a group") for name in names)

    def is_manager(self, task: Task, user: str) -> bool:
        return task.owner == user or self.is_one_of(user, task.managers)

    # tasks

    def to_put(self, task: Task, by: str | None) -> None:
        """A new task is its list's affair: its managers come with it, so they prove nothing yet."""
        if task.list != SYSTEM:
            self.to_manage_list(task.list, by)
        self._for_script(task, by)
        self._to_lend(task, by)

    def to_manage(self, task: Task, by: str | None) -> None:
        """Managers of a task may change it; so may who has the right for its list (A3)."""
        if by is None or not self.is_manager(task, by):
            self.to_manage_list(task.list, by)
        self._for_script(task, by)

    def to_manage_for(self, task: Task, record: str | None, by: str | None) -> None:
        """How a task stands with one record is that record's affair too."""
        if record is None or not self.may(by, TASK_MANAGE, record):
            self.to_manage(task, by)

    def to_edit(self, before: Task, after: Task, by: str | None) -> None:
        self.to_manage(before, by)
        self._for_script(after, by)
        if after.runs_as != before.runs_as:
            self._to_lend(after, by)

    def to_manage_list(self, list: str, by: str | None) -> None:
        kind, _, name = list.partition(":")
        if kind == "record":
            self.demand(by, TASK_MANAGE, f"changing the tasks of {name!r}", name)
        else:
            self.demand(by, SYSTEM_ADMINISTRATOR, f"changing the tasks of the type {name!r}" if name else "changing a task of the system")

    def to_define(self, value: Any, by: str | None) -> None:
        """A definition with a right of its own asks for that: who manages seal templates need not manage all scripts (A2, R10)."""
        right = SYSTEM_ADMINISTRATOR if isinstance(value, RecordType) else getattr(value, "right", None) or MANAGE_DEFINITIONS
        self.demand(by, right, f"changing the definition {value.name!r}")

    def to_administer(self, by: str | None, tried: str) -> None:
        self.demand(by, SYSTEM_ADMINISTRATOR, tried)

    def to_execute(self, task: Task, record: str | None, by: str | None) -> None:
        """On a record it is a right of the record; a task of the system is run by its managers, or by who may run any (A3, A4)."""
        if record is not None or by is None or not self.is_manager(task, by):
            self.demand(by, TASK_EXECUTE, f"running the task {task.name!r}", record)
        if task.list == SYSTEM:  # on a record, least privilege: the effect, and nothing else (A4)
            self._for_script(task, by)

    def may_execute(self, task: Task, record: str | None, by: str | None) -> bool:
        try:
            self.to_execute(task, record, by)
        except NotAllowed:
            return False
        return True

    def sees(self, task: Task | None, record: str | None, user: str | None) -> bool:
        """Whether a person may see a task or what became of it: who has to do with it, and nobody else."""
        if user is None or (task is not None and self.is_manager(task, user)):
            return True
        if record is None and task is not None:
            record = task.record
        if record is not None and any(self.may(user, right, record) for right in (TASK_EXECUTE, TASK_MANAGE, TASK_REVIEW)):
            return True
        return self.may(user, SYSTEM_ADMINISTRATOR)

    def lost(self, task: Task, record: str | None, script: Script, shadow: str | None = None) -> str | None:
        """What the person behind a task lacks now, if anything (A1); who may not run tasks on a record may not log in with its account."""
        user = task.runs_as
        if user is None:
            return None
        if not asked(lambda: self._ground.vault.rights.active(user), "asking the vault for a person"):
            return f"{user!r}, as whom it runs, is not active"
        wanted = [(script.right, record)] if script.right else []
        wanted += [(TASK_EXECUTE, name) for name in (record, shadow) if name is not None]
        lacking = next(((right, name) for right, name in wanted if not self.may(user, right, name)), None)
        where = f" on {lacking[1]!r}" if lacking and lacking[1] not in (record, None) else ""
        return f"{user!r}, as whom it runs, lacks the right {lacking[0]!r}{where}" if lacking else None

    def _for_script(self, task: Task, by: str | None) -> None:
        definition = self._ground.catalog.definition(task.script)
        right = definition.value.right if definition and isinstance(definition.value, Script) else None
        if right:
            self.demand(by, right, f"managing the task {task.name!r}")

    def _to_lend(self, task: Task, by: str | None) -> None:
        """Who could make a task run as somebody else would have that person's rights."""
        if by is not None and task.runs_as != by:
            self.to_administer(by, f"letting the task {task.name!r} run as {task.runs_as!r}")
