"""What jobs cost on durable stores: against the same rows written by hand, against queues that others wrote, and by how much it grows.

python bench/storages.py [--quick] [--json] [--only life --only scale …]
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import _queues
from _bare import BATCH, BarePostgresql, BareSqlite, analysed
from _crowds import Worked, crowd
from _houses import SERVER, House, Turn, databases, engine, folder, in_turns, rate, ready, timed
from _large import large
from _same import SamePostgresql, SameSqlite
from _ways import PostgresqlWay, SqliteWay, told_by_hand
from attrs import evolve, frozen
from harness import Goal, Middle, Race, Row, Run, command
from jobs import Noop, emitted

from taskkit import AfterCheckIn, CheckedIn, Daily, Engine, RecordType, Task, of_type
from taskkit.instants import DAY
from taskkit.selections import OfType
from taskkit.storage import Landed, Query, Storage, Unit
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import DEFAULT_POOL

ABSENT = _queues.ABSENT
OURS, BARE, BARE_SINGLY = "taskkit", "by hand", "by hand, two transactions a job"
SAME, SAME_SINGLY = "the same rows by hand", "the same rows by hand, two transactions a job"
LITEQUEUE, HUEY, HUEY_FULL, PGQUEUER = "litequeue", "Huey, fsync off", "Huey", f"pgqueuer, batches of {BATCH}"
PROCESSES = 8
ENQUEUED, REPLANNED, LONGEST = Goal("≥", 30_000), Goal("≤", 10), Goal("≤", 100)
STARTS_SQLITE, STARTS_POSTGRESQL = Goal("≤", 2), Goal("≤", 5)
POLL, GROWTH_MB = Goal("≤", 1.3), Goal("≤", 20)


@frozen
class Size:
    """How much is done: what a table quotes, or enough to see that it works."""

    records: int = 10_000  # of a house
    turn: int = 1000  # jobs in each turn of a race
    turns: int = 11
    bulk: int = 100_000  # records of one task
    small: int = 10_000
    large: int = 1_000_000
    crowd: int = 10_000
    repeats: int = 3  # of a crowd
    emits: int = 100
    rest: float = 0.3  # seconds in which nothing happens, before each of them
    told: int = 2000  # happenings in one call


QUICK = Size(records=1000, turn=400, turns=3, bulk=3000, small=1000, large=30_000, crowd=1600, repeats=1, emits=20, rest=0.02, told=300)


def size(run: Run) -> Size:
    return QUICK if run.rounds < 20 else Size()


# a job's life


def life(run: Run) -> Iterator[Row]:
    """Claimed, started, performed, ended, its successor planned, facts and history kept."""
    size_ = size(run)
    with folder() as place:
        found = _relaxed(run, place, size_)
        forced = _forced(run, place, size_)
    section = f"a job's life on SQLite, WAL and synchronous NORMAL, batches of {BATCH} (processor time)"
    yield from _rates(section, found)
    yield from _ratios(section, found, [(OURS, BARE, 0.28), (OURS, SAME, 0.28), (OURS, LITEQUEUE, 3), (OURS, HUEY, 2)])
    section = f"the same with synchronous FULL, batches of {BATCH} against one after the other (the wall clock)"
    yield from _rates(section, forced)
    yield from _ratios(section, forced, [(OURS, BARE_SINGLY, 8), (OURS, SAME_SINGLY, 8), (OURS, HUEY_FULL, 9)])


def _relaxed(run: Run, place: Path, size_: Size) -> Race:
    with (
        SqliteStorage(place / "relaxed.db", relaxed=True) as storage,
        BareSqlite(place / "bare.db", size_.records) as bare,
        SameSqlite(place / "same.db", size_.records) as same,
    ):
        makes = {
            OURS: ready(House(storage, size_.records).batches, size_.turn),
            BARE: ready(bare.batches, size_.turn // BATCH),
            SAME: ready(same.batches, size_.turn // BATCH),
            **_peers({LITEQUEUE: ("litequeue", _queues.litequeue), HUEY: ("huey", partial(_queues.huey, fsync=False))}, place, size_),
        }
        return in_turns(makes, rounds=size_.turns, each=size_.turn, gauges=run.gauges, clock=time.process_time)


def _forced(run: Run, place: Path, size_: Size) -> Race:
    with (
        SqliteStorage(place / "full.db") as storage,
        BareSqlite(place / "bare_full.db", size_.records, sync="FULL") as bare,
        SameSqlite(place / "same_full.db", size_.records, sync="FULL") as same,
    ):
        makes = {
            OURS: ready(House(storage, size_.records).batches, size_.turn),
            BARE_SINGLY: ready(bare.singly, size_.turn),
            SAME_SINGLY: ready(same.singly, size_.turn),
            **_peers({HUEY_FULL: ("huey", partial(_queues.huey, fsync=None))}, place, size_),
        }
        return in_turns(makes, rounds=size_.turns, each=size_.turn, gauges=run.gauges)


def _peers(peers: dict[str, tuple[str, Callable[[Path], _queues.Queue]]], place: Path, size_: Size) -> dict[str, Turn]:
    puts = {name: make(place) for name, (module, make) in peers.items() if module not in ABSENT}
    return {name: partial(put, size_.turn) for name, put in puts.items()}


def _rates(section: str, found: Race) -> Iterator[Row]:
    for name in found.names:
        yield Row(section, name, _kept(name), rate(found.micros(name)), "/s")


def _kept(name: str) -> str:
    if name.startswith("Huey"):
        return "jobs, what they gave back; the row is gone"
    if name == LITEQUEUE:
        return "jobs, a row that says done"
    if name == PGQUEUER:
        return "jobs, a log; the row is gone"
    return "jobs, history, next occurrences" + (", facts" if name in (OURS, SAME, SAME_SINGLY) else "")


def _ratios(section: str, found: Race, goals: Sequence[tuple[str, str, float | None]]) -> Iterator[Row]:
    for name, against, goal in goals:
        if name in found.names and against in found.names:
            yield Row(section, f"{name} : {against}", "", found.ratio(name, against), "x", None if goal is None else Goal("≥", goal))


def life_postgresql(run: Run) -> Iterator[Row]:
    size_ = size(run)
    section = f"a job's life on PostgreSQL, synchronous_commit on, batches of {BATCH} (the wall clock)"
    with databases(4) as urls:
        if not _are_there(urls):
            return
        ours, bare, same, peer = urls
        with PostgresStorage(ours, keeps_time=False) as storage:
            turns = {OURS: size_.turn, BARE: 8 * size_.turn, SAME: size_.turn}
            house = House(storage, size_.records)
            analysed(ours)
            makes: dict[str, Turn] = {
                OURS: ready(house.batches, turns[OURS]),
                BARE: ready(BarePostgresql(bare, size_.records).batches, turns[BARE] // BATCH),
                SAME: ready(SamePostgresql(same, size_.records).batches, turns[SAME] // BATCH),
            }
            if not {"pgqueuer", "asyncpg"} & set(ABSENT):
                turns[PGQUEUER] = 2 * size_.turn
                makes[PGQUEUER] = partial(_queues.pgqueuer(peer, batch=BATCH), turns[PGQUEUER])
            found = in_turns(makes, rounds=size_.turns, each=turns, gauges=run.gauges)
    yield from _rates(section, found)
    yield from _ratios(section, found, [(OURS, BARE, 0.6), (OURS, SAME, 0.6), (OURS, PGQUEUER, 1.1)])


def _are_there(urls: Sequence[str]) -> bool:
    if not urls and SERVER not in ABSENT:
        ABSENT.append(SERVER)
    return bool(urls)


def singly(run: Run) -> Iterator[Row]:
    """One after the other, each on the disk before the next begins; and without forcing the disk."""
    size_ = size(run)
    for sync, clock, told, goal in (
        ("FULL", time.perf_counter, "durable before the next (the wall clock)", 0.75),
        ("NORMAL", time.process_time, "synchronous NORMAL (processor time)", None),
    ):
        section, count = f"one job at a time on SQLite, {told}", size_.turn // 4
        with (
            folder() as place,
            SqliteStorage(place / "store.db", relaxed=sync == "NORMAL") as storage,
            BareSqlite(place / "bare.db", size_.records, sync=sync) as bare,
            SameSqlite(place / "same.db", size_.records, sync=sync) as same,
        ):
            makes = {
                OURS: ready(partial(House(storage, size_.records).work, batch=1), count),
                BARE_SINGLY: ready(bare.singly, count),
                SAME_SINGLY: ready(same.singly, count),
            }
            found = in_turns(makes, rounds=size_.turns, each=count, gauges=run.gauges, clock=clock)
        yield from _rates(section, found)
        yield from _ratios(section, found, [(OURS, BARE_SINGLY, goal), (OURS, SAME_SINGLY, goal)])


# from a happening to its job's start


def latency(run: Run) -> Iterator[Row]:
    """In a product that has little to do, the way begins with threads that sleep, and memory that was used for other things."""
    size_ = size(run)
    for manner, rest in (("one after the other", 0.0), (f"after {size_.rest:g} seconds of rest", size_.rest)):
        section = f"from a happening to its job's start, in threads, {manner} (milliseconds of the wall clock)"
        with folder() as place, SqliteStorage(place / "store.db") as storage:
            bare = told_by_hand(SqliteWay(place / "bare.db"), size_.emits, rest)
            yield from _way(section, "SQLite", emitted(size_.emits, storage, rest=rest), bare, STARTS_SQLITE)
        with databases(2) as urls:
            if _are_there(urls):
                with PostgresStorage(urls[0]) as store:
                    bare = told_by_hand(PostgresqlWay(urls[1]), size_.emits, rest)
                    yield from _way(section, SERVER, emitted(size_.emits, store, rest=rest), bare, STARTS_POSTGRESQL)


def _way(section: str, store: str, ours: Sequence[float], bare: Sequence[float], goal: Goal) -> Iterator[Row]:
    yield Row(section, store, "by hand", Middle.of(bare), "ms")
    yield Row(section, store, "emit to start", Middle.of(ours), "ms", goal)
    yield Row(section, store, "its time for one by hand", Middle.of([Middle.of(ours).value / Middle.of(bare).value]), "times")


# many at once


class Watched(SqliteStorage):
    """Notes how long each write takes: by the wall, and by the processor, which does not count what others take."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.writes: list[Spent] = []

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers: list[Sequence[Landed]] = []
        self.writes.append(spent(lambda: answers.append(super(Watched, self).write(units, durable=durable))))
        return answers[0]

    def longest(self, section: str) -> Iterator[Row]:
        """The writes since the last time."""
        wall, work = max(one.wall for one in self.writes), max(one.work for one in self.writes)
        self.writes.clear()
        yield Row(section, OURS, "longest write", Middle.of([1000 * wall]), "ms", LONGEST)
        yield Row(section, OURS, "longest write, processor time", Middle.of([1000 * work]), "ms")


