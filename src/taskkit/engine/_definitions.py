"""Scripts and record types: named, versioned, edited in one place, chosen by tasks (R10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.engine._border import record_of
from taskkit.engine._catalog import DEFINITIONS, VERSIONS, Definition, day_of, type_name, version_name
from taskkit.engine._checks import Checks
from taskkit.engine._ledger import Ledger
from taskkit.errors import InUse, NotFound
from taskkit.facts import Fact
from taskkit.plugins.kinds import Script
from taskkit.records import RecordType
from taskkit.storage import Keep, Unit
from taskkit.tasks import Task, of_type

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._rights import RightsDesk


class Definitions:
    def __init__(self, ground: Ground, ledger: Ledger, checks: Checks, rights: RightsDesk) -> None:
        self._ground, self._ledger, self._checks, self._rights = ground, ledger, checks, rights
        self._catalog, self._storage = ground.catalog, ground.storage

    def define(self, value: Script | RecordType, *, by: str | None) -> int:
        """A definition by its name, anew or at its next version; which one."""
        name = self._checks.definition(value)
        before = self._catalog.definition(name)
        for one in (value, before.value) if before else (value,):
            self._rights.to_define(one, by)
        if before is not None and before.value == value:
            return before.version
        changed: list[Task] = []
        self._ledger.land(f"defining {name!r}", lambda: self._defined(name, value, changed, by))
        self._ledger.do_chores(changed)
        return self._version(name)

    def _defined(self, name: str, value: Script | RecordType, changed: list[Task], by: str | None) -> Unit:
        """The tasks that chose a script do something else from now on; a record type only says how they get there."""
        used = self._ledger.used(name)
        using = self._using(name)
        self._checks.suits_all(value, using)
        changed[:] = [] if isinstance(value, RecordType) else using
        version, body = self._version(name), self._ground.documents.write(value)
        fact = Fact("Defined", self._ground.now(), who=by, details={"name": name, "kind": value.kind, "version": version + 1})
        kept = Keep(DEFINITIONS, name, version, body, value.kind)
        return kept, *self._replaced(name), used, fact, *self._ledger.decided(changed, "settings", by)

    def _replaced(self, name: str) -> Unit:
        """What stood until now: a job that began goes on with that (R10)."""
        kept = self._storage.document(DEFINITIONS, name)
        if kept is None or not kept.body:
            return ()
        return (Keep(VERSIONS, version_name(name, kept.revision), 0, kept.body, day_of(self._ground.now())),)

    def undefine(self, name: str, *, by: str | None) -> None:
        self._rights.to_define(self._wanted(name).value, by)
        self._ledger.land(f"removing the definition {name!r}", lambda: self._undefined(name, by))

    def _undefined(self, name: str, by: str | None) -> Unit:
        """An empty document stays, so that the versions of one that is made again go on."""
        used, found = self._ledger.used(name), self._wanted(name)
        using = sorted(task.name for task in self._using(name))
        if using:
            raise InUse(f"removing the definition {name!r}", f"it is chosen by {', '.join(using)}", "give these tasks another first")
        fact = Fact("Undefined", self._ground.now(), who=by, details={"name": name})
        return Keep(DEFINITIONS, name, found.version, {}, "removed"), *self._replaced(name), used, fact

    def _wanted(self, name: str) -> Definition:
        found = self._catalog.definition(name)
        if found is None:
            raise NotFound(f"removing the definition {name!r}", "there is none of this name", "look at engine.definitions()")
        return found

    def _version(self, name: str) -> int:
        kept = self._storage.document(DEFINITIONS, name)
        return kept.revision if kept else 0

    def _using(self, name: str) -> list[Task]:
        return [task for task in self._catalog.all_tasks() if name in (task.script, self._type(task))]

    def _type(self, task: Task) -> str | None:
        """The name of the record type that a task's records have."""
        kind, _, name = task.list.partition(":")
        if kind == "record":
            record = record_of(self._ground.vault, name)
            return type_name(record.type) if record else None
        return type_name(name) if task.list == of_type(name) else None
