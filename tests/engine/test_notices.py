"""Notifiers read facts from marks of their own (J5): at least once, and nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from taskkit.engine import Engine, Settings
from taskkit.errors import StorageAway
from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.facts import Fact
from taskkit.instants import SystemClock
from taskkit.outcomes import ErrorClass, NotDone, Outcome
from taskkit.plugins.kinds import Notifier
from taskkit.plugins.runs import Run
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task
from tests.engine.houses import UNIX, Crash, House, hosts

FAILED = NotDone(ErrorClass.REFUSED, "no")


class Pager(Notifier):
    """Keeps what it was handed; `does` is called before."""

    name = "pager"
    wants = frozenset({"JobFailed", "NotifierFailed"})

    def __init__(self, name: str = "pager", wants: Iterable[str] | None = None, does: Callable[[], object] = int) -> None:
        self.name = name  # type: ignore[misc]
        self.wants = frozenset(wants) if wants is not None else Pager.wants
        self.does = does
        self.heard: list[Fact] = []

    def notify(self, facts: Sequence[Fact]) -> None:
        self.does()
        self.heard.extend(facts)

    @property
    def records(self) -> list[str | None]:
        return [fact.record for fact in self.heard if fact.kind == "JobFailed"]


def house_with(*pagers: Pager, count: int = 3) -> House:
    house = House(*hosts(count), notifiers=pagers)
    house.play.always = {record.id: FAILED for record in hosts(count)}
    house.engine.put(Task("rotate", "work", [OnDemand()]), list=UNIX)
    return house


def fail(house: House, record: str, engine: Engine | None = None) -> None:
    """A job that fails, without a tick."""
    engine = engine or house.engine
    engine.demand(engine.tasks(UNIX)[0].id, record)
    while engine.work():
        pass


def broken() -> None:
    raise ConnectionError("smtp://mail:hunter2@10.0.0.1")


def test_j05_a_notifier_is_handed_the_kinds_that_it_wants_and_each_fact_once() -> None:
    pager = Pager()
    house = house_with(pager)
    fail(house, "h01")
    house.engine.tick()
    house.engine.tick()
    fail(house, "h02")
    house.engine.tick()
    assert pager.records == ["h01", "h02"]
    assert {fact.kind for fact in pager.heard} == {"JobFailed"}


def test_j05_each_notifier_has_a_mark_of_its_own() -> None:
    slow, quick = Pager("slow", does=broken), Pager("quick")
    house = house_with(slow, quick)
    fail(house, "h01")
    house.engine.tick()
    assert (slow.records, quick.records) == ([], ["h01"])
    slow.does = int
    fail(house, "h02")
    house.engine.tick()
    assert (slow.records, quick.records) == (["h01", "h02"], ["h01", "h02"])


def test_j05_a_notifier_that_fails_loses_nothing() -> None:
    pager = Pager(does=broken)
    house = house_with(pager)
    for record in ("h01", "h02"):
        fail(house, record)
        house.engine.tick()
    assert pager.heard == []
    pager.does = int
    house.engine.tick()
    assert pager.records == ["h01", "h02"]


def test_j05_it_complains_once_until_it_works_again() -> None:
    pager = Pager(does=broken)
    house = house_with(pager)
    fail(house, "h01")
    for _ in range(5):
        house.engine.tick()
    complaints = house.engine.facts(kinds=["NotifierFailed"])
    assert [fact.details for fact in complaints] == [{"notifier": "pager", "error": "ConnectionError"}]
    pager.does = int
    house.engine.tick()
    pager.does = broken
    fail(house, "h02")
    house.engine.tick()
    assert len(house.engine.facts(kinds=["NotifierFailed"])) == 2


def test_j05_that_a_notifier_failed_is_told_though_the_store_was_away_as_it_did() -> None:
    house = house_with(Pager(does=broken))
    fail(house, "h01")
    write = house.engine.storage.write

    def away(units: Any, **said: Any) -> Any:
        if any(getattr(change, "kind", None) == "NotifierFailed" for unit in units for change in unit):
            house.engine.storage.write = write  # type: ignore[method-assign]
            raise StorageAway("writing", "the store is away", "wait")
        return write(units, **said)

    house.engine.storage.write = away  # type: ignore[method-assign]
    with pytest.raises(StorageAway):
        house.engine.tick()
    house.engine.tick()
    assert len(house.engine.facts(kinds=["NotifierFailed"])) == 1


def test_j05_whoever_ticks_as_long_as_there_is_to_do_hears_that_a_notifier_failed() -> None:
    alarm = Pager("alarm", ["NotifierFailed"])
    house = house_with(alarm, Pager("broken", does=broken))
    while house.engine.tick():
        pass
    fail(house, "h01")
    while house.engine.tick():
        pass
    assert [fact.details["notifier"] for fact in alarm.heard] == ["broken"]


def test_j05_one_whose_mark_cannot_be_read_keeps_no_other_from_being_told() -> None:
    pagers = Pager("first"), Pager("second")
    house = house_with(*pagers)
    fail(house, "h01")
    document = house.engine.storage.document

    def away(table: str, id: str) -> Any:
        if id == "notifier:first":
            raise StorageAway("reading", "the store is away", "wait")
        return document(table, id)

    house.engine.storage.document = away  # type: ignore[method-assign]
    with pytest.raises(StorageAway):
        house.engine.tick()
    assert [pager.records for pager in pagers] == [[], ["h01"]]


def test_s01_what_a_notifier_raises_is_told_by_its_type_alone() -> None:
    house = house_with(Pager(does=broken))
    fail(house, "h01")
    house.engine.tick()
    assert not any("hunter2" in str(fact.document()) for fact in house.engine.facts())


def test_j05_a_process_that_dies_after_it_told_and_before_it_noted_tells_once_more() -> None:
    pager = Pager()
    house = house_with(pager)
    fail(house, "h01")

    class Dying(MemoryStorage):
        def write(self, units: Any, *, durable: bool = True) -> Any:
            if pager.heard:
                raise Crash
            return super().write(units, durable=durable)

    with pytest.raises(Crash):
        house.enter(storage=Dying(house.storage._tables)).tick()
    assert pager.records == ["h01"]
    house.clock.advance(seconds=61)
    house.enter().tick()
    house.enter().tick()
    assert pager.records == ["h01", "h01"]


def test_j05_two_processes_hand_over_each_fact_once() -> None:
    pager = Pager()
    house = house_with(pager)
    other = house.enter()
    fail(house, "h01")
    pager.does = lambda: other.tick() if len(pager.heard) == 0 else None  # while the first one is at it
    house.engine.tick()
    other.tick()
    assert pager.records == ["h01"]


def test_j05_two_threads_of_one_process_hand_over_each_fact_once() -> None:
    pager = Pager()
    house = house_with(pager)
    fail(house, "h01")
    pager.does = lambda: house.engine.tick() if len(pager.heard) == 0 else None  # as another thread would
    house.engine.tick()
    house.engine.tick()
    assert pager.records == ["h01"]


def test_j05_what_another_process_did_is_told_here_too() -> None:
    pager = Pager()
    house = house_with(pager)
    other = house.enter()
    for record, engine in (("h01", house.engine), ("h02", other), ("h03", house.engine)):
        fail(house, record, engine)
    house.engine.tick()
    assert sorted(map(str, pager.records)) == ["h01", "h02", "h03"]


def test_j05_a_notifier_that_is_new_is_told_what_happens_from_now_on() -> None:
    house = house_with()
    fail(house, "h01")
    pager = Pager()
    house._offer._notifiers = (pager,)
    engine = house.enter()
    fail(house, "h02", engine)
    engine.tick()
    assert pager.records == ["h02"]


def test_j05_a_notifier_is_told_what_happened_while_no_process_ran() -> None:
    pager = Pager()
    house = house_with(pager)
    fail(house, "h01")
    house.enter().tick()
    assert pager.records == ["h01"]


def test_j05_many_facts_come_in_their_order_and_none_is_left_out() -> None:
    pager = Pager(wants=["Paused"])
    house = house_with(pager)
    for number in range(1200):
        house.engine.pause(f"host:{number}")
    while house.engine.tick():
        pass
    assert [fact.details["what"] for fact in pager.heard] == [f"host:{number}" for number in range(1200)]


def test_j09_a_notifier_that_fails_fails_no_job() -> None:
    house = House(*hosts(1), notifiers=[Pager(wants=["JobCompleted"], does=broken)])
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert house.play.count("h01") == 3


def running(house: House) -> Engine:
    """An engine on the clock of this machine, for what threads do beside each other."""
    house.clock = SystemClock()  # type: ignore[assignment]
    return house.enter()


def test_j05_a_slow_notifier_slows_nobody() -> None:
    """While the engine runs, a notifier that hangs holds up neither jobs nor the other notifiers."""
    hangs, told, ran, stop = threading.Event(), threading.Event(), threading.Semaphore(0), threading.Event()
    slow, quick = Pager("slow", does=lambda: hangs.wait(60)), Pager("quick", does=told.set)
    house = house_with(slow, quick)
    engine = running(house)

    def performed(run: Run) -> Outcome:
        ran.release()
        return FAILED

    house.play.always = {record.id: performed for record in hosts(3)}
    runner = threading.Thread(target=engine.run, args=(stop,))
    runner.start()
    try:
        for record in ("h01", "h02", "h03"):
            engine.demand(engine.tasks(UNIX)[0].id, record)
            assert ran.acquire(timeout=20)
        assert told.wait(20)
        engine.tick()  # the product's own thread does not wait for it either
        assert slow.heard == []
    finally:
        hangs.set()
        stop.set()
        runner.join(30)
    engine.tick()
    assert sorted(map(str, slow.records)) == sorted(map(str, quick.records)) == ["h01", "h02", "h03"]


@contextmanager
def at_work(engine: Engine) -> Iterator[None]:
    stop = threading.Event()
    runner = threading.Thread(target=engine.run, args=(stop,))
    runner.start()
    try:
        yield
    finally:
        stop.set()
        runner.join(30)


def test_j05_one_that_hangs_over_a_stop_is_handed_nothing_by_the_next_run_until_it_is_back() -> None:
    began, hangs, told, calls = threading.Event(), threading.Event(), threading.Event(), list[int]()

    def hang() -> None:
        calls.append(1)
        began.set()
        hangs.wait(60)

    slow = Pager("slow", does=hang)
    house = house_with(slow, Pager("quick", ["Paused"], does=told.set))
    house._settings = Settings(vault_timeout=1)
    engine = running(house)
    fail(house, "h01", engine)
    with at_work(engine):
        assert began.wait(20)
    over = threading.Event()
    over.set()  # all that there is to tell is told once more before the end
    engine.run(over)
    assert (engine.tick(), calls) == (0, [1])
    old = [thread for thread in threading.enumerate() if thread.name == "taskkit-notifier-slow"]
    with at_work(engine):
        engine.pause("host:nowhere")
        assert told.wait(20)  # a third run has begun
        hangs.set()
        for thread in old:  # whoever was left behind ends now that it is back, and the new one goes on
            thread.join(20)
            assert not thread.is_alive()
    assert slow.records == ["h01"]


def test_j05_what_happened_before_the_end_is_told_before_it() -> None:
    pager, stop = Pager(), threading.Event()
    house = house_with(pager)

    def stopping(run: Run) -> Outcome:
        stop.set()
        return FAILED

    house.play.always["h01"] = stopping
    engine = running(house)
    engine.demand(engine.tasks(UNIX)[0].id, "h01")
    engine.run(stop)
    assert pager.records == ["h01"]


def test_a06_facts_that_a_notifier_was_not_handed_are_not_archived() -> None:
    pager = Pager(does=broken)
    house = house_with(pager)
    fail(house, "h01")
    house.engine.tick()
    house.clock.advance(days=400)
    house.engine.archive(house.clock.moment, list)
    pager.does = int
    house.engine.tick()
    assert pager.records == ["h01"]
