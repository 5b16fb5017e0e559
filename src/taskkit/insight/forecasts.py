"""What a look ahead found: the runs, what does not run and why, the load of each hour and pool, and what should be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import pendulum
from attrs import field, frozen

from taskkit.instants import SECOND, Instant, shown
from taskkit.records import EMPTY

if TYPE_CHECKING:
    from taskkit.events.windows import Window
    from taskkit.insight.differences import Difference

HOUR = 3600 * SECOND


class ForecastRun(NamedTuple):
    """One run that is to be expected. Its times are instants, and can be had as moments; where a day is not drawn yet, it is an example."""

    task: str
    task_name: str
    line: str
    record: str | None
    pool: str
    kind: str
    nominal: str | None
    due_at: Instant
    start_at: Instant
    end_at: Instant
    state: str  #: in which it is assumed to end
    waited: str | None = None  #: what kept it last from starting when it was due
    missed: int = 0  #: how many occurrences it stands for, where they are several
    cycle: int = 0
    execution: str | None = None
    host: str | None = None
    earliest_at: Instant | None = None
    latest_at: Instant | None = None

    @property
    def due(self) -> pendulum.DateTime:
        return shown(self.due_at)

    @property
    def start(self) -> pendulum.DateTime:
        return shown(self.start_at)

    @property
    def end(self) -> pendulum.DateTime:
        return shown(self.end_at)

    @property
    def is_drawn(self) -> bool:
        """Whether its day hangs on a draw that is not made yet: then it lies between `earliest` and `latest`."""
        return self.earliest_at is not None

    @property
    def earliest(self) -> pendulum.DateTime:
        return shown(self.due_at if self.earliest_at is None else self.earliest_at)

    @property
    def latest(self) -> pendulum.DateTime:
        return shown(self.due_at if self.latest_at is None else self.latest_at)

    @property
    def late(self) -> Instant:
        """How long after it was due it starts."""
        return self.start_at - self.due_at

    def document(self) -> dict[str, Any]:
        """As JSON tells it; what says nothing is left out."""
        told = {name: value for name, value in self._asdict().items() if not name.endswith("_at") and value not in (None, 0)}
        told |= {"due": _text(self.due_at), "start": _text(self.start_at), "end": _text(self.end_at)}
        if self.earliest_at is not None and self.latest_at is not None:
            told |= {"earliest": _text(self.earliest_at), "latest": _text(self.latest_at)}
        return told

    def __str__(self) -> str:
        where = f" on {self.record}" if self.record is not None else ""
        drawn = f", drawn between {self.earliest:%d %b} and {self.latest:%d %b}" if self.is_drawn else ""
        return f"{self.start:%Y-%m-%d %H:%M} {self.task_name}{where}{drawn}"


@frozen
class ForecastIdle:
    """What is due and does not run: it waits for somebody until the end, or it ends without a run."""

    task: str
    task_name: str
    record: str | None
    pool: str
    nominal: str | None
    _due: Instant
    state: str
    why: str
    text: str = ""

    @property
    def due(self) -> pendulum.DateTime:
        return shown(self._due)

    def document(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("task", "task_name", "record", "pool", "nominal", "state", "why", "text")}
        return {**{name: value for name, value in told.items() if value not in (None, "")}, "due": _text(self._due)}

    def __str__(self) -> str:
        where = f" on {self.record}" if self.record is not None else ""
        return f"{self.task_name}{where}, due {self.due:%Y-%m-%d %H:%M}: {self.state}, {self.why}" + (f" ({self.text})" if self.text else "")


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
        told = {"pool": self.pool, "hour": _text(self._hour), "starts": self.starts}
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
        return {**told, "since": _text(self._since), "until": _text(self._until), "records": list(self.records)}

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
        from taskkit.insight.differences import difference

        return difference(other, self)

    def document(self) -> dict[str, Any]:
        """All of it as JSON tells it, in the order of time."""
        lists: dict[str, Iterable[Any]] = {"runs": self.runs, "idle": self.idle, "loads": self.loads, "concerns": self.concerns}
        told = {name: [one.document() for one in found] for name, found in lists.items()}
        return {"made": _text(self._made), "start": _text(self._start), "end": _text(self._end), "seed": self.seed, **told}

    def __str__(self) -> str:
        span = f"from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"
        counts = Counter(one.task_name for one in self.runs)
        lines = [f"{len(self.runs)} runs {span}", *(f"  {count:>7}  {name}" for name, count in counts.most_common())]
        if self.idle:
            reasons = Counter((one.task_name, one.why) for one in self.idle)
            lines += ["does not run:", *(f"  {count:>7}  {name}: {why}" for (name, why), count in reasons.most_common())]
        if self.concerns:
            lines += ["to be looked at:", *(f"  {one}" for one in self.concerns)]
        return "\n".join(lines)


def _text(at: Instant) -> str:
    """To the second, as ISO 8601 in UTC."""
    return f"{shown(at - at % SECOND):%Y-%m-%dT%H:%M:%SZ}"
