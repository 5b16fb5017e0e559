"""Commands on this machine: no shell unless asked, secrets by stdin only, and an end to all that a command started (S1, J10).

Dialogues with programs on this machine: in a terminal of their own.
"""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from attrs import Attribute, field, frozen

from taskkit.checks import a, refused, whole
from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._circumstances import Circumstances
from taskkit.plugins.executors._endings import End, with_end
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._outputs import Output, Recorder
from taskkit.plugins.executors._processes import NotStarted, started
from taskkit.plugins.executors._ptys import opened
from taskkit.plugins.executors._sequences import Ready, Result, in_order, refuse_secrets
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Host, Login, Operation, Terminal, Verb

#: The machine has too little of something for now; whatever else keeps a command from starting stays so until somebody acts.
_BUSY = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ETXTBSY})
_SHELL = "/bin/sh"


def _seconds(instance: object, attribute: Attribute[Any], given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 60:
        raise refused(instance, attribute, given, "these are no seconds", "give a number above 0 and up to 60")


@frozen
class LocalSettings(Circumstances):
    """What a record type may say about commands on this machine."""

    #: How many bytes are kept of the output, and as many of the errors: half from the beginning, half from the end.
    cap: int = field(default=65_536, validator=whole(1024, 16_777_216), kw_only=True)
    #: How many seconds a command has to end when asked, and its children to let go of the output after it.
    grace: float = field(default=2.0, validator=_seconds, kw_only=True)
    #: The program with which dialogues are held; it is cut into words as a shell would cut it.
    terminal: str = field(default=_SHELL, validator=a(str), kw_only=True)

    @classmethod
    def of(cls, host: Host) -> LocalSettings:
        try:
            return cls(**host.settings)
        except (InvalidValue, TypeError, ValueError) as error:
            known = "there are env, cwd, cap, grace and terminal"
            raise HostRefused("reading the settings for 'local'", str(error), known, error=ErrorClass.BAD_CONFIGURATION) from None

    @property
    def environment(self) -> dict[str, str]:
        # Nothing else comes from the product's own environment, which may hold secrets.
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **self.env}


class Local(Executor):
    """Works on this machine, as the user of this process; a record's address and login are for the commands to use."""

    name = "local"
    verbs = frozenset({Verb.COMMANDS, Verb.DIALOGUE})
    settings = LocalSettings

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[LocalConnection]:
        for secret in filter(None, (login.secret, login.key)):
            run.keep(secret)
        yield LocalConnection(LocalSettings.of(host))


class LocalConnection:
    """What `Local.connect` gives: any thread may use it."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """Run one after the other; the first that may not begin any more is told, and is the last."""
        return in_order(sequence, run, self._carry_out)

    @contextmanager
    def terminal(self, run: Run) -> Iterator[Terminal]:
        """The program of the settings, in a terminal."""
        settings, tried = self._settings, "opening a terminal on this machine"
        try:
            argv = shlex.split(settings.terminal)
            refuse_secrets(run, *argv, *settings.env.values())
        except ValueError as error:
            raise HostRefused(tried, str(error), error=ErrorClass.BAD_CONFIGURATION) from None
        with ExitStack() as stack:
            try:
                pty = stack.enter_context(opened(argv, settings.grace, env=settings.environment, cwd=settings.cwd))
            except NotStarted as error:
                judgement = _not_started(error.__cause__)
                raise HostRefused(tried, judgement.text, error=judgement.error or ErrorClass.FAILED) from None
            yield pty

    def _carry_out(self, command: Command, run: Run) -> Result:
        try:
            ready, argv = Ready.of(command, run), _argv(command)
            refuse_secrets(run, command.line, *argv, *self._settings.env.values())
        except ValueError as error:  # shlex raises them too
            return Result.misfit(error)
        try:
            end, out, err = self._run(argv, ready, run)
        except NotStarted as error:
            return Result(_not_started(error.__cause__))
        judgement = with_end(ready.expectations.judge(end.exit, end.signal, out, err), end)
        return Result(judgement, end.exit, end.signal, out, err)

    def _run(self, argv: list[str], ready: Ready, run: Run) -> tuple[End, Output, Output]:
        settings = self._settings
        out, err = (Recorder(run.scrub_stream(), settings.cap) for _ in range(2))
        how = {"env": settings.environment, "cwd": settings.cwd}
        patience = ready.patience(run)
        hear = patience.listening
        with started(argv, hear(out.feed), hear(err.feed), stdin=ready.written, grace=settings.grace, **how) as group:
            end = group.run(patience.over)
        return end, out.finish(), err.finish()


def _argv(command: Command) -> list[str]:
    return [_SHELL, "-c", command.line] if command.shell else shlex.split(command.line)


def _not_started(error: BaseException | None) -> Judgement:
    if not isinstance(error, OSError):
        return Judgement("not_done", ErrorClass.BAD_CONFIGURATION, f"it could not be started: {error}")
    kind = ErrorClass.BUSY if error.errno in _BUSY else ErrorClass.BAD_CONFIGURATION
    return Judgement("not_done", kind, f"it could not be started: {error.strerror}" + (f": {error.filename}" if error.filename else ""))