@frozen
class Spent:
    """Seconds of the wall clock, and of the processor."""

    wall: float
    work: float


def spent(deed: Callable[[], object]) -> Spent:
    began = time.process_time()
    wall = timed(deed)
    return Spent(wall, time.process_time() - began)


def enqueue(run: Run) -> Iterator[Row]:
    """Jobs that one call makes: a new task's occurrences, the parts of one demand, and what so many happenings in one call start."""
    size_ = size(run)
    section = f"{size_.bulk:,} jobs by one call on SQLite, full (jobs a second)"
    with folder() as place, Watched(place / "store.db") as storage:
        made = _furnished(storage, size_.bulk)
        nightly = Task("nightly", "noop", [Daily(at="02:30")])
        with unseen_by_the_collector():
            yield from _fast(section, "put: a task's occurrences", size_.bulk, spent(lambda: made.put(nightly, list=of_type("unix"))))
        _must_stand(storage, size_.bulk)
        yield from storage.longest(section)
    with folder() as place, Watched(place / "store.db") as storage:
        made = _furnished(storage, size_.bulk)
        over = made.put(Task("all", "noop", selection=OfType("unix")), by="somebody")
        made.put(Task("after", "noop", [AfterCheckIn()]), list=of_type("unix"))
        made.demand(over.id, by="somebody")
        happenings = [CheckedIn(f"r{number}") for number in range(size_.told)]
        with unseen_by_the_collector():
            yield from _fast(section, "demand: the parts of a run", size_.bulk, spent(lambda: made.work(1)))
            yield from _fast(section, f"emit: {size_.told:,} check-ins", size_.told, spent(lambda: made.emit(*happenings)))
        _must_stand(storage, size_.bulk + size_.told + 1)


