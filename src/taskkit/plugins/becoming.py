"""As whom a command is carried out, where not as the account that has logged in: said near to the command, or further away."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import Attribute, field, frozen
from attrs.validators import optional

from taskkit.checks import named, one_of, refused
from taskkit.errors import InvalidValue

ITSELF = "itself"
WAYS = ("sudo", "su", ITSELF)


def account_name(instance: object, attribute: Attribute[Any], given: str | None) -> None:
    named(instance, attribute, given)
    if given is not None and given.startswith("-"):
        raise refused(instance, attribute, given, "it would be an option", "give the name of an account")


@frozen
class Become:
    """By what, as whom, and with which secret of the log-in's account. What is left out is up to who speaks from further away."""

    by: Literal["sudo", "su", "itself"] | None = field(default=None, validator=optional(one_of(*WAYS)))
    user: str | None = field(default=None, validator=optional(account_name))
    secret: str | None = field(default=None, validator=optional(named))

    def __attrs_post_init__(self) -> None:
        if self.by is None and self.user is None and self.secret is None:
            raise InvalidValue("Become()", "it says nothing", f"say by what ({', '.join(WAYS)}), as whom, or with which secret")
        if self.by == ITSELF and (self.user or self.secret):
            raise InvalidValue(f"Become({self.by!r})", "who stays itself becomes nobody else", "leave user and secret away")

    def __str__(self) -> str:
        return ":".join((self.by or "", self.user or "", self.secret or "")).rstrip(":")

    def over(self, other: Self | None) -> Self:
        """Who says by what says all of it. Who names the account alone goes the same way; the secret stays where it fits."""
        if other is None or self.by is not None:
            return self
        user = self.user or other.user
        kept = other.secret if other.by == "sudo" or user == other.user else None
        return type(self)(other.by if other.by != ITSELF else None, user, self.secret or kept)


def become_of(given: Become | str | None) -> Become | None:
    """Out of a text, too: `sudo`, `su:postgres:its_secret`, `:postgres`, `itself`."""
    if not isinstance(given, str):
        return given
    by, user, secret, *more = (*(part.strip() or None for part in given.split(":")), None, None)
    if any(more):
        raise InvalidValue(f"reading {given!r}", "it has too many parts", "write by:user:secret, as in sudo, su:app:its_secret, itself")
    return Become(by, user, secret)  # type: ignore[arg-type]  # its validator says which words there are
