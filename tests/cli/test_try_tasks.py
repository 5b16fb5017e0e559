"""A task of a product, tried from a terminal: demanded of its engine, performed by the command, and shown while it goes on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskkit.cli import main
from taskkit.cli._tellers import Teller
from taskkit.engine import Entry
from taskkit.testing import Transcript
from tests.cli.products import product

Capsys = pytest.CaptureFixture[str]
SECRET = "correct-horse-battery"  # noqa: S105
APP = f"""\
import pathlib

from taskkit import *
from taskkit.plugins import hookimpl
from taskkit.scripts import Commands, Dialogue, PasswordReset, Step
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import FakeExecutor, MemoryVault

fake = FakeExecutor()


class FakeHosts:
    @hookimpl
    def taskkit_executors(self):
        return [fake]


web = Record("web-1", "unix", fields={{"host": "web-1", "user": "ops"}}, secret_fields={{"password"}})
here = Record("here", "local", secret_fields={{"password"}})
vault = MemoryVault([web, here], {{one.id: {{"password": "{SECRET}"}} for one in (web, here)}})
fake.guard("web-1", "ops", "{SECRET}")


WAITS = Step("until test -e go; do sleep 0.05; done", shell=True)


def furnished(storage, *tasks):
    made = Engine(vault, storage, plugins=[FakeHosts()], node="terminal")
    made.define(RecordType("unix", executor="fake"))
    made.define(RecordType("local", executor="local"))
    made.define(Commands("restart", [Step("systemctl restart {{user}}"), Step("say it")], effect="idempotent"))
    made.define(Commands("look", Step("uptime")))
    made.define(Commands("wait", [WAITS, Step("touch there")]))
    made.define(Dialogue.of("talk", "/[#$]$/ -> echo it is {{password}} ; /[#$]$/ -> exit"))
    made.define(PasswordReset("rotate"))
    for name in ("restart", "rotate"):
        made.put(Task(name, name, OnDemand()), list=of_type("unix"))
    made.put(Task("nightly", "look", Daily(at="02:00")), list=of_type("unix"))
    for name in ("wait", "talk"):
        made.put(Task(name, name, OnDemand()), list=of_type("local"))
    return made


is_new = not pathlib.Path("vault.db").exists()
storage = SqliteStorage("vault.db")
engine = furnished(storage) if is_new else Engine(vault, storage, plugins=[FakeHosts()], node="terminal")


def make():
    return Engine(vault, storage, plugins=[FakeHosts()], node="made")


def in_memory():
    return furnished(None)


