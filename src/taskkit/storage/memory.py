"""The store of this process: everything in dictionaries, gone with the process. It keeps the contracts of every other store."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from taskkit.facts import Fact, Fault, Head, Mark
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.states import CLAIMED, FINAL
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage, _queries
from taskkit.storage._blobs import Blobs
from taskkit.storage._chains import Chains
from taskkit.storage._documents import Documents
from taskkit.storage._dues import Dues
from taskkit.storage._fires import Fires
from taskkit.storage._holds import Holds
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import Journal
from taskkit.storage._steps import Steps
from taskkit.storage.units import LANDED, Absorb, Expect, Free, Hold, Insert, Join, Keep, Landed, Move, Name, Refusal, Unit, Wait


class _Tables:
    """What all handles of one store share."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        journal = self.journal = Journal()
        self.jobs, self.fires = Jobs(journal), Fires(journal)
        self.dues, self.holds = Dues(journal, self.jobs), Holds(journal, self.jobs)
        self.documents, self.blobs, self.chains = Documents(journal), Blobs(journal), Chains()
        steps = Steps(journal, self.jobs, self.fires, self.dues, self.holds)
        self.apply: dict[type[Any], Callable[[Any], Refusal | None]] = {
            Expect: self.documents.expect, Insert: steps.insert, Move: steps.move, Join: steps.join, Absorb: steps.absorb,
            Hold: self.holds.take, Wait: self.holds.wait, Free: self.holds.release, Keep: self.documents.keep, Name: self.blobs.name,
        }  # fmt: skip

    def is_claimed(self, id: str) -> bool:
        job = self.jobs.in_hand.get(id)
        return job is not None and job.state in CLAIMED


class MemoryStorage(Storage):
    """A handle on the store; `join` gives another one, as a second process would have it."""

    def __init__(self, _tables: _Tables | None = None) -> None:
        tables = self._tables = _tables or _Tables()
        self.chain = os.urandom(6).hex()
        self._lock, self._journal, self._jobs, self._freed = tables.lock, tables.journal, tables.jobs, tables.holds.freed
        self._told: list[Fact] = []
        self._apply: dict[type[Any], Callable[[Any], Refusal | None]] = {**tables.apply, Fact: self._told.append}

    def join(self) -> MemoryStorage:
        return MemoryStorage(self._tables)

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        with self._lock:
            try:
                landed = [self._land(unit) for unit in units]
                if self._told:
                    self._tables.chains.append(self.chain, self._told)
            except BaseException:  # one transaction: what broke off leaves nothing behind
                self._journal.take_back()
                raise
            finally:
                self._journal.log.clear()
                self._told.clear()
                self._jobs.lay_down()
            return landed

    def _land(self, unit: Unit) -> Landed:
        apply, freed, mark, told = self._apply, self._freed, len(self._journal.log), len(self._told)
        freed.clear()
        for change in unit:
            if (refusal := apply[type(change)](change)) is not None:
                self._journal.take_back(mark)
                del self._told[told:]
                return Landed(refusal, change)
        return Landed(freed=tuple(dict.fromkeys(freed))) if freed else LANDED

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        with self._lock:
            owner = {"worker": worker, "node": node, "lease": lease}
            return [self._claimed(job) for job in self._tables.dues.claim(now, owner, pools, limit)]

    def _claimed(self, job: Job) -> Claimed:
        seat = "fired", job.line, job.record or ""
        return Claimed(job, self._tables.fires.causes(job.id), self._jobs.seated(seat))

    # reading

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        with self._lock:
            return self._tables.dues.next(pools)

    def job(self, id: str) -> Job | None:
        with self._lock:
            return self._jobs.get(id)

    def causes(self, job: str) -> Sequence[Cause]:
        with self._lock:
            return self._tables.fires.causes(job)

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
            return [job for id in self._tables.holds.fitting(keys) if (job := self._jobs.get(id))]

    def holders(self, key: str) -> Sequence[str]:
        with self._lock:
            return self._tables.holds.holders(key)

    def document(self, table: str, id: str) -> Document | None:
        with self._lock:
            return self._tables.documents.get(table, id)

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        with self._lock:
            return self._tables.documents.page(table, group, after, limit)

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        kept = [bytes(piece) for piece in pieces]
        with self._lock:
            return self._tables.blobs.put(kept, job)

    def open_blob(self, id: str) -> Iterator[bytes]:
        with self._lock:
            return iter(self._tables.blobs.pieces(id))

    def sweep_blobs(self) -> int:
        with self._lock:
            return self._tables.blobs.sweep(self._tables.is_claimed)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        with self._lock:
            return self._tables.chains.after(after, kinds, record, limit)

    def heads(self) -> Sequence[Head]:
        with self._lock:
            return self._tables.chains.heads()

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        with self._lock:
            return self._tables.chains.check(noted)

    def archive(self, until: Instant) -> Sequence[Fact]:
        with self._lock:
            return self._tables.chains.archive(until)

    def purge(self, query: Query) -> int:
        with self._lock:
            jobs, fires = self._jobs, self._tables.fires
            gone = [job for job in _queries.found(jobs, query) if job.state in FINAL]
            for job in gone:
                fires.forget(job)
                jobs.forget(job)
            fires.expire(jobs.last)
            self._tables.blobs.forget({job.id for job in gone})
            return len(gone)
