"""One job, tried out in a real engine on a clock that stands still: run, stopped, killed, overtaken, run again by another process.

The run that a script or executor sees here is the engine's own, with its store, fence and scrubber behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pendulum
from attrs import frozen

from taskkit.engine import Engine, Entry, Settings
from taskkit.engine._border import performed
from taskkit.engine._cases import Case
from taskkit.errors import Refused, StaleToken
from taskkit.events.policies import POLICIES, OnDemand, Policy
from taskkit.instants import Clock
from taskkit.jobs import Job
from taskkit.outcomes import DONE, Effect, Outcome, Unknown
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.manager import Plugins
from taskkit.plugins.runs import Run
from taskkit.plugins.specs import hookimpl
from taskkit.plugins.verbs import Verb
from taskkit.records import Record, RecordType
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import SYSTEM, Task, of_type
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.executors import FakeExecutor
from taskkit.testing.stage import Killed
from taskkit.testing.vaults import MemoryVault
from taskkit.vaults import Vault

_START = pendulum.datetime(2026, 3, 2, tz="UTC")
_LEASE = 60
RECORD = Record("db-1", "trial", fields={"host": "10.0.0.5", "user": "app"}, secret_fields=["password"])


def _acting(needs: frozenset[Verb]) -> Script:
    """A script that leaves its run to whoever begins it."""

    @frozen
    class Acting(Script):
        name: str = "trial"

        def perform(self, run: Run) -> Outcome:
            return DONE

    traits: Mapping[str, Any] = {"kind": "trial", "effect": Effect.IDEMPOTENT, "needs": needs}
    for name, value in traits.items():
        setattr(Acting, name, value)
    return Acting()


class Offering:
    def __init__(self, script: Script, executor: Executor) -> None:
        self._script, self._executor = script, executor

    @hookimpl
    def taskkit_scripts(self) -> Iterable[type[Script]]:
        return [type(self._script)]

    @hookimpl
    def taskkit_executors(self) -> Iterable[Executor]:
        return [self._executor]

    @hookimpl
    def taskkit_policies(self) -> Iterable[type[Policy]]:
        return POLICIES


class Trial:
    """A job of `script` about `record`, whose type is reached by `executor`; without a script the test itself acts, with `run`."""

    def __init__(
        self,
        script: Script | None = None,
        record: Record | None = RECORD,
        *,
        executor: Executor | None = None,
        settings: Mapping[str, Any] | None = None,
        shadow: Record | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        vault: Vault | None = None,
        clock: Clock | None = None,
        deadline: float = 3600,
        viewer: str | None = None,
        points: Callable[[str], object] | None = None,
    ) -> None:
        self.clock: Any = clock or VirtualClock(_START)
        self.executor = executor or FakeExecutor(clock=self.clock if isinstance(self.clock, VirtualClock) else None)
        script = script or _acting(self.executor.verbs if record is not None else frozenset())
        self.vault: Any = vault or MemoryVault(filter(None, (record, shadow)), secrets, clock=self.clock)
        #: Called at each point that a run passes, with its name.
        self.points = points
        self._storage, self._processes = MemoryStorage(), 0
        self._plugins = Plugins([("trial", Offering(script, self.executor))], discover=False, guests=False)
        self.engine = self._enter()
        for type_ in sorted({one.type for one in (record, shadow) if one is not None}):
            self.engine.define(RecordType(type_, executor=self.executor.name, settings=settings or {}))
        self.engine.define(script)
        self.job = self._plan(script, record, shadow, deadline, viewer)

    def _plan(self, script: Script, record: Record | None, shadow: Record | None, deadline: float, viewer: str | None) -> str:
        task = Task("trial", script.name, OnDemand(), deadline=deadline, shadow=shadow.id if shadow else None, runs_as=viewer)
        task = self.engine.put(task, list=of_type(record.type) if record else SYSTEM, by=viewer)
        self.task = task.id
        self._record = record.id if record else None
        first = self.engine.history(task=task.id).entries  # a task of the system runs at once
        return first[0].id if first else self.engine.demand(task.id, self._record)

    def again(self) -> Trial:
        """Another job of the same task."""
        self.job = self.engine.demand(self.task, self._record)
        return self

    # as the process that works

    @contextmanager
    def run(self) -> Iterator[Run]:
        """The run of the job, begun. At the end of the block it is done; after an error nobody knows; after `die` it is as it was."""
        case = self._begin()
        if case is None:
            raise Refused(f"running the job {self.job!r}", f"it is {self.entry.state}: {self.entry.text or self.entry.why}", "")
        try:
            yield case.run
        except Killed:
            return
        except StaleToken:
            raise
        except Exception:
            self._end(case, Unknown("the block raised"))
            raise
        self._end(case, DONE)

    def perform(self) -> Outcome | None:
        """What the script answers; None where the job was refused, died or is another's now."""
        if (case := self._begin()) is None:
            return None
        try:
            outcome = performed(case.script.perform, case.run)
        except (StaleToken, Killed):
            return None
        self._end(case, outcome)
        return outcome

    def _begin(self) -> Case | None:
        turns = self.engine._staff.turns
        for case in self.engine._staff.starter.start(turns.claim(1)):
            case.run.deadline = self.clock.monotonic() + case.task.deadline
            return case
        return None

    def _end(self, case: Case, outcome: Outcome) -> None:
        self.engine._staff.finisher.finish([(case, outcome)])

    # as the world around it

    def die(self) -> None:
        """Kills the process that works: to be called at a point, or in the block of `run`."""
        raise Killed

    def take_over(self) -> Engine:
        """Time passes until the lease is over, and another process is there: what is performed from now on is performed by it."""
        self.clock.advance(seconds=_LEASE + 1)
        self.engine = self._enter()
        return self.engine

    def _enter(self) -> Engine:
        self._processes += 1
        return Engine(
            self.vault, self._storage.join(), plugins=self._plugins, clock=self.clock, node=f"node-{self._processes}",
            settings=Settings(lease=_LEASE, workers=1), points=self._point,
        )  # fmt: skip

    def _point(self, name: str, job: Job) -> None:
        if self.points is not None:
            self.points(name)

    @property
    def entry(self) -> Entry:
        """The job, as the history shows it."""
        return self.engine.job(self.job)


@contextmanager
def running(script: Script | None = None, record: Record | None = RECORD, **given: Any) -> Iterator[Run]:
    """A real run, for a block: that of a `Trial` with the same parameters."""
    with Trial(script, record, **given).run() as run:
        yield run
