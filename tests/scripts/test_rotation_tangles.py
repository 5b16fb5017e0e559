"""Accounts, tasks and dependents that are entangled while a rotation is open: none loses a password or waits for ever (S3, S4, R4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from taskkit.events.policies import OnDemand
from taskkit.intents import Ruling
from taskkit.jobs import Job
from taskkit.outcomes import ErrorClass
from taskkit.passwords import Passwords
from taskkit.records import Record
from taskkit.scripts import FileOn, OtherRecord, PasswordReset
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.tasks import Task, of_record
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash
from tests.scripts.rotations import _NOBODY, RotationHouse
from tests.scripts.test_rotation_upheavals import POINTS, Upheaved


@pytest.fixture
def house() -> Upheaved:
    return Upheaved()


def both_known(house: RotationHouse, *records: str) -> bool:
    return all(house.box.secret("box", one).same_as(house.vault.secrets.of(one).current["password"]) for one in records)  # type: ignore[union-attr]


# tasks in the way of one another


def crossed(house: Upheaved, **settings: Any) -> list[Task]:
    """Each of two accounts is changed through the other."""
    house.box.guard("box", "ops", "old-secret", root=True)
    house.engine.define(PasswordReset("rotate", **settings))
    tasks = []
    for record, shadow in (("ops", "root"), ("root", "ops")):
        house.engine.make_unique(record)
        tasks.append(house.engine.put(Task("rotation", "rotate", [OnDemand()], list=of_record(record), shadow=shadow)))
    return tasks


def both_fall(house: Upheaved, where: str, tasks: list[Task]) -> None:
    """A worker dies over the first, or its host goes away; and another one over the second, as soon as it may begin."""
    died = set[str]()

    def die(point: str, job: Job) -> None:
        if point == where and job.id not in died:
            died.add(job.id)
            raise Crash

    if where == "away":
        house.goes_away_after_a_change()
    for task, record in zip(tasks, ("ops", "root"), strict=True):
        house.engine.demand(task.id, record)
    for _ in range(6):
        house.engine = house.enter(points=die)
        try:
            house.pass_time(minutes=20)
        except Crash:
            continue
    house.box.up("box")
    house.engine = house.enter()


@pytest.mark.parametrize("through", ["shadow", "itself"])
@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_r04_two_accounts_that_are_changed_through_one_another_are_both_found_out(house: Upheaved, where: str, through: str) -> None:
    tasks = crossed(house, through=through)
    both_fall(house, where, tasks)
    house.pass_time(hours=6)
    assert not house.engine.intents.all()
    assert both_known(house, "ops", "root")
    for task, record in zip(tasks, ("ops", "root"), strict=True):
        job = house.engine.demand(task.id, record)
        house.engine.drain()
        assert house.engine.job(job).state is State.COMPLETED
    assert both_known(house, "ops", "root")


@pytest.mark.parametrize("ruling", [Ruling.PROBE, Ruling.ANEW])
def test_r04_two_that_are_both_in_doubt_wait_for_people_and_then_for_nobody(house: Upheaved, ruling: Ruling) -> None:
    tasks, live = crossed(house, through="itself"), {}
    for task, record in zip(tasks, ("ops", "root"), strict=True):
        house.engine.edit(evolve(house.engine.task(task.id), shadow=None))

        def lost(record: str = record) -> bool:
            live[record] = house.box.secret("box", record)
            house.box.guard("box", record, "nobody-knows", root=True)
            return True

        house.box.script_changes("box", Reply(seen=False, until=lost))
        job = house.engine.demand(task.id, record)
        house.engine.drain()
        assert house.engine.job(job).state is State.UNCERTAIN
    assert len(house.engine.intents.all(uncertain=True)) == 2
    for record in ("ops", "root"):
        found = live[record]
        assert found is not None
        house.box.guard("box", record, found.reveal(), root=True)
        house.engine.intents.rule(record, ruling)
        house.pass_time(hours=2)
    assert not house.engine.intents.all()
    assert both_known(house, "ops", "root")


@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_r04_two_accounts_that_hear_of_one_another_are_both_found_out(house: Upheaved, where: str) -> None:
    tasks = []
    for record, other in (("ops", "root"), ("root", "ops")):
        house.engine.define(PasswordReset(f"of {record}", dependents=[OtherRecord(other, "theirs")]))
        house.engine.make_unique(record)
        tasks.append(house.engine.put(Task("rotation", f"of {record}", [OnDemand()], list=of_record(record))))
    both_fall(house, where, tasks)
    house.pass_time(hours=6)
    assert not house.engine.intents.all()
    assert both_known(house, "ops", "root")


def test_s04_a_task_that_takes_the_place_of_one_that_was_removed_waits_for_what_that_one_began(house: Upheaved) -> None:
    house.goes_away(house.rotates())
    candidate = house.live
    house.engine.remove(house.engine.tasks()[0].id)
    house.engine.undefine("rotate")
    house.engine.define(PasswordReset("rotate", passwords=Passwords(40)))
    task = house.engine.put(Task("rotation", "rotate", [OnDemand()], list=UNIX, shadow="root"))
    job = house.rotated(task)
    assert (job.state, job.why) == (State.DEFERRED, "busy")
    house.pass_time(hours=3)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.kept("previous") == candidate
    assert house.is_settled


BEFALLS: dict[str, Callable[[Upheaved, Task], object]] = {
    "deactivate": lambda house, task: house.engine.deactivate(task.id),
    "remove": lambda house, task: house.engine.remove(task.id),
    "edit": lambda house, task: house.engine.edit(evolve(house.engine.task(task.id), shadow="root", name="another")),
    "undefine": lambda house, task: [
        gone(task.id if gone == house.engine.remove else "rotate") for gone in (house.engine.remove, house.engine.undefine)
    ],
    "suspend": lambda house, task: house.engine.suspend_task(task.id, "ops", why="holidays"),
    "unique": lambda house, task: house.engine.make_unique("ops"),
}


@pytest.mark.parametrize("befalls", BEFALLS)
@pytest.mark.parametrize("where", ["planned", *POINTS, "away"])
def test_s04_whatever_befalls_the_task_at_any_stage_what_has_begun_is_ended(house: Upheaved, where: str, befalls: str) -> None:
    task = house.rotates()
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    BEFALLS[befalls](house, task)
    house.pass_time(hours=3)
    assert house.is_settled
    assert State.RUNNING not in {job.state for job in house.engine.history(record="ops").entries}


def test_s04_nor_does_it_end_with_the_list_of_its_record(house: Upheaved) -> None:
    house.rotates()
    (task,) = house.engine.make_unique("ops")
    house.goes_away_after_a_change()
    house.engine.demand(task.id, "ops")
    house.engine.drain()
    house.engine.share_again("ops")
    house.box.up("box")
    house.pass_time(hours=3)
    assert house.is_settled


# accounts of several records, and what hears of another one


@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_r08_two_records_of_one_account_are_one_in_all_that_is_open(house: Upheaved, where: str) -> None:
    """The vault says that they are one log-in: a reference does not."""
    account = house.vault.records.account
    house.vault.put(evolve(house.vault.records.kept["ops"], id="same"))
    house.vault.records.account = lambda record: "ops" if record.id == "same" else account(record)  # type: ignore[method-assign]
    task = house.rotates()
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    job = house.engine.demand(task.id, "same")
    house.engine.drain()
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.DEFERRED, "busy")
    house.vault.remove("ops")
    house.pass_time(hours=3)
    assert house.engine.job(job).state is State.COMPLETED
    assert house.is_settled


def pending(house: Upheaved, account: str) -> Any:
    return house.vault.secrets.values(account, _NOBODY).pending


@pytest.mark.parametrize("next_one", ["ops", "app"])
@pytest.mark.parametrize("field", ["note", "password"])
@pytest.mark.parametrize("ends", ["dies", "raises"])
def test_s02_what_was_left_in_the_slot_of_a_dependent_stands_in_nobodys_way(ends: str, field: str, next_one: str) -> None:
    """Neither in that of the next one who tells of the same account, nor of a rotation of its own."""
    house = Upheaved()
    house.vault.put(Record("app", "unix", fields={"host": "box", "user": "app"}, secret_fields={"password"}))
    house.vault.change_secret("app", "password", "app-secret", at=house.clock.moment)
    house.box.guard("box", "app", "app-secret")
    house.engine.define(PasswordReset("rotate", dependents=[OtherRecord("app", field, retries=0)]))
    for record in ("ops", "app"):
        house.engine.make_unique(record)
    task = house.engine.put(Task("rotation", "rotate", [OnDemand()], list=of_record("ops")))
    slots = house.vault.slots
    assert slots is not None
    promote, left = slots.promote, [Crash] * 9 if ends == "dies" else [OSError]

    def breaks(account: str, *args: Any) -> bool:
        if account == "app" and left:
            raise left.pop()
        return promote(account, *args)

    slots.promote = breaks  # type: ignore[method-assign,assignment]
    job = house.engine.demand(task.id, "ops")
    for _ in range(30):
        house.engine = house.enter()
        try:
            house.pass_time(minutes=20)
        except Crash:
            continue
    assert house.engine.job(job).state is (State.UNCERTAIN if ends == "dies" else State.ERROR)
    left.clear()
    assert pending(house, "app")
    if next_one == "app":
        house.engine.define(PasswordReset("its own"))
        task = house.engine.put(Task("its own", "its own", [OnDemand()], list=of_record("app")))
    else:
        house.engine.resume_task(task.id, "ops")
    again = house.engine.demand(task.id, next_one)
    house.engine.drain()
    assert house.engine.job(again).state is State.COMPLETED, house.engine.job(again).text
    assert house.live == house.kept()
    found = house.vault.secrets.of("app")
    assert not pending(house, "app")
    if next_one == "app":
        assert both_known(house, "app")
        assert found.current["password"].reveal() != house.live
    else:
        assert found.current[field].reveal() == house.live


@pytest.mark.parametrize("name", ["j-1/7/1", "proposed by ann", "j-1/7/1/other", "a/b/c/d/password"])
def test_s04_what_lies_there_under_another_name_is_somebody_elses(house: Upheaved, name: str) -> None:
    assert house.vault.slots is not None
    house.vault.slots.propose("root", {"password": Secret("theirs")}, name, 1)
    task = house.rotates(dependents=[OtherRecord("root", "note", retries=0)])
    job = house.rotated(task)
    assert (job.state, house.live) == (State.ERROR, house.kept())
    assert pending(house, "root")["password"].reveal() == "theirs"


@pytest.mark.parametrize("befalls", ["deactivate", "remove", "cancel", None])
def test_j08_a_rotation_that_waits_to_tell_somebody_says_so_also_where_it_is_canceled(house: Upheaved, befalls: str | None) -> None:
    task = house.rotates(dependents=[FileOn("root", "/etc/ops.conf"), OtherRecord("root", "note")])
    house.box.script_files("box", ErrorClass.BUSY)
    job = house.rotated(task)
    waits = {"file /etc/ops.conf of root": "not told yet", "note of record root": "not told yet"}
    assert (job.state, job.result) == (State.DEFERRED, {"account": "ops", "changed": True, "dependents": waits})
    if befalls == "cancel":
        house.engine.cancel(job.id, by="ann")
    elif befalls is not None:
        BEFALLS[befalls](house, task)
    house.pass_time(hours=1)
    job = house.engine.job(job.id)
    assert (job.state, job.result["changed"]) == (State.CANCELED if befalls else State.COMPLETED, True)
    assert job.result["dependents"] == (waits if befalls else dict.fromkeys(waits, "done"))
    assert house.is_settled
