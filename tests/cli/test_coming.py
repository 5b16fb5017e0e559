"""What waits in a store, or in a product's engine, in the order in which it is due."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from taskkit.cli import NEXT_EXAMPLES, main
from tests.cli.test_explain import app
from tests.cli.test_next import is_of_a_place
from tests.cli.test_store_commands import store, told

__all__ = ["app", "store", "told"]
Capsys = pytest.CaptureFixture[str]


@pytest.mark.parametrize("line", [line.strip() for line in NEXT_EXAMPLES.splitlines() if is_of_a_place(line)])
@pytest.mark.usefixtures("store")
def test_the_examples_of_the_help_run(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out.startswith("due")


def test_the_jobs_that_wait_in_a_store_are_shown_by_their_due_times(store: Path, capsys: Capsys) -> None:
    assert main(["next", f"sqlite:{store}"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["due", "task", "record", "state", "why", "job"]
    assert rows == sorted(rows, key=lambda row: row[:19])
    assert all(" scheduled " in row or " deferred " in row or " awaiting_consent " in row for row in rows)


def test_an_engine_of_a_product_is_asked_too(capsys: Capsys) -> None:
    assert main(["next", "app:engine", "-n", "1"]) == 0
    [_, row] = capsys.readouterr().out.splitlines()
    assert row.startswith("2026-03-02 02:30:00  nightly  db-1    scheduled  every day at 02:30, UTC")


def test_programs_get_a_list(capsys: Capsys) -> None:
    assert main(["next", "app:engine", "--json"]) == 0
    [job] = json.loads(capsys.readouterr().out)
    assert (job["due"], job["nominal"], job["why"]) == ("2026-03-02T02:30:00+00:00", "2026-03-02T02:30 UTC", None)


def test_a_store_that_is_not_there_and_a_calendar_of_one_are_refused(tmp_path: Path, capsys: Capsys) -> None:
    assert main(["next", f"sqlite:{tmp_path / 'none.db'}"]) == 1
    assert main(["next", "app:engine", "--calendar"]) == 2
    assert "taskkit forecast draws one" in capsys.readouterr().err


def test_a_rule_is_still_a_rule(capsys: Capsys) -> None:
    assert main(["next", "window '* 22-23 * * 1-5', Europe/Berlin", "-n", "1"]) == 0
    assert "opens" in capsys.readouterr().out
