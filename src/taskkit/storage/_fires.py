"""The fires that the memory store has kept, and the causes of its jobs: each fire once for a line and record (J5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taskkit.instants import DAY, Instant
from taskkit.jobs import Cause, Job
from taskkit.storage._journal import ABSENT, Journal

_KEPT = 90 * DAY
Row = tuple[Any, ...]  # as with jobs, the collector lets go of them
_FIRE = Cause._fields.index("fire")


class Fires:
    """A fire stays as long as its job, and for 90 days after the end of a job that was purged."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._log = journal, journal.log
        self.kept: dict[str, None] = {}  # those of jobs that are there
        self.left: dict[str, Instant] = {}  # those of jobs that are not there any more, with their ends
        self.of_jobs: dict[str, tuple[Row, ...]] = {}

    def load_kept(self, fires: Iterable[str]) -> None:
        self.kept.update(dict.fromkeys(fires))

    def load_causes(self, causes: Iterable[Cause]) -> None:
        for cause in causes:
            self.of_jobs[cause.job] = (*self.of_jobs.get(cause.job, ()), tuple(cause))

    # writing

    def keep(self, job: Job, fire: str) -> bool:
        """False where it was kept before."""
        key = key_of(job.line, job.record, fire)
        if self.is_kept(key):
            return False
        self._log += (self.kept, key, ABSENT)
        self.kept[key] = None
        return True

    def is_kept(self, key: str) -> bool:
        return key in self.kept or key in self.left

    def are_new(self, keys: Iterable[str]) -> bool:
        return self.kept.keys().isdisjoint(keys) and self.left.keys().isdisjoint(keys)

    def add(self, job: Job, cause: Cause) -> bool:
        if not self.keep(job, cause.fire):
            return False
        self._journal.put(self.of_jobs, job.id, (*self.of_jobs.get(job.id, ()), tuple(cause)))
        return True

    def move(self, job: Job, moved: Job) -> bool:
        """What the job stands for now, at the line and record where it stands now; what it no longer stands for is free again."""
        for fire in self._of(job):
            self._journal.drop(self.kept, fire_key(job, fire))
        return all(self.keep(moved, fire) for fire in self._of(moved))

    def absorb(self, job: str, into: str) -> None:
        moved = [tuple(cause._replace(job=into)) for cause in self.causes(job)]
        if moved and job != into:
            self._journal.put(self.of_jobs, into, (*self.of_jobs.get(into, ()), *moved))
            self._journal.drop(self.of_jobs, job)

    # reading

    def causes(self, job: str) -> tuple[Cause, ...]:
        found = self.of_jobs.get(job)
        return tuple(map(Cause._make, found)) if found else ()

    def _of(self, job: Job) -> Iterable[str]:
        return (*(() if job.fire is None else (job.fire,)), *(row[_FIRE] for row in self.of_jobs.get(job.id, ())))

    # forgetting, outside any unit

    def forget(self, job: Job) -> None:
        """From now on the 90 days count."""
        for fire in self._of(job):
            if self.kept.pop(fire_key(job, fire), ABSENT) is None:
                self.left[fire_key(job, fire)] = job.ended or job.created
        self.of_jobs.pop(job.id, None)

    def expire(self, now: Instant) -> None:
        for key in [key for key, ended in self.left.items() if ended <= now - _KEPT]:
            del self.left[key]


def fire_key(job: Job, fire: str) -> str:
    return key_of(job.line, job.record, fire)


def key_of(line: str, record: str | None, fire: str) -> str:
    return f"{line}\n{record or ''}\n{fire}"
