"""What people see: the history of jobs (J8), the overview of tasks, and what each person may do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pendulum
from attrs import frozen

from taskkit.engine._consents import Consents
from taskkit.engine._planner import Planner
from taskkit.engine._rights import TASK_EXECUTE, RightsDesk
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant, shown
from taskkit.jobs import Cause, Job, Kind
from taskkit.records import Record
from taskkit.states import CLAIMED, FINAL, PENDING, State
from taskkit.storage import Query
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


@frozen
class Entry:
    """One job of the history, with the actions that this person may take."""

    id: str
    kind: Kind
    state: State
    task: str
    task_name: str
    record: str | None
    reasons: tuple[str, ...]
    due: pendulum.DateTime
    nominal: str | None
    started: pendulum.DateTime | None
    ended: pendulum.DateTime | None
    node: str | None
    attempt: int
    why: str | None
    error: str | None
    text: str
    result: Mapping[str, Any]
    operations: tuple[Mapping[str, Any], ...]
    progress: tuple[int, int, str] | None
    missed: int
    script_version: int | None
    execution: str | None
    triggered_by: tuple[str, str | None] | None
    target_fallback: bool
    into: str | None
    asks: str | None
    blobs: tuple[str, ...]
    actions: tuple[str, ...]


@frozen
class Page:
    """Some of what was asked for, and where the rest begins."""

    entries: tuple[Any, ...]
    next: str | None = None


@frozen
class Row:
    """One task of the overview."""

    id: str
    name: str
    list: str
    status: str  #: active, inactive, ended or suspended
    running: int
    first_run: pendulum.DateTime | None
    last_run: pendulum.DateTime | None
    next_run: pendulum.DateTime | None
    last_result: State | None
    owner: str | None
    tags: frozenset[str]


class Views:
    def __init__(self, ground: Ground, planner: Planner, rights: RightsDesk, consents: Consents) -> None:
        self._ground, self._planner, self._rights, self._consents = ground, planner, rights, consents
        self._storage = ground.storage

    # history

    def history(self, query: Query, user: str | None, page: str | None, limit: int) -> Page:
        found = self._storage.jobs(query, page=page, limit=limit)
        return Page(tuple(self.entry(job, user) for job in found.jobs), found.next)

    def entry(self, job: Job, user: str | None) -> Entry:
        task = self._ground.catalog.task(job.task) or self._ground.catalog.removed(job.task)
        causes = self._storage.causes(job.id)
        return Entry(
            id=job.id, kind=job.kind, state=job.state, task=job.task, task_name=task.name if task else "", record=job.record,
            reasons=_reasons(job, causes), due=shown(job.due), nominal=job.nominal, started=_shown(job.started), ended=_shown(job.ended),
            node=job.node, attempt=job.cycle + 1, why=job.why, error=job.error, text=job.text, result=dict(job.result or {}),
            operations=job.operations, progress=job.progress, missed=job.missed, script_version=job.version, execution=job.execution,
            triggered_by=job.via[:2] if job.via else None, target_fallback=job.target_fallback, into=job.into, asks=job.summary,
            blobs=job.blobs, actions=self.actions(job, task, user),
        )  # fmt: skip

    def actions(self, job: Job, task: Task | None, user: str | None) -> tuple[str, ...]:
        """What this person may do with the job as it stands."""
        found = ["details"] if job.state in FINAL else []
        if task is not None and self._rights.may(user, TASK_EXECUTE, job.record):
            if job.state in PENDING:
                found += ["run", "cancel"] if job.state is not State.AWAITING_CONSENT else ["cancel"]
            elif job.state in CLAIMED:
                found.append("stop")
            elif job.conducts and job.state is not State.COMPLETED:
                found.append("rerun")
        if task is not None and job.state is State.AWAITING_CONSENT and user is not None and self._consents.may(job, task, user):
            found += ["consent", "decline"]
        return tuple(found)

    def facts_of(self, record: str | None, kinds: frozenset[str] | None, limit: int) -> Sequence[Fact]:
        return self._storage.facts({}, kinds=kinds, record=record, limit=limit)[0]

    # tasks

    def overview(self, user: str | None, *, list: str | None, page: str, limit: int, ended: bool) -> Page:
        rows: _Rows = []
        for kept in self._storage.documents("task", group=list, after=page, limit=limit):
            task = self._ground.catalog.wanted_task(kept.id)
            row = self.row(task) if self._sees(task, user) else None
            if row is not None and (ended or row.status != "ended"):
                rows.append(row)
            page = kept.id
        more = self._storage.documents("task", group=list, after=page, limit=1)
        return Page(tuple(rows), page if more else None)

    def row(self, task: Task) -> Row:
        running = self._storage.jobs(Query(line=task.line, task=task.id, states=CLAIMED), limit=1000).jobs
        pending = self._storage.jobs(Query(task=task.id, line=task.line, states=PENDING), order="due", limit=1).jobs
        begun = [job for job in self._storage.jobs(Query(line=task.line, task=task.id), limit=100_000).jobs if job.started is not None]
        last = max(begun, key=lambda job: job.started or 0, default=None)
        first = min((job.started for job in begun if job.started), default=None)
        return Row(
            id=task.id, name=task.name, list=task.list, status=self._status(task, pending), running=len(running), first_run=_shown(first),
            last_run=_shown(last.started) if last else None, next_run=_shown(pending[0].due) if pending else None,
            last_result=last.state if last else None, owner=task.owner, tags=task.tags,
        )  # fmt: skip

    def _status(self, task: Task, pending: Sequence[Job]) -> str:
        if not task.active:
            return "inactive"
        standing = self._planner.standing(task.line, None)
        if standing is not None and standing.suspended:
            return "suspended"
        return "ended" if not pending and self._has_ended(task) else "active"

    def _has_ended(self, task: Task) -> bool:
        """No policy of it can fire any more: computed, never stored (T12)."""
        if task.interval is None or len(task.policies) > sum(hasattr(policy, "next_after") for policy in task.policies):
            return False
        return not task.interval.relative and task.interval.plan().after(self._ground.now() // SECOND) is None

    def _sees(self, task: Task, user: str | None) -> bool:
        if user is None or self._rights.is_manager(task, user):
            return True
        kind, _, name = task.list.partition(":")
        return self._rights.may(user, "system_administrator" if kind != "record" else TASK_EXECUTE, name if kind == "record" else None)

    def demandable(self, record: Record, user: str | None) -> list[Task]:
        """The tasks that this person may run on this record now."""
        if not self._rights.may(user, TASK_EXECUTE, record.id):
            return []
        return [task for task in self._ground.catalog.effective(record) if task.active and task.demandable]


_Rows = list[Row]


def _shown(at: Instant | None) -> pendulum.DateTime | None:
    return None if at is None else shown(at)


def _reasons(job: Job, causes: Sequence[Cause]) -> tuple[str, ...]:
    told = [job.policy] if job.policy else []
    return (*told, *(f"{cause.policy} ({cause.kind})" if cause.kind != "demanded" else f"on demand of {cause.who}" for cause in causes))
