"""What lies behind a claimed job, as its gates ask: what suspends it, when its reasons were, and whether they wait for quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from taskkit.engine._cases import Case
from taskkit.engine._planner import read_standing, suspending
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Cause, Job, Kind
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id
from taskkit.storage import Storage

# what suspends it


def suspensions(case: Case, storage: Storage) -> Iterator[tuple[str | None, str, Standing]]:
    """Of the task that runs, and of another where it alone wants it (R2): the record that each is for, its id, and how it stands."""
    for record, id, standing in _standings(case, storage):
        if standing is not None and standing.suspended is not None:
            yield record, id, standing


def _standings(case: Case, storage: Storage) -> Iterator[tuple[str | None, str, Standing | None]]:
    job = case.job
    yield job.record, standing_id(job.line, job.record), case.standing
    yield None, standing_id(job.line, None), _whole(case, storage)
    if job.via is None or any(cause.via != job.via[:2] for cause in case.causes):
        return
    for line, record in suspending(case.trigger, job.via[1]):
        if record is not None or job.execution is None or is_rerun(case, storage):
            id = standing_id(line, record)
            yield record, id, read_standing(case.kin.glance.one(STANDINGS, id))


def _whole(case: Case, storage: Storage) -> Standing | None:
    """What a conductor began, its whole task lets end; once it has ended, what is run again waits as a demand does."""
    if case.job.execution is None or case.kin.whole is None or not is_rerun(case, storage):
        return case.whole
    return case.kin.whole


def is_rerun(case: Case, storage: Storage) -> bool:
    """Whether it is a part that somebody wants once more: its conductor, that let the others begin, has ended (R6)."""
    cohort, execution = case.cohort, case.job.execution
    if cohort.is_rerun is None:
        conductor = None if execution is None else storage.job(execution)
        cohort.is_rerun = execution is not None and (conductor is None or conductor.ended is not None)
    return cohort.is_rerun


# its reasons


def quiet(case: Case, storage: Storage) -> Sequence[Cause]:
    """Those that are ready, where all of them wait for quiet; a retry has those of the first attempt."""
    job, ready = case.job, [cause for cause in case.causes if cause.due <= case.now]
    if job.kind is Kind.FALLBACK and job.wanted <= case.now and job.series is not None:
        first = storage.job(job.series)
        if first is None or first.kind is not Kind.FIRED:
            return []
        ready += storage.causes(job.series)
    return ready if all(cause.quiet for cause in ready) else []


def wished(case: Case, storage: Storage) -> Sequence[Instant]:
    """When they were: a retry's lie before the failure that made it, a part's are its conductor's. A demand is for a change."""
    job, causes = case.job, case.causes
    if job.kind is Kind.PART and job.execution is not None:
        conductor = None if job.demanded_by is not None else storage.job(job.execution)
        if conductor is None or conductor.is_demanded:
            return []
        job, causes = conductor, tuple(storage.causes(conductor.id))
    if job.is_demanded or job.kind is Kind.RECOVERY:
        return []
    if job.kind is Kind.FALLBACK:
        return [job.created, *(cause.at for cause in causes)]
    return [*(cause.at for cause in causes), *_occurrence(case, job)]


def _occurrence(case: Case, job: Job) -> Sequence[Instant]:
    """The last that it stands for: a change before that is not for it. One at the very instant is."""
    passed = case.kin.missed(job, case.now).get("missed_last") if job.started is None else job.missed_last
    last = passed or job.at
    return [] if last is None else [last * SECOND - 1]
