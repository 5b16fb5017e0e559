"""Where strangers' code is called: what a vault or plug-in raises becomes an error or outcome of ours, without a foreign frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from taskkit.checks import is_keepable
from taskkit.errors import BrokenPlugin, HostRefused, StaleToken, StopAsked, StorageAway, TaskkitError, TriesSpared, VaultAway
from taskkit.outcomes import DONE, Asks, Done, ErrorClass, NotDone, NotNow, Outcome, Unknown, class_of
from taskkit.records import AccountId, Record, account_id
from taskkit.scrubbing import Scrubber, told, writable
from taskkit.secrets import Secret
from taskkit.vaults import Slot, Values

if TYPE_CHECKING:
    from taskkit.events.policies import Policy
    from taskkit.vaults import Vault

T = TypeVar("T")
#: Of a number that documents hold: by far fewer digits than Python writes.
_MOST_BITS = 8192
_OUTCOMES = (Done, NotDone, Unknown, NotNow, Asks)
#: Raised by whoever knows how far the work has come; of all others this is known only where nothing has been touched yet.
_CERTAIN = (StopAsked, HostRefused)


class Touching(Protocol):
    """What the border asks of a run."""

    @property
    def scrubber(self) -> Scrubber: ...
    @property
    def touched(self) -> bool:
        """Whether anything outside may have changed."""
        ...


R = TypeVar("R", bound=Touching)


def asked(question: Callable[..., T], tried: str, /, *about: Any, **named: Any) -> T:
    """The vault's answer; VaultAway where it has none. Its text may hold anything, so only its type is told."""
    ours: TaskkitError
    try:
        return question(*about, **named)
    except VaultAway as error:  # the vault's own words, too
        ours = _away(tried, error)
    except TaskkitError as error:
        ours = _bare(error)
    except Exception as error:
        ours = _away(tried, error)
    raise ours  # out here: what `from None` hides would still be chained to it


def account_of(vault: Vault, record: Record) -> AccountId:
    """The account behind a record, as the vault answers."""
    tried = "asking the vault for the account"
    return account_id(asked(lambda: vault.records.account(record), tried), tried)


def record_of(vault: Vault, id: str, tried: str = "reading a record") -> Record | None:
    """The record of this id, as the vault answers; what no store keeps is no id, and no vault is asked for it."""
    return asked(lambda: vault.records.get(id), tried) if is_keepable(id) else None


def _away(tried: str, error: Exception) -> VaultAway:
    return VaultAway(tried, f"it answered with {type(error).__name__}", "the job waits, and is looked at again soon")


def _bare(error: TaskkitError) -> TaskkitError:
    """Without the stack and the reasons of whoever raised it."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def answered(question: Callable[[], T], tried: str, scrubber: Scrubber) -> T:
    """A plug-in's answer to a question without effects; BrokenPlugin where it raises."""
    try:
        return question()
    except TaskkitError:
        raise
    except Exception as error:
        case = f"it raised {told(error, scrubber)}"
    raise BrokenPlugin(tried, case, "its author has to mend it")


def name_of(policy: Policy) -> str:
    """What it calls itself; its kind where it cannot say."""
    try:
        return str(policy)
    except Exception:
        return policy.kind


#: Facets that only tell: a question to one of them changes nothing, whether it is answered or not.
_TELLING = frozenset({"records", "secrets", "sessions", "rights", "outbox", "hosts"})
#: But for these deeds of theirs.
_DEEDS = frozenset({"passed", "trust", "keep"})


class _AskedFacet:
    """One facet of the vault, all of whose answers pass `asked`. The run holds what it gives to be kept, too: a host may say it back."""

    __slots__ = ("_facet", "_keep", "_tells", "_touch")

    def __init__(self, facet: object, tells: bool, touch: Callable[[], None], keep: Callable[[Secret], object]) -> None:
        self._facet, self._tells, self._touch, self._keep = facet, tells, touch, keep

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._facet, name)
        return partial(self._ask, found, name) if callable(found) else found

    def _ask(self, question: Callable[..., Any], name: str, /, *args: Any, **kwargs: Any) -> Any:
        if not self._tells or name in _DEEDS:
            self._touch()
            self._hold((*args, *kwargs.values()))
        tried = f"asking the vault ({name})"
        answer = asked(question, tried, *args, **kwargs)
        if type(answer) in _BARE:
            return answer
        return self._hold(answer) if type(answer) in _WHOLE or not isinstance(answer, Iterator) else self._in_turn(answer, tried)

    def _in_turn(self, answers: Iterator[T], tried: str) -> Iterator[T]:
        ended: Any = object()
        while (answer := asked(next, tried, answers, ended)) is not ended:
            yield self._hold(answer)

    def _hold(self, answer: T) -> T:
        """The run holds what it was given: whatever it says from now on is scrubbed of it (S1)."""
        for secret in _secrets(answer):
            self._keep(secret)
        return answer


#: Of these exact types most answers are, and they hold none: said before the kinds are asked for one by one.
_BARE = frozenset({type(None), bool, int, str, Record})
#: Nor do these come one by one.
_WHOLE = frozenset({Values, Slot, list, tuple})


def _secrets(answer: object) -> Iterable[Secret]:
    if isinstance(answer, Values):
        return (*answer.current.values(), *answer.pending.values(), *answer.previous.values())
    if isinstance(answer, Secret):
        return (answer,)
    if isinstance(answer, Slot):
        return answer.secrets.values()
    if isinstance(answer, list | tuple):
        return [secret for one in answer if type(one) not in _BARE for secret in _secrets(one)]
    return _secrets([*answer.values()]) if isinstance(answer, Mapping) else ()


