"""Tasks, lists and definitions as they stand in the store, read once for each revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from taskkit.errors import NotFound
from taskkit.records import Record, RecordType
from taskkit.storage import Document
from taskkit.tasks import Task, TaskList, of_record, of_type

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

TASKS, LISTS, DEFINITIONS, VERSIONS, REMOVED = "task", "list", "definition", "version", "removed"
_KEPT = 20_000
_PAGE = 1000
T = TypeVar("T")


@frozen
class Definition:
    """A script or record type by its name, and the version at which it stands (R10)."""

    name: str
    version: int
    value: Any


class Catalog:
    """What is edited seldom and read for every job."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._storage = ground, ground.storage
        self._read: dict[tuple[str, str, int], Any] = {}

    # tasks

    def task(self, id: str) -> Task | None:
        kept = self._storage.document(TASKS, id)
        return self._task(kept) if kept else None

    def task_at(self, id: str, revision: int) -> Task | None:
        """The task if it still stands at this revision, without asking the store where it was seen before: a start checks it again."""
        known: Task | None = self._read.get((TASKS, id, revision))
        if known is not None:
            return known
        task = self.task(id)
        return task if task is not None and task.revision == revision else None

    def removed(self, id: str) -> Task | None:
        """As it stood when it was removed: what ran then ends normally (R7)."""
        kept = self._storage.document(REMOVED, id)
        return self._ground.documents.task(kept.body, 0) if kept else None

    def wanted_task(self, id: str) -> Task:
        task = self.task(id)
        if task is None:
            raise NotFound(f"looking for the task {id!r}", "there is no such task", "it may have been removed")
        return task

    def tasks_in(self, list: str) -> list[Task]:
        return [self._task(kept) for kept in self.pages(TASKS, group=list)]

    def all_tasks(self) -> Iterator[Task]:
        return (self._task(kept) for kept in self.pages(TASKS))

    def _task(self, kept: Document) -> Task:
        return self._once(TASKS, kept, lambda: self._ground.documents.task(kept.body, kept.revision))

    # lists

    def list(self, id: str) -> TaskList:
        kept = self._storage.document(LISTS, id)
        return (
            self._once(LISTS, kept, lambda: evolve(self._ground.documents.read(TaskList, kept.body), revision=kept.revision))
            if kept
            else TaskList(id)
        )

    def list_of(self, record: Record) -> TaskList:
        """The list that counts for a record: its own where it was made unique, its type's otherwise (R1)."""
        own = self.list(of_record(record.id))
        return own if own.unique else self.list(of_type(record.type))

    def effective(self, record: Record) -> Sequence[Task]:
        return self.tasks_in(self.list_of(record).id)

    # definitions

    def definition(self, name: str) -> Definition | None:
        kept = self._storage.document(DEFINITIONS, name)
        if kept is None:
            return None
        return self._once(DEFINITIONS, kept, lambda: Definition(name, kept.revision, self._ground.documents.definition(kept.body)))

    def definitions(self) -> Iterator[Definition]:
        return (found for kept in self.pages(DEFINITIONS) if (found := self.definition(kept.id)))

    def record_type(self, name: str) -> RecordType | None:
        found = self.definition(type_name(name))
        return found.value if found and isinstance(found.value, RecordType) else None

    def pages(self, table: str, group: str | None = None) -> Iterator[Document]:
        after = ""
        while page := self._storage.documents(table, group=group, after=after, limit=_PAGE):
            yield from page
            after = page[-1].id

    def _once(self, table: str, kept: Document, make: Callable[[], T]) -> T:
        key = (table, kept.id, kept.revision)
        found: T | None = self._read.get(key)
        if found is None:
            if len(self._read) >= _KEPT:
                self._read.clear()
            found = self._read[key] = make()
        return found


def type_name(name: str) -> str:
    """Record types and scripts share the table of definitions, not their names."""
    return f"type:{name}"
