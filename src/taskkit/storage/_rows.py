"""Jobs of the memory store on which nobody works just now, as plain tuples of plain values: the garbage collector lets go of these.

A job is a tuple of its own class with some sixty places, and every full collection looks into each place of each of them: ten thousand that
waited for their time cost every job that ran a third of its time. A tuple of numbers, texts and bytes is looked at once or twice, and then
never again.

A row is what the job has in common with others, and then what is its own. Jobs of a night are alike in all the rest, so a night of them
keeps that once, and finds out once what a step makes of it.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from taskkit.instants import Instant
from taskkit.jobs import PLACES, Job, Kind
from taskkit.states import State

#: What others have, too: all places of a job, and nothing at those that are its own. Then its own, in this order.
Row = tuple[Any, ...]
Common = tuple[Any, ...]
OWN = ("id", "record", "host", "created", "revision", "token")
ID, RECORD, HOST, CREATED, REVISION, TOKEN = range(1, 7)
_OWN_PLACES = tuple(map(PLACES.__getitem__, OWN))
_own: Callable[[Job], tuple[Any, ...]] = itemgetter(*_OWN_PLACES)
_KINDS, _STATES = tuple(Kind), tuple(State)
KIND_AT, STATE_AT = {kind: at for at, kind in enumerate(_KINDS)}, {state: at for at, state in enumerate(_STATES)}
_WANTED = ("kind", "state", "due", "pool", "lease", "started", "ended", "line", "task")
KIND, STATE, DUE, POOL, LEASE, STARTED, ENDED, LINE, TASK = map(PLACES.__getitem__, _WANTED)
HELD = "memo", "result", "operations"
_MEMO, _RESULT, _OPERATIONS = map(PLACES.__getitem__, HELD)
_ID, _RECORD, _HOST, _CREATED, _REVISION, _TOKEN = _OWN_PLACES
_OWNERS = PLACES["lease"], PLACES["worker"]
COMPLETED = STATE_AT[State.COMPLETED]
_VERSION = 2  # the fastest: later ones look for values that occur twice


def row(job: Job, like: Common = ()) -> Row:
    """What is no plain value stays as it is. What is the same as with another job is kept once."""
    values = list(job)
    holds_nothing = job.memo is None and job.result is None and not job.operations
    common = common_of(values)
    return (like if holds_nothing and common == like else common, *_own(job))


def common_of(values: list[Any]) -> Common:
    """Of all that a job says of itself, in the order of its places."""
    kept = values.copy()
    for place in _OWN_PLACES:
        kept[place] = None
    kept[KIND], kept[STATE] = KIND_AT[kept[KIND]], STATE_AT[kept[STATE]]
    if (memo := kept[_MEMO]) is not None:
        kept[_MEMO] = _bytes(memo)
    if (result := kept[_RESULT]) is not None:
        kept[_RESULT] = _bytes(result)
    if operations := kept[_OPERATIONS]:
        kept[_OPERATIONS] = _bytes(operations)
    return tuple(kept)


def values_of(common: Common) -> list[Any]:
    """All that jobs say of themselves that have this in common, in the order of its places, without what is a job's own."""
    values = list(common)
    values[KIND], values[STATE] = _KINDS[common[KIND]], _STATES[common[STATE]]
    if common[_MEMO] is not None or common[_RESULT] is not None or common[_OPERATIONS]:
        for place in (_MEMO, _RESULT, _OPERATIONS):
            if isinstance(values[place], bytes):
                values[place] = marshal.loads(values[place])  # noqa: S302  written in this process
    return values


def job_of(row: Row) -> Job:
    """The job that it was."""
    values = values_of(row[0])
    _, values[_ID], values[_RECORD], values[_HOST], values[_CREATED], values[_REVISION], values[_TOKEN] = row
    made: Job = tuple.__new__(Job, values)
    return made


class Template:
    """Jobs that have this in common and were changed alike: each is what is its own, and the rest is there."""

    def __init__(self, common: Common, changes: Mapping[str, Any]) -> None:
        self._values = values = values_of(common)
        for name, value in changes.items():
            values[PLACES[name]] = value
        self.common = common_of(values)

    def job(self, row: Row) -> Job:
        values = self._values
        _, values[_ID], values[_RECORD], values[_HOST], values[_CREATED], values[_REVISION], values[_TOKEN] = row
        made: Job = tuple.__new__(Job, values)
        return made


def completed(common: Common, at: Instant) -> Common:
    """Of running jobs that are done at this instant: nobody works on them any more."""
    values = list(common)
    values[STATE], values[ENDED] = COMPLETED, at
    for place in _OWNERS:
        values[place] = None
    return tuple(values)


def _bytes(value: Any) -> Any:
    try:
        return marshal.dumps(value, _VERSION)
    except ValueError:
        return _bytes(dict(value)) if isinstance(value, Mapping) and type(value) is not dict else value
