"""What the engine costs on the memory store: a job's whole life, the way from a happening to its job's start, planning and editing.

python bench/jobs.py [--quick] [--json]
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any

import pendulum
from attrs import evolve, frozen
from harness import Case, Goal, Middle, Row, Run, command

from taskkit import (
    AfterCheckIn,
    CheckedIn,
    Daily,
    Effect,
    Engine,
    Record,
    RecordType,
    Settings,
    Task,
    of_type,
)
from taskkit.outcomes import DONE, Outcome
from taskkit.plugins import hookimpl
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run as ScriptRun
from taskkit.storage import Storage
from taskkit.testing import MemoryVault, VirtualClock

LIFE_MICROS = Goal("≤", 22)
LATENCY_MS = Goal("≤", 2)
PLAN_SECONDS = Goal("≤", 1)
RECORDS = 10_000
BATCH = 200
START = datetime(2026, 3, 1, tzinfo=UTC)
ABSENT = [name for name in ("apscheduler",) if find_spec(name) is None]


@frozen
class Noop(Script):
    """Does nothing, and may be said twice."""

    kind = "noop"
    effect = Effect.IDEMPOTENT
    name: str

    def perform(self, run: ScriptRun) -> Outcome:
        return DONE


class Offers:
    """The plug-in of these benchmarks."""

    def __init__(self, *scripts: type[Script]) -> None:
        self._scripts = scripts

    @hookimpl
    def taskkit_scripts(self) -> Sequence[type[Script]]:
        return self._scripts


def records(count: int) -> MemoryVault:
    return MemoryVault(Record(f"r{number}", "unix", fields={"host": f"h{number % 500}"}) for number in range(count))


class House:
    """An engine on virtual time with one daily task on so many records."""

    def __init__(self, count: int) -> None:
        self.clock = VirtualClock(pendulum.instance(START))
        self.engine = Engine(records(count), clock=self.clock, plugins=[Offers(Noop)], rng=random.Random(1))
        self.engine.define(RecordType("unix"))
        self.engine.define(Noop("noop"))
        self.task = self.engine.put(Task("nightly", "noop", [Daily(at="02:30")]), list=of_type("unix"))

    def batches(self, count: int) -> None:
        """So many batches: claimed, started, performed, ended, their successors planned, facts and history kept."""
        for _ in range(count):
            if not self.engine.work(BATCH):
                self.clock.advance(days=1)
                self.engine.work(BATCH)


class ByHand:
    """What is left when nothing is kept that could be asked for later: a heap of due jobs, a row each, a line of history each."""

    def __init__(self, count: int) -> None:
        self._now = START
        self._due = [(START + timedelta(days=1, hours=2.5), number) for number in range(count)]
        self._rows = {number: {"state": "scheduled", "due": at} for at, number in self._due}
        self._history: list[tuple[int, datetime, str]] = []
        heapq.heapify(self._due)

    def batches(self, count: int) -> None:
        for _ in range(count * BATCH):
            at, number = heapq.heappop(self._due)
            row = self._rows[number]
            row["state"] = "running"
            following = at + timedelta(days=1)
            self._rows[number] = {"state": "scheduled", "due": following}
            heapq.heappush(self._due, (following, number))
            row["state"] = "completed"
            self._history.append((number, at, "completed"))


def life(run: Run) -> Iterator[Row]:
    """A job's whole life in batches."""
    section = f"a job's life on the memory store, {RECORDS:,} records, batches of {BATCH} (processor time per job)"
    cases: dict[str, Case] = {"taskkit": House(RECORDS).batches, "by hand": ByHand(RECORDS).batches}
    found = run.race(cases)
    yield Row(section, "taskkit", "a job", _each(found.micros("taskkit")), "µs", LIFE_MICROS)
    yield Row(section, "by hand", "a job, nothing kept but a line", _each(found.micros("by hand")), "µs")


def _each(batch: Middle) -> Middle:
    return Middle(batch.low / BATCH, batch.value / BATCH, batch.high / BATCH)


def planning(run: Run) -> Iterator[Row]:
    section = f"one task on a type with {RECORDS:,} records (seconds)"
    planned, edited = [], []
    for _ in range(3):
        began = time.process_time()
        house = House(RECORDS)
        planned.append(time.process_time() - began)
        began = time.process_time()
        house.engine.edit(evolve(house.task, policies=[Daily(at="03:30")]))
        edited.append(time.process_time() - began)
    yield Row(section, "taskkit", "put: all planned", Middle.of(planned), "s", PLAN_SECONDS)
    yield Row(section, "taskkit", "edited: all planned anew", Middle.of(edited), "s", PLAN_SECONDS)


def latency(run: Run) -> Iterator[Row]:
    """From the call that tells of a happening to the first line of the script, in threads, on the machine's clock."""
    section = "from a happening to its job's start (milliseconds of the wall clock)"
    ours = Middle.of(emitted(3 * run.rounds))
    yield Row(section, "taskkit", "emit to start", ours, "ms", LATENCY_MS)
    if not ABSENT:
        theirs = Middle.of(added(3 * run.rounds))
        yield Row(section, "APScheduler", "add_job to start", theirs, "ms")
        yield Row(section, "APScheduler", "its time for one of ours", Middle.of([theirs.value / ours.value]), "times")


class Bell:
    """Rings when a job starts, and says when."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self.at = 0.0

    def ring(self) -> None:
        self.at = time.perf_counter()
        self._rung.set()

    def timed(self, cause: Callable[[], Any], *, rest: float = 0.0) -> float:
        """Milliseconds from the cause to the ring, after a rest of so many seconds."""
        time.sleep(rest)
        self._rung.clear()
        began = time.perf_counter()
        cause()
        if not self._rung.wait(30):
            raise RuntimeError("the job did not start within 30 seconds")
        return 1000 * (self.at - began)


def emitted(count: int, storage: Storage | None = None, *, rest: float = 0.0) -> list[float]:
    bell = Bell()

    @frozen
    class Ring(Script):
        kind = "ring"
        effect = Effect.IDEMPOTENT
        name: str

        def perform(self, run: ScriptRun) -> Outcome:
            bell.ring()
            return DONE

    engine = Engine(records(count), storage, plugins=[Offers(Ring)], settings=Settings(workers=4))
    engine.define(RecordType("unix"))
    engine.define(Ring("ring"))
    engine.put(Task("ring", "ring", [AfterCheckIn()]), list=of_type("unix"))
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        return [bell.timed(lambda record=f"r{number}": engine.emit(CheckedIn(record)), rest=rest) for number in range(count)]  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()


def added(count: int) -> list[float]:
    from apscheduler.schedulers.background import BackgroundScheduler

    bell = Bell()
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start()
    try:
        return [bell.timed(lambda: scheduler.add_job(bell.ring)) for _ in range(count)]
    finally:
        scheduler.shutdown()


SECTIONS = (life, planning, latency)


def main(arguments: Sequence[str] | None = None) -> None:
    command("The engine on the memory store, against peers and against dictionaries by hand.", SECTIONS, arguments, absent=ABSENT)


if __name__ == "__main__":
    main()
