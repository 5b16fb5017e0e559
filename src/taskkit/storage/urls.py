"""Stores by their URLs: where they are, and how they are used."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from attrs import frozen

from taskkit.errors import InvalidValue

DURABILITIES = ("full", "relaxed")


@frozen
class Address:
    """A URL without what is ours to know: `options` are those that were asked for, `rest` is for the database."""

    path: str
    rest: str
    options: dict[str, str]

    @property
    def is_relaxed(self) -> bool:
        return self.options.get("durability") == "relaxed"


def address(url: str, known: Collection[str], *, others: bool = False) -> Address:
    """Errors name no more of a URL than its options, since it may hold a password."""
    parts = urlsplit(url)
    tried = f"opening a storage by a URL that begins with {parts.scheme!r}"
    told = parse_qsl(parts.query, keep_blank_values=True)
    options = {name: value for name, value in told if name in known}
    rest = [(name, value) for name, value in told if name not in known]
    if rest and not others:
        raise InvalidValue(tried, f"it has no option {rest[0][0]!r}", f"there is {', '.join(sorted(known))}")
    if options.get("durability", "full") not in DURABILITIES:
        raise InvalidValue(tried, f"durability is {options['durability']!r}", f"give {' or '.join(DURABILITIES)}")
    return Address(unquote(parts.path), urlunsplit(parts._replace(query=urlencode(rest))), options)
