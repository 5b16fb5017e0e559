"""What should be looked at before it happens: found in the runs and in what does not run, told once for what belongs together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

from taskkit.events._wording import counted
from taskkit.insight.forecasts import Concern, ConcernKind, Load
from taskkit.insight.runs import ForecastIdle, ForecastRun
from taskkit.instants import DAY, HOUR, MINUTE, NEVER, SECOND, Instant
from taskkit.jobs import Kind, Why
from taskkit.states import State

if TYPE_CHECKING:
    from taskkit.events.windows import Window
    from taskkit.insight._playing import Station
    from taskkit.tasks import Task

_NAMED = 5
#: What waits for a worker, an account or its window, and for nobody.
_FOR_ITSELF = ("no_worker", Why.BUSY, Why.RELEASED, Why.WINDOW)
#: What its task's window says nothing about.
_BY_ITSELF = (Kind.PART.value, Kind.RECOVERY.value)
_HELP = {
    ConcernKind.WINDOW: "widen the window, add workers, or spread the work over more than one opening",
    ConcernKind.STARVED: "add workers or nodes, or move some of the work to quieter hours",
    ConcernKind.OVERFULL: "add workers or nodes, or move some of the work to quieter hours",
    ConcernKind.MISSED: "add workers, widen its window, or allow more with max_lateness",
    ConcernKind.DEADLINE: "give its task a longer deadline, or less to do in one run",
    ConcernKind.TOGETHER: "give the group's members different days or hours, so that never all of them change at once",
}
_HELP_WAITING = {
    Why.SUSPENDED.value: "engine.resume_task(…) lets it run again",
    Why.CONSENT.value: "somebody has to consent",
    Why.HOST_PAUSED.value: "engine.resume(…) lets it go on",
    "paused": "engine.resume(…) lets it go on",
    "no_node": "start a node that serves the pool, or forecast with nodes={…}",
}


@define
class Heap:
    """What is told as one: how many, from when to when, on which records."""

    count: int = 0
    since: Instant = 0
    until: Instant = 0
    most: Instant = 0
    records: dict[str, None] = field(factory=dict)
    pool: str | None = None

    def add(self, since: Instant, until: Instant, record: str | None, size: Instant = 0, pool: str | None = None) -> None:
        self.since = since if not self.count else min(self.since, since)
        self.until, self.most = max(self.until, until), max(self.most, size)
        self.count += 1
        self.pool = self.pool or pool
        if record is not None and len(self.records) < _NAMED:
            self.records[record] = None


class Begun(NamedTuple):
    """When a run was due, and when it starts."""

    task: str
    record: str | None
    pool: str
    kind: str
    due: Instant
    start: Instant


Heaps = defaultdict[tuple[str, Instant], Heap]


class Openings:
    """When the opening that holds a moment, or else the next one, begins and ends; the one asked last is known by heart."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._known = (1, 0, 0)  # from, opens, closes: in seconds

    def of(self, at: Instant) -> tuple[Instant, Instant] | None:
        """None where it never opens again, or never closes."""
        second = at // SECOND
        since, opens, closes = self._known
        if not since <= second < closes:
            found = self._window.open_from(second)
            ends = None if found is None else self._window.shut_from(found)
            if found is None or ends is None:
                return None
            since, opens, closes = self._known = second, found, ends
        return opens * SECOND, closes * SECOND


