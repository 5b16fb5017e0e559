"""The history of jobs (J8): every job with all that is known of it, filtered, paged, exported, and kept as long as its state says."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import attrs
import pytest

from taskkit.engine import Entry, Settings
from taskkit.errors import InvalidValue, NotAllowed, NotFound, Refused
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, Done, Effect, ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation
from taskkit.selections import Everything
from taskkit.states import FINAL, State
from taskkit.targets import Target
from taskkit.tasks import ConsentRule, Fallback, Task, of_type
from tests.engine.houses import START, UNIX, Answer, Crash, House, Play, hosts, scripted

FAILED, UNREACHABLE = NotDone(ErrorClass.REFUSED, "no"), NotDone(ErrorClass.UNREACHABLE, "down")


def rotate(house: House, **settings: Any) -> Task:
    return house.engine.put(Task("rotate", "work", [Daily(at="02:00"), AfterCheckIn(), OnDemand()], **settings), list=UNIX, by="anna")


# what an entry says


def test_j08_an_entry_holds_all_that_is_known_of_its_job() -> None:
    def telling(run: Run) -> Outcome:
        run.operation(Operation("log in", "done", run.now(), run.now(), exit=0, output="welcome"))
        run.progress(3, 4, "nearly")
        house.clock.advance(seconds=5)
        return Done({"changed": 3})

    house = House(*hosts(1))
    house.play.says("h01", telling)
    task = rotate(house)
    house.clock.advance(hours=2, minutes=1)
    house.engine.drain()
    entry = house.entries()[0]
    begun = START.add(hours=2, minutes=1)
    assert entry == Entry(
        id=entry.id, kind=Kind.OCCURRENCE, state=State.COMPLETED, task=task.id, task_name="rotate", record="h01",
        reasons=("every day at 02:00, UTC",), due=START.add(hours=2), wanted=START.add(hours=2), nominal="2026-03-02T02:00 UTC",
        created=START, started=begun, ended=begun.add(seconds=5), node="n1", pool="local", attempt=1, why=None, error=None, text="",
        result={"changed": 3}, operations=entry.operations, progress=(3, 4, "nearly"), missed=0, missed_first=None, missed_last=None,
        script_version=1, series=None, execution=None, demanded_by=None, triggered_by=None, target_fallback=False, into=None, asks=None,
        blobs=(), actions=("details",),
    )  # fmt: skip
    assert entry.operations[0] == {
        "name": "log in", "state": "done", "began": begun.isoformat(), "ended": begun.isoformat(), "exit": 0, "output": "welcome",
    }  # fmt: skip


def test_j08_an_entry_says_why_it_failed() -> None:
    house = House(*hosts(1))
    house.play.says("h01", NotDone(ErrorClass.PERMISSION, "sudo says no", {"exit": 1}))
    id = house.engine.demand(rotate(house).id, "h01", by="leo")
    house.engine.drain()
    entry = house.engine.job(id)
    assert (entry.state, entry.error, entry.text, entry.result) == (State.ERROR, "permission", "sudo says no", {"exit": 1})


def test_j08_an_entry_says_what_was_missed() -> None:
    house = House(*hosts(1))
    rotate(house)
    house.clock.advance(days=3, hours=3)
    house.engine.drain()
    entry = house.entries()[0]
    assert (entry.missed, entry.missed_first, entry.missed_last) == (4, START.add(hours=2), START.add(days=3, hours=2))


def test_j08_all_its_reasons_are_there() -> None:
    house = House(*hosts(1))
    task = rotate(house)
    (fired,) = house.engine.emit(CheckedIn("h01", approval="a1"))
    demanded = house.engine.demand(task.id, "h01", by="leo")
    brought = house.entries()[0].id
    house.engine.run_now(brought, by="mona")
    assert house.engine.job(fired).reasons == ("after check-in (checked_in)",)
    assert house.engine.job(demanded).reasons == ("on demand of leo",)
    assert house.engine.job(brought).reasons == ("every day at 02:00, UTC", "run by mona")


def test_j08_a_retry_says_of_what_and_which_try_it_is() -> None:
    house = House(*hosts(1))
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "down"))
    rotate(house, fallback=Fallback(minutes=5))
    (fired,) = house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.drain()
    retry = house.entries(kinds=Kind.FALLBACK)[0]
    assert (retry.attempt, retry.series, retry.reasons) == (2, fired, (f"try 2 of {fired}",))


def test_j08_a_job_for_another_record_says_what_triggered_it() -> None:
    house = House(*hosts(2))
    house.vault.change("h01", reference="h02")
    task = rotate(house, target=Target.REFERENCED)
    id = house.engine.demand(task.id, "h01", by="leo")
    entry = house.engine.job(id)
    assert (entry.record, entry.triggered_by, entry.target_fallback) == ("h02", (task.id, "h01"), False)
    other = house.engine.job(house.engine.demand(task.id, "h02", by="leo"))
    assert (other.record, other.triggered_by, other.target_fallback) == ("h02", None, True)


def test_j08_a_script_keeps_the_version_that_it_ran() -> None:
    house = House(*hosts(1))
    task = rotate(house)
    first = house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.engine.define(house.Scripted("work", says="new"))
    second = house.engine.demand(task.id, "h01")
    house.engine.drain()
    assert (house.engine.job(first).script_version, house.engine.job(second).script_version) == (1, 2)


# as a document


def test_j08_an_entry_is_a_document_of_plain_values() -> None:
    house = House(*hosts(1))
    house.play.says("h01", NotDone(ErrorClass.REFUSED, "no", {"deep": [{"a": (1, 2)}]}))
    id = house.engine.demand(rotate(house).id, "h01", by="leo")
    house.engine.drain()
    document = house.engine.job(id).document()
    assert json.loads(json.dumps(document)) == document
    assert set(document) == {one.name for one in attrs.fields(Entry)}
    assert (document["state"], document["kind"], document["ended"]) == ("error", "demand", "2026-03-02T00:00:00+00:00")
    assert document["result"] == {"deep": [{"a": [1, 2]}]}


def test_j08_a_page_is_exported_with_where_the_next_begins() -> None:
    house = House(*hosts(3))
    rotate(house)
    page = house.engine.history(limit=2)
    document = page.document()
    assert json.loads(json.dumps(document)) == document
    assert ([entry["id"] for entry in document["entries"]], document["next"]) == ([entry.id for entry in page.entries], page.next)


# what one may do


def actions(house: House, id: str, user: str = "leo") -> tuple[str, ...]:
    return house.engine.job(id, user=user).actions


def test_j08_the_actions_are_those_that_its_state_takes() -> None:
    house = House(*hosts(1))
    seen: list[tuple[str, ...]] = []

    def looking(run: Run) -> Outcome:
        seen.append(actions(house, run.job.id))
        house.engine.request_stop(run.job.id)
        seen.append(actions(house, run.job.id))
        return Done()

    house.play.says("h01", looking)
    id = house.engine.demand(rotate(house).id, "h01", by="leo")
    assert actions(house, id) == ("run", "cancel")
    house.engine.drain()
    assert (seen, actions(house, id)) == ([("stop",), ()], ("details",))


def test_j08_a_job_of_another_pool_is_not_run_from_here() -> None:
    house = House(*hosts(1))
    house.vault.change("h01", pool="dmz")
    id = house.engine.demand(rotate(house).id, "h01", by="leo")
    assert actions(house, id) == ("cancel",)


def test_j08_a_suspended_job_is_not_run_before_it_is_resumed() -> None:
    house = House(*hosts(1))
    task = rotate(house)
    (id,) = house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.suspend_task(task.id, "h01")
    house.engine.drain()
    assert actions(house, id) == ("cancel",)


def test_j08_what_waits_for_consent_is_canceled_by_who_may_and_consented_to_by_others() -> None:
    house = House(*hosts(1))
    id = house.engine.demand(rotate(house, consent=ConsentRule(1, ["bert"])).id, "h01", by="leo")
    assert actions(house, id) == ("cancel",)
    house.vault.deny("bert", "task_execute")
    assert actions(house, id, "bert") == ("consent", "decline")


def test_j08_who_may_only_review_may_look() -> None:
    house = House(*hosts(1))
    id = house.engine.demand(rotate(house).id, "h01", by="leo")
    house.vault.deny("rita", "task_execute")
    assert actions(house, id, "rita") == ()
    house.engine.drain()
    assert actions(house, id, "rita") == ("details",)


def crash(run: Run) -> Outcome:
    raise Crash


def doubt(run: Run) -> Outcome:
    return Unknown("nobody knows")


#: What a script does so that its job ends, or stays, in this state.
ANSWERS: dict[State, Answer] = {State.ERROR: FAILED, State.RUNNING: crash, State.UNCERTAIN: doubt}


def in_state(state: State) -> tuple[House, str]:
    """A house with a job in the state, which leo looks at."""
    play = Play()
    blind = scripted(play, "blind", effect=Effect.BLIND)
    house = House(*hosts(1), scripts=[blind], play=play)
    consent = ConsentRule(1, minutes=5) if state in (State.AWAITING_CONSENT, State.EXPIRED) else None
    house.engine.define(blind("work"))
    task = rotate(house, consent=consent)
    house.play.always["h01"] = ANSWERS.get(state, DONE)
    if state is State.DEFERRED:
        house.engine.pause("host:host01")
    id = house.engine.demand(task.id, "h01", by="mona")
    if state is State.CANCELED:
        house.engine.cancel(id)
    if state is State.EXPIRED:
        house.clock.advance(minutes=6)
    if state is not State.SCHEDULED:
        with suppress(Crash):
            house.engine.drain()
    assert house.engine.job(id).state is state
    return house, id


@pytest.mark.parametrize("state", sorted(set(State) - {State.QUEUED, State.MERGED, State.MISSED}))
def test_j08_every_offered_action_is_one_that_the_engine_takes_and_no_other(state: State) -> None:
    offered = actions(*in_state(state))
    for name in ("run", "cancel", "stop", "consent", "decline"):
        house, id = in_state(state)
        call = {"run": house.engine.run_now, "stop": house.engine.request_stop}.get(name) or getattr(house.engine, name)
        if name in offered:
            call(id, by="leo")
        else:
            with pytest.raises(Refused):
                call(id, by="leo")


# filters and pages


def made(house: House) -> Task:
    """Three records, each with an ended and a planned job, and a system task beside."""
    task = rotate(house)
    house.clock.advance(hours=3)
    house.engine.drain()
    house.engine.put(Task("mail", "work"), by="anna")
    return task


def ids(house: House, **filters: Any) -> list[str]:
    return [entry.id for entry in house.engine.history(**filters).entries]


def test_j08_the_history_is_of_a_record_of_a_task_or_over_all() -> None:
    house = House(*hosts(3))
    task = made(house)
    mail = house.engine.demand(house.engine.tasks("system")[0].id)
    assert len(ids(house)) == 7
    assert {entry.record for entry in house.engine.history(record="h02").entries} == {"h02"}
    assert len(ids(house, record="h02")) == 2
    assert len(ids(house, task=task.id)) == 6
    assert ids(house, task=house.engine.tasks("system")[0].id) == [mail]


def test_j08_it_is_filtered_by_state_kind_and_time() -> None:
    house = House(*hosts(3))
    made(house)
    assert len(ids(house, states=State.COMPLETED)) == 3
    assert len(ids(house, states=[State.COMPLETED, State.SCHEDULED])) == 6
    assert len(ids(house, kinds=Kind.OCCURRENCE)) == 6
    assert ids(house, kinds=[Kind.FIRED, Kind.PART]) == []
    assert len(ids(house, since=START.add(hours=1))) == 3  # made when their predecessors started
    assert len(ids(house, until=START.add(hours=1))) == 0  # ended, or made if they have not
    assert len(ids(house, since=START, until=START.add(hours=4))) == 6


def test_j08_the_history_of_a_task_outlives_the_task() -> None:
    house = House(*hosts(3))
    task = made(house)
    house.engine.remove(task.id)
    entries = house.engine.history(task=task.id).entries
    assert len(entries) == 6
    assert {entry.task_name for entry in entries} == {"rotate"}
    with pytest.raises(NotFound):
        house.engine.history(task="none")


def test_j08_it_is_paged_the_newest_first() -> None:
    house = House(*hosts(5))
    made(house)
    everything, paged, page = ids(house, limit=100), list[str](), None
    while True:
        found = house.engine.history(page=page, limit=3)
        paged += [entry.id for entry in found.entries]
        page = found.next
        if page is None:
            break
    assert paged == everything
    assert [entry.created for entry in house.engine.history().entries] == sorted((e.created for e in house.entries()), reverse=True)


def test_j08_what_happens_between_two_pages_neither_repeats_nor_hides_a_job() -> None:
    house = House(*hosts(6))
    task = rotate(house)
    before = ids(house)
    first = house.engine.history(limit=3)
    house.clock.advance(hours=3)
    house.engine.drain()  # all of them ended, and six new ones are there
    house.engine.demand(task.id, "h01")
    second = house.engine.history(limit=100, page=first.next)
    assert [entry.id for entry in (*first.entries, *second.entries)] == before


def test_j08_a_page_is_full_also_where_a_person_does_not_see_every_job() -> None:
    house = House(*hosts(9))
    made(house)
    for name in ("h02", "h03", "h05", "h06", "h08"):
        for right in ("task_execute", "task_manage", "task_review"):
            house.vault.deny("leo", right, name)
    house.vault.deny("leo", "system_administrator")
    first = house.engine.history(user="leo", limit=3)
    assert len(first.entries) == 3
    second = house.engine.history(user="leo", limit=100, page=first.next)
    assert {entry.record for entry in (*first.entries, *second.entries)} == {"h01", "h04", "h07", "h09"}
    assert len(first.entries) + len(second.entries) == 8


def test_a07_a_person_sees_what_they_have_to_do_with() -> None:
    house = House(*hosts(2))
    house.vault.deny("leo")
    task = rotate(house, managers={"mona"})
    id = house.engine.demand(task.id, "h01", by="mona")
    with pytest.raises(NotAllowed):
        house.engine.job(id, user="leo")
    house.vault.deny("mona")
    assert house.engine.job(id, user="mona").id == id  # a manager of the task
    mine = house.engine.demand(house.engine.put(Task("mail", "work"), by="anna").id, by="anna")
    house.vault.deny("anna")
    assert house.engine.job(mine, user="anna").id == mine  # who asked for it


def test_j08_the_parts_of_an_execution_are_a_history_too() -> None:
    house = House(*hosts(3))
    id = house.engine.demand(house.engine.put(Task("restart", "work", selection=Everything())).id)
    house.engine.drain()
    assert {entry.kind for entry in house.engine.history(execution=id).entries} == {Kind.PART}
    assert len(ids(house, execution=id)) == 3


# retention


def test_j08_ended_jobs_are_kept_as_long_as_their_state_says() -> None:
    house = House(*hosts(2), settings=Settings(retention={"completed": 10, State.ERROR: 20}))
    house.play.always["h02"] = FAILED
    task = house.engine.put(Task("rotate", "work", [OnDemand()]), list=UNIX)
    for record in ("h01", "h02"):
        house.engine.demand(task.id, record)
    house.engine.drain()
    seen = []
    for _ in range(4):
        seen.append([entry.state.value for entry in house.entries()])
        house.clock.advance(days=7)
        house.engine.tick()
    assert seen == [["completed", "error"], ["completed", "error"], ["error"], []]
    facts = house.engine.facts(kinds=["HistoryPurged"])
    assert [fact.details for fact in facts] == [{"completed": 1}, {"error": 1}]


def kept_days(house: House, days: int) -> list[list[str]]:
    """The states of what is there, day by day, where that changes."""
    seen: list[list[str]] = []
    for _ in range(days):
        house.engine.tick()
        states = sorted(entry.state.value for entry in house.engine.history(states=FINAL).entries)
        if seen[-1:] != [states]:
            seen.append(states)
        house.clock.advance(days=1)
    return seen


@pytest.mark.parametrize(("completed", "error"), [(3, 9), (9, 3)])
def test_j08_a_job_goes_with_its_retries_when_the_last_of_them_may_go(completed: int, error: int) -> None:
    """Whichever state is kept for longer; what is no part of the series goes when its own state says."""
    house = House(*hosts(2), settings=Settings(retention={State.COMPLETED: completed, State.ERROR: error}))
    task = house.engine.put(Task("rotate", "work", [OnDemand()], fallback=Fallback(minutes=5)), list=UNIX)
    house.play.says("h01", UNREACHABLE, UNREACHABLE)
    for record in ("h01", "h02"):
        house.engine.demand(task.id, record)
    house.engine.drain()
    for _ in range(2):
        house.clock.advance(minutes=5)
        house.engine.drain()
    series = ["completed", "error", "error"]
    assert kept_days(house, 12) == [["completed", *series], series, []]
    told = [dict(fact.details) for fact in house.engine.facts(kinds=["HistoryPurged"])]
    assert told == [{"completed": 1}, {"completed": 1, "error": 2}]


def test_j08_a_run_over_many_is_kept_as_a_whole() -> None:
    """As long as a part of it is: whoever looks at one finds the others, and what the list was."""
    house = House(*hosts(3), settings=Settings(retention={State.COMPLETED: 3, State.ERROR: 9}))
    house.play.always["h02"] = FAILED
    task = house.engine.put(Task("restart", "work", selection=Everything()))
    id = house.engine.demand(task.id)
    house.engine.drain()
    before = house.engine.execution(id)
    assert kept_days(house, 7) == [["completed", "completed", "error", "error"]]
    assert house.engine.execution(id) == before
    assert house.engine.facts(kinds=["HistoryPurged"]) == []
    assert kept_days(house, 7)[-1] == []
    assert house.engine.execution(id) is None


def test_j08_what_waits_or_runs_is_never_purged() -> None:
    house = House(*hosts(1), settings=Settings(retention=dict.fromkeys(FINAL, 1)))
    task = house.engine.put(Task("rotate", "work", [Daily(at="02:00", start="2030-01-01")]), list=UNIX)
    house.clock.advance(days=400)
    house.engine.tick()
    assert [entry.task for entry in house.entries()] == [task.id]


def test_j08_a_state_that_is_not_named_is_kept_for_ever() -> None:
    house = House(*hosts(1), settings=Settings(retention={}))
    house.engine.demand(house.engine.put(Task("rotate", "work", [OnDemand()]), list=UNIX).id, "h01")
    house.engine.drain()
    house.clock.advance(days=10_000)
    house.engine.tick()
    assert len(house.entries()) == 1


def test_j08_what_is_uncertain_stays_until_somebody_has_looked_unless_it_is_said_otherwise() -> None:
    assert State.UNCERTAIN not in Settings().retention
    assert set(Settings().retention) == FINAL - {State.UNCERTAIN}


@pytest.mark.parametrize("retention", [{"completed": 0}, {"completed": 1.5}, {"running": 3}, {"done": 3}])
def test_j08_a_retention_is_of_ended_states_in_whole_days(retention: dict[Any, Any]) -> None:
    with pytest.raises(InvalidValue):
        Settings(retention=retention)


def test_t13_first_and_last_run_are_kept_when_the_history_goes() -> None:
    house = House(*hosts(1), settings=Settings(retention={"completed": 5}))
    task = rotate(house)
    for _ in range(3):
        house.clock.advance(days=1)
        house.engine.drain()
    house.engine.deactivate(task.id)
    before = house.engine.overview(list=UNIX).entries[0]
    house.clock.advance(days=30)
    house.engine.tick()
    assert house.engine.history(states=State.COMPLETED).entries == ()
    after = house.engine.overview(list=UNIX).entries[0]
    assert (after.first_run, after.last_run, after.last_result) == (before.first_run, before.last_run, before.last_result)
    assert after.first_run is not None


def test_t13_the_first_run_is_the_first_of_all_also_where_later_ones_are_still_there() -> None:
    house = House(*hosts(1), settings=Settings(retention={"completed": 5}))
    rotate(house)
    first = START.add(hours=2)
    house.clock.jump(first)
    house.engine.drain()
    for _ in range(20):
        house.clock.advance(days=1)
        house.engine.drain()
    assert first not in {entry.started for entry in house.entries()}
    assert house.engine.overview(list=UNIX).entries[0].first_run == first


def test_j08_with_its_conductor_an_executions_list_and_the_votes_for_it_go() -> None:
    house = House(*hosts(2), settings=Settings(retention=dict.fromkeys(FINAL, 5)))
    task = house.engine.put(Task("restart", "work", selection=Everything(), consent=ConsentRule(2)))
    id = house.engine.demand(task.id, by="leo")
    house.engine.consent(id, by="bert")
    waiting = house.engine.demand(task.id, by="leo")
    house.engine.consent(waiting, by="bert")
    house.engine.consent(id, by="carla")
    house.engine.drain()
    house.engine.cancel(waiting)
    house.clock.advance(days=10)
    house.engine.tick()
    assert house.engine.execution(id) is None
    assert house.engine.storage.documents("execution") == []
    assert house.engine.storage.documents("consent") == []


def test_j05_a_fire_that_was_purged_makes_no_second_job() -> None:
    house = House(*hosts(1), settings=Settings(retention={"completed": 5}))
    house.engine.put(Task("rotate", "work", [AfterCheckIn()]), list=UNIX)
    house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.drain()
    house.clock.advance(days=30)
    house.engine.tick()
    house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_two_processes_purge_once_a_day() -> None:
    house = House(*hosts(1), settings=Settings(retention={"completed": 1}))
    other = house.enter()
    house.engine.demand(house.engine.put(Task("rotate", "work", [OnDemand()]), list=UNIX).id, "h01")
    house.engine.drain()
    house.clock.advance(days=3)
    house.engine.tick()
    other.tick()
    assert len(house.engine.facts(kinds=["HistoryPurged"])) == 1


@pytest.mark.parametrize("page", ["x", "1", "1:", "a:b", ":", 7])
def test_j08_a_page_that_is_none_is_refused_with_what_would_help(page: Any) -> None:
    """A page comes from a URL, and anybody may write one."""
    house = House(*hosts(1))
    with pytest.raises(InvalidValue, match="next"):
        house.engine.history(page=page)


def test_r01_the_history_of_a_task_is_that_tasks_and_its_copies_have_their_own() -> None:
    """The line is the same, the tasks are not; the history of the record has both."""
    house = House(*hosts(2))
    task = house.engine.put(Task("nightly", "work", Daily(at="02:00")), list=of_type("unix"))
    house.clock.advance(hours=2)
    house.engine.drain()
    (copy,) = house.engine.make_unique("h01")
    house.clock.advance(days=1)
    house.engine.drain()
    done = {"states": State.COMPLETED}
    assert [(entry.record, entry.task) for entry in house.entries(task=copy.id, **done)] == [("h01", copy.id)]
    assert sorted(str(entry.record) for entry in house.entries(task=task.id, **done)) == ["h01", "h02", "h02"]
    assert {entry.task for entry in house.entries(record="h01", **done)} == {task.id, copy.id}


@pytest.mark.parametrize("limit", [0, -1])
def test_j08_a_page_without_entries_is_refused(limit: int) -> None:
    house = House(*hosts(1))
    house.engine.put(Task("nightly", "work", Daily(at="02:00")), list=of_type("unix"))
    for ask in (house.engine.history, house.engine.overview):
        with pytest.raises(InvalidValue, match="at least 1"):
            ask(limit=limit)
