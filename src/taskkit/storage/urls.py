"""Stores by their URLs: where they are, and how they are used."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import frozen

from taskkit.errors import InvalidValue

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
DURABILITIES = ("full", "relaxed")


@frozen
class Address:
    """A URL without what is ours to know: `options` are those that were asked for, `rest` is for the database.

    `has_more`, it has a machine or a fragment.
    """

    path: str
    rest: str
    options: dict[str, str]
    has_more: bool

    @property
    def is_relaxed(self) -> bool:
        return self.options.get("durability") == "relaxed"


def address(url: str, known: Collection[str], *, others: bool = False) -> Address:
    """Errors name no more of a URL than its options, since it may hold a password."""
    parts = urlsplit(url)
    tried = f"opening a storage by a URL that begins with {parts.scheme!r}"
    told = parse_qsl(parts.query, keep_blank_values=True)
    options = {name: value for name, value in told if name in known}
    strange = [name for name, _ in told if name not in known]
    if strange and not others:
        raise InvalidValue(tried, f"it has no option {strange[0]!r}", f"there is {', '.join(sorted(known))}")
    if options.get("durability", "full") not in DURABILITIES:
        raise InvalidValue(tried, f"durability is {options['durability']!r}", f"give {' or '.join(DURABILITIES)}")
    return Address(unquote(parts.path), _without(url, known), options, bool(parts.netloc or parts.fragment))


def _without(url: str, known: Collection[str]) -> str:
    """All else stays as it was written: to libpq a space is no plus, and a URL without a machine has two slashes all the same."""
    before, mark, query = url.partition("?")
    query, hash, fragment = query.partition("#")
    kept = "&".join(one for one in query.split("&") if unquote(one.partition("=")[0]) not in known)
    return before + (mark if kept else "") + kept + hash + fragment


def must_be_plain(schema: str, tried: str) -> None:
    if not _SCHEMA.fullmatch(schema):
        raise InvalidValue(f"{tried} in the schema {schema!r}", "it is no plain name", "give small letters, digits and _")
