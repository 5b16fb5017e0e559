"""Recoveries that cannot do their work for long, and people who meddle with them: they go on, and stay small (S4)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from taskkit.engine import Engine, Settings
from taskkit.engine._refusals import given_back
from taskkit.errors import Refused
from taskkit.instants import MINUTE, SECOND
from taskkit.intents import Ruling
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.records import RecordType
from taskkit.scripts import Commands, Step
from taskkit.states import State
from taskkit.testing._accounts import MemorySlots
from tests.engine.houses import Crash
from tests.scripts.rotations import RotationHouse
from tests.scripts.test_rotation_upheavals import POINTS, Upheaved


@pytest.fixture
def house() -> Upheaved:
    return Upheaved()


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


# people


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


# vaults that change


@pytest.mark.parametrize("again", [False, True], ids=["once", "killed again"])
@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_s06_a_vault_that_gets_slots_meanwhile_gets_the_candidate(where: str, again: bool) -> None:
    """As its product is updated: it lay sealed in the store before."""
    house = Upheaved(slots=False, keyring=Keyring({"one": b"k" * 32}, "one"))
    task, died = house.rotates(), list[str]()
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    live = house.live
    object.__setattr__(house.vault, "slots", MemorySlots(house.vault.secrets))

    def die(point: str, job: Job) -> None:
        if point == "adopted" and not died:
            died.append(point)
            raise Crash

    if again:
        house.engine = house.enter(points=die)
        with pytest.raises(Crash):
            house.pass_time(hours=3)
    house.engine = house.enter()
    house.pass_time(hours=3)
    assert house.is_settled
    assert live in (house.kept(), house.kept("previous"))
    assert not house.storage.documents("sealed")
