"""A job of happenings that waits where an occurrence of its task and record starts is done by that one, and ends in it (P4, J7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskkit.engine._cases import Case
from taskkit.engine._occurrences import reason_of
from taskkit.engine._votes import asked_for, asked_too
from taskkit.facts import Fact
from taskkit.jobs import OF_HAPPENINGS, Job, Kind, Why
from taskkit.states import State, Step
from taskkit.storage import Absorb, Change, Move, Storage


def merged(case: Case, fields: Mapping[str, Any], storage: Storage) -> tuple[list[Change], Mapping[str, Any]]:
    """What the start of a job adds for the one beside it, and what it makes of the job then: of a retry, this is the next cycle.

    What goes on after a wait has turned before: a retry that happenings have joined since stays beside it (P4). Whoever asked for the one
    asked for the other (A5), and what was forced stays so (J6).
    """
    beside, job, goes_on = case.beside, case.job, case.job.started is not None
    if beside is None or not _merges(beside, job) or (goes_on and storage.causes(beside.id)):
        return [], fields
    if beside.forced:
        fields = {**fields, "forced": True}
    if beside.kind is Kind.FALLBACK:  # run by hand, the series ends here; else this is its next cycle (J7)
        fields = {**fields, **({"manual": True} if job.is_demanded else {"series": beside.series, "cycle": beside.cycle})}
    told = {"ended": case.now, "into": job.id, "why": Why.MERGED.value}
    fact = Fact("JobMerged", case.now, beside.id, beside.task, beside.line, beside.record, None, {"into": job.id, **reason_of(beside)})
    revision, token = (beside.revision, None) if beside.is_pending else (None, beside.token)
    merge = Move(beside.id, Step.MERGE, revision, token, told, 0 if goes_on else None)
    if beside.is_demanded or (job.is_demanded and beside.series is not None):  # else its series tells, and its causes
        return [merge, Absorb(beside.id, job.id), *asked_too(storage, job.id, asked_for(storage, beside)), fact], fields
    return [merge, Absorb(beside.id, job.id), fact], fields


def twins(cases: Sequence[Case]) -> dict[Case, Case]:
    """Jobs of happenings that were claimed in one go with an occurrence of their task and record; each with that occurrence."""
    queued = [case for case in cases if case.job.state is State.QUEUED]
    fired = {(case.job.line, case.job.record): case for case in queued if case.job.kind in OF_HAPPENINGS}
    found: dict[Case, Case] = {}
    for case in queued if fired else ():
        twin = fired.get((case.job.line, case.job.record)) if case.job.kind is Kind.OCCURRENCE else None
        if twin is not None and twin not in found and twin.job.started is None and _merges(twin.job, case.job):
            case.beside, found[twin] = twin.job, case  # what the claim saw beside it waited still
    return found


def _merges(beside: Job, job: Job) -> bool:
    """Whether what waits for its first start, or was claimed together with this one, is done by this one."""
    if beside.id == job.id or not (beside.is_pending or beside.state is State.QUEUED):
        return False
    if beside.kind is Kind.FALLBACK:  # whatever is done now is what it would try again
        return True
    return not (job.is_demanded or job.kind is Kind.PART or job.started is not None)  # what happened is not answered by another's wish
