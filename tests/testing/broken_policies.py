"""Policies that break one promise each, beside the clause that notices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from attrs import field, frozen

from taskkit.events.happenings import CheckedIn, Happening, SessionEnded
from taskkit.events.policies import NOW, Due, Policy
from taskkit.testing.contracts import PolicyContract


@frozen
class Sound(Policy):
    """So many minutes after check-in; it breaks nothing, and what follows breaks one thing of it."""

    kind = "sound"
    minutes: int = 30

    def wants(self, happening: Happening) -> Due | None:
        return Due(60 * self.minutes) if isinstance(happening, CheckedIn) else None

    def __str__(self) -> str:
        return f"{self.minutes} minutes after check-in"


def suite(made: Callable[[], Policy]) -> type[PolicyContract]:
    return type(getattr(made, "__name__", "Broken"), (PolicyContract,), {"policies": lambda self: [made()]})


class MayBeChanged(Sound):
    kind = "may_be_changed"
    __setattr__ = object.__setattr__


def _doubled(given: int) -> int:
    return 2 * given


@frozen
class DoublesItsMinutes(Sound):
    kind = "doubles"
    minutes: int = field(default=30, converter=_doubled)

    def __str__(self) -> str:
        return f"{self.minutes} minutes after check-in"


@frozen
class RemembersTheFirst(Sound):
    kind = "remembers"
    seen: list[Any] = field(factory=list, eq=False, repr=False, init=False)

    def wants(self, happening: Happening) -> Due | None:
        self.seen.append(happening.id)
        return super().wants(happening) if self.seen.index(happening.id) == len(self.seen) - 1 else None

    def __str__(self) -> str:
        return "after the first check-in"


@frozen
class NamesAFireAnew(Sound):
    kind = "names_anew"

    def wants(self, happening: Happening) -> Due | None:
        return Due(fire=uuid4().hex) if isinstance(happening, CheckedIn) else None

    def __str__(self) -> str:
        return "after check-in"


@frozen
class AnswersTrue(Sound):
    kind = "answers_true"

    def wants(self, happening: Happening) -> Any:
        return True if isinstance(happening, CheckedIn) else None

    def __str__(self) -> str:
        return "after check-in"


@frozen
class IsDueBefore(Sound):
    kind = "is_due_before"

    def wants(self, happening: Happening) -> Due | None:
        due = super().wants(happening)
        if due is not None:
            object.__setattr__(due, "after", -3600)
        return due

    def __str__(self) -> str:
        return "before check-in"


@frozen
class ReadsTheSession(Sound):
    kind = "reads_the_session"

    def wants(self, happening: Happening) -> Due | None:
        return NOW if isinstance(happening, SessionEnded) and happening.session.split()[0] == "s" else super().wants(happening)

    def __str__(self) -> str:
        return "after a session of s"


@frozen
class WantsNothing(Sound):
    kind = "wants_nothing"

    def wants(self, happening: Happening) -> Due | None:
        return None

    def __str__(self) -> str:
        return "never"


@frozen
class WantsWhateverComes(Sound):
    kind = "wants_whatever"

    def wants(self, happening: Happening) -> Due | None:
        return NOW

    def __str__(self) -> str:
        return "after anything"


@frozen
class HasNoWords(Policy):
    kind = "has_no_words"

    def wants(self, happening: Happening) -> Due | None:
        return NOW if isinstance(happening, CheckedIn) else None


@frozen
class HidesItsReason(Sound):
    """What people read in the history differs from one time to the next."""

    kind = "hides_its_reason"

    def __str__(self) -> str:
        return f"after check-in ({uuid4().hex})"


@frozen
class EndsAndBegins(Sound):
    kind = "ends_and_begins"

    def has_ended(self, moment: datetime) -> bool:
        return moment.year == 2027

    def __str__(self) -> str:
        return "not in 2027"


SOUND = (suite(Sound),)
BROKEN = (
    ("PC1", suite(MayBeChanged)),
    ("PC2", suite(DoublesItsMinutes)),
    ("PC3", suite(RemembersTheFirst)),
    ("PC3", suite(NamesAFireAnew)),
    ("PC4", suite(AnswersTrue)),
    ("PC4", suite(IsDueBefore)),
    ("PC4", suite(ReadsTheSession)),
    ("PC5", suite(WantsNothing)),
    ("PC5", suite(WantsWhateverComes)),
    ("PC6", suite(HasNoWords)),
    ("PC7", suite(HidesItsReason)),
    ("PC8", suite(EndsAndBegins)),
)
