"""Jobs, causes and holds there and back: columns for what is asked for, JSON for what few of them have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from taskkit.errors import UnreadableDocument
from taskkit.jobs import PLACES, Cause, Job, Kind
from taskkit.states import CLAIMED, FINAL, State
from taskkit.storage.sql._lines import Row
from taskkit.storage.sql._tables import ASKED, DUE, JOBS, LENT, OVER
from taskkit.storage.units import Hold


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"keeping {value!r}: it is no JSON")


plain_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain).encode
PHASES: Mapping[State, int] = {
    state: OVER if state in FINAL else LENT if state in CLAIMED else ASKED if state is State.AWAITING_CONSENT else DUE for state in State
}
_STATES, _KINDS = {state.value: state for state in State}, {kind.value: kind for kind in Kind}
#: What a row makes of the code that reads it, where somebody changed it by hand, or a later version wrote it.
UNREAD = ValueError, LookupError, TypeError, AttributeError, RecursionError


def unreadable(what: str, error: Exception) -> UnreadableDocument:
    case = f"its row holds {error} where something else has to be" if isinstance(error, KeyError) else "its row cannot be read"
    return UnreadableDocument(f"reading {what}", case, "`taskkit check` finds what is wrong with a store; a later version may know it")


# jobs

#: The columns that hold a place of the job; the others are made of it.
_OWN = tuple(name for name in JOBS.names if name in PLACES)
#: What is JSON in the column `rest`, and what it is in most jobs.
RARE = tuple(name for name in Job._fields if name not in _OWN)
_USUAL = tuple(Job._field_defaults[name] for name in RARE)
_KIND, _STATE, _VIA = map(_OWN.index, ("kind", "state", "via"))
_own = itemgetter(*(PLACES[name] for name in _OWN))
#: What it has of that.
rare_of: Callable[[Job], Row] = itemgetter(*(PLACES[name] for name in RARE))
#: What `job_of` reads.
JOB = ", ".join(f'"{name}"' for name in (*_OWN, "rest"))
_in_order = itemgetter(*((*_OWN, *RARE).index(name) for name in Job._fields))
_TUPLES = frozenset({"origin", "operations", "blobs", "progress"})


def job_row(job: Job) -> Row:
    values = list(_own(job))
    values[_KIND], values[_STATE], values[_VIA] = job.kind._value_, job.state._value_, _via(job)
    return (*values, _rest(job), place_of(job.line, job.record), _trigger(job), PHASES[job.state], _over(job))


def place_of(line: str, record: str | None) -> str:
    return f"{line}\n{record or ''}"


def _via(job: Job) -> str | None:
    return None if job.via is None else plain_text(job.via)


def _rest(job: Job) -> str | None:
    values = rare_of(job)
    if values == _USUAL:
        return None
    return plain_text({name: value for name, value, usual in zip(RARE, values, _USUAL, strict=True) if value != usual})


def _trigger(job: Job) -> str:
    return job.task if job.via is None else job.via[0]


def _over(job: Job) -> int | None:
    return (job.ended or job.created) if job.state in FINAL else None


#: The columns that do not hold a place of the job as it is.
MADE: Mapping[str, Callable[[Job], Any]] = {
    "kind": lambda job: job.kind._value_, "state": lambda job: job.state._value_, "via": _via, "rest": _rest,
    "place": lambda job: place_of(job.line, job.record), "trigger": _trigger, "phase": lambda job: PHASES[job.state], "over": _over,
}  # fmt: skip


def job_of(row: Row, taken: Iterable[tuple[int, Any]] = ()) -> Job:
    """Of the columns of `JOBS`, without those that were made for looking; `taken`, what somebody has made of some of them."""
    try:
        values, rest = list(row[: len(_OWN)]), row[len(_OWN)]
        values[_KIND], values[_STATE] = _KINDS[values[_KIND]], _STATES[values[_STATE]]
        for place, value in taken:
            values[place] = value
        if (via := values[_VIA]) is not None:
            values[_VIA] = tuple(json.loads(via))
        job: Job = tuple.__new__(Job, _in_order((*values, *_USUAL)))
        return job if rest is None else job.with_(dict(_told(json.loads(rest))))
    except UNREAD as error:
        raise unreadable(f"the job {row[0]!r}", error) from None


def _told(rest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in rest.items():
        yield name, tuple(value) if name in _TUPLES and value is not None else value


# causes

#: Of several jobs, each with its causes in their order.
CAUSES_OF = "SELECT job, cause, via FROM taskkit_causes WHERE job IN {these} ORDER BY job, place"


def cause_row(place: int, cause: Cause) -> Row:
    """Columns of `CAUSES`; what triggered it elsewhere is apart, as the text was there before it."""
    job, *told, via = cause
    return job, place, plain_text(told), None if via is None else plain_text(via)


def cause_of(job: str, text: str, via: str | None) -> Cause:
    try:
        told = json.loads(text)
        return Cause._make((job, *told[:-1], tuple(told[-1]), None if via is None else tuple(json.loads(via))))
    except UNREAD as error:
        raise unreadable(f"what led to the job {job!r}", error) from None


# holds


def hold_rows(hold: Hold, *, waits: bool) -> list[Row]:
    """One for each key that it writes, uses, or wants a slot of."""
    job, wanted, writes, uses, slots = hold
    if len(writes) == 1 and not (uses or slots):
        return [(job, writes[0], "write", None, wanted, int(waits))]
    rows: list[Row] = [(job, key, "write", None, wanted, int(waits)) for key in dict.fromkeys(writes)]
    rows += [(job, key, "use", None, wanted, int(waits)) for key in dict.fromkeys(uses)]
    lowest = dict(sorted(slots, reverse=True))  # of what is said twice
    return rows + [(job, key, "slot", most, wanted, int(waits)) for key, most in lowest.items()]


def holds_of(rows: Iterable[Row]) -> Iterator[tuple[Hold, bool]]:
    """The holds that these rows make up, and whether each only waits for it."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    for job, of_job in found.items():
        writes, uses = (tuple(row[1] for row in of_job if row[2] == how) for how in ("write", "use"))
        slots = tuple((row[1], row[3]) for row in of_job if row[2] == "slot")
        yield Hold(job, of_job[0][4], writes, uses, slots), bool(of_job[0][5])
