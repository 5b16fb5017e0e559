"""Each example runs as a reader would run it, says what its page promises, and is shown in the documentation."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
KEY_LINES = {
    "rotation_calendar.py": [
        "Fri 20 Mar 2026 03:00 +0100   2026-03-20T03:00 Europe/Berlin",
        "Sun 29 Mar 2026 03:30 +0200   2026-03-29T02:30 Europe/Berlin",
        "Thu 19 Mar 2026 04:00 +0100   2026-03-19T04:00 Europe/Berlin",
        "Sat 21 Mar 2026 05:00 +0100   2026-03-21T05:00 Europe/Berlin",
        "every month on the 20th at 03:00, Europe/Berlin; every Sunday at 02:30, Europe/Berlin: 3 runs before 1 April",
    ],
    "maintenance_window.py": [
        "due Mon 21 Dec 2026 22:15: starts at once",
        "due Tue 22 Dec 2026 01:10: waits until Tue 22 Dec 2026 01:30",
        "due Thu 24 Dec 2026 00:00: waits until Fri 01 Jan 2027 00:00",
        "Tue 22:00 to Wed 01:00",
    ],
    "rules_in_json.py": [
        "refused: 'every wek on monday': look at 'wek': 'wek' is not understood here; did you mean 'week'?",
        'refused: {"kind": "daily", "evry": 2}: it has no evry; it takes at, end, every, fold, gap, start, tz',
        "every 2 weeks on Monday and Wednesday at 09:00, Europe/Berlin, from 2026-03-02: next Wed 18 Mar 2026 09:00 CET",
        "every 6 hours: next Mon 16 Mar 2026 18:00 UTC",
    ],
    "embed_a_dict.py": [
        "db-1   Sun 03:30  completed  Hello app  every day at 02:30, Europe/Berlin",
        "db-1   Sun 13:00  completed  Hello app  after check-in (checked_in)",
        "web-1  Sun 13:00  completed  Hello www  on demand of bob",
        "web-1  Mon 02:30  scheduled             every day at 02:30, Europe/Berlin",
    ],
    "notify_me.py": [
        "JobFailed      db-1: connecting to '10.0.0.1': unreachable; bring it up",
        "TaskSuspended  db-2: account_locked",
        "1 of 3 completed",
    ],
    "many_servers.py": [
        "halted: 1 of the first 1 did not succeed",
        "1 error of 20; failed: web-01",
        "19 completed, 1 error of 20; failed: web-07",
        "20 completed of 20; failed: none",
    ],
    "a_policy_of_ours.py": [
        "scheduled for 10:00:00: 60 minutes after unlock (unlocked)",
        "a leak in the test house: 0 jobs",
        "scheduled for 09:00:00: 60 minutes after unlock (unlocked), after a leak (leak_reported)",
        "completed",
    ],
    "test_a_task.py": [
        "each night has one run also the one in which the clock jumps",
        "check in and expiry of one approval are one run",
        "a host that is down is tried again and the other is not held up",
    ],
}


def test_every_example_has_its_key_lines() -> None:
    assert {example.name for example in EXAMPLES} == set(KEY_LINES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_runs_and_says_what_it_should(example: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", example], capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    for line in KEY_LINES[example.name]:
        assert line in lines, done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_shown_in_the_documentation(example: Path) -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert f"```{{literalinclude}} ../examples/{example.name}\n" in page


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_says_what_it_shows(example: Path) -> None:
    assert ast.get_docstring(ast.parse(example.read_text(encoding="utf-8")))
