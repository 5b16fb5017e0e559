"""How commands end: Ctrl-C, readers that leave, places where nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.cli._ahead import _progress
from tests.cli.test_hidden_facts import change

Capsys = pytest.CaptureFixture[str]


def code_after_its_reader_left(*words: str) -> tuple[int, str]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([sys.executable, "-m", "taskkit", *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)
    return done.returncode, done.stderr


def test_ctrl_c_ends_a_command_without_a_trace(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    def waits(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("taskkit.cli._checks.check", waits)
    assert main(["check", f"sqlite:{store}"]) == 130
    assert capsys.readouterr().err == "taskkit: interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_failure(store: Path) -> None:
    assert code_after_its_reader_left("next", "daily 02:30", "-n", "5") == (0, "")
    assert code_after_its_reader_left("jobs", f"sqlite:{store}") == (0, "")


def test_a_check_has_found_faults_whoever_reads_them(store: Path) -> None:
    change(store, "INSERT INTO taskkit_causes VALUES ('nobody', 0, '[]')")
    assert code_after_its_reader_left("check", f"sqlite:{store}") == (1, "")


def test_a_picture_that_cannot_be_written(store: Path, capsys: Capsys) -> None:
    assert main(["forecast", f"sqlite:{store}", "--days", "1", "--picture", str(store / "a.html")]) == 1
    assert "writing the picture to" in capsys.readouterr().err


def test_a_demo_in_a_place_that_is_a_file(store: Path, capsys: Capsys) -> None:
    assert main(["demo", "--days", "1", "--folder", str(store)]) == 1
    assert "name a folder" in capsys.readouterr().err


def test_progress_does_not_begin_below_nothing(capsys: Capsys) -> None:
    _progress(-0.4, 100.0)
    assert "-0" not in capsys.readouterr().err


@pytest.mark.parametrize(("option", "number"), [("--limit", "000001" + "9" * 20), ("--limit", "100001")])
def test_a_number_is_read_to_its_end(store: Path, option: str, number: str) -> None:
    with pytest.raises(SystemExit):
        main(["jobs", f"sqlite:{store}", option, number])
