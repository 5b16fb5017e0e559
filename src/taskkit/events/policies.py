"""When a task runs because of what happens (P1). Intervals say when it runs because of the time.

A policy is asked one question: `wants(happening)`. A third party adds policies, and happenings, as plug-ins (P8).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar, Literal

from attrs import Attribute, field, frozen

from taskkit.checks import a, optional_whole
from taskkit.checks import whole as seconds
from taskkit.errors import InvalidValue
from taskkit.events._fields import one_of, whole
from taskkit.events._wording import counted
from taskkit.events.happenings import (
    ApprovalExpired,
    Approved,
    CheckedIn,
    Demanded,
    Drifted,
    Happening,
    RecordCreated,
    RecordSaved,
    SessionEnded,
    Unlocked,
)

_LONGEST = 366 * 24 * 60
_MOST = 60 * _LONGEST


def _fire(instance: object, attribute: Attribute[Any], given: object) -> None:
    if given is not None and not (isinstance(given, str) and given):
        raise InvalidValue(f"Due(fire={given!r})", "nothing can be known again by it", "give a text, or leave it away")


@frozen
class Due:
    """When a happening makes a job due, and what must be the case before it starts."""

    #: Seconds from the happening.
    after: int = field(default=0, validator=seconds(0, _MOST))
    #: What makes two happenings one fire; by default each is its own.
    fire: str | None = field(default=None, kw_only=True, validator=_fire)
    #: Wait until no session is active on the account (P2) …
    quiet: bool = field(default=False, kw_only=True, validator=a(bool))
    #: … but no longer than so many seconds, …
    max_defer: int | None = field(default=None, kw_only=True, validator=optional_whole(1, _MOST))
    #: … and then run or give up.
    then: Literal["run", "give_up"] = field(default="run", kw_only=True, validator=one_of("run", "give_up"))
    #: A further happening moves the due time, up to so many seconds after the first (P3).
    extends: int | None = field(default=None, kw_only=True, validator=optional_whole(1, _MOST))


NOW = Due()


@frozen
class Policy(ABC):
    """The base of all policies on happenings."""

    #: The word that names the kind in documents and causes.
    kind: ClassVar[str]

    @abstractmethod
    def wants(self, happening: Happening) -> Due | None:
        """When the task is due because of this, or None."""

    def has_ended(self, moment: datetime) -> bool:
        """Whether it wants nothing any more from this moment on, whatever happens (T12)."""
        return False


@frozen
class AfterApproval(Policy):
    """After access to the record was approved."""

    kind = "after_approval"

    def wants(self, happening: Happening) -> Due | None:
        return NOW if isinstance(happening, Approved) else None

    def __str__(self) -> str:
        return "after approval"


@frozen
class AfterSave(Policy):
    """After the record was created or saved."""

    kind = "after_save"

    def wants(self, happening: Happening) -> Due | None:
        return NOW if isinstance(happening, (RecordCreated, RecordSaved)) else None

    def __str__(self) -> str:
        return "after creating or saving"


@frozen
class AfterExpire(Policy):
    """After the approved time ran out."""

    kind = "after_expire"

    def wants(self, happening: Happening) -> Due | None:
        return Due(fire=happening.identity) if isinstance(happening, ApprovalExpired) else None

    def __str__(self) -> str:
        return "after the approval expires"


@frozen
class AfterCheckIn(Policy):
    """After the record was checked in."""

    kind = "after_check_in"

    def wants(self, happening: Happening) -> Due | None:
        return Due(fire=happening.identity) if isinstance(happening, CheckedIn) else None

    def __str__(self) -> str:
        return "after check-in"


@frozen
class AfterSession(Policy):
    """After a session; with `last` after the last of all on the account, waiting at most `max_defer` minutes (P2)."""

    kind = "after_session"
    last: bool = field(default=False, validator=a(bool))
    max_defer: int | None = field(default=None, kw_only=True)
    then: Literal["run", "give_up"] = field(default="run", kw_only=True, validator=one_of("run", "give_up"))

    @max_defer.validator
    def _check_defer(self, attribute: Attribute[Any], max_defer: int | None) -> None:
        if max_defer is None:
            return
        whole("minutes", _LONGEST)(self, attribute, max_defer)
        if not self.last:
            raise InvalidValue(f"AfterSession(max_defer={max_defer})", "without last=True it waits for no session", "add last=True")

    @then.validator
    def _check_then(self, attribute: Attribute[Any], then: str) -> None:
        if then == "give_up" and self.max_defer is None:
            raise InvalidValue("AfterSession(then='give_up')", "without max_defer it never gives up", "say after how many minutes")

    def wants(self, happening: Happening) -> Due | None:
        if not isinstance(happening, SessionEnded):
            return None
        return Due(quiet=self.last, max_defer=self.max_defer and 60 * self.max_defer, then=self.then)

    def __str__(self) -> str:
        return "after the last session" if self.last else "after a session"


@frozen
class AfterUnlock(Policy):
    """So many minutes after a secret was seen: the first unlock fixes the time, unless `restart="extend"` (P3).

    What taskkit itself reads is no unlock, also where the vault reports it: it carries the path of its task.
    """

    kind = "after_unlock"
    minutes: int = field(validator=whole("minutes", _LONGEST))
    restart: Literal["keep", "extend"] = field(default="keep", kw_only=True, validator=one_of("keep", "extend"))
    max_total: int | None = field(default=None, kw_only=True)

    @max_total.validator
    def _check_total(self, attribute: Attribute[Any], max_total: int | None) -> None:
        tried = f"AfterUnlock({self.minutes}, restart={self.restart!r}, max_total={max_total!r})"
        if (max_total is not None) != (self.restart == "extend"):
            raise InvalidValue(tried, "restart='extend' and max_total belong together", "else a user could put off the run for ever")
        if max_total is not None and (type(max_total) is not int or not self.minutes <= max_total <= _LONGEST):
            raise InvalidValue(tried, "max_total is shorter than the first wait, or no number of minutes", f"give {self.minutes} or more")

    def wants(self, happening: Happening) -> Due | None:
        if not isinstance(happening, Unlocked) or happening.origin:
            return None
        return Due(60 * self.minutes, extends=self.max_total and 60 * self.max_total)

    def __str__(self) -> str:
        return f"{counted(self.minutes, 'minute')} after unlock"


@frozen
class AfterDrift(Policy):
    """After a check found that the secret of the vault lets nobody in any more."""

    kind = "after_drift"

    def wants(self, happening: Happening) -> Due | None:
        return NOW if isinstance(happening, Drifted) else None

    def __str__(self) -> str:
        return "after the secret drifted"


@frozen
class OnDemand(Policy):
    """When somebody who may execute it asks for it."""

    kind = "on_demand"

    def wants(self, happening: Happening) -> Due | None:
        return NOW if isinstance(happening, Demanded) else None

    def __str__(self) -> str:
        return "on demand"


POLICIES: tuple[type[Policy], ...] = (AfterApproval, AfterSave, AfterExpire, AfterCheckIn, AfterSession, AfterUnlock, AfterDrift, OnDemand)
