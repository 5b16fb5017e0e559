"""How the engine is doing: ready, lagging or stuck, and why."""

from __future__ import annotations

import json

import pytest

from taskkit.engine import Condition, Settings
from taskkit.errors import StorageAway
from taskkit.events import Daily
from taskkit.events._tellings import all_kinds, written
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.policies import AfterCheckIn, AfterSession
from taskkit.states import State
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task
from taskkit.testing import VirtualClock
from tests.engine.houses import START, UNIX, House, hosts, raises_over
from tests.engine.test_skews import Nodes
from tests.engine.test_threads import Hang, facts, house_of, running, touch, until


def kinds(house: House) -> dict[str, Condition]:
    return {one.kind: one.condition for one in house.engine.health().ailments}


def due(house: House) -> House:
    house.engine.put(Task("t", "work", AfterCheckIn()), list=UNIX)
    house.engine.emit(CheckedIn("h01"))
    return house


def test_an_engine_whose_work_is_done_is_ready() -> None:
    house = House(*hosts(1))
    house.engine.put(Task("t", "work", Daily(at="02:00")), list=UNIX)
    vitals = house.engine.health()
    assert (vitals.condition, vitals.overdue, vitals.ailments) == (Condition.READY, 0.0, ())
    assert str(vitals) == "ready"


def test_what_is_due_and_not_begun_is_told_with_its_age() -> None:
    house = due(House(*hosts(1)))
    house.clock.jump(START.add(seconds=9))
    assert house.engine.health().condition is Condition.READY
    house.clock.jump(START.add(seconds=30))
    vitals = house.engine.health()
    assert (vitals.condition, vitals.overdue) == (Condition.LAGGING, 30.0)
    assert "more is due than the workers get done" in str(vitals)


def test_where_nobody_works_for_the_length_of_a_lease_it_is_stuck() -> None:
    house = due(House(*hosts(2)))
    house.clock.jump(START.add(seconds=61))
    vitals = house.engine.health()
    assert vitals.condition is Condition.STUCK
    assert "start a node that serves local" in str(vitals)
    assert json.loads(json.dumps(vitals.document()))["ailments"][0]["kind"] == "overdue"
    now = house.clock.now()
    house.engine.emit(CheckedIn("h02"))
    house.storage.claim(now, worker="w", node="n9", pools=["local"], limit=1, lease=now + 600_000_000)
    house.clock.jump(START.add(seconds=200))
    assert house.engine.health().condition is Condition.LAGGING  # somebody does


def test_what_waits_for_a_session_is_not_overdue() -> None:
    house = House(*hosts(1))
    house.engine.put(Task("t", "work", AfterSession(last=True)), list=UNIX)
    house.vault.begin("h01", "s")
    [job] = house.engine.emit(SessionEnded("h01", session="other"))
    house.engine.drain()
    assert house.engine.job(job).state is State.DEFERRED
    house.clock.jump(START.add(seconds=200))
    assert house.engine.health().condition is Condition.READY


def test_j11_what_is_paused_is_told_and_is_no_lag() -> None:
    house = due(House(*hosts(1)))
    house.engine.pause(by="ada", why="a move")
    house.clock.jump(START.add(hours=3))
    vitals = house.engine.health()
    assert (vitals.condition, vitals.overdue) == (Condition.READY, 0.0)
    assert str(vitals) == "ready; engine stands still since 2026-03-02 00:00 UTC, by ada: a move"


def test_a_store_that_is_away_is_stuck_and_the_call_answers_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(*hosts(1))

    def away(*_: object) -> None:
        raise StorageAway("asking the store", "nobody is there", "look at it")

    monkeypatch.setattr(MemoryStorage, "next_due", away)
    vitals = house.engine.health()
    assert vitals.condition is Condition.STUCK
    assert "nobody is there" in str(vitals)


