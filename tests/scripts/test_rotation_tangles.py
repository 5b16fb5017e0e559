"""Accounts, tasks and nodes that are entangled while a rotation is open: none loses a password, and none waits for ever (S3, S4, R4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Engine, Settings
from taskkit.engine._refusals import given_back
from taskkit.events.policies import OnDemand
from taskkit.instants import MINUTE, SECOND
from taskkit.intents import Ruling
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.passwords import Passwords
from taskkit.records import Record, RecordType
from taskkit.scripts import Commands, OtherRecord, PasswordReset, Step
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.tasks import Task, of_record
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash
from tests.scripts.rotations import RotationHouse
from tests.scripts.test_rotation_upheavals import POINTS, Upheaved

APP = Record("app", "unix", fields={"host": "box", "user": "app"}, secret_fields={"password"})
KEYS = Keyring({"one": b"k" * 32}, "one")


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
    "undefine": lambda house, task: (house.engine.remove(task.id), house.engine.undefine("rotate")),
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


# accounts of several records


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


# what a candidate may be


ODD = {
    "the current one": "old-secret", "longest": "x" * 511, "words": "pass wörd ünd ж 密碼 😀", "spaces": "  a   b  ",
    "quotes": "'\";$(id)`\\{password}", "short": "a", "nfd": "e\u0301a\u0308",
}  # fmt: skip
UNFIT = {"too long": "x" * 512, "much too long": "ж" * 4096, "two lines": "one\ntwo", "tab": "a\tb", "end": "new\n"}


def draws(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setattr(Passwords, "draw", lambda self, *, user, former: Secret(secret))


@pytest.mark.parametrize("slots", [True, False], ids=["slots", "sealed"])
@pytest.mark.parametrize("where", [None, "proposed", "applied", "promoted"])
@pytest.mark.parametrize("secret", ODD.values(), ids=ODD)
def test_s03_whatever_a_candidate_is_like_it_is_not_lost(
    secret: str, where: str | None, slots: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws(monkeypatch, secret)
    house = Upheaved(slots=slots, keyring=KEYS)
    task = house.rotates()
    if where is None:
        assert house.rotated(task).state is State.COMPLETED
    else:
        house.dies(where, task)
    house.pass_time(hours=3)
    assert house.is_settled
    assert house.live == secret


@pytest.mark.parametrize("shadow", [None, "root"])
@pytest.mark.parametrize("where", [None, "proposed", "change"])
@pytest.mark.parametrize("secret", UNFIT.values(), ids=UNFIT)
def test_s03_a_candidate_that_no_host_may_hear_is_told_and_leaves_all_as_it_was(
    secret: str, where: str | None, shadow: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws(monkeypatch, secret)
    house = Upheaved()
    task = house.rotates(shadow)
    if where is not None:
        job = house.engine.job(house.dies(where, task))
        house.pass_time(hours=3)
    else:
        job = house.rotated(task)
    house.pass_time(hours=26)
    assert house.engine.job(job.id).error == "bad_configuration"
    assert house.is_settled
    assert house.live == "old-secret"


# nodes, and what is kept


def bare_node(house: RotationHouse, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A process that was started where the executor was not installed, before the type named it."""
    house.engine.define(RecordType("unix"))
    monkeypatch.setattr(house._offer, "_executors", ())
    engine = house.enter()
    monkeypatch.undo()
    house.engine.define(RecordType("unix", executor="fake"))
    return engine


