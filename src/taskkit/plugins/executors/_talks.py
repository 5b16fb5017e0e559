"""A talk over a terminal: what a machine says until it waits, and what it is told then. Knows neither what is wanted nor why.

A machine that waits is quiet. So nothing is decided before it has been quiet for a moment: what looks like a prompt in the middle of an
output is none, and it makes no difference in how many packets a prompt comes.
"""

from __future__ import annotations

import codecs
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from attrs import define, frozen

from taskkit.plugins.executors._echoes import Echo
from taskkit.plugins.executors._outputs import Output, Recorder
from taskkit.plugins.executors._screens import Screen
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Terminal
from taskkit.secrets import Secret

T = TypeVar("T")
ENTER = "\n"
#: How much is kept of what may be a prompt or a message, and of what is told of an exchange.
CAP = 65_536


@frozen
class Seen:
    """What was said since the last answer, as a reader sees it, without the echo of that answer; `line` is where the machine waits."""

    text: str
    line: str


class Nothing(StrEnum):
    """Why there is no prompt."""

    SILENCE = "silence"  #: the time is over
    CLOSED = "closed"
    ASKED_AGAIN = "asked_again"  #: not a prompt that was waited for, but the one before it


@define
class Patience:
    """How many seconds are left; what is waited for in vain counts as it was asked for, whatever a clock says of it."""

    left: float


class Talk:
    """One talk, from the first word to the last; used by one thread."""

    def __init__(self, terminal: Terminal, run: Run, quiet: float) -> None:
        self._terminal, self._run, self._quiet = terminal, run, quiet
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._screen = Screen(self._ended)
        self._said: Sequence[Secret | str] = ()
        self._begin()

    def _begin(self) -> None:
        self._lines: deque[str] = deque()
        self._kept = 0
        self._echoed, self._left_of_echo = not self._said, Echo(self._said)
        self._recorder = Recorder(self._run.scrub_stream(), CAP)

    # listening

    def listen(self, choose: Callable[[Seen], T | Nothing | None], patience: Patience) -> T | Nothing:
        """What `choose` makes of it once the machine waits; asked each time that it has become quiet."""
        fresh = True
        while patience.left > 0:
            wanted, began = min(self._quiet, patience.left) if fresh else patience.left, time.monotonic()
            piece = self._terminal.receive(wanted)
            if piece:
                self._screen.feed(self._decoder.decode(piece))
                patience.left -= time.monotonic() - began
                fresh = True
                continue
            patience.left -= wanted
            if fresh and (found := self._chosen(choose)) is not None:
                return found
            fresh = False
            if piece is None:
                return Nothing.CLOSED
        return Nothing.SILENCE

    def _chosen(self, choose: Callable[[Seen], T | Nothing | None]) -> T | Nothing | None:
        """What looks like the echo of the answer may be the machine's own word: an answer that is hidden has none."""
        found = choose(self.seen)
        if found is not None or self._echoed or not self._screen.line:
            return found
        if not self._is_hidden and self._echo.startswith(self._screen.line.rstrip()):
            return None
        self._echoed = True
        found = choose(self.seen)
        self._echoed = found is not None
        return found

    @property
    def _is_hidden(self) -> bool:
        return any(isinstance(part, Secret) for part in self._said)

    @property
    def seen(self) -> Seen:
        line = self._line.rstrip()
        return Seen("\n".join([*self._lines, line]), line)

    @property
    def waits_in(self) -> str:
        """The line in which the machine waits, as it may be told once it is scrubbed."""
        return self._left_of_echo.shown(self._line.rstrip())

    @property
    def _line(self) -> str:
        return self._screen.line if self._echoed else _without(self._echo, self._screen.line)

    @property
    def _echo(self) -> str:
        return "".join(part.reveal_bytes().decode(errors="replace") if isinstance(part, Secret) else part for part in self._said)

    def _ended(self, line: str) -> None:
        echoes, self._echoed = not self._echoed, True
        line = _behind(self._echo, line, hidden=self._is_hidden) if echoes else line
        shown = self._left_of_echo.ended(line)
        if echoes and not line:  # of the Enter key, too, where nothing is echoed but that
            return
        self._recorder.feed(f"{shown}\n".encode())
        self._lines.append(line)
        self._kept += len(line) + 1
        while self._kept > CAP:
            self._kept -= len(self._lines.popleft()) + 1

    # speaking

    def say(self, parts: Sequence[Secret | str], enter: bool = True) -> None:
        """The answer to what was said; what follows is said to it. Its echo is no part of that."""
        self._said = parts if enter else ()
        self._screen.read()
        self._begin()
        self._terminal.send(*parts, *([ENTER] if enter else []))

    def put_in(self, parts: Sequence[Secret | str], enter: bool, rub_out: bool) -> None:
        """An answer to what only interrupts: a pager. What follows is still said to the answer before."""
        if rub_out:
            self._screen.rub_out()
        self._terminal.send(*parts, *([ENTER] if enter else []))

    def told(self, last: bool) -> Output:
        """What was said to the last answer, scrubbed and capped, with or without the line in which the machine waits; once for each."""
        if last:
            self._recorder.feed(self.waits_in.encode())
        return self._recorder.finish()


def _behind(echo: str, line: str, *, hidden: bool) -> str:
    """A line that has ended, without the echo with which it begins; white space at its end is gone by then.

    What only begins as a hidden answer does is the machine's own word: what is left of it would tell what is missing.
    """
    if line == echo.rstrip():
        return ""
    return line if hidden else line.removeprefix(echo)


def _without(echo: str, line: str) -> str:
    """The same of a line that goes on; nothing where all of it is still the echo."""
    return "" if echo.startswith(line.rstrip()) else line.removeprefix(echo)
