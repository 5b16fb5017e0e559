"""Jobs of the memory store on which nobody works, as plain tuples of plain values: the garbage collector lets go of these.

A job is a tuple of its own class with some sixty places, and every full collection looks into each place of each of them: ten thousand that
waited for their time cost every job that ran a third of its time. A tuple of numbers, texts and bytes is looked at once, and never again.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any

from taskkit.instants import Instant
from taskkit.jobs import PLACES, Job, Kind
from taskkit.states import State

Row = tuple[Any, ...]
_KINDS, _STATES = tuple(Kind), tuple(State)
KIND_AT, STATE_AT = {kind: at for at, kind in enumerate(_KINDS)}, {state: at for at, state in enumerate(_STATES)}
_WANTED = ("id", "kind", "state", "revision", "created", "started", "ended", "token")
ID, KIND, STATE, REVISION, CREATED, STARTED, ENDED, TOKEN = map(PLACES.__getitem__, _WANTED)
_MEMO, _RESULT, _OPERATIONS = PLACES["memo"], PLACES["result"], PLACES["operations"]
_OWNED = TOKEN, PLACES["lease"], PLACES["worker"]
_COMPLETED = STATE_AT[State.COMPLETED]
_VERSION = 2  # the fastest: later ones look for values that occur twice


def row(job: Job) -> Row:
    """What is no plain value stays as it is."""
    values: list[Any] = list(job)
    values[KIND], values[STATE] = KIND_AT[job.kind], STATE_AT[job.state]
    if (memo := values[_MEMO]) is not None:
        values[_MEMO] = _bytes(memo)
    if (result := values[_RESULT]) is not None:
        values[_RESULT] = _bytes(result)
    if operations := values[_OPERATIONS]:
        values[_OPERATIONS] = _bytes(operations)
    return tuple(values)


def job_of(row: Row) -> Job:
    """The job that it was."""
    made: Job = tuple.__new__(Job, values_of(row))
    return made


def values_of(row: Row) -> list[Any]:
    """All that the job said of itself, in the order of its places."""
    values = list(row)
    values[KIND], values[STATE] = _KINDS[row[KIND]], _STATES[row[STATE]]
    if row[_MEMO] is not None or row[_RESULT] is not None or row[_OPERATIONS]:
        for place in (_MEMO, _RESULT, _OPERATIONS):
            if isinstance(values[place], bytes):
                values[place] = marshal.loads(values[place])  # noqa: S302  written in this process
    return values


def done(job: Job, at: Instant) -> Row | None:
    """The row of a running job that is completed at this instant; None where it has more to keep than plain values."""
    values: list[Any] = list(job)
    if values[_MEMO] is not None or values[_RESULT] is not None or values[_OPERATIONS]:
        return None
    values[KIND], values[STATE], values[ENDED] = KIND_AT[job.kind], _COMPLETED, at
    values[REVISION] += 1
    for place in _OWNED:
        values[place] = None
    return tuple(values)


def _bytes(value: Any) -> Any:
    try:
        return marshal.dumps(value, _VERSION)
    except ValueError:
        return _bytes(dict(value)) if isinstance(value, Mapping) and type(value) is not dict else value
