"""Classes of characters, of which a new password has so many each."""

from __future__ import annotations

import string
from typing import Any

from attrs import Attribute, field, frozen

from taskkit.checks import a, named, refused, whole

LONGEST = 256
#: What URLs never encode (RFC 3986), and no shell, connection string or file of passwords gives a meaning behind a letter.
SYMBOLS = "-._~"
#: What a person who reads a password aloud or types it takes for something else.
LOOK_ALIKES = "0O1Il"
OURS = {"lower": string.ascii_lowercase, "upper": string.ascii_uppercase, "digits": string.digits, "symbols": SYMBOLS}


def printable(instance: object, attribute: Attribute[Any], given: str) -> None:
    a(str)(instance, attribute, given)
    if not given.isprintable():
        raise refused(instance, attribute, given, "it holds what cannot be printed", "give characters that everybody sees")


def _some(instance: object, attribute: Attribute[Any], given: str) -> None:
    printable(instance, attribute, given)
    if not given:
        raise refused(instance, attribute, given, "there is no character", "give those that belong to it")


@frozen
class CharacterClass:
    """A class of one's own: its characters may be in others as well, and count for each."""

    name: str = field(validator=named)
    characters: str = field(validator=_some)
    least: int = field(default=1, validator=whole(0, LONGEST))
