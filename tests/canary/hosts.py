"""Ways in by executors: those that scrub nothing, and real commands on this machine that echo what they were told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from taskkit.errors import HostRefused
from taskkit.jobs import Kind
from taskkit.outcomes import Done, Effect, Outcome
from taskkit.plugins.executors.local import Local
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Host, Login, Operation, Verb
from taskkit.scripts import Check, CheckStatus, Commands, Dialogue, Step
from taskkit.testing import Recording
from tests.canary.nests import CANARY, OPEN, Nest, plain
from tests.canary.says import Way
from tests.engine.houses import START, scripted

# executors of others


class Parrot(Executor):
    """Says what it was told to log in with, wherever it can, and scrubs nothing."""

    name = "parrot"
    verbs = frozenset({Verb.COMMANDS})
    effect = Effect.IDEMPOTENT

    def __init__(self, operation: Callable[[str], Mapping[str, Any]], raises: Mapping[str, Callable[[str], Exception]]) -> None:
        self._operation, self._raises = operation, raises
        self.nest: Nest | None = None

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Parrot]:
        assert self.nest
        assert login.secret
        self._song = self.nest.sing(login.secret.reveal())
        self._raise("connect")
        yield self
        self._raise("leave")

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for command in sequence:
            self._raise("command")
            yield Operation(**{"name": command.line, "state": "done", "began": START, "ended": START, **self._operation(self._song)})

    def _raise(self, where: str) -> None:
        if where in self._raises:
            raise self._raises[where](self._song)


COMMANDS = Commands("look", Step("look", stdin="{password}"), effect="idempotent")
CHECK = CheckStatus("look", Check("look", name="look", capture={"load": "(.*)"}, stdin="{password}", warn_above=1))


def parroted(
    script: Any, operation: Callable[[str], Mapping[str, Any]], raises: Mapping[str, Callable[[str], Exception]] | None = None
) -> Way:
    def go(place: Path) -> Nest:
        parrot = Parrot(operation, raises or {})
        nest = parrot.nest = Nest(place, executor="parrot", executors=[parrot])
        nest.work(script)
        return nest

    return go


FIELDS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "the name": lambda song: {"name": song},
    "the output": lambda song: {"output": song},
    "the errors": lambda song: {"errors": song},
    "the error": lambda song: {"state": "not_done", "error": plain(song)},
    "the text": lambda song: {"state": "not_done", "error": "failed", "text": song},
    "what is unknown": lambda song: {"state": "unknown", "text": song},
    "what was captured": lambda song: {"captured": {"load": song, song: "1"}},
}
RAISED: Mapping[str, Callable[[str], Exception]] = {
    "a refusal": lambda song: HostRefused("connecting", song, song),
    "an error": OSError,
    "a group of errors": lambda song: ExceptionGroup(song, [ValueError(song)]),
}
PARROTS: Mapping[str, Way] = {
    **{f"{name} of an operation of {kind.kind}": parroted(kind, made) for name, made in FIELDS.items() for kind in (COMMANDS, CHECK)},
    **{
        f"{name} of an executor at {where} of {kind.kind}": parroted(kind, lambda song: {}, {where: make})
        for name, make in RAISED.items()
        for where in ("connect", "command", "leave")
        for kind in (COMMANDS, CHECK)
    },
}
#: Where the script gives a name of its own, or what fails is the farewell only, nothing of it is told.
SILENT = {name for name in PARROTS if name.startswith("the name of") or (" at leave of commands" in name)}

# real commands

#: Its own arguments and environment while it runs, as everybody on the machine can read them.
LOOKED = "cat /proc/$$/cmdline /proc/$$/environ >seen"
TOLD = f"{OPEN} {{password}}\n"


def echoed(nest: Nest) -> Nest:
    assert (nest.place / "seen").read_bytes()
    nest.sung += [str(told) for entry in nest.entries() for told in entry.operations]
    return nest


def carried_out(*steps: Step, **given: Any) -> Way:
    """The command echoes what came by its stdin; that it did is seen by what was put in its place."""

    def go(place: Path) -> Nest:
        nest = Nest(place, executor="local", reach={"cwd": str(place)})
        nest.work(Commands("look", steps, **given))
        return echoed(nest)

    return go


def talked(text: str, program: str = "cat", **given: Any) -> Way:
    """A dialogue with a program that says what it was told; the name of the prompt is the open word, so that it is found."""

    def go(place: Path) -> Nest:
        line = f"printf '{OPEN}? '; {LOOKED}; stty {given.get('stty', '-echo')}; {program}"
        nest = Nest(place, executor="local", reach={"cwd": str(place), "terminal": f"/bin/sh -c {quote(line)}"})
        nest.work(Dialogue.of("look", text, quiet=0.3))
        return echoed(nest)

    return go


def recorded(place: Path) -> Nest:
    """What is said over a terminal is written to a file, for tests without the machine."""
    recording = Recording(Local())
    recording.name = "recorded"  # type: ignore[misc]
    line = f"printf '{OPEN}? '; {LOOKED}; read line; echo; echo {OPEN} $line; echo $line | base64"
    nest = Nest(place, executor="recorded", executors=[recording], reach={"cwd": str(place), "terminal": f"/bin/sh -c {quote(line)}"})
    nest.work(Dialogue.of("look", "? -> {password} ; <closed> => end"))
    recording.transcript.write(place / "transcript.json")
    nest.sung.append((place / "transcript.json").read_text())
    return echoed(nest)


def status(**given: Any) -> Way:
    def go(place: Path) -> Nest:
        nest = Nest(place, executor="local", reach={"cwd": str(place)})
        check = Check(f"{LOOKED}; cat", name="look", shell=True, stdin=TOLD, **given)  # noqa: S604
        nest.work(CheckStatus("look", check))
        return echoed(nest)

    return go


def shell(line: str, **given: Any) -> Step:
    return Step(f"{LOOKED}; {line}", shell=True, stdin=TOLD, **given)  # noqa: S604  what a shell does is looked at


DROPS = 'while c=$(dd bs=1 count=1 2>/dev/null) && [ -n "$c" ]; do printf %s "$c"; done'


def connected(place: Path) -> Nest:
    """A script of its own on the machine: output as it is handed to the script."""
    nest = Nest(place)
    kind = scripted(nest.play, "local_work", needs=frozenset({Verb.COMMANDS}))
    nest = Nest(place, play=nest.play, scripts=[kind], executor="local")

    def look(run: Any, song: str) -> Outcome:
        with run.connect() as connection:
            drops = Command(DROPS, stdin=f"{OPEN} {CANARY}", shell=True)  # noqa: S604
            missing = Command("cat", stdin=song, expect=f"{CANARY} is there")
            for told in connection.commands([drops, missing, Command(f"cat {quote(CANARY)}")], run):
                nest.handed += [told.name, told.output, told.errors, told.text, *told.captured.values()]
        return Done({"handed": nest.handed})

    nest.says(look)
    nest.work(kind("look"))
    return nest


def refused(place: Path) -> Nest:
    """A field of the record is the secret, and would stand in the command's arguments; nothing is begun."""
    nest = Nest(place, executor="local", reach={"cwd": str(place)})
    nest.vault.change("h01", fields={"user": CANARY})
    nest.work(Commands("look", Step(f"{LOOKED}; echo {{user}}", shell=True)))  # noqa: S604
    [entry] = nest.entries(kinds=Kind.DEMAND)
    assert "holds a secret of this run" in entry.text
    assert not (place / "seen").exists()
    nest.sung.append(CANARY)
    return nest


