"""Which jobs of the memory store a query wants, and in what pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from taskkit.errors import InvalidValue
from taskkit.jobs import PLACES, Job, Kind
from taskkit.states import State
from taskkit.storage import Order, Query, Slice
from taskkit.storage._jobs import Jobs
from taskkit.storage._rows import CREATED, ENDED, KIND, KIND_AT, STATE, STATE_AT, Row, job_of

_SAME = ("record", "line", "task", "execution", "why", "host", "account")
_TASK, _VIA = PLACES["task"], PLACES["via"]


def matcher(query: Query) -> Callable[[Row], bool]:
    """What asks a row only for what the query names."""
    among = [
        (STATE, None if query.states is None else {STATE_AT[State(state)] for state in query.states}),
        (KIND, None if query.kinds is None else {KIND_AT[Kind(kind)] for kind in query.kinds}),
    ]
    wanted = [(place, values) for place, values in among if values is not None]
    same = [(PLACES[name], value) for name in _SAME if (value := getattr(query, name)) is not None]
    trigger, since, until = query.trigger, query.since, query.until

    def matches(row: Row) -> bool:
        for place, values in wanted:
            if row[place] not in values:
                return False
        for place, value in same:
            if row[place] != value:
                return False
        return (
            (trigger is None or (row[_VIA] or (row[_TASK],))[0] == trigger)
            and (since is None or row[CREATED] >= since)
            and (until is None or (row[ENDED] or row[CREATED]) < until)
        )

    return matches


def found(jobs: Jobs, query: Query, ids: Iterable[str] | None = None) -> Iterator[Job]:
    """Those that the query wants, of these or of all."""
    return map(job_of, _rows(jobs, query, ids))


def count(jobs: Jobs, query: Query) -> int:
    return sum(1 for _ in _rows(jobs, query))


def _rows(jobs: Jobs, query: Query, ids: Iterable[str] | None = None) -> Iterator[Row]:
    return filter(matcher(query), jobs.rows(_near(jobs, query) if ids is None else ids))


def _near(jobs: Jobs, query: Query) -> Iterable[str]:
    near = jobs.near(query)
    return jobs.number if near is None else near


def page(jobs: Jobs, query: Query, order: Order, after: str | None, limit: int) -> Slice:
    """Each job has a place, and a page goes on behind the last one's: what is added or ends meanwhile changes no other's place."""
    if order == "newest":
        ids, place = _newest(jobs, query, after), _by_age(jobs)
    else:
        place = _PLACES[order](jobs)
        ids = _in_order(_near(jobs, query), place, after)
    chosen = list(islice(found(jobs, query, ids), limit + 1))
    more = len(chosen) > limit > 0 and place(chosen[limit - 1].id)
    return Slice(chosen[:limit], ":".join(map(str, more)) if more else None)


Place = Callable[[str], tuple[int, int] | None]


def _newest(jobs: Jobs, query: Query, after: str | None) -> Iterable[str]:
    """All of them stand in this order already."""
    number, near = jobs.number, jobs.near(query)
    ids = reversed(number) if near is None else iter(sorted(near, key=number.__getitem__, reverse=True))
    before = None if after is None else -_read(after)[1]
    return ids if before is None else (id for id in ids if number[id] < before)


def _in_order(ids: Iterable[str], place: Place, after: str | None) -> Iterable[str]:
    """By their places; those that have none are left out."""
    last = None if after is None else _read(after)
    places = [(at, id) for id in ids if (at := place(id)) is not None]
    return [id for at, id in sorted(places) if last is None or at > last]


def _read(after: str) -> tuple[int, int]:
    first, _, second = str(after).partition(":")
    try:
        return int(first), int(second)
    except ValueError:
        raise InvalidValue(f"looking for the page {after!r}", "none begins there", "give the `next` of the page before") from None


def _by_age(jobs: Jobs) -> Place:
    return lambda id: (0, -jobs.number[id])


def _by_due(jobs: Jobs) -> Place:
    return lambda id: None if (job := jobs.get(id)) is None else (job.due, jobs.number[id])


def _by_start(jobs: Jobs) -> Place:
    return lambda id: None if (start := jobs.started(id)) is None else (start, jobs.number[id])


def _by_last_start(jobs: Jobs) -> Place:
    return lambda id: None if (start := jobs.started(id)) is None else (-start, -jobs.number[id])


_PLACES: dict[Order, Callable[[Jobs], Place]] = {"due": _by_due, "first_started": _by_start, "last_started": _by_last_start}
