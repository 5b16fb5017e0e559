"""A run over many records: how far it is, and once more for what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from attrs import asdict

from taskkit.cli._jobs import names_of, utc
from taskkit.cli._places import engine_at
from taskkit.cli._shows import plain, say, show
from taskkit.cli._stores import watched
from taskkit.engine._executions import Execution, execution, last_parts
from taskkit.errors import NotFound
from taskkit.states import State
from taskkit.storage import Storage

_HEADS = ("record", "state", "started", "ended", "job", "why")
_POLL_SECONDS = 1.0
#: How many records are named on a line.
_NAMED = 5


def run(url: str, id: str, *, as_json: bool, follow: bool) -> int:
    with watched(url) as storage:
        (_follow if follow else _tell)(storage, _found(storage, id), as_json=as_json)
    return 0


def again(place: str, id: str, by: str | None, *, force: bool) -> int:
    jobs = engine_at(place).rerun(id, by=by, force=force)
    say(f"{len(jobs)} planned: {plain(_some(jobs))}")
    return 0


def _found(storage: Storage, id: str) -> Execution:
    found, job = execution(storage, id), storage.job(id)
    if found is None and job is not None and job.record is None and job.ended is None:
        return Execution(id, 0)  # it has not found its records yet
    if found is None:
        raise NotFound(f"looking for the run {id!r}", "there is no run over many records of this id", "give the job of its conductor")
    return found


def _tell(storage: Storage, found: Execution, *, as_json: bool) -> None:
    _say(storage, found, as_json=as_json)
    parts = last_parts(storage, found.id)
    if parts and not as_json:
        times = {name: [utc(at) if at else "" for at in (job.started, job.ended)] for name, job in parts.items()}
        why = {name: " ".join(filter(None, (job.error, job.why))) for name, job in parts.items()}
        show(_HEADS, [[name, job.state.value, *times[name], job.id, why[name]] for name, job in sorted(parts.items())])


def _follow(storage: Storage, found: Execution, *, as_json: bool) -> None:
    """A line whenever something has changed, until it has ended."""
    _say(storage, found, as_json=as_json)
    while found.state is State.RUNNING:
        time.sleep(_POLL_SECONDS)
        before, found = found, _found(storage, found.id)
        if found != before or found.states != before.states:  # a mapping is no part of what makes values alike
            _say(storage, found, as_json=as_json)


def _say(storage: Storage, found: Execution, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(asdict(found) | {"state": found.state.value, "begun": found.begun, "done": found.done}))
        return
    job = storage.job(found.id)
    say(plain(f"{names_of(storage)(job.task) if job else found.id}: {_progress(found)}"))


def _progress(found: Execution) -> str:
    if not found.of and not found.ended:
        return "it has not begun"
    said = [f"{found.state.value}, {found.done} of {found.of} done"]
    said += [f"{len(found.running)} running now: {_some(found.running)}"] if found.running else []
    said += [f"{len(found.failed)} failed: {_some(found.failed)}"] if found.failed else []
    said += [f"{len(found.left)} not begun"] if found.left else []
    return "; ".join(said)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_NAMED]) + (" …" if len(listed) > _NAMED else "")
