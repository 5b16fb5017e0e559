"""What is written down while the game is played: runs, what ends without one, and how busy the workers are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from taskkit.engine._pages import all_jobs
from taskkit.facts import Fact
from taskkit.insight._draws import Draws
from taskkit.insight.forecasts import Load
from taskkit.insight.runs import ForecastIdle, ForecastRun
from taskkit.instants import HOUR, SECOND, Instant
from taskkit.jobs import Job, Why
from taskkit.outcomes import Outcome
from taskkit.states import PENDING, State
from taskkit.storage import Query
from taskkit.verdicts import verdict

if TYPE_CHECKING:
    from taskkit.engine._cases import Case
    from taskkit.engine._entries import Reader
    from taskkit.insight._playing import Station
    from taskkit.insight._twins import Twin

#: Ends of jobs that never began, and are no news where somebody changed the task.
ENDS = ("JobMissed", "JobCanceled", "JobSatisfied", "JobFailed", "JobUncertain", "ConsentExpired")
_ORDERED = frozenset({Why.EDITED, Why.INACTIVE, Why.REMOVED, Why.RECORD_REMOVED, Why.LIST_CHANGED, Why.ENDED, Why.BY_PERSON})
#: What has its place in a spread, or was sent back to wait by itself, is on its way.
_ON_ITS_WAY = frozenset({Why.SPREAD, Why.NOT_NOW})


@define(eq=False)
class Hours:
    """Of one pool: how many runs start in each hour, and how many seconds its workers are busy."""

    starts: defaultdict[int, int] = field(factory=lambda: defaultdict(int))
    busy: defaultdict[int, int] = field(factory=lambda: defaultdict(int))


class Tally:
    def __init__(self, start: Instant, end: Instant) -> None:
        self._start, self._end = start, end
        self.runs: list[ForecastRun] = []
        self.idle: list[ForecastIdle] = []
        self.names: dict[str, str] = {}
        self.hours: defaultdict[str, Hours] = defaultdict(Hours)
        self._draws = Draws()
        self._states: dict[tuple[object, ...], str] = {}
        self._twin: Twin | None = None
        self._reader: Reader | None = None

    def of(self, twin: Twin) -> None:
        self._twin = twin

    def tell_to(self, reader: Reader) -> None:
        self._reader = reader

    def _tells(self, job: Job) -> bool:
        """All is played, and each is told what they may see of it (A2)."""
        return self._reader is None or self._reader.sees(job)

    # while it is played

    def run(self, case: Case, began: Instant, end: Instant, outcome: Outcome) -> None:
        drawn = self._draws.range_of(case)
        if not self._tells(case.job):
            return
        job, hours = case.job, self.hours[case.job.pool]
        self._work(hours.busy, began, end)
        if not self._start <= began < self._end:
            return
        hours.starts[began // HOUR] += 1
        record, after = case.record, case.after or {}
        if record is not None and record.name:
            self.names[record.id] = record.name
        self.runs.append(ForecastRun(
            job.task, case.task.name, job.line, job.record, job.pool, job.kind.value, job.nominal, job.wanted, began, end,
            self._state(outcome, case), job.why, after.get("missed", job.missed), after.get("cycle", job.cycle), job.execution, job.host,
            *(drawn or (None, None)),
        ))  # fmt: skip

    def ended(self, fact: Fact) -> None:
        """A job has ended; those that began are runs."""
        job = self._twin.storage.job(fact.job or "") if self._twin is not None else None
        if job is None or job.started is not None or not self._start <= fact.at < self._end:
            return
        if (job.why not in _ORDERED or fact.kind != "JobCanceled") and self._tells(job):
            self.idle.append(self._idle(job, job.state, job.why or "", job.text))

    def _work(self, busy: defaultdict[int, int], began: Instant, end: Instant) -> None:
        began, end = max(began, self._start), min(end, self._end)
        while began < end:
            hour = began // HOUR
            until = min(end, (hour + 1) * HOUR)
            busy[hour] += until - began
            began = until

    def _state(self, outcome: Outcome, case: Case) -> str:
        key = type(outcome), getattr(outcome, "error", None), case.effect
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = _STATES.get(verdict(outcome, case.effect).step.value, "running")
        return state

    def _idle(self, job: Job, state: State, why: str, text: str = "") -> ForecastIdle:
        task = self._twin.ground.catalog.task(job.task) if self._twin is not None else None
        name = task.name if task is not None else job.task
        return ForecastIdle(job.task, name, job.record, job.pool, job.nominal, job.wanted, state.value, why, text)

    # at the end

    def waiting(self, twin: Twin, served: Callable[[str], bool], stands_still: Callable[[str], bool]) -> Iterator[ForecastIdle]:
        """What is due by then and has not run: for whom or what it waits."""
        for job in all_jobs(twin.storage, Query(states=PENDING)):
            if job.wanted >= self._end or (job.due >= self._end and job.why in _ON_ITS_WAY) or job.is_conducting or not self._tells(job):
                continue
            if job.state is State.AWAITING_CONSENT:
                yield self._idle(job, job.state, Why.CONSENT.value, job.summary or "")
            elif not served(job.pool):
                yield self._idle(job, job.state, "no_node", f"no node of this forecast serves the pool {job.pool!r}")
            elif stands_still(job.pool):
                yield self._idle(job, job.state, "paused", "its pool, or the engine, stands still")
            else:
                yield self._idle(job, job.state, job.why or "no_worker", job.text)

    def loads(self, stations: Sequence[Station]) -> Iterator[Load]:
        """Each hour of each pool that is served, or has work, in order."""
        workers = workers_by_pool(stations)
        for hour in range(self._start // HOUR, -(-self._end // HOUR)):
            length = min(self._end, (hour + 1) * HOUR) - max(self._start, hour * HOUR)
            for pool in sorted({*workers, *self.hours}):
                found = self.hours[pool]
                capacity = workers.get(pool, 0) * length / SECOND
                yield Load(pool, hour * HOUR, found.starts.get(hour, 0), found.busy.get(hour, 0) / SECOND, capacity)


def workers_by_pool(stations: Sequence[Station]) -> Mapping[str, int]:
    """How many may work for each pool at once, where they do nothing for the others that they serve."""
    found: defaultdict[str, int] = defaultdict(int)
    for station in stations:
        for pool in station.pools:
            found[pool] += station.workers
    return found


_STATES = {
    "complete": "completed",
    "fail": "error",
    "doubt": "uncertain",
    "stop": "canceled",
    "defer": "deferred",
    "ask": "awaiting_consent",
}
