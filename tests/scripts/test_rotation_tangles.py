"""Accounts, tasks and nodes that are entangled while a rotation is open: none loses a password, and none waits for ever (S3, S4, R4)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Engine, Settings
from taskkit.engine._refusals import given_back
from taskkit.errors import Refused
from taskkit.events.policies import OnDemand
from taskkit.instants import MINUTE, SECOND
from taskkit.intents import Ruling
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.outcomes import ErrorClass
from taskkit.passwords import Passwords
from taskkit.records import Record, RecordType
from taskkit.scripts import Commands, FileOn, OtherRecord, PasswordReset, Step
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.tasks import Task, of_record
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash
from tests.scripts.rotations import _NOBODY, RotationHouse
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


def test_s03_a_host_that_takes_what_it_has_said_to_have_taken_later_loses_nothing(house: Upheaved) -> None:
    """As one of several directories that hear of it from one another."""
    task, sent = house.rotates(), list[str | None]()

    def takes_its_time() -> Reply:
        sent.append(house.kept("pending"))
        return Reply(does=False)

    house.box.script_changes("box", *[takes_its_time] * 3)
    job = house.rotated(task)
    assert job.state is State.ERROR
    house.pass_time(minutes=3)
    house.box.guard("box", "ops", sent[-1] or "")
    house.pass_time(hours=3)
    assert house.is_settled


def test_s03_nor_does_one_that_never_takes_it_hold_the_account_for_ever(house: Upheaved) -> None:
    task = house.rotates()
    house.box.script_changes("box", *[Reply(does=False)] * 500)
    assert house.rotated(task).state is State.ERROR
    house.pass_time(hours=26)
    assert house.is_settled
    assert house.live == "old-secret"


def test_s03_what_a_person_says_while_a_recovery_is_at_work_is_not_overheard(house: Upheaved) -> None:
    house.goes_away(house.rotates())
    house.box.guard("box", "ops", "nobody-knows")
    said = list[str]()

    def rule(point: str, job: Job) -> None:
        if point == "probe" and job.kind == "recovery" and not said:
            said.append(point)
            house.enter().intents.rule("ops", Ruling.CURRENT, by="ann")

    house.engine, current = house.enter(points=rule), house.kept()
    house.pass_time(hours=2)
    assert said
    assert not house.engine.intents.all()
    assert house.kept() == current


HOSTS: dict[str, dict[str, Any]] = {"expired": {"expired": True}, "keeps the old one": {"keeps_old": 3600.0}, "locks": {"locks_after": 3}}


@pytest.mark.parametrize("shadow", [None, "root"])
@pytest.mark.parametrize("of", HOSTS)
@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_s03_hosts_of_all_kinds_lose_nothing(house: Upheaved, where: str, of: str, shadow: str | None) -> None:
    house.box.guard("box", "ops", "old-secret", **HOSTS[of])
    task = house.rotates(shadow)
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    house.pass_time(hours=3)
    assert house.is_settled


@pytest.mark.parametrize("where", [None, *POINTS, "away"])
def test_s03_an_account_of_which_the_vault_knows_no_secret_gets_one_from_its_shadow_account(where: str | None) -> None:
    house = Upheaved()
    house.vault.put(Record("new", "unix", fields={"host": "box", "user": "new"}, secret_fields={"password"}))
    house.box.guard("box", "new", "nobody-knows")
    task = house.rotates("root")
    if where is None or where == "away":
        if where:
            house.goes_away_after_a_change()
        house.engine.demand(task.id, "new")
        house.engine.drain()
    else:
        house.dies(where, task, "new")
    house.box.up("box")
    house.pass_time(hours=3)
    assert not house.engine.intents.all()
    assert both_known(house, "new", "root")


@pytest.mark.parametrize("how", ["stop", "cancel", "pass over", "pause", "run now"])
@pytest.mark.parametrize("where", ["adopted", "probe", "promoted", None])
def test_j06_whatever_people_do_to_a_recovery_it_is_ended(house: Upheaved, where: str | None, how: str) -> None:
    house.goes_away(house.rotates())
    (recovery,) = house.recoveries()
    done = list[str]()

    def deed(point: str, job: Job) -> None:
        if point == where and job.kind == "recovery" and not done:
            done.append(point)
            acts()

    def acts() -> None:
        other = house.enter()
        with suppress(Refused):
            if how == "stop":
                other.request_stop(recovery.id, by="ann")
            elif how == "cancel":
                other.cancel(recovery.id, by="ann")
            elif how == "pass over":
                other.pass_over(by="ann")
            elif how == "run now":
                other.run_now(recovery.id, by="ann")
            else:
                other.pause(by="ann")
                other.resume(by="ann")

    if where is None:
        acts()
    house.engine = house.enter(points=deed)
    house.pass_time(hours=3)
    assert where is None or done
    assert house.is_settled


@pytest.mark.parametrize("where", ["planned", "intended", "proposed", "probe", "applying", "applied", "verified", "promoted"])
@pytest.mark.parametrize("shadow", [None, "root"])
def test_j06_a_stop_or_a_deadline_at_any_point_loses_nothing(where: str, shadow: str | None) -> None:
    house = Upheaved()
    task = house.engine.edit(evolve(house.rotates(shadow), deadline=10))

    def late(point: str, job: Job) -> None:
        if point == where:
            house.clock.advance(minutes=11)

    house.engine = house.enter(points=late)
    house.engine.demand(task.id, "ops")
    house.engine.drain()
    house.engine = house.enter()
    house.pass_time(hours=26)
    assert house.is_settled
    assert State.RUNNING not in {job.state for job in house.engine.history(record="ops").entries}


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
