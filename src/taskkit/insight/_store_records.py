"""The records of a vault that is not here, as the jobs of a store know them: type, host, pool, and where their tasks led."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._catalog import Catalog
from taskkit.engine._executions import OPEN
from taskkit.engine._pages import all_jobs
from taskkit.errors import VaultAway
from taskkit.jobs import Job, Why
from taskkit.records import AccountId, Record
from taskkit.selections import Selection
from taskkit.storage import Query, Storage
from taskkit.targets import Target
from taskkit.tasks import DEFAULT_POOL, Task
from taskkit.vaults import Records, root

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

#: Of a record whose jobs are all of its own list, or parts of runs over many.
UNKNOWN = "unknown"
_LAST = 50
_HELP = "ask the engine of the product: module:name"


class StoreRecords(Records):
    """A `strict` one says what it cannot know; else what nobody knows is left away."""

    def __init__(self, storage: Storage, *, strict: bool) -> None:
        self._storage, self._strict = storage, strict
        self._catalog: Catalog

    def stand_on(self, ground: Ground) -> None:
        self._catalog = ground.catalog

    def get(self, id: str) -> Record | None:
        if id in self._open:
            return self._open[id]
        jobs = self._storage.jobs(Query(record=id), limit=_LAST).jobs
        if jobs and jobs[0].why != Why.RECORD_REMOVED:
            return self._made(id, jobs)
        if not jobs and id in self._shadows:
            return Record(id, UNKNOWN)
        if self._strict and not jobs:
            raise VaultAway(f"looking for the record {id!r}", "no job in the store tells of it, and the vault is not here", _HELP)
        return None

    def all(self) -> Sequence[Record]:
        return tuple(self._open.values())

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        """Those of the last run: what the vault would find today is not known."""
        ids = self._selected.get(selection, ())
        return (record for id in ids if (record := self.get(id)) is not None)

    def account(self, record: Record) -> AccountId:
        told = (job.account for job in self._storage.jobs(Query(record=record.id), limit=_LAST).jobs)
        return next((account for account in told if account is not None), None) or root(self, record).id

    def has_run(self, selection: Selection) -> bool:
        """Whether the records of a run over many with this selection are known."""
        return bool(self._selected.get(selection))

    @property
    def pools(self) -> set[str]:
        return {job.pool for job in self._waiting} | {DEFAULT_POOL}

    # what jobs tell

    @cached_property
    def _waiting(self) -> Sequence[Job]:
        return list(all_jobs(self._storage, Query(states=OPEN)))

    @cached_property
    def _open(self) -> Mapping[str, Record]:
        """Of which something is under way or waits: what has no job any more may be gone."""
        jobs: dict[str, list[Job]] = {}
        led: dict[str, str] = {}
        for job in self._waiting:
            for name in {job.record, job.trigger[1]} - {None}:
                jobs.setdefault(str(name), []).append(job)
            if job.via is not None and job.record is not None and job.via[1] is not None and self._refers(job.via[0]):
                led[job.via[1]] = job.record
        found = {id: self._made(id, several) for id, several in jobs.items()}
        return {id: evolve(record, reference=led.get(id)) for id, record in found.items()}

    @cached_property
    def _shadows(self) -> set[str]:
        """Records that tasks work as (R3): mostly nothing is done about these themselves."""
        catalog = self._catalog
        return {name for task in catalog.all_tasks() if (name := task.shadow or catalog.list(task.list).shadow) is not None}

    @cached_property
    def _selected(self) -> Mapping[Selection, Sequence[str]]:
        found: dict[Selection, Sequence[str]] = {}
        for task in self._catalog.all_tasks():
            if task.selection is not None and task.selection not in found:
                runs = self._storage.jobs(Query(task=task.id), limit=_LAST).jobs
                whole = next((job.id for job in runs if job.conducts and job.started is not None), None)
                whole = whole or next((job.execution for job in runs if job.execution is not None), None)
                parts = all_jobs(self._storage, Query(execution=whole)) if whole is not None else ()
                found[task.selection] = sorted({job.record for job in parts if job.record is not None})
        return found

    def _made(self, id: str, jobs: Sequence[Job]) -> Record:
        types = (task.list.partition(":") for job in jobs if (task := self._of(id, job)) is not None)
        type = next((name for kind, _, name in types if kind == "type"), UNKNOWN)
        own = next((job for job in jobs if job.record == id), None)
        task = self._task(own.task) if own is not None else None
        pool = own.pool if own is not None and own.pool != ((task.pool if task else None) or DEFAULT_POOL) else None
        found = self._catalog.record_type(type)
        return Record(id, type, fields={found.host: own.host} if found is not None and own is not None and own.host else {}, pool=pool)

    def _of(self, id: str, job: Job) -> Task | None:
        """The task that it has: its own, or the one that led elsewhere."""
        return self._task(job.trigger[0] if job.trigger[1] == id else job.task)

    def _task(self, id: str) -> Task | None:
        return self._catalog.task(id) or self._catalog.removed(id)

    def _refers(self, task: str) -> bool:
        found = self._task(task)
        return found is not None and found.target is Target.REFERENCED
