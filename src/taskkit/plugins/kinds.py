"""What plug-ins offer: executors, scripts, exporters, notifiers, reports. A plug-in's author imports from here (and values) only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from attrs import Attribute, field, frozen

from taskkit.checks import mapping, refused
from taskkit.errors import HostRefused
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, Outcome, Unknown, class_of
from taskkit.plugins.becoming import Become, become_of
from taskkit.records import NO_ACCOUNTS, AccountId, Accounts, Record
from taskkit.secrets import Secret

if TYPE_CHECKING:
    import pendulum

    from taskkit.events.happenings import Happening
    from taskkit.facts import Fact
    from taskkit.intents import Intent
    from taskkit.jobs import Job
    from taskkit.passwords import FormerPasswords, PasswordPolicy
    from taskkit.scrubbing import Stream
    from taskkit.tasks import Task
    from taskkit.vaults import Slots, Vault


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


@frozen
class Operation:
    """One step inside a job with a result of its own."""

    name: str
    state: Literal["done", "not_done", "unknown"]
    began: pendulum.DateTime
    ended: pendulum.DateTime
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


class Executor(ABC):
    """How one kind of host is reached."""

    #: The word by which record types name it.
    name: ClassVar[str]
    #: What it can do.
    verbs: ClassVar[frozenset[Verb]]
    #: What may be done after work of it whose end nobody saw (J10).
    effect: ClassVar[Effect] = Effect.BLIND
    #: An attrs class: what a record type's `settings` may say to it.
    settings: ClassVar[type[Any] | None] = None

    @abstractmethod
    def connect(self, host: Host, login: Login, run: Run) -> AbstractContextManager[Any]:
        """Connect once for a job and host; raise HostRefused where that fails."""

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        """Log in afresh, once, and out again: what the secret is worth. One that is refused is no error here."""
        try:
            with self.connect(host, login, run):
                return Probe()
        except HostRefused as refused:
            return Probe(class_of(refused), run.scrub(str(refused)))

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        """Log in, and give an account a new secret: the one that logs in its own, or another's where it may do that.

        For executors with `Verb.CHANGE_SECRET`. `NotDone` is certain: the host has taken nothing. What a rule of the host refuses is of the
        class `refused`, and says by which rule: `result={"refusal": "too_simple"}`, a word of `passwords.Objection`.
        """
        return NotDone(ErrorClass.BAD_CONFIGURATION, f"the executor {self.name!r} changes no secrets")

    def way(self, record: Record, run: Run) -> Iterable[Record]:
        """Over which machines a record's is reached: a job uses their accounts, too (R4). Asked before the start, without effects."""
        return ()


class Intents(Protocol):
    """What is about to happen to secrets, noted for good before it begins (S2, S4)."""

    def read(self, account: AccountId) -> Intent | None:
        """The open one, whoever opened it."""
        ...

    def former(self, account: AccountId, secrets: Iterable[Secret] = ()) -> FormerPasswords:
        """What a new one is compared with: these, and keyed hashes of those that were changed before, where there is a keyring."""
        ...

    def budget(self, account: AccountId) -> Budget:
        """What is known of log-ins that were refused."""
        ...

    def changed_by(self, account: AccountId, since: datetime) -> str | None:
        """Which job has changed it since; None where nobody has."""
        ...

    def open(self, account: AccountId, record: str, attempt: str, candidate: Secret) -> Intent:
        """Before the candidate is kept or anything touched; another attempt at an intent that is open takes its place."""
        ...

    def settle(self, account: AccountId, attempt: str, memo: Mapping[str, Any], *, changed: bool) -> None:
        """It is known again which secret is the live one: nobody has to look after the account any more. The memo is noted with it."""
        ...

    def told(self, account: AccountId, dependent: str, state: str, text: str, memo: Mapping[str, Any]) -> None:
        """What uses the account has heard of its secret, or not: `state` is that of an operation. The memo is noted with it."""
        ...

    def note(self, memo: Mapping[str, Any]) -> None:
        """As `save` of the run, for words that nobody scrubs: with a short secret, `save` withholds all of them."""
        ...

    def doubt(self, account: AccountId, text: str) -> None:
        """No known secret lets in: nothing more is tried until a person says something."""
        ...


