"""Spans and metrics follow from facts: what ran, how long, how late, and how it stands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pendulum
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from taskkit import AfterCheckIn, CheckedIn, ConsentRule, Daily, Engine, OnDemand, RecordType, State, Tagged, Task, of_type
from taskkit.records import Record
from taskkit.scripts import Commands, Step
from taskkit.telemetry import Telemetry
from taskkit.testing import FakeExecutor, MemoryVault, Reply, VirtualClock
from tests.engine.houses import Offer


class Watched:
    """An engine whose spans and metrics are kept in memory."""

    def __init__(self, *records: Record, processors: Iterable[SpanProcessor] = ()) -> None:
        self.spans, self.reader, tracers = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
        for processor in (SimpleSpanProcessor(self.spans), *processors):
            tracers.add_span_processor(processor)
        telemetry = Telemetry(tracers, MeterProvider([self.reader]))
        self.clock, self.hosts = VirtualClock(pendulum.datetime(2026, 3, 2, tz="UTC")), FakeExecutor("fake")
        self.engine = Engine(MemoryVault(records), clock=self.clock, plugins=[telemetry, Offer(executors=[self.hosts])])
        telemetry.watch(self.engine)
        self.engine.define(RecordType("unix", executor="fake"))
        self.engine.define(Commands("greet", [Step("hello"), Step("goodbye")]))

    def told(self) -> list[ReadableSpan]:
        return sorted(self.spans.get_finished_spans(), key=lambda span: span.start_time or 0)

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        data = self.reader.get_metrics_data()
        found = (
            [metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics] if data else []
        )
        return {one.name: [(dict(point.attributes or {}), point) for point in one.data.data_points] for one in found}


def test_a_run_is_a_span_with_one_for_each_of_its_operations() -> None:
    watched = Watched(Record("r1", "unix", fields={"host": "h1"}))
    watched.engine.put(Task("nightly", "greet", Daily(at="02:30")), list=of_type("unix"))
    watched.hosts.script("h1", "ok", Reply("no", exit=1))
    watched.clock.advance(hours=3)
    watched.engine.drain()
    run = next(span for span in watched.told() if span.name == "nightly")
    operations = [span for span in watched.told() if span.parent is not None]
    assert [(span.name, span.status.is_ok) for span in operations] == [("hello", True), ("goodbye", False)]
    assert {span.parent.span_id for span in operations if span.parent} == {run.context.span_id}
    assert run.attributes is not None
    assert (run.attributes["taskkit.record"], run.attributes["taskkit.nominal"]) == ("r1", "2026-03-02T02:30 UTC")
    assert (run.status.is_ok, run.status.description) == (False, "failed")
    assert run.start_time == watched.clock.moment.int_timestamp * 10**9


def test_the_parts_of_a_run_over_many_stand_below_it() -> None:
    watched = Watched(*(Record(f"r{number}", "unix", fields={"host": f"h{number}"}, tags={"web"}) for number in (1, 2)))
    watched.engine.put(Task("all", "greet", Daily(at="02:30"), selection=Tagged("web")), next_run=watched.clock.moment.add(hours=1))
    watched.clock.advance(hours=1)
    watched.engine.drain()
    spans = watched.told()
    [whole] = [span for span in spans if span.parent is None]
    parts = [span for span in spans if span.parent is not None and span.parent.span_id == whole.context.span_id]
    assert sorted(str((span.attributes or {})["taskkit.record"]) for span in parts) == ["r1", "r2"]
    assert len(spans) == 1 + 2 + 2 * 2


def test_how_jobs_ended_and_how_it_stands_is_counted() -> None:
    watched = Watched(Record("r1", "unix", fields={"host": "h1"}), Record("r2", "unix", fields={"host": "h2"}))
    watched.engine.put(Task("late", "greet", AfterCheckIn(), max_lateness=5), list=of_type("unix"))
    watched.engine.emit(CheckedIn("r1"))
    watched.clock.advance(minutes=1)
    watched.engine.drain()
    watched.engine.emit(CheckedIn("r2"))
    watched.clock.advance(minutes=10)
    found = watched.metrics()
    assert [point.value for _, point in found["taskkit.jobs.due"]] == [1]
    assert [point.value for _, point in found["taskkit.jobs.running"]] == [0]
    assert [point.value for _, point in found["taskkit.overdue"]] == [600]
    watched.engine.drain()
    found = watched.metrics()
    ended = {told["taskkit.state"]: point.value for told, point in found["taskkit.jobs.ended"]}
    assert ended == {"completed": 1, "missed": 1}
    [(_, late)] = found["taskkit.job.lateness"]
    assert (late.count, late.sum) == (1, 60.0)
    assert [point.value for _, point in found["taskkit.jobs.due"]] == [0]


class Broken(SpanProcessor):
    """Fails once, at the end of the second run."""

    def __init__(self) -> None:
        self.runs = 0

    def on_end(self, span: ReadableSpan) -> None:
        self.runs += span.parent is None
        if self.runs == 2:
            self.runs += 1
            raise RuntimeError("no room for spans")


def test_what_is_handed_over_once_more_is_counted_once() -> None:
    watched = Watched(Record("r1", "unix", fields={"host": "h1"}), processors=[Broken()])
    task = watched.engine.put(Task("greet", "greet", OnDemand()), list=of_type("unix"))
    for _ in range(3):
        watched.engine.demand(task.id, "r1")
        watched.engine.work()
    for _ in range(3):
        watched.engine.tick()
    [(_, ended)], [(_, took)] = watched.metrics()["taskkit.jobs.ended"], watched.metrics()["taskkit.job.duration"]
    assert (ended.value, took.count) == (3, 3)
    assert len({span.context.span_id for span in watched.told() if span.parent is None}) == 4  # that at which it failed comes again


def test_what_waits_for_people_could_not_run() -> None:
    watched = Watched(Record("r1", "unix", fields={"host": "h1"}))
    task = watched.engine.put(Task("asked for", "greet", OnDemand(), consent=ConsentRule(needed=1)), list=of_type("unix"))
    watched.engine.demand(task.id, "r1", by="ann")
    watched.engine.drain()
    [job] = watched.engine.history().entries
    watched.clock.advance(minutes=5)
    assert job.state is State.AWAITING_CONSENT
    assert [point.value for _, point in watched.metrics()["taskkit.jobs.due"]] == [0]


def test_who_leaves_it_away_loads_nothing_of_it() -> None:
    asked = "import sys, taskkit.engine; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
