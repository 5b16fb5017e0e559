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


def code_of(*words: str, writing: int, buffered: bool = True) -> tuple[int, str]:
    command = [sys.executable, *([] if buffered else ["-u"]), "-m", "taskkit", *words]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=kept)
    finally:
        os.close(writing)
    return done.returncode, done.stderr


def code_after_its_reader_left(*words: str) -> tuple[int, str]:
    reading, writing = os.pipe()
    os.close(reading)
    return code_of(*words, writing=writing)


def test_ctrl_c_ends_a_command_without_a_trace(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    def waits(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("taskkit.cli._checks.check", waits)
    assert main(["check", f"sqlite:{store}"]) == 130
    assert capsys.readouterr().err == "taskkit: interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_failure(store: Path) -> None:
    assert code_after_its_reader_left("next", "daily 02:30", "-n", "5") == (0, "")
    assert code_after_its_reader_left("jobs", f"sqlite:{store}") == (0, "")
    assert code_after_its_reader_left("jobs", "--help") == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("command", ["jobs sqlite:{}", "jobs sqlite:{} --json", "next daily", "next daily --json", "store sql sqlite"])
def test_a_full_disk_is_told_in_a_line(store: Path, command: str, buffered: bool) -> None:
    words = command.format(store).split(" ")
    code, told = code_of(*words, writing=os.open("/dev/full", os.O_WRONLY), buffered=buffered)
    assert (code, told) == (1, "taskkit: what was asked for cannot be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_machine_is_not_left_in_the_middle_because_a_disk_is_full(tmp_path: Path) -> None:
    deeds = [f"touch {tmp_path / name}" for name in ("one", "two")]
    code, told = code_of("try", "local", "--", *deeds, writing=os.open("/dev/full", os.O_WRONLY))
    assert (code, told) == (0, "taskkit: nothing more is written, it goes on: No space left on device\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.parametrize("command", ["jobs sqlite:{}", "next daily", "plugins --json"])
def test_nobody_hears_a_command_whose_outputs_are_closed(store: Path, command: str) -> None:
    words = [sys.executable, "-m", "taskkit", *command.format(store).split(" ")]
    assert subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", *words], stderr=subprocess.PIPE, check=False).stderr == b""
    assert subprocess.run(["/bin/sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", *words], check=False).returncode == 0


def test_what_the_terminal_has_no_sign_for_is_a_question_mark(store: Path) -> None:
    change(store, "UPDATE taskkit_jobs SET record = 'r\u2192'")
    words = [sys.executable, "-m", "taskkit", "jobs", f"sqlite:{store}"]
    done = subprocess.run(words, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=True)
    assert b"r?" in done.stdout


def test_a_check_has_found_faults_whoever_reads_them(store: Path) -> None:
    change(store, "INSERT INTO taskkit_causes VALUES ('nobody', 0, '[]', NULL)")
    assert code_after_its_reader_left("check", f"sqlite:{store}") == (1, "")


@pytest.mark.parametrize(
    "words",
    [
        "jobs sqlite:{} --task {}",
        "jobs sqlite:{} --execution {}",
        "explain sqlite:{} {}",
        "store restored sqlite:{} --by {}",
        "rerun {} {}",
    ],
)
def test_bytes_that_are_no_text_are_refused_before_a_store_is_asked(store: Path, words: str, capsys: Capsys) -> None:
    """In Latin-1, say: Python takes what it cannot read as halves of characters."""
    with pytest.raises(SystemExit) as refused:
        main(words.format(store, "caf\udce9").split(" "))
    assert refused.value.code == 2
    assert "'caf\\udce9' is no text in the encoding that the terminal is said to have" in capsys.readouterr().err


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


@pytest.mark.parametrize("command", ["next daily --from=--", "jobs sqlite:{} --record=--", "try sqlite:{} --user=-- -- show --all=--"])
def test_two_dashes_are_no_value(store: Path, command: str, capsys: Capsys) -> None:
    with pytest.raises(SystemExit) as error:
        main(command.format(store).split())
    assert error.value.code == 2
    assert ": '--' is no value of it" in capsys.readouterr().err
