"""When a job may start: windows and blackouts where it is planned, and again where it starts (R5, J12)."""

from __future__ import annotations

import pendulum
import pytest
from attrs import evolve

from taskkit.engine import Entry
from taskkit.errors import NarrowWindow, NeverFires, NotAllowed
from taskkit.events import Daily, Minutely, OpenTime, TimeWindow
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.events.windows import Window
from taskkit.jobs import Job
from taskkit.outcomes import DONE, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import PENDING, State
from taskkit.storage import Query
from taskkit.tasks import Fallback, Task
from tests.engine.houses import START, UNIX, House, kept

NIGHT = TimeWindow("* 22-23 * * *")
NOON = Daily(at="12:00")
BERLIN = "Europe/Berlin"


def house_with(window: Window | None, *policies: object, start: pendulum.DateTime = START, **said: object) -> tuple[House, Task]:
    house = House(Record("h01", "unix"), start=start)
    task = Task("t", "work", list(policies) or [NOON], window=window, **said)  # type: ignore[arg-type]
    return house, house.engine.put(task, list=UNIX)


def waiting(house: House) -> Job:
    (job,) = house.storage.jobs(Query(states=PENDING)).jobs
    return job


def due(house: House, tz: str = "UTC") -> str:
    return house.engine.job(waiting(house).id).due.in_timezone(tz).format("YYYY-MM-DD HH:mm:ss")


def last(house: House) -> Entry:
    return [entry for entry in house.entries() if entry.started is not None][-1]


def began(house: House, tz: str = "UTC") -> str:
    started = last(house).started
    assert started is not None
    return started.in_timezone(tz).format("YYYY-MM-DD HH:mm:ss")


# where it is planned


def test_r05_an_occurrence_is_planned_at_the_next_opening() -> None:
    house, _ = house_with(NIGHT)
    assert due(house) == "2026-03-02 22:00:00"
    assert waiting(house).nominal == "2026-03-02T12:00 UTC"  # its name stays


def test_r05_an_occurrence_inside_the_window_is_due_at_its_time() -> None:
    house, _ = house_with(TimeWindow("* 11-13 * * *"))
    assert due(house) == "2026-03-02 12:00:00"


def test_r05_blackouts_beat_windows() -> None:
    house, _ = house_with(OpenTime(NIGHT, [TimeWindow("* * 2 3 *"), TimeWindow("0-29 22 * * *")]))
    assert due(house) == "2026-03-03 22:30:00"


def test_r05_blackouts_need_no_window() -> None:
    house, _ = house_with(OpenTime(None, TimeWindow("* 12 * * *")))
    assert due(house) == "2026-03-02 13:00:00"


def test_r05_the_next_occurrence_is_planned_at_its_opening_too() -> None:
    house, _ = house_with(NIGHT)
    house.clock.advance(hours=22)
    house.engine.drain()
    assert (began(house), due(house)) == ("2026-03-02 22:00:00", "2026-03-03 22:00:00")


def test_r05_a_window_has_a_zone_of_its_own() -> None:
    house, _ = house_with(TimeWindow("* 22 * * *", tz=BERLIN))
    assert due(house, BERLIN) == "2026-03-02 22:00:00"


def test_r05_a_window_that_the_clock_jumps_over_opens_right_after_for_its_length() -> None:
    """On 29 March 2026 the clocks of Berlin go from 2 to 3."""
    start = pendulum.datetime(2026, 3, 28, 12, tz=BERLIN)
    house, _ = house_with(TimeWindow("0-29 2 * * *", tz=BERLIN), Daily(at="23:00", tz=BERLIN), start=start)
    assert due(house, BERLIN) == "2026-03-29 03:00:00"
    house.clock.advance(hours=14, minutes=29)  # 03:29
    house.engine.drain()
    assert began(house, BERLIN) == "2026-03-29 03:29:00"


def test_r05_after_its_nominal_length_that_opening_is_over() -> None:
    start = pendulum.datetime(2026, 3, 28, 12, tz=BERLIN)
    house, _ = house_with(TimeWindow("0-29 2 * * *", tz=BERLIN), Daily(at="23:00", tz=BERLIN), start=start)
    house.clock.advance(hours=14, minutes=30)  # 03:30
    house.engine.drain()
    assert (house.play.performed, due(house, BERLIN)) == ([], "2026-03-30 02:00:00")


# where it starts


def test_r05_a_job_that_comes_late_waits_for_the_next_opening_and_says_so() -> None:
    house, _ = house_with(TimeWindow("* 12 * * *"))
    house.clock.advance(hours=13)
    house.engine.drain()
    (entry,) = house.entries()
    assert (entry.state, entry.why, due(house)) == (State.DEFERRED, "window", "2026-03-03 12:00:00")
    assert [(fact.details["why"], fact.kind) for fact in house.engine.facts(kinds=["JobDeferred"])] == [("window", "JobDeferred")]


