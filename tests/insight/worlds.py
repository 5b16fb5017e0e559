"""Small worlds of which a forecast is made, and that are then played: what is drawn of them says all that will happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pendulum
from attrs import field, frozen

from taskkit.engine import Engine, Settings
from taskkit.insight import ForecastRun
from taskkit.instants import Instant, instant
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Accounts, Record, RecordType
from taskkit.states import State
from taskkit.storage import Query, Storage
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault, Simulation
from tests.engine.houses import Offer

START = pendulum.datetime(2026, 3, 2, tz="UTC")
UNIX = of_type("unix")
FAILED = NotDone(ErrorClass.UNREACHABLE)
#: Task, record, when it began and when it ended, and how.
Seen = tuple[str, str | None, str | None, Instant, Instant, str]


@frozen
class World:
    """Records, tasks, and what each run takes and comes to."""

    records: Sequence[Record]
    tasks: Sequence[tuple[Task, str]]
    minutes: Mapping[tuple[str, str | None], int] = field(factory=dict)
    fails: frozenset[tuple[str, str | None, int]] = frozenset()
    workers: int = 1

    def takes(self, task: Task, record: Record | None) -> int:
        return self.minutes.get((task.name, record.id if record else None), 3)

    def duration(self, task: Task, record: Record | None) -> float:
        return self.takes(task, record) * 60

    def outcome(self, task: Task, record: Record | None, attempt: int) -> Outcome:
        return FAILED if (task.name, record.id if record else None, attempt) in self.fails else DONE


class Played:
    """A world in a simulation: as many processes as there are workers, each with one job at a time."""

    def __init__(self, world: World, settings: Settings | None = None, handles: Callable[[], Storage] | None = None) -> None:
        self.world = world
        kinds = scripts(world, lambda minutes: self.simulation.spend(minutes=minutes))
        self.settings = settings or Settings(workers=world.workers)
        self.simulation = Simulation(
            vault=MemoryVault(world.records),
            handles=handles,
            plugins=[Offer(kinds)],
            processes=world.workers,
            start=START,
            settings=self.settings,
            batch=1,
        )
        self.engine = self.simulation.engine
        furnish(self.engine, world, kinds)

    def __enter__(self) -> Played:
        return self

    def __exit__(self, *_: object) -> None:
        self.simulation.close()


def scripts(world: World, spend: Callable[[int], object]) -> list[type[Script]]:
    """`work` changes nothing; `rotate` has its account for itself."""

    def perform(run: Run) -> Outcome:
        spend(world.takes(run.task, run.record))
        return world.outcome(run.task, run.record, run.job.cycle + 1)

    @frozen
    class Work(Script):
        kind = "working"
        effect = Effect.IDEMPOTENT
        name: str

        def perform(self, run: Run) -> Outcome:
            return perform(run)

    @frozen
    class Rotate(Work):
        kind = "rotating"
        changes_secret = True

        def accounts(self, run: Run) -> Accounts:
            return Accounts(writes=[run.vault.records.account(run.record)] if run.record else [])

    return [Work, Rotate]


def furnish(engine: Engine, world: World, kinds: Iterable[Any]) -> None:
    engine.define(RecordType("unix"))
    for kind, name in zip(kinds, ("work", "rotate"), strict=True):
        for number in range(len(world.tasks)):
            engine.define(kind(f"{name}{number}"))
    for task, list in world.tasks:
        engine.put(task, list=list)


def came(storage: Storage, names: Mapping[str, str], since: Instant, until: Instant) -> list[Seen]:
    """What ran in a span."""
    jobs = storage.jobs(Query(), order="first_started", limit=100_000).jobs
    jobs = [job for job in jobs if job.started is not None and since <= job.started < until and not job.conducts]
    ran = [job for job in jobs if job.state is not State.RUNNING]
    seen = [(names[job.task], job.record, job.nominal, job.started or 0, job.ended or 0, job.state.value) for job in ran]
    return sorted(seen, key=str)


def expected(runs: Iterable[ForecastRun], until: Instant) -> list[Seen]:
    """What was said of it, as far as it has ended by then."""
    told = [(one.task_name, one.record, one.nominal, one.start_at, one.end_at, one.state) for one in runs if one.end_at < until]
    return sorted(told, key=str)


def seen_by(engine: Engine, since: pendulum.DateTime, until: pendulum.DateTime) -> list[Seen]:
    names = {task.id: task.name for task in engine.tasks()}
    return [one for one in came(engine.storage, names, instant(since), instant(until)) if one[4] < instant(until)]