REAL: Mapping[str, Way] = {
    "what a command prints": carried_out(shell("cat")),
    "what it prints on errors": carried_out(shell("cat >&2")),
    "what it prints and ends badly": carried_out(shell("tee /dev/stderr; exit 3")),
    "what it prints in base64, hex and backwards": carried_out(shell("tee /dev/stderr | base64 -w0; echo; echo " + OPEN)),
    "what it prints drop by drop": carried_out(shell(f"{DROPS}; echo {OPEN}")),
    "what it prints before its time is over": carried_out(shell("cat; sleep 300", timeout=0.3)),
    "what is captured": carried_out(shell("cat", capture={"said": "(.+)"})),
    "what is captured and warned of": carried_out(shell("cat", capture={"said": "(.+)"}, forbid="open", level="warning")),
    "what is looked for": carried_out(shell("cat", expect="nothing like that")),
    "what a check prints": status(),
    "what a check captures": status(capture={"said": "(.+)"}),
    "a number of a check": status(capture={"said": "(.+)"}, warn_above=1.0),
    "what a script of its own prints": connected,
    "what a machine says in a dialogue": talked("? -> {password} ; <closed> => end", "read line; echo said $line; echo $line | base64 -w0"),
    "what a machine echoes in a dialogue": talked("? -> {password} ; <closed> => end", "read line; echo $line $line", stty="echo"),
    "what a machine asks back": talked("? -> {password} ; never within 0.5 s -> x", 'read line; printf "is it $line?"; sleep 60'),
    "what a machine has to say that fails": talked("? -> {password} ; /./ => fail failed", "read line; echo no: $line; sleep 60"),
    "what is captured in a dialogue": talked("? -> {password} ; capture said /said (.*)/ ; <closed> => end", "read line; echo said $line"),
    "what was recorded of a dialogue": recorded,
}
#: What everybody could read is not begun.
REFUSED: Mapping[str, Way] = {"a command line that a field fills with it": refused}
