"""How a task gets its list, and what counts as an edit (R1, J7)."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from taskkit.errors import InvalidValue, NotAllowed, Outdated
from taskkit.events import Daily
from taskkit.outcomes import ErrorClass, NotDone
from taskkit.states import State
from taskkit.tasks import SYSTEM, ConsentRule, Fallback, Task, of_record
from tests.engine.houses import UNIX, House, hosts


def nightly(**said: Any) -> Task:
    return Task("nightly", "work", [Daily(at="02:00")], **said)


def test_r01_a_task_that_names_its_list_is_put_there() -> None:
    house = House(*hosts(2))
    assert house.engine.put(nightly(list=UNIX)).list == UNIX
    assert [entry.record for entry in house.entries()] == ["h01", "h02"]


def test_r01_a_task_that_names_no_list_is_the_systems_unless_put_says_otherwise() -> None:
    house = House(*hosts(1))
    assert house.engine.put(nightly()).list == SYSTEM
    assert house.engine.put(nightly(), list=UNIX).list == UNIX


def test_r01_two_lists_that_differ_are_refused() -> None:
    house = House(*hosts(1))
    house.engine.make_unique("h01")
    for list in (SYSTEM, of_record("h01")):
        with pytest.raises(InvalidValue, match="say it once"):
            house.engine.put(nightly(list=UNIX), list=list)
    assert house.engine.put(nightly(list=UNIX), list=UNIX).list == UNIX
    assert len(house.engine.tasks()) == 1


@pytest.mark.parametrize("said", [{"id": "x"}, {"line": "x"}, {"revision": 3}])
def test_r01_what_was_kept_before_is_not_put_again(said: dict[str, Any]) -> None:
    house = House(*hosts(1))
    with pytest.raises(InvalidValue, match="kept already"):
        house.engine.put(nightly(**said))


def test_a05_an_edit_that_changes_nothing_voids_no_consent() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("wipe", "work", consent=ConsentRule(2, ["ann", "ben", "cleo"]), active=True))
    job = house.engine.demand(task.id, by="dora")
    house.engine.drain()
    house.engine.consent(job, by="ann")
    before = house.kinds()
    assert house.engine.edit(task).revision == house.engine.activate(task.id).revision == task.revision
    assert house.kinds() == before
    assert house.engine.gathering(job).given == ("ann",)


def test_j07_an_edit_that_changes_nothing_ends_no_retry() -> None:
    house = House(*hosts(1))
    task = house.engine.put(nightly(fallback=Fallback(minutes=10, cycles=1)), list=UNIX)
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "no route"))
    house.clock.advance(days=1)
    house.engine.drain()
    assert house.engine.edit(evolve(task, description="")).revision == 1
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert [entry.state for entry in house.entries()][:2] == [State.ERROR, State.SCHEDULED]
    assert house.play.count("h01") == 2


def test_r01_an_edit_that_changes_nothing_is_still_asked_for_its_rights_and_its_revision() -> None:
    house = House(*hosts(1))
    task = house.engine.put(nightly(), list=UNIX)
    house.vault.deny("eve", "task_manager")
    house.vault.deny("eve", "system_administrator")
    with pytest.raises(NotAllowed):
        house.engine.edit(task, by="eve")
    newer = house.engine.edit(evolve(task, description="by night"))
    with pytest.raises(Outdated):
        house.engine.edit(evolve(task, description="by night"))
    assert house.engine.edit(newer) == newer


def test_a01_to_hand_over_to_oneself_changes_nothing() -> None:
    house = House(*hosts(1))
    task = house.engine.put(nightly(), list=UNIX, by="ann")
    assert house.engine.hand_over("ann", "ann") == 0
    assert house.engine.task(task.id).revision == 1
    assert house.engine.hand_over("ann", "ben") == 1
