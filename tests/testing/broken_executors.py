"""Executors that break one promise each, beside the clause that notices."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

from attrs import evolve

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.executors.local import Local
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, File, Host, Login, Operation, Probe, SecretChange
from taskkit.scrubbing import Scrubber, Stream
from taskkit.secrets import Secret
from taskkit.testing import FakeExecutor
from tests.testing.test_contracts_of_executors import HOST, TestFakeExecutor, TestLocal

Outcome = Done | NotDone | Unknown
Commands = Callable[[Iterable[Command], Run], Iterator[Operation]]


class Bent(FakeExecutor):
    """Everything passes `carry_out`, which may do as it likes."""

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        with super().connect(host, login, run) as connection:
            yield _Bent(self, connection)

    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return commands(sequence, run)


class _Bent:
    def __init__(self, executor: Bent, connection: Any) -> None:
        self._executor, self._connection = executor, connection

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return self._executor.carry_out(self._connection.commands, sequence, run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _Run:
    """A run that is told less, or tells less, than the real one."""

    def __init__(self, run: Run, **instead: Any) -> None:
        self.__dict__.update(instead, _run=run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)


def unscrubbed(run: Run) -> Any:
    return _Run(run, scrub=lambda text: text, scrub_stream=lambda: Stream(Scrubber()))


def suite(executor: Callable[[], FakeExecutor], **more: Any) -> type[TestFakeExecutor]:
    """The fake hosts, reached by another executor."""

    def setup_method(self: TestFakeExecutor) -> None:
        self.made = executor()
        self.made.guard(HOST, "app", "correct-horse-battery-staple", locks_after=2)

    return type(getattr(executor, "__name__", "Broken"), (TestFakeExecutor,), {"setup_method": setup_method, **more})


class SaysDoneAndDidNothing(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for command in sequence:
            yield Operation(run.scrub(command.line), "done", run.now(), run.now(), exit=0)


class DidAndSaysNotDone(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            yield evolve(operation, state="not_done")


class TellsNoReason(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            yield evolve(operation, text="", errors="", error=None)


class SaysAllAtOnce(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return iter(list(commands(sequence, run)))


class TellsTwice(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            yield from (operation, operation)


class SwallowsTheTimeout(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            yield evolve(operation, state="done", error=None) if operation.error is ErrorClass.TIMEOUT else operation


class IgnoresWhatIsExpected(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return commands((evolve(command, exits=(0,), expect=None, forbid=None, capture={}) for command in sequence), run)


class ShowsSecrets(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return commands(sequence, unscrubbed(run))


class CapturesBeforeItScrubs(Bent):
    """What it shows is scrubbed, and what it has read from there before is not."""

    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for command in sequence:
            for operation in commands([command], run):
                found = {name: re.search(pattern, str(command.stdin)) for name, pattern in command.capture.items()}
                yield evolve(operation, captured={name: one[1] for name, one in found.items() if one} or operation.captured)


class PutsStdinIntoTheLine(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        said = (
            evolve(command, line=f"{command.line} {command.stdin.reveal()}") if isinstance(command.stdin, Secret) else command
            for command in sequence
        )
        for operation in commands(said, unscrubbed(run)):
            yield evolve(operation, name=run.scrub(operation.name))


class PrintsTheSecret(Bent):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        print(f"logging in as {login.user} with {login.secret.reveal() if login.secret else None}")  # noqa: T201
        with super().connect(host, login, run) as connection:
            yield connection


class IgnoresTheStop(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return commands(sequence, _Run(run, stop_requested=False, seconds_left=60.0))


class CutsInSilence(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            yield evolve(operation, truncated=False)


class KeepsWhatItHeardFirst(Bent):
    """A cache that all connections share."""

    heard: str | None = None

    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            self.heard = self.heard or operation.output
            yield evolve(operation, output=self.heard if operation.output.startswith("answer") else operation.output)


class LeavesItOpenAfterAnError(Bent):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        connection = super().connect(host, login, run)
        self.kept = [*getattr(self, "kept", ()), connection]
        yield connection.__enter__()
        connection.__exit__(None, None, None)


class ConnectsForEachCommand(Bent):
    def carry_out(self, commands: Commands, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for operation in commands(sequence, run):
            self.connections += 1
            yield operation


class TriesAgainAndAgain(Bent):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        for _ in range(2):
            try:
                with super().connect(host, login, run):
                    break
            except HostRefused:
                continue
        with super().connect(host, login, run) as connection:
            yield connection


class CallsEverythingUnreachable(Bent):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        try:
            with super().connect(host, login, run) as connection:
                yield connection
        except HostRefused as error:
            raise HostRefused(error.tried, error.case, error=ErrorClass.UNREACHABLE) from None


class RaisesWhatTheNetworkRaises(Bent):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        try:
            with super().connect(host, login, run) as connection:
                yield connection
        except HostRefused as error:
            raise ConnectionRefusedError(str(error)) from None


class IgnoresSettings(Local):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        known = {name: value for name, value in host.settings.items() if name in ("env", "cwd", "cap", "grace")}
        with super().connect(evolve(host, settings=known), login, run) as connection:
            yield connection


class ForgetsToSayWhatItCan(FakeExecutor):
    verbs = frozenset()


class GivesSecretsToTheEnvironment(Local):
    """As a log-in for child processes."""

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        secret = login.secret.reveal() if login.secret else ""
        settings: Mapping[str, Any] = {**host.settings, "env": {"PASSWORD": secret}}
        with super().connect(evolve(host, settings=settings), login, run) as connection:
            yield _Unwatched(connection)


class _Unwatched:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        found: Iterator[Operation] = self._connection.commands(sequence, _Run(run, scrub=lambda text: text))
        return found


def here(executor: type[Executor]) -> type[TestLocal]:
    """On this machine, for whose answers nobody has to wait long."""
    return type(executor.__name__, (TestLocal,), {"executor": lambda self: executor(), "patience": 2.0})


def counted(self: TestFakeExecutor) -> Collection[str]:
    """Each time that something is left it is there once more."""
    return [line.removeprefix("leave ") for line in self.made.deeds(HOST) if line.startswith("leave ")]


def no_cap() -> FakeExecutor:
    return FakeExecutor(cap=1_000_000_000)


def blind_that_says_idempotent() -> FakeExecutor:
    return FakeExecutor()


class ProbesByItsMemory(FakeExecutor):
    """What it found once it tells again."""

    found: Probe | None = None

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        if self.found is None or not self.found.works:
            self.found = super().probe(host, login, run)
        return self.found


class ProbesByRaising(FakeExecutor):
    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        with self.connect(host, login, run):
            return Probe()


class ProbesTwice(FakeExecutor):
    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        super().probe(host, login, run)
        return super().probe(host, login, run)


class ChangesNothing(FakeExecutor):
    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        return Done()


class LetsTheOldOneIn(FakeExecutor):
    def guard(self, *given: Any, **named: Any) -> None:
        super().guard(*given, **{**named, "keeps_old": 3600.0})


class ChangesWithoutLookingWhoAsks(FakeExecutor):
    """It takes a wrong secret for an old one, and says what it should."""

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        found = super().change(host, login, change, run)
        if isinstance(found, NotDone):
            self.guard(host.address, change.user, change.new.reveal())
        return found


class TellsNoRule(FakeExecutor):
    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        found = super().change(host, login, change, run)
        return NotDone(found.error, found.text) if isinstance(found, NotDone) else found


class AsksTheHostFirst(FakeExecutor):
    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        found = self.probe(host, login, run)
        return super().change(host, login, change, run) if found.works else NotDone(found.error or ErrorClass.FAILED, found.text)


class CallsWhatIsLostNotDone(FakeExecutor):
    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        found = super().change(host, login, change, run)
        return NotDone(ErrorClass.UNREACHABLE, found.text) if isinstance(found, Unknown) else found


class TellsTheNewSecret(FakeExecutor):
    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        found = super().change(host, login, change, run)
        return evolve(found, text=f"{found.text}: {change.new.reveal()}") if isinstance(found, NotDone) else found


class LogsTheOldSecret(FakeExecutor):
    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Outcome:
        logging.getLogger("trial").info("changing %s", login.secret and login.secret.reveal())
        return super().change(host, login, change, run)


class _Moving:
    """A connection whose files go through an executor's own `put` and `get`."""

    def __init__(self, executor: Any, connection: Any, host: Host) -> None:
        self._executor, self._connection, self._host = executor, connection, host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def put(self, path: str, content: Any, run: Run, **given: Any) -> Operation:
        told: Operation = self._executor.puts(self._connection, self._host, path, content, run, **given)
        return told

    def get(self, path: str, run: Run, **given: Any) -> File:
        found: File = self._executor.gets(self._connection, path, run, **given)
        return found


