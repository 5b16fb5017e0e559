"""The engine: what an embedding product holds in its hand. It says what is to be done; its agents, one duty each, do it."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from taskkit.documents import Documents
from taskkit.engine._border import performed
from taskkit.engine._cases import Case
from taskkit.engine._catalog import Catalog
from taskkit.engine._chores import Chores
from taskkit.engine._conductor import Conductor, Execution
from taskkit.engine._consents import Consents, Gathering
from taskkit.engine._finisher import Finisher
from taskkit.engine._gates import Gates
from taskkit.engine._ground import Ground, Settings
from taskkit.engine._intake import Intake
from taskkit.engine._keeper import Keeper
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._notices import Notices
from taskkit.engine._pauses import Pause, Pauses
from taskkit.engine._planner import Planner
from taskkit.engine._rights import RightsDesk
from taskkit.engine._starter import Starter
from taskkit.engine._steering import Steering
from taskkit.engine._targets import Targets
from taskkit.engine._upkeep import Upkeep
from taskkit.engine._views import Entry, Page, Views
from taskkit.errors import StaleToken
from taskkit.events.happenings import Happening
from taskkit.events.intervals import Occurrence
from taskkit.facts import Fact, Fault, Head
from taskkit.instants import Clock, SystemClock, instant
from taskkit.jobs import Job
from taskkit.outcomes import Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.records import RecordType
from taskkit.states import State
from taskkit.storage import Query, Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import SYSTEM, Task
from taskkit.vaults import Vault

if TYPE_CHECKING:
    from taskkit.engine._floor import Floor

_BATCH = 100
Point = Callable[[str, Job], None]
T = TypeVar("T")


class Engine:
    """Tasks, policies and jobs over the records of one vault.

    Every call may come from any thread. `work` performs jobs in the thread that calls it, `run` in threads of its own.
    """

    def __init__(
        self,
        vault: Vault,
        storage: Storage | None = None,
        *,
        settings: Settings | None = None,
        plugins: Plugins | Iterable[object] = (),
        clock: Clock | None = None,
        node: str | None = None,
        rng: random.Random | None = None,
        points: Point | None = None,
    ) -> None:
        storage = storage or MemoryStorage()
        plugins = plugins if isinstance(plugins, Plugins) else Plugins(tuple(plugins))
        ground = self._ground = Ground(
            storage=storage, vault=vault, clock=storage.clock or clock or SystemClock(), plugins=plugins,
            node=node or socket.gethostname(), settings=settings or Settings(), rng=rng,
        )  # fmt: skip
        ground.documents = Documents(plugins.policies.values(), [*plugins.scripts.values(), RecordType])
        ground.catalog = Catalog(ground)
        self.storage, self.plugins, self.settings = storage, plugins, ground.settings
        rights = RightsDesk(ground)
        targets = Targets(ground)
        planner = Planner(ground, targets)
        self._pauses = Pauses(ground)
        self._chores = Chores(ground, planner)
        self._keeper = Keeper(ground, planner, self._chores, rights)
        self._intake = Intake(ground, planner, targets, self._keeper, self._chores, rights, self._pauses)
        self._conductor = Conductor(ground, planner, points)
        self._starter = Starter(ground, planner, targets, Gates(ground, rights, self._pauses), self._conductor)
        self._finisher = Finisher(ground, planner)
        self._consents = Consents(ground, rights)
        self._views = Views(ground, planner, rights, self._consents)
        self._steering = Steering(ground, planner, rights, self._pauses, self._conductor, self._finisher)
        self._upkeep = Upkeep(ground, planner, self._chores, self._keeper, self._intake)
        self._notices = Notices(ground)
        self._lifeline = Lifeline(ground)
        self._floor: Floor | None = None
        self._upkeep.check_plugins()

    # tasks, lists and definitions

    def put(self, task: Task, *, list: str = SYSTEM, by: str | None = None) -> Task:
        """Keep a new task and plan it; as it stands then, with id, line and revision."""
        return self._woken(self._keeper.put(task, list=list, by=by))

    def edit(self, task: Task, *, by: str | None = None) -> Task:
        """Keep a changed task (`attrs.evolve` makes one); Outdated where somebody changed it first."""
        return self._woken(self._keeper.edit(task, by=by))

    def activate(self, task: str, *, by: str | None = None) -> Task:
        """Its next occurrence is planned; nothing is owed for the time between (R7)."""
        return self.edit(evolve(self.task(task), active=True), by=by)

    def deactivate(self, task: str, *, by: str | None = None) -> Task:
        """It is kept and holds no pending job; a running one ends normally (R7)."""
        return self.edit(evolve(self.task(task), active=False), by=by)

    def remove(self, task: str, *, by: str | None = None) -> None:
        self._keeper.remove(task, by=by)

    def task(self, id: str) -> Task:
        return self._ground.catalog.wanted_task(id)

    def tasks(self, list: str | None = None, *, owner: str | None = None) -> list[Task]:
        """All tasks, or those of a list or an owner."""
        found = self._ground.catalog.all_tasks() if list is None else self._ground.catalog.tasks_in(list)
        return [task for task in found if owner is None or task.owner == owner]

    def hand_over(self, owner: str, to: str, *, by: str | None = None) -> int:
        """All tasks of somebody become somebody else's (A1); how many."""
        return self._keeper.hand_over(owner, to, by=by)

    def set_shadow(self, list: str, shadow: str | None, *, by: str | None = None) -> None:
        """The shadow account of all tasks of a list that name none of their own (R3)."""
        self._keeper.set_shadow(list, shadow, by=by)

    def make_unique(self, record: str, *, by: str | None = None) -> Sequence[Task]:
        """Give the record copies of its type's tasks (R1)."""
        return self._keeper.make_unique(record, by=by)

    def share_again(self, record: str, *, by: str | None = None) -> None:
        """Back to the tasks of the record's type (R1)."""
        self._keeper.share_again(record, by=by)

    def define(self, definition: Script | RecordType, *, by: str | None = None) -> int:
        """Keep a script or record type under its name; the version at which it stands now (R10)."""
        return self._keeper.define(definition, by=by)

    def undefine(self, name: str, *, by: str | None = None) -> None:
        """Remove a definition; refused while tasks choose it."""
        self._keeper.undefine(name, by=by)

    def definition(self, name: str) -> Any:
        """The script of this name, or None."""
        found = self._ground.catalog.definition(name)
        return found and found.value

    def definitions(self) -> dict[str, Any]:
        return {found.name: found.value for found in self._ground.catalog.definitions()}

    # what happens

    def emit(self, *happenings: Happening) -> list[str]:
        """Tell what happened; the jobs that it made or joined. The same happening twice is once (P9)."""
        return self._woken(self._intake.take(happenings))

    def demand(self, task: str, record: str | None = None, *, by: str | None = None, force: bool = False) -> str:
        """Ask for a run now; the job."""
        return self._woken(self._intake.demand(task, record, by=by, force=force))

    # working

    def tick(self) -> int:
        """Fetch from the outbox, go on with what others left, expire consents, hand facts to notifiers; how much there was to do."""
        now = self._ground.now()
        done = self._upkeep.fetch() + self._chores.do_all() + self._consents.expire(now) + self._upkeep.daily(now)
        return done + self._notices.send()

    def work(self, limit: int = _BATCH) -> int:
        """Claim what is due and perform it, in this thread; how many jobs were claimed."""
        claimed = self._claim(limit)
        if not claimed:
            return 0
        started = self._starter.start(claimed)
        for case in started:
            self._lifeline.hold(case.job)
        ended = [(case, outcome) for case in started if (outcome := self._perform(case)) is not None]
        self._finisher.finish(ended)
        for case in started:
            self._lifeline.let_go(case.job)
        return len(claimed)

    def drain(self, most: int = 10_000) -> int:
        """Tick and work until nothing is due; how many jobs were claimed."""
        total = 0
        while total < most:
            self.tick()
            claimed = self.work()
            if not claimed:
                self._notices.send()
                return total
            total += claimed
        return total

    def run(self, stop: threading.Event | None = None) -> None:
        """Work in threads until `stop` is set; then end gracefully: claim nothing more and let what runs end."""
        from taskkit.engine._floor import Floor

        self._floor = Floor(
            self._ground, claim=self._claim, starter=self._starter, perform=self._perform, finisher=self._finisher,
            lifeline=self._lifeline, tick=self.tick,
        )  # fmt: skip
        try:
            self._floor.run(stop or threading.Event())
        finally:
            self._floor = None

    def _claim(self, limit: int) -> Any:
        now, ground = self._ground.now(), self._ground
        pools = self._pauses.open_pools()
        if not pools:
            return ()
        lease = now + ground.settings.lease_length
        return ground.storage.claim(now, worker=ground.worker, node=ground.node, pools=pools, limit=limit, lease=lease)

    def _perform(self, case: Case) -> Outcome | None:
        """What became of it; None where the job is another's now."""
        case.deadline = self._ground.clock.monotonic() + case.task.deadline * 60
        try:
            if case.job.conducts:
                return performed(lambda: self._conductor.perform(case), case.run.scrubber)
            return performed(lambda: case.script.perform(case.run), case.run.scrubber)
        except StaleToken:
            return None

    def _woken(self, value: T) -> T:
        self._wake()
        return value

    def _wake(self) -> None:
        """Whoever runs in this process looks at once; others poll."""
        if self._floor is not None:
            self._floor.wake()

    # steering

    def run_now(self, job: str, *, by: str | None = None, force: bool = False) -> None:
        """Bring a pending job forward (J6); `force` skips the window, by a right of its own."""
        self._steering.run_now(job, by=by, force=force)
        self._wake()

    def cancel(self, job: str, *, by: str | None = None) -> None:
        """End a pending job; a repeating task goes on with its next occurrence (J6)."""
        self._steering.cancel(job, by=by)

    def request_stop(self, job: str, *, by: str | None = None) -> None:
        """Ask a running job to end at its next safe point (J6)."""
        self._steering.request_stop(job, by=by)

    def rerun(self, execution: str, *, by: str | None = None) -> list[str]:
        """Once more for the records of an execution that failed (R6); the part jobs."""
        return self._woken(self._steering.rerun(execution, by=by))

    def set_next_run(self, task: str, at: datetime | None, record: str | None = None, *, by: str | None = None) -> None:
        """Set when its next occurrence runs; None leaves it to the intervals again (T13)."""
        self._steering.set_next_run(task, None if at is None else instant(at), record, by=by)
        self._wake()

    def suspend_task(self, task: str, record: str | None = None, *, by: str | None = None, why: str = "by hand") -> None:
        """Let a task wait, whole or for one record, until somebody resumes it."""
        self._steering.suspend(task, record, by=by, why=why)

    def resume_task(self, task: str, record: str | None = None, *, by: str | None = None) -> None:
        """What waits goes on; what passed meanwhile is one run (T15)."""
        self._steering.resume(task, record, by=by)
        self._wake()

    def consent(self, job: str, *, by: str) -> Gathering:
        """Consent to a run that asks for it (A5)."""
        return self._woken(self._consents.give(job, by=by))

    def decline(self, job: str, *, by: str, why: str = "") -> None:
        self._consents.decline(job, by=by, why=why)

    def pause(self, what: str = "engine", *, by: str | None = None, why: str = "") -> None:
        """Let the engine, a pool (`pool:<name>`) or a host (`host:<address>`) stand still, on all nodes (J11)."""
        self._pauses.pause(what, by=by, why=why)

    def resume(self, what: str = "engine", *, by: str | None = None) -> None:
        self._pauses.resume(what, by=by)
        self._wake()

    def pauses(self) -> list[Pause]:
        return self._pauses.all()

    def reconcile(self) -> int:
        """Compare vault and store, and repair what no happening told (R8); how much was repaired."""
        return self._woken(self._upkeep.reconcile())

    # looking

    def job(self, id: str, *, user: str | None = None) -> Entry:
        """One job as the history shows it."""
        return self._views.entry(self._steering.wanted(id, f"looking for the job {id!r}"), user)

    def history(
        self,
        *,
        record: str | None = None,
        task: str | None = None,
        states: Iterable[State] | State | None = None,
        execution: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        user: str | None = None,
        page: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Jobs, the newest first: of a record, of a task, or over all; with what `user` may do with each (J8)."""
        line = self.task(task).line if task is not None else None
        query = Query(
            states=states, record=record, line=line, execution=execution, since=instant(since) if since else None,  # type: ignore[arg-type]
            until=instant(until) if until else None,
        )  # fmt: skip
        return self._views.history(query, user, page, limit)

    def overview(self, user: str | None = None, *, list: str | None = None, page: str = "", limit: int = 100, ended: bool = False) -> Page:
        """Tasks that the person may see: status, running now, first, last and next run, last result."""
        return self._views.overview(user, list=list, page=page, limit=limit, ended=ended)

    def upcoming(self, task: str, count: int = 10, record: str | None = None) -> list[Occurrence]:
        """The next occurrences by the task's intervals (T14)."""
        return self._steering.upcoming(task, count, record)

    def demandable(self, record: str, user: str | None = None) -> list[Task]:
        """The tasks that the person may run on the record now."""
        found = self._ground.vault.records.get(record)
        return self._views.demandable(found, user) if found else []

    def execution(self, id: str) -> Execution | None:
        """How a run over many records stands (R6)."""
        return self._conductor.execution(id)

    def facts(self, *, record: str | None = None, kinds: Iterable[str] | None = None, limit: int = 1000) -> Sequence[Fact]:
        return self._views.facts_of(record, None if kinds is None else frozenset(kinds), limit)

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        """The whole chain of facts, against heads that were noted elsewhere (A6); empty where all is well."""
        return self.storage.check(noted)

    def pending_access(self, job: str) -> str:
        """For a vault that grants access after a task (P7): `pending`, `granted` or `failed`."""
        found = self._steering.wanted(job, "asking whether a job has ended")
        return {State.COMPLETED: "granted"}.get(found.state, "failed" if found.ended is not None else "pending")
