"""Everything taskkit raises, ordered by who has to act.

A message says what was tried, what is the case and what would help; the three parts are attributes too,
so that a product can show them in its own words. `code` is the error's stable name for counting and translating.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pendulum import DateTime


class TaskkitError(Exception):
    """The root of the tree: catch it to catch all that taskkit raises on purpose."""

    code: ClassVar[str] = "taskkit_error"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, tried: str, case: str, help: str = "") -> None:
        super().__init__(tried, case, help)
        self.tried, self.case, self.help = tried, case, help

    def __str__(self) -> str:
        return f"{self.tried}: {self.case}" + (f"; {self.help}" if self.help else "")


# What was written has to change: values, texts, documents.


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


# What was asked is not to be had as things stand: the caller looks again, or asks somebody else.


class Refused(TaskkitError):
    """What was asked cannot be done as things stand; nothing has changed."""


class NotFound(Refused, LookupError):
    """There is no task, job, record or definition of this name."""


class NotAllowed(Refused, PermissionError):
    """The person lacks the right (A2)."""


class Duplicate(Refused):
    """The name is taken in this list (R2, R10)."""


class InUse(Refused):
    """A definition is still chosen by tasks (R10)."""


class Outdated(Refused):
    """Somebody else changed it first; read it again."""


class IllegalStep(Refused):
    """The job's state does not allow this step (J1)."""


class OtherNode(Refused):
    """The job is bound to a pool that this node does not serve (J6)."""


# Who keeps the keys has to act.


class MissingKey(Refused):
    """What is sealed needs a key that the keyring has not (S6)."""

    def __init__(self, tried: str, missing: str, there: Iterable[str] = ()) -> None:
        self.missing, self.there = missing, tuple(there)
        known = f"there {'is' if len(self.there) == 1 else 'are'} {', '.join(map(repr, self.there))}" if self.there else "there is none"
        super().__init__(tried, f"the key {missing!r} is missing; {known}", f"bring {missing!r} back: nothing else opens what it sealed")

    def __reduce__(self) -> tuple[type[MissingKey], tuple[str, str, tuple[str, ...]]]:
        return type(self), (self.tried, self.missing, self.there)


class BadSeal(Refused):
    """What is sealed does not open: it was damaged, moved to another place, or sealed with another key of the same id (S6)."""


# The worker has lost its job, or the vault is away: nobody did wrong, and the engine goes on.


class StaleToken(TaskkitError):
    """A newer claim owns the job; what the old worker wrote changed nothing (J3)."""


class StopAsked(TaskkitError):
    """Somebody asked the job to stop, and this is a safe point (J6)."""


class VaultAway(TaskkitError):
    """The vault did not answer in time, or answered with an error."""


class UnknownMark(TaskkitError):
    """The vault's outbox knows no such place: it was restored from a backup, is another one, or has let go what came after."""


class StorageAway(TaskkitError):
    """The store did not do what it was asked; of a write that was under way as it went, nobody knows whether it landed."""


# The author of a plug-in has to act.


class BrokenPlugin(TaskkitError):
    """A plug-in breaks its contract: a misspelt hook, a duplicate name, a wrong version, an offer of the wrong kind."""


class MissingPlugin(TaskkitError):
    """A stored task needs an executor or a script that is not installed, or one that cannot do it."""


# The administrator of the machine that was reached has to act.


class HostRefused(TaskkitError):
    """What a script meets on a host when it cannot go on: `error` says of which class, as outcomes do."""

    def __init__(self, tried: str, case: str, help: str = "", *, error: str = "failed") -> None:
        super().__init__(tried, case, help)
        self.error = error

    def __reduce__(self) -> tuple[object, ...]:
        return _host_refused, (self.tried, self.case, self.help, self.error)


def _host_refused(tried: str, case: str, help: str, error: str) -> HostRefused:
    return HostRefused(tried, case, help, error=error)


class TriesSpared(HostRefused):
    """So many log-ins of an account were refused of late that one more may lock it: none is made before `until` (S5)."""

    def __init__(self, tried: str, until: DateTime) -> None:
        case = "so many log-ins were refused of late that one more may lock the account"
        super().__init__(tried, case, f"the next one may be made at {until:%Y-%m-%d %H:%M:%S} UTC", error="busy")
        self.until = until

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.tried, self.until)


class NarrowWindow(UserWarning):
    """A window opens for less than five minutes at a time (R5): easy to miss when nodes are busy."""
