"""Ended jobs that nobody asks about any more are forgotten; their fires stay for some time (J5)."""

from __future__ import annotations

from taskkit.instants import DAY
from taskkit.storage import Query
from taskkit.storage._fires import fire_key
from taskkit.storage.sql import _blobs
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._queries import where
from taskkit.storage.sql._rows import CAUSES_OF, JOB, cause_of, job_of
from taskkit.storage.sql._tables import CAUSES, FIRES, JOBS

_KEPT = 90 * DAY


def purge(line: Line, query: Query, limit: int) -> int:
    """So many of them at most; how many there were."""
    wanted, values = where(query)
    jobs = [job_of(row) for row in line.rows(f"SELECT {JOB} FROM taskkit_jobs WHERE {wanted} AND over IS NOT NULL LIMIT ?", *values, limit)]  # noqa: S608
    ids = [job.id for job in jobs]
    ended = {job.id: job.ended or job.created for job in jobs}
    causes = [cause_of(job, text) for job, text in line.among(CAUSES_OF, ids)]
    by_id = {job.id: job for job in jobs}
    left = [(fire_key(job, job.fire), ended[job.id]) for job in jobs if job.fire is not None]
    left += [(fire_key(by_id[cause.job], cause.fire), ended[cause.job]) for cause in causes]
    line.change(FIRES, ("ended",), left)
    line.drop(CAUSES, line.among("SELECT job, place FROM taskkit_causes WHERE job IN {these}", ids))
    _blobs.forget_of(line, ids)
    line.drop(JOBS, [(id,) for id in ids])
    return len(jobs)


def expire(line: Line) -> None:
    """The fires of jobs that ended long ago, measured by the last end that is known."""
    [(last,)] = line.rows("SELECT max(ended) FROM (SELECT max(over) AS ended FROM taskkit_jobs WHERE over IS NOT NULL"
                          " UNION ALL SELECT max(ended) FROM taskkit_fires WHERE ended IS NOT NULL) AS known")  # fmt: skip
    line.run("DELETE FROM taskkit_fires WHERE ended <= ?", (last or 0) - _KEPT)