@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_s04_a_node_without_the_executor_leaves_the_recovery_to_others(
    house: Upheaved, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, task = bare_node(house, monkeypatch), house.rotates()
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    candidate, before = house.kept("pending"), house.engine
    house.engine = bare
    house.pass_time(days=1)
    assert house.is_known
    assert house.kept("pending") == candidate
    assert len(house.engine.history(record="ops", limit=1000).entries) < 40
    house.engine = before
    house.pass_time(hours=3)
    assert house.is_settled


@pytest.mark.parametrize("where", ["away", "doubt"])
def test_j08_what_is_forgotten_of_the_past_takes_nothing_from_what_is_open(where: str) -> None:
    house = Upheaved()
    house._settings = Settings(
        lease=60, retention={state: 3 for state in State if state.name in {"COMPLETED", "ERROR", "UNCERTAIN", "MERGED"}}
    )
    house.engine = house.enter()
    task = house.rotates()
    house.goes_away_after_a_change()
    job = house.rotated(task)
    candidate = house.live
    if where == "doubt":
        house.box.up("box")
        house.box.guard("box", "ops", "nobody-knows")
        house.pass_time(hours=2)
        assert house.doubts
    house.engine.remove(task.id)
    house.engine.define(Commands("rotate", Step("true")))
    house.engine.undefine("rotate")
    house.pass_time(days=30)
    with pytest.raises(LookupError):
        house.engine.job(job.id)
    house.box.up("box")
    house.box.guard("box", "ops", candidate)
    if where == "doubt":
        house.engine.intents.rule("ops", Ruling.PROBE)
    house.pass_time(hours=3)
    assert house.is_settled
    assert house.live == house.kept()


@pytest.mark.parametrize("where", ["adopted", "probe", "applying", "verified", "promoted", "settled"])
def test_j04_workers_that_die_again_and_again_over_one_account_lose_nothing(house: Upheaved, where: str) -> None:
    house.goes_away(house.rotates())
    died = 0

    def die(point: str, job: Any) -> None:
        nonlocal died
        if point == where and died < 12:
            died += 1
            raise Crash

    for _ in range(40):
        house.engine = house.enter(points=die)
        try:
            house.pass_time(hours=2)
        except Crash:
            continue
    assert house.is_known
    for one in house.engine.intents.all(uncertain=True):
        house.engine.intents.rule(one.account, Ruling.PROBE)
    house.pass_time(days=2)
    assert house.is_settled


def test_s04_a_recovery_that_cannot_be_looked_at_is_not_given_up(house: Upheaved, monkeypatch: pytest.MonkeyPatch) -> None:
    house.goes_away(house.rotates())
    looks = type(house.engine._staff.starter._lookups)

    def breaks(*args: Any, **kwargs: Any) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(looks, "fill", breaks)
    house.pass_time(days=2)
    assert len(house.engine.history(record="ops", limit=1000).entries) < 10
    assert house.storage.holders("account:ops")
    monkeypatch.undo()
    house.pass_time(days=2)
    assert house.is_settled


def test_s04_a_recovery_that_is_given_back_leaves_its_account_to_nobody(house: Upheaved) -> None:
    """A process stops that has just claimed it."""
    house.goes_away(house.rotates())
    (waiting,) = house.recoveries()
    house.clock.advance(hours=2)
    now = house.engine._ground.now()
    ((job, *_),) = house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + MINUTE)
    assert job.id == waiting.id
    assert house.storage.write([given_back(job, now + SECOND)])[0]
    assert list(house.storage.holders("account:ops")) == [job.id]
    house.pass_time(hours=2)
    assert house.is_settled


def break_values(house: Upheaved, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(house.vault.secrets, "values", away)


def break_promote(house: Upheaved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.vault.slots, "promote", lambda *_: False)


def break_adopt(house: Upheaved, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(house.vault.slots, "adopt", away)


def break_user(house: Upheaved, monkeypatch: pytest.MonkeyPatch) -> None:
    house.vault.change("ops", fields={"host": "box"})


def break_host(house: Upheaved, monkeypatch: pytest.MonkeyPatch) -> None:
    house.box.down("box")


BREAKS = {"secrets": break_values, "promote": break_promote, "adopt": break_adopt, "user": break_user, "host": break_host}


@pytest.mark.parametrize("breaks", BREAKS)
def test_s04_a_recovery_that_can_do_nothing_for_a_week_stays_small_and_goes_on(
    house: Upheaved, breaks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once an hour."""
    house.goes_away(house.rotates())
    BREAKS[breaks](house, monkeypatch)
    house.pass_time(days=7)
    entries = house.engine.history(record="ops", limit=1000).entries
    (waiting,) = house.recoveries()
    monkeypatch.undo()
    house.vault.change("ops", fields={"host": "box", "user": "ops"})
    house.box.up("box")
    assert house.storage.holders("account:ops")
    house.pass_time(hours=3)
    assert house.is_settled
    assert len(entries) < 200
    assert len(waiting.operations) < 30
