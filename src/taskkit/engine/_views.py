"""The overview of tasks: how each stands, when it ran and when it runs next; and which of them a person may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum
from attrs import fields, frozen

from taskkit.engine._entries import Page, moment
from taskkit.engine._executions import OPEN
from taskkit.engine._pages import fills_a_page
from taskkit.engine._planner import Planner
from taskkit.engine._retention import Retention
from taskkit.engine._rights import RightsDesk
from taskkit.events.intervals import Interval, Rule
from taskkit.events.policies import Policy
from taskkit.events.unions import AnyOf
from taskkit.instants import SECOND, shown
from taskkit.jobs import Job, Kind
from taskkit.records import Record
from taskkit.states import PENDING, State
from taskkit.storage import Query
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_AHEAD = frozenset({Kind.OCCURRENCE, Kind.FIRED, Kind.DEMAND, Kind.FALLBACK})


@frozen
class Row:
    """One task of the overview."""

    id: str
    name: str
    list: str
    status: str  #: active, inactive, ended or suspended
    running: int  #: how many of its jobs run now
    first_run: pendulum.DateTime | None
    last_run: pendulum.DateTime | None
    next_run: pendulum.DateTime | None
    last_result: State | None  #: how the last that began stands
    owner: str | None
    tags: frozenset[str]
    suspended: str | None = None  #: why, where the whole task is

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        told = {one.name: getattr(self, one.name) for one in fields(type(self))}
        times = {name: value.isoformat() for name, value in told.items() if isinstance(value, pendulum.DateTime)}
        return told | times | {"tags": sorted(self.tags), "last_result": self.last_result.value if self.last_result else None}


class Views:
    def __init__(self, ground: Ground, planner: Planner, rights: RightsDesk, retention: Retention) -> None:
        self._ground, self._planner, self._rights, self._retention = ground, planner, rights, retention
        self._storage = ground.storage

    def overview(self, user: str | None, *, list: str | None, page: str, limit: int, ended: bool) -> Page:
        """`limit` rows, unless these are the last."""
        fills_a_page(limit, "looking at the tasks")
        rows: _Rows = []
        while True:
            some = self._storage.documents("task", group=list, after=page, limit=limit)
            for kept in some:
                page = kept.id
                task = self._ground.catalog.task(kept.id)
                row = self._row(task) if task is not None and self._rights.sees(task, None, user) else None
                if row is not None and (ended or row.status != "ended"):
                    rows.append(row)
                if len(rows) == limit:
                    return Page(tuple(rows), page if self._storage.documents("task", group=list, after=page, limit=1) else None)
            if len(some) < limit:
                return Page(tuple(rows))

    def _row(self, task: Task) -> Row:
        suspended = self._planner.suspension(task, None)
        ahead = self._ahead(task)
        runs = self._retention.runs(task)
        return Row(
            id=task.id, name=task.name, list=task.list, status=self._status(task, suspended, ahead), running=self._running(task),
            first_run=moment(runs.first), last_run=moment(runs.last), last_result=runs.result, owner=task.owner, tags=task.tags,
            next_run=moment(ahead.due) if ahead is not None and suspended is None else None, suspended=suspended,
        )  # fmt: skip

    def _ahead(self, task: Task) -> Job | None:
        """What it does next; one that conducts is no run to come."""
        query = Query(line=task.line, task=task.id, states=PENDING, kinds=_AHEAD)
        found = self._storage.jobs(query, order="due", limit=2).jobs
        return next((job for job in found if not job.is_conducting), None)

    def _running(self, task: Task) -> int:
        of_task = {"line": task.line, "task": task.id}
        conducting = self._storage.jobs(Query(**of_task, states=PENDING, kinds=_AHEAD), order="due", limit=2).jobs  # type: ignore[arg-type]
        running = self._storage.count(Query(**of_task, states=State.RUNNING))  # type: ignore[arg-type]
        return running + sum(job.is_conducting for job in conducting)

    def _status(self, task: Task, suspended: str | None, ahead: Job | None) -> str:
        if not task.active:
            return "inactive"
        if suspended is not None:
            return "suspended"
        return "ended" if ahead is None and self._has_ended(task) and not self._is_open(task) else "active"

    def _is_open(self, task: Task) -> bool:
        return bool(self._storage.jobs(Query(line=task.line, task=task.id, states=OPEN), limit=1).jobs)

    def _has_ended(self, task: Task) -> bool:
        """No policy of it can fire any more: computed, never stored (T12)."""
        return bool(task.policies) and all(self._is_over(task, policy) for policy in task.policies)

    def _is_over(self, task: Task, policy: Policy | Interval) -> bool:
        now = self._ground.now()
        if isinstance(policy, Policy):
            try:
                return bool(policy.has_ended(shown(now)))
            except Exception:  # nobody can say: what has not ended is looked at
                return False
        if task.interval is not None and task.interval.relative and task.is_system:  # one that has its draw knows its day
            return self._planner.next(task, None, now, self._planner.ready(task, None, now)[0]) is None
        if isinstance(policy, AnyOf):
            return all(self._is_over(task, member) for member in policy.members)
        if policy.relative:
            return isinstance(policy, Rule) and policy.last_instant < now // SECOND
        return policy.plan().after(now // SECOND) is None

    def demandable(self, record: Record, user: str | None) -> list[Task]:
        """The tasks that this person may run on this record now."""
        tasks = (task for task in self._ground.catalog.effective(record) if task.active and task.demandable)
        return [task for task in tasks if self._rights.may_execute(task, record.id, user)]


_Rows = list[Row]
