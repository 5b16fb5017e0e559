"""The engine in threads: what starts without waiting, what ends in its own time, and what hangs without holding up the rest.

These tests run on the clock of this machine. They wait for events, never for a time; what hangs does so until the test lets it go.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from taskkit.engine import Engine, Entry, Settings
from taskkit.engine._floor import Floor
from taskkit.errors import Refused, StaleToken
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.facts import Fact
from taskkit.instants import SystemClock
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins.runs import Run
from taskkit.states import CLAIMED, PENDING, State, Step
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Fallback, Task
from tests.engine.houses import UNIX, House, Play, Watched, does, hosts, scripted
from tests.engine.stores import Noting

LONG = 60.0
#: Nothing is found by polling: what is waited for is told.
QUIET = 3600.0


def house_of(count: int = 2, effect: Effect = Effect.IDEMPOTENT, deadline: float = LONG, **given: Any) -> House:
    play = Play()
    kind = scripted(play, "touchy", effect=effect)
    house = House(*hosts(count), play=play, scripts=[kind], **given)
    house.clock = SystemClock()  # type: ignore[assignment]
    house.engine = house.enter()
    house.engine.define(kind("touch"))
    house.engine.put(Task("touch", "touch", [AfterCheckIn(), OnDemand()], deadline=deadline), list=UNIX)
    return house


@contextmanager
def running(engine: Engine) -> Iterator[threading.Event]:
    stop, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            engine.run(stop)
        except BaseException as error:  # told where the test can see it
            errors.append(error)

    thread = threading.Thread(target=run, name="runs")
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(LONG)
        assert not thread.is_alive()
        assert errors == []


def until(holds: Callable[[], Any]) -> Any:
    """Look again and again, without a sleep, and not for ever."""
    waiting, tries = threading.Event(), 0
    while not (found := holds()):
        tries += 1
        assert tries < 3000, "it does not come to this"
        waiting.wait(0.01)
    return found


def facts(house: House, *kinds: str) -> list[Fact]:
    return list(house.engine.facts(kinds=kinds, limit=10_000))


def entry(house: House, job: str) -> Entry:
    return house.engine.job(job)


def ended(house: House, job: str) -> Entry:
    return until(lambda: (found := entry(house, job)).ended and found)  # type: ignore[no-any-return]


def touch(house: House, record: str = "h01") -> str:
    return house.engine.demand(house.engine.tasks(UNIX)[0].id, record)


class Hang:
    """A script that hangs until it is let go, and what it was told after that."""

    def __init__(self, then: Callable[[Run], Outcome] = lambda run: DONE) -> None:
        self.began, self.let_go, self.back = threading.Event(), threading.Event(), threading.Event()
        self._then = then

    def __call__(self, run: Run) -> Outcome:
        self.began.set()
        assert self.let_go.wait(LONG)
        try:
            return self._then(run)
        finally:
            self.back.set()


# start and stop


def test_what_is_emitted_starts_without_waiting_for_a_poll() -> None:
    house = house_of(settings=Settings(poll=QUIET))
    started = threading.Event()
    house.play.always["h01"] = does(lambda run: started.set())
    with running(house.engine):
        for number in range(3):
            started.clear()
            house.engine.emit(CheckedIn("h01", approval=f"a{number}"))
            assert started.wait(LONG)
            until(lambda: not house.entries(states=CLAIMED | PENDING))
    assert house.play.count("h01") == 3


def test_a_busy_job_starts_when_the_other_gives_back_and_not_at_the_next_poll() -> None:
    house = house_of(settings=Settings(poll=QUIET))
    hang = Hang()
    house.play.says("h01", hang)
    with running(house.engine):
        first = touch(house)
        assert hang.began.wait(LONG)
        second = touch(house)
        until(lambda: entry(house, second).why == "busy")
        hang.let_go.set()
        assert ended(house, second).state is State.COMPLETED
    assert entry(house, first).state is State.COMPLETED


def test_many_jobs_run_beside_each_other_up_to_the_number_of_workers_and_each_once() -> None:
    house = house_of(count=40, settings=Settings(workers=4))
    lock, now, most, all_there = threading.Lock(), 0, 0, threading.Barrier(4)

    def perform(run: Run) -> Outcome:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        all_there.wait(LONG)
        with lock:
            now -= 1
        return DONE

    house.play.always = {record.id: perform for record in hosts(40)}
    with running(house.engine):
        jobs = [touch(house, record.id) for record in hosts(40)]
        assert {ended(house, job).state for job in jobs} == {State.COMPLETED}
    assert most == 4
    assert Counter(name for _, name in house.play.performed) == {record.id: 1 for record in hosts(40)}
    assert house.engine.check() == []


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One more for each turn of a dispatcher."""
    counted, turn = list[int](), Floor._turn

    def count(floor: Floor) -> bool:
        counted.append(1)
        return turn(floor)

    monkeypatch.setattr(Floor, "_turn", count)
    return counted


