"""Which jobs of the memory store a query wants, and in what pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from itertools import islice
from operator import itemgetter

from taskkit.jobs import PLACES, Job, Kind
from taskkit.states import State
from taskkit.storage import Order, Query, Slice
from taskkit.storage._jobs import Jobs
from taskkit.storage._pages import many, place_at
from taskkit.storage._rows import CREATED, ENDED, HOST, ID, KIND, KIND_AT, RECORD, STARTED, STATE, STATE_AT, Row, job_of

_SAME = ("line", "task", "execution", "why", "account")
_OWN = ((RECORD, "record"), (HOST, "host"))
_TASK, _VIA = PLACES["task"], PLACES["via"]


def matcher(query: Query) -> Callable[[Row], bool]:
    """What asks a row only for what the query names."""
    among = [
        (STATE, None if query.states is None else {STATE_AT[State(state)] for state in query.states}),
        (KIND, None if query.kinds is None else {KIND_AT[Kind(kind)] for kind in query.kinds}),
    ]
    wanted = [(place, values) for place, values in among if values is not None]
    same = [(PLACES[name], value) for name in _SAME if (value := getattr(query, name)) is not None]
    own = [(at, value) for at, name in _OWN if (value := getattr(query, name)) is not None]
    trigger, since, until = query.trigger, query.since, query.until

    def matches(row: Row) -> bool:
        common = row[0]
        for place, values in wanted:
            if common[place] not in values:
                return False
        for place, value in same:
            if common[place] != value:
                return False
        for at, value in own:
            if row[at] != value:
                return False
        return (
            (trigger is None or (common[_VIA] or (common[_TASK],))[0] == trigger)
            and (since is None or row[CREATED] >= since)
            and (until is None or (common[ENDED] or row[CREATED]) < until)
        )

    return matches


def found(jobs: Jobs, query: Query) -> Iterator[Job]:
    """Those that the query wants."""
    return map(job_of, _rows(jobs, query, _near(jobs, query)))


def count(jobs: Jobs, query: Query) -> int:
    return sum(1 for _ in _rows(jobs, query, _near(jobs, query)))


def _rows(jobs: Jobs, query: Query, ids: Iterable[str]) -> Iterator[Row]:
    return filter(matcher(query), jobs.rows(ids))


def _near(jobs: Jobs, query: Query) -> Iterable[str]:
    near = jobs.near(query)
    return jobs.number if near is None else near


def page(jobs: Jobs, query: Query, order: Order, after: str | None, limit: int) -> Slice:
    """Each job has a place, and a page goes on behind the last one's: what is added or ends meanwhile changes no other's place."""
    last = None if after is None else place_at(after)
    limit = many(limit)
    rows = _newest(jobs, query, last) if order == "newest" else _in_order(jobs, query, order, last, limit + 1)
    chosen = list(islice(rows, limit + 1))
    more = len(chosen) > limit > 0 and _place(jobs, order, chosen[limit - 1])
    return Slice([*map(job_of, chosen[:limit])], ":".join(map(str, more)) if more else None)


Place = tuple[int, int]


def _newest(jobs: Jobs, query: Query, last: Place | None) -> Iterator[Row]:
    """All of them stand in this order already."""
    number, near = jobs.number, jobs.near(query)
    ids = reversed(number) if near is None else iter(sorted(near, key=number.__getitem__, reverse=True))
    return _rows(jobs, query, ids if last is None else (id for id in ids if -number[id] > last[1]))


def _in_order(jobs: Jobs, query: Query, order: Order, last: Place | None, most: int) -> Iterator[Row]:
    """The first of them by their places; those that have none are left out."""
    rows = ((at, row) for row in _rows(jobs, query, _near(jobs, query)) if (at := _place(jobs, order, row)) is not None)
    return (row for _, row in nsmallest(most, (one for one in rows if last is None or one[0] > last), key=itemgetter(0)))


def _place(jobs: Jobs, order: Order, row: Row) -> Place | None:
    number = jobs.number[row[ID]]
    if order == "newest":
        return 0, -number
    at, forward = _ORDERS[order]
    moment = row[0][at]
    return None if moment is None else (forward * moment, forward * number)


_ORDERS: dict[Order, tuple[int, int]] = {"due": (PLACES["due"], 1), "first_started": (STARTED, 1), "last_started": (STARTED, -1)}
