"""How many small mistakes, put into intervals and windows one by one, do the fast example tests notice?

    python tools/mutation.py [--minutes N] [FILE ...]

Works in a temporary copy; prints the score of each file and every survivor as a diff.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
EVENTS = "src/taskkit/events"
FILES = [
    "_plans.py",
    "_wall_clock.py",
    "_days.py",
    "zones.py",
    "_cron.py",
    "_patterns.py",
    "windows.py",
    "open_times.py",
    "clocks.py",
    "elapsed.py",
    "remembering.py",
    "unions.py",
    "intervals.py",
]
TESTS = [
    "test_intervals.py",
    "test_plans.py",
    "test_named_zones.py",
    "test_windows.py",
    "test_hours.py",
    "test_spreads.py",
    "test_clock_changes.py",
    "test_texts.py",
    "test_documents.py",
    "test_bad_input.py",
    "test_words.py",
    "test_edges.py",
    "test_notches.py",
]
CONFIG = """

[tool.mutmut]
source_paths = ["{events}"]
only_mutate = {files}
pytest_add_cli_args_test_selection = {tests}
also_copy = ["src", "tests", "pyproject.toml"]
# the mutated code is called from elsewhere than the line that this test looks at
pytest_add_cli_args = ["-k", "not points_at_the_line"]
"""
KILLED, SURVIVED, UNTESTED, SLOW = "killed", "survived", "no test", "timeout"
#: What mutmut writes down: the exit code of pytest, or a code of its own.
OUTCOMES = {0: SURVIVED, 1: KILLED, 3: KILLED, 5: UNTESTED, 33: UNTESTED, 24: SLOW, 36: SLOW, -24: SLOW, 152: SLOW, 255: SLOW}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES)
    parser.add_argument("--minutes", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        prepare(place, options.files)
        finished = mutate(place, options.minutes)
        report(place, options.files)
    sys.stdout.write("" if finished else f"stopped after {options.minutes:g} minutes: what was not reached is not counted\n")
    return 0


def prepare(place: Path, files: list[str]) -> None:
    for name in ("src", "tests"):
        shutil.copytree(HOME / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = CONFIG.format(
        events=EVENTS,
        files=json.dumps([f"{EVENTS}/{name}" for name in files]),
        tests=json.dumps([f"tests/events/{name}" for name in TESTS]),
    )
    (place / "pyproject.toml").write_text((HOME / "pyproject.toml").read_text() + config)


def mutate(place: Path, minutes: float) -> bool:
    """Whether it came to its end. Mutants that hang are children of their own, and go with it."""
    with (place / "log").open("w") as log:
        run = subprocess.Popen([sys.executable, "-m", "mutmut", "run"], cwd=place, stdout=log, stderr=log, start_new_session=True)
        try:
            code = run.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return False
    if code:
        sys.exit((place / "log").read_text()[-3000:])
    return True


def report(place: Path, files: list[str]) -> None:
    total: Counter[str] = Counter()
    for name in files:
        found = outcomes(place / "mutants" / EVENTS / f"{name}.meta")
        counts = Counter(found.values())
        total += counts
        sys.stdout.write(f"{name:18}{score(counts)}\n")
        for mutant, outcome in found.items():
            if outcome in (SURVIVED, UNTESTED):
                sys.stdout.write(f"  {outcome}: {difference(place, mutant)}\n")
    sys.stdout.write(f"{'all':18}{score(total)}\n")


def outcomes(meta: Path) -> dict[str, str]:
    codes = json.loads(meta.read_text())["exit_code_by_key"] if meta.exists() else {}
    return {mutant: OUTCOMES.get(code, KILLED) for mutant, code in codes.items() if code is not None}


def score(counts: Counter[str]) -> str:
    noticed, all_of_them = counts[KILLED] + counts[SLOW], counts.total()
    return f"{noticed:5} of {all_of_them:5} noticed" + (f", {100 * noticed / all_of_them:.1f} %" if all_of_them else "")


def difference(place: Path, mutant: str) -> str:
    shown = subprocess.run([sys.executable, "-m", "mutmut", "show", mutant], cwd=place, capture_output=True, text=True, check=False).stdout
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return mutant.rpartition(".")[2] + "".join(f"\n      {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
