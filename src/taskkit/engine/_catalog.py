"""Tasks, lists and definitions as they stand in the store, read once for each revision that is met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from taskkit.errors import NotFound
from taskkit.instants import DAY, Instant
from taskkit.records import Record, RecordType
from taskkit.storage import Document
from taskkit.tasks import Task, TaskList, of_record, of_type

if TYPE_CHECKING:
    from taskkit.engine._glances import Read
    from taskkit.engine._ground import Ground

TASKS, LISTS, DEFINITIONS, VERSIONS, REMOVED, PAST = "task", "list", "definition", "version", "removed", "past"
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
        self._read: dict[tuple[str, str], tuple[int, Any]] = {}  # each at the revision that was read last

    # tasks

    def task(self, id: str) -> Task | None:
        kept = self._storage.document(TASKS, id)
        return self._task(kept) if kept else None

    def task_at(self, id: str, revision: int) -> Task | None:
        """The task if it still stands at this revision, without asking the store where it was seen before: a start checks it again."""
        known = self.known_task(id, revision)
        if known is not None:
            return known
        task = self.task(id)
        return task if task is not None and task.revision == revision else None

    def known_task(self, id: str, revision: int) -> Task | None:
        """Where it was seen before at this revision."""
        known = self._read.get((TASKS, id))
        return known[1] if known is not None and known[0] == revision else None

    def forget(self, id: str) -> None:
        """The store has moved on from what was read of a task: a start was refused, or will be."""
        self._read.pop((TASKS, id), None)

    def removed(self, id: str) -> Task | None:
        """As it stood when it was removed: what ran then ends normally (R7)."""
        kept = self._storage.document(REMOVED, id)
        return self._ground.documents.task(kept.body, 0) if kept else None

    def begun(self, id: str, revision: int) -> Task | None:
        """The task as it stood when a job began, whatever was edited since: the job ends as it began (R1, R7)."""
        now = self.task_at(id, revision)
        if now is not None:
            return now
        kept = self._storage.document(PAST, past_name(id, revision))
        return self._ground.documents.task(kept.body, revision) if kept else self.removed(id) or self.task(id)

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

    def list(self, id: str, read: Read | None = None) -> TaskList:
        kept = (read or self._storage.document)(LISTS, id)
        return (
            self._once(LISTS, kept, lambda: evolve(self._ground.documents.read(TaskList, kept.body), revision=kept.revision))
            if kept
            else TaskList(id)
        )

    def list_id(self, record: Record) -> str:
        """The list that counts for a record: its own where it was made unique, its type's otherwise (R1)."""
        return list_of(record, self._storage.document(LISTS, of_record(record.id)))

    def effective(self, record: Record) -> Sequence[Task]:
        return self.tasks_in(self.list_id(record))

    def home(self, task: Task, record: Record) -> Task | None:
        """The task of the same line in the list that the record has now, where that is active."""
        return next((theirs for theirs in self.effective(record) if theirs.line == task.line and theirs.active), None)

    # definitions

    def definition(self, name: str, read: Read | None = None) -> Definition | None:
        kept = (read or self._storage.document)(DEFINITIONS, name)
        if kept is None or not kept.body:  # an empty one was removed: its versions go on where they ended
            return None
        return self._once(DEFINITIONS, kept, lambda: Definition(name, kept.revision, self._ground.documents.definition(kept.body)))

    def version(self, name: str, version: int) -> Definition | None:
        """A definition as it stood at a version that was replaced since."""
        kept = self._storage.document(VERSIONS, version_name(name, version))
        return Definition(name, version, self._ground.documents.definition(kept.body)) if kept else None

    def definitions(self) -> Iterator[Definition]:
        return (found for kept in self.pages(DEFINITIONS) if (found := self.definition(kept.id)))

    def record_type(self, name: str, read: Read | None = None) -> RecordType | None:
        found = self.definition(type_name(name), read)
        return found.value if found and isinstance(found.value, RecordType) else None

    def known_type(self, name: str) -> RecordType | None:
        """As this process read it last, were it long ago; it is read where it never was."""
        id = DEFINITIONS, type_name(name)
        if id not in self._read and self.record_type(name) is None:
            self._read[id] = 0, None
        known = self._read[id][1]
        return known.value if known is not None else None

    def pages(self, table: str, group: str | None = None) -> Iterator[Document]:
        after, more = "", True
        while more:
            page = self._storage.documents(table, group=group, after=after, limit=_PAGE)
            yield from page
            more = len(page) == _PAGE
            after = page[-1].id if more else ""

    def _once(self, table: str, kept: Document, make: Callable[[], T]) -> T:
        known = self._read.get((table, kept.id))
        if known is not None and known[0] == kept.revision:
            return known[1]  # type: ignore[no-any-return]
        if len(self._read) >= _KEPT:
            self._read.clear()
        made = make()
        self._read[table, kept.id] = kept.revision, made
        return made


def list_of(record: Record, own: Document | None) -> str:
    """Its own where it was made unique, and is; else its type's (R1)."""
    return own.id if own is not None and own.body["unique"] else of_type(record.type)


def type_name(name: str) -> str:
    """Record types and scripts share the table of definitions, not their names."""
    return f"type:{name}"


def version_name(name: str, version: int) -> str:
    return f"{name}@{version}"


def day_of(now: Instant) -> str:
    """What was replaced on one day lies together, so that it can be forgotten together (J8)."""
    return str(now // DAY)


def past_name(task: str, revision: int) -> str:
    return f"{task}@{revision}"
