"""Jobs as a whole (J1 to J5, J9): what a kill leaves behind, what an edit may do, what one job's trouble does to others."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from attrs import evolve, frozen

from taskkit.engine import Engine, Entry, Limits, Settings
from taskkit.errors import IllegalStep, NotFound
from taskkit.events import Daily, Hourly, Minutely
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.jobs import Kind, Why
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Accounts, Record
from taskkit.states import CLAIMED, PENDING, State, Step
from taskkit.storage import Insert, Query
from taskkit.tasks import Fallback, Task
from tests.engine.houses import UNIX, Crash, House, Watched, does, hosts, steps
from tests.engine.stores import Mortal, Noting


def nightly(house: House, **given: Any) -> Task:
    return house.engine.put(Task("nightly", "work", [Daily(at="02:00"), AfterCheckIn(), OnDemand()], **given), list=UNIX)


def leases_run_out(house: House) -> None:
    house.clock.advance(seconds=Settings().lease + 1)


def pending(house: House, record: str = "h01") -> list[Entry]:
    return house.entries(record=record, states=PENDING)


def held(house: House) -> list[str]:
    """Who holds or bars anything that any job of the house can hold."""
    lines = {task.line for task in house.engine.tasks()}
    records = [record.id for record in house.vault.records.all()]
    keys = [f"line:{line}/{record}" for line in lines for record in records] + [f"account:{record}" for record in records]
    return [job for key in keys for job in house.storage.holders(key)]


# J1 and J12: one way of life


def test_j01_a_plain_occurrence_goes_from_scheduled_over_queued_and_running_to_completed() -> None:
    house, seen = House(*hosts(1)), list[State]()
    nightly(house)
    house.play.says("h01", does(lambda run: seen.append(house.entries()[0].state)))
    assert [entry.state for entry in house.entries()] == [State.SCHEDULED]
    house.clock.advance(hours=3)
    house.engine.drain()
    first, following = house.entries()
    assert (seen, first.state, following.state) == ([State.RUNNING], State.COMPLETED, State.SCHEDULED)
    assert house.kinds(kinds=["JobStarted", "JobCompleted"]) == ["JobStarted", "JobCompleted"]


def test_j01_a_step_that_the_table_does_not_have_raises_and_changes_nothing() -> None:
    house = House(*hosts(1))
    nightly(house)
    house.clock.advance(hours=3)
    house.engine.drain()
    before = house.entries()
    with pytest.raises(IllegalStep):
        house.engine.cancel(before[0].id)
    with pytest.raises(IllegalStep):
        house.engine.run_now(before[0].id)
    assert house.entries() == before


# J2: compare and set


def test_j02_two_processes_that_cancel_and_run_the_same_job_at_once_do_one_of_it() -> None:
    house = House(*hosts(1))
    nightly(house)
    job = pending(house)[0].id
    storage = Watched(house.storage)

    def runs() -> None:
        house.engine.run_now(job)
        house.engine.drain()

    storage.before(steps(Step.CANCEL), runs)
    with pytest.raises(IllegalStep):
        house.enter(storage=storage).cancel(job)
    assert house.engine.job(job).state is State.COMPLETED
    assert house.kinds(kinds=["JobCanceled"]) == []


def test_j02_two_processes_claim_no_job_twice() -> None:
    house = House(*hosts(20))
    nightly(house)
    other = house.enter()
    house.clock.advance(hours=3)
    house.play.always["h01"] = does(lambda run: other.work(5))
    while house.engine.work(7) + other.work(7):
        pass
    assert Counter(name for _, name in house.play.performed) == {f"h{number:02}": 1 for number in range(1, 21)}


# J5: fires and successors


def test_j05_the_unit_that_starts_an_occurrence_inserts_its_successor_and_its_end_inserts_none() -> None:
    house = House(*hosts(1))
    nightly(house)
    storage = Noting(house.storage)
    engine = house.enter(storage=storage)
    house.clock.advance(hours=3)
    engine.work()
    assert [len(one.inserts()) for one in (storage,)] == [1]
    (start,) = storage.with_step(Step.START)
    assert [type(change) for change in start.changes].count(Insert) == 1
    (end,) = storage.with_step(Step.COMPLETE)
    assert not any(isinstance(change, Insert) for change in end.changes)


@pytest.mark.parametrize("kind", ["canceled", "missed", "failed"])
def test_j05_an_occurrence_that_never_starts_leaves_a_successor_too(kind: str) -> None:
    house = House(*hosts(1))
    task = nightly(house, max_lateness=10 if kind == "missed" else None)
    if kind == "canceled":
        house.engine.cancel(pending(house)[0].id)
    elif kind == "missed":
        house.clock.advance(hours=3)
    else:
        house.clock.advance(hours=2)
        house.vault.records.get = broken_once(house.vault.records.get, NotFound("reading", "it is crooked"))  # type: ignore[method-assign]
    house.engine.drain()
    states = [entry.state for entry in house.entries()]
    assert states == [{"canceled": State.CANCELED, "missed": State.MISSED, "failed": State.ERROR}[kind], State.SCHEDULED]
    assert house.engine.task(task.id).active
    assert pending(house)[0].due.day == 3


def broken_once(answer: Any, error: Exception) -> Any:
    """Raises once, and then answers as before."""
    errors = [error]

    def ask(*args: Any) -> Any:
        if errors:
            raise errors.pop()
        return answer(*args)

    return ask


@pytest.mark.parametrize("when", ["before", "during"])
def test_j05_an_edit_during_a_run_does_not_keep_the_job_from_ending(when: str) -> None:
    house = House(*hosts(1))
    task = nightly(house)
    house.clock.advance(hours=3)
    storage = Watched(house.storage)

    def edit() -> None:
        house.engine.edit(evolve(house.engine.task(task.id), policies=[Daily(at="05:00")]))

    storage.before(steps(Step.COMPLETE if when == "before" else Step.SAVE), edit)
    house.play.says("h01", does(lambda run: run.save({"half": True})))
    house.enter(storage=storage).drain()
    done, following = house.entries()
    assert (done.state, following.state, following.due.hour) == (State.COMPLETED, State.SCHEDULED, 5)


@pytest.mark.parametrize("how", ["edited", "removed", "inactive"])
def test_j05_an_edit_between_gates_and_start_wins_and_the_stale_plan_never_runs(how: str) -> None:
    house = House(*hosts(1))
    task = nightly(house)
    house.clock.advance(hours=3)
    storage = Watched(house.storage)
    change = {
        "edited": lambda: house.engine.edit(evolve(house.engine.task(task.id), policies=[Daily(at="05:00")])),
        "removed": lambda: house.engine.remove(task.id),
        "inactive": lambda: house.engine.deactivate(task.id),
    }[how]
    storage.before(steps(Step.START), change)
    ran: list[int] = []
    house.play.always["h01"] = does(lambda run: ran.append(run.task.revision))
    house.enter(storage=storage).drain()
    if how == "edited":  # what is due stays due, and runs as the task is now (T6)
        assert ran == [2]
        assert [entry.due.hour for entry in pending(house)] == [5]
    else:
        assert ran == []
        assert {entry.state for entry in house.entries()} == {State.CANCELED}
        assert pending(house) == []
    assert held(house) == []


def test_j05_an_edit_while_it_is_canceled_leaves_no_successor_of_the_old_rule() -> None:
    """Else the old rule's successor would keep the seat of the new one's, perhaps for a month."""
    house = House(*hosts(1))
    task = nightly(house)
    storage = Watched(house.storage)
    storage.before(steps(Step.CANCEL), lambda: house.engine.edit(evolve(house.engine.task(task.id), policies=[Hourly()])))
    house.enter(storage=storage).cancel(pending(house)[0].id)
    (waiting,) = pending(house)
    assert (waiting.due - house.clock.moment).total_hours() <= 2
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 1


@pytest.mark.parametrize("trouble", ["away", "inserted by another", "nominal used", "standing changed", "beside moved"])
def test_j05_whatever_a_start_meets_the_job_starts_once_and_the_cadence_goes_on(trouble: str) -> None:
    house = House(*hosts(1))
    task = nightly(house)
    house.engine.emit(CheckedIn("h01", approval="a1")) if trouble == "beside moved" else None
    occurrence = next(entry for entry in pending(house) if entry.kind is Kind.OCCURRENCE)
    storage = Watched(house.storage)
    house.clock.advance(hours=2)

    def plan_another(days: int) -> Any:
        def plan() -> None:
            job = house.storage.job(occurrence.id)
            assert job is not None
            nominal = f"2026-03-0{2 + days} 02:00:00 UTC"
            due = job.due + days * 86_400 * 1_000_000
            given = {"id": "other", "at": due // 1_000_000, "due": due, "wanted": due, "nominal": nominal, "state": State.SCHEDULED}
            fresh = {"token": None, "lease": None, "worker": None, "fire": (job.nominal or "").replace("03-02", f"03-0{2 + days}")}
            assert house.storage.write([(Insert(job.with_(given | fresh)),)])[0]
            if trouble == "nominal used":
                house.engine.cancel("other")

        return plan

    def suspend_and_resume() -> None:
        house.engine.suspend_task(task.id, "h01")
        house.engine.resume_task(task.id, "h01")

    before: Any = {
        "away": lambda: None,
        "inserted by another": plan_another(1),
        "nominal used": plan_another(1),
        "standing changed": suspend_and_resume,
        "beside moved": lambda: house.engine.emit(CheckedIn("h01", approval="a2")),
    }[trouble]
    storage.before(steps(Step.START), before)
    house.enter(storage=storage).drain()
    assert house.play.count("h01") == 1
    assert house.engine.job(occurrence.id).state is State.COMPLETED
    waiting = [entry for entry in pending(house) if entry.kind is Kind.OCCURRENCE]
    assert len(waiting) == 1
    assert waiting[0].due > house.clock.moment
    assert len({entry.nominal for entry in house.entries() if entry.nominal}) == len([entry for entry in house.entries() if entry.nominal])
    assert held(house) == []


def test_j05_a_fire_that_is_told_twice_by_two_processes_makes_one_job() -> None:
    house = House(*hosts(1))
    nightly(house)
    storage = Watched(house.storage)
    happening = CheckedIn("h01", approval="a1")
    storage.before(lambda units: any(isinstance(change, Insert) for unit in units for change in unit), lambda: house.engine.emit(happening))
    house.enter(storage=storage).emit(happening)
    house.engine.drain()
    assert house.play.count("h01") == 1


# J5, J9, J10: kills


def answers(house: House) -> None:
    def halfway(run: Run) -> Outcome:
        if not run.memo:
            run.save({"half": True})
        run.progress(1, 2)
        return DONE

    house.play.always = {"h01": halfway, "h03": NotDone(ErrorClass.UNREACHABLE), "h04": halfway}
    house.play.says("h04", NotNow(house.clock.moment.add(hours=5)))


def life(engine: Engine, house: House) -> None:
    """A night with everything in it: two rules at once, a happening, retries, a wait, a demand, a cancel."""
    for hours in (2, 1, 6):
        house.clock.advance(hours=hours)
        engine.drain()
        engine.emit(CheckedIn("h02", approval=f"a{hours}"))
        engine.drain()


def invariants(house: House) -> None:
    entries = house.entries()
    completed = Counter(fact.job for fact in house.engine.facts(kinds=["JobCompleted"], limit=10_000))
    assert set(completed.values()) <= {1}
    stood_for = Counter((entry.record, entry.nominal) for entry in entries if entry.nominal and entry.state is not State.CANCELED)
    assert set(stood_for.values()) == {1}
    assert [entry for entry in entries if entry.state in CLAIMED] == []
    for record in ("h01", "h02", "h03", "h04"):
        waiting = [entry for entry in pending(house, record) if entry.kind is Kind.OCCURRENCE and entry.started is None]
        assert [entry.due > house.clock.moment for entry in waiting] == [True], record
    assert held(house) == []
    assert house.engine.check() == []
    assert not any(entry.state is State.UNCERTAIN for entry in entries)


def writes_of_a_life() -> int:
    house = House(*hosts(4), settings=Settings(fallback=Fallback(minutes=30, cycles=1)))
    nightly(house)
    answers(house)
    storage = Noting(house.storage)
    life(house.enter(storage=storage), house)
    invariants(house)
    return len(storage.written) + 20


def test_j10_after_a_kill_at_any_write_no_fire_made_two_jobs_and_no_job_completed_twice() -> None:
    """The process dies right after each of its writes and claims in turn; another one takes over."""
    for at in range(writes_of_a_life()):
        house = House(*hosts(4), settings=Settings(fallback=Fallback(minutes=30, cycles=1)))
        nightly(house)
        answers(house)
        mortal = Mortal(house.storage, at)
        try:
            life(house.enter(storage=mortal), house)
        except Crash:
            leases_run_out(house)
        house.engine.drain()
        house.clock.advance(hours=24)
        house.engine.drain()
        invariants(house)
        if not mortal.died:
            break


@pytest.mark.parametrize("name", ["connect", "save", "saved", "operation:one"])
def test_j10_after_a_kill_inside_a_run_the_job_completes_once(name: str) -> None:
    house = House(*hosts(1))
    nightly(house)
    house.clock.advance(hours=2)

    def die(point: str, job: object) -> None:
        if point == name:
            raise Crash

    def work(run: Run) -> Outcome:
        run.point("connect")
        run.save({"step": 1})
        run.point("operation:one")
        return DONE

    house.play.always["h01"] = work
    with pytest.raises(Crash):
        house.enter(points=die).work()
    house.engine.drain()
    assert house.entries()[0].state is State.RUNNING
    leases_run_out(house)
    house.engine.drain()
    assert house.entries()[0].state is State.COMPLETED
    assert sorted(house.kinds(kinds=["JobStarted", "JobCompleted"])) == ["JobCompleted", "JobStarted"]
    assert held(house) == []


# J9: one job's trouble


@frozen
class Crooked(Script):
    """Breaks where nobody expects it."""

    kind = "crooked"
    name: str
    where: str = "accounts"

    def accounts(self, run: Run) -> Accounts:
        if self.where == "accounts":
            raise ZeroDivisionError
        return Accounts() if self.where != "nonsense" else "none"  # type: ignore[return-value]

    def perform(self, run: Run) -> Outcome:
        return DONE


@pytest.mark.parametrize("where", ["accounts", "nonsense"])
def test_j09_a_script_that_breaks_before_its_start_fails_its_own_job_and_the_cadence_goes_on(where: str) -> None:
    house = House(*hosts(2), scripts=[Crooked])
    nightly(house)
    house.engine.define(Crooked("crooked", where))
    house.engine.put(Task("broken", "crooked", [Daily(at="02:00")]), list=UNIX)
    for _ in range(2):
        house.clock.advance(days=1)
        house.engine.drain()
    assert Counter(entry.state for entry in house.entries(task=house.engine.tasks(UNIX)[0].id)) == {State.COMPLETED: 4, State.SCHEDULED: 2}
    broken = house.entries(task=next(task.id for task in house.engine.tasks() if task.name == "broken"))
    assert Counter(entry.state for entry in broken) == {State.ERROR: 4, State.SCHEDULED: 2}
    assert {entry.error for entry in broken if entry.error} == {"bad_configuration"}
    assert {entry.why for entry in broken if entry.error} == {Why.MISFIT}
    assert held(house) == []


def test_j09_what_cannot_even_be_looked_at_fails_alone() -> None:
    """An error of ours or a stranger's, of no kind that is known: the others of the batch start."""
    house = House(*hosts(3))
    nightly(house)
    house.clock.advance(hours=2)
    answer = house.vault.records.get
    house.vault.records.get = lambda id: Nothing() if id == "h02" else answer(id)  # type: ignore[method-assign,assignment,return-value]
    house.engine.drain()
    assert {entry.record: entry.state for entry in house.entries() if entry.state is not State.SCHEDULED} == {
        "h01": State.COMPLETED, "h02": State.ERROR, "h03": State.COMPLETED,
    }  # fmt: skip


