"""Happenings come in here: which tasks want them, on which records, and whether they join a job or make one (P1 to P9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from taskkit.engine._border import asked
from taskkit.engine._chores import Chores
from taskkit.engine._keeper import Keeper
from taskkit.engine._planner import Planner, dropped
from taskkit.engine._rights import RightsDesk
from taskkit.engine._targets import Aim, Targets
from taskkit.errors import NotFound, Outdated, Refused
from taskkit.events.happenings import Demanded, Happening, RecordChanged, RecordCreated, RecordRemoved, SessionEnded
from taskkit.events.policies import Due, OnDemand, Policy
from taskkit.facts import Fact
from taskkit.instants import MINUTE, SECOND, Instant, instant, shown
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.records import Record
from taskkit.states import PENDING, State, Step
from taskkit.storage import Insert, Join, Move, Query, Refusal, Tell, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses

_TRIES = 8


@frozen(slots=False)
class Wish:
    """One happening that a task wants."""

    aim: Aim
    trigger: Task
    policy: Policy
    due: Due
    happening: Happening
    at: Instant

    def cause(self, job: str, now: Instant) -> Cause:
        due, happening = self.due, self.happening
        give_up = None if due.max_defer is None else self.at + due.max_defer * SECOND
        user = getattr(happening, "user", None)
        return Cause(
            job, due.fire or happening.identity, happening.kind, str(self.policy), self.at, self.at + due.after * SECOND, happening.id,
            due.quiet, give_up, due.then, user, happening.origin,
        )  # fmt: skip


class Intake:
    def __init__(
        self, ground: Ground, planner: Planner, targets: Targets, keeper: Keeper, chores: Chores, rights: RightsDesk, pauses: Pauses
    ) -> None:
        self._ground, self._planner, self._targets, self._keeper, self._chores = ground, planner, targets, keeper, chores
        self._rights, self._pauses, self._storage = rights, pauses, ground.storage

    def take(self, happenings: Iterable[Happening]) -> list[str]:
        """The jobs that they made or joined, in the order of what happened."""
        found: list[str] = []
        for happening in happenings:
            if isinstance(happening, Demanded):
                found.append(self.demand(happening.task, happening.record, by=happening.user, happening=happening))
            else:
                found += self._take(happening)
        return found

    def _take(self, happening: Happening) -> list[str]:
        now = self._ground.now()
        at = now if happening.at is None else instant(happening.at)
        if isinstance(happening, RecordRemoved):
            self._record_removed(happening.record, now)
            return []
        record = asked(lambda: self._ground.vault.records.get(happening.record), "reading the record of a happening")
        if record is None:
            return []
        if isinstance(happening, RecordCreated):
            self._keeper.plan(record)
        elif isinstance(happening, RecordChanged):
            self.record_changed(record, now)
        elif isinstance(happening, SessionEnded):
            self._wake_for_quiet(record)
        wishes = [wish for task in self._ground.catalog.effective(record) if (wish := self._wish(task, record, happening, at))]
        return [id for wish in wishes if (id := self._grant(wish, record, now))]

    # what happens to records

    def _record_removed(self, name: str, now: Instant) -> None:
        while found := self._storage.jobs(Query(record=name, states=PENDING), limit=500).jobs:
            if not any(self._storage.write([dropped(job, Why.RECORD_REMOVED, now) for job in found if job.kind is not Kind.RECOVERY])):
                return

    def record_changed(self, record: Record, now: Instant) -> None:
        """What waits for tasks that are no longer the record's ends; the rest is planned anew (R8)."""
        effective = {task.id: task for task in self._ground.catalog.effective(record)}
        units: list[Unit] = []
        for job in self._storage.jobs(Query(record=record.id, states=PENDING), limit=10_000).jobs:
            if job.kind in (Kind.PART, Kind.RECOVERY) or job.via is not None:
                continue
            task = effective.get(job.task)
            units.append(self._planner.replanned(task, record, job, now) if task else dropped(job, Why.LIST_CHANGED, now))
        self._storage.write(units)
        self._keeper.plan(record)

    def _wake_for_quiet(self, record: Record) -> None:
        """A session ended on one record of the account: those that wait for quiet on any of them look again (P2)."""
        account = asked(lambda: self._ground.vault.records.account(record), "asking the vault for the account")
        self._pauses.wake(Query(states=State.DEFERRED, why=Why.SESSION, account=account))

    # wishes

    def _wish(self, task: Task, record: Record, happening: Happening, at: Instant) -> Wish | None:
        wanted = [(due, policy) for policy in task.policies if isinstance(policy, Policy) and (due := policy.wants(happening))]
        if not wanted:
            return None
        due, policy = min(wanted, key=lambda one: one[0].after)
        return Wish(self._targets.aim(task, record), task, policy, due, happening, at)

    def _grant(self, wish: Wish, record: Record, now: Instant) -> str | None:
        refused = self._refused(wish)
        if refused is not None:
            self._storage.write([self._passed(wish, record.id, now, refused)])
            return None
        for _ in range(_TRIES):
            done, id = self._fire(wish, now)
            if done:
                return id
        raise Outdated(f"taking in {wish.happening.kind} of {record.id!r}", "its jobs move too fast", "tell it again: twice is once")

    def _refused(self, wish: Wish) -> str | None:
        """Why a task that wants a happening does not get it."""
        task = wish.aim.task
        if not (task.active and wish.trigger.active):
            return "inactive"
        if {task.line, wish.trigger.line} & set(wish.happening.origin):
            return "own_origin"
        standing = self._planner.standing(task.line, wish.aim.record.id if wish.aim.record else None)
        return "suspended" if standing is not None and standing.suspended else None

    def _passed(self, wish: Wish, record: str, now: Instant, why: str) -> Unit:
        task = wish.aim.task
        told = {"why": why, "happening": wish.happening.id, "kind": wish.happening.kind}
        return (Tell(Fact("HappeningPassed", now, None, task.id, task.line, record, None, told)),)

    def _fire(self, wish: Wish, now: Instant) -> tuple[bool, str | None]:
        """Join a job, or make one; whether that landed, and which."""
        task, record = wish.aim.task, wish.aim.record
        name = record.id if record else None
        candidates = sorted(self._storage.open_jobs(task.line, name), key=_pending_first)
        for job in candidates:
            if not _takes(job, wish.at):
                continue
            landed = self._storage.write([self._joined(wish, job, now)])[0]
            if landed:
                return True, job.id
            if landed.refusal is Refusal.FIRE:
                self._storage.write([self._passed(wish, name or "", now, "repeated")])
                return True, None
        unit = self._made(wish, now)
        landed = self._storage.write([unit])[0]
        if landed:
            return True, unit[0].job.id if isinstance(unit[0], Insert) else None
        if landed.refusal is Refusal.FIRE:
            self._storage.write([self._passed(wish, name or "", now, "repeated")])
            return True, None
        return False, None

    def _joined(self, wish: Wish, job: Job, now: Instant) -> Unit:
        cause = wish.cause(job.id, now)
        told = {"happening": cause.happening, "kind": cause.kind}
        fact = Tell(Fact("HappeningJoined", now, job.id, job.task, job.line, job.record, cause.who, told))
        if wish.due.extends is None or not job.is_pending:
            return Join(cause), fact
        return (*self._extended(wish, job, cause), fact)

    def _extended(self, wish: Wish, job: Job, cause: Cause) -> Unit:
        """The due time moves on with each happening, up to the most that the first allows (P3)."""
        same = [one for one in self._storage.causes(job.id) if one.policy == cause.policy]
        others = [one.due for one in self._storage.causes(job.id) if one.policy != cause.policy]
        first = min((one.at for one in same), default=cause.at)
        due = min(cause.due, first + (wish.due.extends or 0) * SECOND)
        moved = min([due, *others])
        return Join(evolve(cause, due=due)), Move(job.id, Step.REPLAN, job.revision, fields={"due": moved, "wanted": moved})

    def _made(self, wish: Wish, now: Instant) -> Unit:
        task, record = wish.aim.task, wish.aim.record
        cause = wish.cause(self._ground.ids(), now)
        origin = tuple(dict.fromkeys((*wish.happening.origin, wish.trigger.line, task.line)))
        job = self._job(wish.aim, Kind.FIRED, cause.due, now, id=cause.job, origin=origin)
        if self._bursts(wish, now):
            job = job.with_({"state": State.AWAITING_CONSENT, "why": Why.GUARD.value, "asks_until": now + 24 * 60 * MINUTE,
                             "summary": f"more than {task.guard.burst} runs within a minute"})  # fmt: skip
        told = {"happening": cause.happening, "kind": cause.kind, "policy": cause.policy}
        return Insert(job, (cause,)), Tell(Fact("JobMade", now, job.id, task.id, task.line, record.id if record else None, cause.who, told))

    def _bursts(self, wish: Wish, now: Instant) -> bool:
        burst = wish.aim.task.guard.burst
        return burst is not None and self._storage.count(Query(line=wish.aim.task.line, kinds=Kind.FIRED, since=now - MINUTE)) >= burst

    def _job(self, aim: Aim, kind: Kind, due: Instant, now: Instant, *, id: str, origin: tuple[str, ...] = ()) -> Job:
        task, record = aim.task, aim.record
        return Job(
            id=id, kind=kind, task=task.id, line=task.line, planned_for=task.revision, record=record.id if record else None, due=due,
            wanted=due, created=now, pool=self._planner.pool(task, record), via=aim.via, target_fallback=aim.fallback, origin=origin,
            conducts=self._planner.conducts(task),
        )  # fmt: skip

    # demands

    def demand(self, task_id: str, record_id: str | None, *, by: str | None, force: bool = False, happening: Demanded | None = None) -> str:
        """A job of its own, now; the person must be allowed to execute (P4, A4)."""
        task = self._ground.catalog.wanted_task(task_id)
        record = self._demand_record(task, record_id)
        tried = f"running the task {task.name!r}"
        self._may_demand(task, record_id, by, tried, force=force)
        now = self._ground.now()
        aim = self._targets.aim(task, record)
        standing = self._planner.standing(aim.task.line, aim.record.id if aim.record else None)
        if standing is not None and standing.suspended:
            raise Refused(tried, f"it is suspended for {record_id!r}: {standing.suspended}", "engine.resume_task(…) lets it run again")
        id = self._ground.ids()
        job = self._job(aim, Kind.DEMAND, now, now, id=id).with_({"demanded_by": by, "forced": force})
        if aim.task.consent is not None:
            until = now + aim.task.consent.minutes * MINUTE
            job = job.with_({"state": State.AWAITING_CONSENT, "why": Why.CONSENT.value, "asks_until": until})
        happening = happening or Demanded(record_id or "", task=task_id, user=by, at=shown(now))
        cause = Wish(aim, task, OnDemand(), Due(), happening, now).cause(id, now)
        fact = Fact("Demanded", now, id, aim.task.id, aim.task.line, job.record, by, {"forced": True} if force else {})
        landed = self._storage.write([(Insert(job, (cause,)), Tell(fact))])[0]
        if not landed and landed.refusal is not Refusal.FIRE:
            raise Outdated(tried, f"the store refused it: {landed.refusal}", "try again")
        return id

    def _demand_record(self, task: Task, record_id: str | None) -> Record | None:
        if task.is_system:
            return None
        record = asked(lambda: self._ground.vault.records.get(record_id or ""), "reading the record")
        if record is None:
            raise NotFound(f"running the task {task.name!r}", f"there is no record {record_id!r}", "give the id of a record")
        if task.id not in {one.id for one in self._ground.catalog.effective(record)}:
            raise NotFound(f"running the task {task.name!r}", f"it is no task of {record_id!r}", "look at engine.demandable(record)")
        return record

    def _may_demand(self, task: Task, record: str | None, by: str | None, tried: str, *, force: bool) -> None:
        if not task.is_system and not task.demandable:
            raise Refused(tried, "it has no policy OnDemand()", "add one to its policies")
        if not task.active:
            raise Refused(tried, "it is not active", "activate it first")
        self._rights.to_execute(task, record, by)
        if force:
            self._rights.demand(by, "force_run", f"{tried} outside its window", record)


def _pending_first(job: Job) -> tuple[bool, bool, Instant]:
    return not job.is_pending, job.kind is Kind.OCCURRENCE, job.due


def _takes(job: Job, at: Instant) -> bool:
    """Whether a happening of this moment belongs to this job (P4)."""
    if job.kind in (Kind.DEMAND, Kind.PART, Kind.RECOVERY):
        return False
    if job.is_pending:
        return job.kind is not Kind.OCCURRENCE and (job.turned_at is None or at < job.turned_at)
    return job.turned_at is None or at < job.turned_at
