"""What tasks and definitions must be before they are kept: every mistake that can be seen now is told now, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from taskkit.checks import LONGEST_NAME
from taskkit.engine._border import asked, record_of
from taskkit.engine._catalog import TASKS, type_name
from taskkit.engine._ledger import NAMES, names_of
from taskkit.errors import Duplicate, InvalidValue, MissingPlugin, NotFound
from taskkit.events.policies import OnDemand, Policy
from taskkit.plugins.kinds import Script
from taskkit.records import Record, RecordType
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Task, of_record
from taskkit.vaults import root

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


class Checks:
    def __init__(self, ground: Ground) -> None:
        self._ground, self._catalog, self._storage = ground, ground.catalog, ground.storage

    # tasks

    def task(self, task: Task) -> None:
        tried = f"putting the task {task.name!r}"
        script = self._script(tried, task)
        self.list(tried, task.list)
        self._suits(tried, task, script, self._type_of(task.list))
        if task.shadow is not None:
            self.shadow(tried, task.shadow)
        self._names(tried, task)
        self._readable(tried, task)

    def list(self, tried: str, id: str) -> None:
        """A list is the system's, a known type's, or a record's that was made unique."""
        kind, _, name = id.partition(":")
        if kind == "type" and self._catalog.record_type(name) is None:
            raise NotFound(tried, f"there is no record type {name!r}", f"first engine.define(RecordType({name!r}, …))")
        if kind == "record":
            self.path(tried, self.record(tried, name))
            if not self._catalog.list(of_record(name)).unique:
                raise InvalidValue(tried, f"the record {name!r} has its type's tasks", f"first engine.make_unique({name!r})")
        elif kind != "type" and id != SYSTEM:
            raise InvalidValue(tried, f"there is no list {id!r}", "use SYSTEM, of_type(name) or of_record(id)")

    def record(self, tried: str, id: str) -> Record:
        record = record_of(self._ground.vault, id)
        if record is None:
            raise NotFound(tried, f"there is no record {id!r}", "give the id of a record")
        return record

    def shadow(self, tried: str, id: str) -> None:
        self.path(tried, self.record(f"{tried} with a shadow account", id))

    def path(self, tried: str, record: Record) -> None:
        """Its references end somewhere."""
        asked(lambda: root(self._ground.vault.records, record), tried)

    def _script(self, tried: str, task: Task) -> Script:
        found = self._catalog.definition(task.script)
        if found is None or not isinstance(found.value, Script):
            known = ", ".join(sorted(one.name for one in self._catalog.definitions() if isinstance(one.value, Script))) or "none"
            raise NotFound(tried, f"there is no script {task.script!r}", f"there are {known}: engine.define(…) makes one")
        return found.value

    def _type_of(self, list: str) -> RecordType | None:
        kind, _, name = list.partition(":")
        if kind == "record":
            record = record_of(self._ground.vault, name)
            name = record.type if record else ""
        return self._catalog.record_type(name) if kind != SYSTEM else None

    def _suits(self, tried: str, task: Task, script: Script, type: RecordType | None) -> None:
        """Script, list, selection and target go together."""
        if task.list == SYSTEM:
            if deaf := [one for one in task.policies if isinstance(one, Policy) and not isinstance(one, OnDemand)]:
                case = f"{deaf[0]} waits for what happens to a record, and nothing happens to the system"
                raise InvalidValue(tried, case, "put it on the list of a type or record")
            if task.target is not Target.ITSELF and task.selection is None:
                raise InvalidValue(tried, f"it has no record whose {task.target} one is meant", "leave target away, or give selection")
            if script.needs and script.spread == "each" and task.selection is None:
                raise InvalidValue(tried, f"{script.name!r} works on records, and none are named", "give selection=OfType(…) …")
            return
        if task.selection is not None:
            raise InvalidValue(tried, "a task of a record or type has no selection", "put it on the system's list")
        self._verbs(tried, script, type, task.list)

    def _verbs(self, tried: str, script: Script, type: RecordType | None, list: str) -> None:
        if not script.needs:
            return
        if type is None:
            raise NotFound(tried, f"nothing says how records of {list!r} are reached", "engine.define(RecordType(…, executor=…))")
        if type.executor is None:
            raise InvalidValue(tried, f"records of type {type.name!r} have no executor", "name one in the record type")
        executor = self._ground.plugins.executor(type.executor)
        lacking = sorted(script.needs - executor.verbs)
        if lacking:
            able = sorted(name for name, one in self._ground.plugins.executors.items() if script.needs <= one.verbs)
            hint = f"these can: {', '.join(able)}" if able else "no installed executor can"
            raise MissingPlugin(tried, f"the executor {executor.name!r} cannot do {', '.join(lacking)}, which {script.name!r} needs", hint)

    def _names(self, tried: str, task: Task) -> None:
        for name, what in names_of(task).items():
            kept = self._storage.document(NAMES, name)
            if kept is None or kept.body["task"] == task.id:
                continue
            if what == "name":
                raise Duplicate(tried, f"the list {task.list!r} has a task of this name", "choose another name")
            other = self._storage.document(TASKS, kept.body["task"])
            shown = repr(other.body["name"]) if other else "another task"
            raise Duplicate(tried, f"{shown} carries out the script {task.script!r} in this list", "edit that task instead")

    def _readable(self, tried: str, task: Task) -> None:
        documents = self._ground.documents
        for policy in task.policies:
            if isinstance(policy, Policy) and documents.policies.get(policy.kind) is not type(policy):
                known = ", ".join(sorted(documents.policies))
                raise MissingPlugin(tried, f"no plug-in offers the policy {type(policy).__name__}", f"there are {known}")
        body = _plain(tried, documents.write(task))
        if documents.task(body, 0) != task:
            raise InvalidValue(tried, "it does not come back from its document as it went in", "its values have to be plain")

    # definitions

    def definition(self, value: Any) -> str:
        """The name under which it is kept."""
        documents = self._ground.documents
        tried = f"defining a {type(value).__name__}"
        if documents.definitions.get(getattr(value, "kind", "")) is not type(value):
            raise MissingPlugin(tried, "no plug-in offers this kind", f"there are {', '.join(sorted(documents.definitions))}")
        name = value.name
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise InvalidValue(tried, f"{name!r} is no name", f"give a printable text of 1 to {LONGEST_NAME} characters")
        if isinstance(value, RecordType):
            if value.executor is not None:
                self._ground.plugins.executor(value.executor)
        elif name.startswith(type_name("")):
            raise InvalidValue(tried, f"{name!r} would stand where record types do", "choose another name")
        if documents.definition(_plain(tried, documents.write(value))) != value:
            raise InvalidValue(tried, "it does not come back from its document as it went in", "its values have to be plain")
        return type_name(name) if isinstance(value, RecordType) else name

    def suits_all(self, value: Script | RecordType, using: Iterable[Task]) -> None:
        """The tasks that chose it can go on with it."""
        for task in using:
            tried = f"defining {value.name!r} for the task {task.name!r}"
            if isinstance(value, RecordType):
                self._suits(tried, task, self._script(tried, task), value)
            else:
                self._suits(tried, task, value, self._type_of(task.list))


def _plain(tried: str, body: dict[str, Any]) -> dict[str, Any]:
    """The document as a store gives it back."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(body, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError) as error:
        raise InvalidValue(tried, f"no document can hold it: {error}", "its values have to be plain") from None
    return plain
