"""The jobs that this process has claimed, as it left them: as long as their revision stands they need not be read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from taskkit.jobs import Job
from taskkit.states import CLAIMED

_MOST = 10_000


class Lent:
    """Only a job that waits changes without a new revision, by a cause that joins it; these are claimed."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def keep(self, jobs: Iterable[Job]) -> None:
        """As they stand from now on."""
        for job in jobs:
            if job.state in CLAIMED:
                self._jobs[job.id] = job
            else:
                self._jobs.pop(job.id, None)
        if len(self._jobs) > _MOST:  # those that were rescued by others are never heard of again
            self._jobs.clear()

    def forget(self) -> None:
        self._jobs.clear()

    def among(self, ids: Iterable[str]) -> Mapping[str, Job]:
        return {id: job for id in ids if (job := self._jobs.get(id)) is not None}
