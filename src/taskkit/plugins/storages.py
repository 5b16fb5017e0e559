"""Kinds of storages: the scheme of a URL, and what opens the storage that it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import Attribute, field, frozen

from taskkit.errors import InvalidValue

if TYPE_CHECKING:
    from taskkit.storage import Storage

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def _scheme(instance: object, attribute: Attribute[Any], given: object) -> None:
    if not isinstance(given, str) or not SCHEME.fullmatch(given):
        raise InvalidValue(f"StorageKind(scheme={given!r})", "it is no scheme of a URL", "give small letters and digits, such as 'sqlite'")


def _callable(instance: StorageKind, attribute: Attribute[Any], given: object) -> None:
    if not callable(given):
        tried = f"StorageKind({instance.scheme!r}, open=…)"
        raise InvalidValue(tried, f"it is a {type(given).__name__}", "give a function that takes the URL and answers a Storage")


@frozen
class StorageKind:
    """One kind of storage: `open` is handed the whole URL, such as `sqlite:///var/lib/vault.db`, and answers a Storage."""

    scheme: str = field(validator=_scheme)
    open: Callable[[str], Storage] = field(validator=_callable)


def scheme_of(url: str) -> str:
    """What a URL begins with; an error shows no more of it, as a URL may hold a password."""
    scheme, colon, _ = url.partition(":")
    if not colon or not SCHEME.fullmatch(scheme.lower()):
        raise InvalidValue("opening a storage by its URL", "it begins with no scheme", "give a URL such as 'memory:' or 'sqlite:///a/file'")
    return scheme.lower()
