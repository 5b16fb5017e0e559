"""Lists of tasks: a record has its type's until it is made unique, and can go back (R1); a list may name a shadow account (R3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._catalog import LISTS, TASKS
from taskkit.engine._checks import Checks
from taskkit.engine._chores import Chores
from taskkit.engine._ledger import Ledger
from taskkit.engine._pages import all_jobs
from taskkit.engine._planner import Planner
from taskkit.engine._replans import Replans, dropped
from taskkit.errors import Duplicate, NotFound
from taskkit.facts import Fact
from taskkit.jobs import Job, Kind, Why
from taskkit.records import Record
from taskkit.states import PENDING, State
from taskkit.storage import Change, Expect, Keep, Query, Unit
from taskkit.targets import Target
from taskkit.tasks import Task, TaskList, of_record, of_type

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._rights import RightsDesk

#: What has not begun, whoever may have claimed it.
_NOT_BEGUN = PENDING | {State.QUEUED}


class Lists:
    def __init__(
        self, ground: Ground, planner: Planner, replans: Replans, chores: Chores, ledger: Ledger, checks: Checks, rights: RightsDesk
    ) -> None:
        self._ground, self._planner, self._replans, self._chores, self._ledger = ground, planner, replans, chores, ledger
        self._checks, self._rights = checks, rights
        self._catalog, self._storage = ground.catalog, ground.storage

    # shadow accounts

    def set_shadow(self, list: str, shadow: str | None, *, by: str | None) -> None:
        tried = f"setting the shadow account of {list!r}"
        self._rights.to_manage_list(list, by)
        self._checks.list(tried, list)
        if shadow is not None:
            self._checks.shadow(tried, shadow)
        if self._catalog.list(list).shadow == shadow:
            return
        changed: Sequence[Task] = []

        def make() -> Unit:
            nonlocal changed
            kept, changed = self._catalog.list(list), [task for task in self._catalog.tasks_in(list) if task.shadow is None]
            fact = Fact("ListEdited", self._ground.now(), who=by, details={"list": list, "shadow": shadow})
            return self._kept(evolve(kept, shadow=shadow)), fact, *self._ledger.decided(changed, "shadow", by)

        self._ledger.land(tried, make)
        self._ledger.do_chores(changed)

    # unique and shared

    def make_unique(self, record_id: str, *, by: str | None) -> Sequence[Task]:
        """The record gets copies of its type's tasks; what waits for it waits for the copies (R1)."""
        tried, own = f"making the tasks of {record_id!r} unique", of_record(record_id)
        self._rights.to_manage_list(own, by)
        record = self._checks.record(tried, record_id)
        self._checks.path(tried, record)
        self._ledger.land(tried, lambda: self._unique(tried, record, by))
        self._chores.do_for_record(record_id)
        return self._catalog.tasks_in(own)

    def _unique(self, tried: str, record: Record, by: str | None) -> Unit:
        own, theirs = self._catalog.list(of_record(record.id)), self._catalog.list(of_type(record.type))
        if own.unique:
            raise Duplicate(tried, "they are", "edit them")
        tasks = self._catalog.tasks_in(theirs.id)
        changes: list[Change] = [self._kept(evolve(own, unique=True, shadow=theirs.shadow)), Expect(LISTS, theirs.id, theirs.revision)]
        for task in tasks:
            copy = evolve(task, id=self._ground.ids(), list=own.id, revision=1)
            changes += [Expect(TASKS, task.id, task.revision), *self._ledger.added(copy), *self._planner.parted(copy, record.id)]
            for job in self._waiting(task, record):
                changes += self._replans.moved(job, task, copy, record.id)
        told = {"tasks": [task.name for task in tasks]}
        fact = Fact("ListMadeUnique", self._ground.now(), record=record.id, who=by, details=told)
        return (*changes, self._chores.left_for(record.id), fact)

    def _waiting(self, task: Task, record: Record) -> Iterator[Job]:
        """What waits for the record by this task: run by it, or made by it for another record's task (R2)."""
        yield from (job for job in self._storage.open_jobs(task.line, record.id) if _is_movable(job) and task.id in _tasks(job))
        if task.target is not Target.ITSELF:
            made = all_jobs(self._storage, Query(trigger=task.id, states=_NOT_BEGUN))
            yield from (job for job in made if _is_movable(job) and job.trigger[1] == record.id and job.record != record.id)

    def share_again(self, record_id: str, *, by: str | None) -> None:
        """Back to the type's list: the copies go, their waiting jobs end, the type's tasks are planned for the record (R1)."""
        tried, own = f"sharing the tasks of {record_id!r} again", of_record(record_id)
        self._rights.to_manage_list(own, by)
        copies: list[Task] = []
        self._ledger.land(tried, lambda: self._shared(tried, own, copies, by))
        self._ledger.do_chores(copies)
        self._chores.do_for_record(record_id)

    def _shared(self, tried: str, own: str, copies: list[Task], by: str | None) -> Unit:
        kept, record = self._catalog.list(own), own.partition(":")[2]
        if not kept.unique:
            raise NotFound(tried, "it has no tasks of its own", "nothing is to be done")
        copies[:] = self._catalog.tasks_in(own)
        changes: list[Change] = [self._kept(evolve(kept, unique=False, shadow=None))]
        for copy in copies:
            changes += self._ledger.gone(copy)
            for job in self._storage.open_jobs(copy.line, record):
                if job.state in _NOT_BEGUN and job.kind is not Kind.RECOVERY and job.trigger[0] == copy.id and not self._has_joined(job):
                    changes += dropped(job, Why.LIST_CHANGED, self._ground.now())
        fact = Fact("ListShared", self._ground.now(), record=record, who=by)
        return (*changes, self._chores.left_for(record), fact)

    def _has_joined(self, job: Job) -> bool:
        """Whether it has reasons of other records, too: then the chores look who leads it from now on (P4)."""
        return any(cause.via is not None for cause in self._storage.causes(job.id))

    @staticmethod
    def _kept(value: TaskList) -> Keep:
        """Kept for good: what a list was is never taken for what it is."""
        body = {"id": value.id, "shadow": value.shadow, "unique": value.unique}
        return Keep(LISTS, value.id, value.revision, body, "unique" if value.unique else "")


def _is_movable(job: Job) -> bool:
    return job.state in _NOT_BEGUN and job.kind is not Kind.PART


def _tasks(job: Job) -> tuple[str, ...]:
    return (job.task,) if job.via is None else (job.task, job.via[0])
