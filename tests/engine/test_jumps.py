"""The clock of a machine is set, ahead and back: no storm, no run lost, no fire twice, and nobody who lives is taken for dead."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pendulum
import pytest

from taskkit.engine import Engine, Settings
from taskkit.events import Daily, Hourly, Spread, TimeWindow
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.instants import DAY, MINUTE, SECOND, Instant
from taskkit.jobs import Job, Kind
from taskkit.outcomes import ErrorClass, NotDone
from taskkit.plugins.runs import Run
from taskkit.records import RecordType
from taskkit.states import FINAL, State
from taskkit.storage import Query
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Fallback, Task
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import START, UNIX, Crash, Offer, Play, _mortal, does, hosts, scripted

LEASE = Settings().lease
HALF = LEASE // 2 + 1
RECORDS = 4
_HOURS = {"nightly": 24, "hourly": 1, "flaky": 24}


class Settable(VirtualClock):
    """A machine's two clocks: an administrator sets the one, and nobody moves the other."""

    off: Instant = 0

    def now(self) -> Instant:
        return super().now() + self.off

    def set(self, *, days: float = 0, seconds: float = 0) -> None:
        """Ahead, or back."""
        self.off += round(days * DAY + seconds * SECOND)


class Site:
    """Processes on one store, of one machine."""

    def __init__(self, storage: MemoryStorage | SqliteStorage) -> None:
        self.clock, self.vault, self.play = Settable(START), MemoryVault(hosts(RECORDS)), Play()
        self.Scripted = scripted(self.play)
        self._storage, self._offer, self._nodes = storage, Offer([self.Scripted]), 0
        self.handles: list[SqliteStorage] = []
        self.engine = self.enter()
        self.engine.define(RecordType("unix"))

    def enter(self) -> Engine:
        self._nodes += 1
        handle = self._storage.join()
        if isinstance(handle, SqliteStorage):
            self.handles.append(handle)
        engine = Engine(self.vault, handle, plugins=[self._offer], clock=self.clock, node=f"n{self._nodes}")
        return _mortal(engine)

    def put(self, name: str, *policies: object, **said: object) -> None:
        self.engine.define(self.Scripted(name))
        self.engine.put(Task(name, name, policies, **said), list=UNIX)  # type: ignore[arg-type]

    def works(self, *, hours: float) -> None:
        """A look every ten minutes."""
        for _ in range(round(hours * 6)):
            self.clock.advance(minutes=10)
            self.engine.drain()

    def jobs(self) -> list[Job]:
        return list(self.engine.storage.jobs(Query(), limit=100_000).jobs)

    def performed(self) -> Counter[tuple[str, str | None]]:
        """And from now on anew."""
        seen = Counter(self.play.performed)
        self.play.performed.clear()
        return seen


