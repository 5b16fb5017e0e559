"""What fields of values accept, with errors that name the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import Attribute

from taskkit.errors import InvalidValue

LONGEST_NAME = 200
#: Of a machine that is reached, and of one that works.
LONGEST_HOST = 500
#: Beyond the numbers of 64 bits, which every store keeps; the lowest is as far below zero.
BEYOND = 1 << 63


def named(instance: object, attribute: Attribute[Any], given: object) -> None:
    """Accepts a name: text that is not empty, without control characters."""
    if not isinstance(given, str) or not given.strip() or len(given) > LONGEST_NAME or not given.isprintable():
        raise refused(instance, attribute, given, "it is no name", f"give a printable text of 1 to {LONGEST_NAME} characters")


def optional_name(instance: object, attribute: Attribute[Any], given: object) -> None:
    if given is not None:
        named(instance, attribute, given)


def whole(least: int, most: int = 1_000_000) -> Any:
    """Accepts whole numbers of a range."""

    def check(instance: object, attribute: Attribute[Any], given: object) -> None:
        if type(given) is not int or not least <= given <= most:
            raise refused(instance, attribute, given, f"it is no whole number from {least} to {most:,}")

    return check


def number(above: float, most: float) -> Any:
    """Accepts numbers of a range, whole or not."""

    def check(instance: object, attribute: Attribute[Any], given: object) -> None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not above < given <= most:
            raise refused(instance, attribute, given, f"it is no number above {above:g} and up to {most:,}")

    return check


def optional_whole(least: int, most: int = 1_000_000) -> Any:
    check = whole(least, most)

    def optional(instance: object, attribute: Attribute[Any], given: object) -> None:
        if given is not None:
            check(instance, attribute, given)

    return optional


def share(instance: object, attribute: Attribute[Any], given: object) -> None:
    """Accepts nothing, or a share above 0 and up to 1."""
    if given is not None and not (isinstance(given, int | float) and not isinstance(given, bool) and 0 < given <= 1):
        raise refused(instance, attribute, given, "it is no share", "give a number above 0 and up to 1")


def a(kind: type[Any] | tuple[type[Any], ...], help: str = "") -> Any:
    """Accepts a value of the kind."""

    def check(instance: object, attribute: Attribute[Any], given: object) -> None:
        if not isinstance(given, kind):
            raise refused(instance, attribute, given, f"it is a {type(given).__name__}", help)

    return check


def optional_a(kind: type[Any] | tuple[type[Any], ...], help: str = "") -> Any:
    check = a(kind, help)

    def optional(instance: object, attribute: Attribute[Any], given: object) -> None:
        if given is not None:
            check(instance, attribute, given)

    return optional


def one_of(*choices: str) -> Any:
    def check(instance: object, attribute: Attribute[Any], given: object) -> None:
        if given not in choices:
            raise refused(
                instance, attribute, given, "there is no such choice", f"choose {' or '.join(repr(str(choice)) for choice in choices)}"
            )

    return check


def refused(instance: object, attribute: Attribute[Any], given: object, case: str, help: str = "") -> InvalidValue:
    shown = repr(given) if given is None or isinstance(given, str | int | float | tuple) else f"a {type(given).__name__}"
    return InvalidValue(f"{type(instance).__name__}({attribute.name}={shown[:LONGEST_NAME]})", case, help)


def several(given: Any) -> tuple[Any, ...]:
    """One value or several, as several."""
    return tuple(given) if isinstance(given, list | tuple | set | frozenset) else (given,)


def names(given: Iterable[str] | str) -> frozenset[str]:
    """One name or several, as a set."""
    found = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, str) and one.strip() for one in found):
        raise InvalidValue(f"taking {given!r} as names", "they are none", "give a text, or several that are not empty")
    return frozenset(found) if found else NO_NAMES


#: Most values have none, and each empty set would be one more thing for the collector to look at.
NO_NAMES: frozenset[str] = frozenset()


def mapping(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy that nobody changes."""
    if type(given) is MappingProxyType:
        return given
    if type(given) is not dict and not isinstance(given, Mapping):  # a dict it is mostly: asked first, as the kind takes longer
        raise InvalidValue("taking a mapping", f"it is a {type(given).__name__}", "give a dict")  # which may be a secret
    return MappingProxyType(dict(given))


def is_whole(text: str) -> bool:
    """Whether it holds no half of a character, which no encoding takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_keepable(text: str) -> bool:
    """Whether every store can keep it: it holds neither NUL nor half of a character."""
    return "\0" not in text and (text.isascii() or is_whole(text))


def is_address(name: str) -> bool:
    """Whether it may name a machine, or a process that works."""
    return 0 < len(name) <= LONGEST_HOST and is_keepable(name)
