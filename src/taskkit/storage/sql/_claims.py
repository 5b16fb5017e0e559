"""Who gets which job next, under which token (J3, J4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.states import State
from taskkit.storage import Claimed
from taskkit.storage.sql._lines import Line, Question
from taskkit.storage.sql._rows import CAUSES_OF, JOB, PHASES, cause_of, job_of, place_of
from taskkit.storage.sql._tables import DUE, JOBS, LENT, NUMBERS

_LOST = f"SELECT {JOB}, number FROM taskkit_jobs WHERE phase = {LENT} AND lease <= ? AND pool = ? ORDER BY due, number LIMIT ?"  # noqa: S608
_DUE = f"SELECT {JOB}, number FROM taskkit_jobs WHERE phase = {DUE} AND pool = ? AND due <= ? ORDER BY due, number LIMIT ?"  # noqa: S608
_BESIDE = f"""SELECT {JOB} FROM taskkit_jobs WHERE place IN {{these}} AND over IS NULL AND phase <> {LENT} AND started IS NULL
    AND kind IN ('fired', 'fallback') ORDER BY number"""  # noqa: S608
_NEXT_DUE = f"SELECT min(due) FROM taskkit_jobs WHERE phase = {DUE} AND pool = ?"  # noqa: S608
_NEXT_LOST = f"SELECT min(lease) FROM taskkit_jobs WHERE phase = {LENT} AND pool = ?"  # noqa: S608
_LAST_TOKEN = "SELECT value FROM taskkit_numbers WHERE name = 'token'"  # noqa: S105
_COLUMNS = ("state", "token", "lease", "worker", "node", "rescues", "revision", "phase")


def claim(line: Line, now: Instant, owner: dict[str, Any], pools: Iterable[str], limit: int) -> Sequence[Claimed]:
    """What was lost first, then what is due."""
    pools = list(dict.fromkeys(pools))
    questions = [*(Question(_LOST, (now, pool, limit)) for pool in pools), *(Question(_DUE, (pool, now, limit)) for pool in pools)]
    answers = line.ask([*questions, Question(_LAST_TOKEN)])
    lost, due = (_in_order(answers[first : first + len(pools)]) for first in (0, len(pools)))
    last = answers[-1][0][0] if answers[-1] else 0
    claimed: list[Job] = []
    for job in [*lost, *due][:limit]:
        last = max(last + 1, now)
        is_lost = job.state in (State.QUEUED, State.RUNNING)
        told = {"state": job.state if is_lost else State.QUEUED, "rescues": job.rescues + is_lost, "revision": job.revision + 1}
        claimed.append(job.with_({**owner, **told, "token": last}))
    if claimed:
        line.change(JOBS, _COLUMNS, [(job.id, *_columns(job)) for job in claimed])
        line.put(NUMBERS, [("token", last)])
    return _seen(line, claimed) if claimed else ()


def _in_order(answers: Sequence[Sequence[tuple[Any, ...]]]) -> list[Job]:
    rows = [row for rows in answers for row in rows]
    if len(answers) > 1:
        rows.sort(key=_place)
    return [job_of(row) for row in rows]


def _place(row: tuple[Any, ...]) -> tuple[int, int]:
    return row[_DUE_AT], row[-1]


_DUE_AT = JOBS.names.index("due")


def _columns(job: Job) -> tuple[Any, ...]:
    return job.state._value_, job.token, job.lease, job.worker, job.node, job.rescues, job.revision, PHASES[job.state]


def _seen(line: Line, jobs: Sequence[Job]) -> list[Claimed]:
    """Each with its causes, and with the job of happenings that waits beside it."""
    places = [place_of(job.line, job.record) for job in jobs]
    causes, beside = line.ask([Question(CAUSES_OF, (), tuple(job.id for job in jobs)), Question(_BESIDE, (), tuple(dict.fromkeys(places)))])
    of_jobs: dict[str, list[Any]] = {}
    for id, text in causes:
        of_jobs.setdefault(id, []).append(cause_of(id, text))
    waiting: dict[str, Job] = {}
    for row in beside:
        job = job_of(row)
        waiting.setdefault(place_of(job.line, job.record), job)
    return [Claimed(job, tuple(of_jobs.get(job.id, ())), waiting.get(place)) for job, place in zip(jobs, places, strict=True)]


def next_due(line: Line, pools: Iterable[str]) -> Instant | None:
    asked = [(sql, pool) for pool in dict.fromkeys(pools) for sql in (_NEXT_DUE, _NEXT_LOST)]
    rows = line.rows(" UNION ALL ".join(sql for sql, _ in asked), *(pool for _, pool in asked)) if asked else []
    return min((at for (at,) in rows if at is not None), default=None)
