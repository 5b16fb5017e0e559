"""How a doorman is reached: connect once, log in once, say one command after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import Attribute, evolve, field, frozen

from taskkit import Effect, ErrorClass, HostRefused, Secret
from taskkit.plugins import Command, Executor, Host, Login, Operation, Run, Verb
from taskkit_doorman._judgements import Wanted
from taskkit_doorman._talks import NoDoorman, Talk

_PORT = 2323
_REFUSALS = {"wrong": ErrorClass.WRONG_CREDENTIALS, "locked": ErrorClass.ACCOUNT_LOCKED, "busy": ErrorClass.BUSY}


def _above_zero(instance: object, attribute: Attribute[Any], given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
        raise ValueError(f"{attribute.name}={given!r}: give a number above 0")


@frozen
class DoormanSettings:
    """What a record type may say about its doors."""

    #: Seconds that a door has to let us in.
    patience: float = field(default=10.0, validator=_above_zero, kw_only=True)
    #: How many characters are kept of what a command says.
    cap: int = field(default=65_536, validator=_above_zero, kw_only=True)

    @classmethod
    def of(cls, host: Host) -> DoormanSettings:
        try:
            return cls(**host.settings)
        except (TypeError, ValueError) as error:
            known = "there are patience and cap"
            raise HostRefused("reading the settings for 'doorman'", str(error), known, error=ErrorClass.BAD_CONFIGURATION) from None


class Doorman(Executor):
    """Controllers of doors. What their commands do is theirs, so nothing is said twice unless a script knows better."""

    name = "doorman"
    verbs = frozenset({Verb.COMMANDS})
    effect = Effect.BLIND
    settings = DoormanSettings

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Door]:
        settings, tried = DoormanSettings.of(host), f"connecting to {host.address!r}"
        if login.secret is None:
            case = f"there is no secret for {login.user!r}"
            raise HostRefused(tried, case, "give one in the vault", error=ErrorClass.BAD_CONFIGURATION)
        secret = run.keep(login.secret)
        try:
            talk = Talk(host.address, host.port or _PORT, min(settings.patience, max(0.001, run.seconds_left)))
        except OSError as error:
            raise _not_reached(tried, error) from None
        with talk:
            try:
                _log_in(talk, tried, login.user, secret)
            except OSError as error:
                raise _not_reached(tried, error) from None
            yield Door(talk, settings.cap)


def _log_in(talk: Talk, tried: str, user: str, secret: Secret) -> None:
    """One try: a second one with the same secret could lock the account."""
    if talk.hear().get("doorman") != 1:
        raise NoDoorman("what answers there is no doorman of version 1")
    talk.say({"user": user, "secret": secret.reveal()})
    if (refusal := talk.hear().get("refused")) is not None:
        error = _REFUSALS.get(refusal, ErrorClass.REFUSED)
        raise HostRefused(tried, f"it does not let {user!r} in: {error}", "look at the account there, and at its secret", error=error)


def _not_reached(tried: str, error: OSError) -> HostRefused:
    if isinstance(error, NoDoorman):
        return HostRefused(tried, str(error), "look at address and port", error=ErrorClass.BAD_CONFIGURATION)
    kind = ErrorClass.TIMEOUT if isinstance(error, TimeoutError) else ErrorClass.UNREACHABLE
    return HostRefused(tried, error.strerror or str(error) or "no answer", "is it up, and is the port right?", error=kind)


class Door:
    """What `connect` gives."""

    def __init__(self, talk: Talk, cap: int) -> None:
        self._talk, self._cap = talk, cap

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """One operation for each; the first that may not begin any more is told, and is the last."""
        for command in sequence:
            name, began, refusal = run.scrub(command.line)[:200], run.now(), self._refusal(run)
            if refusal is not None:
                error, text = refusal
                yield Operation(name, "not_done", began, began, error=error, text=text)
                return
            yield evolve(self._carry_out(command, run), name=name, began=began, ended=run.now())

    def _refusal(self, run: Run) -> tuple[ErrorClass, str] | None:
        if run.seconds_left <= 0:
            return ErrorClass.TIMEOUT, "it was not begun: the job has no time left"
        if run.stop_requested:
            return ErrorClass.STOPPED, "it was not begun: the job was asked to stop"
        if self._talk.is_over:
            return ErrorClass.UNREACHABLE, "it was not begun: the connection is gone"
        return None

    def _carry_out(self, command: Command, run: Run) -> Operation:
        """Without its name and its times, which the caller knows."""
        operation = Operation("", "not_done", run.now(), run.now())
        try:
            wanted, stdin = Wanted.of(command), _stdin(command, run)
        except ValueError as error:
            return evolve(operation, error=ErrorClass.BAD_CONFIGURATION, text=run.scrub(str(error)))
        if run.scrub(command.line) != command.line:  # a door keeps a log of its lines
            return evolve(operation, error=ErrorClass.BAD_CONFIGURATION, text="its line holds a secret: give secrets by stdin")
        self._talk.give(min(command.timeout, run.seconds_left))
        try:
            self._talk.say({"line": command.line, "stdin": stdin})
            code, kept, truncated = self._heard(run)
        except TimeoutError:
            text = f"it took longer than {command.timeout:g} s and was left; nobody saw it end"
            return evolve(operation, state="unknown", error=ErrorClass.TIMEOUT, text=text)
        except ConnectionError as error:
            text = f"the connection broke while it ran: {error}; nobody saw it end"
            return evolve(operation, state="unknown", error=ErrorClass.UNREACHABLE, text=text)
        judgement = wanted.judge(code, kept, truncated=truncated)
        return evolve(
            operation, state="not_done" if judgement.fault else "done", exit=code, output=kept, truncated=truncated,
            error=judgement.error, text=run.scrub(judgement.fault), captured=judgement.captured,
        )  # fmt: skip

    def _heard(self, run: Run) -> tuple[int, str, bool]:
        """The exit, what is kept of the output, and whether that is not all: scrubbed first and cut then, or half a secret would stand."""
        stream, kept, truncated = run.scrub_stream(), "", False
        while True:
            words = self._talk.hear()
            is_last = isinstance(words.get("exit"), int)
            said = stream.finish() if is_last else stream.feed(str(words.get("said", "")))
            room = self._cap - len(kept)
            kept, truncated = kept + said[:room], truncated or len(said) > room
            if is_last:
                return words["exit"], kept, truncated


def _stdin(command: Command, run: Run) -> str:
    given = command.stdin if isinstance(command.stdin, tuple) else () if command.stdin is None else (command.stdin,)
    return "".join(run.keep(part).reveal() if isinstance(part, Secret) else part for part in given)
