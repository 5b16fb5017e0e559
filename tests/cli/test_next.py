"""`taskkit next`, as a person and as a program uses it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskkit import from_document, parse
from taskkit.cli import DEMO_EXAMPLES, NEXT_EXAMPLES, main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["next", *arguments]) == 0
    return capsys.readouterr().out


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(capsys, *arguments, "--json"))
    return found


def test_t04_a_run_that_the_gap_shifts_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "daily 02:30 Europe/Berlin", "--from", "2026-03-28", "-n", "3")
    lines = [re.sub(r"\s{2,}", " | ", line.strip()) for line in out.splitlines()]
    assert lines[2:] == [
        "Sat 2026-03-28 02:30 +01:00 | Sat 01:30 | 2 h 30 min",
        "Sun 2026-03-29 03:00 +02:00 | the clock jumps ahead by 1 h",
        "Sun 2026-03-29 03:30 +02:00 | Sun 01:30 | 1 d 2 h | 02:30 does not exist: 1 h later",
        "Mon 2026-03-30 02:30 +02:00 | Mon 00:30 | 2 d 1 h",
    ]


@pytest.mark.parametrize(
    ("fold", "marks"),
    [
        ("first", ["the first of two 02:30"]),
        ("last", ["the second of two 02:30"]),
        ("both", ["the first of two 02:30", "the second of two 02:30"]),
    ],
)
def test_t05_a_run_in_the_fold_says_which_of_two_it_is(capsys: pytest.CaptureFixture[str], fold: str, marks: list[str]) -> None:
    found = told(capsys, f"daily 02:30 Europe/Berlin, fold {fold}", "--from", "2026-10-24", "-n", "4")
    assert [row["mark"] for row in found["next"] if row["mark"]] == marks


def test_the_moment_itself_is_shown_and_read_in_the_zone_of_the_rule(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "daily 00:00 Asia/Tokyo", "--from", "2026-01-01", "-n", "2")
    assert [row["local"] for row in found["next"]] == ["2026-01-01T00:00:00+09:00", "2026-01-02T00:00:00+09:00"]
    found = told(capsys, "daily 00:00 Asia/Tokyo", "--from", "2026-01-01T00:00+00:00", "-n", "1")
    assert found["next"][0]["utc"] == "2026-01-01T15:00:00Z"


@pytest.mark.parametrize("rule", ["daily Pacific/Kiritimati", "every 15 to 30 days", "window '* 22 * * *', Pacific/Pago_Pago", "always"])
def test_a_moment_at_an_end_of_the_calendar_is_refused_and_all_others_are_shown(capsys: pytest.CaptureFixture[str], rule: str) -> None:
    for outside in ("0001-01-01", "0001-12-31", "9001-01-01", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(SystemExit) as ended:
            main(["next", rule, "--from", outside])
        assert ended.value.code == 2
        assert f"'{outside}' lies outside of the years 2 to 9000" in capsys.readouterr().err
    for inside in ("0002-01-01T00:00+14:00", "9000-12-31T23:59:59-12:00"):
        assert said(capsys, rule, "--from", inside, "-n", "3")
        assert said(capsys, rule, "--from", inside, "--calendar", "--months", "3")


def test_json_holds_the_rule_the_document_and_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "every sunday; daily 02:30 Europe/Berlin", "--from", "2026-03-29", "-n", "2")
    assert from_document(found["document"]) == parse(found["rule"])
    assert [reason["nominal"] for row in found["next"] for reason in row["reasons"]] == [
        "2026-03-29T00:00 UTC",
        "2026-03-29T02:30 Europe/Berlin",
    ]


def test_t10_a_random_rule_shows_ranges_and_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "every 15 to 30 days", "--from", "2026-01-01", "-n", "2")
    assert [(row["earliest"]["utc"][:10], row["latest"]["utc"][:10]) for row in found["next"]] == [
        ("2026-01-16", "2026-01-31"),
        ("2026-01-31", "2026-03-02"),
    ]


def test_t11_an_age_counts_from_now_and_comes_back_without_success(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "90 days after the last success, again after 2 days", "--from", "2026-01-01", "-n", "2")
    assert [row["utc"][:10] for row in found["next"]] == ["2026-04-01", "2026-04-03"]


def test_t12_the_end_of_a_rule_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the rule ends here" in said(capsys, "daily until 2026-01-02", "--from", "2026-01-01")
    assert "nothing follows" in said(capsys, "daily until 2026-01-02", "--from", "2027-01-01")


@pytest.mark.parametrize(("text", "count"), [("window '* * 29 2 *'", 20), ("window '* * 29 2 *' except window '* * * * 1-6'", 4)])
def test_r05_a_window_that_seldom_opens_goes_on_all_the_same(text: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    asked = (text, "--from", "2026-01-01", "-n", str(count))
    assert len(told(capsys, *asked)["next"]) == count
    assert "ends here" not in said(capsys, *asked)


def test_r05_what_never_closes_does_not_end(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "always", "-n", "2")
    assert "never closes" in out
    assert "ends here" not in out


def test_r05_openings_show_their_length_and_the_narrow_ones_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "window '30-33 2 * * *', Europe/Berlin", "--from", "2026-03-28", "-n", "2")
    assert "opens for 4 min at a time" in out
    assert "Sun 2026-03-29 03:00 +02:00   Sun 2026-03-29 03:04 +02:00" in out
    found = told(capsys, "window '* 0-3 * * *', Europe/Berlin", "--from", "2026-03-29", "-n", "1")
    assert found["next"][0]["seconds"] == 3 * 3600
    assert found["next"][0]["mark"] == "open for 3 h, across a clock change"


def test_r05_a_window_that_never_closes_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "always", "--from", "2026-01-01")
    assert [row["mark"] for row in found["next"]] == ["never closes"]
    assert found["next"][0]["closes"] is None


def test_a_day_of_the_calendar_that_has_two_midnights_or_none_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "every hour America/Havana", "--calendar", "--from", "2026-10-31", "--months", "2")
    assert {"31*24", "~1*25"} <= set(out.split())
    out = said(capsys, "window '* 0-1 * * *', America/Havana", "--calendar", "--from", "2026-10-31", "--months", "2")
    assert {"31:2h", "~1:3h"} <= set(out.split())
    out = said(capsys, "window '* * * * *', America/Santiago", "--calendar", "--from", "2026-09-01")
    assert {"5:24h", "~6:23h", "7:24h"} <= set(out.split())


def test_the_calendar_shows_runs_changes_and_hours(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "every sunday at 02:30, 14:00 Europe/Berlin", "--calendar", "--from", "2026-03-15", "--months", "2")
    assert "March 2026" in out
    assert "April 2026" in out
    assert "~29*2" in out
    assert "28*" not in out
    out = said(capsys, "window '* 22-23,0-5 * * 1-5', Europe/Berlin", "--calendar", "--from", "2026-03-15")
    assert "2:8h" in out
    assert "~29 " in out
    out = said(capsys, "every 15 to 20 days", "--calendar", "--from", "2026-03-01")
    assert re.findall(r"(\d+)\*", out.split("one run")[0].split("15* the")[0]) == ["16", "17", "18", "19", "20", "21"]


def test_bad_text_points_at_the_word_and_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["next", "every 5 minuts"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'minutes'?" in error
    assert error.splitlines()[-2:] == ["  every 5 minuts", "          ^^^^^^"]


@pytest.mark.parametrize("arguments", [["next"], ["next", "daily", "-n", "0"], ["next", "daily", "--from", "soon"], ["nothing"], []])
def test_bad_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def examples() -> list[str]:
    lines = (NEXT_EXAMPLES + DEMO_EXAMPLES).splitlines()
    return [line.strip() for line in lines if line.strip().startswith("taskkit ") and not is_of_a_place(line)]


def is_of_a_place(line: str) -> bool:
    """Those run where there is one."""
    return "vault.db" in line or "app:engine" in line


@pytest.mark.parametrize("line", examples())
def test_every_example_of_the_help_runs(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


def test_without_rich_a_message_names_the_line_that_mends_it() -> None:
    code = "import sys; sys.modules['rich'] = None; from taskkit.cli import main; sys.exit(main(['next', 'daily']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install '.[cli]'" in done.stderr


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    command = f"{shlex.quote(sys.executable)} -m taskkit next 'every minute' -n 9999 | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)  # noqa: S607
    assert (done.stdout.strip(), done.stderr) == ("every minute", "")
