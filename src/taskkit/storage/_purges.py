"""What the memory store forgets: ended jobs, a series as a whole, so many at a time that nobody waits long (J8, J14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial

from taskkit.jobs import PLACES
from taskkit.states import FINAL
from taskkit.storage import Query, _queries
from taskkit.storage._rooms import Rooms
from taskkit.storage._rows import ID, STATE, STATE_AT, Row, job_of

_AT_ONCE = 1000
_OVER = frozenset(STATE_AT[state] for state in FINAL)
_SERIES, _EXECUTION = PLACES["series"], PLACES["execution"]


class Purge:
    """One call of it; between any two portions it lets go of the lock."""

    def __init__(self, lock: AbstractContextManager[object], rooms: Rooms, queries: Sequence[Query]) -> None:
        self._lock, self._rooms, self._jobs, self._queries = lock, rooms, rooms.jobs, queries
        self._matching = [_queries.matcher(query) for query in queries]
        self._stay: set[str] = set()  #: series of which a job stays; of runs over many, the store knows the parts

    def carry_out(self) -> list[int]:
        self._in_portions(None, self._note)
        gone = [
            self._in_portions(query, partial(self._forget, matches)) for query, matches in zip(self._queries, self._matching, strict=True)
        ]
        with self._lock:
            self._rooms.fires.expire(self._jobs.last)
        return gone

    def _in_portions(self, query: Query | None, deed: Callable[[Sequence[Row]], int]) -> int:
        """All jobs, or those among which all are that the query names."""
        with self._lock:
            near = None if query is None else self._jobs.near(query)
            ids, done = list(self._jobs.number if near is None else near), 0
        for first in range(0, len(ids), _AT_ONCE):
            with self._lock:
                done += deed(list(self._jobs.rows(ids[first : first + _AT_ONCE])))
        return done

    def _note(self, rows: Sequence[Row]) -> int:
        tries = [row for row in rows if row[0][_SERIES] is not None and row[0][_EXECUTION] is None]
        self._stay.update(row[0][_SERIES] for row in tries if not self._goes(row))
        return 0

    def _forget(self, matches: Callable[[Row], bool], rows: Sequence[Row]) -> int:
        whole: dict[str, bool] = {}
        gone = [job_of(row) for row in rows if row[0][STATE] in _OVER and matches(row) and self._goes_whole(_kept_with(row), whole)]
        for job in gone:
            self._rooms.fires.forget(job)
            self._jobs.forget(job)
        if gone:
            self._rooms.blobs.forget({job.id for job in gone})
        return len(gone)

    def _goes_whole(self, series: str, known: dict[str, bool]) -> bool:
        if series not in known:
            known[series] = series not in self._stay and all(map(self._goes, self._first_and_parts(series)))
        return known[series]

    def _first_and_parts(self, series: str) -> Iterator[Row]:
        yield from (row for row in self._jobs.rows((series,)) if _kept_with(row) == series)
        yield from self._jobs.rows(self._jobs.near(Query(execution=series)) or ())

    def _goes(self, row: Row) -> bool:
        return row[0][STATE] in _OVER and any(matches(row) for matches in self._matching)


def _kept_with(row: Row) -> str:
    """As `Job.kept_with`, of a row."""
    found = (row[0][_EXECUTION], row[0][_SERIES], row[ID])
    return str(next(one for one in found if one is not None))
