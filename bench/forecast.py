"""A look ahead over a month: 100,000 records, a weekly task on each, some 400,000 runs.

python bench/forecast.py [--quick] [--json]
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

import pendulum
from harness import Goal, Middle, Row, Run, command
from jobs import Noop, Offers

from taskkit import FRI, MON, THU, TUE, WED, Engine, Record, RecordType, Settings, Task, TimeWindow, Weekly, of_type
from taskkit.insight import Forecast
from taskkit.testing import MemoryVault, VirtualClock

RECORDS, TYPES, DAYS, WORKERS = 100_000, 10, 28, 64
START = pendulum.datetime(2026, 3, 1, tz="UTC")
FORECAST_SECONDS = Goal("≤", 40)


def furnished(count: int) -> Engine:
    """Ten types of records, each with a task that is due one evening of the week and may start all night."""
    vault = MemoryVault(Record(f"r{number}", f"type{number % TYPES}", fields={"host": f"h{number % 500}"}) for number in range(count))
    settings = Settings(workers=WORKERS)
    engine = Engine(vault, clock=VirtualClock(START), plugins=[Offers(Noop)], rng=random.Random(1), settings=settings)
    engine.define(Noop("noop"))
    nights = TimeWindow("* 20-23,0-5 * * *")
    for number in range(TYPES):
        engine.define(RecordType(f"type{number}"))
        weekly = Weekly(on=[(MON, TUE, WED, THU, FRI)[number % 5]], at="20:00")
        engine.put(Task(f"weekly {number}", "noop", weekly, window=nights), list=of_type(f"type{number}"))
    return engine


def looked_ahead(engine: Engine) -> Forecast:
    """Each task has a length of its own, so that its runs end apart from those of others."""
    lengths = {f"weekly {number}": 15.0 + number for number in range(TYPES)}
    return engine.forecast(None, START.add(days=DAYS), durations=lengths)


def month(run: Run) -> Iterator[Row]:
    count = RECORDS // 20 if run.rounds < 20 else RECORDS
    engine = furnished(count)
    began = time.process_time()
    found = looked_ahead(engine)
    took = (time.process_time() - began) * RECORDS / count
    section = f"four weeks ahead, {RECORDS:,} records with a weekly task each, {WORKERS} workers, a window (processor time)"
    runs = len(found.runs) * RECORDS // count
    yield Row(section, "taskkit", f"{runs:,} runs", Middle.of([took]), "s", FORECAST_SECONDS)


def main(arguments: Sequence[str] | None = None) -> None:
    command("A forecast of a month with 100,000 records.", (month,), arguments)


if __name__ == "__main__":
    main()
