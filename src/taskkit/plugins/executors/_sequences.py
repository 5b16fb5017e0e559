"""What all executors of commands do alike: one operation for each, in order, none after the time or a stop; secrets by stdin only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Self

from attrs import field, frozen

from taskkit.checks import is_whole
from taskkit.errors import InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._endings import Patience
from taskkit.plugins.executors._expectations import Expectations, Judgement
from taskkit.plugins.executors._outputs import SILENCE, Output
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Operation
from taskkit.scrubbing import WITHHELD
from taskkit.secrets import Secret

#: So many characters of a text in which a machine may have a say, however much it says.
MOST_TOLD = 2000


@frozen
class Result:
    """What became of one command, and what it said."""

    judgement: Judgement
    exit: int | None = None
    signal: int | None = None
    output: Output = SILENCE
    errors: Output = SILENCE
    together: bool = False

    @classmethod
    def misfit(cls, case: object) -> Self:
        """It was not begun, as it cannot be said as it stands."""
        return cls(Judgement("not_done", ErrorClass.BAD_CONFIGURATION, str(case)))

    def told(self, run: Run) -> Mapping[str, Any]:
        judgement, out, err = self.judgement, self.output, self.errors
        text = run.scrub(judgement.text)[:MOST_TOLD]
        return {
            "state": judgement.state, "error": judgement.error, "text": text, "captured": judgement.captured,
            "exit": self.exit, "signal": self.signal, "output": str(out), "errors": str(err),
            "truncated": bool(out.left_out or err.left_out), "together": self.together,
        }  # fmt: skip


@frozen
class Ready:
    """A command that may be said: its patterns, what is written to it, in parts, how long it may take and how long say nothing."""

    expectations: Expectations
    stdin: tuple[Secret | str, ...] | None = field(repr=False)
    seconds: float
    idle: float | None = None

    @classmethod
    def of(cls, command: Command, run: Run, *, by_shell: bool = False, becomes: bool = False) -> Self:
        """InvalidValue where it cannot be said; the run scrubs what is secret of its stdin from now on."""
        if command.become is not None and not becomes:
            raise InvalidValue(
                f"carrying out a command as {str(command.become)!r}", "this executor lets nobody become another", "say it elsewhere"
            )
        for name, seconds in (("timeout", command.timeout), ("idle", command.idle)):
            if seconds is not None and not seconds > 0:  # also what is no number at all
                raise InvalidValue(f"Command({name}={seconds})", "it is no time", "give seconds above 0")
        return cls(Expectations.of(command, by_shell=by_shell), _parts(command, run), min(command.timeout, run.seconds_left), command.idle)

    @property
    def written(self) -> bytes | None:
        """Its stdin in one."""
        if self.stdin is None:
            return None
        return b"".join(part.reveal_bytes() if isinstance(part, Secret) else part.encode() for part in self.stdin)

    def patience(self, run: Run) -> Patience:
        """From now on."""
        return Patience(run, self.seconds, self.idle)


def in_order(sequence: Iterable[Command], run: Run, carry_out: Callable[[Command, Run], Result]) -> Iterator[Operation]:
    """One after the other, as the caller asks for them; the first that may not begin any more is told, and is the last."""
    for command in sequence:
        refusal = not_any_more(run)
        yield told(command.line, run, partial(carry_out, command, run), refusal)
        if refusal:
            return


def told(name: str, run: Run, carry_out: Callable[[], Result], refusal: Judgement | None) -> Operation:
    """What becomes of it, unless it is refused."""
    began = run.now()
    result = Result(refusal) if refusal else carry_out()
    return Operation(name=run.scrub(name)[:200], began=began, ended=run.now(), **result.told(run))


def in_one_line(text: str, run: Run) -> str:
    """What a machine said, scrubbed with all white space, of which a secret may hold some, and without: it may stand in two lines."""
    return run.scrub(" ".join(run.scrub(text).split()))


def refuse_secrets(run: Run, *texts: str) -> None:
    """Everybody on the machine can read the arguments of a process (S1). Where the run holds a short secret, nobody can tell."""
    for text in texts:
        if run.scrub(text) not in (text, WITHHELD):
            raise InvalidValue("starting a command", "its line or environment holds a secret of this run", "give secrets by stdin")


def not_any_more(run: Run) -> Judgement | None:
    """Why nothing may begin any more."""
    if run.seconds_left <= 0:
        return Judgement("not_done", ErrorClass.TIMEOUT, "it was not begun: the job has no time left")
    return Judgement("not_done", ErrorClass.STOPPED, "it was not begun: the job was asked to stop") if run.stop_requested else None


def _parts(command: Command, run: Run) -> tuple[Secret | str, ...] | None:
    if command.stdin is None:
        return None
    parts = command.stdin if isinstance(command.stdin, tuple) else (command.stdin,)
    for part in parts:
        if isinstance(part, Secret):
            run.keep(part)
        elif not is_whole(part):
            raise InvalidValue("writing to a command", "the text holds half a character (a lone surrogate)", "give a Secret of its bytes")
    return parts