def test_j04_a_clock_that_is_far_off_the_stores_is_told() -> None:
    nodes = Nodes()
    late, right = nodes.enter("a", VirtualClock(START.subtract(seconds=30))), nodes.enter("b", VirtualClock(START.add(seconds=3)))
    assert late.health().condition is Condition.LAGGING
    assert "30 s behind the store's" in str(late.health())
    assert right.health().condition is Condition.READY


# in a process that runs it


def told(house: House, kind: str) -> Condition:
    """What it is, once it is told."""
    return until(lambda: kinds(house).get(kind))  # type: ignore[no-any-return]


def test_an_outbox_that_cannot_be_fetched_is_told_while_the_engine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_of(1, settings=Settings(poll=0.02))
    monkeypatch.setattr(house.engine._staff.upkeep, "fetch", lambda: 1 // 0)
    with running(house.engine):
        assert told(house, "errand") is Condition.LAGGING
    assert "errand" not in kinds(house)  # nothing runs any more


@pytest.mark.parametrize(
    ("facet", "ask", "tried"), [("outbox", "since", "fetching happenings from the vault"), ("records", "all", "reading all records")]
)
def test_a_vault_that_does_not_answer_an_errand_is_told_until_it_does(
    monkeypatch: pytest.MonkeyPatch, facet: str, ask: str, tried: str
) -> None:
    house = house_of(1, settings=Settings(poll=0.02))

    def away(*_: object) -> None:
        raise ConnectionError("nobody is there")

    with monkeypatch.context() as broken:
        broken.setattr(type(getattr(house.vault, facet)), ask, away)
        house.engine.tick()  # nothing is raised: the vault is asked again
        with running(house.engine):
            assert told(house, "errand") is Condition.LAGGING
            assert f"{tried}: it answered with ConnectionError" in str(house.engine.health())
            broken.undo()
            until(lambda: not kinds(house))
    assert not facts(house, "EngineFailed")


@pytest.mark.parametrize("whence", ["outbox", "posted"])
def test_a_happening_that_waits_for_the_vault_is_told_until_it_is_taken_in(whence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox answers, and its records do not: nothing that comes after it is taken in."""
    house = house_of(1, settings=Settings(poll=0.02))
    get = house.vault.records.get
    raises_over(house, "h01", ConnectionError())
    if whence == "outbox":
        house.vault.tell(CheckedIn("h01"))
    else:
        posted = [("1", written(CheckedIn("h01"), all_kinds(), ""))]
        monkeypatch.setattr(type(house.storage), "posted", lambda storage, limit: list(posted))
        monkeypatch.setattr(type(house.storage), "take_away", lambda storage, ids: posted.clear())
    with running(house.engine):
        assert told(house, "errand") is Condition.LAGGING
        assert "reading the record of a happening: it answered with ConnectionError" in str(house.engine.health())
        house.vault.records.get = get  # type: ignore[method-assign]
        until(lambda: not kinds(house))
    assert [entry.record for entry in house.entries()] == ["h01"]


def test_an_outbox_that_hangs_is_told_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskkit.engine._errands._QUESTIONS", 0.01)
    house, hang = house_of(1, settings=Settings(poll=0.02)), Hang(lambda _: ([], None))  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(type(house.vault.outbox), "since", hang)
    with running(house.engine):
        assert told(house, "errand") is Condition.LAGGING
        monkeypatch.undo()
        hang.let_go.set()
        until(lambda: not kinds(house))


@pytest.mark.parametrize(("most", "condition"), [(2, Condition.LAGGING), (1, Condition.STUCK)])
def test_threads_that_were_given_up_are_told(most: int, condition: Condition) -> None:
    house = house_of(1, deadline=0.05, settings=Settings(poll=0.02, abandoned=most))
    house.play.says("h01", hang := Hang())
    with running(house.engine):
        touch(house)
        try:
            assert told(house, "threads") is condition
        finally:
            hang.let_go.set()
