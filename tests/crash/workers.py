"""The program of one process: it works, and tells what happens, on a store that others use, until its fate or somebody else ends it.

`python -m tests.crash.workers URL LEDGER NAME [--fate KILL@written:3] [--feeds 0.05] [--alone]`. It ends with whoever started it.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from taskkit.engine import Engine
from taskkit.errors import StorageAway, TaskkitError
from taskkit.events.happenings import Approved, CheckedIn, Demanded, Happening, SessionEnded
from taskkit.jobs import Kind
from taskkit.standings import TABLE as STANDINGS
from taskkit.states import State
from taskkit.storage import Query
from tests.crash.ledger import Ledger
from tests.crash.mortals import End, Fate, hurry, opened
from tests.crash.scripts import RECORDS, SETTINGS, Offers, vault

_KINDS: dict[str, type[Happening]] = {kind.kind: kind for kind in (CheckedIn, SessionEnded, Approved)}


def happening(kind: str, record: str, id: str, task: str | None = None) -> Happening:
    return _KINDS[kind](record, id=id) if task is None else Demanded(record, id=id, task=task)


class Feeder:
    """Somebody who tells what happened, asks for runs, and looks after what waits for people."""

    def __init__(self, engine: Engine, ledger: Ledger, name: str) -> None:
        self._engine, self._ledger, self._name = engine, ledger, name
        self._random, self._number = random.Random(name), 0
        self._told: list[Happening] = []
        self._demandable = {task.name: task.id for task in engine.tasks() if task.demandable}

    def feed(self, stop: threading.Event, pause: float) -> None:
        deeds = (self._happens,) * 10 + (self._demand,) * 3 + (self._bring_forward,) * 3 + (self._resume,)
        while not stop.wait(pause * 2 * self._random.random()):
            try:
                self._random.choice(deeds)()
            except TaskkitError as error:
                self._ledger.note("refused", error=type(error).__name__, text=str(error))

    def _tell(self, kind: str, task: str | None = None) -> None:
        if self._told and self._random.random() < 0.1:  # who is not sure says it again
            again = self._random.choice(self._told)
            self._ledger.note("told", id=again.id, jobs=self._engine.emit(again))
            return
        self._number += 1
        told = {"kind": kind, "record": self._random.choice(RECORDS), "id": f"{self._name}-{self._number}"}
        if task is not None:
            told |= {"task": self._demandable[task], "record": told["record"] if task != "over all" else ""}
        self._ledger.note("telling", **told)
        self._told.append(happening(**told))
        self._ledger.note("told", id=told["id"], jobs=self._engine.emit(self._told[-1]))

    def _happens(self) -> None:
        self._tell(self._random.choice(["checked_in", "checked_in", "session_ended", "approved"]))

    def _demand(self) -> None:
        self._tell("demanded", self._random.choice(sorted(self._demandable)))

    def _bring_forward(self) -> None:
        waiting = self._engine.storage.jobs(Query(states=State.SCHEDULED, kinds=Kind.OCCURRENCE), limit=50).jobs
        if waiting:
            self._engine.run_now(self._random.choice(waiting).id)

    def _resume(self) -> None:
        resume_all(self._engine)


def resume_all(engine: Engine) -> int:
    """As a person does who has looked at what is uncertain; how many waited for that."""
    lines = {task.line: task.id for task in engine.tasks()}
    waiting = [document.id.rpartition("/") for document in engine.storage.documents(STANDINGS) if document.body.get("suspended")]
    for line, _, record in waiting:
        engine.resume_task(lines[line], record or None)
    return len(waiting)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("name")
    parser.add_argument("--fate", type=Fate.parse)
    parser.add_argument("--feeds", type=float, help="seconds between two things that it tells")
    parser.add_argument("--alone", action="store_true", help="work in the thread that calls, without a crew")
    parser.add_argument("--harm", help="a mistake that this process makes")
    parser.add_argument("--hurried", action="store_true", help="give up after some seconds what else takes half a minute")
    given = parser.parse_args(arguments)
    if given.hurried:
        hurry()
    if given.harm:
        from tests.crash.harms import harm

        harm(given.harm)
    ledger, stop = Ledger(given.ledger), threading.Event()
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of connections that break, as they do here
    _thread(_end_with_our_parent)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        _work(given, ledger, stop)
    except Exception:
        _broken(ledger)


def _work(given: argparse.Namespace, ledger: Ledger, stop: threading.Event) -> None:
    end = End(given.fate, ledger)
    with opened(given.url, end, ledger) as storage:
        engine = Engine(
            vault(), storage, settings=SETTINGS, plugins=[Offers(ledger)], node=given.name, points=lambda place, _: end.visit(place)
        )
        ledger.note("began", name=given.name)
        if given.feeds:
            feeder = Feeder(engine, ledger, given.name)
            _thread(_watched(ledger, lambda: feeder.feed(stop, given.feeds)))
        if given.alone:
            _work_alone(engine, stop)
        else:
            engine.run(stop)
    ledger.note("ended", name=given.name)


def _work_alone(engine: Engine, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            engine.tick()
            if not engine.work():
                stop.wait(0.05)
        except StorageAway:
            stop.wait(0.2)


def _thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _end_with_our_parent() -> None:
    """Nobody writes to us: this comes back when whoever started us has ended, in whatever way."""
    sys.stdin.read()
    os._exit(3)


def _watched(ledger: Ledger, work: Callable[[], object]) -> Callable[[], None]:
    def watch() -> None:
        try:
            work()
        except Exception:
            _broken(ledger)

    return watch


def _broken(ledger: Ledger) -> NoReturn:
    """What no process may meet: whoever looks at the ledger fails."""
    ledger.note("broken", text=traceback.format_exc())
    os._exit(4)


if __name__ == "__main__":
    main(sys.argv[1:])
