"""Ended jobs of the memory store, packed: history grows without end, and what is bytes the garbage collector never looks into.

A job is an object and a dictionary of some sixty places; fifty thousand ended ones made every full collection take a tenth of a second.
What most queries ask for stands in front, so that a job is unpacked only where it may be wanted.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from operator import attrgetter
from struct import Struct
from typing import Any

from taskkit.jobs import Job, Kind
from taskkit.states import State
from taskkit.storage import Query

_NAMES: tuple[str, ...] = Job._fields
_values = attrgetter(*_NAMES)
_KIND, _STATE = _NAMES.index("kind"), _NAMES.index("state")
_KINDS, _STATES = tuple(Kind), tuple(State)
_KIND_AT, _STATE_AT = {kind: at for at, kind in enumerate(_KINDS)}, {state: at for at, state in enumerate(_STATES)}
_VERSION = 2  # the fastest: later ones look for values that occur twice
_FRONT = Struct("<qqqBB")  # created, started or -1, ended, kind, state
_NEVER = -1


def packed(job: Job) -> bytes | None:
    """None for a job that holds more than plain values: it stays as it is."""
    values: list[Any] = list(job)
    values[_KIND], values[_STATE] = kind, state = _KIND_AT[job.kind], _STATE_AT[job.state]
    started = _NEVER if job.started is None else job.started
    try:
        return _FRONT.pack(job.created, started, job.ended or job.created, kind, state) + marshal.dumps(values, _VERSION)
    except ValueError:
        return None


def unpacked(kept: bytes) -> Job:
    values: list[Any] = marshal.loads(kept[_FRONT.size :])  # noqa: S302  packed in this process
    values[_KIND], values[_STATE] = _KINDS[values[_KIND]], _STATES[values[_STATE]]
    return Job._make(values)


def started(kept: bytes) -> int | None:
    start: int = _FRONT.unpack_from(kept)[1]
    return None if start == _NEVER else start


def peeker(query: Query) -> Callable[[bytes], bool]:
    """Whether a packed job may be one that the query wants, by what stands in front."""
    kinds = None if query.kinds is None else {_KIND_AT[Kind(kind)] for kind in query.kinds}
    states = None if query.states is None else {_STATE_AT[State(state)] for state in query.states}
    since, until = query.since, query.until

    def peeks(kept: bytes) -> bool:
        created, _, ended, kind, state = _FRONT.unpack_from(kept)
        return (
            (states is None or state in states)
            and (kinds is None or kind in kinds)
            and (since is None or created >= since)
            and (until is None or ended < until)
        )

    return peeks
