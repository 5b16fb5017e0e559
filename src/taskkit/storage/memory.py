"""The store of this process: everything in dictionaries, gone with the process. It keeps the contracts of every other store."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

from taskkit.facts import Fact, FactKey, FactKeys, Fault, Head, Mark
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.records import EMPTY
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage, _queries
from taskkit.storage._chains import Chains
from taskkit.storage._keepable import must_be_keepable, must_be_texts
from taskkit.storage._nights import Nights
from taskkit.storage._pages import id_at, many
from taskkit.storage._purges import Purge
from taskkit.storage._rooms import Rooms
from taskkit.storage.units import Landed, Unit


class _Tables:
    """What all handles of one store share."""

    def __init__(self) -> None:
        self.lock, self.rooms, self.chains = threading.RLock(), Rooms(), Chains()
        self.rooms.nights = Nights(self.rooms).of

    def is_claimed(self, id: str) -> bool:
        return id in self.rooms.jobs.lent


class MemoryStorage(Storage):
    """A handle on the store; `join` gives another one, as a second process would have it."""

    #: Its writes wait for nothing; and of many jobs at once, the garbage collector looks at each several times.
    portion = 200

    def __init__(self, _tables: _Tables | None = None) -> None:
        tables = self._tables = _tables or _Tables()
        self.chain = os.urandom(6).hex()
        self._keys: FactKeys = EMPTY
        self._key: FactKey | None = None
        self._lock, self._rooms, self._jobs = tables.lock, tables.rooms, tables.rooms.jobs

    def join(self) -> MemoryStorage:
        return MemoryStorage(self._tables)

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        must_be_keepable(units)
        rooms = self._rooms
        with self._lock:
            try:
                landed = rooms.land_all(units)
                if rooms.told:
                    self._tables.chains.append(self.chain, rooms.told, self._key)
            except BaseException:  # one transaction: what broke off leaves nothing behind
                rooms.journal.take_back()
                raise
            finally:
                rooms.journal.log.clear()
                rooms.told.clear()
                self._jobs.lay_down()
                rooms.dues.clear()
            return landed

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        must_be_texts(worker, node)
        with self._lock:
            owner = {"worker": worker, "node": node, "lease": lease}
            fires, of_jobs, beside = self._rooms.fires, self._rooms.fires.of_jobs, self._jobs.beside
            claimed = self._rooms.dues.claim(now, owner, pools, limit)
            return [Claimed(job, fires.causes(job.id) if job.id in of_jobs else (), beside(job)) for job in claimed]

    # reading

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        with self._lock:
            return self._rooms.dues.next(pools)

    def job(self, id: str) -> Job | None:
        with self._lock:
            return self._jobs.get(id)

    def causes(self, job: str) -> Sequence[Cause]:
        with self._lock:
            return self._rooms.fires.causes(job)

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        with self._lock:
            return self._jobs.seated(seat)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        with self._lock:
            return self._jobs.open(line, record)

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        with self._lock:
            return _queries.page(self._jobs, query, order, page, limit)

    def count(self, query: Query) -> int:
        with self._lock:
            return _queries.count(self._jobs, query)

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        with self._lock:
            return [job for id in self._rooms.holds.fitting(keys) if (job := self._jobs.get(id))]

    def holders(self, key: str) -> Sequence[str]:
        with self._lock:
            return self._rooms.holds.holders(key)

    def document(self, table: str, id: str) -> Document | None:
        with self._lock:
            return self._rooms.documents.get(table, id)

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        with self._lock:
            kept = self._rooms.documents.tables.get(table)
            return {id: document for id in ids if (document := kept.get(id)) is not None} if kept else {}

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        with self._lock:
            return self._rooms.documents.page(table, group, id_at(after), many(limit))

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        must_be_texts(job)
        kept = [bytes(piece) for piece in pieces]
        with self._lock:
            return self._rooms.blobs.put(kept, job)

    def open_blob(self, id: str) -> Iterator[bytes]:
        with self._lock:
            return iter(self._rooms.blobs.pieces(id))

    def sweep_blobs(self) -> int:
        with self._lock:
            return self._rooms.blobs.sweep(self._tables.is_claimed)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        with self._lock:
            return self._tables.chains.after(after, kinds, record, many(limit))

    def story(self, at: Instant, *, line: str | None, record: str | None, limit: int = 100) -> Sequence[Fact]:
        with self._lock:
            return self._tables.chains.stories.around(at, (line, record), many(limit))

    def heads(self) -> Sequence[Head]:
        with self._lock:
            return self._tables.chains.heads()

    def key_facts(self, keys: FactKeys, current: str) -> None:
        with self._lock:
            self._keys, self._key, self.chain = keys, keys[current], os.urandom(6).hex()

    def keyed(self) -> Mapping[str, int]:
        with self._lock:
            return self._tables.chains.keyed()

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        with self._lock:
            return self._tables.chains.check(noted, self._keys)

    def archive(self, upto: Mark) -> int:
        with self._lock:
            return self._tables.chains.archive(upto)

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        return Purge(self._lock, self._rooms, queries).carry_out()