class Nothing:
    def __getattr__(self, name: str) -> object:
        raise ZeroDivisionError


def test_j09_a_failing_job_never_stops_the_cadence() -> None:
    house = House(*hosts(1))
    nightly(house)
    house.play.always["h01"] = NotDone(ErrorClass.REFUSED)
    for _ in range(5):
        house.clock.advance(days=1)
        house.engine.drain()
    assert house.play.count("h01") == 5
    assert Counter(entry.state for entry in house.entries()) == {State.ERROR: 5, State.SCHEDULED: 1}


def test_j09_the_end_of_one_job_that_cannot_be_written_does_not_keep_others_from_ending() -> None:
    house = House(*hosts(2), settings=Settings(fallback=Fallback(minutes=5)))
    task = nightly(house)
    house.clock.advance(hours=2)
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE))
    causes = house.storage.causes
    storage = Watched(house.storage)
    storage.causes = broken_once(causes, ZeroDivisionError())  # type: ignore[method-assign]
    house.enter(storage=storage).drain()
    ended = {entry.record: entry.state for entry in house.entries() if entry.state not in PENDING}
    assert ended == {"h01": State.ERROR, "h02": State.COMPLETED}
    assert house.engine.task(task.id).active
    assert held(house) == []


# holds


def test_r04_a_job_that_is_not_now_holds_nothing_and_has_one_successor() -> None:
    house = House(*hosts(1))
    nightly(house)
    house.clock.advance(hours=2)
    house.play.says("h01", *(NotNow(house.clock.moment.add(hours=hours)) for hours in (1, 2, 3)))
    storage = Noting(house.storage)
    engine = house.enter(storage=storage)
    for _ in range(5):
        engine.drain()
        assert held(house) == []
        house.clock.advance(hours=1)
    engine.drain()
    assert len(storage.inserts()) == 1
    assert [(entry.kind, entry.state) for entry in house.entries()] == [
        (Kind.OCCURRENCE, State.COMPLETED),
        (Kind.OCCURRENCE, State.SCHEDULED),
    ]
    assert house.play.count("h01") == 4


