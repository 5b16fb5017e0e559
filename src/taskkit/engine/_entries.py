"""The history of jobs as people see it (J8): each job with its reasons, its times, its results, and what this person may do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import pendulum
from attrs import fields, frozen

from taskkit.engine._consents import Consents
from taskkit.engine._executions import execution
from taskkit.engine._pages import fills_a_page
from taskkit.engine._rights import RightsDesk
from taskkit.errors import NotAllowed
from taskkit.instants import Instant, shown
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.states import FINAL, PENDING, State
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
    due: pendulum.DateTime  #: when it is looked at next, or was last
    wanted: pendulum.DateTime  #: when it was due first
    nominal: str | None
    created: pendulum.DateTime
    started: pendulum.DateTime | None
    ended: pendulum.DateTime | None
    node: str | None
    pool: str
    attempt: int
    why: str | None
    error: str | None
    text: str
    result: Mapping[str, Any]
    operations: tuple[Mapping[str, Any], ...]
    progress: tuple[int, int, str] | None
    missed: int
    missed_first: pendulum.DateTime | None
    missed_last: pendulum.DateTime | None
    script_version: int | None
    series: str | None
    execution: str | None
    demanded_by: str | None
    triggered_by: tuple[str, str | None] | None
    target_fallback: bool
    into: str | None
    asks: str | None
    blobs: tuple[str, ...]
    actions: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        return {one.name: _as_json(getattr(self, one.name)) for one in fields(type(self))}


@frozen
class Page:
    """Some of what was asked for, and where the rest begins."""

    entries: tuple[Any, ...]
    next: str | None = None

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        return {"entries": [entry.document() for entry in self.entries], "next": self.next}


class Entries:
    def __init__(self, ground: Ground, rights: RightsDesk, consents: Consents) -> None:
        self._ground, self._rights, self._consents, self._storage = ground, rights, consents, ground.storage

    def history(self, query: Query, user: str | None, page: str | None, limit: int) -> Page:
        """What this person may see of it, a page at a time: `limit` entries, unless these are the last."""
        fills_a_page(limit, "looking at the history")
        reader, found = Reader(self._ground, self._rights, user), list[Entry]()
        while True:
            some = self._storage.jobs(query, page=page, limit=limit - len(found))
            found += [self._entry(job, reader) for job in some.jobs if reader.sees(job)]
            page = some.next
            if page is None or len(found) >= limit:
                return Page(tuple(found), page)

    def entry(self, job: Job, user: str | None) -> Entry:
        reader = Reader(self._ground, self._rights, user)
        if not reader.sees(job):
            raise NotAllowed(f"looking at the job {job.id!r}", f"{user!r} has no right to see it", "ask who manages its record or task")
        return self._entry(job, reader)

    def _entry(self, job: Job, reader: Reader) -> Entry:
        task = reader.task(job)
        return Entry(
            id=job.id, kind=job.kind, state=job.state, task=job.task, task_name=task.name if task else "", record=job.record,
            reasons=_reasons(job, self._storage.causes(job.id)), due=shown(job.due), wanted=shown(job.wanted), nominal=job.nominal,
            created=shown(job.created), started=moment(job.started), ended=moment(job.ended), node=job.node, pool=job.pool,
            attempt=job.cycle + 1, why=job.why, error=job.error, text=job.text, result=dict(job.result or {}), operations=job.operations,
            progress=job.progress, missed=job.missed, missed_first=second(job.missed_first), missed_last=second(job.missed_last),
            script_version=job.version, series=job.series, execution=job.execution, demanded_by=job.demanded_by,
            triggered_by=job.via[:2] if job.via else None, target_fallback=job.target_fallback, into=job.into, asks=job.summary,
            blobs=job.blobs, actions=self._actions(job, task, reader),
        )  # fmt: skip

    def _actions(self, job: Job, task: Task | None, reader: Reader) -> tuple[str, ...]:
        """What this person may do with the job as it stands."""
        found = ["details"] if job.state in FINAL else []
        if task is not None and reader.may_execute(job):
            found += self._steps(job, task)
        if task is not None and job.state is State.AWAITING_CONSENT and reader.user is not None:
            found += ["consent", "decline"] if self._consents.may(job, task, reader.user) else []
        return tuple(found)

    def _steps(self, job: Job, task: Task) -> list[str]:
        """What the job takes, from somebody who may."""
        if job.is_at_work:
            return ["stop"] if job.stop is None else []
        if job.kind is Kind.RECOVERY:  # nobody cancels what looks for the only live password (S4)
            return ["run"] if job.state in PENDING else []
        if job.state is State.AWAITING_CONSENT:
            return ["cancel"]
        if job.state in PENDING:
            return ["run", "cancel"] if job.why != Why.SUSPENDED and job.pool in self._ground.settings.pools else ["cancel"]
        if job.is_conducting and task.active and (found := execution(self._storage, job.id)) is not None and found.failed:
            return ["rerun"]
        return []


class Reader:
    """One person who looks at many jobs: each right is asked once."""

    def __init__(self, ground: Ground, rights: RightsDesk, user: str | None) -> None:
        self.user, self._ground, self._rights = user, ground, rights
        self._tasks: dict[str, Task | None] = {}
        self._seen: dict[tuple[str, str | None], bool] = {}
        self._able: dict[tuple[str, str | None], bool] = {}

    def task(self, job: Job) -> Task | None:
        if job.task not in self._tasks:
            self._tasks[job.task] = self._ground.catalog.task(job.task) or self._ground.catalog.removed(job.task)
        return self._tasks[job.task]

    def sees(self, job: Job) -> bool:
        if self.user is None or job.demanded_by == self.user:
            return True
        key = job.task, job.record
        if key not in self._seen:
            self._seen[key] = self._rights.sees(self.task(job), job.record, self.user)
        return self._seen[key]

    def may_execute(self, job: Job) -> bool:
        key, task = (job.task, job.record), self.task(job)
        if key not in self._able:
            self._able[key] = task is not None and self._rights.may_execute(task, job.record, self.user)
        return self._able[key]


def moment(at: Instant | None) -> pendulum.DateTime | None:
    return None if at is None else shown(at)


def second(at: int | None) -> pendulum.DateTime | None:
    return None if at is None else pendulum.from_timestamp(at)


def _told(cause: Cause) -> str:
    return f"{cause.kind} on {cause.via[1]}" if cause.via else cause.kind


def _reasons(job: Job, causes: Sequence[Cause]) -> tuple[str, ...]:
    told = [job.policy] if job.policy else []
    told += [f"on demand of {cause.who}" if cause.kind == "demanded" else f"{cause.policy} ({_told(cause)})" for cause in causes]
    told += [f"run by {job.demanded_by}"] if job.manual else []
    if job.execution is not None:
        told.append(f"part of {job.execution}" if job.demanded_by is None else f"re-run of {job.execution} by {job.demanded_by}")
    if job.series is not None and job.kind is Kind.FALLBACK:
        told.append(f"try {job.cycle + 1} of {job.series}")
    return (*told, "an open intent") if job.kind is Kind.RECOVERY else tuple(told)


def _as_json(value: Any) -> Any:
    if isinstance(value, pendulum.DateTime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(one) for one in value]
    return value.value if isinstance(value, Enum) else value
