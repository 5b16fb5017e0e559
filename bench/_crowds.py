"""Several processes on one SQLite file, or one on a large store: nothing is shared but the file.

    python bench/_crowds.py FILE RECORDS MOST DAYS

says `ready`, waits for a line, works through what is due on virtual time, so many days after the begin, and prints a document.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _houses import engine
from attrs import frozen
from jobs import START
from year import resident

from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import VirtualClock

BATCH = 100


@frozen
class Worked:
    """What one process did: jobs, the moments of its first and last, and by how many megabytes it grew."""

    jobs: int
    began: float
    ended: float
    grown: float


def crowd(path: Path, *, workers: int, records: int, days: int = 2, most: int = 1_000_000) -> list[Worked]:
    """All of them at once, until nothing is due or each has done its most."""
    command = [sys.executable, __file__, str(path), str(records), str(most), str(days)]
    seeds = range(2, workers + 2)  # whoever made the store gave the ids of the first
    there = [subprocess.Popen([*command, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for seed in seeds]
    for one in there:
        if _said(one).strip() != "ready":
            raise RuntimeError("a process of a crowd did not begin")
    for one in there:
        _tell(one)
    return [Worked(**json.loads(_last(one))) for one in there]


def _said(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline() if process.stdout else ""


def _tell(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.write("go\n")
        process.stdin.flush()


def _last(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate(timeout=600)
    return told


def main(path: str, *numbers: str) -> None:
    records, most, days, seed = map(int, numbers)
    clock = VirtualClock(START)
    clock.advance(days=days)
    with SqliteStorage(path) as storage:
        made = engine(storage, records, clock, seed=seed)
        print("ready", flush=True)
        sys.stdin.readline()
        before, began, done = resident(), time.time(), 0
        while done < most and (claimed := made.work(min(BATCH, most - done))):
            done += claimed
        told: dict[str, Any] = {"jobs": done, "began": began, "ended": time.time(), "grown": resident() - before}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
