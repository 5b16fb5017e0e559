"""Why it ran, why not, and when it will, asked from a terminal."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.cli._arguments import EXPLAIN_EXAMPLES

APP = """\
import pendulum
from taskkit import *
from taskkit.scripts import Commands, Step
from taskkit.testing import MemoryVault, VirtualClock

clock = VirtualClock(pendulum.datetime(2026, 2, 28, tz="UTC"))
engine = Engine(MemoryVault([Record("db-1", "unix")]), clock=clock, node="node-1")
engine.define(RecordType("unix", executor="local"))
engine.define(Commands("look", Step("true")))
nightly = engine.put(Task("nightly", "look", Daily(at="02:30")), list=of_type("unix"))
clock.advance(days=1, hours=2, minutes=30)
engine.drain()
clock.advance(hours=3)
other = 7
def wants(something):
    return engine
"""
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder where the command is typed has a product."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "lacking.py").write_text("import not_there_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "app", raising=False)


@pytest.mark.parametrize("line", [line.strip() for line in EXPLAIN_EXAMPLES.splitlines() if line.startswith("  taskkit explain app:")])
def test_the_examples_of_the_help_run(line: str, capsys: Capsys) -> None:
    assert main(shlex.split(line)[1:]) == 0
    assert "nightly" in capsys.readouterr().out


def test_a_moment_of_the_past_is_told_with_its_tree(capsys: Capsys) -> None:
    assert main(["explain", "app:engine", "nightly", "db-1", "--at", "2026-03-01T02:30"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("nightly on db-1: ran: it began Sun 2026-03-01 02:30 UTC")
    assert "  Sun 2026-03-01 02:30 UTC: it was done" in rest


def test_a_program_gets_a_document(capsys: Capsys) -> None:
    assert main(["explain", "app:engine", "nightly", "db-1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tense"], told["run"]) == ("now", "2026-03-02T02:30:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["app", "nightly", "db-1"], 2, "it names no engine"),
        (["nowhere:engine", "nightly", "db-1"], 2, "there is no module 'nowhere'"),
        (["app:other", "nightly", "db-1"], 2, "'other' is no engine there"),
        (["app:wants", "nightly", "db-1"], 2, "'wants' wants to be given something"),
        (["app:engine", "weekly", "db-1"], 1, "there is no such task"),
        (["app:engine", "nightly"], 2, "each record has runs of its own"),
    ],
)
def test_what_cannot_be_explained_says_why(arguments: list[str], code: int, said: str, capsys: Capsys) -> None:
    assert main(["explain", *arguments]) == code
    assert said in capsys.readouterr().err


def test_a_moment_that_is_none_is_refused(capsys: Capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["explain", "app:engine", "nightly", "db-1", "--at", "soon"])
    assert "'soon' is no moment" in capsys.readouterr().err


def test_what_the_product_lacks_is_its_own_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        main(["explain", "lacking:engine", "nightly", "db-1"])


def test_on_a_terminal_it_has_colours_and_the_same_words(monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    pytest.importorskip("rich")
    main(["explain", "app:engine", "nightly", "db-1"])
    plain = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    main(["explain", "app:engine", "nightly", "db-1"])
    coloured = capsys.readouterr().out
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
