"""What a look ahead found: the runs, what does not run and why, the load of each hour and pool, and what should be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pendulum
from attrs import field, frozen

from taskkit.events._wording import counted
from taskkit.insight.differences import Difference, difference
from taskkit.insight.runs import ForecastIdle, ForecastRun, told_at
from taskkit.instants import Instant, shown
from taskkit.records import EMPTY

if TYPE_CHECKING:
    from taskkit.events.windows import Window


@frozen
class Load:
    """One hour of one pool: how many runs start, for how many seconds workers are busy, and for how many they are there."""

    pool: str
    _hour: Instant
    starts: int
    busy: float
    capacity: float

    @property
    def hour(self) -> pendulum.DateTime:
        return shown(self._hour)

    @property
    def share(self) -> float:
        return self.busy / self.capacity if self.capacity else 0.0

    def document(self) -> dict[str, Any]:
        told = {"pool": self.pool, "hour": told_at(self._hour), "starts": self.starts}
        return {**told, "busy": round(self.busy, 3), "capacity": self.capacity, "share": round(self.share, 4)}


class ConcernKind(StrEnum):
    """What should be looked at."""

    WINDOW = "window"  #: a window closes before all that waits for it has started
    STARVED = "starved"  #: work is due and does not start for too long
    OVERFULL = "overfull"  #: the workers of a pool are busy for almost the whole hour
    MISSED = "missed"  #: work comes too late for its `max_lateness`
    DEADLINE = "deadline"  #: a run takes longer than its task allows
    WAITING = "waiting"  #: work waits for somebody
    TOGETHER = "together"  #: the secrets of a group change within the same hour


@frozen
class Concern:
    """One thing that should be looked at: how much it touches, from when to when, and what would help."""

    kind: ConcernKind
    text: str
    help: str
    _since: Instant
    _until: Instant
    count: int
    task: str | None = None
    task_name: str | None = None
    pool: str | None = None
    group: str | None = None
    records: tuple[str, ...] = ()  #: the first of them

    @property
    def since(self) -> pendulum.DateTime:
        return shown(self._since)

    @property
    def until(self) -> pendulum.DateTime:
        return shown(self._until)

    def document(self) -> dict[str, Any]:
        names = ("kind", "text", "help", "count", "task", "task_name", "pool", "group")
        told = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {**told, "since": told_at(self._since), "until": told_at(self._until), "records": list(self.records)}

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} {self.text}; {self.help}"


@frozen
class Forecast:
    """What will run from `start` to `end`, as things stood when it was `made`."""

    _made: Instant
    _start: Instant
    _end: Instant
    seed: int
    runs: Sequence[ForecastRun] = field(repr=False)
    idle: tuple[ForecastIdle, ...] = field(repr=False)
    loads: tuple[Load, ...] = field(repr=False)
    concerns: tuple[Concern, ...] = field(repr=False)
    #: By task, the window in which it may start, where it has one.
    windows: Mapping[str, Window] = field(default=EMPTY, repr=False, hash=False)
    #: By record, what it is called.
    names: Mapping[str, str] = field(default=EMPTY, repr=False, hash=False)
    #: What was taken for true that nobody said and nobody here knows, a sentence each.
    assumed: tuple[str, ...] = field(default=(), repr=False)

    @property
    def made(self) -> pendulum.DateTime:
        return shown(self._made)

    @property
    def start(self) -> pendulum.DateTime:
        return shown(self._start)

    @property
    def end(self) -> pendulum.DateTime:
        return shown(self._end)

    def of(self, task: str | None = None, record: str | None = None) -> list[ForecastRun]:
        """The runs of a task, by id or name, on a record."""
        return [one for one in self.runs if task in (None, one.task, one.task_name) and record in (None, one.record)]

    def worries(self, kind: ConcernKind | str) -> list[Concern]:
        return [one for one in self.concerns if one.kind == kind]

    def against(self, other: Forecast) -> Difference:
        """What this one has, and `other` has not: what appears, vanishes and moves when this one comes true instead."""
        return difference(other.runs, self.runs)

    def document(self) -> dict[str, Any]:
        """All of it as JSON tells it, in the order of time."""
        lists: dict[str, Iterable[Any]] = {"runs": self.runs, "idle": self.idle, "loads": self.loads, "concerns": self.concerns}
        told = {name: [one.document() for one in found] for name, found in lists.items()}
        return {
            "made": told_at(self._made),
            "start": told_at(self._start),
            "end": told_at(self._end),
            "seed": self.seed,
            **told,
            "assumed": list(self.assumed),
        }

    def __str__(self) -> str:
        span = f"from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"
        counts, drawn = Counter(one.task_name for one in self.runs), Counter(one.task_name for one in self.runs if one.is_drawn)
        unsure = {name: f", of {count} the day is not drawn yet" for name, count in drawn.items()}
        told = (f"  {count:>7}  {name}{unsure.get(name, '')}" for name, count in counts.most_common())
        lines = [f"{counted(len(self.runs), 'run', ',')} {span}", *told]
        if self.idle:
            reasons = Counter((one.task_name, one.why) for one in self.idle)
            lines += ["does not run:", *(f"  {count:>7}  {name}: {why}" for (name, why), count in reasons.most_common())]
        if self.concerns:
            lines += ["to be looked at:", *(f"  {one}" for one in self.concerns)]
        if self.assumed:
            lines += ["assumed:", *(f"  {one}" for one in self.assumed)]
        return "\n".join(lines)
