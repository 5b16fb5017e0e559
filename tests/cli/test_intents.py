"""Accounts in doubt, asked for and ruled on from a terminal (S3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from taskkit.cli import main
from tests.cli.products import product

APP = """\
import pendulum
from taskkit import *
from taskkit.plugins import hookimpl
from taskkit.scripts import PasswordReset
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import FakeExecutor, MemoryVault, VirtualClock
from taskkit.testing.hosts import Reply

clock = VirtualClock(pendulum.datetime(2026, 3, 2, tz="UTC"))
fake = FakeExecutor(clock=clock)


class FakeHosts:
    @hookimpl
    def taskkit_executors(self):
        return [fake]


record = Record("root@db-1", "unix", fields={"host": "db-1", "user": "root"}, secret_fields={"password"})
vault = MemoryVault([record], {record.id: {"password": "old-secret"}}, clock=clock)
storage = SqliteStorage("vault.db")
engine = Engine(vault, storage, plugins=[FakeHosts()], clock=clock, node="node-1")
engine.define(RecordType("unix", executor="fake"))
engine.define(PasswordReset("rotate"))
task = engine.put(Task("rotation", "rotate", [OnDemand()]), list=of_type("unix"))


def lost():
    fake.guard("db-1", "root", "nobody-knows")
    return True


fake.guard("db-1", "root", "old-secret")
fake.script_changes("db-1", Reply(seen=False, until=lost))
engine.demand(task.id, record.id)
engine.drain()
"""
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The folder where the command is typed has a product with an account of which nobody knows the password."""
    with product(APP, tmp_path, monkeypatch) as app:
        yield app


def said(capsys: Capsys, *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    return capsys.readouterr().out


@pytest.mark.parametrize("place", ["sqlite:vault.db", "app:engine"])
def test_s03_an_account_in_doubt_is_listed_and_asks_for_a_person(app: ModuleType, capsys: Capsys, place: str) -> None:
    told = said(capsys, "intents", place, code=1)
    assert "root@db-1" in told
    assert "uncertain" in told
    (intent,) = json.loads(said(capsys, "intents", place, "--uncertain", "--json", code=1))
    assert (intent["account"], intent["record"]) == ("root@db-1", "root@db-1")
    pending = app.vault.secrets.values("root@db-1", _NOBODY).pending["password"].reveal()
    for secret in ("old-secret", "nobody-knows", pending):
        assert secret not in told + json.dumps(intent)


def test_s05_what_was_refused_is_listed_and_a_probe_says_when_it_will_be(app: ModuleType, capsys: Capsys) -> None:
    assert "candidate 00:00, current 00:00" in said(capsys, "intents", "app:engine", code=1)
    (intent,) = json.loads(said(capsys, "intents", "sqlite:vault.db", "--json", code=1))
    assert [one["which"] for one in intent["tries"]] == ["candidate", "current"]
    told = said(capsys, "rule", "app:engine", "root@db-1", "probe")
    assert "its recovery does so at 2026-03-02 00:16" in told
    assert "may lock the account" in told


def test_s03_a_ruling_from_a_terminal_is_done_by_whoever_works(app: ModuleType, capsys: Capsys) -> None:
    told = said(capsys, "rule", "app:engine", "root@db-1", "current", "--by", "ada", "--why", "looked at it")
    assert told == "root@db-1: current; its recovery does so now\n"
    app.engine.drain()
    assert said(capsys, "intents", "sqlite:vault.db", "--uncertain") == "no account is in doubt\n"
    assert said(capsys, "intents", "sqlite:vault.db") == "no account's secret is being changed\n"
    (ruled,) = app.engine.facts(kinds=["IntentRuled"])
    assert (ruled.who, dict(ruled.details)) == ("ada", {"account": "root@db-1", "ruling": "current", "why": "looked at it"})


def test_what_is_no_ruling_is_told(app: ModuleType, capsys: Capsys) -> None:
    with pytest.raises(SystemExit):
        main(("rule", "app:engine", "root@db-1", "guess"))
    assert "candidate" in capsys.readouterr().err


class _Nobody:
    viewer = None
    token = 0


_NOBODY = _Nobody()