@pytest.fixture(params=["memory", "sqlite"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "memory":
        yield Site(MemoryStorage())
        return
    with SqliteStorage(tmp_path / "store.db", relaxed=True) as storage:
        site = Site(storage)
        yield site
        for handle in site.handles:
            handle.close()


def plan(site: Site) -> None:
    """Windows, spreads, retries and a cadence."""
    site.put("nightly", Daily(at="02:00"), window=TimeWindow("* 1-5 * * *"), spread=Spread(minutes=120))
    site.put("hourly", Hourly())
    site.put("flaky", Daily(at="03:00"), fallback=Fallback(minutes=30, cycles=3))
    tries = Counter[str | None]()

    def fails_first(script_performs: Callable[..., object]) -> Callable[..., object]:
        def perform(script: object, run: Run) -> object:
            done = script_performs(script, run)
            if getattr(script, "name", "") != "flaky":
                return done
            tries[record := run.record.id if run.record else None] += 1
            return NotDone(ErrorClass.UNREACHABLE, "the first try") if tries[record] % 2 else done

        return perform

    site.play.perform = fails_first(site.play.perform)  # type: ignore[method-assign, assignment]


def check(site: Site) -> None:
    """No fire twice, none left out, and nothing that should have ended waits."""
    names = {task.line: task.name for task in site.engine.tasks()}
    places: defaultdict[tuple[str, str | None], list[Job]] = defaultdict(list)
    for job in site.jobs():
        if job.kind is Kind.OCCURRENCE:
            places[names[job.line], job.record].append(job)
    assert len(places) == len(names) * RECORDS
    for (name, record), jobs in places.items():
        jobs.sort(key=lambda job: job.at or 0)
        assert [job.state for job in jobs if job.state not in FINAL] == [State.SCHEDULED], (name, record)
        for one, after in pairwise(jobs):
            assert (after.at or 0) == (one.missed_last or one.at or 0) + _HOURS[name] * 3600, (name, record)
    assert not [job for job in site.jobs() if job.state in (State.UNCERTAIN, State.MISSED, State.QUEUED, State.RUNNING)]
    failed = [job for job in site.jobs() if job.state is State.ERROR]
    retries = [job.state for job in site.jobs() if job.kind is Kind.FALLBACK]
    assert len(failed) == len(retries) > 0
    assert set(retries) <= {State.COMPLETED, State.MERGED}  # an occurrence may have come due beside it, and is the next try then (J7)
    assert not site.engine.check()


@pytest.mark.parametrize("begins", ["00:30", "02:40", "03:10", "12:00"])
def test_t15_a_clock_that_jumps_a_day_ahead_and_back_starts_no_storm_and_loses_no_run(site: Site, begins: str) -> None:
    plan(site)
    hour, minute = map(int, begins.split(":"))
    site.works(hours=24 + hour + minute / 60)
    site.performed()
    ahead(site)
    behind(site)
    check(site)


def ahead(site: Site) -> None:
    """What is due by the jump is one run for each task and record, and its retry."""
    site.clock.set(days=1)
    for _ in range(2):
        site.engine.drain()
        site.clock.advance(seconds=HALF)
    site.engine.drain()
    seen = site.performed()
    assert {count for (name, _), count in seen.items() if name == "hourly"} == {1}
    assert len([key for key in seen if key[0] == "hourly"]) == RECORDS
    assert all(count <= 2 for count in seen.values())
    assert {job.missed for job in latest(site)} <= {23, 24, 25}
    site.works(hours=3)
    site.performed()


def latest(site: Site) -> list[Job]:
    """The last run of each hour's task that has ended."""
    [line] = [task.line for task in site.engine.tasks() if task.name == "hourly"]
    jobs = [job for job in site.jobs() if job.line == line and job.state in FINAL]
    return sorted(jobs, key=lambda job: job.at or 0)[-RECORDS:]


def behind(site: Site) -> None:
    """What has run stays as it was, and goes on when its next time comes."""
    site.clock.set(days=-1)
    site.works(hours=20)
    seen = site.performed()
    assert not [name for name, _ in seen if name == "hourly"]  # these hours have had their run
    assert all(count <= 2 for count in seen.values())
    site.works(hours=48)
    assert {record for name, record in site.performed() if name == "nightly"} == {record.id for record in site.vault.records.all()}


def test_t06_what_happens_before_and_after_a_jump_back_is_one_fire_each(site: Site) -> None:
    site.put("checked", AfterCheckIn())
    site.clock.set(days=1)
    first = site.engine.emit(CheckedIn("h01", id="one"))
    site.engine.drain()
    site.clock.set(days=-1)
    assert site.engine.emit(CheckedIn("h01", id="one")) == first
    [second] = site.engine.emit(CheckedIn("h01", id="two"))
    assert second not in first
    site.works(hours=1)
    assert site.performed() == {("checked", "h01"): 2}


@pytest.mark.parametrize("by", [86_400, LEASE + 1])
def test_j04_who_works_through_a_jump_is_not_taken_for_dead(site: Site, by: int) -> None:
    site.put("checked", AfterCheckIn())
    others = site.enter(), site.enter()

    def jump(run: Run) -> None:
        site.clock.set(seconds=by)
        for engine in (site.engine, *others):
            assert engine.work() == 0  # also by the process itself
        site.clock.advance(seconds=LEASE // 3)
        site.engine.beat()
        site.clock.advance(seconds=HALF)
        for engine in (site.engine, *others):
            assert engine.work() == 0
        assert run.job.rescues == 0

    for engine in others:
        engine.work()
    site.play.says("h01", does(jump))
    [job] = site.engine.emit(CheckedIn("h01"))
    assert site.engine.work() == 1
    assert site.engine.job(job).state is State.COMPLETED
    assert not site.engine.facts(kinds=["JobRescued", "StaleWriteRefused"])
    assert site.performed() == {("checked", "h01"): 1}


def test_j04_who_died_before_a_jump_is_rescued_half_a_lease_later(site: Site) -> None:
    site.put("checked", AfterCheckIn())
    other = site.enter()
    other.work()

    def die(run: Run) -> None:
        raise Crash

    site.play.says("h01", does(die))
    [job] = site.engine.emit(CheckedIn("h01"))
    with pytest.raises(Crash):
        site.engine.work()
    site.clock.set(days=1)
    assert other.work() == 0
    site.clock.advance(seconds=HALF)
    assert other.work() == 1
    assert [fact.job for fact in other.facts(kinds=["JobRescued"])] == [job]


def test_j04_what_was_due_before_a_jump_waits_for_nobody_and_what_the_jump_made_due_for_half_a_lease(site: Site) -> None:
    site.put("hourly", Hourly())
    site.engine.drain()
    site.clock.advance(minutes=60)
    site.clock.set(seconds=3600)
    site.engine.work()
    assert sum(site.performed().values()) == RECORDS
    site.clock.set(days=1)
    assert site.engine.work() == 0
    site.clock.set(days=-1)
    site.clock.set(seconds=3600 * 2)
    assert site.engine.work() == 0
    site.clock.advance(seconds=HALF)
    assert site.engine.work() == RECORDS


def test_j04_time_that_passes_and_small_corrections_are_no_jumps(site: Site) -> None:
    site.put("hourly", Hourly())
    site.engine.drain()
    for _ in range(30):
        site.clock.advance(minutes=2)
        site.clock.set(seconds=LEASE / 3 - 1)
        site.engine.drain()
    assert sum(site.performed().values()) == RECORDS
    assert site.clock.now() > START.timestamp() * SECOND + 60 * MINUTE
    assert pendulum.from_timestamp(site.clock.now() / SECOND).minute < 20
