"""Planning of many records, in short units that anybody may go on with (R1).

An edit leaves a chore in its own unit; whoever finds one does it, and doing it twice changes nothing: seats and revisions refuse
what is there already. So no crash leaves a record unplanned, and a stale plan never runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from taskkit.engine._planner import Planner, dropped
from taskkit.instants import Instant
from taskkit.jobs import Job, Kind, Why
from taskkit.records import Record
from taskkit.selections import OfType
from taskkit.states import PENDING
from taskkit.storage import Document, Keep, Query, Unit
from taskkit.tasks import SYSTEM, Task, of_record

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

CHORES = "chore"
_AT_ONCE = 500


class Chores:
    def __init__(self, ground: Ground, planner: Planner) -> None:
        self._ground, self._planner, self._storage = ground, planner, ground.storage

    def left(self, task: str, *, first_run: bool = False) -> Keep:
        """The change by which a unit leaves the planning of a task to be done."""
        kept = self._storage.document(CHORES, task)
        first_run = first_run or bool(kept and kept.body.get("first_run"))
        return Keep(CHORES, task, kept.revision if kept else 0, {"first_run": first_run})

    def do_all(self) -> int:
        """All that was left, by whomever; how many chores were done."""
        found = self._storage.documents(CHORES)
        for chore in found:
            self.do(chore)
        return len(found)

    def do_for(self, task: str) -> None:
        if chore := self._storage.document(CHORES, task):
            self.do(chore)

    def do(self, chore: Document) -> None:
        now = self._ground.now()
        task = self._ground.catalog.task(chore.id)
        for units in self._units(task, chore, now):
            self._storage.write(units)
        self._storage.write([(Keep(CHORES, chore.id, chore.revision, None),)])  # refused where an edit has left it anew

    def _units(self, task: Task | None, chore: Document, now: Instant) -> Iterator[list[Unit]]:
        if task is None or not task.active:
            why = Why.REMOVED if task is None else Why.INACTIVE
            yield from _portions(self._ends(job, why, now) for job in self._pending(chore.id))
            return
        yield from _portions(unit for job in self._pending(task.id) for unit in self._again(task, job, now))
        yield from _portions(self._missing(task, now, first_run=bool(chore.body.get("first_run"))))

    def _pending(self, task: str) -> Iterator[Job]:
        """Jobs that the task makes or that run it."""
        seen: set[str] = set()
        for query in (Query(states=PENDING, trigger=task), Query(states=PENDING, task=task)):
            page: str | None = None
            while True:
                found = self._storage.jobs(query, order="newest", page=page, limit=_AT_ONCE)
                yield from (job for job in found.jobs if job.id not in seen)
                seen.update(job.id for job in found.jobs)
                page = found.next
                if page is None:
                    break

    def _ends(self, job: Job, why: Why, now: Instant) -> Unit:
        """A recovery job is nothing that an edit may end (S4)."""
        return () if job.kind is Kind.RECOVERY else dropped(job, why, now)

    def _again(self, task: Task, job: Job, now: Instant) -> Iterator[Unit]:
        trigger_id, name = job.trigger
        trigger = task if trigger_id == task.id else self._ground.catalog.task(trigger_id)
        record = self._ground.vault.records.get(name) if name is not None else None
        if trigger is None or (name is not None and record is None):
            yield self._ends(job, Why.REMOVED if trigger is None else Why.RECORD_REMOVED, now)
        elif job.planned_for != task.revision or job.via is not None or trigger is not task:
            yield self._planner.replanned(trigger, record, job, now)

    def _missing(self, task: Task, now: Instant, *, first_run: bool) -> Iterator[Unit]:
        if task.interval is None:
            return
        for record in self.covered(task):
            if unit := self._planner.occurrence(task, record, now, first_run=first_run):
                yield unit

    def covered(self, task: Task) -> Iterable[Record | None]:
        """The records for which the task has an occurrence each; a system task has one of its own."""
        if task.list == SYSTEM:
            return (None,)
        kind, _, name = task.list.partition(":")
        if kind == "record":
            record = self._ground.vault.records.get(name)
            return () if record is None else (record,)
        unique = {kept.id for kept in self._ground.catalog.pages("list", group="unique")}
        return (record for record in self._ground.vault.records.find(OfType(name), None) if of_record(record.id) not in unique)


def _portions(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    several = iter(units)
    while portion := list(islice(several, _AT_ONCE)):
        yield portion
