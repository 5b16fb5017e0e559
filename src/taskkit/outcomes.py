"""What executors and scripts answer. Only `verdicts` turns an answer into a step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import Attribute, field, frozen

from taskkit.checks import a, refused
from taskkit.errors import HostRefused, InvalidValue, MissingPlugin, NotAllowed, Refused, StopAsked, TaskkitError, VaultAway
from taskkit.jobs import Why


class ErrorClass(StrEnum):
    """Why something was not done: it decides what is tried again and what suspends the task (J7)."""

    UNREACHABLE = "unreachable"  #: no connection to the host
    TIMEOUT = "timeout"  #: the host or the vault did not answer in time, and nothing was begun
    BUSY = "busy"  #: the host refused for now
    FAILED = "failed"  #: it ran and failed, for no reason that is known here
    STOPPED = "stopped"  #: somebody asked it to stop
    WRONG_CREDENTIALS = "wrong_credentials"  #: suspends the task for the record
    ACCOUNT_LOCKED = "account_locked"  #: suspends the task for the record
    MUST_CHANGE = "must_change"  #: the account has to get a new secret before it may do anything else
    HOST_CHANGED = "host_changed"  #: the host showed another key than is known (S7)
    NO_SPACE = "no_space"  #: a disk of the host is full: somebody has to make room
    BAD_CONFIGURATION = "bad_configuration"  #: task, script or record do not fit together
    PERMISSION = "permission"  #: the account may not do it, or the person behind the task lacks a right
    REFUSED = "refused"  #: a policy of the host, the vault or a guard says no


#: What an error says of the work, where it says it clearly; the first line that fits counts.
_CLASSES: tuple[tuple[type[TaskkitError] | tuple[type[TaskkitError], ...], ErrorClass], ...] = (
    (StopAsked, ErrorClass.STOPPED),
    (VaultAway, ErrorClass.TIMEOUT),
    (NotAllowed, ErrorClass.PERMISSION),
    ((InvalidValue, MissingPlugin, Refused), ErrorClass.BAD_CONFIGURATION),
)


def class_of(error: Exception) -> ErrorClass | None:
    """Of which class an error is: an outcome for whoever knows how far the work had come. None where it says nothing about it."""
    if isinstance(error, HostRefused):
        return ErrorClass(error.error) if error.error in ErrorClass.__members__.values() else ErrorClass.FAILED
    return next((found for kinds, found in _CLASSES if isinstance(error, kinds)), None)


#: Worth another try, where the work may be said twice (J7).
RETRIED = frozenset({ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.BUSY, ErrorClass.FAILED})
#: Going on would spend log-in attempts: the task waits for somebody (J7). A secret that must be changed spends none, and a host that
#: showed another key was told none.
SUSPENDING = frozenset({ErrorClass.WRONG_CREDENTIALS, ErrorClass.ACCOUNT_LOCKED})


class Effect(StrEnum):
    """What may be done after work whose end nobody saw (J10)."""

    IDEMPOTENT = "idempotent"  #: say it again
    VERIFIABLE = "verifiable"  #: look first, then decide
    COMPENSABLE = "compensable"  #: it could be undone; as blind, since scripts cannot say yet how
    BLIND = "blind"  #: neither: stop, keep everything, ask a person


def an_effect(given: Any) -> Any:
    """By its word, too; what is none stays as it is, to be refused by whoever says which ones fit."""
    return Effect(given) if given in tuple(Effect) else given


def _text(given: object) -> str:
    return str(given)


def _moment(instance: object, attribute: Attribute[Any], given: object) -> None:
    """A naive moment would be refused where nobody can mend it any more: when the job ends."""
    if not isinstance(given, datetime) or given.tzinfo is None:
        raise refused(instance, attribute, str(given), "it is no moment of a zone", "give run.now().add(minutes=…)")


def _optional_moment(instance: object, attribute: Attribute[Any], given: object) -> None:
    if given is not None:
        _moment(instance, attribute, given)


def _copied(given: Any) -> Any:
    return dict(given) if isinstance(given, Mapping) else given


def _result() -> Any:
    """What the history keeps: names and values."""
    return field(factory=dict, converter=_copied, validator=a(dict, "give a mapping of names and values"), hash=False)


@frozen
class Done:
    """It is done; `result` is kept in the history."""

    result: Mapping[str, Any] = _result()


@frozen
class NotDone:
    """It is not done, and that is certain."""

    error: ErrorClass = field(converter=ErrorClass)
    text: str = field(default="", converter=_text)
    result: Mapping[str, Any] = _result()


@frozen
class Unknown:
    """It may or may not be done."""

    text: str = field(default="", converter=_text)
    result: Mapping[str, Any] = _result()


@frozen
class NotNow:
    """Try again at `until`, at the latest; until then the job waits and holds nothing."""

    until: datetime = field(validator=_moment)
    reason: str = field(default=Why.NOT_NOW.value, validator=a(str))
    #: What is done so far: it stays where the job ends without another one, as one that is canceled does.
    result: Mapping[str, Any] = _result()


@frozen
class Asks:
    """A plan that people must see before it goes on: they consent to its `digest` (A5, A8)."""

    digest: str = field(validator=a(str))
    summary: str = field(validator=a(str))
    until: datetime | None = field(default=None, validator=_optional_moment)


Outcome = Done | NotDone | Unknown | NotNow | Asks
DONE = Done()
