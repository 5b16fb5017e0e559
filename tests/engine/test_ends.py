"""An end is written again where the store broke off: what had landed is one's own, and no stale write (J3, J14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from taskkit.engine import Engine, Settings
from taskkit.engine._cases import Case
from taskkit.events.policies import OnDemand
from taskkit.outcomes import DONE, Asks, Done, ErrorClass, NotDone, NotNow, Outcome
from taskkit.states import State, Step
from taskkit.storage import Landed, Move, Unit
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from tests.engine.houses import House, hosts
from tests.engine.test_threads import ended, facts, running, touch
from tests.engine.test_threads import house_of as in_threads

UNIX = of_type("unix")
LEASE = Settings().lease
ENDS = frozenset({Step.COMPLETE, Step.FAIL, Step.DEFER, Step.ASK})


class Broken(MemoryStorage):
    """The connection breaks at the nth write that ends a job: before it lands, or after."""

    def __init__(self, of: MemoryStorage, at: int = 1, *, lands: bool) -> None:
        super().__init__(of._tables)
        self._left, self._lands = at, lands

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        self._left -= any(isinstance(change, Move) and change.step in ENDS for unit in units for change in unit)
        if self._left == 0:
            self._left = -1
            if self._lands:
                super().write(units, durable=durable)
            raise OSError("the connection is gone")
        return super().write(units, durable=durable)


def begun(house: House, storage: Any, count: int = 1) -> tuple[Engine, list[Case]]:
    """Jobs that run in a process with this handle."""
    engine = house.enter(storage=storage)
    task = engine.put(Task("work", "work", [OnDemand()]), list=UNIX)
    for record in hosts(count):
        engine.demand(task.id, record.id)
    return engine, list(engine._staff.starter.start(engine._staff.turns.claim(10)))


def outcomes(house: House) -> list[Outcome]:
    later = house.clock.moment.add(minutes=3)
    return [DONE, Done({"n": 1}), NotDone(ErrorClass.FAILED, "no"), NotNow(later, "later"), Asks("d", "plan"), Asks("d", "plan", later)]


@pytest.mark.parametrize("which", range(6))
def test_j03_an_end_that_landed_before_the_store_broke_off_is_ones_own(which: int) -> None:
    house = House(*hosts(1))
    engine, [case] = begun(house, Broken(house.storage, lands=True))
    outcome = outcomes(house)[which]
    with pytest.raises(OSError, match="gone"):
        engine._staff.finisher.finish([(case, outcome)])
    found = house.entries()[0]
    house.clock.advance(seconds=1)
    assert engine._staff.finisher.finish([(case, outcome)]) == []
    assert house.entries()[0] == found
    assert facts(house, "StaleWriteRefused") == []


@pytest.mark.parametrize("which", range(6))
def test_j03_an_end_that_did_not_land_is_written_again(which: int) -> None:
    house = House(*hosts(1))
    engine, [case] = begun(house, Broken(house.storage, lands=False))
    with pytest.raises(OSError, match="gone"):
        engine._staff.finisher.finish([(case, outcomes(house)[which])])
    assert house.entries()[0].state is State.RUNNING
    house.clock.advance(seconds=1)
    assert engine._staff.finisher.finish([(case, outcomes(house)[which])]) == []
    assert house.entries()[0].state is not State.RUNNING
    assert facts(house, "StaleWriteRefused") == []


@pytest.mark.parametrize("which", range(6))
def test_j03_where_another_has_ended_it_meanwhile_the_late_one_is_told(which: int) -> None:
    house = House(*hosts(1))
    engine, [case] = begun(house, Broken(house.storage, lands=False))
    with pytest.raises(OSError, match="gone"):
        engine._staff.finisher.finish([(case, outcomes(house)[which])])
    house.clock.advance(seconds=LEASE + 1)
    house.enter().drain()
    found = house.entries()[0]
    assert engine._staff.finisher.finish([(case, outcomes(house)[which])]) == [case]
    assert house.entries()[0] == found
    assert len(facts(house, "StaleWriteRefused")) == 1


@pytest.mark.parametrize("which", range(6))
def test_j03_a_store_that_stays_away_for_long_changes_nothing_about_that(which: int) -> None:
    house = House(*hosts(1))
    storage = Broken(house.storage, lands=True)
    engine, [case] = begun(house, storage)
    outcome = outcomes(house)[which]
    for _ in range(4):
        with pytest.raises(OSError, match="gone"):
            engine._staff.finisher.finish([(case, outcome)])
        storage._left, storage._lands = 1, False
        house.clock.advance(seconds=LEASE)
    found, storage._left = house.entries()[0], -1
    assert engine._staff.finisher.finish([(case, outcome)]) == []
    assert (house.entries()[0], facts(house, "StaleWriteRefused")) == (found, [])


def test_j03_one_that_landed_before_a_later_round_broke_off_is_ones_own() -> None:
    house = House(*hosts(2))
    engine, cases = begun(house, Broken(house.storage, at=2, lands=False), 2)
    cases[1].run.blob([b"lost"])
    house.storage._rooms.blobs._pieces.clear()  # its end is refused, and made anew without what is gone
    with pytest.raises(OSError, match="gone"):
        engine._staff.finisher.finish([(case, DONE) for case in cases])
    assert sorted(entry.state for entry in house.entries()) == [State.COMPLETED, State.RUNNING]
    assert engine._staff.finisher.finish([(case, DONE) for case in cases]) == []
    assert {entry.state for entry in house.entries()} == {State.COMPLETED}
    assert facts(house, "StaleWriteRefused") == []


def test_j03_one_that_landed_and_was_claimed_by_another_since_is_ones_own_too() -> None:
    house = House(*hosts(1))
    engine, [case] = begun(house, Broken(house.storage, lands=True))
    later = NotNow(house.clock.moment.add(seconds=5), "later")
    with pytest.raises(OSError, match="gone"):
        engine._staff.finisher.finish([(case, later)])
    house.clock.advance(seconds=10)
    house.enter().drain()
    assert engine._staff.finisher.finish([(case, later)]) == []
    assert (house.entries()[0].state, facts(house, "StaleWriteRefused")) == (State.COMPLETED, [])


@pytest.mark.parametrize("lands", [True, False])
def test_j03_threads_write_an_end_again_and_nobody_is_alarmed(lands: bool) -> None:
    house = in_threads(1, settings=Settings(poll=0.02))
    engine = house.enter(storage=Broken(house.storage, lands=lands))
    with running(engine):
        assert ended(house, touch(house)).state is State.COMPLETED
        ended(house, touch(house))
    assert (house.play.count("h01"), facts(house, "StaleWriteRefused")) == (2, [])
