"""A twin of an engine: the same code over a copy of what its store holds, on a clock of its own, with nothing of the world in reach."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NoReturn

from taskkit.dice import Dice
from taskkit.engine._executions import OPEN
from taskkit.engine._occurrences import fire_of
from taskkit.engine._pages import all_documents, all_jobs
from taskkit.errors import Refused
from taskkit.events._plans import Plan
from taskkit.facts import Fact, FactKey, Refrain
from taskkit.insight._twin_vaults import TwinVault
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Cause, Job, Kind
from taskkit.states import CLAIMED, State
from taskkit.storage import Document, Query, Storage
from taskkit.storage._chains import Chains
from taskkit.storage._dues import DUE
from taskkit.storage.memory import MemoryStorage

if TYPE_CHECKING:
    from taskkit.engine._ground import Settings
    from taskkit.engine.engine import Engine
    from taskkit.tasks import Task
    from taskkit.vaults import Sessions

#: All that planning and running look at; what is sealed, and the marks of readers, stay where they are.
_TABLES = (
    "task", "list", "definition", "version", "removed", "past", "name", "use", "standing", "account", "pause", "passing", "consent",
    "burst", "chore",
)  # fmt: skip
#: With so many jobs, all records are read at once instead of one by one.
_MANY = 500
Ear = Callable[[Fact], object]


class PlayedTime:
    """Implements the port `Clock`: it stands still until the game goes on."""

    stands_still = True

    def __init__(self, now: Instant) -> None:
        self._now = now

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> float:
        return self._now / SECOND

    def wait(self, event: threading.Event, seconds: float) -> NoReturn:
        raise Refused("waiting in a forecast", "nobody moves its clock meanwhile", "report it: nothing here should wait")

    def pass_to(self, at: Instant) -> None:
        self._now = max(self._now, at)


class _Heard(Chains):
    """Facts of the game are heard and forgotten."""

    def __init__(self, ears: Mapping[str, Ear]) -> None:
        super().__init__()
        self._ears = ears

    def append(self, name: str, facts: Sequence[Fact | Refrain], key: FactKey | None = None) -> None:
        for told in facts:
            kind = (told.fact if isinstance(told, Refrain) else told).kind
            if (ear := self._ears.get(kind)) is not None:
                for fact in told.facts if isinstance(told, Refrain) else (told,):
                    ear(fact)


class TwinStorage(MemoryStorage):
    """Takes in what another store holds."""

    def __init__(self, ears: Mapping[str, Ear]) -> None:
        super().__init__()
        self._tables.chains = _Heard(ears)

    def take_documents(self, table: str, documents: Iterable[Document]) -> None:
        self._rooms.documents.load(table, documents)

    def take_jobs(self, jobs: Iterable[tuple[Job, Sequence[Cause]]]) -> None:
        """As they stand, the oldest first; seats were given elsewhere, and are not asked for again."""
        rooms = self._rooms
        for job, causes in jobs:
            self._jobs.add(job)
            if job.fire is not None:
                rooms.fires.keep(job, job.fire)
            for cause in causes:
                rooms.fires.add(job, cause)
            if job.state in DUE:
                rooms.dues.wait(job)
            elif job.state in CLAIMED:
                rooms.dues.lend(job)
        rooms.journal.log.clear()
        self._jobs.lay_down()

    def use_up(self, fires: Iterable[tuple[Job, str]]) -> None:
        """They have had their run."""
        for job, fire in fires:
            self._rooms.fires.keep(job, fire)
        self._rooms.journal.log.clear()

    @property
    def waiters(self) -> list[str]:
        """The jobs that wait for an account or a slot."""
        return list(self._rooms.holds.wants)


class Twin:
    """The engine of the game, its store and its clock."""

    def __init__(self, engine: Engine, *, seed: int, ears: Mapping[str, Ear], sessions: Sessions | None, settings: Settings | None) -> None:
        ground = engine._ground
        self.clock, self.storage = PlayedTime(ground.now()), TwinStorage(ears)
        self.jobs = _copied(ground.storage, self.storage)
        self.vault = TwinVault(ground.vault, sessions)
        if len(self.jobs) > _MANY:
            self.vault.records.all()
        self.engine = engine._twin(self.vault, self.storage, self.clock, Dice(seed, "forecast"), settings)
        self.ground = self.engine._ground

    def edit(self, task: Task, by: str | None) -> None:
        """What was run before its time, or canceled, has used up its name: no edit plans it anew (J6, T6)."""
        before = self.ground.catalog.task(task.id)
        if before is not None and before.interval is not None and not before.interval.relative:
            plan, now = before.interval.plan(), self.clock.now() // SECOND
            waiting = (job for job in self.jobs if job.kind is Kind.OCCURRENCE and job.trigger[0] == task.id)
            self.storage.use_up((job, fire) for job in waiting for fire in _passed_over(plan, now, job))
        self.engine.edit(task, by=by)


def _passed_over(plan: Plan, now: int, job: Job) -> Iterator[str]:
    """The occurrences from now on that the one which waits was not planned for; one that was set by hand says nothing of them."""
    at = plan.after(now)
    while at is not None and at < (job.at or 0) and not (job.nominal or "").startswith("set "):
        yield fire_of(str(plan.nominals(at)[0]), job.via)
        at = plan.after(at)


def _copied(source: Storage, to: TwinStorage) -> list[Job]:
    """The open jobs, as the twin has them: what is claimed and has not begun waits again."""
    for table in _TABLES:
        to.take_documents(table, all_documents(source, table))
    jobs = [_unclaimed(job) for job in all_jobs(source, Query(states=OPEN))]
    jobs.reverse()
    around = list(_around(source, jobs))
    to.take_documents("execution", (kept for job in jobs if job.conducts and (kept := source.document("execution", job.id))))
    to.take_jobs((job, () if _is_bare(job) else source.causes(job.id)) for job in chain(around, jobs))
    return jobs


def _unclaimed(job: Job) -> Job:
    return job.after(State.DEFERRED, {}) if job.state is State.QUEUED else job


def _is_bare(job: Job) -> bool:
    """Nobody has ever moved it, and no happening joins an occurrence that waits (P4): it has no causes, and need not be asked for them."""
    return job.kind is Kind.OCCURRENCE and job.revision == 1


def _around(source: Storage, jobs: Sequence[Job]) -> Iterable[Job]:
    """What has ended, and open jobs look at: the other parts of their executions, and the first of their series."""
    known = {job.id for job in jobs}
    executions = dict.fromkeys(job.id if job.conducts else job.execution for job in jobs if job.conducts or job.execution)
    found = [part for id in executions for part in all_jobs(source, Query(execution=id))]
    first = (source.job(id) for id in dict.fromkeys(job.series for job in jobs if job.series is not None))
    conductors = (source.job(id) for id in executions if id is not None)
    ended = {job.id: job for job in (*found, *first, *conductors) if job is not None and job.id not in known}
    return sorted((job for job in ended.values() if job.state not in OPEN), key=lambda job: job.created)
