"""What is kept of the past, and how long (J8): ended jobs by their state, a series as a whole; of a task its first and last run (T13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.engine._consents import Consents
from taskkit.engine._executions import TABLE as EXECUTIONS
from taskkit.engine._pasts import RUNS, Pasts
from taskkit.facts import Fact
from taskkit.instants import DAY, Instant
from taskkit.states import State
from taskkit.storage import Keep, Query
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_MARKS = "mark"


@frozen
class Runs:
    """The first and the last run of a task, and how the last stands."""

    first: Instant | None = None
    last: Instant | None = None
    result: State | None = None

    def body(self) -> dict[str, Any]:
        return {"first": self.first, "last": self.last, "result": self.result.value if self.result else None}


class Retention:
    def __init__(self, ground: Ground, consents: Consents) -> None:
        self._ground, self._consents, self._storage, self._pasts = ground, consents, ground.storage, Pasts(ground)

    def daily(self, now: Instant) -> int:
        kept = self._storage.document(_MARKS, "purged")
        if kept is not None and abs(now - kept.body["at"]) < DAY:  # a clock that was ahead says nothing
            return 0
        mark = Keep(_MARKS, "purged", kept.revision if kept else 0, {"at": now})
        return self.purge(now) + self._storage.sweep_blobs() if self._storage.write([(mark,)])[0] else 0

    def purge(self, now: Instant) -> int:
        """Forget what is older than its state is kept, a series as a whole; how many jobs."""
        ages = self._ground.settings.retention
        old = {state: Query(states=state, until=now - days * DAY) for state, days in ages.items()}
        gone = self._purged(old, now) if any(map(self._storage.count, old.values())) else 0
        if ages:
            self._pasts.forget(now, ages)
        return gone

    def _purged(self, old: Mapping[State, Query], now: Instant) -> int:
        self._note_runs()
        counts = self._storage.purge(list(old.values()))
        told = {state.value: count for state, count in zip(old, counts, strict=True) if count}
        if told:
            self._consents.forget()
            self._forget_executions()
            self._storage.write([(Fact("HistoryPurged", now, details=told),)])
        return sum(counts)

    def runs(self, task: Task) -> Runs:
        """As far back as anything is known."""
        kept = self._storage.document(RUNS, task.id)
        noted = Runs(kept.body["first"], kept.body["last"], State(kept.body["result"])) if kept else Runs()
        query = Query(line=task.line, task=task.id)
        last = next(iter(self._storage.jobs(query, order="last_started", limit=1).jobs), None)
        if last is None:
            return noted
        first = noted.first or self._storage.jobs(query, order="first_started", limit=1).jobs[0].started
        return Runs(first, last.started, last.state)

    def _note_runs(self) -> None:
        for task in self._ground.catalog.all_tasks():
            found, kept = self.runs(task), self._storage.document(RUNS, task.id)
            if found.first is not None and (kept is None or kept.body != found.body()):
                self._storage.write([(Keep(RUNS, task.id, kept.revision if kept else 0, found.body()),)])

    def _forget_executions(self) -> None:
        """The list of an execution goes with its conductor."""
        gone = [kept for kept in self._ground.catalog.pages(EXECUTIONS) if self._storage.job(kept.id) is None]
        self._storage.write([(Keep(EXECUTIONS, kept.id, kept.revision, None),) for kept in gone])