def test_j12_no_more_is_claimed_than_there_are_free_workers(turns: list[int]) -> None:
    """Also while the gates of those that were claimed are asked: the dispatcher turns several times before they open."""
    house = house_of(count=6, settings=Settings(workers=2, poll=0.01))
    hangs = [Hang(), Hang()]
    house.play.says("h01", hangs[0])
    house.play.says("h02", hangs[1])
    jobs = [touch(house, record.id) for record in hosts(6)]
    answer = house.vault.records.get

    def slow(id: str) -> Any:
        house.vault.records.get = answer  # type: ignore[method-assign]
        before = len(turns)
        until(lambda: len(turns) > before + 3)
        return answer(id)

    house.vault.records.get = slow  # type: ignore[method-assign]
    with running(house.engine):
        for hang in hangs:
            assert hang.began.wait(LONG)
        assert len(house.entries(states=CLAIMED)) == 2
        assert {name for _, name in house.play.performed} == {"h01", "h02"}
        for hang in hangs:
            hang.let_go.set()
        assert {ended(house, job).state for job in jobs} == {State.COMPLETED}


def test_a_stop_lets_what_runs_end_and_claims_nothing_more() -> None:
    house = house_of()
    hang = Hang()
    house.play.says("h01", hang)
    with running(house.engine) as stop:
        first = touch(house)
        assert hang.began.wait(LONG)
        stop.set()
        second = touch(house, "h02")
        assert entry(house, first).state is State.RUNNING
        hang.let_go.set()
    assert entry(house, first).state is State.COMPLETED
    assert entry(house, second).state in PENDING
    assert house.play.count("h02") == 0
    until(house.engine.drain)
    assert entry(house, second).state is State.COMPLETED


def test_what_was_claimed_and_has_not_begun_is_given_back_at_a_stop() -> None:
    house = house_of(settings=Settings(workers=1))
    storage, stop = Watched(house.storage), threading.Event()
    claim = storage.claim

    def claims(*args: Any, **kwargs: Any) -> Any:
        found = claim(*args, **kwargs)
        if found:
            stop.set()
        return found

    storage.claim = claims  # type: ignore[method-assign]
    job = touch(house)
    engine = house.enter(storage=storage)
    engine.run(stop)
    assert (entry(house, job).state, entry(house, job).why, house.play.performed) == (State.DEFERRED, "released", [])
    house.clock.wait(threading.Event(), 0)
    until(house.engine.drain)
    assert entry(house, job).state is State.COMPLETED


def test_it_runs_again_after_a_stop_and_only_once_at_a_time() -> None:
    house = house_of()
    for _ in range(2):
        with running(house.engine):
            assert ended(house, touch(house)).state is State.COMPLETED
            with pytest.raises(Refused, match="runs already"):
                house.engine.run(threading.Event())


