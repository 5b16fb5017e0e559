"""Processes that work on one store, and whoever kills them, stops them and starts new ones."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.crash.ledger import Ledger
from tests.crash.mortals import OF_POSTGRES, OF_SCRIPTS, OF_STORES, Fate

ROOT = Path(__file__).parent.parent.parent
_LOOK = 0.01
#: By then a process has come to its place, or is killed where it is.
_PATIENCE = 4.0
#: However long its start takes.
_LONGEST = 60.0
_FEEDS = 0.05
#: Of those that were killed from outside.
AT_RANDOM = "anywhere"


@define(eq=False)
class Worker:
    """One process, by the number of its start."""

    name: str
    process: subprocess.Popen[bytes]
    #: Seconds for which it may work before it is killed from outside; and when that is at the latest, by the clock of the machine.
    life: float = _LONGEST
    until: float = field(factory=lambda: time.monotonic() + _LONGEST)
    #: It lives for longer than a lease.
    is_steady: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def is_stopped(self) -> bool:
        """By a signal, not for ever."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """Whatever it does just now; back when it is gone."""
        self.process.kill()
        self.process.wait()


class Fleet:
    """Each process that it starts ends with it."""

    def __init__(self, url: str, ledger: Ledger, seed: int = 0) -> None:
        self.url, self.ledger, self._random, self._number = url, ledger, random.Random(seed), 0
        self.places: tuple[str, ...] = (*OF_STORES, *OF_SCRIPTS, *(OF_POSTGRES if url.startswith("postgresql") else ()))
        self.workers: list[Worker] = []
        #: A mistake that all of them make.
        self.harm: str | None = None
        #: They wait some seconds for what others wait half a minute for.
        self.hurried = False
        self.kills = self._mark = 0
        #: Where processes were killed.
        self.died: Counter[str] = Counter()

    def start(self, *, fate: Fate | None = None, feeds: float | None = _FEEDS, alone: bool = False) -> Worker:
        self._number += 1
        name = f"w{self._number}"
        command = [sys.executable, "-m", "tests.crash.workers", self.url, str(self.ledger.path), name]
        command += ["--fate", str(fate)] if fate else []
        command += ["--feeds", str(feeds)] if feeds else []
        command += ["--alone"] if alone else []
        command += ["--harm", self.harm] if self.harm else []
        command += ["--hurried"] if self.hurried else []
        worker = Worker(name, subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE))
        self.workers.append(worker)
        return worker

    def stopped(self, fate: Fate) -> Worker:
        """A process that has come to its place and stands still there."""
        worker = self.start(fate=fate, feeds=None, alone=True)  # no thread of it is in the middle of something else
        wait_for(lambda: worker.is_stopped, f"{worker.name} stopped at {fate.place}")
        return worker

    def rage(self, kills: int, size: int = 3) -> None:
        """So many processes die, as many others work meanwhile, one of them for so long that leases of the dead run out."""
        before = self.kills
        while self.kills - before < kills:
            self._note_begun()
            if not any(worker.is_steady for worker in self.workers):
                self._start(is_steady=True)
            while len(self.workers) <= size:
                self._start()
            for worker in [one for one in self.workers if one.has_ended or time.monotonic() > one.until]:
                self._bury(worker)
            time.sleep(_LOOK)

    def _note_begun(self) -> None:
        """From then on a process's time is counted: how long a start takes is the machine's affair."""
        mark, self._mark = self._mark, self.ledger.mark()
        begun = {line["pid"] for line in self.ledger.lines("began", after=mark)}
        for worker in self.workers:
            if worker.pid in begun:
                worker.until = min(worker.until, time.monotonic() + worker.life)

    def _start(self, *, is_steady: bool = False) -> None:
        chance, alone = self._random, self._random.random() < 0.3
        place = chance.choice(self.places)
        fate = Fate(place, 1 + int(chance.expovariate(1 / (2 if place in OF_SCRIPTS else 6))))
        if is_steady:
            worker = self.start(alone=alone)
            worker.is_steady, worker.life = True, chance.uniform(4, 8)
        elif chance.random() < 0.3:
            worker = self.start(alone=alone)
            worker.life = chance.uniform(0, 1.5)
            worker.until = time.monotonic() + chance.choice((_LONGEST, chance.uniform(0.1, 1)))  # some while they start
        else:
            self.start(fate=fate, alone=alone).life = _PATIENCE

    def _bury(self, worker: Worker) -> None:
        self.workers.remove(worker)
        by_itself = worker.has_ended
        worker.kill()
        code = worker.process.returncode
        assert code == -signal.SIGKILL, f"{worker.name} ended by itself, with {code}: {[*self.ledger.lines('broken')]}"
        self.kills += 1
        if not by_itself:
            self.died[AT_RANDOM] += 1
        worker.process.stdin.close()  # type: ignore[union-attr]

    def wait_until_all_go_on(self) -> None:
        """Each by itself: nobody starts it anew."""
        mark = self.ledger.mark()
        wait_for(lambda: all(self._has(what, mark) for what in ("told", "head")), "all work")

    def _has(self, what: str, mark: int) -> bool:
        return {worker.pid for worker in self.workers} <= {line["pid"] for line in self.ledger.lines(what, after=mark)}

    def kill_all(self) -> None:
        for worker in [*self.workers]:
            worker.kill()
            self._bury(worker)
        self.died.update(line["at"] for line in self.ledger.lines("ends") if line["how"] == "KILL")

    def end_all(self) -> None:
        """As a service is stopped: each ends what it has begun."""
        for worker in self.workers:
            os.kill(worker.pid, signal.SIGTERM)
        for worker in self.workers:
            assert worker.process.wait(60) == 0, [*self.ledger.lines("broken")]
            worker.process.stdin.close()  # type: ignore[union-attr]
        self.workers.clear()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.process.stdin.close()  # type: ignore[union-attr]
        self.workers.clear()


@contextmanager
def fleet(url: str, folder: Path, seed: int = 0) -> Iterator[Fleet]:
    ledger = Ledger(folder / "ledger")
    ships = Fleet(url, ledger, seed)
    try:
        yield ships
    finally:
        ships.close()
        ledger.close()


def wait_for(what: Callable[[], object], said: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"{said}: not within {seconds} seconds"
        time.sleep(_LOOK)
