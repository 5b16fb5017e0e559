"""A store in a database: writes are decided in rooms like those of the memory store, claims and reads are questions."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from taskkit.facts import Fact, Fault, Head, Mark
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage
from taskkit.storage.sql import _blobs, _chains, _claims, _documents, _purges, _queries
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._loading import loaded, waiting
from taskkit.storage.sql._rows import JOB, cause_of, job_of, place_of
from taskkit.storage.sql._saving import save
from taskkit.storage.sql._scribe import Scribe
from taskkit.storage.units import Landed, Unit

_PURGED_AT_ONCE = 500


class SqlStorage(Storage):
    """What all databases share. A handle has one line for writing, and as many for reading as there are readers at one time."""

    def __init__(self) -> None:
        self.chain = os.urandom(6).hex()
        self._head: Head | None = None
        self._scribe, self._readers = Scribe(self._write), list[Line]()
        self._writer = self.line()
        self._prepare(self._writer)

    @abstractmethod
    def line(self) -> Line:
        """A new connection."""

    def _prepare(self, line: Line) -> None:
        """The tables, as this version wants them."""
        with line.writing(durable=True):
            line.make()

    def close(self) -> None:
        """Give the connections back; the store is not used any more."""
        with self._scribe.pen:
            for line in (self._writer, *self._readers):
                line.close()
            self._readers.clear()

    @contextmanager
    def _reading(self) -> Iterator[Line]:
        line = self._readers.pop() if self._readers else self.line()
        try:
            with line.reading():
                yield line
        except BaseException:
            line.close()
            raise
        self._readers.append(line)

    @contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[Line]:
        with self._scribe.pen, self._writer.writing(durable=durable):
            yield self._writer

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return self._scribe.write(units, durable=durable) if units else ()

    def _write(self, units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        head = self._head
        with self._writing(durable=durable) as line:
            rooms = loaded(line, units)
            answers = [rooms.land(unit) for unit in units]
            save(line, rooms)
            if rooms.told:
                head = _chains.append(line, self.chain, head, rooms.told)
        self._head = head
        return answers

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        if limit <= 0:
            return ()
        with self._writing(durable=False) as line:
            jobs = _claims.claim(line, now, {"worker": worker, "node": node, "lease": lease}, pools, limit)
            return _claims.seen(line, jobs) if jobs else ()

    # reading jobs

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        with self._reading() as line:
            return _claims.next_due(line, pools)

    def job(self, id: str) -> Job | None:
        with self._reading() as line:
            return next(map(job_of, line.rows(f"SELECT {JOB} FROM taskkit_jobs WHERE id = ?", id)), None)  # noqa: S608  our own words

    def causes(self, job: str) -> Sequence[Cause]:
        with self._reading() as line:
            rows = line.rows("SELECT cause FROM taskkit_causes WHERE job = ? ORDER BY place", job)
        return tuple(cause_of(job, text) for (text,) in rows)

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        return next((job for job in self.open_jobs(seat[1], seat[2] or None) if job.is_pending and job.seat == seat), None)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        sql = f"SELECT {JOB} FROM taskkit_jobs WHERE place = ? AND over IS NULL ORDER BY number"  # noqa: S608
        with self._reading() as asked:
            return [job_of(row) for row in asked.rows(sql, place_of(line, record))]

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        with self._reading() as line:
            return _queries.page(line, query, order, page, limit)

    def count(self, query: Query) -> int:
        wanted, values = _queries.where(query)
        with self._reading() as line:
            [(count,)] = line.rows(f"SELECT count(*) FROM taskkit_jobs WHERE {wanted}", *values)  # noqa: S608
            return int(count)

    # holds

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        wanted = list(dict.fromkeys(keys))
        with self._reading() as line:
            rooms = waiting(line, wanted)
        return [job for id in rooms.holds.fitting(wanted) if (job := rooms.jobs.get(id)) is not None]

    def holders(self, key: str) -> Sequence[str]:
        with self._reading() as line:
            return [job for (job,) in line.rows("SELECT DISTINCT job FROM taskkit_holds WHERE key = ? AND waits = 0 ORDER BY job", key)]

    # documents

    def document(self, table: str, id: str) -> Document | None:
        with self._reading() as line:
            return _documents.one(line, table, id)

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        with self._reading() as line:
            return _documents.page(line, table, group, after, limit)

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        """Each piece in a transaction of its own: however long the pieces take to come, nobody waits for them."""
        id = os.urandom(12).hex()
        with self._writing() as line:
            _blobs.begin(line, id, job)
        try:
            for place, piece in enumerate(_blobs.in_pieces(pieces)):
                with self._writing() as line:
                    _blobs.add(line, id, place, piece)
        except BaseException:
            with self._writing() as line:
                _blobs.forget(line, [id])
            raise
        return id

    def open_blob(self, id: str) -> Iterator[bytes]:
        with self._reading() as line:
            count = _blobs.count(line, id)
        return (self._piece(id, place) for place in range(count))

    def _piece(self, id: str, place: int) -> bytes:
        with self._reading() as line:
            return _blobs.piece(line, id, place)

    def sweep_blobs(self) -> int:
        with self._writing() as line:
            return _blobs.sweep(line)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        with self._reading() as line:
            return _chains.after(line, after, kinds, record, limit)

    def heads(self) -> Sequence[Head]:
        with self._reading() as line:
            return _chains.heads(line)

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        with self._reading() as line:
            return _chains.check(line, noted)

    def archive(self, until: Instant) -> Sequence[Fact]:
        with self._writing() as line:
            return _chains.archive(line, until)

    # forgetting

    def purge(self, query: Query) -> int:
        """In small transactions: nobody waits long for it."""
        gone, some = 0, _PURGED_AT_ONCE
        while some == _PURGED_AT_ONCE:
            with self._writing() as line:
                some = _purges.purge(line, query, _PURGED_AT_ONCE)
                gone += some
        with self._writing() as line:
            _purges.expire(line)
        return gone
