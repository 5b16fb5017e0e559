"""How a task stands, with a record or as a whole: whom a suspension reaches, and for what a next run can be set (J1, R1, R7, A2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from taskkit.engine import Engine
from taskkit.errors import InvalidValue, NotAllowed, NotFound, Refused, VaultAway
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.records import Record
from taskkit.selections import OfType
from taskkit.states import State, Step
from taskkit.storage import Keep
from taskkit.targets import Target
from taskkit.tasks import Task, of_record, of_type
from tests.engine.houses import START, UNIX, Crash, House, Watched, hosts, steps, writes
from tests.engine.nights import NIGHTLY, at, moody, waiting, with_task

ASKED = Task("nightly", "work", [Daily(at="02:30"), OnDemand(), AfterCheckIn()])


def denied(house: House, *rights: str) -> None:
    """Bob manages the tasks of h01, and nothing else."""
    house.vault.rights.may = lambda user, right, record=None: user != "bob" or (right, record) == ("task_manage", "h01")  # type: ignore[method-assign]


def performed(house: House) -> list[str | None]:
    return sorted((name for _, name in house.play.performed), key=str)


# a record's own tasks


def test_r01_who_suspends_a_records_own_task_suspends_it_for_that_record_alone() -> None:
    """A2: what bob may do to the task of his record reaches no other one."""
    house, task = with_task()
    denied(house)
    (copy,) = house.engine.make_unique("h01", by="bob")
    house.engine.suspend_task(copy.id, by="bob")
    with pytest.raises(NotAllowed):
        house.engine.suspend_task(task.id, by="bob")
    house.clock.advance(hours=3)
    house.engine.drain()
    assert performed(house) == ["h02"]
    assert [(job.record, job.why) for job in waiting(house, why="suspended")] == [("h01", "suspended")]
    house.engine.resume_task(copy.id, by="bob")
    house.engine.drain()
    assert performed(house) == ["h01", "h02"]


def test_r01_who_resumes_a_records_own_task_wakes_no_other_one() -> None:
    house, task = with_task()
    (copy,) = house.engine.make_unique("h01")
    house.engine.suspend_task(task.id, why="the audit")
    house.engine.suspend_task(copy.id)
    house.engine.resume_task(copy.id)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert performed(house) == ["h01"]
    assert {row.list: (row.status, row.suspended) for row in house.engine.overview().entries} == {
        UNIX: ("suspended", "the audit"), of_record("h01"): ("active", None),
    }  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
def test_r01_what_is_said_of_the_types_task_reaches_no_records_own_and_the_other_way_round(own: bool) -> None:
    house, task = with_task(task=ASKED)
    (copy,) = house.engine.make_unique("h01")
    house.engine.suspend_task(copy.id if own else task.id)
    goes_on, waits = ((task, "h02"), (copy, "h01")) if own else ((copy, "h01"), (task, "h02"))
    house.engine.demand(goes_on[0].id, goes_on[1])
    with pytest.raises(Refused, match="suspended"):
        house.engine.demand(waits[0].id, waits[1])
    house.engine.emit(CheckedIn("h01", approval="1"), CheckedIn("h02", approval="2"))
    house.engine.drain()
    assert performed(house) == [goes_on[1]] * 2
    (job,) = waiting(house, record=waits[1])
    with pytest.raises(Refused, match="suspended"):
        house.engine.run_now(job.id)
    house.engine.run_now(waiting(house, record=goes_on[1])[0].id)


def test_r01_a_records_own_task_is_as_suspended_as_the_types_was_when_it_was_copied() -> None:
    """Making a record unique lifts nobody's word: its own standing says from then on what the whole task's did."""
    house, task = with_task()
    house.engine.suspend_task(task.id, by="ada", why="the audit")
    (copy,) = house.engine.make_unique("h01")
    house.engine.resume_task(task.id)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert performed(house) == ["h02"]
    assert next(row for row in house.engine.overview().entries if row.id == copy.id).suspended == "the audit"
    house.engine.resume_task(copy.id)
    house.engine.drain()
    assert performed(house) == ["h01", "h02"]


def test_r01_why_a_record_itself_was_suspended_outlives_that_its_whole_task_was() -> None:
    house, task = with_task()
    house.engine.suspend_task(task.id, "h01", why="under repair")
    house.engine.suspend_task(task.id, why="the audit")
    (copy,) = house.engine.make_unique("h01")
    assert next(row for row in house.engine.overview().entries if row.id == copy.id).suspended == "under repair"


def test_r01_a_task_that_is_suspended_while_a_record_is_made_unique_is_suspended_for_it_too() -> None:
    house, task = with_task()
    handle = Watched(house.storage)
    handle.before(writes("list"), lambda: house.engine.suspend_task(task.id, why="the audit"))
    (copy,) = house.enter(storage=handle).make_unique("h01")
    assert next(row for row in house.engine.overview().entries if row.id == copy.id).suspended == "the audit"


def test_r01_the_next_run_of_a_records_own_task_is_that_records() -> None:
    house, _ = with_task()
    (copy,) = house.engine.make_unique("h01")
    house.engine.set_next_run(copy.id, START.add(hours=9))
    assert [(job.record, job.due) for job in waiting(house)] == [("h01", at("2026-03-02T09:00")), ("h02", at("2026-03-02T02:30"))]


# what there is not


def said(engine: Engine, task: str, record: str | None) -> dict[str, Callable[[], object]]:
    return {
        "suspend": lambda: engine.suspend_task(task, record),
        "set": lambda: engine.set_next_run(task, START.add(hours=9), record),
        "take back": lambda: engine.set_next_run(task, None, record),
    }


@pytest.mark.parametrize("what", ["suspend", "set", "take back"])
@pytest.mark.parametrize(
    ("record", "case"), [("no-such", "there is no record 'no-such'"), ("w1", "it is no task of 'w1'"), ("h02", "it is no task of 'h02'")]
)
def test_r08_what_is_said_of_a_record_that_does_not_have_the_task_is_refused_and_changes_nothing(what: str, record: str, case: str) -> None:
    house, task = with_task(*hosts(2), Record("w1", "windows"))
    house.engine.make_unique("h02")
    before = house.kinds(), [job.revision for job in waiting(house)]
    with pytest.raises(NotFound, match=case):
        said(house.engine, task.id, record)[what]()
    assert (house.kinds(), [job.revision for job in waiting(house)]) == before


@pytest.mark.parametrize("what", ["suspend", "set", "take back"])
def test_r01_a_records_own_task_stands_with_no_other_record(what: str) -> None:
    house, _ = with_task()
    (copy,) = house.engine.make_unique("h01")
    with pytest.raises(NotFound, match="it is no task of 'h02'"):
        said(house.engine, copy.id, "h02")[what]()


@pytest.mark.parametrize("when", [START.add(hours=9), None])
def test_t13_a_types_task_has_no_next_run_but_for_a_record(when: object) -> None:
    house, task = with_task()
    with pytest.raises(InvalidValue, match="name one of its records"):
        house.engine.set_next_run(task.id, when)  # type: ignore[arg-type]
    assert [job.record for job in waiting(house)] == ["h01", "h02"]


def test_t13_a_task_of_the_system_has_one_next_run_and_no_record_has_one_of_its_own() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("restart", "work", Daily(at="02:30"), selection=OfType("unix")))
    with pytest.raises(InvalidValue, match="leave the record away"):
        house.engine.set_next_run(task.id, START.add(hours=9), "h01")
    house.engine.suspend_task(task.id, "h01")  # its part for that record: this is said of one
    assert [job.record for job in waiting(house)] == [None]


def test_t13_a_task_without_a_rule_of_time_is_put_with_a_next_run() -> None:
    house = House()
    house.engine.define(house.Scripted("work"))
    house.engine.put(Task("once", "work"), next_run=START.add(hours=9))
    assert [job.due for job in waiting(house)] == [at("2026-03-02T09:00")]
    house.clock.advance(hours=9)
    house.engine.drain()
    assert performed(house) == [None]
    assert waiting(house) == []


def test_r07_a_next_run_that_is_still_to_come_is_planned_by_who_activates_a_task_without_a_rule_of_time() -> None:
    house, task = with_task(task=Task("on demand", "work", OnDemand()))
    house.engine.set_next_run(task.id, START.add(hours=9), "h01")
    house.engine.deactivate(task.id)
    assert waiting(house) == []
    house.engine.activate(task.id)
    assert [(job.record, job.due) for job in waiting(house)] == [("h01", at("2026-03-02T09:00"))]
    house.clock.advance(hours=9)
    house.engine.drain()
    house.engine.deactivate(task.id)
    house.engine.activate(task.id)
    assert waiting(house) == []


def test_r08_what_was_suspended_for_a_record_that_is_gone_can_be_resumed() -> None:
    house, task = with_task()
    house.engine.suspend_task(task.id, "h01")
    house.vault.remove("h01")
    house.engine.resume_task(task.id, "h01")
    house.vault.put(*hosts(1))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert performed(house) == ["h01", "h02"]


# when it may not be planned


def test_r07_a_next_run_that_is_taken_back_plans_nothing_for_an_inactive_task() -> None:
    house, task = with_task()
    house.engine.set_next_run(task.id, START.add(hours=9), "h01")
    house.engine.deactivate(task.id)
    house.engine.set_next_run(task.id, None, "h01")
    assert waiting(house) == []
    house.engine.activate(task.id)
    assert [job.due for job in waiting(house)] == [at("2026-03-02T02:30")] * 2


@pytest.mark.parametrize("how", ["deactivate", "remove"])
def test_r07_a_task_that_ends_while_its_next_run_is_set_holds_no_job(how: str) -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30", end=START.add(days=1))))
    house.clock.advance(hours=40)  # nothing waits any more: setting it plans one
    house.engine.drain()
    handle = Watched(house.storage)
    unplanned = lambda units: not writes("standing")(units) and any(not isinstance(one, Keep) for unit in units for one in unit)  # noqa: E731
    handle.before(unplanned, lambda: getattr(house.engine, how)(task.id))
    house.enter(storage=handle).set_next_run(task.id, house.clock.moment.add(hours=9), "h01")
    assert waiting(house) == []


def test_r01_a_record_that_is_made_unique_while_its_next_run_is_set_has_one_job_and_it_is_the_copys() -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30", end=START.add(days=1))))
    house.clock.advance(hours=40)
    house.engine.drain()
    handle = Watched(house.storage)
    unplanned = lambda units: not writes("standing")(units)  # noqa: E731
    handle.before(unplanned, lambda: house.engine.make_unique("h01"))
    house.enter(storage=handle).set_next_run(task.id, house.clock.moment.add(hours=9), "h01")
    (copy,) = house.engine.tasks(of_record("h01"))
    assert [job.task for job in waiting(house, record="h01")] == [copy.id]


# the vault and the reason


def test_s01_a_vault_that_is_away_is_told_without_its_words_and_nothing_was_said() -> None:
    house, task = with_task(task=ASKED)
    before = house.kinds()
    moody(house).away = True
    for ask in (
        lambda: house.engine.set_next_run(task.id, START.add(hours=9), "h01"),
        lambda: house.engine.suspend_task(task.id, "h01"),
        lambda: house.engine.demandable("h01"),
    ):
        with pytest.raises(VaultAway) as raised:
            ask()
        assert "no route" not in str(raised.value)
    assert house.kinds() == before


def test_s01_a_definition_is_looked_up_in_a_vault_that_is_away_without_its_words() -> None:
    house, _ = with_task()
    house.engine.make_unique("h01")
    moody(house).away = True
    with pytest.raises(VaultAway):
        house.engine.undefine("work")


@pytest.mark.parametrize("why", ["", "  "])
def test_j01_a_suspension_has_a_reason(why: str) -> None:
    house, task = with_task()
    with pytest.raises(InvalidValue, match="why"):
        house.engine.suspend_task(task.id, why=why)
    assert house.engine.overview().entries[0].status == "active"


def test_j01_a_standing_without_a_word_is_a_suspension_for_all_who_look() -> None:
    """Kept by somebody else's hand, an empty reason is a reason: overview, gates, demands and steering say the same."""
    house, task = with_task(task=ASKED)
    house.engine.suspend_task(task.id)
    (kept,) = house.storage.documents("standing")
    assert house.storage.write([(Keep("standing", kept.id, kept.revision, {**kept.body, "suspended": ""}, kept.group),)])[0]
    assert house.engine.overview().entries[0].status == "suspended"
    with pytest.raises(Refused, match="suspended"):
        house.engine.demand(task.id, "h01")
    with pytest.raises(Refused, match="suspended"):
        house.engine.run_now(waiting(house)[0].id)
    house.engine.emit(CheckedIn("h01", approval="1"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert (performed(house), {entry.state for entry in house.entries()}) == ([], {State.DEFERRED})


def test_r01_an_edit_of_the_copy_keeps_its_standing() -> None:
    house, _ = with_task()
    (copy,) = house.engine.make_unique("h01")
    house.engine.suspend_task(copy.id)
    house.engine.edit(evolve(copy, description="new"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert performed(house) == ["h02"]
    assert NIGHTLY.record is None


def test_r02_the_next_run_of_a_task_that_runs_elsewhere_is_set_there() -> None:
    house = House(Record("a", "unix", reference="b"), Record("b", "admin"))
    house.engine.put(Task("nightly", "work"), list=of_type("admin"))
    task = house.engine.put(Task("nightly", "work", Daily(at="02:30"), target=Target.REFERENCED), list=UNIX)
    house.engine.set_next_run(task.id, START.add(hours=9), "a")
    assert [(job.record, job.trigger, job.due) for job in waiting(house)] == [("b", (task.id, "a"), at("2026-03-02T09:00"))]
    house.engine.set_next_run(task.id, None, "a")
    assert [job.due for job in waiting(house)] == [at("2026-03-02T02:30")]


def test_r01_no_stale_plan_is_made_for_a_record_whose_copies_are_not_planned_yet() -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30", end=START.add(days=1))))
    house.clock.advance(hours=40)
    house.engine.drain()
    other, handle = house.enter(), Watched(house.storage)
    other._staff.chores.do_for_record = lambda record: None  # type: ignore[method-assign]  # it dies right after its unit
    handle.before(lambda units: not writes("standing")(units), lambda: other.make_unique("h01"))
    house.enter(storage=handle).set_next_run(task.id, house.clock.moment.add(hours=9), "h01")
    assert waiting(house, record="h01") == []
    house.engine.tick()
    assert [job.task for job in waiting(house, record="h01")] == [copy.id for copy in house.engine.tasks(of_record("h01"))]


# nobody who waits is forgotten


@pytest.mark.parametrize("whole", [True, False])
def test_j01_who_begins_to_wait_just_as_the_task_is_resumed_does_not_wait(*, whole: bool) -> None:
    house, task = with_task(*hosts(1))
    record = None if whole else "h01"
    house.engine.suspend_task(task.id, record)
    house.clock.advance(hours=3)
    handle = Watched(house.storage)
    handle.before(steps(Step.DEFER), lambda: house.enter().resume_task(task.id, record))
    house.enter(storage=handle).drain()
    assert performed(house) == ["h01"]


@pytest.mark.parametrize("whole", [True, False])
def test_j01_who_waits_is_woken_also_where_the_process_dies_that_resumed_the_task(*, whole: bool) -> None:
    house, task = with_task()
    record = None if whole else "h01"
    house.engine.suspend_task(task.id, record)
    house.clock.advance(hours=3)
    house.engine.drain()
    house.play.performed.clear()
    handle = Watched(house.storage)
    handle.before(steps(Step.WAKE), crash)
    with pytest.raises(Crash):
        house.enter(storage=handle).resume_task(task.id, record)
    house.enter().drain()
    assert performed(house) == (["h01", "h02"] if whole else ["h01"])
    assert not house.storage.documents("chore")


def crash() -> None:
    raise Crash
