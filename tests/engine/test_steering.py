"""What people do to jobs (J6): run now, by force, cancel, stop; and what none of it does to other jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Entry, Settings
from taskkit.errors import IllegalStep, NotAllowed, NotFound, OtherNode, Outdated, Refused
from taskkit.events import Daily, Hourly, Minutely, OpenTime, TimeWindow
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, Asks, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.runs import Run
from taskkit.selections import Everything
from taskkit.states import PENDING, State, Step
from taskkit.tasks import ConsentRule, Task, Waves
from tests.engine.houses import UNIX, Crash, House, Watched, does, hosts, steps

NIGHT = TimeWindow("* 2-4 * * *", tz="UTC")
RULES = (Daily(at="02:00"), AfterCheckIn(), OnDemand())


def house_of(rules: Any = RULES, count: int = 1, settings: Settings | None = None, **given: Any) -> House:
    house = House(*hosts(count), settings=settings)
    house.engine.put(Task("nightly", "work", rules, **given), list=UNIX, by="anna")
    return house


def task(house: House) -> Task:
    return house.engine.tasks(UNIX)[0]


def occurrences(house: House) -> list[Entry]:
    return house.entries(kinds=Kind.OCCURRENCE)


def waiting(house: House) -> Entry:
    (found,) = house.entries(kinds=Kind.OCCURRENCE, states=PENDING)
    return found


# run now


def test_j06_run_brings_exactly_that_job_forward_and_uses_up_its_occurrence() -> None:
    house = house_of(count=2)
    job = next(entry for entry in occurrences(house) if entry.record == "h01")
    house.engine.run_now(job.id, by="anna")
    house.engine.drain()
    assert (house.play.count("h01"), house.play.count("h02")) == (1, 0)
    assert house.engine.job(job.id).state is State.COMPLETED
    after = next(entry for entry in occurrences(house) if entry.record == "h01" and entry.state in PENDING)
    assert (after.due.day, after.due.hour) == (3, 2)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert (house.play.count("h01"), house.play.count("h02")) == (1, 1)


def test_j06_later_occurrences_stay_where_they_are_however_often_it_is_run() -> None:
    house = house_of([Hourly()])
    for _ in range(10):
        house.engine.run_now(waiting(house).id)
        house.engine.drain()
    assert waiting(house).due == house.clock.moment.add(hours=11)
    house.clock.advance(hours=10, minutes=59)
    assert house.engine.drain() == 0


@pytest.mark.parametrize("change", ["edit", "set_next_run", "cancel"])
def test_j06_after_ten_runs_ahead_an_edit_a_next_run_and_a_cancel_still_find_a_place(change: str) -> None:
    """The nominals that come next have had their runs: nothing may end, or go in circles, because of that."""
    house = house_of([Hourly()])
    for _ in range(10):
        house.engine.run_now(waiting(house).id)
        house.engine.drain()
    if change == "edit":
        house.engine.edit(evolve(task(house), description="other"))
    elif change == "set_next_run":
        house.engine.set_next_run(task(house).id, house.clock.moment.add(minutes=30), "h01")
        house.engine.set_next_run(task(house).id, None, "h01")
    else:
        house.engine.cancel(waiting(house).id)
    assert house.clock.moment < waiting(house).due
    house.clock.advance(hours=14)
    house.engine.drain()
    assert house.play.count("h01") == 11
    assert waiting(house).due > house.clock.moment
    assert len({entry.nominal for entry in occurrences(house)}) == len(occurrences(house))


def test_j06_a_cancel_finds_the_first_time_that_has_not_had_its_run() -> None:
    house = house_of([Hourly()])
    for _ in range(3):
        house.engine.run_now(waiting(house).id)
        house.engine.drain()
    house.engine.edit(evolve(task(house), policies=[Minutely(every=30)]))
    assert waiting(house).due == house.clock.moment.add(minutes=30)
    for minutes in (90, 150, 210):
        house.engine.cancel(waiting(house).id)
        assert waiting(house).due == house.clock.moment.add(minutes=minutes)


BLACKOUT = OpenTime(TimeWindow("* * * * *", tz="UTC"), blackouts=[TimeWindow("* 0-1 * * *", tz="UTC")])


@pytest.mark.parametrize("window", [NIGHT, BLACKOUT], ids=["window", "blackout"])
def test_j06_run_skips_neither_window_nor_blackout(window: Any) -> None:
    house = house_of(window=window)
    house.engine.run_now(waiting(house).id, by="anna")
    house.engine.drain()
    assert (waiting(house).why, house.play.performed) == ("window", [])
    house.clock.advance(hours=2)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_j06_run_does_not_skip_the_consent() -> None:
    house = house_of(consent=ConsentRule(1))
    job = waiting(house).id
    house.engine.run_now(job, by="anna")
    house.engine.drain()
    assert (house.engine.job(job).state, house.play.performed) == (State.AWAITING_CONSENT, [])
    with pytest.raises(IllegalStep):
        house.engine.run_now(job, by="anna")
    house.engine.consent(job, by="bob")
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_j06_by_force_it_skips_window_and_consent_and_that_is_a_fact() -> None:
    house = house_of(window=NIGHT, consent=ConsentRule(2))
    job = waiting(house).id
    house.engine.run_now(job, by="anna", force=True)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    (fact,) = house.engine.facts(kinds=["RunAsked"])
    assert (fact.who, fact.job, fact.details["forced"]) == ("anna", job, True)


def test_j06_by_force_a_job_that_waits_for_consent_runs() -> None:
    house = house_of(consent=ConsentRule(2))
    job = house.engine.demand(task(house).id, "h01", by="bob")
    house.engine.drain()
    assert house.engine.job(job).state is State.AWAITING_CONSENT
    house.engine.run_now(job, by="anna", force=True)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_j06_a_demand_by_force_skips_window_and_consent() -> None:
    house = house_of(window=NIGHT, consent=ConsentRule(2))
    job = house.engine.demand(task(house).id, "h01", by="anna", force=True)
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


def test_j06_force_shows_nobody_a_plan_that_waits_to_be_seen() -> None:
    house = house_of()
    house.play.says("h01", Asks("d1", "it would touch 900 records"))
    job = house.engine.demand(task(house).id, "h01", by="bob")
    house.engine.drain()
    with pytest.raises(IllegalStep):
        house.engine.run_now(job, by="anna", force=True)
    assert house.engine.job(job).state is State.AWAITING_CONSENT


def test_j06_force_takes_a_right_of_its_own() -> None:
    house = house_of(window=NIGHT)
    house.vault.deny("bob", "force_run")
    before = waiting(house)
    with pytest.raises(NotAllowed, match="force_run"):
        house.engine.run_now(before.id, by="bob", force=True)
    with pytest.raises(NotAllowed, match="force_run"):
        house.engine.demand(task(house).id, "h01", by="bob", force=True)
    assert waiting(house) == before
    house.engine.run_now(before.id, by="bob")
    assert house.kinds(kinds=["RunAsked"]) == ["RunAsked"]


def test_j06_running_takes_the_right_to_execute() -> None:
    house = house_of()
    house.vault.deny("bob", "task_execute")
    job = waiting(house).id
    calls: list[Callable[[], Any]] = [
        lambda: house.engine.run_now(job, by="bob"), lambda: house.engine.cancel(job, by="bob"),
        lambda: house.engine.request_stop(job, by="bob"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(NotAllowed, match="task_execute"):
            call()
    assert waiting(house).due.hour == 2


def test_j06_force_does_not_run_what_is_suspended() -> None:
    house = house_of()
    house.engine.suspend_task(task(house).id, "h01")
    with pytest.raises(Refused, match="suspended"):
        house.engine.run_now(waiting(house).id, by="anna", force=True)
    house.engine.resume_task(task(house).id, "h01")
    house.engine.suspend_task(task(house).id)
    with pytest.raises(Refused, match="suspended"):
        house.engine.run_now(waiting(house).id, by="anna", force=True)


def test_j06_who_is_refused_for_a_suspension_is_told_the_call_that_lifts_it() -> None:
    house = house_of()
    id, engine = task(house).id, house.engine
    calls: list[Callable[[], object]] = [lambda: engine.demand(id, "h01"), lambda: engine.run_now(waiting(house).id)]
    for place, where, call in (("h01",), "for 'h01'", f"{id!r}, 'h01'"), ((), "as a whole", f"{id!r}"):
        engine.suspend_task(id, *place, why="under repair")
        for asked in calls:
            with pytest.raises(Refused) as caught:
                asked()
            assert caught.value.case == f"the task 'nightly' is suspended {where}: under repair"
            assert caught.value.help == f"engine.resume_task({call}) lets it run again"
        engine.resume_task(id, *place)
    assert [asked() is not None for asked in calls] == [True, False]


def test_j06_who_demands_a_task_of_the_system_that_is_suspended_reads_of_no_record() -> None:
    house = House(*hosts(2))
    sweep = house.engine.put(Task("sweep", "work", OnDemand(), selection=Everything()))
    house.engine.suspend_task(sweep.id, why="under repair")
    with pytest.raises(Refused, match="'sweep' is suspended as a whole: under repair"):
        house.engine.demand(sweep.id)


def test_j06_a_job_of_another_node_is_refused_and_nothing_runs() -> None:
    house = house_of(pool="dmz")
    before = waiting(house)
    with pytest.raises(OtherNode, match="'dmz'") as raised:
        house.engine.run_now(before.id, by="anna")
    assert "local" in raised.value.case
    house.engine.drain()
    assert (waiting(house), house.play.performed) == (before, [])
    dmz = house.enter(settings=Settings(pools=("dmz",)))
    dmz.run_now(before.id, by="anna")
    dmz.drain()
    assert house.play.count("h01") == 1


@pytest.mark.parametrize("state", ["running", "ended"])
def test_j06_only_what_waits_is_run_or_canceled(state: str) -> None:
    house = house_of()
    job = waiting(house).id

    def tries(run: Run) -> None:
        for call in (house.engine.run_now, house.engine.cancel):
            with pytest.raises(IllegalStep):
                call(job)

    house.play.says("h01", does(tries) if state == "running" else DONE)
    house.clock.advance(hours=2)
    house.engine.drain()
    if state == "ended":
        tries(None)  # type: ignore[arg-type]
    assert house.engine.job(job).state is State.COMPLETED


def test_j06_what_does_not_exist_is_not_found() -> None:
    house = house_of()
    for call in (house.engine.run_now, house.engine.cancel, house.engine.request_stop):
        with pytest.raises(NotFound):
            call("nothing")


# cancel


def test_j06_a_repeating_task_goes_on_with_its_next_occurrence_after_a_cancel() -> None:
    house = house_of()
    house.engine.cancel(waiting(house).id, by="anna")
    assert [(entry.state, entry.due.day) for entry in occurrences(house)] == [(State.CANCELED, 2), (State.SCHEDULED, 3)]
    (fact,) = house.engine.facts(kinds=["JobCanceled"])
    assert (fact.who, fact.details["why"]) == ("anna", "by_person")
    house.clock.advance(days=1, hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_j06_a_fired_job_that_is_canceled_leaves_no_successor() -> None:
    house = house_of()
    (job,) = house.engine.emit(CheckedIn("h01", approval="a1"))
    before = waiting(house)
    house.engine.cancel(job)
    house.engine.drain()
    assert (waiting(house), house.play.performed) == (before, [])


def test_j06_canceling_what_waits_after_its_start_leaves_no_second_successor() -> None:
    house = house_of()
    house.play.says("h01", NotNow(house.clock.moment.add(hours=9)))
    house.clock.advance(hours=2)
    house.engine.drain()
    begun, following = occurrences(house)
    assert begun.state is State.DEFERRED
    house.engine.cancel(begun.id)
    assert [entry.state for entry in occurrences(house)] == [State.CANCELED, State.SCHEDULED]
    assert occurrences(house)[1] == following


def test_j06_a_cancel_that_meets_a_claim_loses_and_says_so() -> None:
    house = house_of()
    house.clock.advance(hours=2)
    storage = Watched(house.storage)
    storage.before(steps(Step.CANCEL), house.engine.work)
    with pytest.raises(IllegalStep):
        house.enter(storage=storage).cancel(waiting(house).id)
    assert [entry.state for entry in occurrences(house)] == [State.COMPLETED, State.SCHEDULED]


def test_j06_what_moves_all_the_time_is_outdated() -> None:
    house = house_of()
    storage = Watched(house.storage)

    def moves() -> None:
        house.engine.set_next_run(task(house).id, house.clock.advance(seconds=1).add(hours=3), "h01")
        storage.before(steps(Step.CANCEL), moves)

    storage.before(steps(Step.CANCEL), moves)
    with pytest.raises(Outdated):
        house.enter(storage=storage).cancel(waiting(house).id)
    assert waiting(house).state is State.SCHEDULED


# stop


def test_j06_a_stop_reaches_a_script_at_its_next_safe_point() -> None:
    house = house_of()
    told: list[str] = []

    def change(run: Run) -> Outcome:
        for step in ("send", "record", "verify"):
            if step != "record" and run.stop_requested:  # never between sent and recorded
                return NotDone(ErrorClass.STOPPED, f"before {step}")
            told.append(step)
            if step == "send":
                house.engine.request_stop(run.job.id, by="anna")
        return DONE

    house.play.says("h01", change)
    house.clock.advance(hours=2)
    house.engine.drain()
    job = occurrences(house)[0]
    assert (told, job.state, job.text) == (["send", "record"], State.CANCELED, "before verify")
    assert [fact.who for fact in house.engine.facts(kinds=["StopAsked"])] == ["anna"]


def test_j06_a_stop_that_another_process_asks_for_is_seen() -> None:
    house = house_of()
    other = house.enter()

    def polls(run: Run) -> Outcome:
        assert not run.stop_requested
        other.request_stop(run.job.id)
        house.clock.advance(seconds=1)
        return NotDone(ErrorClass.STOPPED) if run.stop_requested else DONE

    house.play.says("h01", polls)
    house.clock.advance(hours=2)
    house.engine.drain()
    assert occurrences(house)[0].state is State.CANCELED


def test_j06_a_script_that_does_not_listen_ends_as_it_ends() -> None:
    house = house_of()
    house.play.says("h01", does(lambda run: house.engine.request_stop(run.job.id)))
    house.clock.advance(hours=2)
    house.engine.drain()
    assert occurrences(house)[0].state is State.COMPLETED


def test_j06_a_stop_outlives_its_worker() -> None:
    house = house_of()

    def dies(run: Run) -> Outcome:
        house.engine.request_stop(run.job.id)
        raise Crash

    house.play.says("h01", dies, lambda run: NotDone(ErrorClass.STOPPED) if run.stop_requested else DONE)
    house.clock.advance(hours=2)
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    assert occurrences(house)[0].state is State.CANCELED


def test_j06_what_waits_is_canceled_and_not_stopped() -> None:
    house = house_of()
    with pytest.raises(Refused, match="canceled"):
        house.engine.request_stop(waiting(house).id)


def test_j06_a_run_over_many_is_stopped_and_not_canceled() -> None:
    house = House(*hosts(2))
    house.engine.put(Task("all", "work", [Daily(at="02:00")], selection=Everything()), next_run=house.clock.moment.add(hours=1))
    house.play.says("h01", NotNow(house.clock.moment.add(hours=9)))
    house.clock.advance(hours=1)
    house.engine.drain()
    conductor = next(entry for entry in occurrences(house) if entry.started)
    with pytest.raises(Refused, match="request_stop"):
        house.engine.cancel(conductor.id)
    house.engine.request_stop(conductor.id)
    house.engine.drain()
    assert house.engine.job(conductor.id).state is State.CANCELED
    assert {entry.state for entry in house.entries(execution=conductor.id)} == {State.COMPLETED, State.CANCELED}


def test_j06_to_run_what_waits_for_consent_is_refused_with_what_would_help() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("wipe", "work", consent=ConsentRule(1, ["ann"])))
    job = house.engine.demand(task.id, by="dora")
    house.engine.drain()
    with pytest.raises(IllegalStep, match=r"waiting.consent.*engine\.consent"):
        house.engine.run_now(job)


def test_j06_a_run_over_many_that_is_under_way_is_not_run_again_by_run_now_and_keeps_its_terms() -> None:
    """R6, A5: nobody becomes its demander while it conducts, no consent is asked for in its middle, and no wave skips the window."""
    house = House(*hosts(4))
    nightly = Task(
        "restart", "work", [Daily(at="02:00")], selection=Everything(), waves=Waves(size=2), consent=ConsentRule(1),
        window=TimeWindow("0-30 2 * * *"),
    )  # fmt: skip
    house.engine.put(nightly)
    house.clock.advance(hours=2)
    house.engine.work(1)
    conductor = next(job for job in house.entries() if job.kind is Kind.OCCURRENCE and job.started is not None)
    for force in (False, True):
        with pytest.raises(Refused, match="it runs, and waits for its parts"):
            house.engine.run_now(conductor.id, by="anna", force=force)
    assert house.engine.job(conductor.id).demanded_by is None
    house.engine.drain()
    assert (house.engine.job(conductor.id).state, len(house.play.performed)) == (State.COMPLETED, 4)
