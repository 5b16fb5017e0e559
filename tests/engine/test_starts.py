"""What has started is performed, whatever befalls the others of its batch: a store that is away, a vault that hangs (J9, J10)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Settings
from taskkit.events.policies import OnDemand
from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job, Kind
from taskkit.outcomes import Effect
from taskkit.records import Accounts
from taskkit.states import State, Step
from taskkit.storage import Claimed, Document, Hold, Insert, Move, Unit, Wait
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from taskkit.testing.contracts.storage._makings import hurried
from tests.engine.houses import House, Play, Watched, at_two, does, hosts, scripted, steps
from tests.engine.test_threads import LONG, Hang, ended, entry, facts, running, touch, until
from tests.engine.test_threads import house_of as in_threads

UNIX = of_type("unix")


def waits(units: Any) -> bool:
    """Whether a write lets a job wait for what others hold: the second round of a batch in which somebody was refused as busy."""
    return any(isinstance(change, Wait) for unit in units for change in unit)


def store_away() -> None:
    raise OSError("the store is away")


def occupied(house: House, key: str) -> None:
    """Another process holds it, and goes on."""
    now = house.engine._ground.now()
    job = Job("holder", Kind.DEMAND, "t", "elsewhere", 1, None, due=now, wanted=now, created=now, pool="elsewhere")
    house.storage.write([(Insert(job),)])
    (claimed,) = house.storage.claim(now, worker="w", node="n", pools=["elsewhere"], limit=1, lease=NEVER)
    start: Unit = Move("holder", Step.START, token=claimed.job.token, fields={"started": now}), Hold("holder", now, (key,))
    assert house.storage.write([start])[0]


def accounts(script: Any, run: Any) -> Accounts:
    return Accounts(writes={"same" if run.record.id == "h03" else run.record.id})


def house_of(effect: Effect, **given: Any) -> tuple[House, Watched]:
    """Three jobs of a batch, the last of which finds its account held."""
    play = Play()
    kind = scripted(play, "touchy", effect=effect, accounts=accounts)
    house = House(*hosts(3), play=play, scripts=[kind], **given)
    house.engine.define(kind("touch"))
    house.engine.put(Task("touch", "touch", [OnDemand()]), list=UNIX)
    occupied(house, "account:same")
    return house, Watched(house.storage)


@pytest.mark.parametrize("effect", [Effect.IDEMPOTENT, Effect.BLIND])
def test_j10_what_has_started_is_performed_also_where_the_store_is_away_in_the_next_round(effect: Effect) -> None:
    house, storage = house_of(effect)
    engine = house.enter(storage=storage)
    jobs = [house.engine.demand(house.engine.tasks(UNIX)[0].id, record.id) for record in hosts(3)]
    storage.before(waits, store_away)
    with pytest.raises(OSError, match="away"):
        engine.work()
    assert [house.engine.job(id).state for id in jobs] == [State.COMPLETED, State.COMPLETED, State.QUEUED]
    house.clock.advance(minutes=2)
    engine.drain()
    assert (house.engine.job(jobs[2]).state, house.engine.job(jobs[2]).why) == (State.DEFERRED, "busy")
    assert [name for _, name in house.play.performed] == ["h01", "h02"]


def test_j10_a_batch_in_threads_performs_what_has_started_where_the_store_is_away_in_the_next_round() -> None:
    house = in_threads(3, effect=Effect.BLIND, settings=Settings(workers=3, poll=0.02))
    kind = scripted(house.play, "careful", effect=Effect.BLIND, accounts=accounts)
    house._offer._scripts += (kind,)
    house.engine = house.enter()
    house.engine.define(kind("careful"))
    task = house.engine.put(Task("careful", "careful", [OnDemand()]), list=UNIX)
    occupied(house, "account:same")
    jobs = [house.engine.demand(task.id, record.id) for record in hosts(3)]
    storage = Watched(house.storage)
    storage.before(waits, store_away)
    with running(house.enter(storage=storage)):
        assert [ended(house, id).state for id in jobs[:2]] == [State.COMPLETED, State.COMPLETED]
        until(lambda: facts(house, "EngineFailed"))
    assert sorted(name for _, name in house.play.performed) == ["h01", "h02"]  # type: ignore[type-var]
    (told,) = facts(house, "EngineFailed")
    assert told.details["jobs"] == jobs[2:]


def test_j09_a_vault_that_hangs_in_the_second_round_holds_up_nothing_that_has_started() -> None:
    """One of a batch is refused, as its task was edited meanwhile; asked about anew, the vault hangs."""
    house = in_threads(3, effect=Effect.BLIND, settings=Settings(workers=3, poll=0.02, vault_timeout=1))
    house.engine.define(house.Scripted("other"))
    task = house.engine.put(Task("other", "other", [OnDemand()]), list=UNIX)
    asked, let_go, answer = threading.Event(), threading.Event(), house.vault.records.get
    performed = Hang()
    house.play.says("h01", performed)
    jobs = [touch(house, "h01"), touch(house, "h02"), house.engine.demand(task.id, "h03")]

    def slow(id: str) -> Any:
        if id == "h03":
            asked.set()
            assert let_go.wait(LONG)
        return answer(id)

    def edited() -> None:
        editor = house.enter()
        editor._staff.chores.do_for = lambda task: 0  # type: ignore[method-assign, assignment]  # it dies right after the edit landed
        editor.edit(evolve(task, max_lateness=10))
        house.vault.records.get = slow  # type: ignore[method-assign]

    storage = Watched(house.storage)
    storage.before(steps(Step.START), edited)
    with running(house.enter(storage=storage)):
        assert performed.began.wait(LONG)
        assert asked.wait(LONG)
        performed.let_go.set()
        assert [ended(house, id).state for id in jobs[:2]] == [State.COMPLETED, State.COMPLETED]
        until(lambda: entry(house, jobs[2]).why == "vault_away")
        let_go.set()
    assert facts(house, "StaleWriteRefused") == []
    assert sorted(name for _, name in house.play.performed) == ["h01", "h02"]  # type: ignore[type-var]


def test_j10_what_has_started_is_given_back_where_a_signal_comes_before_it_is_performed() -> None:
    house, storage = house_of(Effect.IDEMPOTENT)
    engine = house.enter(storage=storage)
    jobs = [house.engine.demand(house.engine.tasks(UNIX)[0].id, record.id) for record in hosts(3)]

    def signal() -> None:
        raise KeyboardInterrupt

    storage.before(waits, signal)
    with pytest.raises(KeyboardInterrupt):
        engine.work()
    assert [(house.engine.job(id).state, house.engine.job(id).why) for id in jobs[:2]] == [(State.DEFERRED, "released")] * 2
    assert house.play.performed == []
    house.clock.advance(seconds=2)
    engine.drain()
    assert [house.engine.job(id).state for id in jobs[:2]] == [State.COMPLETED] * 2


def test_how_many_jobs_are_done_within_a_second_is_a_number_that_does_not_grow_for_ever() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("work", "work", [OnDemand()]), list=UNIX)
    for _ in range(40):
        house.engine.demand(task.id, "h01")
        house.engine.work()
    assert house.engine._staff.turns._most <= 1_000_000


class Portioned(MemoryStorage):
    """Notes how many jobs are asked for at once."""

    portion = 50

    def __init__(self, of: MemoryStorage) -> None:
        super().__init__(of._tables)
        self.limits: list[int] = []

    def claim(self, now: Instant, *, limit: int, **said: Any) -> Sequence[Claimed]:
        self.limits.append(limit)
        return super().claim(now, limit=limit, **said)


def test_j12_a_thread_goes_on_in_portions_as_the_store_likes_them_up_to_its_limit() -> None:
    house = at_two(120)
    store = Portioned(house.storage)
    engine = house.enter(storage=store)
    assert engine.work(110) == 110
    assert engine.work(110) == 10
    assert store.limits == [50, 50, 10, 50]


def test_j12_a_thread_takes_no_further_portion_after_a_second() -> None:
    house = at_two(120)
    house.play.says("h07", does(lambda run: house.clock.advance(seconds=1)))
    assert house.enter(storage=Portioned(house.storage)).work(110) == 50


def test_j09_what_was_read_of_a_task_is_forgotten_while_other_threads_read() -> None:
    """A start that was refused reads anew, in whatever thread; it may not break what others are about."""
    house = House(*hosts(1))
    task = house.engine.put(Task("work", "work", [OnDemand()]))
    catalog, stop, errors = house.engine._ground.catalog, threading.Event(), list[Exception]()

    def reads() -> None:
        for number in count():
            if stop.is_set():
                return
            catalog._once("something", Document(str(number % 15_000), 1, {}), object)

    readers = [threading.Thread(target=reads) for _ in range(2)]
    with hurried():
        for reader in readers:
            reader.start()
        for _ in range(2000):
            try:
                catalog.forget(task.id)
            except Exception as error:
                errors.append(error)
        stop.set()
    for reader in readers:
        reader.join(LONG)
    assert errors == []


def test_r01_a_task_that_was_forgotten_or_edited_is_read_anew() -> None:
    house = House(*hosts(1))
    task, catalog = house.engine.put(Task("work", "work", [OnDemand()])), house.engine._ground.catalog
    assert catalog.task_at(task.id, 1) is not None
    house.enter().edit(evolve(task, max_lateness=10))
    assert catalog.task_at(task.id, 1) is not None  # known by heart: a start checks it again
    catalog.forget(task.id)
    assert catalog.task_at(task.id, 1) is None
    found = catalog.task_at(task.id, 2)
    assert found is not None
    assert found.max_lateness == 10
    assert catalog.task_at(task.id, 1) is None
