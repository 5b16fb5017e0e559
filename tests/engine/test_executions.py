"""Runs over many records (R6): a conductor finds them, makes a part for each, wave by wave, and waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import pytest

from taskkit.engine import Execution, Limits, Settings
from taskkit.errors import IllegalStep, Outdated, Refused
from taskkit.events import Daily, Spread, TimeWindow
from taskkit.events.happenings import RecordRemoved
from taskkit.jobs import Job, Kind
from taskkit.outcomes import DONE, Asks, ErrorClass, NotDone
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.selections import Everything, OfType, Selection, Tagged
from taskkit.states import State
from taskkit.storage.memory import MemoryStorage
from taskkit.targets import Target
from taskkit.tasks import ConsentRule, Fallback, Guard, Task, Waves, of_type
from tests.engine.houses import START, Crash, House, Play, hosts, scripted

FAILED = NotDone(ErrorClass.REFUSED, "no")


def over(house: House, selection: Selection | None = None, by: str | None = "anna", **settings: Any) -> Task:
    """A task over a selection, demanded only."""
    task = Task("restart services", "work", selection=selection or Everything(), **settings)
    return house.engine.put(task, by=by)


def demanded(house: House, task: Task, by: str | None = "miguel") -> str:
    id = house.engine.demand(task.id, by=by)
    house.engine.drain()
    return id


def execution(house: House, id: str) -> Execution:
    found = house.engine.execution(id)
    assert found is not None
    return found


def state(house: House, id: str) -> State:
    return house.engine.job(id).state


def crashing(name: str, time: int = 1) -> Callable[[str, Job], None]:
    """Dies at the given time that a point is passed."""
    passed = Counter[str]()

    def point(passing: str, job: Job) -> None:
        passed[passing] += 1
        if passing == name and passed[name] == time:
            raise Crash

    return point


# the list


def test_r06_each_record_of_the_selection_gets_one_part_and_the_run_is_done_when_all_are() -> None:
    house = House(*hosts(5))
    id = demanded(house, over(house))
    assert sorted(name for _, name in house.play.performed if name) == [record.id for record in hosts(5)]
    found = execution(house, id)
    assert (found.of, found.done, found.state, found.failed, found.left) == (5, 5, State.COMPLETED, (), ())
    assert house.engine.job(id).state is State.COMPLETED
    assert house.engine.job(id).result == {"records": 5, "completed": 5}


def test_r06_the_list_is_found_at_the_start_and_what_the_vault_changes_later_changes_it_no_more() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2))
    id = house.engine.demand(task.id)
    house.vault.put(Record("h05", "unix"))  # before the start
    house.engine.work()
    house.vault.put(Record("h06", "unix"))  # after it
    house.engine.drain()
    assert execution(house, id).of == 5
    assert house.play.count("h06") == 0


def test_r06_a_record_that_the_vault_names_twice_has_one_part() -> None:
    house = House(*hosts(3))
    records = list(house.vault.records.all())
    house.vault.records.find = lambda selection, viewer: iter([*records, *records])  # type: ignore[method-assign]
    id = demanded(house, over(house))
    assert (execution(house, id).of, len(house.play.performed)) == (3, 3)


def test_r06_a_record_that_is_removed_meanwhile_is_not_forgotten_its_part_ends_as_canceled() -> None:
    house = House(*hosts(3))
    task = over(house, waves=Waves(canary=1))
    id = house.engine.demand(task.id)
    house.engine.work()
    house.vault.remove("h03")
    house.engine.drain()
    found = execution(house, id)
    assert found.states == {"canceled": 1, "completed": 2}
    assert (found.state, found.failed) == (State.CANCELED, ("h03",))


def test_r06_a_selection_without_records_is_done_and_says_so() -> None:
    house = House(*hosts(1))
    id = demanded(house, over(house, OfType("windows")))
    assert (house.engine.job(id).state, house.engine.job(id).result) == (State.COMPLETED, {"records": 0})
    assert execution(house, id).state is State.COMPLETED


def test_r06_a_script_for_which_records_are_material_runs_once_and_makes_no_parts() -> None:
    play = Play()
    once = scripted(play, "once", spread="once")
    house = House(*hosts(3), scripts=[once], play=play)
    house.engine.define(once("report"))
    task = house.engine.put(Task("report", "report", selection=Everything()))
    id = demanded(house, task)
    assert house.play.performed == [("report", None)]
    assert house.engine.execution(id) is None


def test_r06_the_tasks_of_a_type_are_no_such_run_each_record_has_its_own_occurrence() -> None:
    house = House(*hosts(3))
    house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=of_type("unix"))
    assert [(entry.record, entry.execution) for entry in house.entries()] == [("h01", None), ("h02", None), ("h03", None)]


def test_r06_an_edit_that_adds_a_selection_makes_the_planned_run_one_over_many() -> None:
    house = House(*hosts(2))
    task = house.engine.put(Task("nightly", "work", [Daily(at="02:00", start="2026-03-02")]))
    house.engine.drain()
    house.play.performed.clear()
    house.engine.edit(attrs.evolve(task, selection=Everything()))
    house.clock.advance(days=1)
    house.engine.drain()
    assert sorted(name or "" for _, name in house.play.performed) == ["h01", "h02"]


def test_r02_with_another_target_the_part_is_the_targets_and_the_list_counts_it_all_the_same() -> None:
    root = Record("root", "unix")
    house = House(root, Record("alias", "unix", reference="root"), Record("alone", "unix"))
    theirs = house.engine.put(Task("theirs", "work"), list=of_type("unix"))
    id = demanded(house, over(house, Tagged("x") | Everything(), target=Target.REFERENCED))
    parts = {entry.triggered_by[1] if entry.triggered_by else entry.record: entry for entry in house.entries(execution=id)}
    assert (parts["alias"].task, parts["alias"].record) == (theirs.id, "root")
    assert (parts["alone"].record, parts["alone"].target_fallback) == ("alone", True)
    found = execution(house, id)
    assert (found.of, found.done, found.left, found.state) == (3, 3, (), State.COMPLETED)


# waves


def test_r06_the_canary_goes_first_then_shares_of_the_rest() -> None:
    house = House(*hosts(7))
    waves: list[int] = []
    task = over(house, waves=Waves(canary=1, size=3))
    id = house.engine.demand(task.id)
    for _ in range(20):
        house.engine.work()
        waves.append(len(house.play.performed))
    assert list(dict.fromkeys(waves)) == [0, 1, 4, 7]
    assert [fact.details["records"] for fact in house.engine.facts(kinds=["WaveBegan"])] == [1, 3, 3]
    assert state(house, id) is State.COMPLETED


def test_r06_a_canary_that_fails_halts_the_run() -> None:
    house = House(*hosts(5))
    house.play.says("h01", FAILED)
    id = demanded(house, over(house, waves=Waves(canary=1)))
    assert house.play.performed == [("work", "h01")]
    entry, found = house.engine.job(id), execution(house, id)
    assert (entry.state, entry.error, entry.text) == (State.ERROR, "refused", "halted: 1 of the first 1 did not succeed")
    assert (found.state, found.failed, found.left) == (State.ERROR, ("h01",), ("h02", "h03", "h04", "h05"))


@pytest.mark.parametrize(("halt", "begun"), [(0.5, 6), (0.4, 2), (1.0, 6)])
def test_r06_more_failures_than_its_share_halt_the_run(halt: float, begun: int) -> None:
    house = House(*hosts(6))
    house.play.says("h02", FAILED)
    id = demanded(house, over(house, waves=Waves(size=2, halt=halt)))
    assert len(house.play.performed) == begun
    assert execution(house, id).state is State.ERROR


def test_r06_without_canary_or_share_failures_halt_nothing() -> None:
    house = House(*hosts(4))
    house.play.always = {record.id: FAILED for record in hosts(4)}
    id = demanded(house, over(house, waves=Waves(size=1)))
    assert len(house.play.performed) == 4
    assert execution(house, id).states == {"error": 4}


def test_r06_what_was_never_begun_leaves_the_run_not_done() -> None:
    """A halt after good parts only is no success of the whole."""
    house = House(*hosts(4))
    house.play.says("h02", FAILED)
    id = demanded(house, over(house, waves=Waves(size=2, halt=0.1)))
    assert execution(house, id).left == ("h03", "h04")
    assert execution(house, id).state is State.ERROR
    house.engine.rerun(id)
    house.engine.drain()
    assert execution(house, id).state is State.CANCELED  # nothing failed any more, and two were never done


def test_t17_a_spread_lays_the_parts_over_its_span() -> None:
    house = House(*hosts(8))
    over_an_hour = over(house, spread=Spread(60))
    house.engine.demand(over_an_hour.id)
    house.engine.work()
    due = {entry.due for entry in house.entries() if entry.execution}
    assert len(due) > 4
    assert max(due) < house.clock.moment.add(hours=1)


# states


def test_r06_a_suspended_records_part_ends_at_once_as_canceled_and_19_of_20_is_never_green() -> None:
    house = House(*hosts(20))
    task = over(house)
    house.engine.suspend_task(task.id, "h07")
    id = demanded(house, task)
    part = house.entries(record="h07")[0]
    assert (part.state, part.why, part.ended) == (State.CANCELED, "suspended", house.clock.moment)
    found = execution(house, id)
    assert (found.done, found.state, found.failed) == (19, State.CANCELED, ("h07",))
    assert state(house, id) is State.ERROR


def test_r06_a_last_part_that_ends_without_a_run_wakes_its_conductor_too() -> None:
    house = House(*hosts(1))
    task = over(house)
    house.engine.suspend_task(task.id, "h01")
    id = demanded(house, task)
    assert house.engine.job(id).ended == house.clock.moment  # and not when its timer looks again


def test_r06_a_part_that_a_person_cancels_wakes_its_conductor_too() -> None:
    house = House(*hosts(1))
    id = house.engine.demand(over(house).id)
    house.engine.work(1)
    house.engine.cancel(house.entries(record="h01")[0].id)
    house.engine.drain()
    assert house.engine.job(id).ended == house.clock.moment


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ({"completed": 3}, State.COMPLETED),
        ({"completed": 2, "canceled": 1}, State.CANCELED),
        ({"completed": 1, "canceled": 1, "error": 1}, State.ERROR),
        ({"error": 2, "uncertain": 1}, State.UNCERTAIN),
        ({"completed": 2, "running": 1}, State.RUNNING),
        ({"completed": 2, "deferred": 1}, State.RUNNING),
    ],
)
def test_r06_the_state_of_an_execution_is_the_worst_of_its_parts(states: dict[str, int], worst: State) -> None:
    assert Execution("x", 3, True, states).state is worst


def test_r06_an_execution_runs_as_long_as_its_conductor_may_make_parts() -> None:
    assert Execution("x", 3, False, {"completed": 1}, left=("b", "c")).state is State.RUNNING
    assert Execution("x", 3, True, {"completed": 1}, left=("b", "c")).state is State.CANCELED


def test_r06_a_retry_stands_for_the_part_before_it() -> None:
    house = House(*hosts(2))
    house.play.says("h02", NotDone(ErrorClass.UNREACHABLE, "down"))
    id = demanded(house, over(house, fallback=Fallback(minutes=10, cycles=2)))
    assert execution(house, id).state is State.RUNNING  # the retry waits
    assert state(house, id) is State.DEFERRED
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert (execution(house, id).state, state(house, id)) == (State.COMPLETED, State.COMPLETED)
    assert [entry.attempt for entry in house.entries(record="h02")] == [1, 2]


@pytest.mark.parametrize("own", [True, False])
def test_r06_a_run_over_many_that_failed_is_not_tried_again_by_itself(own: bool) -> None:
    """Its parts are, where its task says so; all together are run anew by a person."""
    fallback = Fallback(minutes=10, cycles=1)
    house = House(*hosts(2), settings=Settings(fallback=None if own else fallback))
    task = Task("nightly", "work", [Daily(at="02:00")], selection=Everything(), fallback=fallback if own else None)
    house.engine.put(task)
    house.play.always["h02"] = NotDone(ErrorClass.UNREACHABLE, "down")
    house.clock.advance(hours=2)
    for _ in range(6):
        house.engine.drain()
        house.clock.advance(minutes=10)
    assert house.play.performed.count(("work", "h02")) == (2 if own else 1)
    assert [entry.record for entry in house.entries(kinds=Kind.FALLBACK)] == (["h02"] if own else [])
    assert [fact.job for fact in house.engine.facts(kinds=["JobFailed"]) if fact.record is None] == [
        entry.id for entry in house.entries(states=State.ERROR) if entry.record is None
    ]
    assert house.kinds(kinds=["WaveBegan"]) == ["WaveBegan"]


def test_r06_the_daily_comparison_of_vault_and_store_takes_no_retry_from_a_run_over_many() -> None:
    """R8: its task stands in no list of its records, as that of a part does."""
    house = House(*hosts(2))
    house.play.says("h02", NotDone(ErrorClass.UNREACHABLE, "down"))
    id = demanded(house, over(house, fallback=Fallback(minutes=10, cycles=2)))
    assert house.engine.reconcile() == 0
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert execution(house, id).state is State.COMPLETED


def test_t15_what_passes_while_it_conducts_waits_for_its_end() -> None:
    """Two runs of one task never conduct at once: the second waits until the first has ended."""
    house = House(*hosts(2))
    task = over(house, fallback=Fallback(minutes=30, cycles=1))
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "down"))
    first = demanded(house, task)
    second = demanded(house, task)
    assert (state(house, first), state(house, second), house.engine.job(second).why) == (State.DEFERRED, State.DEFERRED, "busy")
    assert len(house.play.performed) == 2
    house.clock.advance(minutes=30)
    house.engine.drain()
    assert (state(house, first), state(house, second)) == (State.COMPLETED, State.COMPLETED)
    assert len(house.play.performed) == 5


def test_r04_a_conductor_takes_no_slot_from_its_parts() -> None:
    house = House(*hosts(3), settings=Settings(limits=Limits(pools={"local": 1})))
    id = demanded(house, over(house))
    assert state(house, id) is State.COMPLETED


# what is the conductor's


def test_r06_consent_is_the_conductors_and_its_parts_ask_for_none() -> None:
    house = House(*hosts(3))
    id = demanded(house, over(house, consent=ConsentRule(1)))
    assert (state(house, id), house.play.performed) == (State.AWAITING_CONSENT, [])
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert execution(house, id).state is State.COMPLETED


def test_r06_a_wave_begins_inside_the_window_and_parts_that_were_begun_end_outside_it() -> None:
    house = House(*hosts(4), settings=None)
    task = over(house, waves=Waves(size=2), window=TimeWindow("0-29 2 * * *"))
    house.clock.advance(hours=2)
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.clock.advance(minutes=45)  # the window has closed
    house.engine.drain()
    entry = house.engine.job(id)
    assert len(house.play.performed) == 2
    assert (entry.state, entry.why, entry.due) == (State.DEFERRED, "window", house.clock.moment.add(days=1).at(2, 0))
    house.clock.advance(days=1)
    house.clock.jump(house.clock.moment.at(2, 0))
    house.engine.drain()
    assert (len(house.play.performed), state(house, id)) == (4, State.COMPLETED)


def test_r06_its_end_waits_for_no_window() -> None:
    house = House(*hosts(2))
    task = over(house, window=TimeWindow("0-29 2 * * *"))
    house.clock.advance(hours=2)
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.clock.advance(minutes=45)
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).ended) == (State.COMPLETED, house.clock.moment)


def test_j06_a_forced_run_goes_on_outside_its_window_from_wave_to_wave() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2), window=TimeWindow("* 5-6 * * *"))
    id = house.engine.demand(task.id, by="anna", force=True)
    house.engine.drain()
    assert (len(house.play.performed), state(house, id)) == (4, State.COMPLETED)


def test_j01_a_suspended_task_begins_no_further_wave_until_it_is_resumed() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2))
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.engine.suspend_task(task.id, why="a look first")
    house.engine.drain()
    assert (len(house.play.performed), house.engine.job(id).why) == (2, "suspended")
    house.engine.resume_task(task.id)
    house.engine.drain()
    assert (len(house.play.performed), state(house, id)) == (4, State.COMPLETED)


def test_j01_a_run_whose_parts_have_all_ended_ends_also_while_its_task_is_suspended() -> None:
    house = House(*hosts(2))
    task = over(house)
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.engine.suspend_task(task.id, why="a look first")
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).ended) == (State.COMPLETED, house.clock.moment)


def test_r06_the_cadence_is_the_conductors() -> None:
    house = House(*hosts(2))
    house.engine.put(Task("nightly", "work", [Daily(at="02:00", start="2026-03-02")], selection=Everything()))
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    assert len([entry for entry in house.entries() if entry.execution is None and entry.state is State.COMPLETED]) == 3
    assert len(house.play.performed) == 6


def test_j12_a_vault_that_is_away_makes_the_conductor_wait_and_fails_nothing() -> None:
    house = House(*hosts(2))
    find, away = house.vault.records.find, True

    def finding(selection: Selection, viewer: str | None) -> Any:
        if away:
            raise ConnectionError
        return find(selection, viewer)

    house.vault.records.find = finding  # type: ignore[method-assign]
    id = demanded(house, over(house))
    assert (state(house, id), house.engine.job(id).why) == (State.DEFERRED, "vault_away")
    away = False
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


# re-run


def test_r06_a_rerun_takes_only_the_failed_ones() -> None:
    house = House(*hosts(4))
    house.play.says("h02", FAILED)
    house.play.says("h04", FAILED)
    id = demanded(house, over(house))
    house.play.performed.clear()
    parts = house.engine.rerun(id, by="miguel")
    house.engine.drain()
    assert sorted(house.play.performed) == [("work", "h02"), ("work", "h04")]
    assert len(parts) == 2
    assert execution(house, id).state is State.COMPLETED
    assert state(house, id) is State.ERROR  # what the conductor saw at its end stays in the history


def test_r06_a_rerun_says_who_asked_for_it() -> None:
    house = House(*hosts(1))
    house.play.says("h01", FAILED)
    id = demanded(house, over(house))
    (part,) = house.engine.rerun(id, by="miguel")
    assert house.engine.job(part).reasons == (f"re-run of {id} by miguel",)
    fact = house.engine.facts(kinds=["ExecutionRerun"])[0]
    assert (fact.who, fact.job, fact.details) == ("miguel", id, {"records": 1})


def test_r06_what_did_not_fail_is_not_run_again_and_neither_is_what_has_not_ended() -> None:
    house = House(*hosts(2))
    id = house.engine.demand(over(house).id)
    house.engine.work(1)
    with pytest.raises(Refused, match="has not ended"):
        house.engine.rerun(id)
    house.engine.drain()
    with pytest.raises(Refused, match="nothing of it failed"):
        house.engine.rerun(id)


def test_r06_two_reruns_at_once_make_no_part_twice() -> None:
    house = House(*hosts(3))
    house.play.always = {record.id: FAILED for record in hosts(3)}
    id = demanded(house, over(house))
    meddling = Meddling(house.storage.join())
    other = house.enter(storage=meddling)
    meddling.before(lambda unit: any(type(change).__name__ == "Insert" for change in unit), lambda: house.engine.rerun(id))
    with pytest.raises((Refused, Outdated)):
        other.rerun(id)
    assert [entry.record for entry in house.entries(execution=id, states=State.SCHEDULED)] == ["h01", "h02", "h03"]


def test_r06_nothing_is_run_again_for_a_task_that_may_not_run() -> None:
    house = House(*hosts(1))
    house.play.says("h01", FAILED)
    task = over(house)
    id = demanded(house, task)
    house.engine.suspend_task(task.id)
    with pytest.raises(Refused, match="suspended"):
        house.engine.rerun(id)
    house.engine.resume_task(task.id)
    house.engine.deactivate(task.id)
    with pytest.raises(Refused, match="not active"):
        house.engine.rerun(id)
    house.engine.remove(task.id)
    with pytest.raises(Refused, match="removed"):
        house.engine.rerun(id)


def test_a05_a_rerun_needs_a_consent_to_the_task_as_it_stands() -> None:
    house = House(*hosts(1))
    house.play.always["h01"] = FAILED
    task = over(house, consent=ConsentRule(1))
    id = demanded(house, task)
    house.engine.consent(id, by="bert")
    house.engine.drain()
    house.engine.rerun(id)  # what was consented to, for the one that failed
    house.engine.drain()
    house.engine.edit(attrs.evolve(house.engine.task(task.id), description="something else"), by="anna")
    with pytest.raises(Refused, match="consented"):
        house.engine.rerun(id)


# stop


def test_j06_a_stop_of_a_conductor_ends_what_waits_and_asks_what_runs_to_stop() -> None:
    house = House(*hosts(4))
    seen: list[bool] = []
    id = ""

    def stopping(run: Run) -> Any:
        house.engine.request_stop(id, by="miguel")
        other = house.enter()
        other.work(1)  # the conductor, woken by the stop
        seen.append(run.stop_requested)
        return NotDone(ErrorClass.STOPPED, "at a safe point")

    house.play.says("h01", stopping)
    id = house.engine.demand(over(house, waves=Waves(size=3)).id)
    house.engine.work(1)
    house.engine.work(1)
    house.engine.drain()
    found, entry = execution(house, id), house.engine.job(id)
    assert seen == [True]
    assert (found.states, found.left) == ({"canceled": 3}, ("h04",))
    assert (entry.state, entry.text) == (State.CANCELED, "stopped; 4 of 4 are not done")
    canceled = [fact for fact in house.engine.facts(kinds=["JobCanceled"]) if fact.details["why"] == "asked_to_stop"]
    assert {(fact.record, fact.who) for fact in canceled} == {("h02", "miguel"), ("h03", "miguel")}


def test_j06_a_stop_waits_for_what_still_runs() -> None:
    house = House(*hosts(1))

    def stopping(run: Run) -> Any:
        house.engine.request_stop(id)
        house.enter().drain()
        seen.append(state(house, id))
        return DONE

    id = ""
    seen: list[State] = []
    house.play.says("h01", stopping)
    id = house.engine.demand(over(house).id)
    house.engine.drain()
    assert seen == [State.DEFERRED]
    assert (state(house, id), execution(house, id).state) == (State.CANCELED, State.COMPLETED)


def test_j06_a_conductor_that_waits_for_its_parts_is_stopped_and_not_canceled() -> None:
    house = House(*hosts(2))
    id = house.engine.demand(over(house).id)
    house.engine.work(1)
    with pytest.raises((Refused, IllegalStep), match="request_stop"):
        house.engine.cancel(id)
    assert house.engine.job(id).actions == ("stop",)


def test_a05_a_run_that_waits_for_a_new_consent_is_canceled_and_its_parts_end() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2), consent=ConsentRule(1))
    id = demanded(house, task)
    house.engine.consent(id, by="bert")
    house.engine.work(1)
    house.engine.edit(attrs.evolve(task, description="changed"))
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).actions) == (State.AWAITING_CONSENT, ("cancel",))
    with pytest.raises(Refused):
        house.engine.request_stop(id)
    house.engine.cancel(id, by="anna")
    house.clock.advance(minutes=6)
    house.engine.drain()
    assert (execution(house, id).states, house.play.performed) == ({"canceled": 2}, [])


def test_j06_a_stop_right_after_an_edit_is_honoured() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2))
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.engine.edit(attrs.evolve(task, description="changed"))
    assert house.engine.job(id).actions == ("stop",)
    house.engine.request_stop(id)
    house.engine.drain()
    assert (state(house, id), execution(house, id).left) == (State.CANCELED, ("h03", "h04"))


def test_t15_what_makes_a_run_over_many_wait_in_between_lets_no_other_begin() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2))
    first = house.engine.demand(task.id)
    house.engine.work(1)
    active, away = house.vault.rights.active, True

    def asked(user: str) -> bool:
        if away:
            raise ConnectionError
        return active(user)

    house.engine.work(2)
    house.vault.rights.active = asked  # type: ignore[method-assign]
    house.engine.work(1)
    assert house.engine.job(first).why == "vault_away"
    away = False
    second = house.engine.demand(task.id)
    house.engine.work(1)
    assert house.engine.job(second).why == "busy"
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert (state(house, first), state(house, second)) == (State.COMPLETED, State.COMPLETED)


# edits


def test_r01_an_edit_while_it_conducts_lets_it_go_on_with_its_list_and_the_task_as_it_stands() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2))
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.engine.define(house.Scripted("other"))
    house.engine.edit(attrs.evolve(task, script="other", selection=Tagged("none")))
    house.engine.drain()
    assert sorted(house.play.performed) == [("other", record.id) for record in hosts(4)]
    assert (execution(house, id).of, state(house, id)) == (4, State.COMPLETED)


def test_r01_an_edit_of_a_nightly_run_while_it_conducts_neither_ends_nor_doubles_it() -> None:
    house = House(*hosts(4))
    task = house.engine.put(Task("nightly", "work", [Daily(at="02:00", start="2026-03-02")], selection=Everything(), waves=Waves(size=2)))
    house.engine.drain()
    house.play.performed.clear()
    house.clock.jump(house.clock.moment.at(2, 0).add(days=1))
    house.engine.work(1)
    (conductor,) = [entry for entry in house.entries(task=task.id, states=State.DEFERRED) if entry.execution is None]
    house.engine.edit(attrs.evolve(house.engine.task(task.id), policies=[Daily(at="04:00", start="2026-03-02")]))
    house.engine.drain()
    assert (len(house.play.performed), state(house, conductor.id)) == (4, State.COMPLETED)
    (planned,) = house.entries(task=task.id, states=State.SCHEDULED)
    assert planned.due == house.clock.moment.at(4, 0)


def test_r07_a_task_that_is_deactivated_while_it_conducts_begins_nothing_more_and_what_runs_ends() -> None:
    house = House(*hosts(3))

    def deactivating(run: Run) -> Any:
        house.engine.deactivate(task.id)
        return DONE

    house.play.says("h01", deactivating)
    task = over(house)
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.engine.work(1)
    house.engine.drain()
    found = execution(house, id)
    assert (found.states, found.state) == ({"canceled": 2, "completed": 1}, State.CANCELED)
    assert (state(house, id), house.engine.job(id).why) == (State.CANCELED, "inactive")
    assert house.entries(states=[State.SCHEDULED, State.DEFERRED]) == []


def test_r07_a_task_that_is_removed_while_it_conducts_begins_nothing_more_and_its_history_stays() -> None:
    house = House(*hosts(3))
    task = over(house)
    id = house.engine.demand(task.id)
    house.engine.work(1)
    house.engine.remove(task.id)
    house.engine.drain()
    assert house.play.performed == []
    assert (state(house, id), execution(house, id).states) == (State.CANCELED, {"canceled": 3})
    assert len(house.entries(task=task.id)) == 4


def test_a05_an_edit_while_it_conducts_voids_the_consent_to_what_was_not_begun() -> None:
    house = House(*hosts(4))
    task = over(house, waves=Waves(size=2), consent=ConsentRule(1))
    id = demanded(house, task)
    house.engine.consent(id, by="bert")
    house.engine.work(1)
    house.engine.edit(attrs.evolve(task, description="changed"))
    house.engine.drain()
    assert (state(house, id), house.play.performed) == (State.AWAITING_CONSENT, [])
    assert house.engine.gathering(id).summary == "the task was edited while it ran; not begun: 2 records"
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert (state(house, id), len(house.play.performed)) == (State.COMPLETED, 4)


@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "dies and is rescued"])
def test_a05_an_edit_while_the_conductor_is_at_it_voids_the_consent_too(dies: bool) -> None:
    house = House(*hosts(3))
    task = over(house, consent=ConsentRule(1))
    id = demanded(house, task)
    house.engine.consent(id, by="bert")

    def editing(name: str, job: Job) -> None:
        if name == "listed":
            house.engine.edit(attrs.evolve(task, description="changed"))
            if dies:
                raise Crash

    with suppress(Crash):
        house.enter(points=editing).work(1)
    house.clock.advance(minutes=6)
    for _ in range(3):
        house.engine.drain()
        house.clock.advance(minutes=6)
    assert (state(house, id), house.play.performed) == (State.AWAITING_CONSENT, [])
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert (state(house, id), len(house.play.performed)) == (State.COMPLETED, 3)


def test_a05_parts_whose_conductor_got_no_consent_again_end() -> None:
    house = House(*hosts(2))
    task = over(house, consent=ConsentRule(1, minutes=10))
    id = demanded(house, task)
    house.engine.consent(id, by="bert")
    house.engine.work(1)
    house.engine.edit(attrs.evolve(task, description="changed"))
    house.engine.drain()
    house.clock.advance(minutes=11)
    house.engine.drain()
    assert (state(house, id), house.play.performed) == (State.EXPIRED, [])
    assert {(entry.state, entry.why) for entry in house.entries(execution=id)} == {(State.CANCELED, "no_consent")}


# crashes


class Meddling(MemoryStorage):
    """A handle on the store that dies, or lets somebody else in, right before or after a write."""

    def __init__(self, handle: MemoryStorage) -> None:
        super().__init__(handle._tables)
        self.writes = 0
        self.dies_after: int | None = None
        self._wanted: Callable[[Any], bool] | None = None
        self._meddle: Callable[[], object] = int

    def before(self, wanted: Callable[[Any], bool], meddle: Callable[[], object]) -> None:
        self._wanted, self._meddle = wanted, meddle

    def write(self, units: Any, *, durable: bool = True) -> Any:
        if self._wanted is not None and any(map(self._wanted, units)):
            self._wanted, meddle = None, self._meddle
            meddle()
        landed = super().write(units, durable=durable)
        self._count()
        return landed

    def claim(self, *args: Any, **kwargs: Any) -> Any:
        claimed = super().claim(*args, **kwargs)
        self._count()
        return claimed

    def _count(self) -> None:
        self.writes += 1
        if self.dies_after is not None and self.writes >= self.dies_after:
            raise Crash


def crashed_after(writes: int, records: int = 5) -> tuple[House, str, bool]:
    """A run whose first process dies right after so many writes, and which a second one ends; whether the first one died."""
    house = House(*hosts(records))
    id = house.engine.demand(over(house, waves=Waves(canary=1, size=2)).id)
    storage = Meddling(house.storage.join())
    dying = house.enter(storage=storage)
    storage.dies_after = storage.writes + writes
    try:
        dying.drain()
        died = False
    except Crash:
        died = True
    other = house.enter()
    for _ in range(records + 3):
        house.clock.advance(seconds=61)
        other.drain()
    house.clock.advance(minutes=6)
    other.drain()
    return house, id, died


def test_r06_a_conductor_that_dies_between_any_two_writes_makes_no_part_twice_and_forgets_none() -> None:
    writes, died = 1, True
    while died:
        house, id, died = crashed_after(writes)
        parts = Counter(entry.record for entry in house.entries(execution=id))
        assert parts == {record.id: 1 for record in hosts(5)}, f"after {writes} writes"
        assert state(house, id) is State.COMPLETED, f"after {writes} writes"
        writes += 1
    assert writes > 10


@pytest.mark.parametrize(("point", "time"), [("listed", 1), ("begun", 1), ("begun", 2), ("begun", 3)])
def test_r06_a_conductor_that_dies_at_its_points_is_rescued_and_goes_on(point: str, time: int) -> None:
    house = House(*hosts(5))
    id = house.engine.demand(over(house, waves=Waves(canary=1, size=2)).id)
    dying = house.enter(points=crashing(point, time))
    with pytest.raises(Crash):
        dying.drain()
    house.clock.advance(seconds=61)
    house.engine.drain()
    assert Counter(entry.record for entry in house.entries(execution=id)) == {record.id: 1 for record in hosts(5)}
    assert {(fact.details["from"], fact.details["records"]) for fact in house.engine.facts(kinds=["WaveBegan"])} == {(0, 1), (1, 2), (3, 2)}
    assert state(house, id) is State.COMPLETED


def test_j03_a_conductor_that_lost_its_lease_makes_no_part_and_ends_none() -> None:
    house = House(*hosts(3))
    id = house.engine.demand(over(house).id)

    def overtaken(name: str, job: Job) -> None:
        if name == "listed":
            house.clock.advance(seconds=61)
            other.work(1)

    other = house.enter()
    slow = house.enter(points=overtaken)
    slow.work(1)
    assert Counter(entry.record for entry in house.entries(execution=id)) == {record.id: 1 for record in hosts(3)}
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


def test_r06_many_parts_are_made_in_short_units() -> None:
    house = House(*(Record(f"r{number:05}", "unix") for number in range(1200)))
    sizes: list[int] = []
    storage = Meddling(house.storage.join())
    storage.before(lambda unit: sizes.append(len(unit)) is not None, int)  # type: ignore[func-returns-value]
    engine = house.enter(storage=storage)
    id = engine.demand(over(house).id)
    engine.work(1)
    assert max(sizes) <= 502
    assert execution(house, id).begun == 1200


def test_r06_a_crash_between_two_portions_of_a_wave_loses_nothing_and_the_wave_stays_one() -> None:
    house = House(*(Record(f"r{number:05}", "unix") for number in range(1200)))
    id = house.engine.demand(over(house, waves=Waves(canary=1100)).id)
    dying = house.enter(points=crashing("begun", 2))
    with pytest.raises(Crash):
        dying.work(1)
    house.clock.advance(seconds=61)
    house.engine.work(1)
    assert house.engine.history(execution=id, limit=5000).entries.__len__() == 1100
    assert [fact.details["records"] for fact in house.engine.facts(kinds=["WaveBegan"])] == [1100]


# guards (A8)


def test_a08_more_records_than_the_guard_allows_are_asked_about_before_the_first_is_touched() -> None:
    house = House(*hosts(4))
    id = demanded(house, over(house, guard=Guard(most=3)))
    assert (state(house, id), house.play.performed) == (State.AWAITING_CONSENT, [])
    assert house.engine.job(id).asks == "it would touch 4 records; 3 is its guard"
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert execution(house, id).state is State.COMPLETED


def test_a08_as_many_records_as_the_guard_allows_need_no_consent() -> None:
    house = House(*hosts(3))
    id = demanded(house, over(house, guard=Guard(most=3)))
    assert (state(house, id), len(house.play.performed)) == (State.COMPLETED, 3)


def test_a08_a_share_of_all_records_is_a_guard_too() -> None:
    house = House(*hosts(4))
    house.vault.put(*(Record(f"w{number}", "windows") for number in range(6)))
    allowed = demanded(house, over(house, OfType("unix"), guard=Guard(share=0.4)))
    assert state(house, allowed) is State.COMPLETED
    house.vault.put(Record("h05", "unix"))
    task = attrs.evolve(house.engine.task(house.engine.job(allowed).task))
    asked = demanded(house, task)
    assert state(house, asked) is State.AWAITING_CONSENT
    assert house.engine.job(asked).asks == "it would touch 5 of 11 records; 40% is its guard"


def test_a08_people_consent_to_this_list_and_another_list_asks_again() -> None:
    house = House(*hosts(4))
    id = demanded(house, over(house, guard=Guard(most=3)))
    house.engine.consent(id, by="bert")
    house.vault.put(Record("h05", "unix"))
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).asks) == (State.AWAITING_CONSENT, "it would touch 5 records; 3 is its guard")
    assert house.play.performed == []


# the flow


def test_flow_20_hosts_with_a_canary_a_suspended_one_and_a_rerun_of_the_failed() -> None:
    """Miguel's morning: services on 20 servers, two first; one server waits for its owner, two fail and are run again."""
    house = House(*hosts(20))
    task = house.engine.put(
        Task("restart services", "work", [Daily(at="06:00")], selection=OfType("unix"), waves=Waves(2, 6, halt=0.5)), by="miguel"
    )
    house.engine.suspend_task(task.id, "h11", by="miguel", why="the owner looks into it")
    house.play.says("h05", FAILED)
    house.play.says("h20", FAILED)
    house.engine.drain()  # a new system task runs at once
    (conductor,) = [entry for entry in house.entries(task=task.id) if entry.execution is None and entry.state is State.ERROR]
    found = execution(house, conductor.id)
    assert found.states == {"canceled": 1, "completed": 17, "error": 2}
    assert found.failed == ("h05", "h11", "h20")
    assert found.state is State.ERROR
    assert house.engine.job(conductor.id, user="miguel").actions == ("details", "rerun")
    house.engine.resume_task(task.id, "h11", by="miguel")
    house.engine.rerun(conductor.id, by="miguel")
    house.engine.drain()
    found = execution(house, conductor.id)
    assert (found.state, found.done) == (State.COMPLETED, 20)
    assert house.play.performed.count(("work", "h01")) == 1
    assert house.engine.job(conductor.id, user="miguel").actions == ("details",)
    house.clock.jump(house.clock.moment.at(6, 0))
    house.engine.drain()  # the cadence goes on
    assert house.play.performed.count(("work", "h01")) == 2
    assert house.engine.check() == []


def test_the_viewer_of_every_read_is_the_person_behind_the_task() -> None:
    house = House(*hosts(2))
    demanded(house, over(house, guard=Guard(share=1.0), by="anna"))
    assert house.vault.records.read_by == ["anna", "anna"]


@pytest.mark.parametrize("end", ["decline", "expire", "record removed", "reconciled"])
def test_r06_a_part_that_asked_and_got_no_answer_wakes_its_conductor_too(end: str) -> None:
    """However its last part ends, the conductor is due at once, and not when its timer looks again."""
    house = House(*hosts(2))
    house.play.says("h01", Asks("digest", "a plan", START.add(minutes=1)))
    id = demanded(house, over(house))
    part = house.entries(record="h01")[0]
    assert (part.state, house.engine.job(id).why) == (State.AWAITING_CONSENT, "conducting")
    if end == "decline":
        house.engine.decline(part.id, by="bert")
    elif end == "expire":
        house.clock.advance(minutes=1)
    else:
        house.vault.remove("h01")
        house.engine.reconcile() if end == "reconciled" else house.engine.emit(RecordRemoved("h01"))
    house.engine.drain()
    assert house.engine.job(part.id).ended == house.clock.moment
    assert house.engine.job(id).ended == house.clock.moment