class Budget(Protocol):
    """The log-ins that an account can bear before its host locks it (S5): what was refused is known to whoever goes on.

    A worker counts as well that was lost over the account, as it may have been refused just then.
    """

    @property
    def left(self) -> int:
        """How many may be refused now."""
        ...

    @property
    def free(self) -> pendulum.DateTime:
        """When the next may be: now, or once hosts do not count the last ones any more."""
        ...

    def is_refused(self, which: str, secret: Secret) -> bool:
        """Whether it was, while the same intent was open, and no person has said since that it be tried again."""
        ...

    def refused(self, which: str, secret: Secret | None, *, tells: bool = True) -> None:
        """Note for good that this one did not let in: `candidate`, `current` or `previous`.

        Where it does not tell, it is counted, and may be tried again.
        """
        ...

    def locked(self) -> None:
        """Note for good that the host lets nobody in as this account."""
        ...

    def let_in(self) -> None:
        """Hosts count anew. It is noted with what is noted next."""
        ...

    def trust(self) -> None:
        """A worker that was lost, and of which no more is known, does not count: it would have been let in."""
        ...


class Run(Protocol):
    """What a script sees of its job."""

    @property
    def job(self) -> Job: ...
    @property
    def task(self) -> Task: ...
    @property
    def record(self) -> Record | None: ...
    @property
    def shadow(self) -> Record | None:
        """The record of the shadow account, where there is one."""
        ...

    @property
    def token(self) -> int: ...
    @property
    def memo(self) -> Mapping[str, Any]:
        """What `save` kept last: read it before anything else, `perform` may be called again at any time (J13)."""
        ...

    @property
    def rescued(self) -> bool:
        """Whether an earlier worker may have begun."""
        ...

    @property
    def origin(self) -> tuple[str, ...]:
        """The path of task lines that led here, this one included: whatever it writes to the vault carries it (P5)."""
        ...

    @property
    def consented(self) -> str | None:
        """The digest of the plan that people consented to."""
        ...

    @property
    def vault(self) -> Vault: ...
    @property
    def viewer(self) -> str | None:
        """As whom the vault is read (A1)."""
        ...

    @property
    def stop_requested(self) -> bool:
        """Somebody asked it to stop, its deadline passed, or it lost its lease: begin no further step."""
        ...

    @property
    def seconds_left(self) -> float: ...

    def now(self) -> pendulum.DateTime: ...

    def connect(self, login: Record | None = None, *, to: Record | None = None) -> AbstractContextManager[Any]:
        """The record's host, or that of another one, as its shadow account or else as the record itself."""
        ...

    def login(self, record: Record) -> Login:
        """The account's current secrets, read from the vault for this run alone."""
        ...

    def host(self, record: Record) -> Host:
        """The machine that a record names."""
        ...

    def verbs(self, to: Record | None = None) -> frozenset[Verb]:
        """What the executor of the record can do, or that of another one."""
        ...

    def probe(self, login: Record | None = None, secret: Secret | None = None, *, to: Record | None = None) -> Probe:
        """What a fresh log-in tells of the account's secret, or of this one in its place. It is one try (S5)."""
        ...

    @property
    def intents(self) -> Intents: ...
    @property
    def slots(self) -> Slots:
        """Where new secrets lie until they are in force: in the vault, or sealed in the store. Refused where there is neither."""
        ...

    def change(self, change: SecretChange, login: Record | None = None, *, to: Record | None = None) -> Done | NotDone | Unknown:
        """Give an account of the record's host a new secret, logged in as the record itself with the old one, or as another account."""
        ...

    def happened(self, happening: Happening) -> None:
        """Tell what this run found out, with its origin: other tasks may react. Said twice, with the same id, it is once (P5, P9)."""
        ...

    def trusted(self, address: str, key: str) -> None:
        """Have the log say that a host key is trusted from now on that nobody had checked (S7)."""
        ...

    def scrub(self, text: str) -> str: ...
    def scrub_stream(self) -> Stream:
        """As `scrub`, for output that comes in pieces."""
        ...

    def keep(self, secret: Secret) -> Secret:
        """Have a secret scrubbed from whatever this run says from now on."""
        ...

    def operation(self, operation: Operation) -> None:
        """Keep the result of one step."""
        ...

    def progress(self, done: int, of: int, text: str = "") -> None: ...

    def save(self, memo: Mapping[str, Any], *, turned: bool = False) -> None:
        """Keep what has been done, durable, before the next effect; StaleToken where the job is lost (J13)."""
        ...

    def blob(self, pieces: Iterable[bytes], name: str = "") -> str:
        """Keep a large result; it becomes visible with the next `save`, or when this run ends, and is the job's whatever run wrote it."""
        ...

    def point(self, name: str) -> None:
        """A named place where a test may stop the world; raises StaleToken where the lease is lost."""
        ...


