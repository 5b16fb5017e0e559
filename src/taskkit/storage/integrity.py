"""Whether a store in a database is what a store must be: rows that belong to nothing, jobs that stand where no job can stand.

All is read as it stands at one moment, beside those who work on it. Nothing is changed.
"""
# ruff: noqa: S608  all statements are our own words

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from attrs import asdict, frozen

from taskkit.facts import Fault
from taskkit.instants import MINUTE, Instant, SystemClock, shown
from taskkit.intents import TABLE as INTENTS
from taskkit.jobs import Job, Kind
from taskkit.states import CLAIMED, State
from taskkit.storage._fires import fire_key
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._rows import JOB, cause_of, job_of, job_row
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import BLOBS, CAUSES, DOCUMENTS, FIRES, HOLDS, INBOX, JOBS, LENT, OVER, PIECES, TEXT, WHOLE

_PAGE = 1000
#: A worker renews its lease three times in the length of one, and whoever serves the pool takes over what ran out.
_LONG_AGO = 60 * MINUTE
_MADE = ("place", "trigger", "phase", "over")
_TYPES = {TEXT: str, WHOLE: int}
_ALWAYS = frozenset(
    ("id", "kind", "state", "task", "line", "pool", "planned_for", "due", "wanted", "created", "cycle", "waits", "rescues", "revision")
)
_JOB = f"SELECT {JOB}, {', '.join(_MADE)}, number FROM taskkit_jobs WHERE number > ? ORDER BY number LIMIT {_PAGE}"
_DOCUMENT = f"""SELECT place, id, body FROM taskkit_documents WHERE place > ? OR (place = ? AND id > ?)
    ORDER BY place, id LIMIT {_PAGE}"""
_RESTORE = "restore a backup that has none of it"
_DAMAGED = "it is damaged: restore a backup, and look at the disk"
_CHANGED = "somebody changed it: what was exported shows what it said"
_KEYED = "`engine.check()` does, in an engine with its keyring"
_FREE = "others wait for it: remove the row"
_REMOVE = "nothing reads it: remove the row, or leave it"


