"""Whole engines for tests: a clock that stands still, a vault and a store in memory, and scripts that answer as told."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pendulum
from attrs import field, frozen

from taskkit.engine import Engine, Entry, Settings
from taskkit.events import Daily
from taskkit.events.happenings import Happening
from taskkit.events.intervals import Interval
from taskkit.events.policies import OnDemand, Policy
from taskkit.keyrings import Keyring
from taskkit.outcomes import DONE, Effect, Outcome, Unknown
from taskkit.plugins import specs
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import Step
from taskkit.storage import Keep, Landed, Move, Query, Slice, Storage, Unit
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault, VirtualClock

START = pendulum.datetime(2026, 3, 2, tz="UTC")
UNIX = of_type("unix")
Answer = Outcome | Callable[[Run], Outcome]


class Crash(BaseException):
    """The process dies here; nothing after this line happens."""


class Play:
    """What scripts answer, by record (or by None where a job has none), and what they were asked; `DONE` where nothing was said."""

    def __init__(self) -> None:
        self.answers: dict[str | None, deque[Answer]] = defaultdict(deque)
        self.always: dict[str | None, Answer] = {}
        self.performed: list[tuple[str, str | None]] = []

    def says(self, record: str | None, *answers: Answer) -> None:
        """The next answers, one after the other."""
        self.answers[record].extend(answers)

    def perform(self, script: Script, run: Run) -> Outcome:
        name = run.record.id if run.record else None
        self.performed.append((script.name, name))
        waiting = self.answers[name]
        answer = waiting.popleft() if waiting else self.always.get(name, DONE)
        return answer(run) if callable(answer) else answer

    def count(self, record: str | None) -> int:
        return sum(1 for _, name in self.performed if name == record)


def does(deed: Callable[[Run], object], outcome: Outcome = DONE) -> Callable[[Run], Outcome]:
    """An answer that is given after something was done."""

    def perform(run: Run) -> Outcome:
        deed(run)
        return outcome

    return perform


def scripted(play: Play, kind: str = "scripted", **traits: Any) -> Any:
    """A kind of script that answers as the play says; `traits` are its class attributes (`spread`, `right`, `effect` …)."""

    @frozen
    class Scripted(Script):
        name: str
        says: str = field(default="", kw_only=True)

        def perform(self, run: Run) -> Outcome:
            return play.perform(self, run)

    for name, value in {"kind": kind, "effect": Effect.IDEMPOTENT, **traits}.items():
        setattr(Scripted, name, value)
    return Scripted


class Offer:
    """A plug-in of whatever a test hands it."""

    def __init__(
        self,
        scripts: Iterable[type[Script]] = (),
        executors: Iterable[Any] = (),
        notifiers: Iterable[Any] = (),
        policies: Iterable[type[Policy]] = (),
    ) -> None:
        self._scripts, self._executors, self._notifiers = tuple(scripts), tuple(executors), tuple(notifiers)
        self._policies = tuple(policies)

    @specs.hookimpl
    def taskkit_policies(self) -> Iterable[type[Policy]]:
        return self._policies

    @specs.hookimpl
    def taskkit_scripts(self) -> Iterable[type[Script]]:
        return self._scripts

    @specs.hookimpl
    def taskkit_executors(self) -> Iterable[Any]:
        return self._executors

    @specs.hookimpl
    def taskkit_notifiers(self) -> Iterable[Any]:
        return self._notifiers


def hosts(count: int, type: str = "unix") -> list[Record]:
    """h01, h02 …"""
    return [Record(f"h{number:02}", type, fields={"host": f"host{number:02}", "user": "root"}) for number in range(1, count + 1)]


class House:
    """An engine with its surroundings; `enter()` starts a further process on the same store."""

    def __init__(
        self,
        *records: Record,
        scripts: Iterable[type[Script]] | None = None,
        executors: Iterable[Any] = (),
        notifiers: Iterable[Any] = (),
        settings: Settings | None = None,
        points: Callable[..., None] | None = None,
        start: pendulum.DateTime = START,
        play: Play | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        policies: Iterable[type[Policy]] = (),
        rng: random.Random | None = None,
        keyring: Keyring | None = None,
        slots: bool = True,
    ) -> None:
        self.clock = VirtualClock(start)
        self.vault = MemoryVault(records, secrets, slots=slots, keeps=True, clock=self.clock)
        self.storage, self.play = MemoryStorage(), play or Play()
        self.Scripted = scripted(self.play)
        self._offer, self._rng = Offer((self.Scripted, *(scripts or ())), executors, notifiers, policies), rng
        self._settings, self._keyring, self._nodes = settings, keyring, 0
        self.engine = self.enter(points=points)
        self.furnish(self.engine)

    def furnish(self, engine: Engine) -> None:
        """What a new store needs."""
        for name in sorted({record.type for record in self.vault.records.all()}):
            engine.define(RecordType(name))
        engine.define(self.Scripted("work"))

    def enter(self, *, points: Callable[..., None] | None = None, settings: Settings | None = None, storage: Any = None) -> Engine:
        """A process of its own on the same store, vault and clock."""
        self._nodes += 1
        return _mortal(Engine(
            self.vault, storage or self.storage.join(), settings=settings or self._settings, plugins=[self._offer], clock=self.clock,
            node=f"n{self._nodes}", points=points, rng=self._rng, keyring=self._keyring,
        ))  # fmt: skip

    def put(self, *policies: Policy | Interval, list: str = UNIX, **said: Any) -> Task:
        """A task that does its work when these policies say so."""
        return self.engine.put(Task("work it", "work", policies, **said), list=list)

    def emit(self, happening: Happening, engine: Engine | None = None) -> str:
        """The one job that a happening made or joined."""
        (job,) = (engine or self.engine).emit(happening)
        return job

    def entries(self, **filters: Any) -> list[Entry]:
        """The history, the oldest first."""
        return list(reversed(self.engine.history(limit=10_000, **filters).entries))

    def kinds(self, **filters: Any) -> list[str]:
        """The facts by name, in their order."""
        return [fact.kind for fact in self.engine.facts(limit=100_000, **filters)]


def _mortal(engine: Engine) -> Engine:
    """A process that dies in a script does not get to what becomes of its job: a `Crash` passes all that an engine makes of errors."""
    perform = engine._staff.turns.perform

    def performed(case: Any) -> Outcome | None:
        outcome = perform(case)
        if isinstance(outcome, Unknown) and outcome.text == "the script raised Crash":
            raise Crash
        return outcome

    engine._staff.turns.perform = performed  # type: ignore[method-assign]
    return engine


def one(*more: Record, **said: Any) -> House:
    """A house with the record r1."""
    return House(Record("r1", "unix"), *more, **said)


def at_two(count: int = 1, **given: Any) -> House:
    """A house at two in the night, when its task is due."""
    house = House(*hosts(count), **given)
    house.engine.put(Task("nightly", "work", [Daily(at="02:00"), OnDemand()]), list=UNIX)
    house.clock.advance(hours=2)
    return house


class Watched(MemoryStorage):
    """A process's handle on a store; something may happen right before a write that a test waits for."""

    def __init__(self, of: MemoryStorage) -> None:
        super().__init__(of._tables)
        self._waiting: list[tuple[Callable[[Sequence[Unit]], bool], Callable[[], object]]] = []
        self._looks: list[Callable[[], object]] = []

    def before_looking(self, then: Callable[[], object]) -> None:
        """Once, before jobs are looked for."""
        self._looks.append(then)

    def jobs(self, query: Query, **said: Any) -> Slice:
        if self._looks:
            self._looks.pop()()
        return super().jobs(query, **said)

    def before(self, wanted: Callable[[Sequence[Unit]], bool], then: Callable[[], object]) -> None:
        """Once, before the first write for which `wanted` is true."""
        self._waiting.append((wanted, then))

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        for one in [one for one in self._waiting if one[0](units)]:
            self._waiting.remove(one)
            one[1]()
        return super().write(units, durable=durable)


def writes(table: str) -> Callable[[Sequence[Unit]], bool]:
    """Whether a write keeps a document of this table."""
    return lambda units: any(isinstance(change, Keep) and change.table == table for unit in units for change in unit)


def steps(step: Step) -> Callable[[Sequence[Unit]], bool]:
    """Whether a write moves a job by this step."""
    return lambda units: any(isinstance(change, Move) and change.step is step for unit in units for change in unit)


TABLES = (
    "task", "list", "definition", "version", "removed", "past", "name", "use", "chore", "standing", "account", "pause", "consent",
    "execution",
)  # fmt: skip


def kept(storage: Storage) -> tuple[object, ...]:
    """All that a store holds but for the marks of readers: to see that nothing is half done."""
    documents = {(table, kept.id): (kept.revision, kept.body) for table in TABLES for kept in storage.documents(table, limit=100_000)}
    return documents, list(storage.jobs(Query(), limit=100_000).jobs), storage.facts({}, limit=100_000)[0]


def raises_over(house: House, record: str, error: BaseException) -> None:
    """Its vault has no answer for one record but this."""
    answer = house.vault.records.get

    def get(id: str) -> Any:
        if id == record:
            raise error
        return answer(id)

    house.vault.records.get = get  # type: ignore[method-assign]
