"""Whatever happens in whatever order, over two processes one of which dies now and then: the laws of P4, P9, T6, T15 and J5 hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.errors import TaskkitError
from taskkit.events.clocks import Daily
from taskkit.events.elapsed import Hourly
from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterSession, AfterUnlock, OnDemand
from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind
from taskkit.outcomes import ErrorClass, NotDone, NotNow
from taskkit.records import Record
from taskkit.states import FINAL, PENDING, State
from taskkit.storage import Query
from taskkit.tasks import Fallback, Task, of_type
from tests.engine.houses import House

_POLICIES = AfterCheckIn(), AfterUnlock(20), AfterUnlock(30, restart="extend", max_total=50), AfterSession(last=True), OnDemand()
_RULES: tuple[tuple[Any, ...], ...] = ((Hourly(),), (Hourly(), Daily(at="05:30")), (Daily(at="03:00"),), (Hourly(2),))


class Walk:
    """One task on one record, and all that may happen to it."""

    def __init__(self) -> None:
        self.house = House(Record("r1", "unix"))
        self.task = self.house.engine.put(Task("work it", "work", (*_POLICIES, *_RULES[0]), fallback=Fallback(15, 2)), list=of_type("unix"))
        self.engines = [self.house.engine, self.house.enter()]
        self.told: list[Any] = []

    @property
    def jobs(self) -> list[Job]:
        return list(self.house.storage.jobs(Query(), limit=10_000).jobs)

    def tell(self, kind: type[Any], who: int) -> None:
        self.told.append(kind("r1"))
        self.engines[who].emit(self.told[-1])

    def tell_again(self, which: int) -> None:
        if self.told:
            self.engines[0].emit(self.told[which % len(self.told)])

    def change(self, **fields: Any) -> None:
        self.task = self.house.engine.edit(evolve(self.house.engine.task(self.task.id), **fields))

    def die(self) -> None:
        """A process claims, and is never heard of again."""
        now = self.house.clock.now()
        self.house.storage.claim(now, worker="dead/1", node="dead", pools=["local"], limit=5, lease=now + MINUTE)

    def steer(self, what: str, which: int) -> None:
        pending = [job for job in self.jobs if job.state in PENDING]
        if pending:
            getattr(self.house.engine, what)(pending[which % len(pending)].id, by="ann")

    def session(self, begins: bool) -> None:
        open_now = self.house.vault.sessions.open.get("r1", [])
        if begins:
            self.house.vault.begin("r1", "s1")
        elif open_now:
            self.house.vault.end("r1", "s1")

    def look(self) -> None:
        waiting = [job for job in self.jobs if job.state in PENDING and job.started is None]
        kinds = Counter("fired" if job.kind in (Kind.FIRED, Kind.FALLBACK) else job.kind for job in waiting)
        fires = Counter(job.fire for job in self.jobs if job.fire is not None)
        assert kinds["fired"] <= 2  # a second one only where one came back from a worker that died
        assert max(fires.values(), default=0) <= 1


_ACTIONS: tuple[Callable[[Walk, int], object], ...] = (
    lambda walk, n: walk.tell(CheckedIn, n % 2),
    lambda walk, n: walk.tell(Unlocked, n % 2),
    lambda walk, n: walk.tell(SessionEnded, n % 2),
    lambda walk, n: walk.tell_again(n),
    lambda walk, n: walk.session(bool(n % 2)),
    lambda walk, n: walk.engines[n % 2].work(1 + n % 3),
    lambda walk, n: walk.engines[n % 2].drain(50),
    lambda walk, n: walk.house.clock.advance(minutes=1 + 7 * n),
    lambda walk, n: walk.house.clock.advance(minutes=60 * n),
    lambda walk, n: walk.die(),
    lambda walk, n: walk.house.play.says("r1", (NotDone(ErrorClass.TIMEOUT), NotNow(walk.house.clock.moment.add(minutes=n)))[n % 2]),
    lambda walk, n: walk.change(policies=(*_POLICIES, *_RULES[n % len(_RULES)])),
    lambda walk, n: walk.change(active=bool(n % 3)),
    lambda walk, n: walk.steer("run_now", n),
    lambda walk, n: walk.steer("cancel", n),
    lambda walk, n: walk.house.engine.demand(walk.task.id, "r1", by="ann"),
)


def walked(steps: list[tuple[int, int]]) -> Walk:
    walk = Walk()
    for action, number in steps:
        try:
            _ACTIONS[action](walk, number)
        except TaskkitError:  # a person is refused what cannot be
            continue
        walk.house.clock.advance(seconds=1)
        walk.look()
    walk.house.vault.sessions.open.clear()
    walk.house.play.answers.clear()
    for _ in range(12):  # all leases run out, all retries come due
        walk.house.clock.advance(minutes=30)
        walk.engines[1].drain(200)
    walk.look()
    return walk


_STEPS = st.lists(st.tuples(st.integers(0, len(_ACTIONS) - 1), st.integers(0, 7)), max_size=40)


@settings(max_examples=80, deadline=None)
@given(_STEPS)
def test_p04_no_job_answers_for_what_happened_after_it_turned_and_nothing_is_lost_or_done_twice(steps: list[tuple[int, int]]) -> None:
    walk = walked(steps)
    jobs = walk.jobs
    assert all(job.state in FINAL or (job.state is State.SCHEDULED and job.kind is Kind.OCCURRENCE) for job in jobs), [
        (job.kind, job.state, job.why) for job in jobs if job.state not in FINAL
    ]
    kept = {job.id: list(walk.house.storage.causes(job.id)) for job in jobs}
    for job in jobs:
        for cause in kept[job.id]:
            assert job.state is not State.MERGED
            assert job.started is None or cause.at <= job.started
            assert job.started is not None or job.state is State.CANCELED
    reasons = Counter(cause.happening for causes in kept.values() for cause in causes)
    passed = {fact.details["happening"] for fact in walk.house.engine.facts(kinds=["HappeningPassed"], limit=100_000)}
    for happening in walk.told:
        assert reasons[happening.id] <= 1
        assert reasons[happening.id] == 1 or happening.id in passed


@settings(max_examples=80, deadline=None)
@given(_STEPS)
def test_t06_no_nominal_time_is_begun_twice_and_an_active_task_always_has_its_next(steps: list[tuple[int, int]]) -> None:
    walk = walked(steps)
    begun = Counter(job.nominal for job in walk.jobs if job.kind is Kind.OCCURRENCE and job.started is not None)
    assert max(begun.values(), default=0) <= 1
    ahead = [job for job in walk.jobs if job.kind is Kind.OCCURRENCE and job.state not in FINAL]
    assert len(ahead) == walk.house.engine.task(walk.task.id).active
    for job in ahead:
        assert job.planned_for == walk.house.engine.task(walk.task.id).revision
        assert job.due > walk.house.clock.now()
