"""The next occurrence of a task is already a job (J5). This room makes it, by the rule and by what stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._occurrences import Planned, at_once, by_hand, following
from taskkit.engine._targets import Aim, Targets
from taskkit.errors import Refused
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job, Kind
from taskkit.records import EMPTY, Record
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id, standing_of, suspension
from taskkit.storage import Change, Document, Expect, Insert, Keep, Unit
from taskkit.tasks import DEFAULT_POOL, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


#: Standings by id, as they were looked up; None where there is none.
Seen = Mapping[str, Document | None]


class Planner:
    def __init__(self, ground: Ground, targets: Targets) -> None:
        self._ground, self._targets = ground, targets
        self._last: tuple[Task, Task, int, Planned | None] | None = None
        #: What the job that was made last has in common with others, and one that has nothing else.
        self._like: tuple[tuple[Any, ...], Job] | None = None

    # what is next

    def next(
        self, task: Task, record: str | None, after: Instant, standing: Standing | None = None, *, runs: Task | None = None
    ) -> Planned | None:
        """The first occurrence later than `after`, at its window's opening (J12); None where the task has ended (T12).

        Where another task runs for it, window and spread are that one's (R2).
        """
        interval, runs, since = task.interval, runs or task, after // SECOND
        if interval is None:
            return None
        last = self._last  # the same for all records of a list: it is asked for one after the other
        if last is not None and last[0] is task and last[1] is runs and last[2] == since:
            return last[3]
        if interval.relative or runs.spread is not None:
            return following(interval, runs, record, since, standing)
        self._last = last = (task, runs, since, following(interval, runs, None, since, None))
        return last[3]

    # standings

    def seen(self, places: Iterable[tuple[str, str | None]]) -> Seen:
        """The standings of several lines and records, looked up at once; who changes one of them meanwhile plans anew after that."""
        ids = [standing_id(line, record) for line, record in places]
        return {**dict.fromkeys(ids), **self._ground.storage.several(STANDINGS, ids)}

    def standing(self, line: str, record: str | None, seen: Seen = EMPTY) -> Standing | None:
        id = standing_id(line, record)
        return read_standing(seen[id] if id in seen else self._ground.storage.document(STANDINGS, id))

    def suspension(self, task: Task, record: str | None, seen: Seen = EMPTY) -> str | None:
        """Why a task waits: for this record, or as a whole."""
        return next((why for _, why in self._suspensions(task, record, seen)), None)

    def not_suspended(self, task: Task, record: str | None, tried: str) -> None:
        """What lets it run again depends on where it stands: to resume a task for a record lifts nothing from the whole."""
        for about, why in self._suspensions(task, record):
            where, call = (f"for {about!r}", f"{task.id!r}, {about!r}") if about else ("as a whole", f"{task.id!r}")
            raise Refused(tried, f"the task {task.name!r} is suspended {where}: {why}", f"engine.resume_task({call}) lets it run again")

    def _suspensions(self, task: Task, record: str | None, seen: Seen = EMPTY) -> Iterator[tuple[str | None, str]]:
        """Each with the record that it is for; None is for all."""
        for line, about in suspending(task, record):
            if (why := suspension(self.standing(line, about, seen))) is not None:
                yield about, why

    def keep(self, task: Task, record: str | None, standing: Standing, *, group: str = "") -> Keep:
        return Keep(STANDINGS, standing_id(task.line, record), standing.revision, standing.body(), group or task.line)

    def parted(self, copy: Task, record: str) -> Unit:
        """What stands for the whole task stands for a record that gets a copy of it: making it unique lifts no suspension (R1)."""
        whole, own = self.standing(copy.line, None), self.standing(copy.line, record)
        still = Expect(STANDINGS, standing_id(copy.line, None), whole.revision if whole is not None else 0)
        if whole is None or whole.suspended is None or suspension(own) is not None:
            return (still,)
        before = own or Standing(created=self._ground.now())
        why, by, at = whole.suspended, whole.suspended_by, whole.suspended_at
        return still, self.keep(copy, record, evolve(before, suspended=why, suspended_by=by, suspended_at=at))

    def ready(
        self, task: Task, record: str | None, now: Instant, *, anew: bool = False, seen: Seen = EMPTY
    ) -> tuple[Standing | None, tuple[Change, ...]]:
        """The standing that planning needs, with its draws made, and what must be kept for it (T10).

        Planned `anew`, when no job waits, a draw whose day has passed is owed to nobody (R7).
        """
        standing = self.standing(task.line, record, seen)
        if task.interval is None or not task.interval.relative:
            return standing, ()
        rng, whose = self._ground.rng, standing_id(task.line, record)
        drawn = (standing or Standing(created=now)).drawn(task.interval, rng, whose)
        if anew:  # also one that was only just drawn, counted from what is remembered of long ago
            drawn = drawn.renewed(task.interval, now).drawn(task.interval, rng, whose)
        return drawn, (self.keep(task, record, drawn),) if drawn != standing or standing is None else ()

    # units

    def occurrence(
        self, task: Task, record: Record | None, now: Instant, *, first_run: bool = False, after: Instant | None = None, seen: Seen = EMPTY
    ) -> Unit | None:
        """The unit that plans a task for a record which has no occurrence yet; `after` is a nominal that has had its run (T6)."""
        name, aim = record.id if record else None, self._targets.aim(task, record)
        standing, kept = self.ready(task, name, now, anew=True, seen=seen)
        planned = None
        if after is None:
            planned = at_once(task, now) if first_run else by_hand(standing, now)
        planned = planned or self.next(task, name, now if after is None else after, standing, runs=aim.task)
        if planned is None:
            return None
        return (*kept, Insert(self.job(aim, planned, now, led(task, aim))))

    def job(self, aim: Aim, planned: Planned, now: Instant, origin: tuple[str, ...] = ()) -> Job:
        task, record = aim.task, aim.record
        common, before = (task, planned, now, aim.via, aim.fallback, origin), self._like
        if before is None or before[0] != common:  # mostly the same for all records of a list
            self._like = before = common, self._job(*common)
        name = record.id if record else None
        return before[1].with_({"id": self._ground.ids(), "record": name, "pool": self.pool(task, record), "host": self.host(record)})

    def _job(
        self, task: Task, planned: Planned, now: Instant, via: tuple[str, str | None, int] | None, fallback: bool, origin: tuple[str, ...]
    ) -> Job:
        return Job(
            id="",
            record=None,
            kind=Kind.OCCURRENCE,
            task=task.id,
            line=task.line,
            planned_for=task.revision,
            created=now,
            via=via,
            target_fallback=fallback,
            conducts=self.conducts(task),
            origin=origin,
            **planned.fields(via),
        )

    def conducts(self, task: Task) -> bool:
        """Whether a job of it makes part jobs: its script wants one for each record of the task's selection (R6)."""
        definition = self._ground.catalog.definition(task.script) if task.selection is not None else None
        return definition is not None and definition.value.spread == "each"

    @staticmethod
    def pool(task: Task, record: Record | None) -> str:
        return (record.pool if record else None) or task.pool or DEFAULT_POOL

    def host(self, record: Record | None) -> str | None:
        """As far as its type was known a while ago: who claims the job looks again."""
        found = None if record is None else self._ground.catalog.known_type(record.type)
        return None if found is None or record is None else found.machine_of(record)

    def successor(self, trigger: Task, job: Job, now: Instant, standing: Standing | None, *, after: Instant = 0) -> tuple[Change, ...]:
        """What the unit adds in which an occurrence leaves the pending states (J5): by the rule as it stands, and no other.

        `after` is a nominal that has had its run (T6).
        """
        if job.kind is not Kind.OCCURRENCE or job.at is None or not trigger.active:
            return ()
        kept: tuple[Change, ...] = ()
        record, passed = job.trigger[1], max(now, job.at * SECOND)
        if (trigger.interval is not None and trigger.interval.relative) or (standing is not None and standing.next_run is not None):
            standing, kept = self.used(trigger, record, passed, standing or Standing(created=job.created))
        runs = None if job.via is None else self._ground.catalog.task_at(job.task, job.planned_for)
        planned = (by_hand(standing, now) if not after else None) or self.next(trigger, record, max(passed, after), standing, runs=runs)
        still = Expect("task", trigger.id, trigger.revision)
        if planned is None:
            return (still, *kept)
        changes = {**planned.fields(job.via), "id": self._ground.ids(), "created": now}
        return (still, *kept, Insert(job.afresh(changes)))

    def used(self, task: Task, record: str | None, passed: Instant, standing: Standing) -> tuple[Standing, tuple[Change, ...]]:
        """What was drawn or set by hand for a moment that has passed is used up."""
        used, interval = standing, task.interval
        if standing.next_run is not None and standing.next_run // SECOND <= passed // SECOND:
            used = evolve(used, next_run=None)
        if interval is not None and interval.relative:
            used = used.used(interval, passed // SECOND, self._ground.rng, standing_id(task.line, record))
        return used, (self.keep(task, record, used),) if used != standing or standing.revision == 0 else ()


def led(trigger: Task, aim: Aim) -> tuple[str, ...]:
    """The path to an occurrence: the task that wants it, where another one runs (P5)."""
    return () if aim.via is None else (trigger.line,)


def suspending(task: Task, record: str | None) -> Iterable[tuple[str, str | None]]:
    """Where it may stand that a task waits. A record's own task is none of its type's (R1, J1)."""
    if task.record is not None:
        return ((task.line, task.record),)
    return ((task.line, None),) if record is None else ((task.line, record), (task.line, None))


def read_standing(kept: Document | None) -> Standing | None:
    return standing_of(kept.body, kept.revision) if kept else None