@frozen
class Sequel:
    """Something that a script does once its work itself is done, for people who ask what is to come."""

    text: str
    #: Whose affair it is: who may not see the record is told no more than that there is something.
    record: str | None = None
    details: Mapping[str, Any] = field(factory=dict, converter=mapping, hash=False)


class Script(ABC):
    """What a task carries out. A subclass is a kind, an attrs class whose fields are its settings; a value of it is a definition."""

    #: The word that names the kind in documents.
    kind: ClassVar[str]
    #: One job for each record, or one job for which the records are material (R6).
    spread: ClassVar[Literal["each", "once"]] = "each"
    #: What the record's executor must be able to do.
    needs: ClassVar[frozenset[Verb]] = frozenset()
    #: Whether it changes an account's secret: such jobs may be `satisfied` by a change that another job made (R4).
    changes_secret: ClassVar[bool] = False
    #: Whether one run may change many records: no first run before somebody saw its preview (T13, A8).
    changes_many: ClassVar[bool] = False
    #: What may be done after a run whose end nobody saw; None: what the executor says (J10).
    effect: ClassVar[Effect | None] = None
    #: Whether it finds out from its memo how far a lost worker came: what may not be said twice is called again only then (J10).
    resumes: ClassVar[bool] = False
    #: The right that the person behind a system task needs, beside the rights on the records (A2).
    right: ClassVar[str | None] = None

    name: str

    def accounts(self, run: Run) -> Accounts:
        """What the job holds while it runs; asked before the start, without effects. By default it logs in and changes nothing."""
        login = run.shadow or run.record
        return Accounts(uses={run.vault.records.account(login)}) if login and self.needs else NO_ACCOUNTS

    def sequels(self) -> Sequence[Sequel]:
        """What follows once its work is done, in order, as `explain` tells it beforehand."""
        return ()

    @abstractmethod
    def perform(self, run: Run) -> Outcome:
        """Do it. May be called again at any time: read `run.memo` and the vault first (J13)."""


class Exporter(ABC):
    """Makes a document or stream from records or facts."""

    name: ClassVar[str]
    settings: ClassVar[type[Any] | None] = None

    @abstractmethod
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        """Write all of them; how many."""


class Notifier(ABC):
    """Tells people. It is a reader of facts with a mark of its own: what it was handed and did not raise about is not handed again."""

    name: ClassVar[str]
    settings: ClassVar[type[Any] | None] = None
    #: The kinds of facts that it is handed; a value may want others than its class.
    wants: frozenset[str]

    @abstractmethod
    def notify(self, facts: Sequence[Fact]) -> None: ...


class Report(ABC):
    """Makes one kind of report from records and facts."""

    name: ClassVar[str]
    settings: ClassVar[type[Any] | None] = None

    @abstractmethod
    def rows(self, run: Run) -> Iterator[Mapping[str, Any]]: ...


__all__ = [
    "Budget",
    "Command",
    "Connection",
    "Content",
    "Executor",
    "Exporter",
    "File",
    "HoldsDialogue",
    "Host",
    "Intents",
    "Login",
    "MovesFiles",
    "Notifier",
    "Operation",
    "Probe",
    "Report",
    "Run",
    "RunsCommands",
    "Script",
    "SecretChange",
    "Sequel",
    "Terminal",
    "Verb",
]
