"""Who gets which job next, under which token (J3, J4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from taskkit.instants import Instant
from taskkit.jobs import OF_HAPPENINGS, Job
from taskkit.states import CLAIMED, State
from taskkit.storage import Claimed
from taskkit.storage.sql._lines import Line, Question, Row
from taskkit.storage.sql._rows import CAUSES_OF, JOB, PHASES, cause_of, job_of, place_of
from taskkit.storage.sql._tables import DUE, JOBS, LENT, NUMBERS

_LOST = f"SELECT {JOB}, number FROM taskkit_jobs WHERE phase = {LENT} AND lease <= ? AND pool = ? ORDER BY due, number LIMIT ?"  # noqa: S608
_DUE = f"SELECT {JOB}, number FROM taskkit_jobs WHERE phase = {DUE} AND pool = ? AND due <= ? ORDER BY due, number LIMIT ?"  # noqa: S608
_BESIDE = f"SELECT {JOB} FROM taskkit_jobs WHERE place IN {{these}} AND over IS NULL AND phase <> {LENT} ORDER BY number"  # noqa: S608
_NEXT_DUE = f"SELECT min(due) FROM taskkit_jobs WHERE phase = {DUE} AND pool = ?"  # noqa: S608
_NEXT_LOST = f"SELECT min(lease) FROM taskkit_jobs WHERE phase = {LENT} AND pool = ?"  # noqa: S608
_LAST_TOKEN = "SELECT value FROM taskkit_numbers WHERE name = 'token'"  # noqa: S105
_COLUMNS = ("state", "token", "lease", "worker", "node", "rescues", "revision", "phase")


class Lent(NamedTuple):
    """What was claimed, and which of these jobs no other waits beside."""

    jobs: Sequence[Claimed] = ()
    alone: Sequence[Job] = ()


def claim(line: Line, now: Instant, owner: dict[str, Any], pools: Iterable[str], limit: int) -> Lent:
    """What was lost first, then what is due."""
    pools = list(dict.fromkeys(pools))
    questions = [*(Question(_LOST, (now, pool, limit)) for pool in pools), *(Question(_DUE, (pool, now, limit)) for pool in pools)]
    answers = line.ask([*questions, Question(_LAST_TOKEN)])
    lost, due = (_in_order(answers[first : first + len(pools)]) for first in (0, len(pools)))
    last = answers[-1][0][0] if answers[-1] else 0
    first = max(last + 1, now)
    took = [(JOBS.names.index(name), value) for name, value in owner.items()]
    rescued = [_taken(row, took, first + place) for place, row in enumerate(lost[:limit])]
    claimed = rescued + [_taken(row, took, first + place) for place, row in enumerate(due[: limit - len(rescued)], len(rescued))]
    if not claimed:
        return Lent()
    line.change(JOBS, _COLUMNS, [(job.id, *_columns(job)) for job in rescued])
    told = {"state": State.QUEUED.value, "phase": LENT, **owner}
    ids = [job.id for job in claimed[len(rescued) :]]
    line.change_all(JOBS, tuple(told), tuple(told.values()), ids, growing="revision", counted=("token", first + len(rescued)))
    line.put(NUMBERS, [("token", first + len(claimed) - 1)])
    return _seen(line, claimed)


def _taken(row: Row, took: Sequence[tuple[int, Any]], token: int) -> Job:
    """Whose worker was lost, is rescued, and keeps its state."""
    revision = _REVISION, row[_REVISION] + 1
    if row[_STATE] in _AT_WORK:
        return job_of(row, (*took, revision, (_TOKEN, token), (_RESCUES, row[_RESCUES] + 1)))
    return job_of(row, (*took, revision, (_TOKEN, token), (_STATE, State.QUEUED)))


def _in_order(answers: Sequence[Sequence[Row]]) -> list[Row]:
    rows = [row for rows in answers for row in rows]
    if len(answers) > 1:
        rows.sort(key=_place)
    return rows


def _place(row: Row) -> tuple[int, int]:
    return row[_DUE_AT], row[-1]


_DUE_AT, _STATE, _TOKEN, _RESCUES, _REVISION = map(JOBS.names.index, ("due", "state", "token", "rescues", "revision"))
_AT_WORK = frozenset(state.value for state in CLAIMED)


def _columns(job: Job) -> tuple[Any, ...]:
    return job.state._value_, job.token, job.lease, job.worker, job.node, job.rescues, job.revision, PHASES[job.state]


def _seen(line: Line, jobs: Sequence[Job]) -> Lent:
    """Each with its causes, and with the job of happenings that waits beside it."""
    places = [place_of(job.line, job.record) for job in jobs]
    causes, beside = line.ask([Question(CAUSES_OF, (), tuple(job.id for job in jobs)), Question(_BESIDE, (), tuple(dict.fromkeys(places)))])
    of_jobs: dict[str, list[Any]] = {}
    for row in causes:
        of_jobs.setdefault(row[0], []).append(cause_of(*row))
    waiting, fired = dict[str, None](), dict[str, Job]()
    for job in map(job_of, beside):
        place = place_of(job.line, job.record)
        waiting[place] = None
        if job.started is None and job.kind in OF_HAPPENINGS:
            fired.setdefault(place, job)
    claimed = [Claimed(job, tuple(of_jobs.get(job.id, ())), fired.get(place)) for job, place in zip(jobs, places, strict=True)]
    return Lent(claimed, [job for job, place in zip(jobs, places, strict=True) if place not in waiting])


def next_due(line: Line, pools: Iterable[str]) -> Instant | None:
    asked = [(sql, pool) for pool in dict.fromkeys(pools) for sql in (_NEXT_DUE, _NEXT_LOST)]
    rows = line.rows(" UNION ALL ".join(sql for sql, _ in asked), *(pool for _, pool in asked)) if asked else []
    return min((at for (at,) in rows if at is not None), default=None)