def nothing():
    return None
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The folder where the command is typed has a product."""
    with product(APP, tmp_path, monkeypatch) as app:
        yield app


def tried(capsys: Capsys, *arguments: str, code: int = 0) -> str:
    assert main(["try", *arguments]) == code
    found = capsys.readouterr()
    return found.out + found.err


def test_a02_each_step_is_told_and_the_history_of_the_product_has_the_job(app: Any, capsys: Capsys) -> None:
    app.fake.script("web-1", "restarted", "hello")
    told = tried(capsys, "app:engine", "restart", "web-1", "--by", "ada").splitlines()
    (entry,) = app.engine.history(record="web-1", states="completed").entries
    assert told[0] == f"job {entry.id}: restart on web-1, asked for by ada"
    assert (told[1], told[3]) == ("done: systemctl restart {user}", "    restarted")
    assert told[-2:] == ["done", f"  the job {entry.id} is completed"]
    assert (entry.demanded_by, entry.node, len(entry.operations)) == ("ada", "terminal", 2)


def test_the_job_is_named_before_its_steps_however_slowly_that_is_told(app: Any, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Teller.begun

    def slow(teller: Teller, entry: Entry) -> None:
        time.sleep(0.3)
        begun(teller, entry)

    monkeypatch.setattr(Teller, "begun", slow)
    assert tried(capsys, "app:engine", "restart", "web-1", "--by", "ada").startswith("job ")


def test_a_job_is_performed_though_nothing_can_be_told_of_it(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise RuntimeError("no terminal")

    monkeypatch.setattr(Teller, "begun", gone)
    with pytest.raises(RuntimeError, match="no terminal"):
        main(["try", "app:engine", "restart", "web-1", "--by", "ada"])
    assert len(app.engine.history(record="web-1", states="completed").entries) == 1


def test_a_task_may_be_named_by_its_id_and_the_engine_by_what_makes_it(app: Any, capsys: Capsys) -> None:
    app.fake.script("web-1", "restarted", "hello")
    task = next(task.id for task in app.engine.tasks() if task.name == "restart")
    assert tried(capsys, "app:make", task, "web-1", "--by", "ada").endswith(" is completed\n")
    assert "'nothing' makes a NoneType" in tried(capsys, "app:nothing", task, "web-1", "--by", "ada", code=2)


def test_a_program_gets_a_line_for_the_job_for_each_step_and_for_the_outcome(app: Any, capsys: Capsys) -> None:
    app.fake.script("web-1", "restarted", "")
    job, one, _, end = map(json.loads, tried(capsys, "app:engine", "restart", "web-1", "--by", "ada", "--json").splitlines())
    assert (job["task"], job["record"], job["by"]) == ("restart", "web-1", "ada")
    assert (one["operation"]["output"], end["outcome"], end["state"], end["job"]) == ("restarted", "done", "completed", job["job"])


def test_j12_what_may_not_begin_now_is_told_and_is_not_left_for_later(app: Any, capsys: Capsys) -> None:
    app.engine.pause(by="bert", why="a move")
    said = tried(capsys, "app:engine", "restart", "web-1", "--by", "ada", code=1)
    assert "engine stands still, by bert: a move" in said
    app.engine.resume()
    app.engine.drain()
    assert app.engine.history(record="web-1", kinds="demand").entries == ()


def test_a02_whose_right_is_denied_is_told(app: Any, capsys: Capsys) -> None:
    app.vault.deny("ada", "task_execute")
    assert "taskkit: running the task 'restart'" in tried(capsys, "app:engine", "restart", "web-1", "--by", "ada", code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["app:engine"], "no task is named"),
        (["app:engine", "restart", "web-1"], "nobody is named who asks for it; say --by NAME"),
        (["app:engine", "restart", "web-1", "--by", "ada", "--ask", "password"], "--ask is for a machine"),
        (["app:engine", "restart", "web-1", "--by", "ada", "--timeout", "5"], "--timeout is for a machine"),
        (["app:engine", "restart", "web-1", "--by", "ada", "--known-hosts", "x"], "--known-hosts is for a machine"),
        (["app:engine", "restart", "web-1", "--by", "ada", "--record", "x.json"], "there is no dialogue"),
        (["app:nowhere", "restart", "web-1", "--by", "ada"], "'nowhere' is no engine there"),
        (["local", "--by", "ada", "--", "true"], "--by is for a task of an engine"),
    ],
)
def test_what_cannot_be_read_is_told(app: Any, arguments: list[str], said: str, capsys: Capsys) -> None:
    assert said in tried(capsys, *arguments, code=2)
    assert app.engine.history(record="web-1", kinds="demand").entries == ()


@pytest.mark.parametrize(("task", "said"), [("nightly", "it has no policy OnDemand()"), ("none", "'none'")])
def test_p04_what_cannot_be_demanded_is_told(app: Any, task: str, said: str, capsys: Capsys) -> None:
    assert said in tried(capsys, "app:engine", task, "web-1", "--by", "ada", code=1)


# secrets


def test_s02_a_secret_is_changed_by_the_protocol_and_by_nothing_else(app: Any, capsys: Capsys) -> None:
    told = tried(capsys, "app:engine", "rotate", "web-1", "--by", "ada")
    kinds = [fact.kind for fact in app.engine.facts(record="web-1")]
    assert [kind for kind in kinds if kind in ("Demanded", "IntentOpened", "IntentSettled", "JobCompleted")] == [
        "Demanded", "IntentOpened", "IntentSettled", "JobCompleted",
    ]  # fmt: skip
    assert "done: change" in told
    new = app.vault.secrets.values("web-1", _NOBODY).current["password"].reveal()
    assert new != SECRET
    assert not [secret for secret in (new, SECRET) if secret in told]


def test_s03_a_secret_is_not_changed_where_its_intent_would_die_with_the_command(app: Any, capsys: Capsys) -> None:
    said = tried(capsys, "app:in_memory", "rotate", "web-1", "--by", "ada", code=1)
    assert "'rotate' changes a secret, and the store is in memory" in said
    app.fake.script("web-1", "", "")
    assert tried(capsys, "app:in_memory", "restart", "web-1", "--by", "ada").endswith("is completed\n")


def test_s01_a_dialogue_is_shown_and_recorded_without_its_secrets(app: Any, capsys: Capsys, tmp_path: Path) -> None:
    told = tried(capsys, "app:engine", "talk", "here", "--by", "ada", "--record", "talk.json")
    kept = Transcript.read(tmp_path / "talk.json")
    assert [remark.hears for remark in kept.remarks] == ["echo it is {password}\n", "exit\n", None]
    assert SECRET not in told + (tmp_path / "talk.json").read_text()


# its end


@pytest.fixture
def waiting(app: Any) -> Iterator[subprocess.Popen[str]]:
    """A command whose job waits for the file `go`, and has begun."""
    app.storage.close()
    command = [sys.executable, "-m", "taskkit", "try", "app:engine", "wait", "here", "--by", "ada"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("wait on here, asked for by ada\n")
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked to end at its next safe point; Ctrl-C once more leaves it where it is\n"
        yield process
        Path("go").touch()


def test_j06_the_first_interrupt_asks_for_a_safe_point(waiting: subprocess.Popen[str]) -> None:
    Path("go").touch()
    told, _ = waiting.communicate()
    assert re.search("the job .* is canceled", told)
    assert (waiting.returncode, Path("there").exists()) == (1, False)


def test_j04_after_the_second_interrupt_the_lease_decides(waiting: subprocess.Popen[str]) -> None:
    waiting.send_signal(signal.SIGINT)
    told, _ = waiting.communicate()
    assert "whoever works on the store takes it over when its lease is over" in told
    assert waiting.returncode == 1


def test_on_a_terminal_it_has_colours_and_the_same_words(app: Any, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    app.fake.script("web-1", "", "")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1;32mdone" in tried(capsys, "app:engine", "restart", "web-1", "--by", "ada")


class _Nobody:
    viewer = None
    token = 0


_NOBODY = _Nobody()
