"""Fallback (J7): what is tried again, when, how often; what ends it; what takes its place; and what suspends instead."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Entry, Limits, Settings
from taskkit.events import Daily, Hourly, TimeWindow
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, NotNow, Unknown
from taskkit.selections import Everything
from taskkit.states import PENDING, State, Step
from taskkit.tasks import Fallback, Task
from tests.engine.houses import UNIX, House, Play, Watched, does, hosts, scripted, steps
from tests.engine.stores import Noting

DOWN = NotDone(ErrorClass.UNREACHABLE, "no route")
USUAL = Fallback(minutes=30, cycles=3)
RULES = (Daily(at="02:00"), AfterCheckIn(), OnDemand())


def failing(fallback: Fallback | None = USUAL, rules: Any = RULES, own: Fallback | None = None, **given: Any) -> House:
    """At 02:00 its first run has failed."""
    house = House(*hosts(1), settings=Settings(fallback=fallback))
    house.engine.put(Task("nightly", "work", rules, fallback=own, **given), list=UNIX)
    house.play.always["h01"] = DOWN
    house.clock.advance(hours=2)
    house.engine.drain()
    return house


def nightly(house: House) -> str:
    return house.engine.tasks(UNIX)[0].id


def retries(house: House) -> list[Entry]:
    return house.entries(kinds=Kind.FALLBACK)


def waiting(house: House) -> Entry:
    (found,) = house.entries(kinds=Kind.FALLBACK, states=PENDING)
    return found


def passes(house: House, **time: float) -> None:
    house.clock.advance(**time)
    house.engine.drain()


# how often, and when


def test_j07_a_retry_is_a_stored_job_of_its_own_due_so_long_after_the_end_of_the_last_attempt() -> None:
    house = House(*hosts(1), settings=Settings(fallback=Fallback(minutes=30)))
    house.engine.put(Task("nightly", "work", RULES), list=UNIX)
    house.play.says("h01", does(lambda run: house.clock.advance(seconds=40), DOWN))
    passes(house, hours=2)
    retry = waiting(house)
    assert (retry.kind, retry.state, retry.attempt) == (Kind.FALLBACK, State.SCHEDULED, 2)
    assert retry.due == house.entries()[0].ended.add(minutes=30)  # type: ignore[union-attr]
    assert house.entries()[0].ended == house.clock.moment


def test_j07_it_is_tried_as_many_times_as_there_are_cycles_and_then_told_and_the_cadence_goes_on() -> None:
    house = failing()
    for _ in range(10):
        passes(house, minutes=30)
    assert house.play.count("h01") == 4
    assert [entry.attempt for entry in retries(house)] == [2, 3, 4]
    (ended,) = house.engine.facts(kinds=["FallbackEnded"])
    assert ended.details == {"series": house.entries()[0].id, "cycles": 3}
    passes(house, hours=24)
    assert house.play.count("h01") == 5
    assert [entry.state for entry in house.entries(kinds=Kind.OCCURRENCE)] == [State.ERROR, State.ERROR, State.SCHEDULED]


def test_j07_a_later_failure_begins_a_series_of_its_own() -> None:
    house = failing(Fallback(minutes=30, cycles=1))
    passes(house, minutes=30)
    passes(house, hours=24)
    assert waiting(house).attempt == 2


def test_j07_without_a_fallback_nothing_is_tried_again() -> None:
    house = failing(None)
    passes(house, hours=20)
    assert (house.play.count("h01"), retries(house)) == (1, [])


def test_j07_a_tasks_own_fallback_goes_before_the_global_one() -> None:
    house = failing(Fallback(minutes=30, cycles=9), own=Fallback(minutes=5, cycles=1))
    assert waiting(house).due == house.clock.moment.add(minutes=5)
    passes(house, minutes=5)
    passes(house, hours=10)
    assert house.play.count("h01") == 2


def test_j07_a_retry_waits_for_the_fallbacks_own_window_and_uses_no_cycle_there() -> None:
    house = failing(Fallback(minutes=30, cycles=2, window=TimeWindow("* 4-5 * * *", tz="UTC")))
    assert waiting(house).due.hour == 4
    passes(house, hours=1)
    assert house.play.count("h01") == 1
    passes(house, hours=1)
    passes(house, minutes=30)
    assert house.play.count("h01") == 3
    assert [entry.attempt for entry in retries(house)] == [2, 3]


def test_j07_a_retry_outside_the_tasks_window_waits_and_uses_no_cycle() -> None:
    house = failing(Fallback(minutes=120, cycles=2), window=TimeWindow("* 2-3 * * *", tz="UTC"), rules=[Daily(at="02:00", every=7)])
    passes(house, hours=3)
    retry = waiting(house)
    assert (retry.state, retry.why, retry.attempt, house.play.count("h01")) == (State.DEFERRED, "window", 2, 1)
    passes(house, hours=21)
    assert house.play.count("h01") == 2
    assert waiting(house).attempt == 3


def test_j07_a_busy_retry_waits_and_uses_no_cycle() -> None:
    settings = Settings(fallback=Fallback(minutes=30, cycles=1), limits=Limits(pools={"local": 1}), lease=3600)
    house = House(*hosts(2), settings=settings)
    house.engine.put(Task("nightly", "work", RULES), list=UNIX)
    house.play.says("h01", DOWN)
    passes(house, hours=2)
    busy: list[Any] = []

    def takes_long(run: Any) -> Any:
        passes(house, minutes=30)
        busy.append(waiting(house))
        return DONE

    house.play.says("h02", takes_long)
    house.engine.demand(nightly(house), "h02")
    house.engine.drain()
    assert (busy[0].state, busy[0].why, busy[0].attempt) == (State.DEFERRED, "busy", 2)
    assert (retries(house)[0].state, retries(house)[0].attempt) == (State.COMPLETED, 2)


# what ends it


def test_j07_a_retry_that_succeeds_ends_the_series() -> None:
    house = failing()
    house.play.says("h01", DONE)
    passes(house, minutes=30)
    passes(house, hours=12)
    assert house.play.count("h01") == 2
    assert retries(house)[-1].state is State.COMPLETED
    assert house.kinds(kinds=["FallbackEnded"]) == []


def test_j07_the_success_of_a_run_by_hand_ends_it() -> None:
    house = failing()
    house.play.says("h01", DONE)
    demanded = house.engine.demand(nightly(house), "h01")
    house.engine.drain()
    assert (retries(house)[0].state, retries(house)[0].into) == (State.MERGED, demanded)
    passes(house, hours=12)
    assert house.play.count("h01") == 2


def test_j07_a_run_by_hand_ends_it_even_where_that_fails() -> None:
    house = failing()
    house.engine.demand(nightly(house), "h01")
    house.engine.drain()
    passes(house, hours=12)
    assert house.play.count("h01") == 2
    assert [entry.state for entry in retries(house)] == [State.MERGED]


def test_j07_a_retry_that_is_run_by_hand_is_the_last_of_its_series() -> None:
    house = failing()
    house.engine.run_now(waiting(house).id, by="anna")
    passes(house, hours=12)
    assert house.play.count("h01") == 2
    assert [entry.state for entry in retries(house)] == [State.ERROR]


def test_j07_a_retry_that_is_canceled_ends_the_series_and_the_cadence_goes_on() -> None:
    house = failing()
    house.engine.cancel(waiting(house).id, by="anna")
    passes(house, hours=12)
    assert house.play.count("h01") == 1
    passes(house, hours=12)
    assert house.play.count("h01") == 2


def test_j07_an_edit_ends_it() -> None:
    house = failing()
    house.engine.edit(evolve(house.engine.tasks(UNIX)[0], description="other"))
    assert (retries(house)[0].state, retries(house)[0].why) == (State.CANCELED, "edited")
    passes(house, hours=12)
    assert house.play.count("h01") == 1


@pytest.mark.parametrize("change", ["edit", "deactivate", "remove"])
@pytest.mark.parametrize("when", ["while it runs", "while its end is written"])
def test_j07_what_was_edited_before_the_attempt_ended_is_not_tried_again(change: str, when: str) -> None:
    house = House(*hosts(1), settings=Settings(fallback=Fallback(minutes=30)))
    house.engine.put(Task("nightly", "work", RULES), list=UNIX)

    def edits() -> None:
        task = house.engine.tasks(UNIX)[0]
        if change == "edit":
            house.engine.edit(evolve(task, description="other"))
        elif change == "remove":
            house.engine.remove(task.id)
        else:
            house.engine.deactivate(task.id)

    watched, noting = Watched(house.storage), Noting(house.storage)
    if when == "while it runs":
        house.play.says("h01", does(lambda run: edits(), DOWN))
    else:
        house.play.says("h01", DOWN)
        watched.before(steps(Step.FAIL), edits)
    house.clock.advance(hours=2)
    house.enter(storage=noting if when == "while it runs" else watched).drain()
    assert house.entries()[0].state is State.ERROR
    assert all(all(one.landed) for one in noting.with_step(Step.FAIL))
    assert retries(house) == []


def test_j07_a_series_that_met_another_kind_of_failure_is_told_as_ended() -> None:
    house = failing()
    house.play.says("h01", NotDone(ErrorClass.PERMISSION))
    passes(house, minutes=30)
    passes(house, hours=12)
    assert house.play.count("h01") == 2
    assert house.kinds(kinds=["FallbackEnded"]) == ["FallbackEnded"]


def test_j07_what_goes_on_after_a_wait_ends_the_retry_of_its_follow_up() -> None:
    """An attempt of today waits (not now) while the follow-up fails: its own end is an end of the series, too."""
    house = House(*hosts(1), settings=Settings(fallback=Fallback(minutes=240)))
    house.engine.put(Task("hourly", "work", [Hourly()]), list=UNIX)
    house.play.says("h01", NotNow(house.clock.moment.add(hours=2, minutes=30)), DOWN)
    passes(house, hours=1)
    passes(house, hours=1)
    assert waiting(house).due.hour == 6
    house.play.says("h01", DONE)
    passes(house, minutes=30)
    assert house.entries()[0].state is State.COMPLETED
    assert retries(house)[0].state is State.MERGED


def test_p04_what_goes_on_after_a_wait_does_not_answer_for_what_joined_the_retry_beside_it() -> None:
    """It turned before that happened: the retry stays, with its happening."""
    house = House(*hosts(1), settings=Settings(fallback=Fallback(minutes=240)))
    house.engine.put(Task("hourly", "work", [Hourly(), AfterCheckIn()]), list=UNIX)
    house.play.says("h01", NotNow(house.clock.moment.add(hours=1, minutes=30)), DOWN)
    passes(house, hours=1)
    goes_on = house.entries()[0].id
    house.engine.emit(CheckedIn("h01"))
    passes(house, minutes=1)
    [retry] = retries(house)
    assert house.engine.emit(CheckedIn("h01")) == [retry.id]
    passes(house, minutes=29)
    assert house.engine.job(goes_on).state is State.COMPLETED
    assert house.storage.causes(goes_on) == ()
    assert [cause.kind for cause in house.storage.causes(retry.id)] == ["checked_in"]


# what takes its place


def test_j07_an_occurrence_that_comes_due_while_a_retry_waits_is_the_next_cycle() -> None:
    house = House(*hosts(1), settings=Settings(fallback=Fallback(minutes=90, cycles=3)))
    house.engine.put(Task("hourly", "work", [Hourly()]), list=UNIX)
    house.play.always["h01"] = DOWN
    passes(house, hours=1)
    assert waiting(house).attempt == 2
    passes(house, hours=1)
    assert (retries(house)[0].state, retries(house)[0].into) == (State.MERGED, house.entries(kinds=Kind.OCCURRENCE)[1].id)
    assert house.entries(kinds=Kind.OCCURRENCE)[1].attempt == 2
    assert waiting(house).attempt == 3
    passes(house, hours=1)
    passes(house, hours=1)
    assert house.kinds(kinds=["FallbackEnded"]) == ["FallbackEnded"]
    assert house.play.count("h01") == 4
    house.play.says("h01", DOWN)
    passes(house, hours=1)
    assert waiting(house).attempt == 2


def test_j07_a_trigger_while_a_retry_waits_takes_its_place() -> None:
    house = failing()
    house.play.says("h01", DONE)
    house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.drain()
    assert house.play.count("h01") == 2
    (retry,) = retries(house)
    assert (retry.state, retry.attempt, retry.reasons[0]) == (State.COMPLETED, 2, "after check-in (checked_in)")


def test_j07_a_follow_up_that_waits_already_is_the_next_cycle() -> None:
    house = House(*hosts(1), settings=Settings(fallback=Fallback(minutes=30, cycles=1)))
    house.engine.put(Task("nightly", "work", RULES), list=UNIX)

    def happens(run: Any) -> Any:
        house.engine.emit(CheckedIn("h01", approval="a1"))
        return DOWN

    house.play.says("h01", happens, DOWN)
    house.clock.advance(hours=2)
    house.engine.work()
    follow_up = house.entries(kinds=Kind.FIRED)[0]
    assert (follow_up.attempt, retries(house)) == (2, [])
    house.engine.drain()
    assert house.engine.job(follow_up.id).state is State.ERROR
    assert retries(house) == []
    assert house.kinds(kinds=["FallbackEnded"]) == ["FallbackEnded"]


# what suspends


@pytest.mark.parametrize("error", [ErrorClass.WRONG_CREDENTIALS, ErrorClass.ACCOUNT_LOCKED])
def test_j07_wrong_credentials_and_a_locked_account_suspend_until_somebody_resumes(error: ErrorClass) -> None:
    house = failing()
    house.play.says("h01", NotDone(error))
    passes(house, minutes=30)
    passes(house, days=3)
    assert house.play.count("h01") == 2
    (fact,) = house.engine.facts(kinds=["TaskSuspended"])
    assert (fact.record, fact.details) == ("h01", {"why": error.value})
    house.play.always["h01"] = DONE
    house.engine.resume_task(nightly(house), "h01")
    house.engine.drain()
    assert house.play.count("h01") == 3


def test_j07_one_records_suspension_is_no_other_records() -> None:
    house = House(*hosts(2))
    house.engine.put(Task("nightly", "work", RULES), list=UNIX)
    house.play.says("h01", NotDone(ErrorClass.ACCOUNT_LOCKED))
    for _ in range(3):
        passes(house, days=1)
    assert (house.play.count("h01"), house.play.count("h02")) == (1, 3)


def test_j07_an_uncertain_end_suspends_and_keeps_the_retry_away() -> None:
    play = Play()
    blind = scripted(play, "blind", effect=Effect.BLIND)
    house = House(*hosts(1), play=play, scripts=[blind], settings=Settings(fallback=Fallback(minutes=30)))
    house.engine.define(blind("touch"))
    house.engine.put(Task("nightly", "touch", RULES), list=UNIX)
    play.always["h01"] = Unknown("cut off")
    passes(house, hours=2)
    passes(house, days=2)
    assert play.count("h01") == 1
    assert house.entries()[0].state is State.UNCERTAIN
    assert house.kinds(kinds=["TaskSuspended"]) == ["TaskSuspended"]


@pytest.mark.parametrize("error", sorted(set(ErrorClass) - {ErrorClass.WRONG_CREDENTIALS, ErrorClass.ACCOUNT_LOCKED}))
def test_j07_nothing_else_suspends(error: ErrorClass) -> None:
    house = failing(None)
    house.play.always["h01"] = NotDone(error)
    passes(house, days=2)
    assert house.kinds(kinds=["TaskSuspended"]) == []
    assert house.play.count("h01") == 2


@pytest.mark.parametrize("whole", [True, False])
def test_j01_a_task_is_suspended_whole_or_for_one_record(whole: bool) -> None:
    house = House(*hosts(2))
    task = house.engine.put(Task("nightly", "work", RULES), list=UNIX)
    house.engine.suspend_task(task.id, None if whole else "h01")
    passes(house, days=1)
    assert (house.play.count("h01"), house.play.count("h02")) == (0, 0 if whole else 1)
    house.engine.resume_task(task.id, None if whole else "h01")
    house.engine.drain()
    assert (house.play.count("h01"), house.play.count("h02")) == (1, 1)


def test_j01_resuming_the_whole_task_leaves_one_record_suspended_on_its_own() -> None:
    house = House(*hosts(2))
    task = house.engine.put(Task("nightly", "work", RULES), list=UNIX)
    house.engine.suspend_task(task.id)
    house.engine.suspend_task(task.id, "h01", why="maintenance")
    passes(house, days=1)
    house.engine.resume_task(task.id)
    house.engine.drain()
    assert (house.play.count("h01"), house.play.count("h02")) == (0, 1)


# what is not tried again


@pytest.mark.parametrize("error", [ErrorClass.BAD_CONFIGURATION, ErrorClass.PERMISSION, ErrorClass.REFUSED])
def test_j07_what_stays_wrong_is_not_tried_again(error: ErrorClass) -> None:
    house = failing(Fallback(minutes=30), rules=[Daily(at="05:00")])
    house.play.always["h01"] = NotDone(error)
    passes(house, hours=3)
    passes(house, hours=10)
    assert (house.play.count("h01"), retries(house)) == (1, [])


@pytest.mark.parametrize("error", [ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.BUSY])
@pytest.mark.parametrize("effect", Effect)
def test_j07_what_was_not_begun_is_tried_again_whatever_its_effect(error: ErrorClass, effect: Effect) -> None:
    play = Play()
    kind = scripted(play, "touchy", effect=effect)
    house = House(*hosts(1), play=play, scripts=[kind], settings=Settings(fallback=Fallback(minutes=30)))
    house.engine.define(kind("touch"))
    house.engine.put(Task("nightly", "touch", RULES), list=UNIX)
    play.says("h01", NotDone(error))
    passes(house, hours=2)
    passes(house, minutes=30)
    assert play.count("h01") == 2


def test_r06_a_part_is_tried_again_where_its_task_says_so_and_stays_a_part() -> None:
    house = House(*hosts(2), settings=Settings(fallback=Fallback(minutes=5)))
    task = Task("all", "work", [Daily(at="02:00")], selection=Everything(), fallback=Fallback(minutes=30, cycles=1))
    house.play.says("h01", DOWN)
    house.engine.put(task, next_run=house.clock.moment.add(hours=2))
    passes(house, hours=2)
    conductor = next(entry for entry in house.entries(kinds=Kind.OCCURRENCE))
    retry = waiting(house)
    assert (retry.execution, retry.due) == (conductor.id, house.clock.moment.add(minutes=30))
    passes(house, minutes=30)
    assert house.engine.job(conductor.id).state is State.COMPLETED


def test_p05_a_retry_keeps_the_path_that_led_to_the_first_attempt() -> None:
    house = failing(rules=RULES)
    house.engine.emit(CheckedIn("h01", approval="a1", origin=["another"]))
    house.engine.drain()
    origins: list[Any] = []
    house.play.says("h01", does(lambda run: origins.append(run.origin), DONE))
    passes(house, minutes=30)
    assert "another" in origins[0]