@frozen
class Rotate(Script):
    """Changes the secret of the account behind its record."""

    kind = "rotate"
    name: str

    def accounts(self, run: Run) -> Accounts:
        assert run.record is not None
        return Accounts(writes=[run.vault.records.account(run.record)])

    def perform(self, run: Run) -> Outcome:
        return DONE


@frozen
class LogIn(Script):
    """Uses the account behind its record beside others."""

    kind = "log_in"
    effect = Effect.IDEMPOTENT
    name: str

    def accounts(self, run: Run) -> Accounts:
        assert run.record is not None
        return Accounts(uses=[run.vault.records.account(run.record)])

    def perform(self, run: Run) -> Outcome:
        return DONE


def shared(**settings: Any) -> tuple[House, dict[str, str]]:
    """Three records of one account, and the jobs: `holder` writes and runs, `writer` waits for it, `user` waits behind the writer."""
    records = [Record(name, "unix", reference=None if name == "root" else "root") for name in ("root", "a", "b")]
    house = House(*records, scripts=[Rotate, LogIn], settings=Settings(**settings))
    house.engine.define(Rotate("rotate"))
    house.engine.define(LogIn("log in"))
    rotate = house.engine.put(Task("rotate", "rotate", [OnDemand()]), list=UNIX)
    log_in = house.engine.put(Task("log in", "log in", [OnDemand()]), list=UNIX)
    engine = house.enter()
    holder = engine.demand(log_in.id, "root")
    job = house.storage.claim(house.storage.job(holder).due, worker="w", node="n", pools=["local"], limit=1, lease=2_000_000_000_000_000)  # type: ignore[union-attr]
    from taskkit.storage import Hold, Move

    began = (Move(holder, Step.START, token=job[0].job.token, fields={"started": 1}), Hold(holder, 1, (), ("account:root",)))
    assert house.storage.write([began])[0]
    house.clock.advance(seconds=1)
    writer = engine.demand(rotate.id, "a")
    engine.drain()
    house.clock.advance(seconds=1)
    user = engine.demand(log_in.id, "b")
    engine.drain()
    states = {name: house.engine.job(id) for name, id in (("writer", writer), ("user", user))}
    assert {name: (entry.state, entry.why) for name, entry in states.items()} == {
        "writer": (State.DEFERRED, "busy"), "user": (State.DEFERRED, "busy"),
    }  # fmt: skip
    return house, {"holder": holder, "writer": writer, "user": user, "rotate": rotate.id, "log in": log_in.id}


