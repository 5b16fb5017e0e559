"""Files, and who may open them.

SQLite notes for each process which locks it has on a file. A child takes over what its parent noted, and not the locks: it would read
what others are about to write, and write to a log that they have removed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from weakref import WeakKeyDictionary

from taskkit._paths import Identity, identity, real
from taskkit.errors import InvalidValue, NotFound, Refused, StorageAway
from taskkit.storage.urls import Address, address

#: By the connections of this process; and those to which its parents had some when they forked.
_OPEN = WeakKeyDictionary[object, Identity]()
_CROSSED = set[Identity]()


def file_of(url: str) -> tuple[Path, Address]:
    """`sqlite:///var/lib/vault.db`, or `sqlite:vault.db` in the folder of this process; and what else the URL says."""
    tried, found = "opening a storage by a URL that begins with 'sqlite'", address(url, ("durability",))
    if found.has_more:
        case = "it names a machine behind //, or has a #: no file is told by these"
        raise InvalidValue(tried, case, "give three slashes, as in 'sqlite:///a/file', or none, as in 'sqlite:file'; write # as %23")
    if not found.path.strip("/"):
        raise InvalidValue(tried, "it names no file", "give one: 'sqlite:///a/file'")
    return Path(found.path), found


def behind_links(path: Path) -> Path:
    """Where SQLite has the file, and its log beside it."""
    return real(path, f"opening the store {str(path)!r}")


def must_be_there(path: Path) -> None:
    tried = f"opening the store {str(path)!r}"
    try:
        if not path.exists():
            raise NotFound(tried, "there is no such file", "look whether its name is right")
    except OSError as error:
        raise StorageAway(tried, str(error.strerror), "this account must be allowed to look into its folder") from None


def make(path: Path) -> None:
    """For this account alone, before SQLite makes it with whatever the process masks: what it puts beside it has the same mode.

    One that is there keeps its mode; why there can be none, SQLite says.
    """
    with suppress(OSError):
        os.close(os.open(behind_links(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def must_be_ours(path: Path) -> None:
    if identity(path) in _CROSSED:
        case = "this process was forked while its parent had it open, and SQLite would not see the locks of others"
        raise Refused(f"opening the store {str(path)!r}", case, "open it after the fork alone, or begin a process anew (spawn)")


def took(connection: object, path: Path) -> None:
    if (file := identity(path)) is not None:
        _OPEN[connection] = file


def gave_back(connection: object) -> None:
    _OPEN.pop(connection, None)


def _forked() -> None:
    _CROSSED.update(list(_OPEN.values()))
    _OPEN.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)
