"""How far a run over many records is, and once more for what failed, asked from a terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from taskkit.cli import main
from taskkit.cli._arguments import EXECUTION_EXAMPLES, RERUN_EXAMPLES
from taskkit.states import State
from taskkit.storage import Query
from tests.cli.products import product

APP = """\
import pendulum
from taskkit import *
from taskkit.plugins import hookimpl
from taskkit.scripts import Commands, Step
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import FakeExecutor, MemoryVault, VirtualClock

fake, clock = FakeExecutor(), VirtualClock(pendulum.datetime(2026, 3, 2, tz="UTC"))


class FakeHosts:
    @hookimpl
    def taskkit_executors(self):
        return [fake]


servers = [Record(f"web-{n}", "unix", fields={"host": f"10.0.0.{n}"}, tags=["web"]) for n in range(1, 9)]
storage = SqliteStorage("vault.db")
engine = Engine(MemoryVault(servers), storage, plugins=[FakeHosts()], clock=clock, node="node-1")
engine.define(RecordType("unix", executor="fake"))
engine.define(Commands("patch", Step("apply-patches"), effect="idempotent"))
patch = engine.put(Task("patch the web", "patch", selection=Tagged("web"), waves=Waves(canary=1, size=3)))
fake.down("10.0.0.4")
run = engine.demand(patch.id)
"""
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The folder where the command is typed has a product with eight servers, and a run over them that is planned."""
    with product(APP, tmp_path, monkeypatch) as app:
        yield app


def said(capsys: Capsys, *arguments: str, code: int = 0) -> list[str]:
    assert main(arguments) == code
    found = capsys.readouterr()
    return (found.out + found.err).splitlines()


def test_r06_a_run_over_many_tells_how_far_it_is_and_what_failed(app: ModuleType, capsys: Capsys) -> None:
    assert [app.engine.work(1), app.engine.work(1)] == [1, 1]  # the conductor, and the canary
    [line, heads, *parts] = said(capsys, "jobs", "sqlite:vault.db", "--execution", app.run)
    assert line == "patch the web: running, 1 of 8 done; 7 not begun"
    assert heads.split() == ["record", "state", "started", "ended", "job", "why"]
    assert [part.split()[:2] for part in parts] == [["web-1", "completed"]]
    app.engine.drain()
    line, _, *parts = said(capsys, "jobs", "sqlite:vault.db", "--execution", app.run)
    assert line == "patch the web: error, 7 of 8 done; 1 failed: web-4"
    assert len(parts) == 8


def test_r06_it_is_followed_until_it_has_ended(app: ModuleType, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskkit.cli._executions.time.sleep", lambda seconds: app.engine.work(1))
    lines = said(capsys, "jobs", "sqlite:vault.db", "--execution", app.run, "--follow")
    assert lines[0] == "patch the web: it has not begun"
    assert lines[-1] == "patch the web: error, 7 of 8 done; 1 failed: web-4"
    assert len(lines) == len(set(lines)) > 5


def test_r06_what_failed_runs_once_more_and_nothing_else(app: ModuleType, capsys: Capsys) -> None:
    app.engine.drain()
    app.fake.up("10.0.0.4")
    assert said(capsys, "rerun", "app:engine", app.run)[0].startswith("1 planned: ")
    assert app.engine.drain() == 1
    assert said(capsys, "jobs", "sqlite:vault.db", "--execution", app.run)[0] == "patch the web: completed, 8 of 8 done"
    assert "nothing of it failed" in said(capsys, "rerun", "app:engine", app.run, code=1)[0]


def test_r06_it_may_be_forced(app: ModuleType, capsys: Capsys) -> None:
    app.engine.drain()
    said(capsys, "rerun", "app:engine", app.run, "--force")
    [again] = app.storage.jobs(Query(execution=app.run, states=State.SCHEDULED)).jobs
    assert again.forced


def test_a_program_gets_a_document(app: ModuleType, capsys: Capsys) -> None:
    app.engine.drain()
    [line] = said(capsys, "jobs", "sqlite:vault.db", "--execution", app.run, "--json")
    told = json.loads(line)
    assert {name: told[name] for name in ("id", "state", "of", "done", "failed", "running", "left")} == {
        "id": app.run, "state": "error", "of": 8, "done": 7, "failed": ["web-4"], "running": [], "left": [],
    }  # fmt: skip


@pytest.mark.usefixtures("app")
def test_what_is_no_run_over_many_is_told(capsys: Capsys) -> None:
    [line] = said(capsys, "jobs", "sqlite:vault.db", "--execution", "nothing", code=1)
    assert "there is no run over many records of this id" in line


def examples() -> list[str]:
    return [line.strip() for text in (EXECUTION_EXAMPLES, RERUN_EXAMPLES) for line in text.splitlines() if line.startswith("  taskkit ")]


@pytest.mark.parametrize("line", examples())
def test_the_examples_of_the_help_run(line: str, app: ModuleType, capsys: Capsys) -> None:
    app.engine.drain()
    assert said(capsys, *[app.run if word == "ID" else word for word in shlex.split(line)[1:]])
