"""Everything taskkit raises, ordered by who has to act.

A message says what was tried, what is the case and what would help; the three parts are attributes too,
so that a product can show them in its own words.
"""

from __future__ import annotations


class TaskkitError(Exception):
    """The root of the tree: catch it to catch all that taskkit raises on purpose."""

    def __init__(self, tried: str, case: str, help: str = "") -> None:
        super().__init__(tried, case, help)
        self.tried, self.case, self.help = tried, case, help

    def __str__(self) -> str:
        return f"{self.tried}: {self.case}" + (f"; {self.help}" if self.help else "")


class InvalidValue(TaskkitError, ValueError):
    """A value cannot be made as asked; whoever wrote it has to change it."""


class NaiveMoment(InvalidValue):
    """A moment came without a zone, so it names no instant."""


class UnknownZone(InvalidValue):
    """A zone's name is not in the machine's zone data (T1)."""


class NeverFires(InvalidValue):
    """A rule has no occurrence, or a window no opening, at all (T14, R5)."""


class UnreadableText(InvalidValue):
    """A text is no rule; `text[start:end]` is the word that was not understood."""

    def __init__(self, text: str, start: int, end: int, case: str, help: str = "") -> None:
        super().__init__(f"reading {text!r}", case, help)
        self.text, self.start, self.end = text, start, end

    def __str__(self) -> str:
        return f"{super().__str__()}\n  {self.text}\n  {' ' * self.start}{'^' * max(1, self.end - self.start)}"

    def __reduce__(self) -> tuple[type[UnreadableText], tuple[str, int, int, str, str]]:
        return type(self), (self.text, self.start, self.end, self.case, self.help)


class UnreadableDocument(InvalidValue):
    """A stored document does not describe the value that was asked for."""


class NarrowWindow(UserWarning):
    """A window opens for less than five minutes at a time (R5): easy to miss when nodes are busy."""
