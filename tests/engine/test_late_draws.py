"""T10: a record that is remembered from long ago gets its occurrence where a task comes to draw its days."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from attrs import evolve

from taskkit.events import RandomDays
from taskkit.events.policies import AfterCheckIn
from taskkit.states import State
from tests.engine.houses import House, hosts


def a_week_later(house: House, task: str) -> None:
    house.engine.suspend_task(task, "h01")
    house.engine.resume_task(task, "h01")
    house.clock.advance(days=7)
    house.engine.drain()


def edited(house: House, task: str) -> None:
    house.engine.edit(evolve(house.engine.task(task), policies=[AfterCheckIn(), RandomDays(1, 2)]))


def edited_while_inactive(house: House, task: str) -> None:
    house.engine.deactivate(task)
    edited(house, task)
    house.engine.activate(task)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("edit", [edited, edited_while_inactive])
def test_t10_who_was_suspended_once_is_planned_as_all_others_when_the_days_are_drawn(edit: Callable[..., None], seed: int) -> None:
    house = House(*hosts(2), rng=random.Random(seed))
    task = house.put(AfterCheckIn())
    a_week_later(house, task.id)
    edit(house, task.id)
    house.engine.drain()
    assert sorted(str(entry.record) for entry in house.entries(states=State.SCHEDULED)) == ["h01", "h02"]
    for _ in range(10):
        house.clock.advance(days=1)
        house.engine.drain()
    counts = {name: house.play.count(name) for name in ("h01", "h02")}
    assert min(counts.values()) >= 5, counts
