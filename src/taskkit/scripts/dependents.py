"""What uses an account, and hears of its new password once that is in force: another record, a file, a command (S2).

How a group of them is told, in which order and what follows where one fails, stands in `_groups`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from attrs import Attribute, evolve, field, frozen

from taskkit.checks import a, named, one_of, refused, several, whole
from taskkit.errors import InvalidValue
from taskkit.outcomes import Effect, ErrorClass, an_effect
from taskkit.plugins.forms import fill
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Operation, Verb
from taskkit.records import AccountId, Record
from taskkit.scripts._candidates import attempt_to_tell, is_left
from taskkit.scripts._fields import Fields
from taskkit.scripts._steps import Step, carried_out, command, needs_of
from taskkit.scripts._templates import PASSWORD, pieces
from taskkit.secrets import Secret

_LONGEST_PATH = 4096


@frozen
class News:
    """The secret that is in force now, and whose it is."""

    run: Run
    record: Record
    secret: Secret = field(repr=False)
    name: str  #: under which the vault keeps it
    attempt: str

    @property
    def fields(self) -> Fields:
        return Fields(self.run, self.record, {self.name: self.secret, PASSWORD: self.secret})


@frozen
class Dependent(ABC):
    """One user of the account, and what is done about it."""

    kind: ClassVar[str]
    #: What the executor of its record must be able to do.
    needs: ClassVar[frozenset[Verb]] = frozenset()
    #: Whether it changes the account of its record.
    writes: ClassVar[bool] = False
    #: What may be done where nobody saw its end (J10).
    effect: ClassVar[Effect] = Effect.IDEMPOTENT

    record: str = field(validator=named)
    #: How often it is told again after a failure that may pass.
    retries: int = field(default=2, validator=whole(0, 10), kw_only=True)
    #: Whether the change has failed where this has.
    required: bool = field(default=True, validator=a(bool), kw_only=True)

    @abstractmethod
    def __str__(self) -> str:
        """How results and the history call it."""

    @abstractmethod
    def fit(self, news: News) -> None:
        """Raises where it could not be told: before anything is changed."""

    @abstractmethod
    def tell(self, news: News, to: Record) -> Operation:
        """Done once the end is seen; HostRefused where nothing has begun."""


@frozen
class OtherRecord(Dependent):
    """Another record that holds the same password: it is put in force in the vault, there as well."""

    kind = "other_record"
    writes = True

    field: str = field(default=PASSWORD, validator=named)

    def __str__(self) -> str:
        return f"{self.field} of record {self.record}"

    def fit(self, news: News) -> None:
        _ = news.run.slots  # refused where the vault takes none

    def tell(self, news: News, to: Record) -> Operation:
        run, began = news.run, news.run.now()
        account = run.vault.records.account(to)
        in_force = self._is_promoted(account, news.attempt, news)
        if in_force and self._has_another(account, news):  # it got that one by this attempt, and somebody has changed the account since
            in_force = self._is_promoted(account, f"{run.job.id}/{run.token}/anew", news)
        if in_force:
            return Operation(str(self), "done", began, run.now())
        case = "the vault does not put it in force: a candidate of somebody else lies there"
        return Operation(str(self), "not_done", began, run.now(), error=ErrorClass.BUSY, text=case)

    def _is_promoted(self, account: AccountId, of: str, news: News) -> bool:
        run, attempt = news.run, attempt_to_tell(of, self.field)
        if not self._is_kept(account, attempt, news) or not run.slots.promote(account, attempt, run.token, run.origin):
            return False
        run.slots.discard(account, attempt, run.token)  # of one that lay sealed in the store; a vault knows better
        return True

    def _has_another(self, account: AccountId, news: News) -> bool:
        told = news.run.vault.secrets.values(account, news.run).current.get(self.field)
        return told is not None and not told.same_as(news.secret)

    def _is_kept(self, account: AccountId, attempt: str, news: News) -> bool:
        run, secrets = news.run, {self.field: news.secret}
        if run.slots.propose(account, secrets, attempt, run.token):
            return True
        slot = run.slots.adopt(account, run.token)
        if slot is None or not is_left(slot):
            return False
        run.slots.discard(account, slot.attempt, run.token)
        return run.slots.propose(account, secrets, attempt, run.token)


def _path(instance: object, attribute: Attribute[Any], given: object) -> None:
    if not isinstance(given, str) or not given.strip() or "\0" in given or len(given) > _LONGEST_PATH:
        raise refused(instance, attribute, given, "it is no path", "give a text that is not empty, without NUL")


def _template(instance: object, attribute: Attribute[Any], given: object) -> None:
    if not isinstance(given, str):
        raise refused(instance, attribute, given, f"it is a {type(given).__name__}", "give a text with places: {user}, {password}")
    pieces(given)


@frozen
class FileOn(Dependent):
    """A file on the machine of another record, written anew in one step, as that record's own account."""

    kind = "file_on"
    needs = frozenset({Verb.FILES})

    path: str = field(validator=_path)
    #: With places for fields of the account's record and for its new password; values stand there as they are.
    content: str = field(default="user={user}\npassword={password}\n", validator=_template)

    def __str__(self) -> str:
        return f"file {self.path} of {self.record}"

    def fit(self, news: News) -> None:
        news.fields.stdin(self.content)

    def tell(self, news: News, to: Record) -> Operation:
        content = news.fields.stdin(self.content) or ("",)
        with news.run.connect(to, to=to) as connection:
            put: Operation = connection.put(self.path, content, news.run)
        return evolve(put, name=str(self)[:200])


