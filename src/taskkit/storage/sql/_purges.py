"""Ended jobs that nobody asks about any more are forgotten; their fires stay for some time (J5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from taskkit.instants import DAY
from taskkit.storage import Query
from taskkit.storage._fires import fire_key
from taskkit.storage.sql import _blobs
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._queries import where
from taskkit.storage.sql._rows import CAUSES_OF, JOB, cause_of, job_of
from taskkit.storage.sql._tables import CAUSES, FIRES, JOBS

_KEPT = 90 * DAY
#: When a job ended, and its number.
Place = tuple[int, int]
FIRST: Place = (-(1 << 62), 0)
LAST: Place = (1 << 62, 0)
#: How the jobs that are kept together are found, and which of those that are found so these are.
_FOUND = {
    "id": "series IS NULL AND execution IS NULL",
    "series": "series IS NOT NULL AND execution IS NULL",
    "execution": "execution IS NOT NULL",
}  # fmt: skip


def purge(line: Line, query: Query, queries: Sequence[Query], after: Place, limit: int) -> tuple[int, Place]:
    """Of so many behind a place, those that a query names, and whose series goes as a whole, by all queries; and where the next begin."""
    wanted, values = where(query)
    rows = line.rows(
        f"SELECT id, coalesce(execution, series, id), over, number FROM taskkit_jobs WHERE {wanted} AND over IS NOT NULL"  # noqa: S608
        " AND (over, number) > (?, ?) ORDER BY over, number LIMIT ?", *values, *after, limit,
    )  # fmt: skip
    stay = _staying(line, {series for _, series, *_ in rows}, queries)
    gone = [id for id, series, *_ in rows if series not in stay]
    if gone:
        _forget(line, gone)
    return len(gone), rows[-1][2:] if len(rows) == limit else LAST


def _staying(line: Line, series: Iterable[str], queries: Sequence[Query]) -> set[str]:
    """Those of them of which a job has to stay."""
    wanted = [where(query) for query in queries]
    goes = " OR ".join(f"({sql})" for sql, _ in wanted)
    values = [value for _, several in wanted for value in several]
    found = set[str]()
    for column, these in _FOUND.items():
        sql = (
            f"SELECT DISTINCT {column} FROM taskkit_jobs WHERE {column} IN {{these}} AND {these}"  # noqa: S608
            f" AND (over IS NOT NULL AND ({goes})) IS NOT TRUE"
        )
        found.update(one for (one,) in line.among(sql, series, *values))
    return found


def _forget(line: Line, ids: Sequence[str]) -> None:
    jobs = [job_of(row) for row in line.among(f"SELECT {JOB} FROM taskkit_jobs WHERE id IN {{these}}", ids)]  # noqa: S608
    ended = {job.id: job.ended or job.created for job in jobs}
    causes = [cause_of(*row) for row in line.among(CAUSES_OF, ids)]
    by_id = {job.id: job for job in jobs}
    left = [(fire_key(job, job.fire), ended[job.id]) for job in jobs if job.fire is not None]
    left += [(fire_key(by_id[cause.job], cause.fire), ended[cause.job]) for cause in causes]
    line.change(FIRES, ("ended",), left)
    line.drop(CAUSES, line.among("SELECT job, place FROM taskkit_causes WHERE job IN {these}", ids))
    _blobs.forget_of(line, ids)
    line.drop(JOBS, [(id,) for id in ids])


def expire(line: Line) -> None:
    """The fires of jobs that ended long ago, measured by the last end that is known."""
    [(last,)] = line.rows("SELECT max(ended) FROM (SELECT max(over) AS ended FROM taskkit_jobs WHERE over IS NOT NULL"
                          " UNION ALL SELECT max(ended) FROM taskkit_fires WHERE ended IS NOT NULL) AS known")  # fmt: skip
    line.run("DELETE FROM taskkit_fires WHERE ended <= ?", (last or 0) - _KEPT)
