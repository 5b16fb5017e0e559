"""Spans and metrics for OpenTelemetry (extra `otel`), made from facts after the event: no job waits for them.

`telemetry = Telemetry()`, `engine = Engine(vault, plugins=[telemetry])`, `telemetry.watch(engine)`. Who leaves it away pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pendulum
from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation
from opentelemetry.trace import Span, Status, StatusCode, TracerProvider, set_span_in_context

from taskkit.engine import Engine, Entry
from taskkit.errors import NotFound, StorageAway
from taskkit.facts import Fact
from taskkit.instants import instant
from taskkit.plugins.kinds import Notifier
from taskkit.plugins.specs import hookimpl
from taskkit.states import PENDING, State
from taskkit.storage import Query

_NAME = "taskkit"
_ENDS = frozenset({"JobCompleted", "JobFailed", "JobUncertain", "JobStopped"})
#: Ended without a run: counted, and no span.
_UNRUN = {"JobMissed": "missed", "JobCanceled": "canceled", "JobSatisfied": "satisfied", "ConsentExpired": "expired"}
#: When they are due; what waits for people could not run.
_LOOKED_AT = PENDING - {State.AWAITING_CONSENT}
_MOST_DUE = 1000
_PAGE = 500


class Telemetry(Notifier):
    """A span for each run, with one for each of its operations; a run over many has its parts below it. And metrics."""

    name = "telemetry"
    wants = _ENDS | frozenset(_UNRUN)

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        self._tracer = trace.get_tracer(_NAME, tracer_provider=tracers)
        self._meter: Meter = metrics.get_meter(_NAME, meter_provider=meters)
        self._ended = self._meter.create_counter("taskkit.jobs.ended", "{job}", "Jobs that ended, by state and task")
        self._took = self._meter.create_histogram("taskkit.job.duration", "s", "From the start of a job to its end")
        self._late = self._meter.create_histogram("taskkit.job.lateness", "s", "From when a job was due first to its start")
        self._engine: Engine | None = None
        #: Facts that come once more, as telling of one behind them failed.
        self._told = set[tuple[str, int]]()

    def watch(self, engine: Engine) -> None:
        """The engine whose jobs it tells of: said once, after the engine was made with it as a plug-in."""
        self._engine = engine
        gauge = self._meter.create_observable_gauge
        gauge("taskkit.jobs.due", [self._due], "{job}", "Jobs that could run now; no more than 1,000 are counted")
        gauge("taskkit.jobs.running", [self._running], "{job}", "Jobs that run")
        gauge("taskkit.overdue", [self._overdue], "s", "For how long the first job waits that could run")

    @hookimpl
    def taskkit_notifiers(self) -> Iterable[Notifier]:
        return (self,)

    # what ended

    def notify(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if (fact.chain, fact.position) not in self._told:
                self._tell(fact)
                self._told.add((fact.chain, fact.position))
        self._told.clear()

    def _tell(self, fact: Fact) -> None:
        entry = self._entry(fact)
        told = {"taskkit.task": entry.task_name if entry is not None else fact.task or ""}
        if fact.kind in _UNRUN:
            self._ended.add(1, {**told, "taskkit.state": _UNRUN[fact.kind]})
        elif entry is not None and entry.started is not None and entry.ended is not None:
            if not self._comes_with_another(entry):
                self._span(entry, None)
            self._ended.add(1, {**told, "taskkit.state": entry.state.value})  # after what may fail
            self._took.record((entry.ended - entry.started).total_seconds(), told)
            self._late.record(max(0.0, (entry.started - entry.wanted).total_seconds()), told)

    def _entry(self, fact: Fact) -> Entry | None:
        """None where it was purged before anybody told of it, or where no engine is watched."""
        try:
            return self._engine.job(fact.job) if self._engine is not None and fact.job is not None else None
        except NotFound:
            return None

    @staticmethod
    def _comes_with_another(entry: Entry) -> bool:
        """A part is told with its run over many, once that has ended; one that was run again later, by itself."""
        return entry.execution is not None and entry.demanded_by is None

    def _span(self, entry: Entry, parent: Span | None) -> None:
        assert entry.started is not None  # noqa: S101  only what ran has a span
        context = set_span_in_context(parent) if parent is not None else None
        name, began = entry.task_name or entry.task, _nanos(entry.started)
        span = self._tracer.start_span(name, context, attributes=_attributes(entry), start_time=began)
        for operation in entry.operations:
            self._operation(operation, span)
        for part in self._parts(entry):
            self._span(part, span)
        if entry.state is not State.COMPLETED:
            span.set_status(Status(StatusCode.ERROR, entry.error or entry.state.value))
        span.end(_nanos(entry.ended))

    def _parts(self, entry: Entry) -> Iterator[Entry]:
        if self._engine is None or entry.record is not None or entry.execution is not None:
            return
        page: str | None = None
        while True:
            found = self._engine.history(execution=entry.id, page=page, limit=_PAGE)
            yield from (part for part in found.entries if part.started is not None and part.ended is not None)
            page = found.next
            if page is None:
                return

    def _operation(self, told: Mapping[str, Any], parent: Span) -> None:
        began, ended = (pendulum.parse(told[name]) if isinstance(told.get(name), str) else told.get(name) for name in ("began", "ended"))
        span = self._tracer.start_span(str(told.get("name", "operation")), set_span_in_context(parent), start_time=_nanos(began))
        span.set_attribute("taskkit.state", str(told.get("state")))
        if told.get("state") != "done":
            span.set_status(Status(StatusCode.ERROR, str(told.get("error") or told.get("state"))))
        span.end(_nanos(ended))

    # how it stands

    def _due(self, _: CallbackOptions) -> Iterable[Observation]:
        if self._engine is None:
            return
        now = self._engine._ground.now()
        found = self._asked(lambda engine: engine.storage.jobs(Query(states=_LOOKED_AT), order="due", limit=_MOST_DUE).jobs)
        yield from (Observation(sum(job.due <= now for job in jobs)) for jobs in found)

    def _running(self, _: CallbackOptions) -> Iterable[Observation]:
        yield from map(Observation, self._asked(lambda engine: engine.storage.count(Query(states=State.RUNNING))))

    def _overdue(self, _: CallbackOptions) -> Iterable[Observation]:
        yield from map(Observation, self._asked(lambda engine: engine.health().overdue))

    def _asked(self, question: Any) -> Iterator[Any]:
        """Nothing where the store is away: no number is better than a wrong one."""
        try:
            if self._engine is not None:
                yield question(self._engine)
        except StorageAway:
            return


def _attributes(entry: Entry) -> dict[str, str | int]:
    told = {
        "taskkit.job": entry.id, "taskkit.task": entry.task, "taskkit.kind": entry.kind.value, "taskkit.state": entry.state.value,
        "taskkit.attempt": entry.attempt, "taskkit.pool": entry.pool, "taskkit.record": entry.record, "taskkit.node": entry.node,
        "taskkit.nominal": entry.nominal, "taskkit.execution": entry.execution,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _nanos(moment: Any) -> int | None:
    return None if moment is None else instant(moment) * 1000
