"""What holds in every simulation, whoever died when (J2 to J5): looked at after each write, by one who believes nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from taskkit.jobs import Job
from taskkit.states import FINAL, Step
from taskkit.storage import Absorb, Claimed, Insert, Join, Landed, Move, Query, Storage, Unit

_ENDS = frozenset({Step.COMPLETE, Step.FAIL, Step.STOP, Step.DOUBT, Step.CANCEL, Step.MISS, Step.SATISFY, Step.MERGE, Step.EXPIRE})
_PLACE = frozenset({"line", "record", "fire"})


class Broken(AssertionError):
    """A law does not hold."""


class Laws:
    """Follows what was claimed and what landed."""

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}
        self._last = 0
        self._ended: dict[str, Step] = {}
        self._places: dict[str, tuple[str, str | None]] = {}  # line and record of each job
        self._fires: dict[tuple[str, str | None, str], str] = {}  # those that are kept, and by whom first
        self._of: dict[str, str | None] = {}  # what an occurrence stands for
        self._into: dict[str, str] = {}  # which job has the reasons of another one
        self._forgotten: set[str] = set()
        self.broken: list[str] = []

    def claimed(self, claimed: Iterable[Claimed]) -> None:
        for one in claimed:
            token = one.job.token or 0
            if token <= self._last:
                self._break(f"the claim of {one.job.id} got the token {token}, which is no newer than {self._last} (J3)")
            if one.job.id in self._ended:
                self._break(f"{one.job.id} was claimed after it had ended (J1)")
            self._last = self._tokens[one.job.id] = token

    def landed(self, units: Sequence[Unit], answers: Sequence[Landed]) -> None:
        for unit, answer in zip(units, answers, strict=True):
            for change in unit if answer else ():
                self._look(change)

    def forgotten(self, jobs: Iterable[str]) -> None:
        """Ended jobs that were purged: their fires may go with them."""
        self._forgotten.update(jobs)

    def _look(self, change: Any) -> None:
        if isinstance(change, Move):
            self._move(change)
        elif isinstance(change, Insert):
            self._places[change.job.id], self._of[change.job.id] = (change.job.line, change.job.record), change.job.fire
            for fire in (change.job.fire, *(cause.fire for cause in change.causes)):
                self._keep(fire, change.job.id)
        elif isinstance(change, Join):
            self._keep(change.cause.fire, change.cause.job)
        elif isinstance(change, Absorb):
            self._into[change.job] = change.into

    def _move(self, move: Move) -> None:
        if move.token is not None and move.token != self._tokens.get(move.job):
            self._break(f"{move.step} of {move.job} landed with the token {move.token}: {self._tokens.get(move.job)} owns it (J3)")
        if not _PLACE.isdisjoint(move.fields):
            self._stands_for(move)
        if move.step not in _ENDS:
            return
        if move.job in self._ended:
            self._break(f"{move.job} ended twice: {self._ended[move.job]}, then {move.step} (J1)")
        self._ended[move.job] = move.step

    def _keep(self, fire: str | None, job: str) -> None:
        """A fire is kept once for a line and record, for ever, unless who had it gave it back."""
        if fire is None:
            return
        line, record = self._places[job]
        if (line, record, fire) in self._fires:
            self._break(f"the fire {fire!r} of {line}/{record} made {self._fires[line, record, fire]} and {job} (J5)")
        self._fires[line, record, fire] = job

    def _stands_for(self, move: Move) -> None:
        """Planned anew, an occurrence stands for another fire, or for one at another place."""
        before, place = self._of.get(move.job), self._places[move.job]
        if before is not None:
            self._fires.pop((*place, before), None)
        self._places[move.job] = move.fields.get("line", place[0]), move.fields.get("record", place[1])
        self._of[move.job] = fire = move.fields.get("fire", before)
        self._keep(fire, move.job)

    def _holder(self, fire: tuple[str, str | None, str]) -> str:
        """The job that has it by now: reasons are handed on, what an occurrence stands for is not."""
        job = self._fires[fire]
        while job in self._into and self._of.get(job) != fire[2]:
            job = self._into[job]
        return job

    def _break(self, law: str) -> None:
        self.broken.append(law)

    def check(self, storage: Storage) -> None:
        """All that was followed, and what the store says of it: what was kept is there, and what has ended stays ended."""
        jobs = storage.jobs(Query(), limit=1_000_000).jobs
        kept = {fire for job in jobs for fire in _fires_of(storage, job)}
        gone = [fire for fire in self._fires if fire not in kept and self._holder(fire) not in self._forgotten]
        lost = [f"the fire {fire!r} of {line}/{record} is lost (J5)" for line, record, fire in gone]
        risen = [f"{job.id} has ended and is {job.state} (J1)" for job in jobs if job.id in self._ended and job.state not in FINAL]
        if broken := [*self.broken, *lost, *risen]:
            raise Broken("\n".join(broken))


def _fires_of(storage: Storage, job: Job) -> Iterable[tuple[str, str | None, str]]:
    if job.fire is not None:
        yield job.line, job.record, job.fire
    for cause in storage.causes(job.id):
        yield job.line, job.record, cause.fire
