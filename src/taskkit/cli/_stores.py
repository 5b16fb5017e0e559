"""Stores as the command line opens them: to look into what is there. None is made and none is upgraded by looking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from taskkit.errors import InvalidValue, MissingPlugin, TaskkitError
from taskkit.plugins import Plugins
from taskkit.plugins.storages import scheme_of
from taskkit.storage import Storage

#: Whatever stands behind the scheme of a URL may be a password; libpq knows another form, too.
_URL = re.compile(r"((?:\b[a-zA-Z][a-zA-Z0-9+.-]*:)?//|password=)\S*")


def without_urls(text: str) -> str:
    return _URL.sub(r"\1…", text)


@contextmanager
def watched(url: str) -> Iterator[Storage]:
    """Closed at the end, which may be Ctrl-C."""
    storage = opened(url)
    try:
        yield storage
    except KeyboardInterrupt:
        pass
    finally:
        storage.close()


def opened(url: str) -> Storage:
    """Errors name no more of a URL than its scheme and options."""
    scheme = scheme_of(url)
    with readable(f"opening a storage by a URL that begins with {scheme!r}"):
        if scheme == "sqlite":
            return _sqlite(url)
        return _postgresql(url) if scheme == "postgresql" else Plugins().open_storage(url)


@contextmanager
def readable(tried: str) -> Iterator[None]:
    """What Python says of a URL that is none would show it."""
    try:
        yield
    except TaskkitError:
        raise
    except ValueError:
        helps = "a sign that has a meaning in URLs, such as @ or /, is written as %40 or %2F"
        raise InvalidValue(tried, "it cannot be read", helps) from None


def _sqlite(url: str) -> Storage:
    from taskkit.storage.sqlite import SqliteStorage

    return SqliteStorage.at(url, makes=False)


def _postgresql(url: str) -> Storage:
    try:
        from taskkit.storage.postgresql import PostgresStorage
    except ImportError as error:
        tried = "opening a storage by a URL that begins with 'postgresql'"
        raise MissingPlugin(tried, f"there is no {error.name}", "install taskkit with its extra 'postgresql'") from None
    return PostgresStorage.at(url, makes=False)
