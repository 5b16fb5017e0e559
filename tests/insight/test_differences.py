"""Two configurations side by side, before one of them is saved."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from taskkit.engine import Settings
from taskkit.events.clocks import Daily
from taskkit.insight import Difference, ForecastRun
from taskkit.insight.differences import difference
from taskkit.instants import HOUR, MINUTE, SECOND
from taskkit.records import RecordType
from taskkit.tasks import Task
from tests.engine.houses import START, UNIX, House, hosts, kept

NIGHTLY = Task("nightly", "work", Daily(at="02:00"))


def compared(house: House, days: int = 2, **changed: Any) -> Difference:
    end = house.clock.moment + timedelta(days=days)
    before = house.engine.forecast(None, end, durations=60)
    return house.engine.forecast(None, end, durations=60, **changed).against(before)


def with_task(count: int = 1, **said: Any) -> tuple[House, Task]:
    house = House(*hosts(count), **said)
    return house, house.engine.put(NIGHTLY, list=UNIX)


def test_nothing_changes_where_nothing_is_changed() -> None:
    found = compared(with_task(2)[0])
    assert not found
    assert found.same == 4


def test_runs_that_an_edit_moves_are_paired_and_nothing_is_saved() -> None:
    house, task = with_task()
    before = kept(house.storage)
    found = compared(house, changes=[evolve(task, policies=Daily(at="03:30"))])
    assert [move.by for move in found.moved] == [5400, 5400]
    assert (found.appeared, found.vanished, found.same) == ((), (), 0)
    assert str(found).splitlines()[1] == "  ~ 2026-03-02 02:00 nightly on h01 → 2026-03-02 03:30"
    assert kept(house.storage) == before


def test_a_new_task_brings_runs_and_one_that_is_removed_takes_them() -> None:
    house, task = with_task()
    house.engine.define(house.Scripted("other"))
    found = compared(house, changes=[Task("more", "other", Daily(at="04:00"), list=UNIX)])
    assert ([one.task_name for one in found.appeared], found.vanished, found.same) == (["more", "more"], (), 2)
    gone = compared(house, without=[task.id])
    assert (gone.appeared, len(gone.vanished), gone.same) == ((), 2, 0)


def test_runs_that_lie_far_apart_are_two() -> None:
    house, task = with_task()
    found = compared(house, days=1, changes=[evolve(task, policies=Daily(at="18:00"))])
    assert (len(found.appeared), len(found.vanished), found.moved) == (1, 1, ())


def fired(starts: Sequence[int]) -> list[ForecastRun]:
    """Runs of one task and record that have no names."""
    return [ForecastRun("t", "t", "t", "r", "local", "fired", None, at, at, at + SECOND, "completed") for at in sorted(starts)]


def closest_first(before: Sequence[int], after: Sequence[int]) -> set[tuple[int, int]]:
    """By looking at each with each."""
    pairs, far = set[tuple[int, int]](), 12 * HOUR
    for apart, one, other in sorted((abs(other - one), one, other) for one in before for other in after):
        if apart <= far and all(one != done and other != met for done, met in pairs):
            pairs.add((one, other))
    return pairs


@given(st.lists(st.integers(0, 40 * 60).map(lambda at: at * MINUTE), max_size=16, unique=True), st.integers(0, 16))
def test_those_that_lie_closest_are_one_run(starts: list[int], half: int) -> None:
    before, after = starts[:half], starts[half:]
    found = difference(fired(before), fired(after))
    wanted = closest_first(before, after)
    assert sum(abs(move.by) for move in found.moved) * SECOND == sum(abs(one - other) for one, other in wanted)
    assert (len(found.moved), len(found.vanished)) == (len(wanted), len(before) - len(wanted))


def test_many_runs_that_lie_close_take_no_more_room_than_they_need() -> None:
    before, after = (fired([place * 30 * SECOND + later for place in range(1500)]) for later in (0, 10 * SECOND))
    tracemalloc.start()
    found = difference(before, after)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.moved) == 1500
    assert most < 5_000_000


def test_more_workers_move_what_waited() -> None:
    house, _ = with_task(2, settings=Settings(workers=1))
    found = compared(house, days=1, settings=Settings(workers=2))
    assert [(move.before.record, move.by) for move in found.moved] == [("h02", -60)]
    assert found.document()["moved"][0]["by"] == -60


def test_a_definition_may_be_changed_too() -> None:
    house, _ = with_task()
    assert not compared(house, changes=[RecordType("unix", host="address"), house.Scripted("work", says="x")])


def test_j06_what_was_run_before_its_time_is_not_planned_anew_by_an_edit() -> None:
    house, task = with_task()
    [waiting] = house.entries()
    house.engine.run_now(waiting.id)
    house.engine.drain()
    changed = evolve(task, description="looks at the disks")
    found = house.engine.forecast(None, START.add(days=3), changes=[changed])
    assert [one.start for one in found.runs] == [START.add(days=1, hours=2), START.add(days=2, hours=2)]
    house.engine.edit(changed)
    assert house.entries()[-1].due == found.runs[0].due
