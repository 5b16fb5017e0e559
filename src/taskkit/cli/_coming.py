"""`taskkit next` of a store, or of an engine that a product makes: the jobs that wait, in the order in which they are due."""

from __future__ import annotations

import json

from taskkit.cli._jobs import Names, names_of, utc
from taskkit.cli._places import storage_at
from taskkit.cli._shows import say, show
from taskkit.instants import shown
from taskkit.jobs import Job
from taskkit.states import PENDING
from taskkit.storage import Query, Storage

_HEADS = ("due", "task", "record", "state", "why", "job")


def run(place: str, count: int, *, as_json: bool) -> int:
    with storage_at(place) as storage:
        _show(storage, count, as_json=as_json)
    return 0


def _show(storage: Storage, count: int, *, as_json: bool) -> None:
    jobs, names = storage.jobs(Query(states=PENDING), order="due", limit=count).jobs, names_of(storage)
    if as_json:
        say(json.dumps([_told(job, names) for job in jobs], indent=2))
    elif jobs:
        show(_HEADS, [[utc(job.due), names(job.task), job.record or "", job.state.value, _why(job), job.id] for job in jobs])
    else:
        say("nothing waits")


def _why(job: Job) -> str:
    """Why it waits, else what wanted it."""
    return job.why or job.policy or job.kind.value


def _told(job: Job, names: Names) -> dict[str, str | None]:
    told = {"due": shown(job.due).isoformat(), "job": job.id, "task": job.task, "task_name": names(job.task), "record": job.record}
    return told | {"state": job.state.value, "why": job.why, "policy": job.policy or None, "nominal": job.nominal}
