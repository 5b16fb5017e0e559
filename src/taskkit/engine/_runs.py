"""The run that a script sees: its job, its host, its secrets for this run alone, and the fence behind every step that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import proxy

import pendulum
from attrs import evolve

from taskkit.engine._border import guarded, plain
from taskkit.engine._budgets import Budget
from taskkit.engine._cases import Case
from taskkit.engine._fences import Fence
from taskkit.engine._reach import Reach
from taskkit.engine._run_intents import RunIntents
from taskkit.engine._sayings import Sayings
from taskkit.facts import Fact
from taskkit.instants import Instant, shown
from taskkit.jobs import Job
from taskkit.outcomes import Done, NotDone, Unknown
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.verbs import Host, Login, Operation, Probe, SecretChange, Verb
from taskkit.records import EMPTY, NO_ACCOUNTS, AccountId, Accounts, Record
from taskkit.scrubbing import Scrubber, Stream
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.storage import Name, Unit
from taskkit.tasks import Task
from taskkit.vaults import Slots, Vault

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.events.happenings import Happening

_PEN = Lock()  #: a script may have threads of its own


class JobRun:
    """Implements the port `Run`."""

    def __init__(self, ground: Ground, case: Case, points: Callable[[str, Job], None] | None = None) -> None:
        self._ground, self._job = ground, case.job
        # not the case itself: it knows its run, and what goes in a circle only the collector takes away
        self._kin, self._record, self._shadow, self._executor = case.kin, case.record, case.shadow, case.executor
        self._memo: Mapping[str, Any] = case.job.memo or EMPTY
        self._blobs, self._points = case.job.blobs, points
        #: Whether anything outside may have changed: then what nobody saw the end of is unknown (J10).
        self.touched = bool(case.job.memo)
        #: On the clock that no change of the wall clock moves.
        self.deadline: float | None = None
        # made when they are first asked for: most runs are over before anybody does. Named here all the same, as an attribute that comes
        # when hundreds of runs are there already would cost each of them a dictionary of its own
        self._fence: Fence | None = None
        self._scrubber: Scrubber | None = None
        self._turned: Mapping[str, Any] | None = None
        self._intents: RunIntents | None = None
        self._reach: Reach | None = None
        self._sayings = Sayings(case.job, self.scrubber) if case.job.operations or case.job.progress else None
        self.accounts = NO_ACCOUNTS

    def watch(self, heard: Callable[[str], object], over: Callable[[Executor], Executor]) -> None:
        """Whoever stays with it hears of each point that it passes, and may put something between it and its host."""
        before, self._executor = self._points, self._executor and over(self._executor)

        def point(name: str, job: Job) -> None:
            if before is not None:
                before(name, job)
            heard(name)

        self._points = point

    def begin(self, turned: Mapping[str, Any], accounts: Accounts) -> None:
        """Its start has landed, and has made this of the job, which holds these accounts."""
        self._turned, self.accounts = turned, accounts

    @property
    def fence(self) -> Fence:
        with _PEN:
            fence = self._fence = self._fence or Fence(self._ground, self._job)
        return fence

    @property
    def scrubber(self) -> Scrubber:
        with _PEN:
            scrubber = self._scrubber = self._scrubber or Scrubber()
        return scrubber

    # what it is about

    @property
    def job(self) -> Job:
        """As it stands now that its start has landed."""
        with _PEN:
            if self._turned is not None:
                self._job, self._turned = self._job.with_({**self._turned, "state": State.RUNNING}), None
            return self._job

    @property
    def task(self) -> Task:
        return self._kin.task

    @property
    def script(self) -> Script:
        return self._kin.script

    @property
    def record(self) -> Record | None:
        return self._record

    @property
    def shadow(self) -> Record | None:
        return self._shadow

    @property
    def token(self) -> int:
        return self._job.token or 0

    @property
    def memo(self) -> Mapping[str, Any]:
        return self._memo

    @property
    def rescued(self) -> bool:
        return self.job.rescues > 0 and self.job.started is not None

    @property
    def origin(self) -> tuple[str, ...]:
        """Of its job and of all its reasons, those that joined just now too (P5)."""
        causes = self._ground.storage.causes(self._job.id)
        return tuple(dict.fromkeys((*self._job.origin, *(line for cause in causes for line in cause.origin), self._job.line)))

    @property
    def consented(self) -> str | None:
        return self._job.consented

    @property
    def vault(self) -> Vault:
        return guarded(self._ground.vault, self.touch, self.keep)

    @property
    def viewer(self) -> str | None:
        return self._kin.task.runs_as

    # what it is about to change

    @property
    def intents(self) -> RunIntents:
        with _PEN:
            intents = self._intents = self._intents or RunIntents(self._ground, proxy(self))
        return intents

    @property
    def slots(self) -> Slots:
        return self.intents.slots

    @property
    def used_intents(self) -> RunIntents | None:
        """None where it never spoke of any."""
        return self._intents

    # time and stopping

    def now(self) -> pendulum.DateTime:
        return shown(self._ground.now())

    @property
    def seconds_left(self) -> float:
        deadline = self.deadline
        return 3600.0 * 24 * 365 if deadline is None else max(0.0, deadline - self._ground.clock.monotonic())

    @property
    def stop_requested(self) -> bool:
        return self.seconds_left <= 0 or self.fence.asks_to_stop()

    # the host

    @property
    def reach(self) -> Reach:
        with _PEN:
            reach = self._reach = self._reach or Reach(self._ground, self._kin)
        return reach

    @property
    def executor(self) -> Executor | None:
        return self._executor

    def connect(self, login: Record | None = None, *, to: Record | None = None) -> AbstractContextManager[Any]:
        return self.reach.connect(self, login, to)

    def probe(self, login: Record | None = None, secret: Secret | None = None, *, to: Record | None = None) -> Probe:
        return self.reach.probe(self, login, secret, to)

    def change(self, change: SecretChange, login: Record | None = None, *, to: Record | None = None) -> Done | NotDone | Unknown:
        return self.reach.change(self, change, login, to)

    def verbs(self, to: Record | None = None) -> frozenset[Verb]:
        return self.reach.verbs(self, to)

    def host(self, record: Record) -> Host:
        return self.reach.host(record)

    def login(self, record: Record) -> Login:
        return self.reach.login(self, record)

    def budget(self, account: AccountId) -> Budget:
        return self.reach.budget(self, account)

    def touch(self) -> None:
        self.touched = True

    # what it found out

    def happened(self, happening: Happening) -> None:
        """Told with the path that led here, so that what follows from it does not come back (P5)."""
        self.point("happened")
        self._ground.emit([evolve(happening, origin=self.origin, at=happening.at or self.now())])
        self.touch()

    def trusted(self, address: str, key: str) -> None:
        job, told = self._job, {"address": address, "key": key}
        fact = Fact("HostTrusted", self._ground.now(), job.id, job.task, job.line, job.record, None, told)
        self._ground.storage.write([(fact,)])

    # what it says

    def scrub(self, text: str) -> str:
        return self.scrubber.scrub(text)

    def scrub_stream(self) -> Stream:
        return self.scrubber.stream()

    def keep(self, secret: Secret) -> Secret:
        self.scrubber.add(secret)
        return secret

    @property
    def sayings(self) -> Sayings:
        scrubber = self.scrubber
        with _PEN:
            sayings = self._sayings = self._sayings or Sayings(self._job, scrubber)
        return sayings

    def operation(self, operation: Operation) -> None:
        self.sayings.add(operation)
        self.touched = True
        self.point(f"operation:{operation.name}")

    def progress(self, done: int, of: int, text: str = "") -> None:
        told, is_further = self.sayings.ahead(done, of, text)
        self.fence.save({"progress": told, **({"rescues": 0} if is_further else {})}, durable=False)
        self.sayings.progress = told  # what the store does not take is not said once more at the end

    def save(self, memo: Mapping[str, Any], *, turned: bool = False) -> None:
        self.save_with(memo, turned=turned)

    def save_with(self, memo: Mapping[str, Any], changes: Unit = (), *, turned: bool = False, clean: bool = False) -> None:
        """The memo may hold ids of blobs: they are seen from now on, and stay the job's whoever goes on with it. Outdated where `changes`
        could not land; then nothing has. What is `clean` holds no word of a host: it is kept also where all output has to be withheld."""
        self.point("save")
        kept = plain(dict(memo) if clean else self.scrubber.scrub_deep(dict(memo)))
        fields = {"memo": kept, **self._written()}
        if kept != self._memo:  # who saves what the worker before has saved came no further (J4)
            fields["rescues"] = 0
        if turned:
            fields["turned_at"] = self._ground.now()
        self.fence.save(fields, (*self.names(), *changes), durable=True)
        if turned:
            self.turned(fields["turned_at"])
        self._memo, self.touched = kept, True
        self.sayings.memo = None if clean else kept
        self.point("saved")

    def turned(self, at: Instant) -> None:
        """Its secret was chosen: what happens from now on is not for it any more (P4)."""
        self._job = self.job.with_({"turned_at": at})

    def blob(self, pieces: Iterable[bytes], name: str = "") -> str:
        id = self._ground.storage.put_blob(pieces, job=self._job.id)
        with _PEN:
            self._blobs += (id,)
        return id

    def forget(self, blob: str) -> None:
        """The store has lost it."""
        self._blobs = tuple(kept for kept in self._blobs if kept != blob)

    def point(self, name: str) -> None:
        if self._points is not None:
            self._points(name, self.job)
        self.fence.pass_on()

    @property
    def operations(self) -> tuple[Mapping[str, Any], ...]:
        """As they are kept."""
        return self._sayings.operations if self._sayings is not None else ()

    # how it ended

    @property
    def says_something(self) -> bool:
        """Whether there is anything of it to keep."""
        return bool((self._sayings is not None and self._sayings.are_any) or self._blobs or self._intents)

    def ending(self) -> dict[str, Any]:
        """What the unit that ends the job keeps of the run."""
        told, sayings = self._written(), self._sayings
        if sayings is not None and sayings.progress is not None:
            told["progress"] = sayings.progress
        if sayings is not None and sayings.memo not in (None, self._memo):
            told["memo"] = sayings.memo
        return told

    def _written(self) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if self._sayings is not None:
            self._sayings.scrub_again()
        if self.operations:
            told["operations"] = self.operations
        if self._blobs:
            told["blobs"] = self._blobs
        return told

    def names(self) -> tuple[Name, ...]:
        return tuple(Name(blob, self._job.id) for blob in self._blobs) if self._blobs else ()