class Concerns:
    def __init__(self, tasks: Mapping[str, Task], end: Instant, patience: Instant, full: float) -> None:
        self._tasks, self._end, self._patience, self._full = tasks, end, patience, full
        self._openings = {id: Openings(task.window) for id, task in tasks.items() if task.window is not None}

    def found(
        self, runs: Sequence[ForecastRun], idle: Sequence[ForecastIdle], loads: Sequence[Load], stations: Sequence[Station]
    ) -> Iterator[Concern]:
        yield from self._late(runs, idle)
        yield from self._overfull(loads, stations)
        yield from self._missed(idle)
        yield from self._long(runs)
        yield from self._waiting(idle)

    # too late

    def _late(self, runs: Sequence[ForecastRun], idle: Sequence[ForecastIdle]) -> Iterator[Concern]:
        shut, starved, all_of_them = Heaps(Heap), defaultdict[str, Heap](Heap), defaultdict[tuple[str, Instant], int](int)
        for one in self._begun(runs, idle):
            opens, closes = self._opening(one) or (0, NEVER)
            all_of_them[one.task, opens] += 1
            ready = max(one.due, opens)
            if one.start >= closes > one.due:
                shut[one.task, opens].add(closes, one.start, one.record, pool=one.pool)
            elif one.start - ready > self._patience:
                starved[one.task].add(ready, one.start, one.record, one.start - ready)
        for (task, opens), heap in shut.items():
            text = f"{heap.count} of {all_of_them[task, opens]} runs of {self._name(task)!r} do not start before its window closes"
            yield self._concern(ConcernKind.WINDOW, text, heap, task, pool=heap.pool)
        for task, heap in starved.items():
            do = "is due and does" if heap.count == 1 else "are due and do"
            text = f"{_runs(heap.count)} of {self._name(task)!r} {do} not start for up to {_length(heap.most)}"
            yield self._concern(ConcernKind.STARVED, text, heap, task)

    def _begun(self, runs: Iterable[ForecastRun], idle: Iterable[ForecastIdle]) -> Iterator[Begun]:
        """What has not begun by the end begins then, at the earliest."""
        for one in runs:
            yield Begun(one.task, one.record, one.pool, one.kind, one.due_at, one.start_at)
        for waits in idle:
            if waits.why in _FOR_ITSELF:
                yield Begun(waits.task, waits.record, waits.pool, "", waits._due, self._end)

    def _opening(self, one: Begun) -> tuple[Instant, Instant] | None:
        openings = self._openings.get(one.task) if one.kind not in _BY_ITSELF else None
        return None if openings is None else openings.of(one.due)

    def _missed(self, idle: Iterable[ForecastIdle]) -> Iterator[Concern]:
        days = Heaps(Heap)
        for one in idle:
            if one.state == State.MISSED:
                days[one.task, one._due // DAY].add(one._due, one._due, one.record)
        for (task, _), heap in days.items():
            text = f"{_runs(heap.count)} of {self._name(task)!r} {'comes' if heap.count == 1 else 'come'} too late for its max_lateness"
            yield self._concern(ConcernKind.MISSED, text, heap, task)

    def _long(self, runs: Iterable[ForecastRun]) -> Iterator[Concern]:
        limits = {id: round(task.deadline * SECOND) for id, task in self._tasks.items()}
        found = Heaps(Heap)
        for one in runs:
            if (took := one.end_at - one.start_at) > limits.get(one.task, took):
                found[one.task, 0].add(one.start_at, one.end_at, one.record, took)
        for (task, _), heap in found.items():
            longest, limit = _length(heap.most), _length(limits[task])
            takes = "takes" if heap.count == 1 else "take"
            text = f"{_runs(heap.count)} of {self._name(task)!r} {takes} up to {longest}, longer than its deadline of {limit}"
            yield self._concern(ConcernKind.DEADLINE, text, heap, task)

    # too much

    def _overfull(self, loads: Sequence[Load], stations: Sequence[Station]) -> Iterator[Concern]:
        for station in stations:
            busy, there = defaultdict[Instant, float](float), dict[Instant, float]()
            for load in loads:
                if load.pool in station.pools:
                    busy[load._hour] += load.busy
                    there[load._hour] = load.capacity
            full = [hour for hour in sorted(there) if there[hour] and busy[hour] / there[hour] >= self._full]
            for first, last in _stretches(full):
                hours = (last - first) // HOUR + 1
                pools = ", ".join(station.pools)
                text = f"the {station.workers} workers of the pool {pools} are busy for {hours} {'hour' if hours == 1 else 'hours'} on end"
                heap = Heap(hours, first, last + HOUR)
                yield self._concern(ConcernKind.OVERFULL, text, heap, None, pool=pools)

    # waiting

    def _waiting(self, idle: Iterable[ForecastIdle]) -> Iterator[Concern]:
        found = defaultdict[tuple[str, str], Heap](Heap)
        for one in idle:
            if one.state in _PENDING and one.why not in _FOR_ITSELF:
                found[one.task, one.why].add(one._due, self._end, one.record)
        for (task, why), heap in found.items():
            text = f"{_runs(heap.count)} of {self._name(task)!r} {'waits' if heap.count == 1 else 'wait'} until the end: {why}"
            helps = _HELP_WAITING.get(why, "look at engine.job(…) of one of them")
            yield self._concern(ConcernKind.WAITING, text, heap, task, helps=helps)

    def _name(self, task: str) -> str:
        return self._tasks[task].name if task in self._tasks else task

    def _concern(
        self, kind: ConcernKind, text: str, heap: Heap, task: str | None, *, pool: str | None = None, helps: str | None = None
    ) -> Concern:
        name = None if task is None else self._name(task)
        return Concern(
            kind, text, helps or _HELP[kind], heap.since, heap.until, heap.count, task, name, pool, None, tuple(heap.records)
        )  # fmt: skip


def together(runs: Iterable[ForecastRun], group_of: Callable[[str], str | None]) -> Iterator[Concern]:
    """Groups of which two members or more change within an hour; each group is told once, with the hour in which most do."""
    changes = defaultdict[str, list[tuple[Instant, str]]](list)
    for one in runs:
        if one.record is not None and (group := group_of(one.record)) is not None:
            changes[group].append((one.start_at, one.record))
    for group, several in sorted(changes.items()):
        since, members = _closest(sorted(several))
        if len(members) > 1:
            text = f"{len(members)} of the group {group!r} change their secrets within an hour"
            names = tuple(members[:_NAMED])
            yield Concern(
                ConcernKind.TOGETHER, text, _HELP[ConcernKind.TOGETHER], since, since + HOUR, len(members), group=group, records=names
            )


def _closest(changes: Sequence[tuple[Instant, str]]) -> tuple[Instant, list[str]]:
    """The hour that holds most of the records."""
    best: tuple[Instant, list[str]] = (0, [])
    first = 0
    for last, (at, _) in enumerate(changes):
        while changes[first][0] <= at - HOUR:
            first += 1
        if last - first + 1 > len(best[1]):
            members = list(dict.fromkeys(name for _, name in changes[first : last + 1]))
            if len(members) > len(best[1]):
                best = changes[first][0], members
    return best


def _stretches(hours: Sequence[Instant]) -> Iterator[tuple[Instant, Instant]]:
    """Hours that follow one another, as the first and the last of them."""
    first = last = None
    for hour in hours:
        if first is None or last is None:
            first = last = hour
        elif hour - last == HOUR:
            last = hour
        else:
            yield first, last
            first = last = hour
    if first is not None and last is not None:
        yield first, last


def _runs(count: int) -> str:
    return counted(count, "run", ",")


def _length(span: Instant) -> str:
    """`2 h 5 min`, `40 s`."""
    minutes, hours = span // MINUTE % 60, span // HOUR
    parts = [(hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or f"{span // SECOND} s"


_PENDING = (State.SCHEDULED.value, State.DEFERRED.value, State.AWAITING_CONSENT.value)
