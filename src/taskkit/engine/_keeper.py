"""Tasks, lists and definitions are put, edited and removed here: checked first, kept in one unit, planned after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

from taskkit.engine._catalog import DEFINITIONS, LISTS, REMOVED, TASKS, VERSIONS, Definition, type_name
from taskkit.engine._chores import Chores
from taskkit.engine._planner import Planner, dropped
from taskkit.errors import Duplicate, InUse, InvalidValue, MissingPlugin, NotFound, Outdated
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant, shown
from taskkit.jobs import Why
from taskkit.plugins.kinds import Script
from taskkit.records import Record, RecordType
from taskkit.states import PENDING, Step
from taskkit.storage import Change, Keep, Move, Tell, Unit
from taskkit.tasks import DECISIVE, SYSTEM, Task, TaskList, of_record, of_type
from taskkit.vaults import root

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._rights import RightsDesk

NAMES = "name"
_TRIES = 8


class Keeper:
    def __init__(self, ground: Ground, planner: Planner, chores: Chores, rights: RightsDesk) -> None:
        self._ground, self._planner, self._chores, self._rights = ground, planner, chores, rights
        self._catalog, self._storage = ground.catalog, ground.storage

    # tasks

    def put(self, task: Task, *, list: str, by: str | None) -> Task:
        now = self._ground.now()
        if task.id:
            raise InvalidValue(f"putting the task {task.name!r}", f"it is kept already as {task.id!r}", "use edit")
        made = evolve(task, list=list, id=self._ground.ids(), owner=task.owner or by, runs_as=task.runs_as or by)
        made = evolve(made, line=made.id).anchored(shown(now // SECOND * SECOND))
        self._rights.to_manage(made, by)
        self._check(made)
        unit: Unit = (
            self._kept(made, 0),
            *self._named(made),
            self._chores.left(made.id, first_run=self._runs_at_once(made)),
            Tell(Fact("TaskPut", now, task=made.id, line=made.line, who=by, details={"name": made.name, "list": list})),
        )
        self._write(unit, f"putting the task {task.name!r}")
        self._chores.do_for(made.id)
        return self._catalog.wanted_task(made.id)

    def edit(self, task: Task, *, by: str | None) -> Task:
        now, before = self._ground.now(), self._catalog.wanted_task(task.id)
        if task.revision != before.revision:
            raise Outdated(
                f"editing the task {task.name!r}", f"it stands at revision {before.revision}, not {task.revision}", "read it again"
            )
        if (task.list, task.line) != (before.list, before.line):
            raise InvalidValue(f"editing the task {task.name!r}", "list and line stay as they are", "put a new task")
        self._rights.to_manage(before, by)
        if any(getattr(task, name) != getattr(before, name) for name in DECISIVE):
            task = evolve(task, runs_as=by)  # whoever decides what is done answers for it (A1)
        task = task.anchored(shown(now // SECOND * SECOND))
        self._check(task)
        fact = Fact("TaskEdited", now, task=task.id, line=task.line, who=by, details={"changed": _changed(before, task)})
        unit: Unit = (self._kept(task, before.revision), *self._renamed(before, task), self._chores.left(task.id), Tell(fact))
        self._write(unit, f"editing the task {task.name!r}")
        self._chores.do_for(task.id)
        return self._catalog.wanted_task(task.id)

    def remove(self, id: str, *, by: str | None) -> None:
        task = self._catalog.wanted_task(id)
        self._rights.to_manage(task, by)
        fact = Fact("TaskRemoved", self._ground.now(), task=id, line=task.line, who=by, details={"name": task.name})
        gone = tuple(evolve(name, body=None, revision=1) for name in self._named(task))
        kept = Keep(REMOVED, id, 0, self._ground.documents.write(task), task.list)
        self._write(
            (Keep(TASKS, id, task.revision, None), kept, *gone, self._chores.left(id), Tell(fact)), f"removing the task {task.name!r}"
        )
        self._chores.do_for(id)

    def hand_over(self, owner: str, to: str, *, by: str | None) -> int:
        """All tasks of an owner, as when somebody leaves (A1)."""
        tasks = [task for task in self._catalog.all_tasks() if task.owner == owner]
        for task in tasks:
            runs_as = to if task.runs_as == owner else task.runs_as
            self.edit(evolve(task, owner=to, runs_as=runs_as), by=by)
        return len(tasks)

    # lists

    def set_shadow(self, list: str, shadow: str | None, *, by: str | None) -> None:
        self._rights.to_manage_list(list, by)
        if shadow is not None and self._ground.vault.records.get(shadow) is None:
            raise NotFound(f"setting the shadow account of {list!r}", f"there is no record {shadow!r}", "give the id of a record")
        kept = self._catalog.list(list)
        fact = Fact("ListEdited", self._ground.now(), who=by, details={"list": list, "shadow": shadow})
        self._write((self._kept_list(evolve(kept, shadow=shadow), kept.revision), Tell(fact)), f"editing the list {list!r}")

    def make_unique(self, record_id: str, *, by: str | None) -> Sequence[Task]:
        """The record gets copies of its type's tasks; what waits for it waits for the copies (R1)."""
        record, own = self._record(record_id), of_record(record_id)
        self._rights.to_manage_list(own, by)
        for _ in range(_TRIES):
            kept = self._catalog.list(own)
            if kept.unique:
                raise Duplicate(f"making the tasks of {record_id!r} unique", "they are", "edit them")
            copies = [evolve(task, id=self._ground.ids(), list=own) for task in self._catalog.tasks_in(of_type(record.type))]
            if self._storage.write([self._unique_unit(record, kept, copies, by)])[0]:
                return self._catalog.tasks_in(own)
        raise Outdated(f"making the tasks of {record_id!r} unique", "its jobs move too fast", "try again")

    def _unique_unit(self, record: Record, kept: TaskList, copies: list[Task], by: str | None) -> Unit:
        shadow = kept.shadow or self._catalog.list(of_type(record.type)).shadow
        fact = Fact("ListMadeUnique", self._ground.now(), record=record.id, who=by, details={"tasks": [task.name for task in copies]})
        changes: list[Change] = [self._kept_list(evolve(kept, unique=True, shadow=shadow), kept.revision)]
        for copy in copies:
            changes += [self._kept(copy, 0), *self._named(copy)]
            for job in self._storage.open_jobs(copy.line, record.id):
                if job.state in PENDING and job.via is None:
                    changes.append(Move(job.id, Step.REPLAN, job.revision, fields={"task": copy.id, "planned_for": 1}))
        return (*changes, Tell(fact))

    def share_again(self, record_id: str, *, by: str | None) -> None:
        """Back to the type's list: the copies go, their waiting jobs end, the type's tasks are planned for the record (R1)."""
        record, own = self._record(record_id), of_record(record_id)
        self._rights.to_manage_list(own, by)
        kept, now = self._catalog.list(own), self._ground.now()
        if not kept.unique:
            raise NotFound(f"sharing the tasks of {record_id!r} again", "it has no tasks of its own", "nothing is to be done")
        changes: list[Change] = [Keep(LISTS, own, kept.revision, None, "unique")]
        for copy in self._catalog.tasks_in(own):
            changes += [
                Keep(TASKS, copy.id, copy.revision, None, own),
                *(evolve(name, body=None, revision=1) for name in self._named(copy)),
            ]
            for job in self._storage.open_jobs(copy.line, record_id):
                if job.state in PENDING:
                    changes += dropped(job, Why.LIST_CHANGED, now)
        fact = Fact("ListShared", now, record=record_id, who=by)
        self._write((*changes, Tell(fact)), f"sharing the tasks of {record_id!r} again")
        self.plan(record)

    def plan(self, record: Record) -> None:
        """All occurrences that a record lacks."""
        now = self._ground.now()
        units = [self._planner.occurrence(task, record, now) for task in self._catalog.effective(record) if task.active and task.interval]
        self._storage.write([unit for unit in units if unit])

    # definitions

    def define(self, value: Script | RecordType, *, by: str | None) -> int:
        """A definition by its name, anew or at its next version; which one."""
        name = type_name(value.name) if isinstance(value, RecordType) else value.name
        self._rights.to_define(by)
        self._check_definition(value)
        body = self._ground.documents.write(value)
        kept = self._storage.document(DEFINITIONS, name)
        version = kept.revision if kept else 0
        fact = Fact("Defined", self._ground.now(), who=by, details={"name": name, "kind": value.kind, "version": version + 1})
        archived = Keep(VERSIONS, f"{name}@{version + 1}", 0, body, name)
        self._write((Keep(DEFINITIONS, name, version, body, value.kind), archived, Tell(fact)), f"defining {name!r}")
        return version + 1

    def undefine(self, name: str, *, by: str | None) -> None:
        self._rights.to_define(by)
        found = self._catalog.definition(name)
        if found is None:
            raise NotFound(f"removing the definition {name!r}", "there is none of this name", "look at engine.definitions()")
        using = sorted(task.name for task in self._catalog.all_tasks() if self._uses(task, found))
        if using:
            raise InUse(f"removing the definition {name!r}", f"it is chosen by {', '.join(using)}", "give these tasks another first")
        fact = Fact("Undefined", self._ground.now(), who=by, details={"name": name})
        self._write((Keep(DEFINITIONS, name, found.version, None, found.value.kind), Tell(fact)), f"removing the definition {name!r}")

    @staticmethod
    def _uses(task: Task, found: Definition) -> bool:
        return task.script == found.name or type_name(task.list.removeprefix("type:")) == found.name

    def _check_definition(self, value: Any) -> None:
        known = self._ground.documents.definitions
        if known.get(getattr(value, "kind", "")) is not type(value):
            raise MissingPlugin(
                f"defining a {type(value).__name__}", "no plug-in offers this kind", f"there are {', '.join(sorted(known))}"
            )
        if isinstance(value, RecordType) and value.executor is not None:
            self._ground.plugins.executor(value.executor)

    # checks

    def _check(self, task: Task) -> None:
        tried = f"putting the task {task.name!r}"
        definition = self._catalog.definition(task.script)
        if definition is None or not isinstance(definition.value, Script):
            known = sorted(found.name for found in self._catalog.definitions() if isinstance(found.value, Script))
            raise NotFound(
                tried, f"there is no script {task.script!r}", f"there are {', '.join(known) or 'none'}: engine.define(…) makes one"
            )
        if task.selection is not None and task.list != SYSTEM:
            raise InvalidValue(tried, "a task of a record or type has no selection", "put it on the system's list")
        if task.shadow is not None and self._ground.vault.records.get(task.shadow) is None:
            raise NotFound(tried, f"there is no record {task.shadow!r} for its shadow account", "give the id of a record")
        kind, _, name = task.list.partition(":")
        if kind == "type":
            self._check_verbs(tried, definition.value, name)
        elif kind == "record":
            self._check_record(tried, definition.value, name)
        elif kind != SYSTEM:
            raise InvalidValue(tried, f"there is no list {task.list!r}", "use SYSTEM, of_type(name) or of_record(id)")
        self._check_names(tried, task)

    def _check_record(self, tried: str, script: Script, name: str) -> None:
        record = self._record(name)
        root(self._ground.vault.records, record)
        if not self._catalog.list(of_record(name)).unique:
            raise InvalidValue(tried, f"the record {name!r} has its type's tasks", f"first engine.make_unique({name!r})")
        self._check_verbs(tried, script, record.type)

    def _check_verbs(self, tried: str, script: Script, type: str) -> None:
        if not script.needs:
            return
        found = self._catalog.record_type(type)
        if found is None:
            raise NotFound(tried, f"there is no record type {type!r}", f"first engine.define(RecordType({type!r}, executor=…))")
        if found.executor is None:
            raise InvalidValue(tried, f"records of type {type!r} have no executor", "name one in the record type")
        executor = self._ground.plugins.executor(found.executor)
        lacking = sorted(script.needs - executor.verbs)
        if lacking:
            able = sorted(name for name, one in self._ground.plugins.executors.items() if script.needs <= one.verbs)
            hint = f"these can: {', '.join(able)}" if able else "no installed executor can"
            raise MissingPlugin(tried, f"the executor {executor.name!r} cannot do {', '.join(lacking)}, which {script.name!r} needs", hint)

    def _check_names(self, tried: str, task: Task) -> None:
        for other in self._catalog.tasks_in(task.list):
            if other.id == task.id:
                continue
            if other.name == task.name:
                raise Duplicate(tried, f"the list {task.list!r} has a task of this name", "choose another name")
            if other.script == task.script and task.list != SYSTEM:
                raise Duplicate(tried, f"{other.name!r} carries out the script {task.script!r} in this list", "edit that task instead")

    def _record(self, id: str) -> Record:
        record = self._ground.vault.records.get(id)
        if record is None:
            raise NotFound(f"looking for the record {id!r}", "the vault has none", "give the id of a record")
        return record

    # what is kept

    def _kept(self, task: Task, revision: int) -> Keep:
        return Keep(TASKS, task.id, revision, self._ground.documents.write(task), task.list)

    def _kept_list(self, value: TaskList, revision: int) -> Keep:
        body = {"id": value.id, "shadow": value.shadow, "unique": value.unique}
        return Keep(LISTS, value.id, revision, body, "unique" if value.unique else "")

    @staticmethod
    def _named(task: Task) -> tuple[Keep, ...]:
        """Names that only one task of a list has, also when two people put it at once."""
        names = [f"{task.list}/{task.name}"] + ([f"{task.list}//{task.script}"] if task.list != SYSTEM else [])
        return tuple(Keep(NAMES, name, 0, {"task": task.id}) for name in names)

    def _renamed(self, before: Task, task: Task) -> tuple[Keep, ...]:
        old, new = ({name.id: name for name in self._named(one)} for one in (before, task))
        gone = tuple(evolve(name, revision=1, body=None) for id, name in old.items() if id not in new)
        return (*gone, *(name for id, name in new.items() if id not in old))

    def _runs_at_once(self, task: Task) -> bool:
        """A new, active system task runs at once, inside its window (T13)."""
        definition = self._catalog.definition(task.script)
        if not task.is_system or not task.active or task.interval is None or (definition and definition.value.changes_many):
            return False
        now: Instant = self._ground.now()
        return not any(one.kind == "once" or _starts_later(one, now) for one in task.policies if hasattr(one, "start"))

    def _write(self, unit: Unit, tried: str) -> None:
        landed = self._storage.write([unit])[0]
        if landed:
            return
        if isinstance(landed.change, Keep) and landed.change.table == NAMES:
            raise Duplicate(tried, "somebody else just took the name", "choose another name")
        raise Outdated(tried, "somebody else changed it first", "read it again")


def _changed(before: Task, after: Task) -> list[str]:
    old, new = asdict(before, recurse=False), asdict(after, recurse=False)
    return sorted(name for name in new if new[name] != old[name] and name != "revision")


def _starts_later(interval: Any, now: Instant) -> bool:
    first = interval.next_after(shown(0))
    return bool(interval.start) and first is not None and first > shown(now)