class Moving(FakeExecutor):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        with super().connect(host, login, run) as connection:
            yield _Moving(self, connection, host)

    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        return connection.put(path, content, run, **given)

    def gets(self, connection: Any, path: str, run: Run, **given: Any) -> Any:
        return connection.get(path, run, **given)


class MendsTheEndsOfLines(Moving):
    def gets(self, connection: Any, path: str, run: Run, **given: Any) -> Any:
        found = connection.get(path, run, **given)
        return evolve(found, content=found.content.replace(b"\r\n", b"\n"))


class AddsToWhatIsThere(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        before = self.files(host.address).get(path, b"")
        told = connection.put(path, content, run, **given)
        self._hosts[host.address].files[path] = before + self.files(host.address).get(path, b"")
        return told


class ForgetsTheMode(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        self._hosts[host.address].modes.pop(path, None)
        return connection.put(path, content, run, **given)


class LetsOthersRead(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        return connection.put(path, content, run, **({"mode": 0o644} | given))


class WritesInPlace(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        if isinstance(content, bytes):
            self._hosts[host.address].files[path] = content[: len(content) // 2]
            time.sleep(0.1)
        return connection.put(path, content, run, **given)


class GivesPartOfAFile(Moving):
    def gets(self, connection: Any, path: str, run: Run, *, most: int = 1_000_000, **given: Any) -> Any:
        found = connection.get(path, run, **given)
        return evolve(found, content=found.content[:most])


class CallsEveryPutDone(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        return evolve(connection.put(path, content, run, **given), state="done")


class PutsAfterTheStop(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        return connection.put(path, content, _Run(run, stop_requested=False, point=lambda name: None), **given)


class LogsWhatIsPut(Moving):
    def puts(self, connection: Any, host: Host, path: str, content: Any, run: Run, **given: Any) -> Any:
        parts = content if isinstance(content, tuple) else (content,)
        logging.getLogger("broken").info("put %s", [part.reveal() if isinstance(part, Secret) else part for part in parts])
        return connection.put(path, content, run, **given)


class _Talking:
    """A terminal that leaves everything to another one, but for what an executor says of it."""

    def __init__(self, terminal: Any, **instead: Any) -> None:
        self.__dict__.update(instead, _terminal=terminal)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)


class _Sitting:
    def __init__(self, executor: Any, connection: Any) -> None:
        self._executor, self._connection = executor, connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @contextmanager
    def terminal(self, run: Run) -> Iterator[Any]:
        with self._executor.sits(self._connection, run) as terminal:
            yield terminal


class Sitting(Local):
    """Terminals of this machine, in whose way `bends` may stand."""

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        with super().connect(host, login, run) as connection:
            yield _Sitting(self, connection)

    @contextmanager
    def sits(self, connection: Any, run: Run) -> Iterator[Any]:
        with connection.terminal(run) as terminal:
            yield self.bends(terminal)

    def bends(self, terminal: Any) -> Any:
        return terminal


class HearsNothing(Sitting):
    def bends(self, terminal: Any) -> Any:
        return _Talking(terminal, send=lambda *parts: None)


class NeverTellsTheEnd(Sitting):
    def bends(self, terminal: Any) -> Any:
        return _Talking(terminal, receive=lambda seconds: terminal.receive(seconds) or b"")


class TakesSilenceForTheEnd(Sitting):
    def bends(self, terminal: Any) -> Any:
        return _Talking(terminal, receive=lambda seconds: terminal.receive(seconds) or None)


class TypesForNobody(Sitting):
    def bends(self, terminal: Any) -> Any:
        def send(*parts: Any) -> None:
            with suppress(OSError):
                terminal.send(*parts)

        return _Talking(terminal, send=send)


#: What is left open is closed when the proof is over: its processes are no proof of anything.
LEFT_OPEN = ExitStack()


def left_open(terminal: AbstractContextManager[Any]) -> Any:
    return LEFT_OPEN.enter_context(terminal)


class KeepsOneTerminal(Sitting):
    """For all who come, and open for ever."""

    kept: Any = None

    @contextmanager
    def sits(self, connection: Any, run: Run) -> Iterator[Any]:
        if self.kept is None:
            self.kept = left_open(connection.terminal(run))
        yield self.kept


class LeavesTerminalsOpen(Sitting):
    @contextmanager
    def sits(self, connection: Any, run: Run) -> Iterator[Any]:
        yield left_open(connection.terminal(run))


class LogsWhatIsTyped(Sitting):
    def bends(self, terminal: Any) -> Any:
        def send(*parts: Any) -> None:
            logging.getLogger("broken").info("type %s", [part.reveal() if isinstance(part, Secret) else part for part in parts])
            terminal.send(*parts)

        return _Talking(terminal, send=send)


class TypesLetterByLetterAndDropsSome(Sitting):
    def bends(self, terminal: Any) -> Any:
        return _Talking(
            terminal,
            send=lambda *parts: terminal.send(*(Secret(part.reveal()[:-1]) if isinstance(part, Secret) else part for part in parts)),
        )


SOUND = (TestFakeExecutor, TestLocal, suite(Bent), suite(Moving), here(Sitting))
BROKEN = (
    ("E1", suite(ForgetsToSayWhatItCan)),
    ("E2", here(IgnoresSettings)),
    ("E3", suite(RaisesWhatTheNetworkRaises)),
    ("E4", suite(TriesAgainAndAgain)),
    ("E4", suite(CallsEverythingUnreachable)),
    ("E5", suite(LeavesItOpenAfterAnError)),
    ("E5", suite(ConnectsForEachCommand)),
    ("E6", suite(TellsTwice)),
    ("E7", suite(SaysAllAtOnce)),
    ("E8", suite(SaysDoneAndDidNothing)),
    ("E8", suite(DidAndSaysNotDone)),
    ("E8", suite(TellsNoReason)),
    ("E9", suite(IgnoresWhatIsExpected)),
    ("E10", suite(ShowsSecrets)),
    ("E10", suite(CapturesBeforeItScrubs)),
    ("E11", suite(no_cap)),
    ("E11", suite(CutsInSilence)),
    ("E12", suite(SwallowsTheTimeout)),
    ("E13", suite(IgnoresTheStop)),
    ("E14", suite(PutsStdinIntoTheLine)),
    ("E14", suite(PrintsTheSecret)),
    ("E14", here(GivesSecretsToTheEnvironment)),
    ("E15", suite(ShowsSecrets)),
    ("E16", suite(KeepsWhatItHeardFirst)),
    ("E18", suite(ProbesByRaising)),
    ("E19", suite(ProbesByItsMemory)),
    ("E19", suite(ProbesTwice)),
    ("E20", suite(ChangesNothing)),
    ("E20", suite(LetsTheOldOneIn)),
    ("E21", suite(ChangesWithoutLookingWhoAsks)),
    ("E22", suite(ChangesWithoutLookingWhoAsks)),
    ("E22", suite(TellsNoRule)),
    ("E23", suite(AsksTheHostFirst)),
    ("E24", suite(CallsWhatIsLostNotDone)),
    ("E25", suite(TellsTheNewSecret)),
    ("E25", suite(LogsTheOldSecret)),
    ("E26", suite(MendsTheEndsOfLines)),
    ("E26", suite(AddsToWhatIsThere)),
    ("E27", suite(ForgetsTheMode)),
    ("E27", suite(LetsOthersRead)),
    ("E28", suite(WritesInPlace)),
    ("E29", suite(GivesPartOfAFile)),
    ("E29", suite(CallsEveryPutDone)),
    ("E29", suite(PutsAfterTheStop)),
    ("E29", suite(LogsWhatIsPut)),
    ("E30", here(HearsNothing)),
    ("E30", here(NeverTellsTheEnd)),
    ("E30", here(TakesSilenceForTheEnd)),
    ("E30", here(TypesForNobody)),
    ("E31", here(KeepsOneTerminal)),
    ("E31", here(LeavesTerminalsOpen)),
    ("E32", here(LogsWhatIsTyped)),
    ("E32", here(TypesLetterByLetterAndDropsSome)),
    ("E17", suite(blind_that_says_idempotent, left=counted)),
)
