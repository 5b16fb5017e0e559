"""Mistakes that authors of stores and engines make, for whole processes: each must be seen by an audit, or the audit is worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from taskkit.engine._cases import Case
from taskkit.instants import SECOND, Instant
from taskkit.storage import Free, Insert, Landed, Move, Unit
from taskkit.storage._fires import Fires
from taskkit.storage._holds import Holds
from taskkit.storage._steps import Steps
from taskkit.storage.sql import _chains, _claims
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sqlite._lines import SqliteLine
from tests.crash.mortals import MortalPostgresLine, _Stores


def _replace(owner: Any, **now: object) -> None:
    for name, value in now.items():
        setattr(owner, name, value)


def _forgets_holds() -> None:
    """What has ended gives nothing back."""
    _replace(Holds, free=lambda holds, job: None)


def _forgets_fires() -> None:
    """Twice is twice."""
    _replace(Fires, keep=lambda fires, job, fire: True)


def _repeats_what_is_blind() -> None:
    _replace(Case, may_go_on=property(lambda case: True))


def _commits_in_two_parts() -> None:
    """The facts come in a transaction of their own."""
    append = _chains.append

    def later(line: Any, *args: Any) -> Any:
        line.run("COMMIT")
        line.rows("SELECT 1")  # now it has gone to the server
        line.end.visit("commit")
        line.run("BEGIN IMMEDIATE" if isinstance(line, SqliteLine) else "BEGIN")
        if isinstance(line, MortalPostgresLine):
            line.run(f"SELECT pg_advisory_xact_lock({line._lock})")
        return append(line, *args)

    _replace(_chains, append=later)


def _answers_before_it_writes() -> None:
    """What was promised lies in memory for a while."""
    write, late = _Stores.write, list[tuple[Sequence[Unit], bool]]()

    def promised(storage: Any, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        while len(late) > 1:
            write(storage, late.pop(0)[0])
        if units and all(isinstance(change, Insert) or not isinstance(change, Move | Free) for unit in units for change in unit):
            late.append((units, durable))
            return [Landed() for _ in units]
        return write(storage, units, durable=durable)

    _replace(_Stores, write=promised)


def _saves_nothing() -> None:
    """A memo is thrown away, and said to be kept."""
    write = SqlStorage.write

    def forgetful(storage: Any, units: Sequence[Unit], **named: Any) -> Any:
        return write(storage, [tuple(_without_memo(change) for change in unit) for unit in units], **named)

    _replace(SqlStorage, write=forgetful)


def _without_memo(change: Any) -> Any:
    if not isinstance(change, Move) or "memo" not in change.fields:
        return change
    return change._replace(fields={name: value for name, value in change.fields.items() if name != "memo"})


def _takes_tokens_from_its_watch() -> None:
    """And not from the counter of the store: two that claim at the same time have the same."""
    claim = _claims.claim

    def claimed(line: Any, now: Instant, *args: Any) -> Any:
        return claim(line, now - now % SECOND, *args)

    _replace(_claims, claim=claimed, _LAST_TOKEN="SELECT value FROM taskkit_numbers WHERE name = ''")  # noqa: S106  no password


def _lets_late_writers_in() -> None:
    """Whoever had the job once may write to it."""
    move = Steps.move

    def lenient(steps: Steps, change: Move) -> Any:
        job = steps._jobs.get(change.job)
        return move(steps, change if job is None or change.token is None else change._replace(token=job.token))

    _replace(Steps, move=lenient)


#: Each with how the audit tells of it, and where processes die meanwhile.
HARMS: dict[str, tuple[Callable[[], None], str, str]] = {
    "forgets holds": (_forgets_holds, "R4", "written"),
    "forgets fires": (_forgets_fires, "J5", "written"),
    "commits in two parts": (_commits_in_two_parts, "J2", "commit"),
    "answers before it writes": (_answers_before_it_writes, "J14", "written"),
    "saves nothing": (_saves_nothing, "J13", "saved"),
    "takes tokens from its watch": (_takes_tokens_from_its_watch, "J3", "written"),
}
LATE, AGAIN = "lets late writers in", "repeats what is blind"
_MISTAKES = {LATE: _lets_late_writers_in, AGAIN: _repeats_what_is_blind} | {name: mistake for name, (mistake, _, _) in HARMS.items()}


def harm(name: str) -> None:
    """From now on this process makes the mistake."""
    _MISTAKES[name]()
