"""`taskkit jobs`: the jobs of a store, and what happens to them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from taskkit.cli._shows import lines, plain, say, show
from taskkit.cli._stores import watched
from taskkit.errors import InvalidValue, NotFound
from taskkit.facts import Fact
from taskkit.instants import Instant, shown
from taskkit.jobs import Job
from taskkit.storage import Query, Storage
from taskkit.storage._queries import matcher
from taskkit.storage._rows import row

_HEADS = ("made", "job", "state", "task", "record", "due", "ended", "why")
_TIMES = ("created", "due", "started", "ended", "lease")
#: What is told of a job to a program: no memo and no results, which may hold what is nobody's business.
_TOLD = ("id", "kind", "state", "task", "line", "record", "pool", "worker", "node", "why", "error", "text", "rescues", "execution")
_POLL_SECONDS = 1.0
Names = Callable[[str], str]


def run(url: str, query: Query, limit: int, *, as_json: bool, follow: bool) -> int:
    with watched(url) as storage:
        query = with_task(storage, query)
        if follow:
            _follow(storage, query, as_json=as_json)
        else:
            _list(storage, query, limit, as_json=as_json)
    return 0


def _list(storage: Storage, query: Query, limit: int, *, as_json: bool) -> None:
    jobs, names = storage.jobs(query, limit=limit).jobs, names_of(storage)
    if as_json:
        for job in jobs:
            say(json.dumps(_document(job, names)))
    elif jobs:
        show(_HEADS, [_row(job, names) for job in jobs])
    else:
        say("no job is like that")


def _row(job: Job, names: Names) -> list[str]:
    why = " ".join(filter(None, (job.error, job.why)))
    ended = utc(job.ended) if job.ended else ""
    return [utc(job.created), job.id, job.state.value, names(job.task), job.record or "", utc(job.due), ended, why]


def _document(job: Job, names: Names) -> dict[str, Any]:
    told = {name: getattr(job, name) for name in _TOLD} | {"task_name": names(job.task)}
    return told | {name: None if (at := getattr(job, name)) is None else shown(at).isoformat() for name in _TIMES}


def utc(at: Instant) -> str:
    return f"{shown(at):%Y-%m-%d %H:%M:%S}"


# names of tasks


def names_of(storage: Storage) -> Names:
    """By id, each read once; a task that is gone has none."""
    known: dict[str, str] = {}

    def name(task: str) -> str:
        if task not in known:
            kept = storage.document("task", task) or storage.document("removed", task)
            known[task] = str(kept.body.get("name", task)) if kept else task
        return known[task]

    return name


def with_task(storage: Storage, query: Query) -> Query:
    """A task may be named by its id or by its name."""
    if query.task is None or storage.document("task", query.task) or storage.count(Query(task=query.task)):
        return query
    tried, after, found = f"looking for the task {query.task!r}", "", list[str]()
    while page := storage.documents("task", after=after):
        found += [kept.id for kept in page if kept.body.get("name") == query.task]
        after = page[-1].id
    if not found:
        raise NotFound(tried, "there is none of this id or name", "`taskkit jobs` without a filter shows names")
    if len(found) > 1:
        raise InvalidValue(tried, f"there are several: {', '.join(found)}", "give an id")
    return Query(**{name: getattr(query, name) for name in ("states", "record", "line", "since")}, task=found[0])


# what happens


def _follow(storage: Storage, query: Query, *, as_json: bool) -> None:
    """From now on, until somebody interrupts it."""
    mark, names, wants = {head.chain: head.position for head in storage.heads()}, names_of(storage), matcher(query)
    while True:
        facts, reached = storage.facts(mark)
        for fact in facts:
            job = storage.job(fact.job) if fact.job else None
            if wants(row(job)) if job is not None else _is_wanted(fact, query):
                say(_happened(fact, job, names, as_json=as_json))
        if not facts and reached == mark:
            time.sleep(_POLL_SECONDS)
        mark = dict(reached)


def _is_wanted(fact: Fact, query: Query) -> bool:
    """A fact that is about no job, or one that is gone."""
    same = all(getattr(query, name) in (None, getattr(fact, name)) for name in ("record", "task", "line"))
    return same and query.states is None and (query.since is None or fact.at >= query.since)


def _happened(fact: Fact, job: Job | None, names: Names, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(fact.document() | {"state": job and job.state.value, "task_name": fact.task and names(fact.task)})
    state, why = (job.state.value, " ".join(filter(None, (job.error, job.why)))) if job else ("", "")
    told = (
        utc(fact.at),
        f"{fact.kind:16}",
        f"{state:9}",
        names(fact.task) if fact.task else "",
        fact.record or "",
        fact.job or "",
        why,
    )
    return lines([[plain(value) for value in told]])