@pytest.mark.parametrize("how", ["canceled", "edited", "deactivated", "removed"])
def test_r04_whoever_waited_behind_a_job_that_is_gone_is_woken(how: str) -> None:
    house, ids = shared()
    if how == "canceled":
        house.engine.cancel(ids["writer"])
    elif how == "edited":
        house.engine.edit(evolve(house.engine.task(ids["rotate"]), window=None, description="not yet", active=False))
    elif how == "deactivated":
        house.engine.deactivate(ids["rotate"])
    else:
        house.engine.remove(ids["rotate"])
    house.engine.drain()
    assert house.engine.job(ids["user"]).state is State.COMPLETED


def test_r04_a_waiting_job_that_is_deferred_for_another_reason_bars_nobody() -> None:
    house, ids = shared()
    house.engine.suspend_task(ids["rotate"], "a")
    house.clock.advance(seconds=Settings().look + 1)
    house.engine.drain()
    assert house.engine.job(ids["writer"]).why == "suspended"
    assert house.engine.job(ids["user"]).state is State.COMPLETED


def test_r04_the_release_of_a_rescued_job_wakes_those_that_wait_for_it() -> None:
    house, ids = shared()
    house.clock.advance(days=4000)  # beyond its lease
    house.engine.drain()
    assert house.engine.job(ids["holder"]).state is State.COMPLETED
    assert {house.engine.job(ids[name]).state for name in ("writer", "user")} == {State.COMPLETED}
    assert held(house) == []


