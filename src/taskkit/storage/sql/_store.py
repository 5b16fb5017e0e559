"""A store in a database: writes are decided in rooms like those of the memory store, claims and reads are questions."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Self, TypeVar

from taskkit.facts import Fact, Fault, Head, Mark
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage
from taskkit.storage.sql import _blobs, _chains, _claims, _documents, _purges, _queries
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._links import Lines
from taskkit.storage.sql._loading import loaded, waiting
from taskkit.storage.sql._rows import JOB, cause_of, job_of, place_of
from taskkit.storage.sql._saving import save
from taskkit.storage.sql._scribe import Scribe
from taskkit.storage.units import Landed, Unit

T = TypeVar("T")
_PURGED_AT_ONCE = 500


class SqlStorage(Storage):
    """What all databases share. A handle has one line for writing, and as many for reading as there are readers at one time.

    `relaxed`, only what says that it must be durable forces the disk; else all does but claims, which may be lost without harm.
    """

    def __init__(self, *, relaxed: bool = False) -> None:
        self.chain, self._relaxed = os.urandom(6).hex(), relaxed
        self._head: Head | None = None
        self._scribe, self._lines = Scribe(self._write), Lines(self.line)
        self._do(lambda line: line.make())

    @abstractmethod
    def line(self) -> Line:
        """A new connection."""

    def close(self) -> None:
        """Give the connections back; the store is not used any more."""
        with self._scribe.pen:
            self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, question: Callable[[Line], T]) -> T:
        """A single statement."""
        self._lines.must_be_ours()
        return self._lines.read(question, whole=False)

    def _look(self, question: Callable[[Line], T]) -> T:
        """Several statements about one state of the store."""
        self._lines.must_be_ours()
        return self._lines.read(question, whole=True)

    def _do(self, deed: Callable[[Line], T], *, durable: bool = True) -> T:
        self._lines.must_be_ours()
        with self._scribe.pen:
            return self._lines.write(deed, durable=durable)

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        self._lines.must_be_ours()
        return self._scribe.write(units, durable=durable or not self._relaxed) if units else ()

    def _write(self, units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        answers, head = self._do(lambda line: self._land(line, units), durable=durable)
        self._head = head
        return answers

    def _land(self, line: Line, units: Sequence[Unit]) -> tuple[Sequence[Landed], Head | None]:
        rooms = loaded(line, units)
        answers = [rooms.land(unit) for unit in units]
        save(line, rooms)
        return answers, _chains.append(line, self.chain, self._head, rooms.told) if rooms.told else self._head

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        owner = {"worker": worker, "node": node, "lease": lease}
        return self._do(lambda line: _claims.claim(line, now, owner, pools, limit), durable=False) if limit > 0 else ()

    # reading jobs

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        return self._look(lambda line: _claims.next_due(line, pools))

    def job(self, id: str) -> Job | None:
        rows = self._ask(lambda line: line.rows(f"SELECT {JOB} FROM taskkit_jobs WHERE id = ?", id))  # noqa: S608  our own words
        return next(map(job_of, rows), None)

    def causes(self, job: str) -> Sequence[Cause]:
        rows = self._ask(lambda line: line.rows("SELECT cause FROM taskkit_causes WHERE job = ? ORDER BY place", job))
        return tuple(cause_of(job, text) for (text,) in rows)

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        return next((job for job in self.open_jobs(seat[1], seat[2] or None) if job.is_pending and job.seat == seat), None)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        sql = f"SELECT {JOB} FROM taskkit_jobs WHERE place = ? AND over IS NULL ORDER BY number"  # noqa: S608
        return [job_of(row) for row in self._ask(lambda asked: asked.rows(sql, place_of(line, record)))]

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

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        return self._ask(lambda line: _documents.page(line, table, group, after, limit))

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        """Each piece in a transaction of its own: however long the pieces take to come, nobody waits for them."""
        id = os.urandom(12).hex()
        self._do(lambda line: _blobs.begin(line, id, job))
        try:
            for place, piece in enumerate(_blobs.in_pieces(pieces)):
                self._do(partial(_blobs.add, id=id, place=place, piece=piece))
        except BaseException:
            self._do(lambda line: _blobs.forget(line, [id]))
            raise
        return id

    def open_blob(self, id: str) -> Iterator[bytes]:
        count = self._look(lambda line: _blobs.count(line, id))
        return (self._ask(partial(_blobs.piece, id=id, place=place)) for place in range(count))

    def sweep_blobs(self) -> int:
        return self._do(lambda line: _blobs.sweep(line))

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        return self._look(lambda line: _chains.after(line, after, kinds, record, limit))

    def heads(self) -> Sequence[Head]:
        return self._ask(lambda line: _chains.heads(line))

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        return self._look(lambda line: _chains.check(line, noted))

    def archive(self, until: Instant) -> Sequence[Fact]:
        return self._do(lambda line: _chains.archive(line, until))

    # forgetting

    def purge(self, query: Query) -> int:
        """In small transactions: nobody waits long for it."""
        gone, some = 0, _PURGED_AT_ONCE
        while some == _PURGED_AT_ONCE:
            some = self._do(lambda line: _purges.purge(line, query, _PURGED_AT_ONCE))
            gone += some
        self._do(_purges.expire)
        return gone
