"""A year of a vault on virtual time: a thousand records, a nightly task with a window, and a happening for each record and day.

python bench/year.py [--quick] [--json]
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import Goal, Middle, Row, Run, command
from jobs import START, Noop, Offers, records

from taskkit import AfterCheckIn, CheckedIn, Daily, Engine, RecordType, Settings, Task, TimeWindow, of_type
from taskkit.testing import VirtualClock

RECORDS, DAYS, KEPT = 1000, 365, 7
YEAR_SECONDS = Goal("≤", 60)
GROWTH_MB = Goal("≤", 20)


class Year:
    """Everything happens at its time: check-ins by day, what they made at ten in the evening, the nightly run at half past two."""

    def __init__(self, kept: int = 365) -> None:
        self.clock = VirtualClock(START)
        settings = Settings(retention=dict.fromkeys(Settings().retention, kept))
        self.engine = Engine(records(RECORDS), clock=self.clock, plugins=[Offers(Noop)], rng=random.Random(1), settings=settings)
        self.engine.define(RecordType("unix"))
        self.engine.define(Noop("noop"))
        night = TimeWindow("* 22-23,0-4 * * *")
        self.engine.put(Task("nightly", "noop", [Daily(at="02:30"), AfterCheckIn()], window=night), list=of_type("unix"))
        self.jobs = 0
        self.clock.advance(hours=12)

    def day(self) -> None:
        self.engine.emit(*(CheckedIn(f"r{number}") for number in range(RECORDS)))
        for hours in (10, 4.5):
            self.clock.advance(hours=hours)
            self.engine.tick()
            while claimed := self.engine.work(200):
                self.jobs += claimed
        self.clock.advance(hours=9.5)


def speed(run: Run) -> Iterator[Row]:
    days = 10 if run.rounds < 20 else DAYS
    year, began = Year(), time.process_time()
    for _ in range(days):
        year.day()
    took = (time.process_time() - began) * DAYS / days
    section = f"a year, {RECORDS:,} records, a nightly window and a happening for each record and day (processor time)"
    yield Row(section, "taskkit", f"{year.jobs * DAYS // days:,} jobs", Middle.of([took]), "s", YEAR_SECONDS)


def memory(run: Run) -> Iterator[Row]:
    """History is kept for a week only, so what grows beyond its first weeks would grow for ever."""
    days = 20 if run.rounds < 20 else 120
    year, begun = Year(KEPT), 0.0
    for number in range(days):
        year.day()
        year.engine.archive(year.clock.moment.subtract(days=KEPT), lambda facts: None)
        if number == days // 3:
            begun = resident()
    section = f"{days} days of it, of which a week of history is kept"
    yield Row(section, "taskkit", "memory grown in the last two thirds", Middle.of([resident() - begun]), "MB", GROWTH_MB)


def resident() -> float:
    """Megabytes of this process that lie in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    command("A year of a vault with a thousand records, on virtual time.", (speed, memory), arguments)


if __name__ == "__main__":
    main()
