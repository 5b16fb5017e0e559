"""The next occurrence of a task is already a job: when it is due, what it stands for, and what edits do to it (T6, T9, T12 to T17, J5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.engine import Entry
from taskkit.errors import InvalidValue, NeverFires
from taskkit.events.clocks import Daily, Monthly, Once, Weekly
from taskkit.events.elapsed import Hourly, Minutely
from taskkit.events.happenings import CheckedIn, RecordCreated
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.spreads import Spread
from taskkit.events.windows import TimeWindow
from taskkit.instants import shown
from taskkit.jobs import Kind, Why
from taskkit.outcomes import DONE, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import State
from taskkit.storage import Document
from taskkit.storage.memory import MemoryStorage
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Fallback, Task, of_type
from tests.engine.houses import START, UNIX, Crash, House, hosts, one, scripted
from tests.engine.stores import Interleaved

BERLIN = "Europe/Berlin"


def system(house: House, *policies: Any, next_run: pendulum.DateTime | None = None, **said: Any) -> Task:
    return house.engine.put(Task("work it", "work", policies, **said), list=SYSTEM, next_run=next_run)


def edit(house: House, task: Task, *policies: Any, **said: Any) -> Task:
    changes = {**said, "policies": policies} if policies else said
    return house.engine.edit(evolve(house.engine.task(task.id), **changes))


def waiting(house: House) -> Entry:
    (entry,) = house.entries(states=[State.SCHEDULED, State.DEFERRED])
    return entry


def ran(house: House) -> list[str | None]:
    return [entry.nominal for entry in house.entries(states=State.COMPLETED)]


def status(house: House) -> list[str]:
    return [row.status for row in house.engine.overview(ended=True).entries]


# T6


def test_t06_a_nominal_time_runs_once_over_edits_there_and_back() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    for at in ("02:30", "02:45", "02:30", "02:45", "02:30"):
        edit(house, task, Daily(at=at))
        house.engine.drain()
        house.clock.advance(minutes=40)
        house.engine.drain()
    assert [nominal for nominal, times in Counter(ran(house)).items() if times > 1] == []


def test_t06_a_nominal_time_that_was_used_up_early_is_not_run_again_after_an_edit() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.engine.run_now(waiting(house).id, by="ann")
    house.engine.drain()
    edit(house, task, Daily(at="03:00"))
    edit(house, task, Daily(at="02:30"))
    house.clock.advance(hours=5)
    house.engine.drain()
    assert ran(house) == ["2026-03-02T02:30 UTC"]
    assert waiting(house).nominal == "2026-03-03T02:30 UTC"


def test_t06_a_nominal_time_that_was_used_up_early_is_not_run_again_after_the_task_was_off() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.engine.run_now(waiting(house).id, by="ann")
    house.engine.drain()
    house.engine.deactivate(task.id)
    house.engine.activate(task.id)
    assert waiting(house).nominal == "2026-03-03T02:30 UTC"


def test_t06_an_edit_takes_no_due_run_away_whatever_the_rule_says_now() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.clock.advance(hours=4)
    edit(house, task, Daily(at="01:00"))
    due = waiting(house)
    assert (due.nominal, due.due) == ("2026-03-02T02:30 UTC", START.add(hours=4))
    house.engine.drain()
    assert ran(house) == ["2026-03-02T02:30 UTC"]
    assert waiting(house).nominal == "2026-03-03T01:00 UTC"


def test_t06_a_due_run_that_waits_for_its_window_stays_due_over_an_edit() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.clock.advance(hours=4)
    edit(house, task, Daily(at="05:00"), window=TimeWindow("* 22 * * *"))
    house.engine.drain()
    assert ran(house) == []
    house.clock.advance(hours=18)
    house.engine.drain()
    assert ran(house) == ["2026-03-02T02:30 UTC"]


def test_t06_an_edit_moves_what_is_not_due_yet() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    edit(house, task, Daily(at="05:00"))
    assert waiting(house).due == START.add(hours=5)


def test_t06_an_edit_that_takes_the_last_interval_away_ends_what_waits() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.clock.advance(hours=4)
    edit(house, task, AfterCheckIn())
    assert [(entry.state, entry.why) for entry in house.entries()] == [(State.CANCELED, Why.ENDED)]


def test_t06_the_lateness_of_a_due_run_counts_on_over_an_edit() -> None:
    house = one()
    task = house.put(Daily(at="02:30"), max_lateness=60)
    house.clock.advance(hours=3)
    edit(house, task, Daily(at="01:00"))
    house.clock.advance(hours=1)
    house.engine.drain()
    assert [entry.state for entry in house.entries()] == [State.MISSED, State.SCHEDULED]


@pytest.mark.parametrize("hours", [1, 6])
def test_t15_a_window_that_is_moved_before_it_opens_makes_no_run_late(hours: int) -> None:
    """Also where the nominal time has passed already, at 02:30."""
    house = one()
    task = house.put(Daily(at="02:30"), window=TimeWindow("* 8 * * *"), max_lateness=60)
    house.clock.advance(hours=hours)
    edit(house, task, Daily(at="02:30"), window=TimeWindow("* 20 * * *"))
    house.clock.jump(START.add(hours=20))
    house.engine.drain()
    assert ran(house) == ["2026-03-02T02:30 UTC"]


def test_t17_a_place_in_a_spread_that_an_edit_moves_is_given_once() -> None:
    house = one()
    task = house.put(Daily(at="02:30"), window=TimeWindow("* 2 * * *"), spread=Spread(600))
    edit(house, task, Daily(at="02:30"), window=None)
    place = waiting(house).due
    house.clock.jump(place)
    house.engine.drain()
    assert place > START.add(hours=3)
    assert [entry.started for entry in house.entries(states=State.COMPLETED)] == [place]


def test_t06_a_restart_runs_nothing_again() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    house.clock.advance(hours=3)
    house.engine.drain()
    for _ in range(3):
        house.enter().drain()
    assert ran(house) == ["2026-03-02T02:30 UTC"]


def test_t06_in_a_fold_the_first_reading_runs_and_the_second_does_not() -> None:
    house = one(start=pendulum.datetime(2026, 10, 24, 12, tz="UTC"))
    house.put(Daily(at="02:30", tz=BERLIN))
    for _ in range(48):
        house.clock.advance(minutes=30)
        house.engine.drain()
    assert ran(house) == ["2026-10-25T02:30 Europe/Berlin"]


# T9


def test_t09_two_intervals_at_the_same_minute_are_one_job_with_both_reasons() -> None:
    house = one()
    house.put(Daily(at="02:30"), Weekly(on="mon", at="02:30"), Hourly(12))
    assert waiting(house).reasons == ("every day at 02:30, UTC; every Monday at 02:30, UTC",)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("r1") == 1
    assert waiting(house).reasons == ("every 12 hours, from 2026-03-02T00:00:00Z",)


# T12


def test_t12_an_occurrence_exactly_at_the_end_still_runs_and_then_the_task_is_ended() -> None:
    house = one()
    task = house.put(Daily(at="02:30", end="2026-03-03T02:30"))
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert ran(house) == ["2026-03-02T02:30 UTC", "2026-03-03T02:30 UTC"]
    assert house.engine.overview().entries == ()
    assert [row.id for row in house.engine.overview(ended=True).entries] == [task.id]
    assert len(house.entries()) == 2  # its history is kept


def test_t12_a_date_means_the_end_of_that_day_in_the_zone() -> None:
    house = one()
    house.put(Daily(at="23:59", tz="America/New_York", end="2026-03-02"))
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert ran(house) == ["2026-03-01T23:59 America/New_York", "2026-03-02T23:59 America/New_York"]


@pytest.mark.parametrize(
    ("policies", "ended"),
    [
        ([Once("2026-03-02 01:00")], True),
        ([Daily(end="2026-03-01"), Once("2026-03-02 01:00")], True),
        ([Once("2026-03-02 01:00"), Daily()], False),
        ([Once("2026-03-02 01:00"), OnDemand()], False),
        ([], False),
        ([RandomDays(1, 1, end="2026-03-03T12:00")], True),
        ([MaxAge(1, end="2026-03-03T12:00")], True),
        ([MaxAge(1, end="2026-03-03T12:00"), Daily(end="2026-03-02")], True),
        ([MaxAge(1)], False),
    ],
)
def test_t12_a_task_is_ended_when_no_policy_of_it_can_fire_any_more(policies: list[Any], ended: bool) -> None:
    for place in (House.put, system):
        house = one()
        place(house, *policies)
        for _ in range(4):
            house.clock.advance(days=1)
            house.engine.drain()
        assert status(house) == ["ended" if ended else "active"]


def test_t12_what_waits_for_a_happening_does_not_end() -> None:
    house = one()
    house.put(Once("2026-03-02 01:00"), AfterCheckIn())
    house.clock.advance(days=1)
    house.engine.drain()
    assert status(house) == ["active"]


def test_t12_a_draw_beyond_the_end_ends_a_task_of_the_system_at_once() -> None:
    house = one()
    system(house, RandomDays(5, 5, end="2026-03-05"))
    house.engine.drain()
    assert status(house) == ["ended"]


def test_t12_a_retry_of_the_last_occurrence_still_runs() -> None:
    house = one()
    house.put(Once("2026-03-02 01:00"), fallback=Fallback(600, 2))
    house.play.says("r1", NotDone(ErrorClass.TIMEOUT))
    house.clock.advance(hours=1)
    house.engine.drain()
    assert status(house) == ["active"]
    house.clock.advance(hours=10)
    house.engine.drain()
    assert house.play.count("r1") == 2
    assert status(house) == ["ended"]


def test_t12_a_deferred_job_of_the_last_occurrence_still_runs() -> None:
    house = one()
    house.put(Once("2026-03-02 01:00"), window=TimeWindow("* 20 * * *"))
    house.clock.advance(hours=10)
    house.engine.drain()
    assert status(house) == ["active"]
    house.clock.advance(hours=10)
    house.engine.drain()
    assert house.play.count("r1") == 1


# T13


def test_t13_a_new_task_of_the_system_runs_at_once_and_once() -> None:
    house = one()
    task = system(house, Daily(at="02:30"))
    house.engine.drain()
    assert ran(house) == ["first"]
    assert waiting(house).due == START.add(hours=2, minutes=30)
    (row,) = house.engine.overview().entries
    assert (row.first_run, row.last_run, row.next_run) == (START, START, START.add(hours=2, minutes=30))
    edit(house, task, Daily(at="05:00"))
    house.engine.deactivate(task.id)
    house.engine.activate(task.id)
    house.engine.drain()
    assert ran(house) == ["first"]


def test_t13_the_first_run_waits_for_its_window() -> None:
    house = one()
    system(house, Daily(at="23:00"), window=TimeWindow("* 20-23 * * *"))
    house.engine.drain()
    assert ran(house) == []
    house.clock.advance(hours=20)
    house.engine.drain()
    assert ran(house) == ["first"]


def test_t13_an_edit_takes_the_first_run_not_away_that_waits_for_its_window() -> None:
    house = one()
    task = system(house, Daily(at="02:30"), window=TimeWindow("* 20 * * *"))
    edit(house, task, Daily(at="03:30"), window=TimeWindow("* 21 * * *"))
    assert (waiting(house).nominal, waiting(house).due) == ("first", START.add(hours=21))


@pytest.mark.parametrize(
    "policies",
    [
        [Once("2026-03-05 12:00")],
        [Daily(start="2026-03-05")],
        [Minutely(5, start="2026-03-02T00:01Z")],
        [Once("2026-03-05 12:00"), Daily(start="2026-03-05")],
        [RandomDays(2, 4, start="2026-03-05")],
        [OnDemand()],
        [],
    ],
)
def test_t13_what_says_when_it_begins_does_not_run_at_once(policies: list[Any]) -> None:
    house = one()
    system(house, *policies)
    house.engine.drain()
    assert ran(house) == []


@pytest.mark.parametrize(
    "policy",
    [
        Daily(every=3, at="12:00"), Weekly(every=2, on="wed"), Monthly(days=20), Minutely(7), Daily(start="2026-03-01"), RandomDays(2, 4),
        MaxAge(3), Daily(every=2, start="2026-03-02"),
    ],
)  # fmt: skip
def test_t13_a_rule_that_counts_from_now_has_no_later_start(policy: Any) -> None:
    house = one()
    system(house, policy)
    house.engine.drain()
    assert ran(house) == ["first"]


def test_t13_an_inactive_task_does_not_run_at_once_nor_when_it_is_switched_on() -> None:
    house = one()
    task = system(house, Daily(at="02:30"), active=False)
    house.engine.drain()
    house.engine.activate(task.id)
    house.engine.drain()
    assert ran(house) == []
    assert waiting(house).due == START.add(hours=2, minutes=30)


def test_t13_a_script_that_changes_many_records_does_not_run_unseen() -> None:
    house = one()
    seal = scripted(house.play, "seal", changes_many=True)
    house = House(Record("r1", "unix"), scripts=[seal])
    house.engine.define(seal("seal"))
    house.engine.put(Task("seal", "seal", Daily(at="02:30")))
    house.engine.drain()
    assert house.play.performed == []


def test_t13_a_task_of_a_record_waits_for_its_next_occurrence() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    house.engine.drain()
    assert ran(house) == []


def test_t13_a_next_run_that_is_set_with_the_task_replaces_the_first_run() -> None:
    house = one()
    system(house, Daily(at="02:30"), next_run=START.add(hours=1))
    house.engine.drain()
    assert waiting(house).due == START.add(hours=1)
    house.clock.advance(hours=1)
    house.engine.drain()
    assert house.play.count(None) == 1
    assert waiting(house).nominal == "2026-03-02T02:30 UTC"


def test_t13_a_next_run_in_the_past_or_for_records_is_refused() -> None:
    house = one()
    with pytest.raises(InvalidValue, match="in the past"):
        system(house, Daily(), next_run=START.subtract(minutes=1))
    with pytest.raises(InvalidValue, match="set_next_run"):
        house.engine.put(Task("work it", "work", Daily()), list=UNIX, next_run=START.add(hours=1))


def test_t13_the_next_run_is_edited_and_then_the_rule_goes_on() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.engine.set_next_run(task.id, START.add(hours=1), "r1")
    assert waiting(house).due == START.add(hours=1)
    house.clock.advance(hours=1)
    house.engine.drain()
    assert waiting(house).due == START.add(hours=2, minutes=30)
    edit(house, task, description="new")
    assert waiting(house).due == START.add(hours=2, minutes=30)


def test_t13_a_next_run_that_is_set_stays_over_an_edit_and_can_be_taken_back() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.engine.set_next_run(task.id, START.add(hours=9), "r1")
    edit(house, task, Daily(at="04:00"))
    assert waiting(house).due == START.add(hours=9)
    house.engine.set_next_run(task.id, None, "r1")
    assert waiting(house).due == START.add(hours=4)


def test_t13_a_next_run_that_is_set_while_another_runs_is_the_next() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))

    def perform(run: Run) -> Outcome:
        house.engine.set_next_run(task.id, START.add(hours=9), "r1")
        return DONE

    house.play.says("r1", perform)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert waiting(house).due == START.add(hours=9)


def test_t13_a_next_run_that_is_set_between_claim_and_start_is_not_lost() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.clock.advance(hours=3)

    def set_it(claimed: Any) -> None:
        if claimed:
            house.engine.set_next_run(task.id, START.add(hours=9), "r1")

    house.enter(storage=Interleaved(house.storage.join(), claim=set_it)).work()
    assert waiting(house).due == START.add(hours=9)
    edit(house, task, description="new")
    assert waiting(house).due == START.add(hours=9)
    house.clock.advance(hours=6)
    house.engine.drain()
    assert waiting(house).due == START.add(days=1, hours=2, minutes=30)


def test_t13_a_next_run_that_was_set_by_a_process_that_died_then_is_what_the_next_start_plans() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))

    def die(answers: Any) -> None:
        raise Crash

    with pytest.raises(Crash):
        house.enter(storage=Interleaved(house.storage.join(), write=die)).set_next_run(task.id, START.add(hours=9), "r1")
    assert waiting(house).due == START.add(hours=2, minutes=30)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert waiting(house).due == START.add(hours=9)


def test_t13_a_next_run_of_a_task_without_a_rule_is_used_up() -> None:
    house = one()
    task = house.put(AfterCheckIn())
    house.engine.set_next_run(task.id, START.add(hours=1), "r1")
    house.clock.advance(hours=1)
    house.engine.drain()
    assert house.play.count("r1") == 1
    edit(house, task, Daily(at="02:30"))
    assert waiting(house).due == START.add(hours=2, minutes=30)


# T14


def test_t14_the_next_occurrences_of_any_task_can_be_asked() -> None:
    house = one()
    task = house.put(Daily(at="02:30"), Monthly(days=3, at="02:30"))
    found = house.engine.upcoming(task.id, 3, "r1")
    assert [occurrence.instant.to_date_string() for occurrence in found] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert [len(occurrence.reasons) for occurrence in found] == [1, 2, 1]
    assert house.engine.upcoming(put_other(house).id, 3) == []


def put_other(house: House) -> Task:
    house.engine.define(house.Scripted("other"))
    return house.engine.put(Task("other", "other", AfterCheckIn()), list=UNIX)


def test_t14_the_drawn_day_is_the_only_one_that_is_known() -> None:
    house = one()
    task = house.put(RandomDays(2, 9))
    found = house.engine.upcoming(task.id, 5, "r1")
    assert [occurrence.instant for occurrence in found] == [waiting(house).due]


def test_t14_a_rule_that_can_never_fire_is_no_task() -> None:
    with pytest.raises(NeverFires):
        Monthly(days=30, months=2, missing_day="skip")


# T15


def test_t15_thirty_days_of_downtime_make_one_run_that_tells_how_many_the_first_and_the_last() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    house.clock.advance(days=30)
    house.enter().drain()
    (entry,) = house.entries(states=State.COMPLETED)
    kept = house.storage.job(entry.id)
    assert kept is not None
    assert entry.missed == 30
    assert shown((kept.missed_first or 0) * 1_000_000) == START.add(hours=2, minutes=30)
    assert shown((kept.missed_last or 0) * 1_000_000) == START.add(days=29, hours=2, minutes=30)
    assert waiting(house).due == START.add(days=30, hours=2, minutes=30)


@pytest.mark.parametrize("stands_still", ["engine", "pool:local"])
def test_t15_a_pause_is_a_downtime(stands_still: str) -> None:
    house = one()
    house.put(Hourly())
    house.engine.pause(stands_still)
    house.clock.advance(hours=5, minutes=30)
    house.engine.drain()
    house.engine.resume(stands_still)
    house.engine.drain()
    assert [entry.missed for entry in house.entries(states=State.COMPLETED)] == [5]


def test_t15_a_run_that_is_merely_late_missed_nothing() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    house.clock.advance(hours=20)
    house.engine.drain()
    assert [entry.missed for entry in house.entries()] == [0, 0]


def test_t15_what_passes_while_its_predecessor_waits_is_counted_in_it() -> None:
    house = one()
    house.put(Hourly(), window=TimeWindow("* 6-23 * * *"))
    for _ in range(24 * 2):
        house.clock.advance(minutes=30)
        house.engine.drain()
    missed = [entry.missed for entry in house.entries(states=State.COMPLETED)]
    assert missed[0] == 6  # from one to six o'clock
    assert set(missed[1:]) == {0}


def test_t15_what_passes_while_it_runs_becomes_one_follow_up() -> None:
    house = one()
    house.put(Minutely())

    def long_run(run: Run) -> Outcome:
        for _ in range(10):
            house.clock.advance(seconds=30)
            run.progress(1, 1)
            house.enter().work()
        return DONE

    house.play.says("r1", long_run)
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert [entry.missed for entry in house.entries(states=State.COMPLETED)] == [0, 5]
    assert house.play.count("r1") == 2


def test_t15_being_a_second_late_never_drops_anything() -> None:
    house = one()
    house.put(Daily(at="02:30"), max_lateness=1)
    house.clock.advance(hours=2, minutes=31)
    house.engine.drain()
    assert len(ran(house)) == 1


def test_t15_a_run_that_is_too_late_is_missed_with_a_fact_and_the_next_is_planned() -> None:
    house = one()
    house.put(Daily(at="02:30"), max_lateness=30)
    house.clock.advance(hours=3, seconds=1)
    house.engine.drain()
    missed, following = house.entries()
    assert (missed.state, missed.why) == (State.MISSED, Why.LATE)
    assert (following.state, following.due) == (State.SCHEDULED, START.add(days=1, hours=2, minutes=30))
    (fact,) = house.engine.facts(kinds=["JobMissed"])
    assert fact.job == missed.id
    assert house.play.performed == []


def test_t15_a_run_that_makes_up_for_many_is_as_late_as_the_last_of_them() -> None:
    house = one()
    house.put(Daily(at="02:30"), max_lateness=60)
    house.clock.advance(days=30, hours=3)
    house.engine.drain()
    (entry,) = house.entries(states=State.COMPLETED)
    assert entry.missed == 31


def test_t15_what_waits_for_its_window_is_late_from_its_opening_on() -> None:
    house = one()
    house.put(Daily(at="02:30"), window=TimeWindow("* 20-23 * * *"), max_lateness=60)
    house.clock.advance(hours=20, minutes=59)
    house.engine.drain()
    assert len(ran(house)) == 1


def test_t15_a_fired_job_may_be_too_late_and_a_demanded_one_never() -> None:
    house = one()
    task = house.put(AfterCheckIn(), OnDemand(), max_lateness=30)
    house.engine.emit(CheckedIn("r1"))
    house.engine.demand(task.id, "r1", by="ann")
    house.clock.advance(hours=1)
    house.engine.drain()
    assert [(entry.kind, entry.state) for entry in house.entries()] == [(Kind.FIRED, State.MISSED), (Kind.DEMAND, State.COMPLETED)]


def test_t15_an_occurrence_that_somebody_runs_by_hand_is_never_too_late() -> None:
    house = one()
    house.put(Daily(at="02:30"), max_lateness=30)
    house.clock.advance(hours=5)
    house.engine.run_now(waiting(house).id, by="ann")
    house.engine.drain()
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.SCHEDULED]


def test_t15_what_has_begun_in_time_goes_on_however_late_it_is_by_then() -> None:
    house = one()
    house.put(Daily(at="02:30"), max_lateness=30)
    house.play.says("r1", NotNow(START.add(hours=5), "busy"))
    house.clock.advance(hours=2, minutes=30)
    house.engine.drain()
    house.clock.advance(hours=3)
    house.engine.drain()
    assert (house.play.count("r1"), house.entries()[0].state) == (2, State.COMPLETED)


# T16


def test_t16_a_rule_counts_from_the_day_on_which_its_task_is_saved() -> None:
    house = one()
    house.put(Daily(every=3, at="02:30"))
    dues = []
    for _ in range(3):
        dues.append(waiting(house).due)
        house.clock.jump(dues[-1])
        house.engine.drain()
    assert dues == [START.add(days=days, hours=2, minutes=30) for days in (0, 3, 6)]


def test_t16_an_edit_of_something_else_leaves_the_anchor_where_it_is() -> None:
    house = one()
    task = house.put(Daily(every=3, at="02:30"), Minutely(7))
    house.clock.advance(days=1, minutes=1)
    before = house.engine.task(task.id).policies
    after = edit(house, task, description="new")
    assert after.policies == before


def test_t16_without_a_time_it_is_midnight_in_the_zone_or_the_next_opening_of_the_window() -> None:
    house = one()
    task = house.put(Daily(tz=BERLIN))
    assert waiting(house).due == pendulum.datetime(2026, 3, 2, 23, tz="UTC")
    edit(house, task, window=TimeWindow("* 4 * * *", tz=BERLIN))
    assert waiting(house).due == pendulum.datetime(2026, 3, 3, 3, tz="UTC")


# T17


def test_t17_ten_thousand_records_never_start_in_one_second() -> None:
    house = House(*(Record(f"r{number}", "unix") for number in range(10_000)))
    house.put(Daily(at="02:00"), spread=Spread(60))
    dues = [entry.due for entry in house.entries()]
    assert len(dues) == 10_000
    per_second = Counter(dues)
    assert max(per_second.values()) < 15
    per_minute = Counter((due - START.add(hours=2)).in_minutes() for due in dues)
    assert set(per_minute) == set(range(60))
    assert 100 < min(per_minute.values()) <= max(per_minute.values()) < 240


def test_t17_a_record_has_the_same_place_each_day_and_in_each_process() -> None:
    house = one()
    house.put(Daily(at="02:00"), spread=Spread(60))
    first = waiting(house).due
    house.clock.jump(first)
    house.enter().drain()
    assert waiting(house).due == first.add(days=1)
    assert first > START.add(hours=2)


def test_t17_the_span_lies_inside_the_window() -> None:
    house = House(*(Record(f"r{number}", "unix") for number in range(200)))
    house.put(Daily(at="02:00"), spread=Spread(600), window=TimeWindow("0-29 3 * * *"))
    dues = [entry.due for entry in house.entries()]
    assert START.add(hours=3) <= min(dues)
    assert START.add(hours=3, minutes=25) < max(dues) < START.add(hours=3, minutes=30)


def test_t17_after_a_downtime_they_are_laid_out_again_and_do_not_start_all_at_once() -> None:
    house = House(*(Record(f"r{number}", "unix") for number in range(1000)))
    house.put(Daily(at="02:00"), spread=Spread(60))
    house.clock.advance(hours=10)
    house.engine.drain()
    assert len(ran(house)) < 15
    for _ in range(60):
        house.clock.advance(minutes=1)
        house.engine.drain()
    started = Counter(entry.started for entry in house.entries(states=State.COMPLETED))
    assert sum(started.values()) == 1000
    assert max(started.values()) < 40
    assert {entry.why for entry in house.entries(states=State.SCHEDULED)} == {None}


def test_t17_a_window_that_opens_is_no_starting_gun() -> None:
    house = House(*(Record(f"r{number}", "unix") for number in range(300)))
    house.put(Daily(at="02:00"), spread=Spread(60), window=TimeWindow("* 2 * * *"))
    house.clock.advance(hours=10)
    house.engine.drain()
    dues = Counter(entry.due.start_of("minute") for entry in house.entries(states=State.DEFERRED))
    assert len(dues) > 50
    assert START.add(days=1, hours=2) <= min(dues) < max(dues) < START.add(days=1, hours=3)
    house.clock.jump(START.add(days=1, hours=2, minutes=59, seconds=59))
    house.engine.drain()
    assert len(ran(house)) == 300


def test_t17_laying_out_makes_no_run_too_late() -> None:
    house = House(*(Record(f"r{number}", "unix") for number in range(100)))
    house.put(Daily(at="02:00"), spread=Spread(60), max_lateness=90)
    house.clock.advance(hours=3, minutes=40)
    house.engine.drain()
    missed = len(house.entries(states=State.MISSED))
    assert 0 < missed < 40  # those whose places were the first
    while laid_out := house.entries(states=State.DEFERRED):
        house.clock.jump(min(entry.due for entry in laid_out))
        house.engine.drain()
    states = {State.MISSED: missed, State.COMPLETED: 100 - missed, State.SCHEDULED: 100}
    assert Counter(entry.state for entry in house.entries()) == states


def test_t17_who_runs_it_now_waits_for_no_place() -> None:
    house = one()
    house.put(Daily(at="02:00"), spread=Spread(60))
    house.clock.advance(hours=10)
    house.engine.run_now(waiting(house).id, by="ann")
    house.engine.drain()
    assert len(ran(house)) == 1


# J5


def test_j05_the_start_of_an_occurrence_plans_the_next_one_and_its_end_plans_none() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    seen: list[list[State]] = []

    def perform(run: Run) -> Outcome:
        seen.append([entry.state for entry in house.entries()])
        return DONE

    house.play.says("r1", perform)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert seen == [[State.RUNNING, State.SCHEDULED]]
    assert len(house.entries()) == 2


def test_j05_an_edit_between_claim_and_start_starts_what_was_edited() -> None:
    house = one()
    task = house.put(Daily(at="02:30"))
    house.clock.advance(hours=3)
    once = [True]

    def change(claimed: Any) -> None:
        if claimed and once:
            once.clear()
            edit(house, task, Daily(at="04:00"))

    house.enter(storage=Interleaved(house.storage.join(), claim=change)).work()
    house.engine.drain()
    kept = [house.storage.job(entry.id) for entry in house.entries()]
    assert {job.planned_for for job in kept if job} == {2}
    assert waiting(house).due == START.add(hours=4)


def test_j05_an_edit_while_it_is_missed_or_canceled_plans_one_successor_by_the_new_rule() -> None:
    house = one()
    task = house.put(Daily(at="02:30"), max_lateness=10)
    house.clock.advance(hours=3)
    once = [True]

    def change(found: Any) -> None:
        if once and house.entries()[0].state is State.QUEUED:
            once.clear()
            edit(house, task, Daily(at="04:00"))

    house.enter(storage=Interleaved(house.storage.join(), document=change)).work()
    house.engine.drain()
    assert waiting(house).due == START.add(hours=4)


def test_j05_a_fire_makes_no_second_job_whoever_plans_it() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    for _ in range(3):
        house.enter().reconcile()
        house.engine.emit(RecordCreated("r1"))
    assert len(house.entries()) == 1


def test_j05_an_occurrence_of_another_record_is_no_fire_of_the_targets_own() -> None:
    house = House(Record("root", "unix"), Record("a", "web", reference="root"))
    house.engine.define(RecordType("web"))
    house.engine.put(Task("work it", "work", Daily(at="02:30")), list=UNIX)
    house.engine.put(Task("work it", "work", Daily(at="02:30"), target=Target.REFERENCED), list=of_type("web"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.performed == [("work", "root")] * 2
    assert {entry.triggered_by is None for entry in house.entries(states=State.COMPLETED)} == {True, False}


def test_j05_an_error_never_ends_the_cadence() -> None:
    house = one()
    house.put(Daily(at="02:30"))
    house.play.always["r1"] = NotDone(ErrorClass.PERMISSION)
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert [entry.state for entry in house.entries()] == [State.ERROR] * 3 + [State.SCHEDULED]


def test_j05_a_clock_that_was_a_day_ahead_does_not_stop_the_cadence() -> None:
    house = one()
    house.put(Hourly())
    for _ in range(24):
        house.clock.advance(hours=1)
        house.engine.drain()
    house.clock.jump(START.add(minutes=30))
    runs = house.play.count("r1")
    for _ in range(60):
        house.clock.advance(minutes=30)
        house.engine.drain()
    assert house.play.count("r1") > runs
    assert max(Counter(ran(house)).values()) == 1


# many at once


class Asked(MemoryStorage):
    """Notes which documents are asked for one by one."""

    def __init__(self, of: MemoryStorage) -> None:
        super().__init__(of._tables)
        self.singly: list[str] = []

    def document(self, table: str, id: str) -> Document | None:
        self.singly.append(table)
        return super().document(table, id)

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        return {id: found for id in ids if (found := super(Asked, self).document(table, id)) is not None}


class Interrupted(MemoryStorage):
    """Somebody else does something once, right after standings were looked up."""

    def __init__(self, of: MemoryStorage, then: Callable[[], object]) -> None:
        super().__init__(of._tables)
        self._then: list[Callable[[], object]] = [then]

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        found = super().several(table, ids)
        while table == "standing" and self._then:
            self._then.pop()()
        return found


def test_r01_an_edit_asks_for_the_standings_of_many_records_at_once() -> None:
    house = House(*hosts(30))
    task, storage = house.put(Daily(at="02:00")), Asked(house.storage)
    house.enter(storage=storage).edit(evolve(task, policies=[Daily(at="03:00")]))
    assert len(house.entries(states=State.SCHEDULED)) == 30
    assert {entry.due.hour for entry in house.entries(states=State.SCHEDULED) if entry.due is not None} == {3}
    assert storage.singly.count("standing") == 0


def test_t13_a_next_run_that_is_set_while_an_edit_plans_stands() -> None:
    """The edit looked at the standing before, and at the job."""
    house = House(*hosts(3))
    task, at = house.put(Daily(at="02:00")), START.add(hours=9)
    storage = Interrupted(house.storage, lambda: house.engine.set_next_run(task.id, at, "h02"))
    house.enter(storage=storage).edit(evolve(task, policies=[Daily(at="03:00")]))
    assert {entry.record: entry.due for entry in house.entries(states=State.SCHEDULED)}["h02"] == at