class _AskedVault:
    """The vault as scripts get it: that it does not answer is no failure of theirs, and may be told apart from one."""

    __slots__ = ("_keep", "_touch", "_vault")

    def __init__(self, vault: Vault, touch: Callable[[], None], keep: Callable[[Secret], object]) -> None:
        self._vault, self._touch, self._keep = vault, touch, keep

    def __getattr__(self, name: str) -> Any:
        facet = getattr(self._vault, name)
        return None if facet is None else _AskedFacet(facet, name in _TELLING, self._touch, self._keep)


def guarded(vault: Vault, touch: Callable[[], None], keep: Callable[[Secret], object]) -> Vault:
    """`touch` is called before anything in the vault may change, `keep` with every secret that it hands out."""
    return _AskedVault(vault, touch, keep)  # type: ignore[return-value]


def performed(perform: Callable[[R], Outcome], run: R) -> Outcome:
    """What a script answered, whatever it did instead of answering. StaleToken passes, as the job is another's, and StorageAway: nobody
    can say what becomes of it.
    """
    try:
        outcome = perform(run)
    except (StaleToken, StorageAway):
        raise
    except Exception as error:
        return _instead(error, run)
    if outcome is DONE:
        return outcome
    if isinstance(outcome, _OUTCOMES):
        return _said(outcome, run)
    return Unknown(f"the script answered with a {type(outcome).__name__}, which is no outcome")


def changed(change: Callable[[], object], run: Touching) -> Done | NotDone | Unknown:
    """What became of a secret, whatever an executor raised or answered instead of saying it."""
    try:
        outcome = change()
    except (StaleToken, StorageAway):
        raise
    except _CERTAIN as error:
        return NotDone(class_of(error) or ErrorClass.FAILED, writable(run.scrubber.scrub(str(error))))
    except Exception as error:
        return Unknown(f"the executor raised {told(error, run.scrubber)}")
    if isinstance(outcome, Done | NotDone | Unknown):
        return _said(outcome, run)  # type: ignore[return-value]  # of its own kind, or unknown
    return Unknown(f"the executor answered with a {type(outcome).__name__}, which is no outcome of a change")


def _said(outcome: Outcome, run: Touching) -> Outcome:
    """What it answered may be anything, too: one that has no end, or that raises when it is read."""
    try:
        return outcome if isinstance(outcome, Done) and not outcome.result else _scrubbed(outcome, run.scrubber)
    except Exception as error:
        return Unknown(f"the script answered with what cannot be kept: {told(error, run.scrubber)}")


def wish(error: BaseException, scrubber: Scrubber) -> BaseException:
    """What the whole process was asked, without the script's stack, and in scrubbed words."""
    kind = SystemExit if isinstance(error, SystemExit) else KeyboardInterrupt
    return kind(*(one if type(one) is int else scrubber.scrub_deep(one) for one in error.args))


def _instead(error: Exception, run: Touching) -> Outcome:
    """What an error says about the work: that it is not done is believed only where the error itself is clear about that (J10)."""
    if isinstance(error, TriesSpared) and not run.touched:
        return NotNow(error.until, error.code)
    found = class_of(error)
    if found is None or (run.touched and not isinstance(error, _CERTAIN)):
        return Unknown(f"the script raised {told(error, run.scrubber)}")
    return NotDone(found, writable(run.scrubber.scrub(error.case if isinstance(error, StopAsked) else str(error))))


def _scrubbed(outcome: Outcome, scrubber: Scrubber) -> Outcome:
    if isinstance(outcome, Done):
        return Done(plain(scrubber.scrub_deep(outcome.result)))

    def scrub(text: str) -> str:
        return writable(scrubber.scrub(text))

    if isinstance(outcome, NotDone):
        return NotDone(outcome.error, scrub(outcome.text), plain(scrubber.scrub_deep(outcome.result)))
    if isinstance(outcome, Unknown):
        return Unknown(scrub(outcome.text), plain(scrubber.scrub_deep(outcome.result)))
    if isinstance(outcome, Asks):
        return Asks(scrub(outcome.digest), scrub(outcome.summary), outcome.until)
    return NotNow(outcome.until, scrub(outcome.reason), plain(scrubber.scrub_deep(outcome.result)))


def plain(value: Any) -> Any:
    """As every store keeps it and gives it back: what JSON knows, in text that can be encoded."""
    if isinstance(value, str):
        return writable(value)
    if value is None or isinstance(value, bool):
        return value
    if type(value) is dict:  # as most are; the kinds are asked for one by one otherwise
        return {writable(str(name)): plain(one) for name, one in value.items()}
    if isinstance(value, int):  # what is more than a number leaves the rest behind
        return _number(int(value))
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {writable(str(name)): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return writable(value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value))


def said_of(thing: Any, name: str) -> str | None:
    """A text that it says of itself, as every store keeps it; None where it says none."""
    try:
        said = getattr(thing, name, None)
    except Exception:  # a property of somebody else's
        return None
    return writable(said) if isinstance(said, str) else None


def _number(value: int) -> int | str:
    """Python writes no number of thousands of digits, and reads none."""
    return value if value.bit_length() <= _MOST_BITS else f"a number of {value.bit_length()} bits"