def test_ends_are_written_in_groups_and_none_waits_for_a_long_job() -> None:
    house = house_of(count=9, settings=Settings(workers=2, poll=0.05))
    storage = Noting(house.storage)
    house.engine = house.enter(storage=storage)
    hang = Hang()
    house.play.says("h01", hang)
    with running(house.engine):
        long = touch(house)
        assert hang.began.wait(LONG)
        assert {ended(house, touch(house, record.id)).state for record in hosts(9)[1:]} == {State.COMPLETED}
        assert entry(house, long).state is State.RUNNING
        hang.let_go.set()
    assert entry(house, long).state is State.COMPLETED
    assert not any(one.durable for one in storage.with_step(Step.COMPLETE))


# hangs


@pytest.mark.parametrize(("effect", "state"), [(Effect.IDEMPOTENT, State.ERROR), (Effect.BLIND, State.UNCERTAIN)])
def test_j10_a_script_that_hangs_past_its_deadline_is_given_up_reported_and_replaced(effect: Effect, state: State) -> None:
    house = house_of(effect=effect, deadline=0.05, settings=Settings(workers=1, poll=0.02))
    refused: list[str] = []

    def late(run: Run) -> Outcome:
        """What the thread still writes when it comes back."""
        writes: list[Callable[[], object]] = [
            lambda: run.save({"late": True}), lambda: run.progress(1, 1), lambda: run.point("connect"),
        ]  # fmt: skip
        for write in writes:
            try:
                write()
            except StaleToken as error:
                refused.append(str(error))
        assert run.stop_requested
        return DONE

    hang = Hang(late)
    house.play.says("h01", hang)
    with running(house.engine):
        stuck = touch(house)
        found = ended(house, stuck)
        assert (found.state, found.error) == (state, "unknown")
        assert "0.05 seconds" in found.text
        assert ended(house, touch(house, "h02")).state is State.COMPLETED
        (told,) = facts(house, "PluginAbandoned")
        assert told.details == {"jobs": [stuck], "abandoned": 1, "most": 16}
        hang.let_go.set()
        assert hang.back.wait(LONG)
        until(lambda: len(refused) == 3)
    assert entry(house, stuck) == found
    assert [fact.job for fact in facts(house, "StaleWriteRefused")] == [stuck]


def test_j07_what_was_given_up_is_tried_again_where_it_may_be() -> None:
    house = house_of(deadline=0.05, settings=Settings(workers=1, poll=0.02, fallback=Fallback(minutes=1)))
    hang = Hang()
    house.play.says("h01", hang)
    with running(house.engine):
        ended(house, touch(house))
        assert len(house.entries(states=PENDING)) == 1
        hang.let_go.set()


def test_threads_that_hang_are_replaced_up_to_a_cap_and_work_goes_on_when_one_comes_back(turns: list[int]) -> None:
    house = house_of(count=4, deadline=0.05, settings=Settings(workers=2, abandoned=2, poll=0.02))
    hangs = {f"h{number:02}": Hang() for number in (1, 2)}
    house.play.always.update(hangs)
    with running(house.engine):
        for name in hangs:
            ended(house, touch(house, name))
        until(lambda: len(facts(house, "PluginAbandoned")) == 2)
        assert [fact.details["abandoned"] for fact in facts(house, "PluginAbandoned")] == [1, 2]
        waits, before = touch(house, "h03"), len(turns)
        until(lambda: len(turns) > before + 5)
        assert entry(house, waits).state is State.SCHEDULED
        hangs["h01"].let_go.set()
        assert ended(house, waits).state is State.COMPLETED
        hangs["h02"].let_go.set()


def test_a_stop_waits_for_what_hangs_no_longer_than_its_deadline() -> None:
    house = house_of(deadline=0.2, settings=Settings(workers=1, poll=0.02))
    hang = Hang()
    house.play.says("h01", hang)
    with running(house.engine) as stop:
        job = touch(house)
        assert hang.began.wait(LONG)
        stop.set()
    assert entry(house, job).state is State.ERROR
    hang.let_go.set()


