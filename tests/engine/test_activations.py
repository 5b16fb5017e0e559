"""A task that is not active is kept and holds nothing that waits; active again, it owes nothing for the time between (R7)."""

from __future__ import annotations

import random

import pytest

from taskkit.errors import Refused
from taskkit.events import Daily, Interval, MaxAge, Minutely, RandomDays
from taskkit.events.happenings import CheckedIn, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.jobs import Job, Kind
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import PENDING, State, Step
from taskkit.storage import Insert, Query
from taskkit.tasks import Fallback, Task
from tests.engine.houses import UNIX, Crash, House, Watched, hosts, steps


def house_with(*policies: object, records: int = 1, **said: object) -> tuple[House, Task]:
    house = House(*hosts(records), rng=random.Random(1))
    return house, house.engine.put(Task("t", "work", list(policies), **said), list=UNIX)  # type: ignore[arg-type]


def waiting(house: House) -> list[Job]:
    return list(house.storage.jobs(Query(states=PENDING)).jobs)


def due(house: House) -> list[str]:
    return [house.engine.job(job.id).due.format("YYYY-MM-DD HH:mm") for job in waiting(house)]


def test_r07_a_deactivated_task_is_kept_and_holds_no_pending_job() -> None:
    house, task = house_with(Daily(at="02:30"), AfterUnlock(60), OnDemand(), records=2)
    house.engine.emit(Unlocked("h01"))
    house.engine.demand(task.id, "h02")
    house.engine.deactivate(task.id)
    assert house.engine.task(task.id).active is False
    assert waiting(house) == []
    assert {(entry.state, entry.why) for entry in house.entries()} == {(State.CANCELED, "inactive")}
    house.clock.advance(days=2)
    assert house.engine.drain() == 0


def test_r07_a_running_job_ends_normally_and_is_not_tried_again() -> None:
    house, task = house_with(Daily(at="02:30"), fallback=Fallback(10, 3))
    house.clock.advance(hours=3)

    def deactivated(run: Run) -> Outcome:
        house.engine.deactivate(task.id)
        return NotDone(ErrorClass.UNREACHABLE, "down")

    house.play.says("h01", deactivated)
    house.engine.drain()
    assert [(entry.kind, entry.state) for entry in house.entries()] == [
        (Kind.OCCURRENCE, State.ERROR), (Kind.OCCURRENCE, State.CANCELED),
    ]  # fmt: skip
    assert waiting(house) == []


def test_r07_a_retry_that_is_written_while_the_task_is_deactivated_is_not_written() -> None:
    """The deactivation lands between the run's end and the unit that tells of it."""
    house, task = house_with(Daily(at="02:30"), fallback=Fallback(10, 3))
    house.clock.advance(hours=3)
    handle = Watched(house.storage)
    handle.before(
        lambda units: any(isinstance(change, Insert) and change.job.kind is Kind.FALLBACK for unit in units for change in unit),
        lambda: house.engine.deactivate(task.id),
    )
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "down"))
    house.enter(storage=handle).drain()
    assert [entry.state for entry in house.entries()] == [State.ERROR, State.CANCELED]
    assert waiting(house) == []


def test_r07_a_run_ends_normally_also_after_a_rescue() -> None:
    house, task = house_with(AfterCheckIn())
    house.engine.emit(CheckedIn("h01"))

    def die(run: Run) -> Outcome:
        house.engine.deactivate(task.id)
        raise Crash

    house.play.says("h01", die)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=2)
    house.enter().drain()
    assert [entry.state for entry in house.entries()] == [State.COMPLETED]


def test_r07_a_claimed_job_does_not_begin() -> None:
    house, task = house_with(Daily(at="02:30"))
    house.clock.advance(hours=3)
    handle = Watched(house.storage)
    handle.before(steps(Step.START), lambda: house.engine.deactivate(task.id))
    house.enter(storage=handle).drain()
    assert house.play.performed == []
    assert [(entry.state, entry.why) for entry in house.entries()] == [(State.CANCELED, "inactive")]


def test_r07_an_occurrence_that_is_canceled_while_its_task_is_deactivated_plans_none() -> None:
    house, task = house_with(Daily(at="02:30"))
    (job,) = waiting(house)
    handle = Watched(house.storage)
    handle.before(steps(Step.CANCEL), lambda: house.engine.deactivate(task.id))
    other = house.enter(storage=handle)
    with pytest.raises(Refused):
        other.cancel(job.id)
    assert waiting(house) == []


def test_r07_activation_plans_the_next_occurrence_and_owes_nothing_for_the_time_between() -> None:
    house, task = house_with(Daily(at="02:30"), records=2)
    house.engine.deactivate(task.id)
    house.clock.advance(days=10, hours=12)
    house.engine.activate(task.id)
    assert due(house) == ["2026-03-13 02:30"] * 2
    house.clock.advance(days=1)
    house.engine.drain()
    assert {entry.missed for entry in house.entries() if entry.started} == {0}