def _furnished(storage: Storage, records: int) -> Engine:
    made = engine(storage, records)
    made.define(RecordType("unix"))
    made.define(Noop("noop"))
    return made


@contextmanager
def unseen_by_the_collector() -> Iterator[None]:
    """Python's collector looks through all that a process holds, again and again; a product's records are in its database."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _fast(section: str, figure: str, count: int, took: Spent) -> Iterator[Row]:
    yield Row(section, OURS, figure, Middle.of([count / took.wall]), "/s", ENQUEUED)
    yield Row(section, OURS, f"{figure}, processor time", Middle.of([count / took.work]), "/s")


def _must_stand(storage: Storage, count: int) -> None:
    if (found := storage.count(Query())) != count:
        raise RuntimeError(f"{found} of {count} jobs are there")


def replan(run: Run) -> Iterator[Row]:
    size_ = size(run)
    section = f"an edit of a task on {size_.bulk:,} records, on SQLite, full (seconds of the wall clock, but for what says otherwise)"
    with folder() as place, Watched(place / "store.db") as storage:
        house = House(storage, size_.bulk)
        storage.writes.clear()
        with unseen_by_the_collector():
            took = spent(lambda: house.engine.edit(evolve(house.task, policies=[Daily(at="03:30")])))
        yield Row(section, OURS, "all planned anew", Middle.of([took.wall]), "s", REPLANNED)
        yield Row(section, OURS, "all planned anew, processor time", Middle.of([took.work]), "s")
        yield from storage.longest(section)


# a large store


def scale(run: Run) -> Iterator[Row]:
    size_ = size(run)
    few, many = f"{size_.small:,} jobs", f"{size_.large:,} jobs"
    section = f"SQLite with {few} and {many} that wait (processor time)"
    with folder() as place:
        due = {name: large(place / name, count) for name, count in ((few, size_.small), (many, size_.large))}
        shutil.copy(place / many, place / "work.db")
        with SqliteStorage(place / few) as small, SqliteStorage(place / many) as big:
            stores = {few: small, many: big}
            polls = in_turns(
                {name: ready(partial(_polled, store), 50) for name, store in stores.items()},
                rounds=2 * size_.turns, each=50, gauges=run.gauges, clock=time.process_time,
            )  # fmt: skip
            claims = in_turns(
                {name: ready(partial(_claimed, store, due[name]), 1) for name, store in stores.items()},
                rounds=2 * size_.turns, each=1, gauges=run.gauges, clock=time.process_time,
            )  # fmt: skip
        [alone] = crowd(place / "work.db", workers=1, records=1000, most=1000)
    for what, found in (("next_due", polls), (f"claim of {BATCH}", claims)):
        for name in found.names:
            yield Row(section, name, what, found.micros(name), "µs")
        yield Row(section, f"{many} : {few}", f"{what}, time for one", found.ratio(few, many), "x", POLL)
    yield Row(section, many, f"memory grown while {alone.jobs:,} jobs are worked", Middle.of([alone.grown]), "MB", GROWTH_MB)


def _polled(storage: Storage, count: int) -> None:
    for _ in range(count):
        storage.next_due([DEFAULT_POOL])


def _claimed(storage: Storage, first: int, count: int) -> None:
    now = first + DAY
    for _ in range(count):
        if not storage.claim(now, worker="here/1", node="here", pools=[DEFAULT_POOL], limit=BATCH, lease=now + DAY):
            raise RuntimeError("nothing was due")


# several processes


def processes(run: Run) -> Iterator[Row]:
    size_ = size(run)
    section = f"{size_.crowd:,} jobs on one SQLite file, full, batches of {BATCH} (the wall clock)"
    one, all_of_them, ratios, shares = [], [], [], []
    with folder() as place:
        with SqliteStorage(place / "made.db") as storage:
            House(storage, size_.crowd)
        for number in range(size_.repeats):
            rates = {}
            for workers in (1, PROCESSES) if number % 2 == 0 else (PROCESSES, 1):
                file = shutil.copy(place / "made.db", place / f"{workers}-{number}.db")
                worked = crowd(Path(file), workers=workers, records=size_.crowd)
                rates[workers] = _rate(worked)
                if workers > 1:
                    shares.append(min(one.jobs for one in worked) * workers / size_.crowd)
            one.append(rates[1])
            all_of_them.append(rates[PROCESSES])
            ratios.append(rates[PROCESSES] / rates[1])
    yield Row(section, "one process", "jobs", Middle.of(one), "/s")
    yield Row(section, f"{PROCESSES} processes", "jobs of all", Middle.of(all_of_them), "/s")
    yield Row(section, f"{PROCESSES} processes : one", "jobs of all", Middle.of(ratios), "x", Goal("≥", 0.7))
    yield Row(section, f"{PROCESSES} processes", "jobs of the slowest : mean", Middle.of(shares), "x", Goal("≥", 0.3))


def _rate(worked: Sequence[Worked]) -> float:
    begun, ended = min(one.began for one in worked), max(one.ended for one in worked)
    return sum(one.jobs for one in worked) / (ended - begun)


SECTIONS = (life, life_postgresql, singly, latency, enqueue, replan, scale, processes)


def main(arguments: Sequence[str] | None = None) -> None:
    command("Jobs on durable stores, against rows written by hand and against other queues.", SECTIONS, arguments, absent=ABSENT)


if __name__ == "__main__":
    main()
