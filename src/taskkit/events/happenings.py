"""What the vault reports, as facts in the past tense. A happening that is told twice, with the same id, has happened once (P9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import uuid4

from attrs import Attribute, field, frozen

from taskkit.checks import a, named, optional_name, several
from taskkit.errors import InvalidValue
from taskkit.events.moments import refusal


def _new() -> str:
    return uuid4().hex


def _moment(instance: object, attribute: Attribute[Any], given: object) -> None:
    if given is not None and not (isinstance(given, datetime) and given.tzinfo):
        raise refusal(given)


def _record(instance: Happening, attribute: Attribute[Any], given: object) -> None:
    if given != "" or instance.of_record:
        named(instance, attribute, given)


def _named_if_any(instance: object, attribute: Attribute[Any], given: object) -> None:
    """What tells one fire from another is kept as it is: no store takes what cannot be printed."""
    if given != "":
        named(instance, attribute, given)


def _lines(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not all(isinstance(one, str) for one in given):
        raise InvalidValue(f"{type(instance).__name__}(origin={given!r})", "it is no path of task lines", "hand on `run.origin`")


@frozen
class Happening:
    """Something happened to a record. `at` is the moment it is told where the vault does not say; `origin` is the path of task lines
    that led to it, where taskkit itself wrote (P5)."""

    #: The word that names the kind in documents and causes.
    kind: ClassVar[str]
    #: Whether it always happens to a record.
    of_record: ClassVar[bool] = True
    record: str = field(validator=_record)
    id: str = field(factory=_new, kw_only=True, validator=named)
    at: datetime | None = field(default=None, validator=_moment, kw_only=True)
    origin: tuple[str, ...] = field(default=(), converter=several, validator=_lines, kw_only=True)

    @property
    def identity(self) -> str:
        """What makes two tellings one fire."""
        return self.id


@frozen
class RecordCreated(Happening):
    kind = "record_created"


@frozen
class RecordSaved(Happening):
    """Somebody saved the record, by hand or through the vault's interface."""

    kind = "record_saved"


@frozen
class RecordChanged(Happening):
    """Its type, reference or account changed: what waits for it is planned anew (R8). Told beside `RecordSaved`."""

    kind = "record_changed"
    before: str = field(default="", validator=a(str), kw_only=True)
    after: str = field(default="", validator=a(str), kw_only=True)


@frozen
class RecordRemoved(Happening):
    kind = "record_removed"


@frozen
class OfApproval(Happening):
    """What happens to an approval of access: its end by check-in and by expiry is one fire (P6)."""

    approval: str = field(default="", validator=_named_if_any, kw_only=True)

    @property
    def ending(self) -> str:
        return f"approval:{self.approval}" if self.approval else self.id


@frozen
class Approved(OfApproval):
    kind = "approved"


@frozen
class ApprovalExpired(OfApproval):
    kind = "approval_expired"

    @property
    def identity(self) -> str:
        return self.ending


@frozen
class CheckedIn(OfApproval):
    kind = "checked_in"

    @property
    def identity(self) -> str:
        return self.ending


@frozen
class SessionStarted(Happening):
    kind = "session_started"
    session: str = field(default="", validator=_named_if_any, kw_only=True)


@frozen
class SessionEnded(Happening):
    kind = "session_ended"
    session: str = field(default="", validator=_named_if_any, kw_only=True)


@frozen
class Unlocked(Happening):
    """Somebody saw a secret field; a read by taskkit itself is none (P3)."""

    kind = "unlocked"
    user: str | None = field(default=None, validator=optional_name, kw_only=True)


@frozen
class Drifted(Happening):
    """The secret that the vault has in force lets nobody in any more: it was changed on the machine, past the vault."""

    kind = "drifted"


@frozen
class Demanded(Happening):
    """Somebody asked for a run of this task; where it is the system's, there is no record."""

    kind = "demanded"
    of_record = False
    task: str = field(validator=named, kw_only=True)
    user: str | None = field(default=None, validator=optional_name, kw_only=True)


HAPPENINGS: tuple[type[Happening], ...] = (
    RecordCreated, RecordSaved, RecordChanged, RecordRemoved, Approved, ApprovalExpired, CheckedIn,
    SessionStarted, SessionEnded, Unlocked, Drifted, Demanded,
)  # fmt: skip
