"""What is going to run, asked from a terminal."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.cli._arguments import FORECAST_EXAMPLES
from tests.cli.test_explain import app

__all__ = ["app"]
Capsys = pytest.CaptureFixture[str]


@pytest.mark.parametrize("line", [line.strip() for line in FORECAST_EXAMPLES.splitlines() if line.startswith("  taskkit forecast app:")])
def test_the_examples_of_the_help_run(line: str, capsys: Capsys) -> None:
    assert main(shlex.split(line)[1:]) == 0
    assert "nightly" in capsys.readouterr().out


def test_what_runs_is_told_and_drawn(tmp_path: Path, capsys: Capsys) -> None:
    assert main(["forecast", "app:engine", "--days", "3", "--runs", "--picture", str(tmp_path / "page.html")]) == 0
    told = capsys.readouterr()
    assert "2026-03-02 02:30 nightly on db-1" in told.out
    assert told.err == f"as a picture: {tmp_path / 'page.html'}\n"
    assert "<svg" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_program_gets_a_document(capsys: Capsys) -> None:
    assert main(["forecast", "app:engine", "--days", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["record"] for run in told["runs"]] == ["db-1", "db-1"]


def test_nothing_runs_and_nothing_is_written(capsys: Capsys) -> None:
    assert main(["forecast", "app:engine"]) == 0
    engine = sys.modules["app"].engine
    before = engine.heads()
    assert main(["forecast", "app:engine"]) == 0
    assert engine.heads() == before


@pytest.mark.parametrize("typed", [["app:engine", "--days", "0"], ["app:engine", "--days", "401"], []])
def test_what_cannot_be_read_exits_with_2(typed: list[str], capsys: Capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["forecast", *typed])
    assert stopped.value.code == 2
    assert main(["forecast", "app:other"]) == 2
    assert main(["forecast", "app:engine", "--tz", "Mars/Olympus"]) == 2
