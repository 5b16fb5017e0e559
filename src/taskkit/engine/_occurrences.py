"""When a task is due next, when that may start, and what has passed meanwhile: answers, and nothing that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from taskkit.events._plans import Plan
from taskkit.events.clocks import Once
from taskkit.events.intervals import NOTHING, Interval, Memory, Rule
from taskkit.events.open_times import OpenTime
from taskkit.events.unions import AnyOf
from taskkit.events.windows import Window
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.standings import Standing, members
from taskkit.tasks import Task

#: The nominal of a first run (T13).
FIRST = "first"


@frozen(slots=False)
class Planned:
    """One occurrence: its second, its name, when it may start, and why."""

    at: int
    nominal: str
    due: Instant
    policy: str
    #: What a job for it says of itself, mostly the same for all records of a list.
    _told: Mapping[str, Any] = field(init=False, eq=False, repr=False)

    @_told.default
    def _tell(self) -> dict[str, Any]:
        return {"at": self.at, "nominal": self.nominal, "fire": self.nominal, "due": self.due, "wanted": self.due, "policy": self.policy}

    def fields(self, via: tuple[str, str | None, int] | None) -> Mapping[str, Any]:
        return self._told if via is None else {**self._told, "fire": fire_of(self.nominal, via)}


def fire_of(nominal: str, via: tuple[str, str | None, int] | None) -> str:
    """Another record's wish for this task is not the task's own, though both be due at one time."""
    return nominal if via is None else f"{nominal} via {via[0]}/{via[1] or ''}"


def reason_of(job: Job, task: Task | None = None) -> dict[str, Any]:
    """Why a job is there, as facts tell it; happenings and demands have facts of their own."""
    told: dict[str, Any] = {"wanted": job.wanted}
    if job.nominal is not None and job.at is not None:
        told |= {"policy": job.policy, "nominal": job.nominal, "at": job.at * SECOND}
        if task is not None and job.wanted > job.at * SECOND:
            told |= put_off(task, job.at)
    if job.cycle:
        told |= {"attempt": job.cycle + 1, "series": job.series}
    if job.via is not None:
        told["via"] = list(job.via[:2])
    if job.target_fallback:
        told["target_fallback"] = True
    if job.execution is not None:
        told["execution"] = job.execution
    if job.missed:
        told |= {"missed": job.missed, "missed_first": (job.missed_first or 0) * SECOND}
    if job.node is not None:
        told["node"] = job.node
    return told


def told_of(cause: Cause) -> dict[str, Any]:
    """The same of one of its reasons."""
    told: dict[str, Any] = {"happening": cause.happening, "kind": cause.kind, "policy": cause.policy, "wanted": cause.due}
    return told | {"via": list(cause.via)} if cause.via else told


# what is next


def following(interval: Interval, runs: Task, record: str | None, since: int, standing: Standing | None) -> Planned | None:
    """The first occurrence later than the second; None where the interval has ended, or its window opens no more."""
    memory = standing.memory(interval) if standing is not None and interval.relative else NOTHING
    plan = interval.plan(memory)
    second = plan.after(since)
    starts = None if second is None else starts_at(runs, record, second)
    if second is None or starts is None:
        return None
    return Planned(second, str(plan.nominals(second)[0]), starts * SECOND, _why(interval, second, memory))


def starts_at(task: Task, record: str | None, second: int) -> int | None:
    """Where in window and spread a run due at this second starts."""
    if task.spread is not None and record is not None:
        return task.spread.second(record, second, task.window)
    return second if task.window is None else task.window.open_from(second)


def put_off(task: Task, second: int) -> dict[str, str]:
    """Why what is due at this second starts later, where it does: outside the window, in a blackout, or by its place in the spread."""
    if task.window is None or task.window.open_from(second) == second:
        return {"put_off": Why.SPREAD.value} if task.spread is not None else {}
    return {"put_off": Why.WINDOW.value, **in_blackout(task.window, second)}


def in_blackout(window: Window | None, second: int) -> dict[str, str]:
    """Which blackout it is that shuts it, where one does."""
    blackout = window.blackout_at(second) if isinstance(window, OpenTime) else None
    return {} if blackout is None else {"blackout": blackout.description}


def _why(interval: Interval, second: int, memory: Memory) -> str:
    """All that are due at the same minute (T9)."""
    if not isinstance(interval, AnyOf):
        return str(interval)
    return "; ".join(str(reason.interval) for reason in interval.reasons(second, memory))


def by_hand(standing: Standing | None, now: Instant) -> Planned | None:
    """The next run that somebody set; one that passed while the task was not active is owed to nobody (R7)."""
    if standing is None or standing.next_run is None or standing.next_run < now:
        return None
    at = standing.next_run // SECOND
    return Planned(at, f"set {at}", standing.next_run, "next run, set by hand")


# the first run


def at_once(task: Task, now: Instant) -> Planned | None:
    """A new system task runs at once, inside its window (T13)."""
    starts = starts_at(task, None, now // SECOND)
    return None if starts is None else Planned(now // SECOND, FIRST, max(now, starts * SECOND), "first run")


def begins_at_once(interval: Interval, now: Instant) -> bool:
    """Whether one of its rules says nothing about when it begins; what is anchored by being saved has begun (T13, T16)."""
    return any(not isinstance(one, Once) and not (isinstance(one, Rule) and one.first_instant > now // SECOND) for one in members(interval))


# what has passed


def missed(task: Task, job: Job, now: Instant) -> dict[str, Any]:
    """What passed while this occurrence waited is counted in it, and it itself with them (T15)."""
    plan, end = _lasting(task.interval), now // SECOND + 1
    if plan is None or job.at is None or (second := plan.after(job.at)) is None or second >= end:
        return {}
    return {"missed": 1 + plan.count(job.at + 1, end), "missed_first": job.at, "missed_last": plan.before(end)}


def lateness(task: Task, runs: Task, job: Job, causes: Iterable[Cause], now: Instant) -> Instant:
    """How late a run is: it makes up for all that it stands for, so the last of them counts (T15)."""
    late = now - max((cause.due for cause in causes), default=job.wanted)
    if job.kind is not Kind.OCCURRENCE or not (last := missed(task, job, now).get("missed_last")):
        return late
    starts = starts_at(runs, job.trigger[1], last)
    return late if starts is None else min(late, now - starts * SECOND)


def _lasting(interval: Interval | None) -> Plan | None:
    """Without those that look at a memory: what was never drawn was never missed."""
    if interval is None or not interval.relative:
        return None if interval is None else interval.plan()
    lasting = [one for one in members(interval) if not one.relative]
    return AnyOf(*lasting).plan() if lasting else None
