"""Which version the tables of a store have, which versions of taskkit may work on it, and how it comes to the newest.

Two numbers are kept: `schema` is the version, and `schema_least` the oldest that a taskkit may know to work on it all the same. All is
done in the transaction in which a store is opened, beside which nobody else writes: of two that open it at once, one finds it done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from taskkit.errors import NotFound, Refused
from taskkit.storage.sql._lines import Row
from taskkit.storage.sql._migrations import MIGRATIONS, Migration
from taskkit.storage.sql._statements import Words, made
from taskkit.storage.sql._tables import NUMBERS, TABLES, Table

_VERSIONS = "SELECT name, value FROM taskkit_numbers WHERE name IN ('schema', 'schema_least')"
_PRINTS = "`taskkit store sql` prints what makes or upgrades one"


@frozen
class Schema:
    """The tables as they are today, and the steps that led to them."""

    tables: tuple[Table, ...]
    migrations: tuple[Migration, ...]

    @property
    def version(self) -> int:
        return 1 + len(self.migrations)

    @property
    def least(self) -> int:
        """Behind the last step that an older one may not work with."""
        return max((to for to, step in enumerate(self.migrations, 2) if not step.older_may_work), default=1)

    def making(self, words: Words) -> list[str]:
        told = [sql for table in self.tables for sql in made(table, words)]
        return [*told, _noted("schema", self.version), _noted("schema_least", self.least)]

    def upgrading(self, words: Words, since: int) -> list[str]:
        told = [sql for step in self.migrations[since - 1 :] for change in step.changes for sql in change.statements(words)]
        return [*told, _changed("schema", self.version), _changed("schema_least", self.least)]


SCHEMA = Schema(TABLES, MIGRATIONS)


class Place(Protocol):
    """What is to be known of a database, and done to it."""

    def columns(self, tables: Sequence[str]) -> Mapping[str, set[str]]:
        """Of those of these tables that are there."""
        ...

    def rows(self, sql: str) -> list[Row]: ...

    def apply(self, statements: Sequence[str]) -> None:
        """Change the tables."""


def is_current(place: Place) -> bool:
    """Whether nothing is to be done. What is wrong with it, `bring` says."""
    found = place.columns([table.name for table in SCHEMA.tables])
    return bool(found) and _numbers(place, found).get("schema") == SCHEMA.version and not _lacking(found)


def bring(place: Place, words: Words, name: str, *, makes: bool) -> None:
    """The store at the newest version; refused, with nothing touched, where that cannot be. Without `makes`, it has to be there."""
    tried, names = f"opening {name}", [table.name for table in SCHEMA.tables]
    found = place.columns(names)
    if not found:
        if not makes:
            raise NotFound(tried, "there is no store", f"look whether the name is right; {_PRINTS}")
        place.apply(SCHEMA.making(words))
    elif (version := _version(place, tried, found)) < SCHEMA.version:
        if not makes:
            raise Refused(tried, f"it is at version {version}, and this taskkit works with version {SCHEMA.version}", _PRINTS)
        place.apply(SCHEMA.upgrading(words, version))
        found = place.columns(names)
    if found:
        _must_be_whole(tried, found)


def _version(place: Place, tried: str, found: Mapping[str, set[str]]) -> int:
    """The version at which it stands, where this taskkit may work on it."""
    told = _numbers(place, found)
    if "schema" not in told:
        case = f"there are tables of its names ({', '.join(sorted(found))}), but no version: it is no store of taskkit's"
        raise Refused(tried, case, "give the store a place of its own")
    version, least = told["schema"], told.get("schema_least", told["schema"])
    if not (isinstance(version, int) and isinstance(least, int)):
        raise Refused(tried, "its version cannot be read", "somebody changed it: restore a backup")
    if least > SCHEMA.version:
        case = f"it is at version {version}, for which a taskkit has to know version {least}; this one knows {SCHEMA.version}"
        raise Refused(tried, case, "work with a newer taskkit, or restore the backup that was taken before the upgrade")
    return version


def _numbers(place: Place, found: Mapping[str, set[str]]) -> dict[str, int]:
    is_numbered = set(NUMBERS.names) <= found.get(NUMBERS.name, set())
    return dict(place.rows(_VERSIONS)) if is_numbered else {}


def _must_be_whole(tried: str, found: Mapping[str, set[str]]) -> None:
    if lacking := _lacking(found):
        raise Refused(tried, f"it is not whole: {', '.join(lacking)} is missing", "somebody changed it: restore a backup")


def _lacking(found: Mapping[str, set[str]]) -> list[str]:
    return [
        f"{table.name}.{column}" if table.name in found else table.name
        for table in SCHEMA.tables
        for column in (table.names if table.name in found else table.names[:1])
        if column not in found.get(table.name, ())
    ]


def _noted(name: str, value: int) -> str:
    return f'INSERT INTO "taskkit_numbers" ("name", "value") VALUES (\'{name}\', {value})'  # noqa: S608  our own words, as below


def _changed(name: str, value: int) -> str:
    return f'UPDATE "taskkit_numbers" SET "value" = {value} WHERE "name" = \'{name}\''  # noqa: S608
