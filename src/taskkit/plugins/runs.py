"""One run, as a script and its executor see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from taskkit.outcomes import Done, NotDone, Unknown
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret

if TYPE_CHECKING:
    import pendulum

    from taskkit.events.happenings import Happening
    from taskkit.intents import Intent
    from taskkit.jobs import Job
    from taskkit.passwords import FormerPasswords
    from taskkit.plugins.verbs import Host, Login, Operation, Probe, SecretChange, Verb
    from taskkit.scrubbing import Stream
    from taskkit.tasks import Task
    from taskkit.vaults import Slots, Vault


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
        """The record's host, or that of another one, as its shadow account or else as the record itself.

        TriesSpared where one more refused log-in may lock the account (S5); so do `probe` and `change`.
        """
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
        """What a fresh log-in tells of the account's secret, or of this one in its place. It is one try (S5).

        Of a secret that is given, whoever gives it asks and notes the budget.
        """
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
