"""What one answer of `explain` costs on a store with 100,000 facts and the history behind them: the past, now, and what is to come.

python bench/explain.py [--quick] [--json]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from time import process_time

import pendulum
from _houses import House, folder
from harness import Goal, Middle, Row, Run, command

from taskkit.storage import Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage

ANSWER_MS = Goal("≤", 5)
RECORDS = 1000
NIGHTS, QUICK_NIGHTS = 50, 1
#: Beside the first answer, which a store in memory may prepare for.
CALLS = 5


def memory(run: Run) -> Iterator[Row]:
    yield from answers("on the memory store (milliseconds of the processor)", MemoryStorage(), run)


def sqlite(run: Run) -> Iterator[Row]:
    with folder() as place, SqliteStorage(place / "store.db", relaxed=True) as storage:
        yield from answers("on SQLite (milliseconds of the processor)", storage, run)


def lived(storage: Storage, nights: int) -> House:
    """So many nights with a job for each record: two facts and a line of the history each."""
    house = House(storage, RECORDS)
    house.work(RECORDS * nights, batch=200)
    return house


def answers(section: str, storage: Storage, run: Run) -> Iterator[Row]:
    nights = NIGHTS if run.rounds > 20 else QUICK_NIGHTS
    house, numbers = lived(storage, nights), count()
    start, now = pendulum.datetime(2026, 3, 1), house.clock.moment

    def ask(at: Callable[[int], pendulum.DateTime | None]) -> object:
        number = next(numbers)
        return house.engine.explain(house.task.id, f"r{number % RECORDS}", at(number))

    def asked(at: Callable[[int], pendulum.DateTime | None]) -> Middle:
        return Middle.of([_timed(lambda: ask(at)) for _ in range(run.rounds)])

    first = _once(lambda: house.engine.explain(house.task.id, "r0", start.add(hours=2, minutes=30)))
    told = sum(head.position for head in house.storage.heads())
    yield Row(section, "the first answer", f"{told:,} facts", Middle.of([first]), "ms")
    yield Row(section, "explain", "a night of the past", asked(lambda n: start.add(days=n % nights, hours=2, minutes=30)), "ms", ANSWER_MS)
    yield Row(section, "explain", "now", asked(lambda n: None), "ms", ANSWER_MS)
    yield Row(section, "explain", "a day to come", asked(lambda n: now.add(days=1 + n % 300)), "ms", ANSWER_MS)


def _once(deed: Callable[[], object]) -> float:
    began = process_time()
    deed()
    return 1000 * (process_time() - began)


def _timed(deed: Callable[[], object]) -> float:
    """Milliseconds of one of several."""
    return _once(lambda: [deed() for _ in range(CALLS)]) / CALLS


SECTIONS = (memory, sqlite)


def main(arguments: Sequence[str] | None = None) -> None:
    command("What an answer of explain costs on a large store.", SECTIONS, arguments)


if __name__ == "__main__":
    main()
