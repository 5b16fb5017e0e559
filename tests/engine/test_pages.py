"""What is done to all jobs is done to all of them, on however many pages they stand."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from taskkit.engine import _intents
from taskkit.engine._pages import all_jobs, pages
from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.intents import Intent
from taskkit.jobs import Why
from taskkit.states import State
from taskkit.storage import Query, Slice
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import ConsentRule, Task
from tests.engine.houses import UNIX, House, hosts


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """Eleven records, and a store whose pages hold four jobs at most."""
    whole = MemoryStorage.jobs

    def some(self: MemoryStorage, query: Query, *, limit: int = 100, **said: Any) -> Slice:
        return whole(self, query, limit=min(4, limit), **said)

    monkeypatch.setattr(MemoryStorage, "jobs", some)
    return House(*hosts(11))


def planned(house: House) -> list[str]:
    return sorted(str(job.record) for job in all_jobs(house.storage, Query(states=State.SCHEDULED)))


def test_c12_each_job_is_found_once(house: House) -> None:
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    names = [record.id for record in hosts(11)]
    assert planned(house) == names
    found = list(pages(house.storage, Query(states=State.SCHEDULED), 3))
    assert [len(jobs) for jobs in found] == [3, 3, 3, 2]
    assert sorted(str(job.record) for job in chain.from_iterable(found)) == names
    assert list(all_jobs(house.storage, Query(record="none"))) == []


def test_r01_an_edit_plans_all_of_them_anew(house: House) -> None:
    task = house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    house.engine.deactivate(task.id)
    assert planned(house) == []


def test_a05_all_consents_that_are_late_run_out(house: House) -> None:
    task = house.engine.put(Task("wipe", "work", [OnDemand()], consent=ConsentRule(1, ["ann"], minutes=5)), list=UNIX)
    for record in hosts(11):
        house.engine.demand(task.id, record.id, by="dora")
    house.engine.drain()
    house.clock.advance(minutes=6)
    house.engine.tick()
    assert house.storage.count(Query(states=State.EXPIRED)) == 11


def test_j11_all_that_waited_for_a_task_are_woken(house: House) -> None:
    task = house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    house.engine.suspend_task(task.id, why="by hand")
    house.clock.advance(days=1)
    house.engine.drain()
    assert house.storage.count(Query(why=Why.SUSPENDED, states=State.DEFERRED)) == 11
    house.engine.resume_task(task.id)
    house.engine.drain()
    assert len(house.play.performed) == 11


def test_r08_reconcile_looks_at_all_of_them(house: House) -> None:
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    for record in hosts(11):
        house.vault.remove(record.id)
    assert house.engine.reconcile() == 11


def test_s04_of_each_open_intent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_intents, "_PAGE", 2)
    storage = MemoryStorage()
    names = [f"h{number}" for number in range(5)]
    storage.write([(_intents.kept(Intent(name, "a", name, "j", "t", "l", "r", 0)),) for name in names])
    assert [intent.account for intent in _intents.all_open(storage)] == names
