"""`taskkit try` with a task of a product: demanded of its engine, performed in this process, and told while it happens."""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from taskkit.cli._places import engine_at, task_at
from taskkit.cli._tellers import Teller
from taskkit.cli._transcripts import file_for_transcript, keep_transcript
from taskkit.engine import Engine, Entry
from taskkit.engine._attempts import Attempt
from taskkit.errors import InvalidValue, Refused, TaskkitError
from taskkit.outcomes import Done, Outcome
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.verbs import Verb
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.transcripts import Recording

_TRIED = "trying a task"
#: What is said of a machine; of a task its record, its type and its vault say that.
_OF_MACHINES = ("lines", "dialogue", "probe", "ask", "stdin", "key", "host_key", "known_hosts", "set", "setting", "shell", "timeout")
_LOOK_SECONDS = 0.2


def run(options: argparse.Namespace) -> int:
    """1 where it is not done, or nobody knows."""
    _check_options(options)
    engine = engine_at(options.place)
    task = engine.task(task_at(engine, options.task, options.record))
    script = engine.definition(task.script)
    _check_store(engine, script)
    file = None if options.transcript is None else file_for_transcript(options.transcript, is_held=Verb.DIALOGUE in script.needs)
    attempt = engine._staff.attempts.begin(task.id, options.record, by=options.by)
    watched = _Watched(engine, attempt, Teller(as_json=options.json), options.by, recordings=None if file is None else [])
    try:
        outcome = watched.performed()
    finally:
        watched.keep_transcript(file)
    return 0 if isinstance(outcome, Done) else 1


def _check_options(options: argparse.Namespace) -> None:
    if wrong := [name for name in _OF_MACHINES if getattr(options, name)]:
        case = "commands are for a machine" if wrong[0] == "lines" else f"--{wrong[0].replace('_', '-')} is for a machine"
        raise InvalidValue(_TRIED, case, "what a task says, and to whom, stands in its script and its record")
    if options.task is None:
        raise InvalidValue(_TRIED, "no task is named", "give the task and the record, as in app:engine restart web-1 --by ada")
    if options.by is None:
        raise InvalidValue(_TRIED, "nobody is named who asks for it", "say --by NAME: their rights count, and the history names them")


def _check_store(engine: Engine, script: Script) -> None:
    """A new secret of which nothing is kept but in this process would be lost with it (S3)."""
    if script.changes_secret and isinstance(engine.storage, MemoryStorage):
        case = f"{script.name!r} changes a secret, and the store is in memory: nobody could go on with it after this process"
        raise Refused(_TRIED, case, "give the engine a store that stays, such as sqlite:///var/lib/vault.db")


@define
class _Watched:
    """An attempt, told while it goes on: in a thread of its own, so that somebody can ask for its end meanwhile."""

    _engine: Engine
    _attempt: Attempt
    _teller: Teller
    _by: str
    _recordings: list[Recording] | None
    _ended: list[Outcome | BaseException | None] = field(factory=list, init=False)
    #: No thread is joined: in Python 3.11 one counts as ended whose joining was interrupted.
    _done: threading.Event = field(factory=threading.Event, init=False)
    _has_begun: bool = field(default=False, init=False)

    def performed(self) -> Outcome | None:
        self._attempt.watch(lambda _, operations: self._teller.operations(operations), self._recorded)
        self._wait()
        (ended,) = self._ended
        if isinstance(ended, BaseException):
            raise ended
        entry = self._entry()
        self._teller.operations(entry.operations)
        self._teller.outcome(ended, "another worker has taken it over, or the store is away", kept=entry)
        return ended

    def keep_transcript(self, file: Path | None) -> None:
        if file is not None and self._recordings and self._recordings[-1].transcript.remarks:
            keep_transcript(self._recordings[-1], file)

    def _recorded(self, executor: Executor) -> Executor:
        if self._recordings is None:
            return executor
        self._recordings.append(Recording(executor))
        return self._recordings[-1]

    def _entry(self) -> Entry:
        return self._engine.job(self._attempt.job, user=self._by)

    def _begin(self) -> None:
        """Once."""
        if not self._has_begun:
            self._has_begun = True
            threading.Thread(target=self._perform, name="taskkit-attempt", daemon=True).start()

    def _perform(self) -> None:
        """Told before its first step is; performed even where nothing can be told."""
        try:
            try:
                self._teller.begun(self._entry())
            finally:
                outcome = self._engine._staff.attempts.perform(self._attempt)
            self._ended.append(outcome)
        except BaseException as error:
            self._ended.append(error)
        finally:
            self._done.set()

    def _wait(self) -> None:
        """The first Ctrl-C asks it to end at a safe point; after the second its lease decides what becomes of it (J6)."""
        try:
            self._look_on()
        except KeyboardInterrupt:
            try:
                self._ask_to_stop()
                self._look_on()
            except KeyboardInterrupt:
                case = "nobody has waited for its end; whoever works on the store takes it over when its lease is over"
                raise Refused(f"running the job {self._attempt.job!r}", case, "look at it then") from None

    def _look_on(self) -> None:
        self._begin()
        while not self._done.wait(_LOOK_SECONDS):
            pass

    def _ask_to_stop(self) -> None:
        self._teller.note("asked to end at its next safe point; Ctrl-C once more leaves it where it is")
        with suppress(TaskkitError):  # it has ended meanwhile
            self._engine.request_stop(self._attempt.job, by=self._by)
