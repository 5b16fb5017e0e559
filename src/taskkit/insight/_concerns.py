"""What should be looked at before it happens: found in the list of runs and in what does not run, and told once for what belongs together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from taskkit.insight.forecasts import HOUR, Concern, ConcernKind, ForecastIdle, ForecastRun, Load
from taskkit.instants import DAY, MINUTE, SECOND, Instant, shown
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

    def add(self, since: Instant, until: Instant, record: str | None, size: Instant = 0) -> None:
        self.since = since if not self.count else min(self.since, since)
        self.until, self.most = max(self.until, until), max(self.most, size)
        self.count += 1
        if record is not None and len(self.records) < _NAMED:
            self.records[record] = None


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

    def found(self, runs: Sequence[ForecastRun], idle: Sequence[ForecastIdle], loads: Sequence[Load], stations: Sequence[Station]) -> Iterator[Concern]:
        yield from self._late(runs, idle)
        yield from self._overfull(loads, stations)
        yield from self._missed(idle)
        yield from self._long(runs)
        yield from self._waiting(idle)

    # too late

    def _late(self, runs: Sequence[ForecastRun], idle: Sequence[ForecastIdle]) -> Iterator[Concern]:
        shut, starved, all_of_them = Heaps(Heap), Heaps(Heap), defaultdict[tuple[str, Instant], int](int)
        for one in runs:
            opening = self._opening(one.task, one.kind, one.due_at)
            if opening is not None:
                all_of_them[one.task, opening[0]] += 1
            self._judge(one.task, one.record, one.due_at, one.start_at, opening, shut, starved)
        for waits in idle:
            if waits.why in _FOR_ITSELF:
                opening = self._opening(waits.task, "", waits._due)
                if opening is not None:
                    all_of_them[waits.task, opening[0]] += 1
                self._judge(waits.task, waits.record, waits._due, self._end, opening, shut, starved)
        for (task, opens), heap in shut.items():
            text = f"{heap.count} of {all_of_them[task, opens]} runs of {self._name(task)!r} do not start before its window closes at {_time(heap.since)}"
            yield self._concern(ConcernKind.WINDOW, text, heap, task)
        for (task, _), heap in starved.items():
            text = f"{heap.count} runs of {self._name(task)!r} are due and do not start for up to {_length(heap.most)}"
            yield self._concern(ConcernKind.STARVED, text, heap, task)

    def _opening(self, task: str, kind: str, due: Instant) -> tuple[Instant, Instant] | None:
        openings = self._openings.get(task) if kind not in _BY_ITSELF else None
        return None if openings is None else openings.of(due)

    def _judge(
        self, task: str, record: str | None, due: Instant, start: Instant, opening: tuple[Instant, Instant] | None, shut: Heaps, starved: Heaps
    ) -> None:
        if opening is not None and start >= opening[1] > due:
            shut[task, opening[0]].add(opening[1], start, record)
            return
        ready = due if opening is None else max(due, opening[0])
        if start - ready > self._patience:
            starved[task, 0].add(ready, start, record, start - ready)

    def _missed(self, idle: Iterable[ForecastIdle]) -> Iterator[Concern]:
        days = Heaps(Heap)
        for one in idle:
            if one.state == State.MISSED:
                days[one.task, one._due // DAY].add(one._due, one._due, one.record)
        for (task, _), heap in days.items():
            text = f"{heap.count} runs of {self._name(task)!r} come later than its max_lateness, and are missed"
            yield self._concern(ConcernKind.MISSED, text, heap, task)

    def _long(self, runs: Iterable[ForecastRun]) -> Iterator[Concern]:
        limits = {id: round(task.deadline * SECOND) for id, task in self._tasks.items()}
        found = Heaps(Heap)
        for one in runs:
            if (took := one.end_at - one.start_at) > limits.get(one.task, took):
                found[one.task, 0].add(one.start_at, one.end_at, one.record, took)
        for (task, _), heap in found.items():
            text = f"{heap.count} runs of {self._name(task)!r} take up to {_length(heap.most)}, longer than its deadline of {_length(limits[task])}"
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
            runs = "1 run" if heap.count == 1 else f"{heap.count} runs"
            text = f"{runs} of {self._name(task)!r} {'waits' if heap.count == 1 else 'wait'} until the end: {why}"
            help = _HELP_WAITING.get(why, "look at engine.job(…) of one of them")
            yield self._concern(ConcernKind.WAITING, text, heap, task, help=help)

    def _name(self, task: str) -> str:
        return self._tasks[task].name if task in self._tasks else task

    def _concern(
        self, kind: ConcernKind, text: str, heap: Heap, task: str | None, *, pool: str | None = None, help: str | None = None
    ) -> Concern:
        name = None if task is None else self._name(task)
        return Concern(
            kind, text, help or _HELP[kind], heap.since, heap.until, heap.count, task, name, pool, None, tuple(heap.records)
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
            text = f"{len(members)} of the group {group!r} change their secrets within the hour from {_time(since)}"
            names = tuple(members[:_NAMED])
            yield Concern(ConcernKind.TOGETHER, text, _HELP[ConcernKind.TOGETHER], since, since + HOUR, len(members), group=group, records=names)


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


def _time(at: Instant) -> str:
    return f"{shown(at):%Y-%m-%d %H:%M}"


def _length(span: Instant) -> str:
    """`2 h 5 min`, `40 s`."""
    minutes, hours = span // MINUTE % 60, span // HOUR
    parts = [(hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or f"{span // SECOND} s"


_PENDING = (State.SCHEDULED.value, State.DEFERRED.value, State.AWAITING_CONSENT.value)
