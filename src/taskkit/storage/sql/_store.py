"""A store in a database: writes are decided in rooms like those of the memory store, claims and reads are questions."""

from __future__ import annotations

import inspect
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from taskkit.checks import is_keepable
from taskkit.errors import InvalidValue
from taskkit.facts import Fact, Fault, Head, Mark
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.storage import Document, Order, Query, Slice
from taskkit.storage._keepable import must_be_texts
from taskkit.storage._pages import id_at, many
from taskkit.storage.sql import _blobs, _chains, _documents, _purges, _queries
from taskkit.storage.sql._handles import Handle
from taskkit.storage.sql._loading import waiting
from taskkit.storage.sql._rows import JOB, cause_of, job_of, place_of
from taskkit.storage.sql._tables import INBOX

_AT_ONCE = 500
_OPEN = f"SELECT {JOB} FROM taskkit_jobs WHERE place IN {{these}} AND over IS NULL ORDER BY number"  # noqa: S608  our own words


class SqlStorage(Handle):
    """What all databases share: all that is asked of a store, and what is done to it beside units and claims."""

    #: Where the tables are, for a connection that others have made.
    _schema: str | None = None

    # reading jobs

    def job(self, id: str) -> Job | None:
        rows = self._ask(lambda line: line.rows(f"SELECT {JOB} FROM taskkit_jobs WHERE id = ?", id))  # noqa: S608  our own words
        return next(map(job_of, rows), None)

    def causes(self, job: str) -> Sequence[Cause]:
        rows = self._ask(lambda line: line.rows("SELECT job, cause, via FROM taskkit_causes WHERE job = ? ORDER BY place", job))
        return tuple(cause_of(*row) for row in rows)

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        return next((job for job in self.open_jobs(seat[1], seat[2] or None) if job.is_pending and job.seat == seat), None)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        return self.open_at([(line, record)])[line, record]

    def open_at(self, places: Iterable[tuple[str, str | None]]) -> Mapping[tuple[str, str | None], Sequence[Job]]:
        wanted = {place_of(*place): place for place in places}
        found: dict[tuple[str, str | None], list[Job]] = {place: [] for place in wanted.values()}
        for row in self._ask(lambda asked: asked.among(_OPEN, wanted)):
            job = job_of(row)
            found[wanted[place_of(job.line, job.record)]].append(job)
        return found

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        return self._ask(lambda line: _queries.page(line, query, order, page, limit))

    def count(self, query: Query) -> int:
        wanted, values = _queries.where(query)
        [(count,)] = self._ask(lambda line: line.rows(f"SELECT count(*) FROM taskkit_jobs WHERE {wanted}", *values))  # noqa: S608
        return int(count)

    # holds

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        wanted = list(dict.fromkeys(keys))
        rooms = self._look(lambda line: waiting(line, wanted))
        return [job for id in rooms.holds.fitting(wanted) if (job := rooms.jobs.get(id)) is not None]

    def holders(self, key: str) -> Sequence[str]:
        sql = "SELECT DISTINCT job FROM taskkit_holds WHERE key = ? AND waits = 0 ORDER BY job"
        return [job for (job,) in self._ask(lambda line: line.rows(sql, key))]

    # documents

    def document(self, table: str, id: str) -> Document | None:
        return self._ask(lambda line: _documents.one(line, table, id))

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        return {found.id: found for found in self._ask(lambda line: _documents.several(line, table, ids))}

    def together(self, wanted: Mapping[str, Sequence[str] | None]) -> Mapping[str, Mapping[str, Document]]:
        found = self._ask(lambda line: _documents.together(line, wanted))
        return {table: {document.id: document for document in documents} for table, documents in found.items()}

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        return self._ask(lambda line: _documents.page(line, table, group, id_at(after), many(limit)))

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        """Each piece in a transaction of its own: however long the pieces take to come, nobody waits for them."""
        must_be_texts(job)
        id = os.urandom(12).hex()
        self._do(lambda line: _blobs.begin(line, id, job))
        try:
            for place, piece in enumerate(_blobs.in_pieces(pieces)):
                self._scribe.let_others_first()
                self._do(partial(_blobs.add, id=id, place=place, piece=piece))
        except BaseException:
            self._do(lambda line: _blobs.forget(line, [id]))
            raise
        return id

    def open_blob(self, id: str) -> Iterator[bytes]:
        count = self._look(lambda line: _blobs.count(line, id))
        return (self._ask(partial(_blobs.piece, id=id, place=place)) for place in range(count))

    def sweep_blobs(self) -> int:
        return self._do(_blobs.sweep)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        return self._lasting(self._look(lambda line: _chains.after(line, after, kinds, record, many(limit))))

    def story(self, at: Instant, *, line: str | None, record: str | None, limit: int = 100) -> Sequence[Fact]:
        return self._lasting(self._ask(partial(_chains.story, at=at, of_line=line, record=record, limit=many(limit))))

    def heads(self) -> Sequence[Head]:
        return self._lasting(self._ask(_chains.heads))

    def keyed(self) -> Mapping[str, int]:
        return self._ask(_chains.keyed)

    def check(self, noted: Iterable[Head] = (), progress: _chains.Progress | None = None) -> Sequence[Fault]:
        """`progress` hears how much of the facts is gone through, and of how much."""
        heads = list(noted)
        return self._look(lambda line: _chains.check(line, heads, self._keys, progress))

    def archive(self, upto: Mark) -> int:
        """In small transactions: nobody waits long for it."""
        gone, some = 0, _AT_ONCE
        while some == _AT_ONCE:
            self._scribe.let_others_first()
            some = self._do(lambda line: _chains.archive(line, upto, _AT_ONCE))
            gone += some
        return gone

    # what the product leaves

    def post(self, connection: Any, texts: Sequence[str]) -> None:
        """The marks of `sqlite3` are `?`; those of psycopg, and of what speaks as it does, `%s`."""
        place = "taskkit_inbox" if self._schema is None else f'"{self._schema}".taskkit_inbox'
        mark = "?" if isinstance(connection, sqlite3.Connection) else "%s"
        rows = [(os.urandom(12).hex(), text) for text in texts]
        with closing(_cursor(connection)) as cursor:
            cursor.executemany(f"INSERT INTO {place} (id, told) VALUES ({mark}, {mark})", rows)  # noqa: S608  our own words

    def posted(self, limit: int) -> Sequence[tuple[str, str]]:
        rows = self._ask(lambda line: line.rows("SELECT id, told FROM taskkit_inbox ORDER BY number LIMIT ?", many(limit)))
        return [(id, told) for id, told in rows]

    def take_away(self, ids: Sequence[str]) -> None:
        self._do(lambda line: line.drop(INBOX, [(id,) for id in ids if is_keepable(id)]))

    # forgetting

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        """In small transactions: nobody waits long for it."""
        gone = [self._purged(query, queries) for query in queries]
        self._do(_purges.expire)
        return gone

    def _purged(self, query: Query, queries: Sequence[Query]) -> int:
        gone, place = 0, _purges.FIRST
        while place != _purges.LAST:
            self._scribe.let_others_first()
            some, place = self._do(partial(_purges.purge, query=query, queries=queries, after=place, limit=_AT_ONCE))
            gone += some
        return gone


def _cursor(connection: Any) -> Any:
    """One that has done what it was told when it answers: what an asynchronous one is told, nobody waits for."""
    case = f"a {type(connection).__name__} is no connection that answers at once"
    helps = "give one of sqlite3, psycopg or Django; of an asynchronous one, the synchronous sort"
    if callable(make := getattr(connection, "cursor", None)) and not inspect.iscoroutinefunction(make):
        cursor = make()
        told = getattr(cursor, "executemany", None)
        if callable(told) and not inspect.iscoroutinefunction(told):
            return cursor
    raise InvalidValue("telling by a connection", case, helps)
