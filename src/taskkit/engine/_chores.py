"""Planning of many records, in short units that anybody may go on with (R1).

An edit leaves a chore in its own unit; whoever finds one does it, and doing it twice changes nothing: seats and revisions refuse
what is there already. So no crash leaves a record unplanned, and a stale plan never runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from taskkit.engine._border import asked, record_of
from taskkit.engine._catalog import LISTS
from taskkit.engine._errands import each_alone
from taskkit.engine._fits import Fits, begins, list_id, still_theirs
from taskkit.engine._pages import all_jobs
from taskkit.engine._portions import Plan, Portions, Written
from taskkit.engine._wakes import CHORES, wake_for, wakes
from taskkit.errors import VaultAway
from taskkit.jobs import Job, Kind
from taskkit.records import Record
from taskkit.selections import OfType
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import standing_id
from taskkit.states import PENDING, State
from taskkit.storage import Document, Keep, Query, Unit
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_OF_RECORD = "record:"
_PASSES = 4


class Chores:
    def __init__(self, ground: Ground, fits: Fits, portions: Portions) -> None:
        self._ground, self._fits, self._portions = ground, fits, portions
        self._storage, self._catalog = ground.storage, ground.catalog

    # leaving and doing

    def left(self, task: str, *, first_run: bool = False) -> Keep:
        """The change by which a unit leaves the planning of a task to be done."""
        kept = self._storage.document(CHORES, task)
        first_run = first_run or bool(kept and kept.body.get("first_run"))
        return Keep(CHORES, task, kept.revision if kept else 0, {"first_run": first_run})

    def left_for(self, record: str) -> Keep:
        """The same for all that waits for a record."""
        return self.left(_OF_RECORD + record)

    def do_all(self) -> int:
        """All that was left, by whomever; how many chores were done."""
        return each_alone(partial(self._do, chore) for chore in self._storage.documents(CHORES))

    def do_for(self, task: str) -> None:
        """What an edit left; without the vault it waits for the next tick."""
        if chore := self._storage.document(CHORES, task):
            self._do(chore)

    def do_for_record(self, record: str) -> None:
        self.do_for(_OF_RECORD + record)

    def _do(self, chore: Document) -> bool:
        """Again, as long as somebody moved what was to be planned; then the next tick goes on."""
        if wakes(chore):
            return wake_for(self._ground, chore)
        with suppress(VaultAway):
            for _ in range(_PASSES):
                if not self._pass(chore).lost:
                    self._storage.write([(Keep(CHORES, chore.id, chore.revision, None),)])  # refused where an edit has left it anew
                    return True
        return False

    def _pass(self, chore: Document) -> Written:
        if chore.id.startswith(_OF_RECORD):
            return self.settle(chore.id.removeprefix(_OF_RECORD))
        task = self._catalog.task(chore.id)
        if task is None or not task.active:
            return self._portions.write(self._of_none(chore.id))
        return self._portions.write(self._of_task(task, first_run=bool(chore.body.get("first_run"))))

    # a task

    def _of_task(self, task: Task, *, first_run: bool) -> Iterator[Plan | Unit]:
        """All that waits is planned anew, and what has no occurrence gets one."""
        lists = {kept.id: kept for kept in self._catalog.pages(LISTS)}
        covered = self._covered(task, lists)
        planned: set[str | None] = set()
        for job in self._pending(task.id):
            trigger, name = job.trigger
            if trigger == task.id and job.kind is Kind.OCCURRENCE and job.started is None:
                planned.add(name)
            if trigger == task.id and name in covered:
                if self._fits.is_stale(job, task, covered[name]):
                    yield self._fits.anew(job, task, covered[name], self._record)
            elif fit := self._fits.fitted(job, self._record):
                yield fit
        planned |= {job.trigger[1] for job in all_jobs(self._storage, Query(states=State.QUEUED, trigger=task.id)) if begins(job)}
        wanted = covered if task.interval is not None else [name for name in self._set_by_hand(task) if name in covered]
        missing = (covered[name] for name in wanted if name not in planned)
        yield from (Plan(task, record, None, first_run, still_theirs(task, record, lists)) for record in missing)

    def _set_by_hand(self, task: Task) -> list[str | None]:
        """For whom somebody set its next run: that goes also for a task that no rule of time makes due (T13)."""
        standings = self._catalog.pages(STANDINGS, task.line)
        return [kept.id.removeprefix(standing_id(task.line, None)) or None for kept in standings if kept.body.get("next_run") is not None]

    def _of_none(self, id: str) -> Iterator[Plan | Unit]:
        """A task that is no more, or not active: its jobs end, and what others want of it is theirs again (R2, R7)."""
        yield from (fit for job in self._pending(id) if (fit := self._fits.fitted(job, self._record)))

    def _covered(self, task: Task, lists: Mapping[str, Document]) -> Mapping[str | None, Record | None]:
        """The records for which the task has an occurrence each; a system task has one of its own."""
        kind, _, name = task.list.partition(":")
        if task.list == SYSTEM:
            return {None: None}
        if kind == "record":
            record = self._record(name)
            return {} if record is None else {name: record}
        records = asked(lambda: list(self._ground.vault.records.find(OfType(name), None)), "finding the records of a type")
        return {record.id: record for record in records if list_id(record, lists) == task.list}

    def _pending(self, task: str) -> Iterator[Job]:
        """Jobs that the task makes, and those that run it for others (R2)."""
        yield from all_jobs(self._storage, Query(states=PENDING, trigger=task))
        if any(other.target is not Target.ITSELF for other in self._catalog.all_tasks()):
            yield from (job for job in all_jobs(self._storage, Query(states=PENDING, task=task)) if job.trigger[0] != task)

    # records

    def settle(self, name: str) -> Written:
        """What waits for a record fits its tasks as they are now, and each of them has its occurrence (R1, R8)."""
        record = self._record(name)
        if record is None:
            return self.without(name)
        waiting = {job.id: job for job in self._of_record(record)}
        fits = (fit for job in waiting.values() if (fit := self._fits.fitted(job, self._record, anew=True)))
        return Written(lost=self._portions.write(fits).lost + self.plan(record).lost)

    def without(self, name: str) -> Written:
        """What waits for a record that is gone ends; what other records wanted there is theirs again (R2, R8)."""

        def left(other: str) -> Record | None:
            return None if other == name else self._record(other)

        here = all_jobs(self._storage, Query(states=PENDING, record=name))
        elsewhere = (job for job in self._made_by(name, self._catalog.all_tasks()) if job.record != name)
        return self._portions.write(fit for job in (*here, *elsewhere) if (fit := self._fits.fitted(job, left, anew=True)))

    def plan(self, record: Record) -> Written:
        """All occurrences that a record lacks: where it has them, their seats are taken."""
        lists = {kept.id: kept for kept in self._catalog.pages(LISTS)}
        tasks = (task for task in self._catalog.tasks_in(list_id(record, lists)) if task.active and task.interval)
        lacking = (task for task in tasks if not self._fits.begins(task, record))
        return self._portions.write(Plan(task, record, guard=still_theirs(task, record, lists)) for task in lacking)

    def compare(self, waiting: Iterable[Job], records: Mapping[str, Record]) -> int:
        """What waits against what there is (R8); how much did not fit. A record that seems to be gone is looked for once more."""
        waiting = list(waiting)
        fits = (fit for job in waiting if (fit := self._fits.fitted(job, lambda name: records.get(name) or self._record(name))))
        repaired = self._portions.write(fits).landed
        return repaired + self._portions.write(self._fits.missing(waiting, records.values())).landed

    def _of_record(self, record: Record) -> Iterator[Job]:
        yield from all_jobs(self._storage, Query(states=PENDING, record=record.id))
        yield from self._made_by(record.id, self._catalog.effective(record))

    def _made_by(self, record: str, tasks: Iterable[Task]) -> Iterator[Job]:
        """What a record's tasks want of other records."""
        for task in tasks:
            if task.target is not Target.ITSELF:
                yield from (job for job in all_jobs(self._storage, Query(states=PENDING, trigger=task.id)) if job.trigger[1] == record)

    def _record(self, name: str) -> Record | None:
        return record_of(self._ground.vault, name)
