"""The demo is a true story: what it tells is what the engine did."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from taskkit.cli import _day, _demo, _month, main
from taskkit.cli._house import RENEW, House
from taskkit.states import FINAL, State


def console() -> Console:
    return Console(file=StringIO(), width=130, highlight=False)


def said(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as made:
        yield made


def a_day(house: House) -> str:
    shown = console()
    _day.show(shown, house)
    return said(shown)


def test_the_day_is_told_from_facts(house: House) -> None:
    told = a_day(house)
    for line in (
        "19:10    db-3     renew 60 minutes after unlock: done",  # P3: the first unlock counts
        "19:30    db-1     tidy after the last session: waits (session, looks again at 19:35)",  # P2
        "21:05    db-1     tidy after the last session: done",
        "20:20    db-4     renew at 02:30 and after check-in: waits (window, looks again at 22:00)",  # A5, R5
        "22:00    db-4     renew at 02:30 and after check-in: done",
        "22:30    db-2     renew at 02:30 and after check-in: done",  # R2: app-3 refers to it
        "02:30    db-2     renew at 02:30 and after check-in: failed (step 1 'test {answers} = yes': it ended with 1 instead of 0)",
        "03:00    db-2     renew at 02:30 and after check-in: done (attempt 2)",  # J7
        "06:00             restart the web servers at 6: begins 1 of 20",  # R6: the canary
        "06:00    web-07   restart the web servers at 6: failed (step 1 'restart web': it ended with 1 instead of 0)",
        "06:00             restart the web servers at 6: failed (1 of 20 did not succeed)",
        "07:00    web-07   restart the web servers at 6: done",
    ):
        assert line in told
    assert told.count("switch-1") == 1  # what goes well each hour is told once
    assert house.engine.check() == []


def test_no_row_of_a_table_takes_two_lines_on_a_narrow_terminal() -> None:
    shown = Console(file=StringIO(), width=60)
    rows = [("renew at 02:30 and after check-in", "db-1", "after the last session (session_ended)"), ("status", "switch-1", "")]
    _demo._print(shown, ("task", "record", "because"), rows, gives="because")
    first, *lines = said(shown).splitlines()
    assert first.split() == ["task", "record", "because"]
    assert [line.split()[-1][-1] for line in lines] == ["…", "1"]
    assert max(map(len, lines)) <= 60


def test_the_day_is_the_same_each_time(house: House, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with House(tmp_path / "other") as other:
        assert a_day(house) == a_day(other)


def test_the_days_after_it_are_counted_from_facts(house: House) -> None:
    a_day(house)
    before = house.engine.history(limit=1000).entries
    month = _month.show(shown := console(), house, 2)
    ended = [
        entry for entry in house.engine.history(limit=1000).entries if entry.id not in {one.id for one in before if one.state in FINAL}
    ]
    assert month.counts["JobCompleted"] == sum(entry.state is State.COMPLETED for entry in ended) > 100
    assert f"Mon 30 Mar  {month.told()}" in said(shown)


def test_every_record_of_a_database_was_renewed_in_the_night_in_which_no_clock_showed_its_time(house: House) -> None:
    a_day(house)
    _month.show(console(), house, 1)
    entries = house.engine.history(task=house.tasks[RENEW].id, states=State.COMPLETED).entries
    in_the_night = [entry for entry in entries if entry.nominal == "2026-03-29T02:30 Europe/Berlin"]
    assert sorted(str(entry.record) for entry in in_the_night) == ["db-1", "db-2", "db-3", "db-4"]


def test_the_command_shows_all_of_it_and_says_where_the_store_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--days", "1", "--folder", str(tmp_path / "shown")]) == 0
    out = capsys.readouterr().out
    for part in (
        "A day in a small vault",
        "1 day more",
        "How the tasks stand",
        "What each task did last",
        "its time is 2026-03-29T02:30",
        "6 of 6 let in with what the vault keeps",
        "their chain is whole",
    ):
        assert part in out
    assert "the clock leaves 02:30 out on that day" in out
    page = tmp_path / "shown" / "forecast.html"
    assert f"As a picture:  {page}" in out
    assert "status each hour" in page.read_text(encoding="utf-8")
    store = f"sqlite:///{tmp_path / 'shown' / 'jobs.db'}"
    assert store in out
    assert main(["check", store]) == 0
    assert main(["demo", "--folder", str(tmp_path / "shown")]) == 1
    assert "there is a vault already" in capsys.readouterr().err


@pytest.mark.parametrize("is_found", [True, False])
def test_the_commands_that_it_ends_with_can_be_typed_where_it_was_called(
    is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make demo` calls it by its path, and no shell knows it then."""
    (program := tmp_path / "taskkit").write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(program), "demo"])
    monkeypatch.setenv("PATH", str(tmp_path if is_found else tmp_path / "elsewhere"))
    assert _demo._command() == ("taskkit" if is_found else str(program))