def slow_once(answer: Callable[..., Any], record: str, asked: threading.Event, let_go: threading.Event) -> Callable[..., Any]:
    def ask(id: str, *args: Any) -> Any:
        if id == record and not let_go.is_set():
            asked.set()
            assert let_go.wait(LONG)
        return answer(id, *args)

    return ask


def test_j09_a_vault_that_hangs_over_one_record_lets_that_one_wait_and_the_others_start() -> None:
    house = house_of(count=5, settings=Settings(workers=5, vault_timeout=1, poll=0.02))
    asked, let_go = threading.Event(), threading.Event()
    jobs = {record.id: touch(house, record.id) for record in hosts(5)}
    house.vault.records.get = slow_once(house.vault.records.get, "h03", asked, let_go)  # type: ignore[method-assign]
    with running(house.engine):
        assert asked.wait(LONG)
        for name in ("h01", "h02", "h04", "h05"):
            assert ended(house, jobs[name]).state is State.COMPLETED
        until(lambda: entry(house, jobs["h03"]).why == "vault_away")
        assert entry(house, jobs["h03"]).state is State.DEFERRED
        (told,) = facts(house, "PluginAbandoned")
        assert jobs["h03"] in told.details["jobs"]
        let_go.set()
        house.engine.run_now(jobs["h03"])
        assert ended(house, jobs["h03"]).state is State.COMPLETED
    assert Counter(name for _, name in house.play.performed) == {record.id: 1 for record in hosts(5)}
    assert facts(house, "StaleWriteRefused") == []


def test_an_outbox_that_hangs_holds_up_no_job() -> None:
    house = house_of(settings=Settings(poll=0.02, vault_timeout=1))
    asked, let_go = threading.Event(), threading.Event()

    def since(mark: str | None) -> Any:
        asked.set()
        assert let_go.wait(LONG)
        return (), mark

    house.vault.outbox.since = since  # type: ignore[method-assign]
    with running(house.engine):
        assert asked.wait(LONG)
        assert ended(house, touch(house)).state is State.COMPLETED
        let_go.set()


def test_what_the_outbox_brings_starts_at_once() -> None:
    house = house_of(settings=Settings(poll=0.05))
    with running(house.engine):
        house.vault.outbox.kept.append(CheckedIn("h01", approval="a1"))
        until(lambda: house.play.count("h01"))


# what scripts raise


class Odd(BaseException):
    """Something that no `except Exception` sees."""


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), Odd(), ZeroDivisionError()], ids=repr)
def test_j10_nothing_that_a_script_raises_ends_a_thread_of_the_engine(error: BaseException) -> None:
    house = house_of(settings=Settings(workers=1))

    def raises(run: Run) -> Outcome:
        raise error

    house.play.says("h01", raises, raises)
    with running(house.engine):
        for _ in range(2):
            found = ended(house, touch(house))
            assert (found.state, found.error) == (State.ERROR, "unknown")
            assert type(error).__name__ in found.text
        assert ended(house, touch(house, "h02")).state is State.COMPLETED


# leases


def test_j03_heartbeats_keep_a_long_job_from_being_rescued() -> None:
    """Two engines on one store; the job takes longer than its lease."""
    house = house_of(settings=Settings(lease=3, poll=0.05))
    hang, other = Hang(), house.enter()
    house.play.says("h01", hang)
    with running(house.engine), running(other):
        job = touch(house)
        assert hang.began.wait(LONG)
        claimed = house.storage.job(job)
        assert claimed is not None
        first = claimed.lease or 0
        until(lambda: house.engine._ground.now() > first)
        still = house.storage.job(job)
        assert still is not None
        assert (still.token, still.state) == (claimed.token, State.RUNNING)
        assert (still.lease or 0) > first
        hang.let_go.set()
        assert ended(house, job).state is State.COMPLETED
    assert house.play.count("h01") == 1