def test_r05_a_window_that_closed_in_the_queue_defers_the_job() -> None:
    """Claimed in its last second, and looked at in the next minute."""
    house, _ = house_with(TimeWindow("* 12 * * *"))
    house.clock.advance(hours=12, minutes=59, seconds=59)
    other = house.enter()
    now = house.clock.now()
    claimed = other.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 1)
    assert len(claimed) == 1
    house.clock.advance(seconds=1)
    house.engine.drain()  # its worker was lost; whoever has it now asks again
    assert house.play.performed == []
    assert due(house) == "2026-03-03 12:00:00"


@pytest.mark.parametrize(("minute", "runs"), [(0, 1), (59, 1), (60, 0)])
def test_r05_both_ends_are_minutes_in_which_it_may_start(minute: int, runs: int) -> None:
    house, _ = house_with(TimeWindow("* 12 * * *"))
    house.clock.advance(hours=12, minutes=minute)
    house.engine.drain()
    assert house.play.count("h01") == runs


def test_r05_a_blackout_that_begins_after_the_plan_is_seen_at_the_start() -> None:
    house, task = house_with(None, AfterCheckIn())
    house.engine.emit(CheckedIn("h01"))
    house.engine.edit(evolve(task, window=OpenTime(None, TimeWindow("* 0-5 * * *"))))
    house.engine.drain()
    assert (house.play.performed, waiting(house).why, due(house)) == ([], "window", "2026-03-02 06:00:00")
    house.clock.advance(hours=6)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_r05_a_happening_outside_the_window_waits_for_it() -> None:
    house, _ = house_with(NIGHT, AfterCheckIn())
    house.engine.emit(CheckedIn("h01"))
    house.engine.drain()
    assert (waiting(house).why, due(house)) == ("window", "2026-03-02 22:00:00")
    house.clock.advance(hours=22)
    house.engine.drain()
    assert began(house) == "2026-03-02 22:00:00"


def test_j06_a_demand_does_not_skip_the_window_unless_it_is_forced_by_a_right() -> None:
    house, task = house_with(NIGHT, OnDemand())
    house.engine.demand(task.id, "h01", by="anna")
    house.engine.drain()
    assert (house.play.performed, waiting(house).why) == ([], "window")
    house.vault.deny("anna", "force_run")
    with pytest.raises(NotAllowed, match="force_run"):
        house.engine.demand(task.id, "h01", by="anna", force=True)
    house.engine.demand(task.id, "h01", by="ben", force=True)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_r05_a_window_never_ends_what_runs() -> None:
    house, _ = house_with(TimeWindow("* 12 * * *"))
    house.clock.advance(hours=12, minutes=59)

    def long(run: Run) -> Outcome:
        house.clock.advance(hours=5)
        run.progress(1, 2)
        return DONE

    house.play.says("h01", long)
    house.engine.drain()
    assert last(house).state is State.COMPLETED


def test_r05_the_same_reason_again_is_a_count_and_no_news() -> None:
    house, _ = house_with(TimeWindow("* 12 * * *"))
    for _ in range(3):
        house.clock.advance(hours=24)
        house.clock.advance(hours=13 if house.clock.moment.hour == 0 else 0)
        house.engine.drain()
    assert (waiting(house).why, waiting(house).waits) == ("window", 2)
    assert house.kinds(kinds=["JobDeferred"]) == ["JobDeferred"]


def test_j07_a_retry_outside_the_window_waits_and_uses_no_cycle() -> None:
    house, _ = house_with(TimeWindow("* 12 * * *"), fallback=Fallback(120, 1))
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "down"))
    house.clock.advance(hours=12)
    house.engine.drain()
    house.clock.advance(hours=2)
    house.engine.drain()
    (retry,) = [entry for entry in house.entries() if entry.kind == "fallback"]
    assert (retry.state, retry.why, retry.attempt) == (State.DEFERRED, "window", 2)
    house.clock.advance(hours=22)
    house.engine.drain()
    assert house.play.count("h01") >= 2


def test_r05_what_passes_while_the_window_is_shut_is_one_run() -> None:
    house, _ = house_with(TimeWindow("* 12 * * *"), Minutely(60))
    house.clock.advance(hours=13)
    house.clock.advance(hours=23)
    house.engine.drain()
    assert house.play.count("h01") == 1
    assert last(house).missed > 30


# windows that make no sense


def test_r05_a_window_that_never_opens_is_refused_before_there_is_a_task() -> None:
    house, _ = house_with(NIGHT)
    before = kept(house.storage)
    with pytest.raises(NeverFires):
        house.engine.put(Task("u", "work", NOON, window=OpenTime(NIGHT, TimeWindow("* 20-23 * * *"))))
    assert kept(house.storage) == before


def test_r05_a_window_of_less_than_five_minutes_is_kept_and_works() -> None:
    with pytest.warns(NarrowWindow):
        window = TimeWindow("0-1 12 * * *")
    house, task = house_with(window)
    other = house.enter()  # it reads what is kept; a warning is an error here
    assert other.task(task.id).window == window
    house.clock.advance(hours=12, minutes=1)
    other.drain()
    assert house.play.count("h01") == 1
