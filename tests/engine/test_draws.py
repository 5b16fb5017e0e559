"""What intervals remember, handed in from the standing: draws (T10) and ages (T11), through a whole engine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Engine, Entry
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.windows import TimeWindow
from taskkit.jobs import Why
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import State, Step
from taskkit.storage import Move, Unit
from taskkit.targets import Target
from taskkit.tasks import Fallback, Task, of_type
from tests.engine.houses import START, UNIX, Crash, House
from tests.engine.stores import Interleaved

FAILED = NotDone(ErrorClass.PERMISSION)


class Loaded(random.Random):
    """Draws what it is told, then the largest; whoever draws more than was told is found out."""

    def __init__(self, *draws: int) -> None:
        super().__init__(7)
        self.draws, self.drawn = list(draws), list[int]()

    def randint(self, a: int, b: int) -> int:
        self.drawn.append(self.draws.pop(0) if self.draws else b)
        return self.drawn[-1]


def one(*draws: int, **said: Any) -> tuple[House, Loaded]:
    rng = Loaded(*draws)
    return House(Record("r1", "unix"), rng=rng, **said), rng


def edit(house: House, task: Task, *policies: Any) -> Task:
    return house.engine.edit(evolve(house.engine.task(task.id), policies=policies))


def waiting(house: House) -> Entry:
    (entry,) = house.entries(states=[State.SCHEDULED, State.DEFERRED])
    return entry


def day(house: House) -> int:
    """In how many days from the beginning its next run is due."""
    return (waiting(house).due - START).in_days()


def run(house: House, engine: Engine | None = None) -> None:
    """Up to the next run, and through it."""
    house.clock.jump(waiting(house).due)
    (engine or house.engine).drain()


# T10


def test_t10_days_are_drawn_from_creation_and_then_from_the_previous_nominal_run() -> None:
    house, rng = one(3, 5, 2)
    house.put(RandomDays(2, 5, at="02:30"))
    days = []
    for _ in range(3):
        days.append(day(house))
        run(house)
    assert days == [3, 8, 10]
    assert rng.drawn == [3, 5, 2, 5]


def test_t10_a_restart_draws_nothing() -> None:
    house, rng = one(3)
    house.put(RandomDays(2, 5))
    for _ in range(3):
        engine = house.enter()
        engine.reconcile()
        engine.drain()
    assert rng.drawn == [3]
    assert day(house) == 3


def test_t10_an_edit_of_something_else_draws_nothing_also_where_it_changes_the_other_intervals() -> None:
    house, rng = one(3)
    task = house.put(RandomDays(2, 5))
    house.engine.edit(evolve(house.engine.task(task.id), description="new"))
    edit(house, task, RandomDays(2, 5), AfterCheckIn())
    edit(house, task, Daily(at="12:00", start="2026-06-01"), RandomDays(2, 5))
    edit(house, task, RandomDays(2, 5), Daily(at="12:00", start="2026-06-01"))
    edit(house, task, RandomDays(1, 3))
    assert rng.drawn == [3]
    assert day(house) == 3


def test_t10_an_edit_that_makes_the_draw_illegal_draws_anew() -> None:
    house, rng = one(5, 2)
    task = house.put(RandomDays(2, 5))
    edit(house, task, RandomDays(1, 4))
    assert rng.drawn == [5, 2]
    assert day(house) == 2


def test_t10_an_edit_whose_draws_have_all_passed_looks_for_the_next_one_ahead() -> None:
    house, rng = one(20, 3, 4, 5)
    task = house.put(RandomDays(15, 30))
    house.clock.advance(days=10)
    edit(house, task, RandomDays(2, 5))
    assert rng.drawn == [20, 3, 4, 5]
    assert day(house) == 12


def test_t10_an_edit_of_the_time_of_day_on_the_drawn_day_loses_no_run() -> None:
    house, _ = one(3, 4)
    task = house.put(RandomDays(2, 5, at="20:00"))
    house.clock.advance(days=3, hours=10)
    edit(house, task, RandomDays(2, 5, at="08:00"))
    assert day(house) == 7


def test_t10_a_run_that_was_put_off_over_the_next_draw_goes_on() -> None:
    house, _ = one()
    house.put(RandomDays(1, 1, at="02:30"))
    house.clock.advance(days=30, hours=5)
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert day(house) == 31


def test_t10_a_union_remembers_the_draw_while_its_other_member_runs() -> None:
    house, rng = one(3, 4)
    house.put(Daily(at="12:00"), RandomDays(2, 5, at="02:30"))
    for _ in range(3):
        run(house)
    assert rng.drawn == [3]
    assert waiting(house).reasons[0].startswith("every 2 to 5 days")
    run(house)
    assert rng.drawn == [3, 4]


def test_t10_a_drawn_day_that_passes_in_another_run_is_used_up() -> None:
    house, rng = one(3, 4)
    house.put(Daily(at="12:00"), RandomDays(2, 5, at="02:30"))
    house.clock.advance(days=10)
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert rng.drawn == [3, 4, 5]  # the third, the seventh, the twelfth day
    house.clock.advance(days=1, hours=13)
    house.engine.drain()
    assert waiting(house).reasons[0].startswith("every 2 to 5 days")


def test_t10_each_record_has_a_draw_of_its_own() -> None:
    rng = Loaded(2, 5)
    house = House(Record("r1", "unix"), Record("r2", "unix"), rng=rng)
    house.put(RandomDays(2, 5))
    assert sorted((entry.due - START).in_days() for entry in house.entries()) == [2, 5]


def test_t10_a_manual_run_moves_no_draw() -> None:
    house, rng = one(3)
    task = house.put(RandomDays(2, 5), OnDemand())
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert rng.drawn == [3]
    assert day(house) == 3


def test_t10_who_runs_it_now_uses_up_the_drawn_day() -> None:
    house, _ = one(3, 4)
    house.put(RandomDays(2, 5))
    house.engine.run_now(waiting(house).id, by="ann")
    house.engine.drain()
    assert day(house) == 7


def test_t10_a_canceled_occurrence_draws_the_next() -> None:
    house, _ = one(3, 4)
    house.put(RandomDays(2, 5))
    house.engine.cancel(waiting(house).id, by="ann")
    assert day(house) == 7


def test_t10_a_crash_between_start_and_end_draws_nothing_twice() -> None:
    house, rng = one(3, 4, 5)
    house.put(RandomDays(2, 5))

    def die(run: Run) -> Outcome:
        raise Crash

    house.play.says("r1", die)
    house.clock.jump(waiting(house).due)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=2)
    house.enter().drain()
    assert rng.drawn == [3, 4]
    assert day(house) == 7


def test_t10_two_times_on_the_drawn_day_are_two_runs() -> None:
    house, rng = one(3, 4)
    house.put(RandomDays(2, 5, at=["02:30", "14:30"]))
    run(house)
    assert rng.drawn == [3]
    assert (day(house), waiting(house).due.hour) == (3, 14)
    run(house)
    assert day(house) == 7


def test_t10_a_draw_whose_end_has_come_is_the_last() -> None:
    house, _ = one(3, 4)
    house.put(RandomDays(2, 5, end="2026-03-06"))
    run(house)
    assert house.entries(states=State.SCHEDULED) == []


def test_t10_a_run_over_a_wrong_right_keeps_draws_and_suspends_in_one_unit() -> None:
    house, rng = one(3, 4)
    task = house.engine.put(Task("work it", "work", RandomDays(2, 5)), list=UNIX, by="ann")
    house.vault.disable("ann")
    run(house)
    assert [entry.state for entry in house.entries()] == [State.CANCELED, State.SCHEDULED]
    assert house.kinds().count("TaskSuspended") == 1
    assert rng.drawn == [3, 4]
    house.engine.resume_task(task.id, "r1")


def test_t10_a_later_start_is_what_the_first_draw_counts_from() -> None:
    house, rng = one(3, 4)
    house.put(RandomDays(2, 5, start="2026-03-12"))
    assert day(house) == 13
    run(house)
    assert day(house) == 17
    assert rng.drawn == [3, 4]


# T11


def test_t11_an_age_counts_from_creation_and_then_from_the_last_success() -> None:
    house, _ = one()
    house.put(MaxAge(30))
    assert day(house) == 30
    run(house)
    assert day(house) == 60


def test_t11_a_manual_success_moves_the_occurrence_that_waits() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), OnDemand())
    house.clock.advance(days=10)
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert day(house) == 40


def test_t11_a_success_after_a_happening_moves_it_too_and_a_failure_moves_nothing() -> None:
    house, _ = one()
    house.put(MaxAge(30), AfterCheckIn())
    house.clock.advance(days=10)
    house.play.says("r1", FAILED)
    house.engine.emit(CheckedIn("r1"))
    house.engine.drain()
    assert day(house) == 30
    house.engine.emit(CheckedIn("r1"))
    house.engine.drain()
    assert day(house) == 40


def test_t11_without_success_it_comes_back_after_so_many_days_and_never_at_the_same_nominal_time() -> None:
    house, _ = one()
    house.put(MaxAge(30, again=2))
    house.play.always["r1"] = FAILED
    days = []
    for _ in range(4):
        days.append(day(house))
        run(house)
    assert days == [30, 32, 34, 36]


def test_t11_canceled_it_comes_back_as_well() -> None:
    house, _ = one()
    house.put(MaxAge(30))
    house.engine.cancel(waiting(house).id, by="ann")
    assert day(house) == 31


def test_t11_a_success_after_failures_counts_from_itself() -> None:
    house, _ = one()
    house.put(MaxAge(30))
    house.play.says("r1", FAILED, FAILED)
    for _ in range(3):
        run(house)
    assert day(house) == 62


def test_t11_a_late_run_counts_from_when_it_succeeded() -> None:
    house, _ = one()
    house.put(MaxAge(30), window=TimeWindow("* 2 * * *"))
    house.clock.advance(days=45, hours=2)
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert day(house) == 75


def test_t11_a_retry_that_succeeds_counts() -> None:
    house, _ = one()
    house.put(MaxAge(30), fallback=Fallback(60 * 24, 3))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT))
    house.clock.jump(waiting(house).due)
    house.engine.drain()
    house.clock.advance(days=1)
    house.engine.drain()
    assert house.play.count("r1") == 2
    assert day(house) == 61


def test_t11_an_age_that_is_due_while_a_demand_runs_is_moved_by_its_success() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), OnDemand())

    def perform(run: Run) -> Outcome:
        house.clock.advance(seconds=30)
        house.enter().drain()  # it comes due, and waits for the end of this run
        return DONE

    house.clock.advance(days=29, hours=23, minutes=59, seconds=45)
    house.play.says("r1", perform)
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert day(house) == 60


def test_t11_a_success_takes_nothing_away_that_is_due_for_another_reason() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), Daily(at="12:00"), OnDemand())
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert waiting(house).due == START.add(hours=12)
    run(house)
    assert waiting(house).due == START.add(days=1, hours=12)


def test_t11_a_success_takes_no_run_away_that_came_due_meanwhile_for_another_reason() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), Daily(at="12:00"), OnDemand())

    def perform(run: Run) -> Outcome:
        house.clock.advance(seconds=30)
        house.enter().work()
        return DONE

    house.clock.advance(hours=11, minutes=59, seconds=45)
    house.play.says("r1", perform)
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert house.play.count("r1") == 2
    assert waiting(house).due == START.add(days=1, hours=12)


def test_t11_a_success_brings_the_age_forward_where_failure_had_put_it_off() -> None:
    house, _ = one()
    task = house.put(MaxAge(2, again=30), OnDemand())
    house.play.says("r1", FAILED)
    run(house)
    assert day(house) == 32
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert day(house) == 4


def test_t11_the_success_of_a_job_elsewhere_counts_for_the_task_that_triggered_it() -> None:
    house = House(Record("root", "unix"), Record("a", "web", reference="root"))
    house.engine.define(RecordType("web"))
    house.engine.put(Task("work it", "work"), list=UNIX)
    house.engine.put(Task("work it", "work", MaxAge(30), target=Target.REFERENCED), list=of_type("web"))
    run(house)
    assert house.play.performed == [("work", "root")]
    assert day(house) == 60


def test_t11_an_edit_keeps_what_succeeded_last() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), OnDemand())
    house.clock.advance(days=10)
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    edit(house, task, MaxAge(7))
    assert day(house) == 17


def test_t11_the_end_of_the_run_and_the_new_plan_land_together() -> None:
    """Else a crash between them would run it again a day after its success."""
    house, _ = one()
    house.put(MaxAge(30))
    units: list[Unit] = []

    class Watched(Interleaved):
        def write(self, given: Sequence[Unit], **named: Any) -> Any:
            units.extend(given)
            return self._storage.write(given, **named)

    run(house, house.enter(storage=Watched(house.storage.join())))
    (end,) = [unit for unit in units if any(isinstance(one, Move) and one.step is Step.COMPLETE for one in unit)]
    assert [one.step for one in end if isinstance(one, Move)] == [Step.COMPLETE, Step.REPLAN]
    assert day(house) == 60


def test_t11_what_waits_and_was_run_by_hand_is_left_to_run() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), OnDemand())
    house.clock.advance(days=10)
    occurrence = waiting(house)

    def perform(run: Run) -> Outcome:
        house.engine.run_now(occurrence.id, by="ann")
        house.enter().work()
        return DONE

    house.play.says("r1", perform)
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    assert house.engine.job(occurrence.id).state is State.COMPLETED
    assert house.play.count("r1") == 2
    assert day(house) == 40


def test_t11_a_success_frees_the_account_that_its_occurrence_waited_for() -> None:
    house, _ = one()
    task = house.put(MaxAge(30), AfterCheckIn(), OnDemand())
    house.clock.advance(days=29, hours=23, minutes=59, seconds=45)

    def perform(run: Run) -> Outcome:
        house.clock.advance(seconds=30)
        house.enter().work()
        return DONE

    house.play.says("r1", perform)
    house.engine.demand(task.id, "r1", by="ann")
    house.engine.drain()
    moved = waiting(house)
    assert (moved.state, moved.why) == (State.SCHEDULED, None)
    house.engine.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.play.count("r1") == 2
    assert not house.entries(states=State.DEFERRED)
    assert Why.BUSY not in {entry.why for entry in house.entries()}
