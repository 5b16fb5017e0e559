"""`taskkit check`, `taskkit store backup` and `taskkit store sql`: whether a store is whole, a copy of it, and what makes one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from taskkit.cli._outputs import heard_or_not
from taskkit.cli._shows import plain, say
from taskkit.cli._stores import opened, readable
from taskkit.errors import InvalidValue, Refused
from taskkit.plugins.storages import scheme_of
from taskkit.storage import Query, Storage
from taskkit.storage.integrity import Flaw, check_store, of_chain
from taskkit.storage.sql._backups import Source
from taskkit.storage.sql._backups import back_up as copied
from taskkit.storage.sql._scripts import postgresql_script, sqlite_script
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import NUMBERS
from taskkit.storage.sqlite._files import file_of, must_be_there
from taskkit.storage.urls import address

_MEGABYTE = 1 << 20


def check(url: str, *, as_json: bool) -> int:
    """1 where there are faults; a chain whose key is elsewhere is none, and is told."""
    storage = opened(url)
    try:
        flaws, jobs = _flaws(storage), storage.count(Query())
    finally:
        storage.close()
    faults = [flaw for flaw in flaws if flaw.kind != "key"]
    with heard_or_not():
        if as_json:
            told = {"faults": faults, "unchecked": [flaw for flaw in flaws if flaw.kind == "key"]}
            say(json.dumps({"jobs": jobs} | {name: [flaw.document() for flaw in some] for name, some in told.items()}, indent=2))
        else:
            for flaw in flaws:
                say(plain(flaw))
            counted = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}" if faults else "no faults"
            say(f"{counted} in a store of {jobs} job{'' if jobs == 1 else 's'}")
    return 1 if faults else 0


def _flaws(storage: Storage) -> list[Flaw]:
    """Of a store that is in no database of ours, its chains of facts."""
    if isinstance(storage, SqlStorage):
        return list(check_store(storage, progress=_progress("facts") if sys.stderr.isatty() else None))
    return [of_chain(fault) for fault in storage.check()]


def back_up(url: str, path: str) -> int:
    if (scheme := scheme_of(url)) != "sqlite":
        helps = "`pg_dump --schema=taskkit` makes one of PostgreSQL" if scheme == "postgresql" else "use what the database has for it"
        raise Refused("backing up a store", f"this makes copies of SQLite, and the URL begins with {scheme!r}", helps)
    with readable("backing up a store"):
        file, _ = file_of(url)
    must_be_there(file)
    source = Source(file.absolute(), "store", NUMBERS.name)  # at whatever version
    copied(source, Path(path), _progress("pages") if sys.stderr.isatty() else None)
    say(f"{plain(path)}: {Path(path).stat().st_size / _MEGABYTE:.1f} MB, read again and whole")
    return 0


def _progress(nouns: str) -> Callable[[int, int], object]:
    return lambda done, of: sys.stderr.write(f"\r{done} of {of} {nouns}" + ("\n" if done == of else ""))


def sql(place: str, since: int) -> int:
    """By a URL or by a scheme alone; nothing is opened."""
    url = place if ":" in place else f"{place}:"
    if (scheme := scheme_of(url)) == "sqlite":
        sys.stdout.write(sqlite_script(since))
    elif scheme == "postgresql":
        with readable("printing what makes a store"):
            schema = address(url, ("schema",), others=True).options.get("schema", "taskkit")
        sys.stdout.write(postgresql_script(schema, since))
    else:
        raise InvalidValue("printing what makes a store", f"there is no SQL for {scheme!r}", "there is sqlite and postgresql")
    return 0
