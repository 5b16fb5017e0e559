"""The next occurrence of a task is already a job (J5). This room makes it, and makes it anew after an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from taskkit.engine._targets import Aim, Targets
from taskkit.events.intervals import NOTHING, Interval, Memory
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job, Kind, Why
from taskkit.records import Record
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id, standing_of
from taskkit.states import Step
from taskkit.storage import Change, Document, Insert, Keep, Move, Tell, Unit
from taskkit.tasks import DEFAULT_POOL, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_FIRST = "first"


@frozen(slots=False)
class Planned:
    """One occurrence: its second, its name, when it may start, and why."""

    at: int
    nominal: str
    due: Instant
    policy: str

    def fields(self, via: tuple[str, str | None, int] | None) -> dict[str, Any]:
        return {"at": self.at, "nominal": self.nominal, "fire": _fire(self.nominal, via), "due": self.due, "wanted": self.due,
                "policy": self.policy}  # fmt: skip


def _fire(nominal: str, via: tuple[str, str | None, int] | None) -> str:
    """Another record's wish for this task is not the task's own, though both be due at one time."""
    return nominal if via is None else f"{nominal} via {via[0]}/{via[1] or ''}"


class Planner:
    def __init__(self, ground: Ground, targets: Targets) -> None:
        self._ground, self._targets = ground, targets

    # what is next

    def next(self, task: Task, record: str | None, after: Instant, standing: Standing | None = None) -> Planned | None:
        """The first occurrence later than `after`, at its window's opening (J12); None where the task has ended (T12)."""
        interval = task.interval
        if interval is None:
            return None
        memory = standing.memory(interval) if standing is not None and interval.relative else NOTHING
        plan = interval.plan(memory)
        second = plan.after(after // SECOND)
        if second is None:
            return None
        starts = self.starts(task, record, second)
        return (
            None if starts is None else Planned(second, str(plan.nominals(second)[0]), starts * SECOND, self._why(interval, second, memory))
        )

    @staticmethod
    def starts(task: Task, record: str | None, second: int) -> int | None:
        """Where in window and spread a run due at this second starts."""
        if task.spread is not None and record is not None:
            return task.spread.second(record, second, task.window)
        return second if task.window is None else task.window.open_from(second)

    @staticmethod
    def _why(interval: Interval, second: int, memory: Memory) -> str:
        return (
            "; ".join(str(reason.interval) for reason in interval.reasons(second, memory))
            if hasattr(interval, "members")
            else str(interval)
        )

    def missed(self, task: Task, job: Job, now: Instant, standing: Standing | None) -> dict[str, Any]:
        """What passed while this occurrence waited is counted in it (T15)."""
        interval = task.interval
        if interval is None or job.at is None or interval.relative:
            return {}
        plan, last = interval.plan(), now // SECOND
        second = plan.after(job.at)
        if second is None or second > last:
            return {}
        return {"missed": plan.count(job.at + 1, last + 1), "missed_first": job.at, "missed_last": plan.before(last + 1)}

    # standings

    def standing(self, line: str, record: str | None) -> Standing | None:
        kept = self._ground.storage.document(STANDINGS, standing_id(line, record))
        return read_standing(kept)

    def keep(self, task: Task, record: str | None, standing: Standing, *, group: str = "") -> Keep:
        return Keep(STANDINGS, standing_id(task.line, record), standing.revision, standing.body(), group or task.line)

    def ready(self, task: Task, record: str | None, now: Instant) -> tuple[Standing | None, tuple[Change, ...]]:
        """The standing that planning needs, with its draws made, and what must be kept for it (T10)."""
        standing = self.standing(task.line, record)
        if task.interval is None or not task.interval.relative:
            return standing, ()
        drawn = (standing or Standing(created=now)).drawn(task.interval, self._ground.rng)
        return drawn, (self.keep(task, record, drawn),) if drawn != standing or standing is None else ()

    # units

    def occurrence(self, task: Task, record: Record | None, now: Instant, *, first_run: bool = False) -> Unit | None:
        """The unit that plans a task for a record which has no occurrence yet."""
        standing, kept = self.ready(task, record.id if record else None, now)
        planned = (
            self._first(task, now)
            if first_run
            else self._overridden(standing) or self.next(task, record.id if record else None, now, standing)
        )
        if planned is None:
            return None
        return (*kept, Insert(self.job(self._targets.aim(task, record), planned, now)))

    def _first(self, task: Task, now: Instant) -> Planned | None:
        """A new system task runs at once, inside its window (T13)."""
        starts = self.starts(task, None, now // SECOND)
        return None if starts is None else Planned(now // SECOND, _FIRST, max(now, starts * SECOND), "first run")

    @staticmethod
    def _overridden(standing: Standing | None) -> Planned | None:
        if standing is None or standing.next_run is None:
            return None
        at = standing.next_run // SECOND
        return Planned(at, f"set {at}", standing.next_run, "next run, set by hand")

    def job(self, aim: Aim, planned: Planned, now: Instant) -> Job:
        task, record = aim.task, aim.record
        return Job(
            id=self._ground.ids(),
            kind=Kind.OCCURRENCE,
            task=task.id,
            line=task.line,
            planned_for=task.revision,
            record=record.id if record else None,
            created=now,
            pool=self.pool(task, record),
            via=aim.via,
            target_fallback=aim.fallback,
            conducts=self.conducts(task),
            **planned.fields(aim.via),
        )

    def conducts(self, task: Task) -> bool:
        """Whether a job of it makes part jobs: its script wants one for each record of the task's selection (R6)."""
        definition = self._ground.catalog.definition(task.script) if task.selection is not None else None
        return definition is not None and definition.value.spread == "each"

    @staticmethod
    def pool(task: Task, record: Record | None) -> str:
        return (record.pool if record else None) or task.pool or DEFAULT_POOL

    def successor(self, trigger: Task, job: Job, now: Instant, standing: Standing | None) -> tuple[Change, ...]:
        """What the unit adds in which an occurrence leaves the pending states (J5)."""
        if job.kind is not Kind.OCCURRENCE or job.at is None or trigger.interval is None or not trigger.active:
            return ()
        kept: tuple[Change, ...] = ()
        record = job.trigger[1]
        if trigger.interval.relative or (standing is not None and standing.next_run is not None):
            standing, kept = self._used(trigger, record, job, standing or Standing(created=job.created))
        planned = self.next(trigger, record, max(now, job.at * SECOND), standing)
        if planned is None:
            return kept
        changes = {**FRESH, **planned.fields(job.via), "id": self._ground.ids(), "created": now}
        return (*kept, Insert(job.with_(changes)))

    def _used(self, task: Task, record: str | None, job: Job, standing: Standing) -> tuple[Standing, tuple[Change, ...]]:
        used = evolve(standing, next_run=None)
        interval = task.interval
        if interval is not None and interval.relative:
            if job.nominal != _FIRST and job.at is not None:
                used = used.used(interval, job.at)
            used = used.drawn(interval, self._ground.rng)
        return used, (self.keep(task, record, used),)

    def replanned(self, task: Task, record: Record | None, job: Job, now: Instant) -> Unit:
        """The unit that fits a pending job to its task as it stands (R1)."""
        aim = self._targets.aim(task, record)
        fields: dict[str, Any] = {"task": aim.task.id, "line": aim.task.line, "planned_for": aim.task.revision, "via": aim.via,
                                  "record": aim.record.id if aim.record else None, "target_fallback": aim.fallback,
                                  "pool": self.pool(aim.task, aim.record), "why": None, "consented": None}  # fmt: skip
        if job.kind is Kind.FALLBACK:  # an edit ends the tries of what was before (J7)
            return dropped(job, Why.INACTIVE, now)
        if job.kind is not Kind.OCCURRENCE:
            return (Move(job.id, Step.REPLAN, job.revision, fields=fields),)
        standing, kept = self.ready(task, record.id if record else None, now)
        planned = self._kept(task, record, job, now, standing)
        if planned is None:
            return dropped(job, Why.INACTIVE, now)
        return (*kept, Move(job.id, Step.REPLAN, job.revision, fields=fields | planned.fields(aim.via)))

    def _kept(self, task: Task, record: Record | None, job: Job, now: Instant, standing: Standing | None) -> Planned | None:
        """What is due and waits stays due where the rule still has it: an edit takes no run away (T6)."""
        name = record.id if record else None
        if job.at is not None and job.at * SECOND <= now:
            same = self._overridden(standing) or self.next(task, name, (job.at - 1) * SECOND, standing)
            if same and same.nominal == job.nominal:
                return evolve(same, due=max(same.due, min(job.due, now)))
        return self._overridden(standing) or self.next(task, name, now, standing)


#: What a successor does not take over from the occurrence before it.
FRESH: dict[str, Any] = {
    name: field.default
    for name, field in ((one.name, one) for one in Job.__attrs_attrs__)
    if name
    not in {"id", "kind", "task", "line", "planned_for", "record", "due", "wanted", "created", "pool", "via", "target_fallback", "conducts"}
}


def read_standing(kept: Document | None) -> Standing | None:
    return standing_of(kept.body, kept.revision) if kept else None


def dropped(job: Job, why: Why, now: Instant, **told: Any) -> Unit:
    """A pending job ends because it has no place any more; its fire is free again, since it never ran."""
    fields = {"ended": now, "why": why.value, "fire": None, "text": told.pop("text", "")}
    fact = Fact("JobCanceled", now, job.id, job.task, job.line, job.record, told.pop("who", None), {"why": why.value, **told})
    return Move(job.id, Step.CANCEL, job.revision, fields=fields), Tell(fact)
