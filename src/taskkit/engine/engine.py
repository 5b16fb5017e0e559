"""The engine: what an embedding product holds in its hand. It says what is to be done; its agents, one duty each, do it."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import evolve

from taskkit._doors import with_a_door
from taskkit.checks import LONGEST_HOST, LONGEST_NAME, is_address, names
from taskkit.documents import documents_of
from taskkit.engine._access import access
from taskkit.engine._aftermaths import Aftermath
from taskkit.engine._border import record_of
from taskkit.engine._catalog import Catalog
from taskkit.engine._consents import Gathering
from taskkit.engine._entries import Entry, Page
from taskkit.engine._errands import each_alone
from taskkit.engine._executions import Execution, execution
from taskkit.engine._explanations import Explanation
from taskkit.engine._forks import guard
from taskkit.engine._ground import Ground, Settings
from taskkit.engine._pauses import Pause
from taskkit.engine._restores import WHY
from taskkit.engine._rights import RightsDesk
from taskkit.engine._seals import KeyUse, Seals, no_keyring
from taskkit.engine._staff import Point, Staff
from taskkit.engine._vitals import Vitals
from taskkit.errors import InvalidValue, Refused
from taskkit.events.happenings import Happening
from taskkit.events.intervals import Occurrence
from taskkit.facts import START, Fact, Fault, Head, Mark
from taskkit.instants import Clock, SystemClock, instant
from taskkit.jobs import Kind
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.records import RecordType
from taskkit.states import State
from taskkit.storage import Query, Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task
from taskkit.vaults import Vault

if TYPE_CHECKING:
    from taskkit.engine._floor import Floor
    from taskkit.insight._durations import Durations, Outcomes
    from taskkit.insight._forecasting import Change, Groups, Progress
    from taskkit.insight.forecasts import Forecast
    from taskkit.keyrings import Keyring
    from taskkit.vaults import Sessions

_BATCH = 100
T = TypeVar("T")


@with_a_door
class Engine:
    """Tasks, policies and jobs over the records of one vault.

    Every call may come from any thread. `work` performs jobs in the thread that calls it, `run` in threads of its own. A storage may be
    given by its URL: then `close`, or the end of a `with`, closes it.
    """

    def __init__(
        self,
        vault: Vault,
        storage: Storage | str | None = None,
        *,
        settings: Settings | None = None,
        plugins: Plugins | Iterable[object] = (),
        clock: Clock | None = None,
        node: str | None = None,
        rng: random.Random | None = None,
        points: Point | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        if keyring is not None and (trouble := no_keyring(keyring)) is not None:
            del keyring  # who dumps the locals of this frame shows none
            raise trouble
        plugins = plugins if isinstance(plugins, Plugins) else Plugins(plugins)
        self._own = plugins.open_storage(storage) if isinstance(storage, str) else None
        if storage is None or isinstance(storage, str):
            storage = self._own or MemoryStorage()
        ground = self._ground = Ground(
            storage=storage, vault=vault, clock=storage.clock or clock or SystemClock(), plugins=plugins,
            node=_node(node), settings=settings or Settings(), rng=rng,
        )  # fmt: skip
        ground.documents, ground.catalog, rights = documents_of(plugins), Catalog(ground), RightsDesk(ground)
        ground.seals = Seals(ground, rights, plugins.keyring if keyring is None else keyring)
        self.storage, self.plugins, self.settings = storage, plugins, ground.settings
        own_clock = None if storage.clock is None else clock or SystemClock()
        staff = self._staff = Staff(ground, rights, wake=self._wake, points=points, clock=own_clock)
        #: Accounts whose secret is about to change, or of which nobody knows it for certain.
        self.intents = staff.intents
        self._floor: Floor | None = None
        self._runs = threading.Lock()
        guard(ground)
        self._begin()

    def _begin(self) -> None:
        """First whether it can work here, of which nothing is left where it cannot."""
        try:
            self._ground.seals.check()
            self._staff.upkeep.check_plugins()
            self._ground.seals.begin()
            self._staff.notices.begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the storage that was opened for this engine; one that was handed in stays as it is."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # tasks, lists and definitions

    def put(self, task: Task, *, list: str | None = None, by: str | None = None, next_run: datetime | None = None) -> Task:
        """Keep a new task on `list`, or on the one that it names, and plan it; as it stands then, with id, line and revision. A system
        task runs at once, or at `next_run`."""
        return self._woken(self._staff.keeper.put(task, list=list, by=by, next_run=None if next_run is None else instant(next_run)))

    def edit(self, task: Task, *, by: str | None = None) -> Task:
        """Keep a changed task (`attrs.evolve` makes one); Outdated where somebody changed it first."""
        return self._woken(self._staff.keeper.edit(task, by=by))

    def activate(self, task: str, *, by: str | None = None) -> Task:
        """Its next occurrence is planned; nothing is owed for the time between (R7)."""
        return self.edit(evolve(self.task(task), active=True), by=by)

    def deactivate(self, task: str, *, by: str | None = None) -> Task:
        """It is kept and holds no pending job; a running one ends normally (R7)."""
        return self.edit(evolve(self.task(task), active=False), by=by)

    def remove(self, task: str, *, by: str | None = None) -> None:
        self._staff.keeper.remove(task, by=by)

    def task(self, id: str) -> Task:
        return self._ground.catalog.wanted_task(id)

    def tasks(self, list: str | None = None, *, owner: str | None = None) -> list[Task]:
        """All tasks, or those of a list or an owner."""
        found = self._ground.catalog.all_tasks() if list is None else self._ground.catalog.tasks_in(list)
        return [task for task in found if owner is None or task.owner == owner]

    def hand_over(self, owner: str, to: str, *, by: str | None = None) -> int:
        """All tasks of somebody become somebody else's (A1); how many."""
        return self._staff.keeper.hand_over(owner, to, by=by)

    def set_shadow(self, list: str, shadow: str | None, *, by: str | None = None) -> None:
        """The shadow account of all tasks of a list that name none of their own (R3)."""
        self._staff.lists.set_shadow(list, shadow, by=by)

    def make_unique(self, record: str, *, by: str | None = None) -> Sequence[Task]:
        """Give the record copies of its type's tasks (R1)."""
        return self._staff.lists.make_unique(record, by=by)

    def share_again(self, record: str, *, by: str | None = None) -> None:
        """Back to the tasks of the record's type (R1)."""
        self._staff.lists.share_again(record, by=by)

    def define(self, definition: Script | RecordType, *, by: str | None = None) -> int:
        """Keep a script or record type under its name; the version at which it stands now (R10)."""
        return self._staff.definitions.define(definition, by=by)

    def undefine(self, name: str, *, by: str | None = None) -> None:
        """Remove a definition; refused while tasks choose it."""
        self._staff.definitions.undefine(name, by=by)

    def definition(self, name: str) -> Any:
        """The script of this name, or None."""
        found = self._ground.catalog.definition(name)
        return found and found.value

    def definitions(self) -> dict[str, Any]:
        return {found.name: found.value for found in self._ground.catalog.definitions()}

    # what happens

    def emit(self, *happenings: Happening, connection: Any = None) -> list[str]:
        """Tell what happened; the jobs that it made or joined. The same happening twice is once (P9).

        With a `connection` to the database in which the store is, it is told in the transaction there, and taken in once that has landed:
        which jobs it makes is not known before.
        """
        if connection is not None:
            self._staff.upkeep.post(connection, happenings)
            return []
        try:
            return self._staff.intake.take(happenings)
        finally:  # one of them may be refused, and others not
            self._wake()

    def demand(self, task: str, record: str | None = None, *, by: str | None = None, force: bool = False) -> str:
        """Ask for a run now; the job."""
        return self._woken(self._staff.intake.demands.demand(task, record, by=by, force=force))

    # working

    def tick(self) -> int:
        """Fetch from the outbox, go on with what others left, expire consents, hand facts to notifiers; how much there was to do."""
        return each_alone((self._staff.upkeep.fetch, self._staff.upkeep.fetch_posted, self._keep_up, self._staff.notices.send))

    def _keep_up(self) -> int:
        now, daily = self._ground.now(), (self._staff.upkeep.daily, self._staff.retention.daily)
        duties = (self._staff.consents.expire, self._staff.waits.look, *daily, self._staff.skew.look)
        return each_alone((self._staff.chores.do_all, *(partial(duty, now) for duty in duties)))

    def beat(self) -> int:
        """Renew the leases of this process's jobs; how many are another's now. A thread does so, unless the clock stands still."""
        return self._staff.lifeline.beat()

    def work(self, limit: int = _BATCH) -> int:
        """Claim what is due and perform it, in this thread; how many jobs were claimed."""
        return self._staff.turns.work(limit)

    def drain(self, most: int = 10_000) -> int:
        """Tick and work until nothing is due; how many jobs were claimed."""
        total = 0
        while total < most:
            self.tick()
            claimed = self.work()
            if not claimed:
                self._staff.notices.send()
                return total
            total += claimed
        return total

    def run(self, stop: threading.Event | None = None) -> None:
        """Work in threads until `stop` is set; then end gracefully: claim nothing more and let what runs end."""
        if not self._runs.acquire(blocking=False):
            raise Refused("running the engine", "it runs already, in another thread", "settings.workers says how many jobs run at once")
        try:
            upkeep = self._staff.upkeep  # notifiers have threads of their own
            errands = (("outbox", upkeep.fetch), ("inbox", upkeep.fetch_posted), ("upkeep", self._keep_up))
            self._floor = self._staff.floor(errands)
            self._staff.notices.start()
            self._floor.run(stop or threading.Event())
        finally:
            self._floor = None
            self._staff.notices.stop(float(self.settings.vault_timeout))
            self._runs.release()

    def _woken(self, value: T) -> T:
        self._wake()
        return value

    def _wake(self) -> None:
        """Whoever runs in this process looks at once; others poll."""
        if self._floor is not None:
            self._floor.wake()

    # steering

    def run_now(self, job: str, *, by: str | None = None, force: bool = False) -> None:
        """Bring a pending job forward (J6); `force` skips window, blackout and consent, by a right of its own."""
        self._staff.steering.run_now(job, by=by, force=force)
        self._wake()

    def cancel(self, job: str, *, by: str | None = None) -> None:
        """End a pending job; a repeating task goes on with its next occurrence (J6)."""
        self._staff.steering.cancel(job, by=by)
        self._wake()

    def request_stop(self, job: str, *, by: str | None = None) -> None:
        """Ask a running job to end at its next safe point (J6)."""
        self._staff.steering.request_stop(job, by=by)

    def rerun(self, execution: str, *, by: str | None = None, force: bool = False) -> list[str]:
        """Once more for the records of an execution that failed (R6), as a demand: inside its window, unless forced; the part jobs."""
        return self._woken(self._staff.steering.rerun(execution, by=by, force=force))

    def set_next_run(self, task: str, at: datetime | None, record: str | None = None, *, by: str | None = None) -> None:
        """Set when its next occurrence runs; None leaves it to the intervals again (T13)."""
        self._staff.standings.set_next_run(task, None if at is None else instant(at), record, by=by)
        self._wake()

    def suspend_task(self, task: str, record: str | None = None, *, by: str | None = None, why: str = "by hand") -> None:
        """Let a task wait, whole or for one record, until somebody resumes it."""
        self._staff.standings.suspend(task, record, by=by, why=why)

    def resume_task(self, task: str, record: str | None = None, *, by: str | None = None) -> None:
        """What waits goes on; what passed meanwhile is one run (T15)."""
        self._staff.standings.resume(task, record, by=by)
        self._wake()

    def consent(self, job: str, *, by: str, plan: str | None = None) -> Gathering:
        """Consent to a run that asks for it (A5); with the `plan` of a gathering only to what was seen there, else Outdated."""
        return self._woken(self._staff.consents.give(job, by=by, plan=plan))

    def gathering(self, job: str) -> Gathering:
        """How far the consents for a job have come, and what is consented to."""
        return self._staff.consents.gathering(job)

    def decline(self, job: str, *, by: str, why: str = "") -> None:
        self._staff.consents.decline(job, by=by, why=why)

    def pause(self, what: str = "engine", *, by: str | None = None, why: str = "") -> None:
        """Let the engine, a pool (`pool:<name>`) or a host (`host:<address>`) stand still, on all nodes (J11)."""
        self._staff.pauses.pause(what, by=by, why=why)

    def resume(self, what: str = "engine", *, by: str | None = None) -> None:
        self._staff.pauses.resume(what, by=by)
        self._wake()

    def pauses(self) -> list[Pause]:
        return self._staff.pauses.all()

    def restored(self, *, by: str | None = None, why: str = WHY) -> Aftermath:
        """Say that store or vault came back from a backup: the engine stands still, on all nodes, until somebody has looked and resumes it.
        What is open, as `aftermath` tells it."""
        return self._staff.restores.say(by=by, why=why)

    def pass_over(self, task: str | None = None, *, by: str | None = None, why: str = "") -> None:
        """What was due up to now, of a task or of all, and waits for its first start ends as missed instead of running."""
        self._staff.passings.pass_over(None if task is None else self.task(task), by=by, why=why)

    def reconcile(self) -> int:
        """Compare vault and store, and repair what no happening told (R8); how much was repaired."""
        return self._woken(self._staff.upkeep.reconcile())

    # looking

    def aftermath(self, *, user: str | None = None) -> Aftermath:
        """What a restore left open: what would run, what ran, and where vault and store contradict each other. It changes nothing."""
        return self._staff.restores.seen_by(user)

    def job(self, id: str, *, user: str | None = None) -> Entry:
        """One job as the history shows it."""
        return self._staff.entries.entry(self._staff.steering.wanted(id, f"looking for the job {id!r}"), user)

    def history(
        self,
        *,
        record: str | None = None,
        task: str | None = None,
        states: Iterable[State] | State | None = None,
        kinds: Iterable[Kind] | Kind | None = None,
        execution: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        user: str | None = None,
        page: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Jobs, the newest first: of a record, of a task, or over all; what `user` may see, and may do with each (J8)."""
        line = None
        if task is not None:  # what a task did is there after it was removed, too
            line = (self._ground.catalog.removed(task) or self.task(task)).line
        query = Query(
            states=states, kinds=kinds, record=record, line=line, task=task, execution=execution, since=instant(since) if since else None,
            until=instant(until) if until else None,
        )  # fmt: skip
        return self._staff.entries.history(query, user, page, limit)

    def overview(self, user: str | None = None, *, list: str | None = None, page: str = "", limit: int = 100, ended: bool = False) -> Page:
        """Tasks that the person may see: status, running now, first, last and next run, last result."""
        return self._staff.views.overview(user, list=list, page=page, limit=limit, ended=ended)

    def explain(self, task: str, record: str | None = None, at: datetime | None = None, *, user: str | None = None) -> Explanation:
        """Why a task ran on a record, why not, or when it will: at a moment, or now. The past from facts, the future from the rules."""
        return self._staff.explainer.explain(task, record, None if at is None else instant(at), user)

    def upcoming(self, task: str, count: int = 10, record: str | None = None) -> list[Occurrence]:
        """The next occurrences by the task's intervals (T14)."""
        return self._staff.standings.upcoming(task, count, record)

    def forecast(
        self,
        start: datetime | None,
        end: datetime,
        *,
        changes: Sequence[Change] = (),
        without: Sequence[str] = (),
        durations: Durations | None = None,
        outcomes: Outcomes | None = None,
        happenings: Iterable[tuple[datetime, Happening]] = (),
        sessions: Sessions | None = None,
        nodes: int | Mapping[str, int] = 1,
        settings: Settings | None = None,
        groups: Groups | None = None,
        seed: int = 0,
        patience: float = 60,
        full: float = 0.9,
        user: str | None = None,
        progress: Progress | None = None,
    ) -> Forecast:
        """What will run from `start`, or from now, to `end`: played by a twin on virtual time, and told as far as `user` may see it.
        Nothing here or outside is touched."""
        from taskkit.insight._forecasting import Assumptions, Forecasting

        assumed = Assumptions(
            tuple(changes), (without,) if isinstance(without, str) else tuple(without), durations, outcomes, tuple(happenings), sessions,
            nodes, settings, groups, seed, patience, full, user,
        )  # fmt: skip
        return Forecasting(self, start, end, assumed, progress).forecast()

    def _twin(self, vault: Vault, storage: Storage, clock: Clock, rng: random.Random, settings: Settings | None) -> Engine:
        """The same engine elsewhere, with nobody who listens."""
        return Engine(
            vault, storage, settings=settings or self.settings, plugins=self.plugins, clock=clock, node=self._ground.node, rng=rng
        )

    def _taken(self) -> Iterable[str]:
        """What a forecast of it takes for true that others would know."""
        return ()

    def demandable(self, record: str, user: str | None = None) -> list[Task]:
        """The tasks that the person may run on the record now."""
        found = record_of(self._ground.vault, record, "reading the record")
        return self._staff.views.demandable(found, user) if found else []

    def execution(self, id: str, *, user: str | None = None) -> Execution | None:
        """How a run over many records stands (R6); for a `user` who may see it."""
        if user is not None:
            self.job(id, user=user)
        return execution(self.storage, id)

    def health(self) -> Vitals:
        """Ready, lagging or stuck, and why: for whoever watches over the process."""
        return self._staff.pulse.look(self._floor)

    def skew(self) -> float | None:
        """By how many seconds this machine's clock is ahead of the store's; None where the engine goes by this machine's."""
        return self._staff.skew.seconds()

    def facts(
        self, *, record: str | None = None, kinds: Iterable[str] | None = None, limit: int = 1000, user: str | None = None
    ) -> Sequence[Fact]:
        """The log of facts from its begin (A6)."""
        return self.facts_after(START, record=record, kinds=kinds, limit=limit, user=user)[0]

    def facts_after(
        self, mark: Mark, *, record: str | None = None, kinds: Iterable[str] | None = None, limit: int = 1000, user: str | None = None
    ) -> tuple[Sequence[Fact], Mark]:
        """What landed after the mark, and the mark after it: a reader that keeps it misses nothing."""
        return self._staff.logbook.facts(mark, None if kinds is None else names(kinds), record, limit, user)

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        """The whole chain of facts, against heads that were noted elsewhere (A6); empty where all is well."""
        return self._staff.logbook.check(noted)

    def heads(self) -> Sequence[Head]:
        """The last fact of each chain: noted elsewhere, they show a tail that was removed."""
        return self.storage.heads()

    def archive(
        self,
        until: datetime,
        take: Callable[[Sequence[Fact]], object],
        *,
        by: str | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Hand the facts before a moment to `take`, some hundred at a time, and keep a checkpoint in the place of those that it has taken;
        how many went. What was not read stays. A crash hands some over once more; `progress` hears how many went by now."""
        return self._staff.logbook.archive(instant(until), take, by, progress)

    # keys

    def reseal(self, *, by: str | None = None) -> int:
        """Seal what taskkit keeps of its own under the current key (S6); how many. What does not open is left, and told at the end."""
        return self._ground.seals.reseal(by)

    def keys_in_use(self) -> dict[str, KeyUse]:
        """Which keys are needed still, by their ids: one that is not among them can be retired."""
        return self._ground.seals.in_use()

    def pending_access(self, job: str) -> str:
        """For a vault that grants access after a task (P7): `pending`, `granted` or `failed`."""
        return access(self.storage, self._staff.steering.wanted(job, "asking whether a job has ended"))


def _node(name: str | None) -> str:
    if name is None or name == "":
        return socket.gethostname()
    if not isinstance(name, str) or not is_address(name):
        helps = f"give a text of 1 to {LONGEST_HOST} characters, without NUL and halves of characters"
        raise InvalidValue(f"Engine(node={repr(name)[:LONGEST_NAME]})", "it is no name of a node", helps)
    return name
