"""What all kinds of new passwords have in common: how one is drawn, what bars one, and what a host may have against it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from enum import StrEnum
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen

from taskkit.checks import a, whole
from taskkit.errors import InvalidValue, Refused
from taskkit.passwords._former import FormerPasswords, former_of
from taskkit.secrets import Secret

if TYPE_CHECKING:
    import random

#: Below so many bits, who has a hash of a password finds it by trying.
LEAST_BITS = 40
#: Hosts look for names of at least so many characters; shorter ones are in most passwords.
SHORTEST_NAME = 3
_TRIES = 1000
_SYSTEM = SystemRandom()


class Objection(StrEnum):
    """What a host has against a new password."""

    TOO_SIMPLE = "too_simple"
    TOO_SHORT = "too_short"
    IN_HISTORY = "in_history"
    TOO_YOUNG = "too_young"  #: the present one has to stay for a while: no other one helps
    OTHER = "other"


@frozen
class PasswordPolicy(ABC):
    """What a new password looks like; it is drawn evenly from all those that it allows."""

    kind: ClassVar[str]
    without_user: bool = field(default=True, validator=a(bool), kw_only=True)
    #: With how many former ones it is compared.
    history: int = field(default=3, validator=whole(0, 1000), kw_only=True)

    @property
    @abstractmethod
    def possible(self) -> int:
        """How many passwords it allows, user name and former ones apart."""

    @abstractmethod
    def _numbered(self, number: int) -> str:
        """The password of a number below `possible`: another one for each, and each of them for one."""

    @abstractmethod
    def _broken(self, text: str) -> Iterator[str]:
        """What a password breaks, without a word of it."""

    @abstractmethod
    def _simple(self) -> PasswordPolicy | None:
        """The policy for the next one, after this was too simple."""

    @abstractmethod
    def _short(self) -> PasswordPolicy | None:
        """The policy for the next one, after this was too short."""

    @property
    def entropy(self) -> float:
        """In bits: how much somebody has to guess who knows the policy."""
        return math.log2(self.possible)

    @property
    def warning(self) -> str:
        """What a person should know before it is used; empty where that is nothing."""
        if self.entropy >= LEAST_BITS:
            return ""
        return f"{self.entropy:.0f} bits, fewer than {LEAST_BITS}: who gets hold of a hash of it finds it by trying"

    def draw(self, *, user: str = "", former: FormerPasswords | Iterable[Secret] = (), rng: random.Random = _SYSTEM) -> Secret:
        """A new password, by default from the system's secure source; Refused where user name and former ones leave none."""
        known = former_of(former)
        del former  # who dumps the locals of this frame shows none
        if isinstance(known, InvalidValue):
            raise known
        for _ in range(_TRIES):
            found = Secret(self._numbered(rng.randrange(self.possible)))
            if not any(self._barred(found, user, known)):
                return found
        case = f"in {_TRIES:,} tries each held the user's name or was a former one"
        raise Refused(f"drawing a password of {self}", case, "allow more characters or words, or compare with fewer: history=…")

    def faults(self, secret: Secret, *, user: str = "", former: FormerPasswords | Iterable[Secret] = ()) -> tuple[str, ...]:
        """What a password breaks, in words that show nothing of it; none where it could have been drawn."""
        trouble = None if isinstance(secret, Secret) else _no_secret(secret)
        known = trouble or former_of(former)
        if isinstance(known, InvalidValue):
            del secret, former  # as above
            raise known
        return (*self._own_faults(secret), *self._barred(secret, user, known))

    def _own_faults(self, secret: Secret) -> tuple[str, ...]:
        text = _text(secret)
        return ("it is no text",) if text is None else tuple(self._broken(text))

    def stricter(self, objection: Objection) -> PasswordPolicy | None:
        """The policy to draw the next one by, after a host refused one of this; None where no other one would help."""
        if Objection(objection) is Objection.TOO_SIMPLE:
            return self._simple()
        if objection == Objection.TOO_SHORT:
            return self._short()
        return None if objection == Objection.TOO_YOUNG else self

    def _barred(self, secret: Secret, user: str, former: FormerPasswords) -> Iterator[str]:
        if self.without_user and len(user) >= SHORTEST_NAME and _holds(secret, user):
            yield "it holds the user's name, or that backwards"
        if former.holds(secret, self.history):
            yield "it is the last one" if self.history == 1 else f"it is one of the last {self.history}"

    def _said_of_others(self) -> Iterator[str]:
        """What differs from what people expect, as parts of a sentence."""
        if not self.without_user:
            yield "perhaps with the user's name in it"
        if self.history != 3:
            yield f"unlike the last {self.history}" if self.history else "perhaps one that was"


def _no_secret(given: object) -> InvalidValue:
    return InvalidValue("looking for faults of a password", f"it is a {type(given).__name__}", "make a Secret of it")


def _text(secret: Secret) -> str | None:
    try:
        return secret.reveal_bytes().decode()
    except UnicodeDecodeError:
        return None


def _holds(secret: Secret, user: str) -> bool:
    text, name = (_text(secret) or "").casefold(), user.casefold()
    return name in text or name[::-1] in text


def shown(given: Any) -> str:
    """`20 characters`, `16 to 20 characters`."""
    low, high = given
    return str(low) if low == high else f"{low} to {high}"
