"""What a new password looks like: policies that draw one, tell what a given one breaks, and get stricter where a host refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskkit.errors import InvalidValue
from taskkit.passwords._characters import Passwords
from taskkit.passwords._classes import LOOK_ALIKES, SYMBOLS, CharacterClass
from taskkit.passwords._former import FormerPasswords
from taskkit.passwords._phrases import Passphrases
from taskkit.passwords._policies import Objection, PasswordPolicy

__all__ = [
    "LOOK_ALIKES", "SYMBOLS", "CharacterClass", "FormerPasswords", "Objection", "Passphrases", "PasswordPolicy", "Passwords",
    "password_policy",
]  # fmt: skip
KINDS: dict[str, type[PasswordPolicy]] = {made.kind: made for made in (Passwords, Passphrases)}


def password_policy(given: PasswordPolicy | Mapping[str, Any]) -> PasswordPolicy:
    """A policy, or what its document says: the converter of a field that holds one."""
    if isinstance(given, PasswordPolicy):
        return given
    if not isinstance(given, Mapping):
        raise InvalidValue("reading a password policy", f"it is a {type(given).__name__}", "give Passwords(…) or Passphrases(…)")
    kind = given.get("kind")
    made = KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise InvalidValue("reading a password policy", f"there is no kind {kind!r}", f"known are {', '.join(KINDS)}")
    try:
        return made(**{name: value for name, value in given.items() if name != "kind"})
    except TypeError as error:
        raise InvalidValue(f"reading a password policy of kind {kind!r}", str(error), "") from None