def _counts(instance: object, attribute: Attribute[Any], given: object) -> None:
    if not isinstance(given, Step):
        raise refused(instance, attribute, given, f"it is a {type(given).__name__}", "give Step(…)")
    if given.level == "warning":
        raise refused(instance, attribute, given.line, "its level says that its failure is no error", "say required=False instead")


class _CommandNeeds:
    def __get__(self, dependent: CommandOn | None, kind: type[CommandOn]) -> frozenset[Verb]:
        return needs_of(() if dependent is None else [dependent.step])


@frozen
class CommandOn(Dependent):
    """A command on the machine of another record, as that record's own account: a service that reads its password anew."""

    kind = "command_on"
    needs = _CommandNeeds()

    step: Step = field(validator=_counts)
    effect: Effect = field(  # type: ignore[misc]  # of the others the class knows; here only who wrote the command does
        default=Effect.BLIND, converter=an_effect, validator=one_of(Effect.BLIND, Effect.IDEMPOTENT), kw_only=True
    )

    def __str__(self) -> str:
        return f"command {self.step.line!r} on {self.record}"

    def fit(self, news: News) -> None:
        self._command(news)

    def tell(self, news: News, to: Record) -> Operation:
        said = self._command(news)
        with news.run.connect(to, to=to) as connection:
            return carried_out(connection, said, str(self), news.run)

    def _command(self, news: News) -> Command:
        return command(self.step, news.fields)


KINDS: dict[str, type[Dependent]] = {made.kind: made for made in (OtherRecord, FileOn, CommandOn)}


def dependents_of(given: Iterable[Dependent | Mapping[str, Any]] | Dependent | Mapping[str, Any]) -> tuple[Dependent, ...]:
    """Values, or what their documents say: the converter of a field that holds them."""
    return tuple(_dependent(one) for one in several(given))


def _dependent(given: object) -> Dependent:
    if isinstance(given, Dependent):
        return given
    if not isinstance(given, Mapping):
        case = f"one is a {type(given).__name__}"
        raise InvalidValue("reading dependents", case, f"give {', '.join(f'{made.__name__}(…)' for made in KINDS.values())}")
    return fill(kind_of(given), {name: value for name, value in given.items() if name != "kind"})


def kind_of(given: Mapping[str, Any]) -> type[Dependent]:
    """The class that a document names."""
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidValue("reading a dependent", f"there is no kind {kind!r}", f"known are {', '.join(KINDS)}")
    return KINDS[kind]


def once(instance: object, attribute: Attribute[Any], given: tuple[Dependent, ...]) -> None:
    """Refuses two that nobody could tell apart."""
    names = [str(one) for one in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise refused(instance, attribute, ", ".join(twice), "several are the same", "name each once")
