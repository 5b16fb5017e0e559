"""Tasks are put, edited, removed and handed over here: checked first, kept in one unit, planned after (R1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._checks import Checks
from taskkit.engine._chores import Chores
from taskkit.engine._ledger import Ledger
from taskkit.engine._occurrences import begins_at_once
from taskkit.errors import InvalidValue, Outdated
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant, shown
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id
from taskkit.storage import Keep, Unit
from taskkit.tasks import DECISIVE, SYSTEM, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._rights import RightsDesk


class Keeper:
    def __init__(self, ground: Ground, chores: Chores, ledger: Ledger, checks: Checks, rights: RightsDesk) -> None:
        self._ground, self._chores, self._ledger, self._checks, self._rights = ground, chores, ledger, checks, rights
        self._catalog = ground.catalog

    def put(self, task: Task, *, list: str | None, by: str | None, next_run: Instant | None = None) -> Task:
        id = self._ground.ids()
        made = evolve(task, list=_place(task, list), id=id, line=id, revision=1, owner=task.owner or by, runs_as=task.runs_as or by)
        made = self._anchored(made)
        self._rights.to_put(made, by)
        self._ledger.land(f"putting the task {task.name!r}", lambda: self._put(made, by, next_run))
        self._chores.do_for(made.id)
        return made

    def _put(self, task: Task, by: str | None, next_run: Instant | None) -> Unit:
        self._checks.task(task)
        told = {"name": task.name, "list": task.list}
        fact = Fact("TaskPut", self._ground.now(), task=task.id, line=task.line, who=by, details=told)
        left = self._chores.left(task.id, first_run=next_run is None and self._runs_at_once(task))
        return (*self._ledger.added(task), left, *self._set_by_hand(task, next_run), fact)

    def _set_by_hand(self, task: Task, next_run: Instant | None) -> tuple[Keep, ...]:
        """The first run, where whoever puts the task says when it is (T13)."""
        if next_run is None:
            return ()
        tried, now = f"putting the task {task.name!r} with a next run", self._ground.now()
        if not task.is_system or not task.active:
            raise InvalidValue(tried, "only an active task of the system has one yet", "use set_next_run for a record")
        if next_run < now:
            raise InvalidValue(tried, f"{shown(next_run)} is in the past", "give a later moment")
        return (Keep(STANDINGS, standing_id(task.line, None), 0, Standing(created=now, next_run=next_run).body(), task.line),)

    def edit(self, task: Task, *, by: str | None) -> Task:
        """What changes nothing is no edit: it would void consents and end retries for nothing."""
        before = self._catalog.wanted_task(task.id)
        if task == before and task.revision == before.revision:
            self._rights.to_edit(before, task, by)
            return before
        self._ledger.land(f"editing the task {task.name!r}", lambda: self._edited(task, by))
        self._chores.do_for(task.id)
        return self._catalog.wanted_task(task.id)

    def _edited(self, task: Task, by: str | None) -> Unit:
        tried, before = f"editing the task {task.name!r}", self._catalog.wanted_task(task.id)
        if task.revision != before.revision:
            raise Outdated(tried, f"it stands at revision {before.revision}, not {task.revision}", "read it again")
        if (task.list, task.line) != (before.list, before.line):
            raise InvalidValue(tried, "list and line stay as they are", "put a new task")
        decides = any(getattr(task, name) != getattr(before, name) for name in DECISIVE)
        if by is not None and (decides or (task.runs_as is None and before.runs_as is not None)):
            task = evolve(task, runs_as=by)  # whoever decides what is done answers for it (A1)
        self._rights.to_edit(before, task, by)
        task = self._anchored(task)
        self._checks.task(task)
        return self._ledger.changed(before, task, by)

    def remove(self, id: str, *, by: str | None) -> None:
        task = self._catalog.wanted_task(id)
        self._rights.to_manage(task, by)
        self._ledger.land(f"removing the task {task.name!r}", lambda: self._removed(id, by))
        self._chores.do_for(id)

    def _removed(self, id: str, by: str | None) -> Unit:
        task = self._catalog.wanted_task(id)
        fact = Fact("TaskRemoved", self._ground.now(), task=id, line=task.line, who=by, details={"name": task.name})
        return *self._ledger.gone(task), fact

    def hand_over(self, owner: str, to: str, *, by: str | None) -> int:
        """All tasks that somebody owns or lends their rights to, as when they leave (A1): all of them or none."""
        tried = f"handing over the tasks of {owner!r}"
        self._rights.to_administer(by, tried)
        if not isinstance(to, str) or not to.strip():
            raise InvalidValue(tried, f"{to!r} is no name", "give the name of a person")
        handed: list[Task] = []

        def make() -> Unit:
            handed[:] = [task for task in self._catalog.all_tasks() if owner in (task.owner, task.runs_as) and owner != to]
            return tuple(change for task in handed for change in self._ledger.changed(task, _handed(task, owner, to), by))

        self._ledger.land(tried, make)
        self._ledger.do_chores(handed)
        return len(handed)

    def _anchored(self, task: Task) -> Task:
        """Intervals without a start count from when they were first kept (T16)."""
        return task.anchored(shown(self._ground.now() // SECOND * SECOND))

    def _runs_at_once(self, task: Task) -> bool:
        """A new, active system task runs at once, inside its window (T13)."""
        definition = self._catalog.definition(task.script)
        if not task.is_system or not task.active or task.interval is None or (definition and definition.value.changes_many):
            return False
        return begins_at_once(task.interval, self._ground.now())


def _place(task: Task, list: str | None) -> str:
    """The list that is said, here or by the task itself; SYSTEM is what a task says that names none."""
    tried = f"putting the task {task.name!r}"
    if task.id or task.line or task.revision:
        raise InvalidValue(tried, f"it is kept already as {task.id or task.line!r}", "use edit, or make a new Task")
    if list is not None and task.list not in (list, SYSTEM):
        raise InvalidValue(tried, f"it says list={task.list!r}, and put says {list!r}", "say it once")
    return task.list if list is None else list


def _handed(task: Task, owner: str, to: str) -> Task:
    changes: dict[str, Any] = {name: to for name in ("owner", "runs_as") if getattr(task, name) == owner}
    return evolve(task, **changes)