def test_j03_whoever_calls_work_has_heartbeats_too() -> None:
    house = house_of(settings=Settings(lease=3))
    hang = Hang()
    house.play.says("h01", hang)
    job = touch(house)
    worker = threading.Thread(target=house.engine.work)
    worker.start()
    assert hang.began.wait(LONG)
    claimed = house.storage.job(job)
    assert claimed is not None
    first = claimed.lease or 0
    until(lambda: house.engine._ground.now() > first)
    assert house.enter().work() == 0
    hang.let_go.set()
    worker.join(LONG)
    assert entry(house, job).state is State.COMPLETED


# a store that is away


def test_a_store_that_is_away_for_a_while_does_not_end_the_engine() -> None:
    house = house_of(settings=Settings(poll=0.01))
    storage, down, failed = Watched(house.storage), threading.Event(), set[str]()

    def failing(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if down.is_set():
                failed.add(f"{name} for {threading.current_thread().name}")
                raise OSError("connection lost")
            return do(*args, **kwargs)

        return call

    for name in ("write", "claim", "next_due", "document", "documents"):
        setattr(storage, name, failing(name, getattr(storage, name)))
    hang = Hang()
    house.play.says("h01", hang)
    engine = house.enter(storage=storage)
    with running(engine):
        job = touch(house)
        assert hang.began.wait(LONG)
        down.set()
        hang.let_go.set()
        assert hang.back.wait(LONG)
        assert entry(house, job).state is State.RUNNING
        until(lambda: any("write for taskkit-worker" in name for name in failed) and any("for runs" in name for name in failed))
        down.clear()
        assert ended(house, job).state is State.COMPLETED
        assert ended(house, touch(house, "h02")).state is State.COMPLETED
        until(lambda: [fact.details["error"] for fact in facts(house, "EngineFailed") if "errand" not in fact.details] == ["OSError"])


# forks


FORK = """
import os, sys, threading
import pendulum
from taskkit import Keyring, Refused
from taskkit.engine import Engine
from taskkit.events.happenings import CheckedIn
from taskkit.testing import MemoryVault

engine = Engine(MemoryVault(), keyring=Keyring.generate("2026"))
later = pendulum.now("UTC").add(days=1)
child = os.fork()
if child == 0:
    said = []
    for call in (
        engine.tick, engine.work, lambda: engine.emit(CheckedIn("r")), lambda: engine.run(threading.Event()),
        lambda: engine.archive(later, print), engine.reseal,
    ):
        try:
            call()
        except Refused as error:
            said.append("after the fork" in str(error))
    own = Engine(MemoryVault())
    own.tick()
    os._exit(0 if said == [True] * 6 else 1)
_, status = os.waitpid(child, 0)
engine.tick()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_an_engine_is_not_used_in_a_forked_child_and_the_parent_goes_on() -> None:
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK], check=True, timeout=LONG)


# many callers


def test_every_call_may_come_from_any_thread() -> None:
    house = house_of(count=8, settings=Settings(workers=4, poll=0.01))
    other, errors = house.enter(), list[BaseException]()
    task = house.engine.tasks(UNIX)[0].id

    def calls(engine: Engine, record: str) -> None:
        try:
            for number in range(10):
                engine.emit(CheckedIn(record, approval=f"{record}-{number}"))
                engine.history(limit=5)
                engine.overview()
                with suppress(Refused):  # another thread has suspended the task, or the job has ended
                    job = engine.demand(task, record)
                    engine.cancel(job) if number % 3 == 0 else engine.run_now(job)
                engine.suspend_task(task, record)
                engine.resume_task(task, record)
        except BaseException as error:
            errors.append(error)

    with running(house.engine), running(other):
        threads = [threading.Thread(target=calls, args=(engine, record.id)) for engine in (house.engine, other) for record in hosts(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        until(lambda: not house.entries(states=CLAIMED))
        until(lambda: house.engine.drain() == 0 and not house.entries(states=CLAIMED))
    assert errors == []
    assert house.engine.check() == []
    line = house.engine.tasks(UNIX)[0].line
    assert [house.storage.holders(f"line:{line}/{record.id}") for record in hosts(8)] == [[]] * 8
    assert isinstance(house.storage, MemoryStorage)
