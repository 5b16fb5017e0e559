"""Candidates, hosts and accounts that are out of the ordinary: none loses a password (S3)."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.passwords import Passwords
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.testing.hosts import Reply
from tests.scripts.rotations import OPS
from tests.scripts.test_rotation_tangles import both_known
from tests.scripts.test_rotation_upheavals import POINTS, Upheaved

KEYS = Keyring({"one": b"k" * 32}, "one")


@pytest.fixture
def house() -> Upheaved:
    return Upheaved()


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


# what a host may be


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


@pytest.mark.parametrize("shadow", [None, "root"])
def test_s02_a_field_that_holds_no_port_is_told_before_anything_is_begun(shadow: str | None) -> None:
    house = Upheaved()
    task = house.rotates(shadow)
    house.vault.change("ops", fields={**OPS.fields, "port": "ssh"})
    job = house.rotated(task)
    assert (job.error, house.engine.intents.all(), house.recoveries()) == ("bad_configuration", [], [])
    assert house.kept("pending") is None


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
