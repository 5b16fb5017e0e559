"""What a forecast lists: runs that are to be expected, and what is due and does not run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pendulum
from attrs import frozen

from taskkit.instants import SECOND, Instant, shown


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
        told |= {"due": told_at(self.due_at), "start": told_at(self.start_at), "end": told_at(self.end_at)}
        if self.earliest_at is not None and self.latest_at is not None:
            told |= {"earliest": told_at(self.earliest_at), "latest": told_at(self.latest_at)}
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
        return {**{name: value for name, value in told.items() if value not in (None, "")}, "due": told_at(self._due)}

    def __str__(self) -> str:
        where = f" on {self.record}" if self.record is not None else ""
        return f"{self.task_name}{where}, due {self.due:%Y-%m-%d %H:%M}: {self.state}, {self.why}" + (
            f" ({self.text})" if self.text else ""
        )


def told_at(at: Instant) -> str:
    """To the second, as ISO 8601 in UTC."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC).isoformat()[:19]}Z"
