"""Several people and several demands: nobody consents to what they asked for (A5), and force stays, and is no consent (J6)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from taskkit.engine import Engine
from taskkit.errors import IllegalStep, NotAllowed, Outdated, Refused
from taskkit.events import Daily, TimeWindow
from taskkit.events.happenings import RecordChanged, Unlocked
from taskkit.events.policies import AfterUnlock, OnDemand
from taskkit.events.spreads import Spread
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, Asks, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.selections import Everything
from taskkit.states import State
from taskkit.targets import Target
from taskkit.tasks import ConsentRule, Fallback, Guard, Task, of_type
from tests.engine.houses import START, House, hosts, one

NIGHT = TimeWindow("0-59 2-3 * * *", tz="UTC")
FAILED, TIMEOUT = NotDone(ErrorClass.FAILED), NotDone(ErrorClass.TIMEOUT)
PLAN = Asks("digest", "a plan")
RULE = ConsentRule(1)


def state(house: House, id: str) -> State:
    return house.engine.job(id).state


def refuses(engine: Engine, id: str, *people: str) -> None:
    """None of these may consent, or is told that they might."""
    for person in people:
        with pytest.raises(NotAllowed, match="nobody consents to their own"):
            engine.consent(id, by=person)
        assert "consent" not in engine.job(id, user=person).actions


def waiting(house: House) -> str:
    (entry,) = house.entries(states=[State.SCHEDULED, State.DEFERRED])
    return entry.id


def asking(house: House) -> str:
    (entry,) = house.entries(states=State.AWAITING_CONSENT)
    return entry.id


def over(house: House, **said: Any) -> Task:
    """A run over all records, when somebody wants it."""
    return house.engine.put(Task("sweep", "work", OnDemand(), selection=Everything(), **said), by="ann")


def failed_run(house: House, **said: Any) -> tuple[Task, str]:
    """One of which the first record failed, demanded by bob in the night, and an hour of the day since."""
    house.clock.advance(hours=2)
    house.play.says("h01", FAILED)
    task = over(house, **said)
    id = house.engine.demand(task.id, by="bob")
    if task.consent is not None:
        house.engine.consent(id, by="carla")
    house.engine.drain()
    house.clock.advance(hours=4)
    house.play.performed.clear()
    return task, id


# all who asked


@pytest.mark.parametrize("last", ["bob", None], ids=["a person", "the product"])
def test_a05_who_brought_a_run_forward_before_somebody_else_did_does_not_consent(last: str | None) -> None:
    house = House(*hosts(1))
    house.put(Daily(at="02:00"), consent=RULE)
    id = waiting(house)
    for person in ("anna", last, "anna", last):
        house.engine.run_now(id, by=person)
    house.engine.drain()
    refuses(house.engine, id, *filter(None, ("anna", last)))
    assert house.engine.consent(id, by="carla").is_complete


def test_a05_who_ran_what_a_happening_made_is_not_forgotten_where_an_occurrence_does_it_too() -> None:
    house = House(*hosts(1))
    house.put(Daily(at="02:00"), AfterUnlock(minutes=180))
    fired = house.emit(Unlocked("h01", user="eve"))
    house.clock.advance(hours=2)
    house.engine.run_now(fired, by="anna")
    house.play.says("h01", PLAN)
    house.engine.drain()
    assert (state(house, fired), house.engine.job(asking(house)).kind) == (State.MERGED, Kind.OCCURRENCE)
    refuses(house.engine, asking(house), "anna", "eve")
    assert house.engine.consent(asking(house), by="carla").is_complete


@pytest.mark.parametrize("by", ["demand", "occurrence"])
def test_a05_whose_retry_is_done_by_another_job_asked_for_that_too(by: str) -> None:
    house = House(*hosts(1))
    task = house.put(Daily(at="02:00"), OnDemand(), fallback=Fallback(300))
    house.play.says("h01", TIMEOUT, PLAN)
    house.engine.demand(task.id, "h01", by="anna")
    house.engine.drain()
    (retry,) = house.entries(kinds=Kind.FALLBACK)
    house.clock.advance(hours=2)
    if by == "demand":
        house.engine.cancel(house.entries(kinds=Kind.OCCURRENCE)[0].id)
        house.engine.demand(task.id, "h01", by="bob")
    else:
        house.engine.run_now(retry.id, by="bob")
    house.engine.drain()
    assert state(house, retry.id) is State.MERGED
    refuses(house.engine, asking(house), "anna", "bob")
    assert house.engine.consent(asking(house), by="carla").is_complete


def test_a05_who_ran_a_part_that_failed_once_more_does_not_consent_to_its_plan() -> None:
    house = House(*hosts(1))
    _, id = failed_run(house)
    house.play.says("h01", PLAN)
    (part,) = house.engine.rerun(id, by="dora")
    house.engine.run_now(part, by="anna")
    house.engine.drain()
    refuses(house.engine, part, "bob", "dora", "anna")
    assert house.engine.consent(part, by="carla").is_complete


def test_a08_whose_happening_joins_a_burst_after_their_vote_has_no_vote_any_more() -> None:
    house = House(*hosts(2))
    house.put(AfterUnlock(minutes=1), guard=Guard(burst=1), consent=ConsentRule(2))
    _, id = house.engine.emit(Unlocked("h01", user="bert"), Unlocked("h02", user="bert"))
    house.engine.consent(id, by="eve")
    house.clock.advance(seconds=1)
    house.engine.emit(Unlocked("h02", user="eve"))
    assert house.engine.gathering(id).given == ()
    house.engine.consent(id, by="anna")
    assert state(house, id) is State.AWAITING_CONSENT
    assert house.engine.consent(id, by="carla").given == ("anna", "carla")


# what a consent is for


def test_a05_votes_for_one_record_are_none_for_another_to_which_the_demand_is_led() -> None:
    house = House(Record("h01", "unix", reference="h02"), *hosts(3)[1:])
    house.engine.put(Task("seal", "work", OnDemand(), consent=ConsentRule(2)), list=of_type("unix"))
    house.engine.make_unique("h01")
    (own,) = house.engine.tasks("record:h01")
    own = house.engine.edit(attrs.evolve(own, target=Target.REFERENCED))
    id = house.engine.demand(own.id, "h01", by="bob")
    seen = house.engine.gathering(id).plan
    house.engine.consent(id, by="carla", plan=seen)
    house.vault.put(Record("h01", "unix", reference="h03"))
    house.engine.emit(RecordChanged("h01"))
    assert (house.engine.job(id).record, house.engine.gathering(id).given) == ("h03", ())
    with pytest.raises(Outdated):
        house.engine.consent(id, by="dora", plan=seen)


def test_a05_a_record_that_has_changed_voids_what_was_gathered_so_far() -> None:
    house = House(*hosts(1))
    task = house.put(OnDemand(), consent=ConsentRule(2))
    id = house.engine.demand(task.id, "h01", by="bob")
    house.engine.consent(id, by="carla")
    house.vault.put(Record("h01", "unix", fields={"host": "another"}))
    house.engine.emit(RecordChanged("h01"))
    assert house.engine.gathering(id).given == ()


def test_a05_nobody_consents_when_the_time_is_over_though_nobody_has_looked_yet() -> None:
    house = House(*hosts(1))
    task = house.put(OnDemand(), consent=ConsentRule(1, minutes=60))
    id = house.engine.demand(task.id, "h01", by="bob")
    house.clock.advance(minutes=60)
    with pytest.raises(Refused, match="the time for consents is over"):
        house.engine.consent(id, by="carla")
    house.engine.drain()
    assert (state(house, id), house.play.performed) == (State.EXPIRED, [])


# force


def test_j06_force_is_no_consent_that_a_script_sees() -> None:
    seen: list[str | None] = []

    def looks(run: Run) -> Outcome:
        seen.append(run.consented)
        return DONE

    house = House(*hosts(1))
    task = house.put(OnDemand(), consent=RULE)
    house.play.says("h01", looks)
    id = house.engine.demand(task.id, "h01", by="bob")
    house.engine.run_now(id, by="anna", force=True)
    house.engine.drain()
    assert (seen, state(house, id)) == ([None], State.COMPLETED)


def test_a08_force_lets_no_run_go_that_a_burst_holds_back() -> None:
    house = House(*hosts(2))
    house.put(AfterUnlock(minutes=1), guard=Guard(burst=1))
    _, id = house.engine.emit(Unlocked("h01"), Unlocked("h02"))
    with pytest.raises(IllegalStep, match="consent"):
        house.engine.run_now(id, by="anna", force=True)
    assert state(house, id) is State.AWAITING_CONSENT


def test_j06_a_run_that_is_forced_stays_so_when_others_bring_it_forward() -> None:
    house = House(*hosts(1))
    house.put(Daily(at="02:00"), window=NIGHT, consent=RULE)
    house.engine.pause("pool:local")
    house.engine.run_now(waiting(house), by="anna", force=True)
    house.engine.run_now(waiting(house), by="bob")
    house.engine.resume("pool:local")
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_j06_a_forced_run_that_shows_a_plan_waits_for_its_consent_and_then_for_no_window() -> None:
    house = House(*hosts(1))
    task = house.put(OnDemand(), window=NIGHT)
    house.play.says("h01", PLAN)
    id = house.engine.demand(task.id, "h01", by="anna", force=True)
    house.engine.drain()
    refuses(house.engine, id, "anna")
    house.engine.consent(id, by="carla")
    house.engine.drain()
    assert (state(house, id), house.play.count("h01")) == (State.COMPLETED, 2)


def test_j07_a_forced_run_is_tried_again_outside_its_window() -> None:
    house = House(*hosts(1))
    task = house.put(OnDemand(), window=NIGHT, fallback=Fallback(10, window=TimeWindow("* 4 * * *")))
    house.play.says("h01", TIMEOUT, TIMEOUT)
    house.engine.demand(task.id, "h01", by="anna", force=True)
    for _ in range(3):
        house.engine.drain()
        house.clock.advance(minutes=10)
    assert [one.state for one in house.entries()] == [State.ERROR, State.ERROR, State.COMPLETED]


def test_j07_what_happenings_make_of_a_forced_try_after_an_edit_is_theirs_and_not_forced() -> None:
    house = House(*hosts(1))
    task = house.put(OnDemand(), AfterUnlock(minutes=20), window=NIGHT, fallback=Fallback(10))
    house.play.says("h01", TIMEOUT)
    house.engine.demand(task.id, "h01", by="anna", force=True)
    house.engine.drain()
    house.emit(Unlocked("h01"))
    house.engine.edit(attrs.evolve(house.engine.task(task.id), description="other"))
    house.clock.advance(minutes=30)
    house.engine.drain()
    assert (house.play.count("h01"), house.engine.job(waiting(house)).why) == (1, "window")


@pytest.mark.parametrize("by_hand", [False, True])
def test_j07_a_follow_up_that_is_the_next_try_of_a_forced_run_is_forced_unless_somebody_runs_it_by_hand(by_hand: bool) -> None:
    house = House(*hosts(1))
    task = house.put(OnDemand(), AfterUnlock(minutes=10), window=NIGHT, fallback=Fallback(10), consent=RULE)

    def unlocked(run: Run) -> Outcome:
        house.clock.advance(seconds=1)
        id = house.emit(Unlocked("h01"))
        if by_hand:
            house.engine.run_now(id, by="bob")
        return TIMEOUT

    house.play.says("h01", unlocked)
    house.engine.demand(task.id, "h01", by="anna", force=True)
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert house.play.count("h01") == (1 if by_hand else 2)


def test_j06_a_forced_run_that_an_occurrence_does_as_well_stays_forced_after_a_wait() -> None:
    house = House(*hosts(1))
    house.put(Daily(at="03:30"), AfterUnlock(minutes=300), window=NIGHT)
    fired = house.emit(Unlocked("h01"))
    house.clock.advance(hours=3, minutes=30)
    house.engine.run_now(fired, by="anna", force=True)
    house.play.says("h01", NotNow(START.add(hours=5), "in use"))
    house.engine.drain()
    assert state(house, fired) is State.MERGED
    house.clock.advance(hours=2)
    house.engine.drain()
    assert house.play.count("h01") == 2


@pytest.mark.parametrize("said", [{}, {"spread": Spread(30)}, {"fallback": Fallback(10)}], ids=["at once", "spread", "tried again"])
def test_r06_the_parts_of_a_forced_run_are_forced(said: Any) -> None:
    house = House(*hosts(2))
    house.play.says("h01", TIMEOUT if "fallback" in said else DONE)
    id = house.engine.demand(over(house, window=NIGHT, **said).id, by="anna", force=True)
    for _ in range(5):
        house.engine.drain()
        house.clock.advance(minutes=10)
    found = house.engine.execution(id)
    assert found is not None
    assert found.done == 2


# re-runs


def test_r06_a_rerun_waits_for_the_window_unless_it_is_forced() -> None:
    house = House(*hosts(2))
    _, id = failed_run(house, window=NIGHT)
    (part,) = house.engine.rerun(id, by="dora")
    house.engine.drain()
    assert (house.play.performed, house.engine.job(part).due) == ([], START.add(days=1, hours=2))
    house.engine.run_now(part, by="dora")
    house.engine.drain()
    assert (house.play.performed, house.engine.job(part).why) == ([], "window")
    house.clock.jump(START.add(days=1, hours=2))
    house.engine.drain()
    assert (house.play.count("h01"), state(house, part)) == (1, State.COMPLETED)


def test_r06_a_part_of_a_rerun_that_comes_too_late_for_the_window_waits_for_the_next_one() -> None:
    house = House(*hosts(1))
    _, id = failed_run(house, window=NIGHT)
    (part,) = house.engine.rerun(id)
    house.clock.jump(START.add(days=1, hours=12))
    house.engine.drain()
    assert (house.play.performed, house.engine.job(part).due) == ([], START.add(days=2, hours=2))


def test_j06_a_rerun_by_force_takes_the_right_and_skips_window_and_consent_and_that_is_a_fact() -> None:
    house = House(*hosts(2))
    task, id = failed_run(house, window=NIGHT, consent=RULE)
    house.engine.edit(attrs.evolve(house.engine.task(task.id), description="other"))
    house.vault.deny("bob", "force_run")
    with pytest.raises(NotAllowed, match="force_run"):
        house.engine.rerun(id, by="bob", force=True)
    (part,) = house.engine.rerun(id, by="dora", force=True)
    house.engine.drain()
    assert state(house, part) is State.COMPLETED
    (fact,) = house.engine.facts(kinds=["ExecutionRerun"])
    assert (fact.who, fact.details) == ("dora", {"records": 1, "forced": True})


@pytest.mark.parametrize("may", [True, False])
def test_j06_what_was_forced_is_run_again_by_force_by_who_may(may: bool) -> None:
    house = House(*hosts(1))
    house.play.says("h01", FAILED)
    id = house.engine.demand(over(house, window=NIGHT).id, by="anna", force=True)
    house.engine.drain()
    if not may:
        house.vault.deny("dora", "force_run")
    house.engine.rerun(id, by="dora")
    house.engine.drain()
    assert house.play.count("h01") == (2 if may else 1)


def test_a05_what_was_forced_is_not_run_again_as_if_somebody_had_consented() -> None:
    house = House(*hosts(1))
    house.play.says("h01", FAILED)
    id = house.engine.demand(over(house, consent=RULE).id, by="bob")
    house.engine.run_now(id, by="anna", force=True)
    house.engine.drain()
    with pytest.raises(Refused, match="nobody has consented"):
        house.engine.rerun(id, by="bob")
    house.engine.rerun(id, by="anna", force=True)
    house.engine.drain()
    assert house.play.count("h01") == 2


def test_a05_who_has_consented_to_a_run_does_not_run_it_again_by_their_own_consent() -> None:
    house = House(*hosts(1))
    _, id = failed_run(house, consent=RULE)
    with pytest.raises(Refused, match="'carla' has consented to it"):
        house.engine.rerun(id, by="carla")
    house.engine.rerun(id, by="bob")
    house.engine.drain()
    assert house.play.count("h01") == 1


@pytest.mark.parametrize("whole", [True, False])
def test_j06_a_rerun_of_what_is_suspended_is_refused_as_a_demand_is(whole: bool) -> None:
    house = House(*hosts(2))
    task, id = failed_run(house)
    house.engine.suspend_task(task.id, None if whole else "h01", why="under repair")
    for force in (False, True):
        with pytest.raises(Refused, match="under repair") as caught:
            house.engine.rerun(id, by="dora", force=force)
        assert "engine.resume_task(" in caught.value.help
    assert len(house.entries(execution=id)) == 2
    house.engine.resume_task(task.id, None if whole else "h01")
    house.engine.rerun(id, by="dora")
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_j01_a_rerun_that_waits_for_its_window_waits_for_a_task_that_is_suspended_since() -> None:
    house = House(*hosts(1))
    task, id = failed_run(house, window=NIGHT)
    (part,) = house.engine.rerun(id)
    house.engine.suspend_task(task.id, why="under repair")
    house.clock.jump(START.add(days=1, hours=2))
    house.engine.drain()
    assert (house.play.performed, house.engine.job(part).why) == ([], "suspended")
    house.engine.resume_task(task.id)
    house.engine.drain()
    assert state(house, part) is State.COMPLETED


def test_r06_one_that_is_suspended_among_others_keeps_nobody_from_a_rerun() -> None:
    house = House(*hosts(2))
    house.play.always = {"h01": FAILED, "h02": FAILED}
    task = over(house)
    id = house.engine.demand(task.id)
    house.engine.drain()
    house.engine.suspend_task(task.id, "h01")
    house.play.always.clear()
    parts = house.engine.rerun(id)
    house.engine.drain()
    assert [state(house, part) for part in parts] == [State.CANCELED, State.COMPLETED]


def test_a05_a_vote_is_kept_with_its_job_and_forgotten_with_it() -> None:
    house = one()
    task = house.put(OnDemand(), consent=RULE)
    id = house.engine.demand(task.id, "r1", by="bob")
    house.engine.consent(id, by="carla")
    house.engine.drain()
    house.clock.advance(days=400)
    house.engine.drain()
    assert [one.id for one in house.storage.documents("consent")] == []
