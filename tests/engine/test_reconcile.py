"""What the vault holds against what the store plans: told by happenings, and compared at start and daily (R8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from attrs import evolve

from taskkit.errors import VaultAway
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn, RecordChanged, RecordCreated, RecordRemoved, Unlocked
from taskkit.events.policies import AfterUnlock, OnDemand
from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind
from taskkit.records import Record
from taskkit.states import PENDING, State, Step
from taskkit.storage import Insert, Move, Query
from taskkit.targets import Target
from taskkit.tasks import Task, of_record, of_type
from taskkit.vaults import Records
from tests.engine.houses import UNIX, House, Watched, hosts, kept

NIGHTLY = Task("nightly", "work", Daily(at="02:30"))


def with_task(*records: Record) -> tuple[House, Task]:
    house = House(*(records or hosts(3)))
    task = house.engine.put(NIGHTLY, list=UNIX)
    house.engine.tick()
    return house, task


def waiting(house: House) -> list[tuple[str | None, str]]:
    jobs = house.storage.jobs(Query(states=PENDING), limit=10_000).jobs
    return sorted(((job.record, job.task) for job in jobs), key=str)


def jobs_of(house: House, record: str) -> list[Job]:
    return list(house.storage.jobs(Query(states=PENDING, record=record)).jobs)


# at start and daily


def test_r08_at_each_start_and_then_daily_vault_and_store_are_compared() -> None:
    house, task = with_task()
    house.vault.put(Record("new", "unix"))
    assert house.engine.tick() == 0  # not each time
    later = house.enter()
    later.tick()
    assert ("new", task.id) in waiting(house)
    house.vault.put(Record("newer", "unix"))
    house.clock.advance(hours=23)
    later.tick()
    assert ("newer", task.id) not in waiting(house)
    house.clock.advance(hours=1)
    later.tick()
    assert ("newer", task.id) in waiting(house)


def test_r08_what_was_repaired_is_a_fact_and_where_all_is_well_nothing_is_written() -> None:
    house, _ = with_task()
    before = kept(house.storage)
    assert house.engine.reconcile() == 0
    assert kept(house.storage) == before
    house.vault.remove("h01")
    house.vault.put(Record("h09", "unix"))
    assert house.engine.reconcile() == 2
    assert [fact.details for fact in house.engine.facts(kinds=["Reconciled"])] == [{"repaired": 2}]


def test_r08_without_the_vault_it_is_tried_again_soon() -> None:
    house, task = with_task()
    house.vault.put(Record("new", "unix"))
    house.clock.advance(days=1)
    records = house.vault.records
    object.__setattr__(house.vault, "records", Away(records))
    house.engine.tick()
    with pytest.raises(VaultAway):
        house.engine.reconcile()
    object.__setattr__(house.vault, "records", records)
    house.engine.tick()
    assert ("new", task.id) in waiting(house)


class Away(Records):
    def __init__(self, records: Records) -> None:
        self.records = records

    def get(self, id: str) -> Record | None:
        raise ConnectionError

    def all(self) -> Iterable[Record]:
        raise ConnectionError


# what no happening told


Change = Callable[[House], object]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda house: house.vault.put(Record("h04", "unix")), ["h01", "h02", "h03", "h04"]),
        (lambda house: house.vault.remove("h02"), ["h01", "h03"]),
        (lambda house: house.vault.change("h02", type="windows"), ["h01", "h03"]),
        (lambda house: house.vault.change("w1", type="unix"), ["h01", "h02", "h03", "w1"]),
        (lambda house: None, ["h01", "h02", "h03"]),
    ],
)
def test_r08_what_came_went_or_changed_untold_is_planned_or_dropped(change: Change, expected: list[str]) -> None:
    house, task = with_task(*hosts(3), Record("w1", "windows"))
    change(house)
    house.engine.reconcile()
    assert waiting(house) == [(record, task.id) for record in expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda house: (house.vault.put(Record("h04", "unix")), RecordCreated("h04"))[1], ["h01", "h02", "h03", "h04"]),
        (lambda house: (house.vault.remove("h02"), RecordRemoved("h02"))[1], ["h01", "h03"]),
        (
            lambda house: (house.vault.change("h02", type="windows"), RecordChanged("h02", before="unix"))[1],
            ["h01", "h03"],
        ),
        (lambda house: (house.vault.change("h02", pool="dmz"), RecordChanged("h02"))[1], ["h01", "h02", "h03"]),
        (lambda house: RecordCreated("h02"), ["h01", "h02", "h03"]),
        (lambda house: RecordCreated("gone"), ["h01", "h02", "h03"]),
        (lambda house: RecordRemoved("gone"), ["h01", "h02", "h03"]),
    ],
)
def test_r08_what_is_told_is_planned_or_dropped_at_once(change: Callable[[House], Any], expected: list[str]) -> None:
    house, task = with_task(*hosts(3), Record("w1", "windows"))
    house.engine.emit(change(house))
    assert waiting(house) == [(record, task.id) for record in expected]
    assert house.engine.reconcile() == 0


def test_r08_a_record_that_is_gone_ends_all_that_waits_for_it() -> None:
    house, task = with_task()
    house.engine.edit(evolve(house.engine.task(task.id), policies=[Daily(at="02:30"), AfterUnlock(60)]))
    house.engine.emit(Unlocked("h02"))
    house.vault.remove("h02")
    house.engine.reconcile()
    assert jobs_of(house, "h02") == []
    assert {entry.why for entry in house.entries(record="h02")} == {"record_removed"}


def test_r08_a_records_pool_that_changed_is_told_and_counts() -> None:
    house, _ = with_task()
    house.vault.change("h01", pool="dmz")
    house.engine.emit(RecordChanged("h01"))
    assert [job.pool for job in jobs_of(house, "h01")] == ["dmz"]


def test_r08_a_record_that_comes_back_is_planned_again() -> None:
    house, task = with_task()
    house.vault.remove("h01")
    house.engine.reconcile()
    house.vault.put(Record("h01", "unix"))
    house.engine.reconcile()
    assert ("h01", task.id) in waiting(house)
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_r08_a_unique_record_that_comes_back_has_its_own_tasks() -> None:
    house, _ = with_task()
    (copy,) = house.engine.make_unique("h01")
    house.vault.remove("h01")
    house.engine.reconcile()
    assert jobs_of(house, "h01") == []
    house.vault.put(Record("h01", "unix"))
    house.engine.reconcile()
    assert ("h01", copy.id) in waiting(house)


def test_r08_a_reference_that_changed_untold_is_followed() -> None:
    house = House(Record("site", "web", reference="a"), Record("a", "unix"), Record("b", "unix"))
    found = house.engine.put(Task("u", "work"), list=UNIX)
    house.engine.put(Task("w", "work", Daily(at="02:30"), target=Target.REFERENCED), list=of_type("web"))
    house.vault.change("site", reference="b")
    assert house.engine.reconcile() == 1
    assert waiting(house) == [("b", found.id)]
    assert house.engine.reconcile() == 0


def test_r08_the_type_of_a_record_that_changed_untold_stops_the_old_types_job_at_its_start() -> None:
    house, _ = with_task()
    house.vault.change("h02", type="windows")
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h02") == 0
    assert [(entry.state, entry.why) for entry in house.entries(record="h02")] == [(State.CANCELED, "list_changed")]


def test_r08_a_record_that_is_gone_when_its_job_starts_ends_it() -> None:
    house, _ = with_task()
    house.vault.remove("h02")
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h02") == 0
    assert [(entry.state, entry.why) for entry in house.entries(record="h02")] == [(State.CANCELED, "record_removed")]


# accidents in the store


def test_r08_an_occurrence_that_was_lost_is_planned_again_also_of_the_system() -> None:
    house, task = with_task(*hosts(1))
    report = house.engine.put(Task("report", "work", Daily(at="05:00")))
    house.engine.drain()
    jobs = house.storage.jobs(Query(states=PENDING)).jobs
    house.storage.write([(Move(job.id, Step.CANCEL, job.revision, fields={"fire": None, "ended": 1}),) for job in jobs])
    assert house.engine.reconcile() == 2
    assert waiting(house) == sorted([("h01", task.id), (None, report.id)], key=str)


def test_r08_a_stale_plan_is_made_anew() -> None:
    house, _ = with_task(*hosts(1))
    (job,) = jobs_of(house, "h01")
    house.storage.write([(Move(job.id, Step.REPLAN, job.revision, fields={"planned_for": 99}),)])
    assert house.engine.reconcile() == 1
    assert [job.planned_for for job in jobs_of(house, "h01")] == [1]


def test_r08_a_job_of_a_task_that_is_not_the_records_goes_to_the_one_of_its_line() -> None:
    house, task = with_task(*hosts(1))
    (copy,) = house.engine.make_unique("h01")
    (job,) = jobs_of(house, "h01")
    house.storage.write([(Move(job.id, Step.REPLAN, job.revision, fields={"task": task.id, "planned_for": 1}),)])
    assert house.engine.reconcile() == 1
    assert waiting(house) == [("h01", copy.id)]


def test_s04_a_recovery_job_is_not_touched() -> None:
    house, task = with_task(*hosts(1))
    recovery = Job("rec", Kind.RECOVERY, "gone", "gone", 1, "nobody", house.clock.now() + 10**12, 0, 0)
    house.storage.write([(Insert(recovery),)])
    house.engine.reconcile()
    house.engine.deactivate(task.id)
    house.engine.emit(RecordRemoved("nobody"))
    assert house.storage.job("rec") == recovery


# while others work


def test_r08_a_record_that_is_created_while_vault_and_store_are_compared_keeps_its_jobs() -> None:
    house, task = with_task()
    records = house.vault.records
    everything = records.all

    def all_of_them() -> Iterable[Record]:
        found = list(everything())
        house.vault.put(Record("new", "unix"))
        house.engine.emit(RecordCreated("new"))
        return found

    records.all = all_of_them  # type: ignore[method-assign]
    house.engine.reconcile()
    assert ("new", task.id) in waiting(house)


def test_r08_a_vault_that_lists_too_little_loses_no_job() -> None:
    """One answer is not enough to believe that a record is gone."""
    house, _ = with_task()
    before = waiting(house)
    house.vault.records.all = list  # type: ignore[method-assign]
    house.engine.reconcile()
    assert waiting(house) == before


def test_r08_a_claimed_job_is_nobodys_to_repair() -> None:
    house, _ = with_task(*hosts(1))
    house.clock.advance(hours=3)
    now = house.clock.now()
    house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 60)
    assert house.engine.reconcile() == 0
    assert waiting(house) == []


def test_r08_two_nodes_that_compare_at_once_plan_once() -> None:
    house, task = with_task()
    house.vault.put(Record("new", "unix"))
    handle = Watched(house.storage)
    handle.before(lambda units: any(isinstance(change, Insert) for unit in units for change in unit), lambda: house.engine.reconcile())
    house.enter(storage=handle).reconcile()
    assert waiting(house).count(("new", task.id)) == 1


def test_r08_many_records_are_compared_in_one_go() -> None:
    house = House(*hosts(50))
    house.engine.put(NIGHTLY, list=UNIX)
    (copy,) = house.engine.make_unique("h07")
    house.engine.tick()
    for number in range(100, 1100):
        house.vault.put(Record(f"x{number}", "unix"))
    assert house.engine.reconcile() == 1000
    assert len(waiting(house)) == 1050
    assert copy.list == of_record("h07")


# sessions and accounts


def test_r08_what_is_told_of_a_record_nobody_knows_is_taken_in() -> None:
    house, _ = with_task()
    assert house.engine.emit(CheckedIn("nobody")) == []


@pytest.mark.parametrize("compares", [lambda house: house.engine.reconcile(), lambda house: house.engine.emit(RecordCreated("web"))])
def test_p04_an_occurrence_that_is_claimed_where_its_target_leads_is_not_planned_once_more(compares: Callable[[House], object]) -> None:
    house = House(Record("root", "unix"), Record("web", "web", reference="root"))
    house.put(OnDemand())
    house.engine.put(Task("work it", "work", Daily(at="02:00"), target=Target.REFERENCED), list=of_type("web"))
    house.clock.advance(hours=2)
    now = house.clock.now()
    house.storage.claim(now, worker="dead/1", node="dead", pools=["local"], limit=9, lease=now + MINUTE)
    compares(house)
    assert len(house.entries(kinds=Kind.OCCURRENCE)) == 1
    house.clock.advance(minutes=2)
    house.engine.drain()
    assert [entry.state for entry in house.entries(kinds=Kind.OCCURRENCE)] == [State.COMPLETED, State.SCHEDULED]
