"""What a script has an executor do: where and as whom, what is said there, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from attrs import Attribute, field, frozen

from taskkit.checks import mapping, one_of, refused
from taskkit.events.moments import floor_second
from taskkit.outcomes import ErrorClass
from taskkit.plugins.becoming import Become, become_of
from taskkit.records import Record
from taskkit.secrets import Secret

if TYPE_CHECKING:
    import pendulum

    from taskkit.passwords import PasswordPolicy
    from taskkit.plugins.runs import Run


class Verb(StrEnum):
    """What an executor can do on a host; a script names the verbs that it needs."""

    COMMANDS = "commands"
    BECOME = "become"
    DIALOGUE = "dialogue"
    FILES = "files"
    PROBE = "probe"
    CHANGE_SECRET = "change_secret"  # noqa: S105  the name of a verb
    READ_DIRECTORY = "read_directory"
    FIND_SERVICES = "find_services"


@frozen
class Host:
    """The machine that a record names, and what its type says about reaching it."""

    address: str
    port: int | None = None
    settings: Mapping[str, Any] = field(factory=dict, converter=mapping, hash=False)
    #: Which record that is.
    record: Record | None = field(default=None, kw_only=True, repr=False, eq=False)


@frozen
class Login:
    """As whom to connect: the record's own account or its shadow account (R3)."""

    record: Record
    user: str = ""
    secret: Secret | None = None
    key: Secret | None = None
    #: All that the vault keeps of the account, by the names of its secret fields: a passphrase, a certificate.
    secrets: Mapping[str, Secret] = field(factory=dict, converter=mapping, kw_only=True, repr=False, eq=False, hash=False)
    #: Whether it has to be `secret` that lets in: what a key opens proves nothing of it.
    by_secret: bool = field(default=False, kw_only=True)
    #: Under which name the vault keeps `secret`.
    secret_name: str = field(default="password", kw_only=True)
    #: What the record's type says of new ones.
    passwords: PasswordPolicy | None = field(default=None, kw_only=True)


def _line(instance: object, attribute: Attribute[Any], given: object) -> None:
    """Accepts a command line: longer than a name, perhaps of several lines, without the NUL that no system takes."""
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise refused(instance, attribute, given, "it is no command line", "give a text that is not empty, without NUL")


def _codes(given: Iterable[int]) -> tuple[int, ...]:
    return tuple(given)


@frozen
class Command:
    """One command of a sequence, and what counts as its success."""

    line: str = field(validator=_line)
    #: Several parts are said one after the other, so that nobody has to reveal a secret to put text around it.
    stdin: Secret | str | tuple[Secret | str, ...] | None = field(default=None, kw_only=True)
    timeout: float = field(default=60.0, kw_only=True)
    #: After so many seconds without a word of it, it is ended as if its time were over.
    idle: float | None = field(default=None, kw_only=True)
    shell: bool = field(default=False, kw_only=True)
    exits: tuple[int, ...] = field(default=(0,), converter=_codes, kw_only=True)
    expect: str | None = field(default=None, kw_only=True)
    forbid: str | None = field(default=None, kw_only=True)
    capture: Mapping[str, str] = field(factory=dict, converter=mapping, hash=False, kw_only=True)
    #: As whom, where not as the log-in and its record say; for executors with `Verb.BECOME`.
    become: Become | None = field(default=None, converter=become_of, kw_only=True)


@frozen
class Probe:
    """What a fresh log-in told of a secret: nothing is wrong with it, or of which class that is."""

    error: ErrorClass | None = None
    text: str = ""

    @property
    def works(self) -> bool:
        return self.error is None


@frozen
class SecretChange:
    """A new secret for an account of a host, and the one in force as far as anybody knows."""

    user: str
    new: Secret = field(repr=False, eq=False)
    old: Secret | None = field(default=None, repr=False, eq=False)


def _instant(instance: object, attribute: Attribute[Any], given: Any) -> None:
    floor_second(given)


@frozen
class Operation:
    """One step inside a job with a result of its own."""

    name: str
    state: Literal["done", "not_done", "unknown"] = field(validator=one_of("done", "not_done", "unknown"))
    began: pendulum.DateTime = field(validator=_instant)
    ended: pendulum.DateTime = field(validator=_instant)
    exit: int | None = None
    signal: int | None = None
    output: str = ""
    errors: str = ""
    #: Whether what it said on its errors stands in the output: it had a terminal.
    together: bool = field(default=False, kw_only=True)
    truncated: bool = False
    error: str | None = None
    text: str = ""
    captured: Mapping[str, str] = field(factory=dict, converter=mapping, hash=False)


class Connection(Protocol):
    """An open connection to one host; a verb's methods are on it where the executor has the verb."""


class RunsCommands(Protocol):
    """Connections of executors with `Verb.COMMANDS`."""

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """Run one after the other; yields after each, so that the caller can stop. Output is scrubbed and capped."""
        ...


class Terminal(Protocol):
    """What a dialogue is held over: the machine's side of a keyboard and a screen."""

    def send(self, *parts: Secret | str) -> None:
        """Type it, in one; an end of line is the Enter key. OSError where the machine is gone."""
        ...

    def receive(self, seconds: float) -> bytes | None:
        """What came, as soon as something did; b"" where nothing came in all that time; None once the machine has closed."""
        ...


class HoldsDialogue(Protocol):
    """Connections of executors with `Verb.DIALOGUE`."""

    def terminal(self, run: Run) -> AbstractContextManager[Terminal]:
        """A new one, as somebody finds it who has just come in; closed at the end of the block."""
        ...


#: What a file is to hold: several parts stand one after the other, so that nobody has to reveal a secret to put text around it.
Content = bytes | str | Secret | tuple[bytes | str | Secret, ...]


@frozen
class File:
    """A file of a host, as it was when it was fetched. Whoever knows its content to be secret has the run `keep` it."""

    content: bytes = field(repr=False)
    mode: int
    uid: int
    gid: int


class MovesFiles(Protocol):
    """Connections of executors with `Verb.FILES`."""

    def get(self, path: str, run: Run, *, most: int = 1_048_576, timeout: float = 60.0) -> File:
        """HostRefused where it cannot be had, or is larger than `most` bytes: part of a file is none."""
        ...

    def put(self, path: str, content: Content, run: Run, *, mode: int | None = None, timeout: float = 60.0) -> Operation:
        """Replace it in one step, with the owner and mode of what stood there; said twice is once."""
        ...
