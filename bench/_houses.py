"""An engine on a store, with one daily task on so many records; a private server; and rounds of turns.

What waits for the disk, or for another process, is timed by the clock on the wall, where what others take of the machine shows; all else
by the processor's time.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pendulum
from _bare import BATCH
from harness import Middle, Race, gauge
from jobs import START, Noop, Offers, records

from taskkit import Daily, Engine, RecordType, Settings, Task, of_type
from taskkit.storage import Storage
from taskkit.testing import VirtualClock

sys.path.insert(0, str(Path(__file__).parents[1]))

SERVER = "PostgreSQL"
#: Does so many jobs.
Doer = Callable[[int], object]
#: Prepares what is timed.
Turn = Callable[[], Callable[[], object]]
Clock = Callable[[], float]


class House:
    """On virtual time: a day's jobs are due at once, and when they are done, the next day has come."""

    def __init__(self, storage: Storage, count: int) -> None:
        self.storage, self.clock = storage, VirtualClock(pendulum.instance(START))
        self.engine = engine(storage, count, self.clock)
        self.engine.define(RecordType("unix"))
        self.engine.define(Noop("noop"))
        self.task = self.engine.put(Task("nightly", "noop", [Daily(at="02:30")]), list=of_type("unix"))

    def batches(self, count: int) -> None:
        self.work(count, batch=BATCH)

    def work(self, count: int, *, batch: int) -> None:
        done = 0
        while done < count:
            claimed = self.engine.work(min(batch, count - done))
            if not claimed:
                self.clock.advance(days=1)
            done += claimed


def engine(storage: Storage, count: int, clock: VirtualClock | None = None, *, offers: Offers | None = None, seed: int = 1) -> Engine:
    rng = random.Random(seed)
    return Engine(records(count), storage, clock=clock, plugins=[offers or Offers(Noop)], rng=rng, settings=Settings(workers=4))


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="taskkit-bench-") as name:
        yield Path(name)


@contextmanager
def databases(count: int = 1) -> Iterator[list[str]]:
    """The URLs of empty databases on a private server, which is as PostgreSQL is set up by itself; none where there is no server."""
    with ExitStack() as stack:
        yield _made(stack, count)


def _made(stack: ExitStack, count: int) -> list[str]:
    try:
        from tests.servers.postgresql import running
        from tools.servers import SERVERS
    except ImportError:  # a copy of the benchmarks without the tests
        return []
    if (program := SERVERS["postgresql"].found()) is None:
        return []
    server = stack.enter_context(running(program))
    return [stack.enter_context(server.database()) for _ in range(count)]


def timed(deed: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    began = clock()
    deed()
    return clock() - began


def in_turns(
    makes: Mapping[str, Turn], *, rounds: int, each: int | Mapping[str, int], gauges: list[float], clock: Clock = time.perf_counter
) -> Race:
    """A case prepares its turn, and gives what is timed; each turn does so many operations. A first round, which warms, does not count.

    By the clock on the wall, turns should be about as long as each other: a short one may end before others want the processor.
    """
    found, order = Race(), list(makes)
    counts = dict.fromkeys(order, each) if isinstance(each, int) else each
    for number in range(-1, rounds):
        seconds = {}
        for name in order if number % 2 == 0 else reversed(order):
            deed = makes[name]()
            seconds[name] = timed(deed, clock) / counts[name]
        if number >= 0:
            found.add({name: seconds[name] for name in order}, gauge())
    gauges += found.gauge
    return found


def ready(do: Doer, count: int) -> Turn:
    """A case that needs no preparation."""
    return lambda: lambda: do(count)


def rate(middle: Middle) -> Middle:
    """Operations a second, of microseconds for each."""
    return Middle(1e6 / middle.high, 1e6 / middle.value, 1e6 / middle.low)