def test_r04_a_release_between_refusal_and_wait_is_not_missed() -> None:
    """Refused because another holds it, which gives it back before the wait is written: nobody would wake it but the timer."""
    house = House(*hosts(1), scripts=[Rotate])
    nightly(house)
    job = house.engine.demand(house.engine.tasks(UNIX)[0].id, "h01")
    storage = Watched(house.storage)
    other: list[str] = []

    def other_runs(run: Run) -> Outcome:
        other.append(house.engine.demand(house.engine.tasks(UNIX)[0].id, "h01"))
        engine = house.enter(storage=storage)
        storage.before(lambda units: any("Wait" in type(one).__name__ for unit in units for one in unit), lambda: None)
        engine.work()
        assert house.engine.job(other[0]).why == "busy"
        return DONE

    house.play.says("h01", other_runs)
    house.engine.drain()
    assert {house.engine.job(id).state for id in (job, other[0])} == {State.COMPLETED}


def test_t15_what_comes_due_while_its_task_runs_for_the_record_becomes_one_follow_up() -> None:
    house = House(*hosts(1), settings=Settings(lease=3600))
    house.engine.put(Task("quarterly", "work", [Minutely(every=15)]), list=UNIX)
    house.clock.advance(minutes=15)
    house.play.says("h01", does(lambda run: (house.clock.advance(minutes=45), house.enter().drain())))
    house.engine.drain()
    assert house.play.count("h01") == 2
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.COMPLETED, State.SCHEDULED]


def test_r04_a_limit_counts_slots_and_gives_them_back() -> None:
    house = House(*hosts(4), settings=Settings(limits=Limits(pools={"local": 2})))
    nightly(house)
    other = house.enter()
    house.clock.advance(hours=2)
    most: list[int] = []

    def nested(run: Run) -> Outcome:
        most.append(house.storage.count(Query(states=State.RUNNING)))
        other.work()
        return DONE

    house.play.always = {record.id: nested for record in hosts(4)}
    house.engine.drain()
    assert max(most) <= 2
    assert Counter(entry.state for entry in house.entries()) == {State.COMPLETED: 4, State.SCHEDULED: 4}
    assert house.storage.holders("pool:local") == []


def test_j10_an_unknown_end_with_nobody_to_ask_is_kept_for_a_person() -> None:
    house = House(*hosts(1))
    nightly(house)
    house.clock.advance(hours=2)
    house.play.says("h01", Unknown("cut off"))
    house.engine.drain()
    assert house.entries()[0].error == "unknown"
