"""What counts as the success of a command. Knows neither how it was started nor where."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from taskkit.errors import InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._outputs import Output
from taskkit.plugins.verbs import Command

#: What a shell says of a command that it cannot start.
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")


@frozen
class Judgement:
    """Whether it was a success, why not, and what could be read from its output."""

    state: Literal["done", "not_done", "unknown"]
    error: ErrorClass | None = None
    text: str = ""
    captured: Mapping[str, str] = field(factory=dict)


@frozen
class Expectations:
    """The patterns of a command, ready for use; they are looked for in its output first, then in its errors."""

    exits: tuple[int, ...]
    shell: bool
    expect: re.Pattern[str] | None
    forbid: re.Pattern[str] | None
    capture: Mapping[str, re.Pattern[str]]

    @classmethod
    def of(cls, command: Command, *, by_shell: bool = False) -> Expectations:
        """InvalidValue where a pattern is none. `by_shell`: whether a shell begins the command also where nobody asked for one."""
        expect, forbid = (pattern and compiled(pattern) for pattern in (command.expect, command.forbid))
        capture = {name: compiled(pattern, groups=1) for name, pattern in command.capture.items()}
        return cls(command.exits, command.shell or by_shell, expect or None, forbid or None, capture)

    def judge(self, exit: int | None, signal: int | None, *outputs: Output) -> Judgement:
        """What the end of the command means; `outputs` are scrubbed, so that nothing captured is a piece of a secret."""
        captured = {name: found for name, pattern in self.capture.items() if (found := _captured(pattern, outputs)) is not None}
        if signal is None and exit is None:
            return Judgement("unknown", ErrorClass.FAILED, "nobody saw how it ended", captured)
        fault = self._fault_of_end(exit, signal, outputs) or self._fault_of_output(outputs, captured)
        if not fault:
            return Judgement("done", captured=captured)
        never_began = self.shell and exit in (_NOT_EXECUTABLE, _NOT_FOUND) and exit not in self.exits
        if outputs[-1].search(_NO_SPACE):
            return Judgement("not_done", ErrorClass.NO_SPACE, f"a disk of the machine is full: {fault}", captured)
        return Judgement("not_done", ErrorClass.BAD_CONFIGURATION if never_began else ErrorClass.FAILED, fault, captured)

    def _fault_of_end(self, exit: int | None, number: int | None, outputs: tuple[Output, ...]) -> str:
        if number is not None:
            return f"it was ended by {_name(number)}"
        if exit in self.exits:
            return ""
        wanted = " or ".join(map(str, self.exits))
        last = str(outputs[-1]).strip().rpartition("\n")[2][:200]
        return f"it ended with {exit} instead of {wanted}" + (f": {last}" if last else "")

    def _fault_of_output(self, outputs: tuple[Output, ...], captured: Mapping[str, str]) -> str:
        left_out = sum(output.left_out for output in outputs)
        unread = f" in what was kept; {left_out} bytes were left out" if left_out else ""
        if self.expect and not _found(self.expect, outputs):
            return f"{self.expect.pattern!r} was not found{unread}"
        if self.forbid and _found(self.forbid, outputs):
            return f"{self.forbid.pattern!r} was found"
        if self.forbid and left_out:  # it may stand where nobody looks any more: not a success that can be vouched for
            return f"{self.forbid.pattern!r} cannot be ruled out: it was not found{unread}"
        missing = ", ".join(repr(name) for name in self.capture if name not in captured)
        return f"there was nothing to capture as {missing}{unread}" if missing else ""


def compiled(pattern: str, groups: int | None = None) -> re.Pattern[str]:
    """A pattern in which ^ and $ stand for the ends of lines."""
    try:
        made = re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise InvalidValue(f"the pattern {pattern!r}", str(error)) from None
    if groups is not None and made.groups != groups:
        raise InvalidValue(
            f"the pattern {pattern!r}", f"it has {made.groups} groups", "put parentheses around what is captured, (?:…) else"
        )
    return made


def _found(pattern: re.Pattern[str], outputs: tuple[Output, ...]) -> bool:
    return any(output.search(pattern) for output in outputs)


def _captured(pattern: re.Pattern[str], outputs: tuple[Output, ...]) -> str | None:
    match = next((found for output in outputs if (found := output.read(pattern))), None)
    return match and (match[1] or "")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
