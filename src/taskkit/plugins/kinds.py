"""What plug-ins offer: executors, scripts, exporters, notifiers, reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal

from attrs import field, frozen

from taskkit.checks import mapping
from taskkit.errors import HostRefused
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, Outcome, Unknown, class_of
from taskkit.plugins.verbs import Host, Login, Probe, SecretChange, Verb
from taskkit.records import NO_ACCOUNTS, Accounts, Record

if TYPE_CHECKING:
    from taskkit.facts import Fact
    from taskkit.plugins.runs import Run


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
