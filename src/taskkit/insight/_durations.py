"""How long runs take, and how they end: as the caller says, else as long as the last ones took, else as long as is assumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from taskkit.errors import InvalidValue
from taskkit.instants import SECOND, Instant
from taskkit.outcomes import DONE, Outcome
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Query
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._cases import Case
    from taskkit.insight.runs import ForecastRun
    from taskkit.storage import Storage

Duration = float | timedelta
Durations = Duration | Mapping[str, Duration] | Callable[[Task, Record | None], Duration | None]
Outcomes = Outcome | Mapping[str, Outcome] | Callable[[Task, Record | None, int], Outcome | None]
#: Of what never ran, and nobody says anything about.
ASSUMED = 30 * SECOND
_LAST, _NAMED = 5, 10
_LOOKED_THROUGH = 20_000
_HINT = "give seconds, a timedelta, {task name: seconds}, or a function of task and record"


class Clockings:
    """What the history says: the middle of the last runs on a record, or else of the task."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lines: dict[str, tuple[Mapping[str | None, Instant], Instant]] = {}
        self.unknown: set[str] = set()  #: lines of which nothing has ever run

    def of(self, line: str, record: str | None) -> Instant:
        if line not in self._lines:
            self._lines[line] = self._read(line)
        records, all_of_them = self._lines[line]
        return records.get(record, all_of_them)

    def _read(self, line: str) -> tuple[Mapping[str | None, Instant], Instant]:
        took: defaultdict[str | None, list[Instant]] = defaultdict(list)
        for job in self._storage.jobs(Query(line=line, states=State.COMPLETED), limit=_LOOKED_THROUGH).jobs:  # the newest come first
            if job.started is not None and job.ended is not None and not job.conducts and len(took[job.record]) < _LAST:
                took[job.record].append(job.ended - job.started)
        middles = {record: int(median(several)) for record, several in took.items() if several}
        if not middles:
            self.unknown.add(line)
        return middles, int(median(middles.values())) if middles else ASSUMED


class Estimates:
    """Of each run: how long it takes, and its outcome."""

    def __init__(self, storage: Storage, durations: Durations | None, outcomes: Outcomes | None) -> None:
        self._clockings, self._durations, self._outcomes = Clockings(storage), durations, outcomes
        if isinstance(durations, (int, float, timedelta)):
            _length(durations)

    def duration(self, case: Case) -> Instant:
        given = self._durations
        if isinstance(given, Mapping):
            given = given.get(case.task.name)
        elif callable(given):
            given = given(case.task, case.record)
        return self._clockings.of(case.job.line, case.job.record) if given is None else _length(given)

    def assumed(self, runs: Iterable[ForecastRun]) -> Iterator[str]:
        """Of which of these runs nobody knows how long they take."""
        names = sorted({one.task_name for one in runs if one.line in self._clockings.unknown})
        if names:
            more = f" and {len(names) - _NAMED} others" if len(names) > _NAMED else ""
            yield f"runs take {ASSUMED // SECOND} s where none was ever done: {', '.join(map(repr, names[:_NAMED]))}{more}"

    def outcome(self, case: Case) -> Outcome:
        given = self._outcomes
        if isinstance(given, Mapping):
            given = given.get(case.task.name)
        elif callable(given) and not isinstance(given, type):
            given = given(case.task, case.record, case.run.job.cycle + 1)
        if given is not None and not isinstance(given, Outcome):
            raise InvalidValue(f"forecasting with outcomes={given!r}", "that is no outcome", "give Done(), NotDone(…) …, or by task name")
        return DONE if given is None else given


def _length(given: object) -> Instant:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 366 * 86_400:
        raise InvalidValue(f"forecasting with durations={given!r}", "that is no length of a run", _HINT)
    return round(seconds * SECOND)