def test_r07_what_happens_meanwhile_is_not_made_up_for() -> None:
    house, task = house_with(AfterCheckIn())
    house.engine.deactivate(task.id)
    assert house.engine.emit(CheckedIn("h01")) == []
    house.engine.activate(task.id)
    assert house.engine.drain() == 0
    assert [fact.details["why"] for fact in house.engine.facts(kinds=["HappeningPassed"])] == ["inactive"]


def test_r07_who_is_not_active_cannot_be_run() -> None:
    house, task = house_with(OnDemand())
    house.engine.deactivate(task.id)
    with pytest.raises(Refused, match="it is not active; activate it first"):
        house.engine.demand(task.id, "h01")


def test_r07_a_next_run_that_passed_meanwhile_is_owed_to_nobody() -> None:
    house, task = house_with(Daily(at="02:30"))
    house.engine.set_next_run(task.id, house.clock.moment.add(hours=5), "h01")
    house.engine.deactivate(task.id)
    house.clock.advance(days=3)
    house.engine.activate(task.id)
    assert due(house) == ["2026-03-05 02:30"]


def test_r07_a_next_run_that_lies_ahead_is_kept() -> None:
    house, task = house_with(Daily(at="02:30"))
    house.engine.set_next_run(task.id, house.clock.moment.add(days=5), "h01")
    house.engine.deactivate(task.id)
    house.clock.advance(days=3)
    house.engine.activate(task.id)
    assert due(house) == ["2026-03-07 00:00"]


@pytest.mark.parametrize(
    ("interval", "least", "most"),
    [
        (RandomDays(3, 5, at="02:30"), 3, 5),
        (MaxAge(10, at="02:30"), 0, 1),
        (Minutely(5), 0, 0),
    ],
)
def test_r07_a_rule_that_remembers_goes_on_after_a_long_time(interval: Interval, least: int, most: int) -> None:
    house, task = house_with(interval)
    house.engine.deactivate(task.id)
    house.clock.advance(days=100)
    house.engine.activate(task.id)
    (job,) = waiting(house)
    days = (house.engine.job(job.id).due - house.clock.moment).in_days()
    assert least <= days <= most
    house.clock.advance(days=most + 1)
    house.engine.drain()
    assert house.play.count("h01") >= 1
    assert len(waiting(house)) == 1


def test_t10_of_several_rules_the_one_that_draws_goes_on_too() -> None:
    house, task = house_with(RandomDays(3, 5, at="02:30"), Daily(30, at="12:00"))
    house.engine.deactivate(task.id)
    house.clock.advance(days=100)
    house.engine.activate(task.id)
    house.clock.advance(days=29)
    for _ in range(29):
        house.engine.drain()
    house.clock.advance(days=1)
    house.engine.drain()
    assert any("3 to 5 days" in reason for entry in house.entries() if entry.started for reason in entry.reasons)


def test_r07_a_draw_that_still_lies_ahead_is_kept() -> None:
    house, task = house_with(RandomDays(30, 60, at="02:30"))
    before = due(house)
    house.engine.deactivate(task.id)
    house.clock.advance(days=3)
    house.engine.activate(task.id)
    assert due(house) == before


def test_r07_activating_and_deactivating_twice_is_once() -> None:
    house, task = house_with(Daily(at="02:30"), records=2)
    house.engine.activate(task.id)
    house.engine.activate(task.id)
    assert due(house) == ["2026-03-02 02:30"] * 2
    house.engine.deactivate(task.id)
    house.engine.deactivate(task.id)
    assert waiting(house) == []


def test_r07_a_system_task_is_planned_again_without_a_first_run() -> None:
    house = House()
    task = house.engine.put(Task("report", "work", Daily(at="02:30")))
    house.engine.drain()
    assert house.play.performed == [("work", None)]
    house.engine.deactivate(task.id)
    house.engine.activate(task.id)
    house.engine.drain()
    assert (house.play.performed, due(house)) == ([("work", None)], ["2026-03-02 02:30"])


def test_r07_a_first_run_that_is_still_to_come_is_not_owed_after_a_deactivation() -> None:
    house = House()
    task = house.engine.put(Task("report", "work", Daily(at="02:30")))
    house.engine.deactivate(task.id)
    house.clock.advance(days=1)
    house.engine.activate(task.id)
    assert due(house) == ["2026-03-03 02:30"]
    house.play.says(None, DONE)
    house.engine.drain()
    assert house.play.performed == []


def test_r07_a_task_that_is_put_inactive_waits() -> None:
    house = House(Record("h01", "unix"))
    task = house.engine.put(Task("t", "work", Daily(at="02:30"), active=False), list=UNIX)
    assert waiting(house) == []
    house.engine.activate(task.id)
    assert due(house) == ["2026-03-02 02:30"]
