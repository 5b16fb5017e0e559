"""Whether a vault may grant the access that hangs on a job (P7): it asks for the job that it was told, wherever the work went."""

from __future__ import annotations

from typing import Literal

from taskkit.jobs import Job
from taskkit.states import State
from taskkit.storage import Query, Storage

Access = Literal["pending", "granted", "failed"]
_LOOKED_THROUGH = 200


def access(storage: Storage, job: Job) -> Access:
    """A merged job stands as the one that does its work, a failed one as its last retry."""
    job = _doing(storage, job)
    series = job.series or job.id
    others = storage.jobs(Query(line=job.line, record=job.record), limit=_LOOKED_THROUGH).jobs
    last = next((one for one in others if one.series == series), job)  # the newest comes first
    last = _doing(storage, last)
    if last.ended is None:
        return "pending"
    return "granted" if last.state is State.COMPLETED else "failed"


def _doing(storage: Storage, job: Job) -> Job:
    while job.state is State.MERGED and job.into is not None and (into := storage.job(job.into)) is not None:
        job = into
    return job