@frozen
class Flaw:
    """One thing that is not as it must be: what it is about, what is the case, and what would help."""

    kind: str
    about: str
    case: str
    help: str

    def document(self) -> dict[str, str]:
        """What `json.dumps` takes."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.about}: {self.case}; {self.help}"


def check_store(storage: SqlStorage, now: Instant | None = None, progress: Callable[[int, int], object] | None = None) -> Sequence[Flaw]:
    """What is wrong with the store, in plain words; empty where all is well. It reads every job and fact, and takes its time; of the
    facts, `progress` hears how much is gone through, and of how much."""
    if damages := storage._look(lambda line: line.damages()):  # what else is read from it is not to be relied on
        return [Flaw("file", "the file", case, _DAMAGED) for case in damages]
    flaws = storage._look(lambda line: list(_flaws(line, storage, now)))
    return [*flaws, *map(of_chain, storage.check(progress=progress))]


def of_chain(fault: Fault) -> Flaw:
    """Of the kind `key` where nobody can say without a key whether it is one."""
    kind, helps = ("chain", _CHANGED) if fault.missing is None else ("key", _KEYED)
    return Flaw(kind, f"chain {fault.chain!r} at {fault.position}", fault.case, helps)


def _flaws(line: Line, storage: SqlStorage, now: Instant | None) -> Iterator[Flaw]:
    for kind, noun, sql, case, helps in _ROWS:
        for row in line.rows(sql):
            yield Flaw(kind, f"{noun} {' '.join(map(repr, row))}", case, helps)
    yield from _odd_rows(line)
    yield from _leases(line, (storage.clock or SystemClock()).now() if now is None else now)
    yield from _jobs(line)
    yield from _documents(line)
    yield from _intents(line)


# rows that questions find


_NO_JOB = "NOT EXISTS (SELECT 1 FROM taskkit_jobs WHERE id = held.job)"
_NO_BLOB = "NOT EXISTS (SELECT 1 FROM taskkit_blobs WHERE id = held.blob)"
_ENDED = f"EXISTS (SELECT 1 FROM taskkit_jobs WHERE id = held.job AND phase = {OVER})"
_BESIDE = "EXISTS (SELECT 1 FROM taskkit_holds WHERE key = held.key AND waits = 0 AND how <> 'slot' AND job <> held.job)"
#: Each with its kind, what a row is called, the question, what is the case, and what would help.
_ROWS = (
    ("orphan", "cause of job", f"SELECT job, place FROM taskkit_causes AS held WHERE {_NO_JOB}", "there is no such job", _REMOVE),
    ("orphan", "hold of job", f"SELECT job, key FROM taskkit_holds AS held WHERE {_NO_JOB}", "there is no such job", _FREE),
    ("orphan", "blob", f"SELECT id FROM taskkit_blobs AS held WHERE job IS NOT NULL AND {_NO_JOB}", "its job is not there", _REMOVE),
    ("orphan", "piece of blob", f"SELECT blob, place FROM taskkit_pieces AS held WHERE {_NO_BLOB}", "there is no such blob", _REMOVE),
    ("blob", "blob", "SELECT blob FROM taskkit_pieces GROUP BY blob HAVING count(*) - 1 <> max(place)", "a piece is missing", _RESTORE),
    ("hold", "hold of job", f"SELECT job, key FROM taskkit_holds AS held WHERE {_ENDED}", "the job has ended", _FREE),
    ("hold", "key", f"SELECT DISTINCT key FROM taskkit_holds AS held WHERE waits = 0 AND how = 'write' AND {_BESIDE}",
     "one job holds it alone, and another beside it", "let the jobs end, and look at the account"),
)  # fmt: skip


def _leases(line: Line, now: Instant) -> Iterator[Flaw]:
    sql = f"SELECT id, pool, lease FROM taskkit_jobs WHERE phase = {LENT} AND lease <= ? ORDER BY lease"
    for id, pool, lease in line.rows(sql, now - _LONG_AGO):
        if not isinstance(lease, int):
            continue  # that it cannot be read is told of its job
        case = f"the lease of its worker ran out at {shown(lease):%Y-%m-%d %H:%M:%S} UTC, and nobody took it over"
        yield Flaw("lease", f"job {id!r}", case, f"start a node that serves the pool {pool!r}")


def _odd_rows(line: Line) -> Iterator[Flaw]:
    """Where SQLite took what a column is not for. Of jobs, facts and chains others tell more."""
    for table in (FIRES, CAUSES, HOLDS, DOCUMENTS, BLOBS, PIECES, INBOX):
        for *key, column in line.odd(table, _PAGE):
            yield Flaw("state", f"row of {table.name} {' '.join(map(repr, key))}", f"its {column} cannot be read", _RESTORE)


def _documents(line: Line) -> Iterator[Flaw]:
    last: tuple[str, str] = ("", "")
    while rows := line.rows(_DOCUMENT, last[0], *last):
        for place, id, body in rows:
            if _read(body) is None:
                yield Flaw("state", f"document {id!r} of {place!r}", "its row cannot be read", _RESTORE)
        last = rows[-1][:2]


def _read(body: str) -> Any:
    """None where it is no JSON: what is kept as such is never nothing."""
    try:
        return json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return None


def _intents(line: Line) -> Iterator[Flaw]:
    """Whoever is at an account may be lost: then its recovery looks for the secret that is live (S4)."""
    for account, body in line.rows("SELECT id, body FROM taskkit_documents WHERE place = ?", INTENTS):
        if (told := _read(body)) is None:
            continue  # as a document that cannot be read it is told already
        recovery = told.get("recovery") if isinstance(told, dict) else None
        if not _is_id(recovery) or not line.rows(f"SELECT id FROM taskkit_jobs WHERE id = ? AND phase <> {OVER}", recovery):
            yield Flaw("intent", f"account {account!r}", "its intent is open, and no recovery waits", "demand a run of its task")


def _is_id(told: object) -> bool:
    """Whether a database can be asked for it: JSON has halves of characters, and other things than texts."""
    return isinstance(told, str) and told.isprintable()


# jobs, one by one


def _jobs(line: Line) -> Iterator[Flaw]:
    seats, last = Counter[tuple[str, ...]](), 0
    while rows := line.rows(_JOB, last):
        last = rows[-1][-1]
        jobs: list[Job] = []
        for row in rows:
            try:
                job, made = _told(row)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                yield Flaw("state", f"job {row[0]!r}", _unread(row), _RESTORE)
                continue
            jobs.append(job)
            yield from _standing(job)
            yield from _columns(job, made, row)
            if job.is_pending and job.node is None and job.seat is not None:  # who was claimed once may come back to a seat that is taken
                seats[job.seat] += 1
        yield from _fires(line, jobs)
        yield from _blobs(line, jobs)
    for seat, count in seats.items():
        if count > 1:
            about = f"line {seat[1]!r}" + (f" of record {seat[2]!r}" if seat[2] else "")
            yield Flaw("seat", about, f"{count} jobs ({seat[0]}) wait where one may wait", "cancel all but one of them")


def _told(row: Row) -> tuple[Job, Row]:
    """The job, and the row that would be made of it; what is raised says that it cannot be read."""
    job = job_of(row)
    if _odd(row) or not all(map(_is_id, job.blobs)):
        raise ValueError
    hash(job.seat)  # it says of `via` whether that is one
    return job, job_row(job)


def _odd(row: Row) -> list[str]:
    """The columns that hold what they are not for: SQLite takes anything for any of them."""
    told = zip(JOBS.columns.items(), row[: -1 - len(_MADE)], strict=False)
    return [name for (name, type), kept in told if not isinstance(kept, _TYPES[type]) and (kept is not None or name in _ALWAYS)]


def _unread(row: Row) -> str:
    told = dict(zip(JOBS.names, row, strict=False))
    if told["state"] not in {state.value for state in State}:
        return f"there is no state {told['state']!r}"
    if told["kind"] not in {kind.value for kind in Kind}:
        return f"there is no kind {told['kind']!r}"
    return f"its {odd[0]} cannot be read" if (odd := _odd(row)) else "its row cannot be read"


def _standing(job: Job) -> Iterator[Flaw]:
    """What holds in every state, whatever step led to it."""
    told = partial(Flaw, "state", f"job {job.id!r}", help=_RESTORE)
    owner = {"token": job.token, "lease": job.lease, "worker": job.worker}
    if job.state in CLAIMED and (lacking := [name for name, value in owner.items() if value is None]):
        yield told(case=f"it is {job.state} without {' and '.join(lacking)}")
    if job.state not in CLAIMED and job.token is not None:
        yield told(case=f"it is {job.state}, and still has a token")
    if job.state is State.RUNNING and job.started is None:
        yield told(case="it is running and has never started")


def _columns(job: Job, made: Row, row: Row) -> Iterator[Flaw]:
    """By these columns jobs are found: they follow from the others."""
    for name, kept in zip(_MADE, row[-1 - len(_MADE) : -1], strict=True):
        if (wanted := made[JOBS.names.index(name)]) != kept:
            yield Flaw("column", f"job {job.id!r}", f"its column {name!r} is {kept!r} and has to be {wanted!r}", "set it so")


def _fires(line: Line, jobs: Iterable[Job]) -> Iterator[Flaw]:
    """What a job stands for has to be kept, else it could be made twice."""
    by_id = {job.id: job for job in jobs}
    wanted = {fire_key(job, job.fire): job for job in by_id.values() if job.fire is not None}
    for row in line.among("SELECT job, cause, via FROM taskkit_causes WHERE job IN {these}", by_id):
        id = row[0]
        try:
            fire = fire_key(by_id[id], cause_of(*row).fire)
            if b"\0" in fire.encode():  # no database can be asked of half a character, and not every one of a zero
                raise ValueError
            wanted[fire] = by_id[id]
        except (ValueError, LookupError, TypeError, RecursionError):
            yield Flaw("state", f"cause of job {id!r}", "its row cannot be read", _RESTORE)
    kept = {fire for (fire,) in line.among("SELECT fire FROM taskkit_fires WHERE fire IN {these} AND ended IS NULL", wanted)}
    for fire, job in wanted.items():
        if fire not in kept:
            _, _, name = fire.rpartition("\n")
            yield Flaw(
                "fire", f"job {job.id!r}", f"its fire {name!r} is not kept: it could make a second job", "add the row, or end the job"
            )


def _blobs(line: Line, jobs: Iterable[Job]) -> Iterator[Flaw]:
    wanted = {blob: job.id for job in jobs for blob in job.blobs}
    kept = {blob for (blob,) in line.among("SELECT id FROM taskkit_blobs WHERE id IN {these} AND job IS NOT NULL", wanted)}
    for blob, job in wanted.items():
        if blob not in kept:
            yield Flaw("blob", f"job {job!r}", f"its blob {blob!r} is not there", _RESTORE)
