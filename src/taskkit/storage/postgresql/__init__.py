"""The store in a PostgreSQL database, for several nodes (extra `postgresql`): in a schema of its own, under the database's own clock.

Writers take turns by an advisory lock, so that a write finds what it is about as it stands; readers wait for nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import psycopg

from taskkit.storage.postgresql._lines import PostgresLine
from taskkit.storage.sql._clocks import DatabaseClock
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.urls import address, must_be_plain

T = TypeVar("T")
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class PostgresStorage(SqlStorage):
    """`PostgresStorage(url)`, or by URL `postgresql://…`. Without `makes`, the store has to be there, at the version that is known here."""

    taken = psycopg.IntegrityError
    _schema: str

    def __init__(self, url: str, *, schema: str = "taskkit", relaxed: bool = False, keeps_time: bool = True, makes: bool = True) -> None:
        must_be_plain(schema, "opening a store")
        self._url, self._schema, self._makes = url, schema, makes
        self.clock = clock = DatabaseClock(_NOW) if keeps_time else None
        self._time = clock
        super().__init__(relaxed=relaxed)

    @classmethod
    def at(cls, url: str, *, makes: bool = True) -> PostgresStorage:
        """`postgresql://user@host/database`, with `schema`, `durability`, and what libpq knows, as options."""
        found = address(url, ("schema", "durability"), others=True)
        return cls(found.rest, schema=found.options.get("schema", "taskkit"), relaxed=found.is_relaxed, makes=makes)

    def line(self) -> Line:
        return PostgresLine(self._url, self._schema, makes=self._makes)

    def join(self) -> PostgresStorage:
        """Another handle on the same database, as another node has it."""
        told: dict[str, Any] = {"schema": self._schema, "relaxed": self._relaxed, "makes": self._makes}
        return PostgresStorage(self._url, **told, keeps_time=self.clock is not None)

    def _commit(self, deed: Callable[[Line], T], *, durable: bool, then: Callable[[T], object] | None = None) -> T:
        return super()._commit(deed if self._time is None else partial(self._in_time, self._time, deed), durable=durable, then=then)

    def _ask(self, question: Callable[[Line], T]) -> T:
        """Also who only asks what is due looks at the clock: one who finds nothing never writes."""
        return super()._ask(question if self._time is None else partial(self._in_time, self._time, question))

    @staticmethod
    def _in_time(clock: DatabaseClock, deed: Callable[[Line], T], line: Line) -> T:
        clock.look(line)
        return deed(line)
