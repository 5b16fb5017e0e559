"""The store of this process: everything in dictionaries, gone with the process. It keeps the contracts of every other store."""

from __future__ import annotations

import heapq
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, Literal

from taskkit.facts import Fact, Fault, Head, Mark
from taskkit.instants import DAY, Instant
from taskkit.jobs import Cause, Job
from taskkit.states import CLAIMED, FINAL, TABLE, State, Step
from taskkit.storage import Claimed, Document, Query, Slice, Storage
from taskkit.storage._chains import Chains
from taskkit.storage._holds import Holds
from taskkit.storage._journal import Journal
from taskkit.storage.units import (
    LANDED,
    Absorb,
    Expect,
    Free,
    Hold,
    Insert,
    Join,
    Keep,
    Landed,
    Move,
    Name,
    Refusal,
    Tell,
    Unit,
    Wait,
)

_FIRES_KEPT = 90 * DAY
_UNCLAIMED = {"token": None, "lease": None, "worker": None}
_DUE = frozenset({State.SCHEDULED, State.DEFERRED})


class _Tables:
    """What all handles of one store share."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.journal = Journal()
        self.jobs: dict[str, Job] = {}
        self.order: dict[str, int] = {}
        self.causes: dict[str, dict[str, Cause]] = {}
        self.fires: dict[tuple[str, str, str], tuple[str, Instant]] = {}
        self.seats: dict[tuple[str, ...], str] = {}
        self.open: dict[tuple[str, str], dict[str, None]] = {}
        self.by: dict[tuple[str, str], dict[str, None]] = {}
        self.due: dict[str, list[tuple[Instant, int, str]]] = {}
        self.leases: list[tuple[Instant, str]] = []
        self.documents: dict[str, dict[str, Document]] = {}
        self.groups: dict[tuple[str, str], dict[str, None]] = {}
        self.blobs: dict[str, list[bytes]] = {}
        self.named: dict[str, str] = {}
        self.holds = Holds(self.journal)
        self.chains = Chains()
        self.numbers = count(1)
        self.token = 0


class MemoryStorage(Storage):
    """A handle on the store; `join` gives another one, as a second process would have it."""

    def __init__(self, _tables: _Tables | None = None) -> None:
        self._tables = _tables or _Tables()
        self.chain = os.urandom(6).hex()
        self._told: list[Fact] = []
        self._apply: dict[type[Any], Callable[[Any], Refusal | None]] = {
            Expect: self._expect, Insert: self._insert, Move: self._move, Join: self._join, Absorb: self._absorb, Hold: self._hold,
            Wait: self._wait, Free: self._free, Keep: self._keep, Tell: self._tell, Name: self._name,
        }  # fmt: skip

    def join(self) -> MemoryStorage:
        return MemoryStorage(self._tables)

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        with self._tables.lock:
            return [self._land(unit) for unit in units]

    def _land(self, unit: Unit) -> Landed:
        apply, journal = self._apply, self._tables.journal
        try:
            for change in unit:
                if (refusal := apply[type(change)](change)) is not None:
                    journal.take_back()
                    return Landed(refusal, change)
        except BaseException:
            journal.take_back()
            raise
        finally:
            told, self._told = self._told, []
        journal.keep()
        if told:
            self._append(told)
        return LANDED

    def _append(self, told: list[Fact]) -> None:
        chains = self._tables.chains
        if not chains.has(self.chain):
            chains.begin(self.chain, told[0].at)
        chains.append(self.chain, told)

    def _expect(self, change: Expect) -> Refusal | None:
        kept = self._tables.documents.get(change.table, {}).get(change.id)
        return None if (kept.revision if kept else 0) == change.revision else Refusal.REVISION

    def _insert(self, change: Insert) -> Refusal | None:
        tables, journal, job = self._tables, self._tables.journal, change.job
        if job.fire is not None and not self._keep_fire((job.line, job.record or "", job.fire), job):
            return Refusal.FIRE
        if job.seat is not None and job.is_pending:
            if job.seat in tables.seats:
                return Refusal.SEAT
            journal.put(tables.seats, job.seat, job.id)
        journal.put(tables.jobs, job.id, job)
        journal.put(tables.order, job.id, next(tables.numbers))
        self._index(job)
        for cause in change.causes:
            if not self._add_cause(job, cause):
                return Refusal.FIRE
        self._schedule(job)
        return None

    def _index(self, job: Job) -> None:
        tables, put = self._tables, self._tables.journal.put
        put(tables.open.setdefault((job.line, job.record or ""), {}), job.id, None)
        put(tables.by.setdefault(("line", job.line), {}), job.id, None)
        if job.record is not None:
            put(tables.by.setdefault(("record", job.record), {}), job.id, None)
        if job.execution is not None:
            put(tables.by.setdefault(("execution", job.execution), {}), job.id, None)

    def _keep_fire(self, fire: tuple[str, str, str], job: Job) -> bool:
        if fire in self._tables.fires:
            return False
        self._tables.journal.put(self._tables.fires, fire, (job.id, job.created))
        return True

    def _add_cause(self, job: Job, cause: Cause) -> bool:
        if not self._keep_fire((job.line, job.record or "", cause.fire), job):
            return False
        self._tables.journal.put(self._tables.causes.setdefault(job.id, {}), cause.fire, cause)
        return True

    def _schedule(self, job: Job) -> None:
        """An entry that no longer fits its job is passed over when it comes up."""
        if job.state in _DUE:
            heapq.heappush(self._tables.due.setdefault(job.pool, []), (job.due, self._tables.order[job.id], job.id))

    def _move(self, change: Move) -> Refusal | None:
        job = self._tables.jobs.get(change.job)
        if job is None:
            return Refusal.ABSENT
        if job.state in CLAIMED:
            if change.token is None or job.token != change.token:
                return Refusal.TOKEN if change.token is not None else Refusal.REVISION
        elif job.revision != change.revision:
            return Refusal.REVISION if change.token is None else Refusal.TOKEN
        after = TABLE[job.state].get(change.step)
        if after is None:
            return Refusal.STEP
        return self._become(job, after, change)

    def _become(self, job: Job, state: State, change: Move) -> Refusal | None:
        fields = {**change.fields, "state": state, "revision": job.revision + 1}
        if job.state in CLAIMED and state not in CLAIMED:
            fields.update(_UNCLAIMED)
        moved = job.with_(fields)
        if (refusal := self._reseat(job, moved)) is not None:
            return refusal
        if moved.fire != job.fire and (refusal := self._refire(job, moved)) is not None:
            return refusal
        tables, journal = self._tables, self._tables.journal
        journal.put(tables.jobs, job.id, moved)
        if state in FINAL:
            journal.drop(tables.open.get((job.line, job.record or ""), {}), job.id)
            tables.holds.free(job.id)
        elif state in CLAIMED:
            if moved.lease != job.lease and moved.lease is not None:
                heapq.heappush(tables.leases, (moved.lease, job.id))
        elif moved.due != job.due or job.state is not state or moved.pool != job.pool:
            self._schedule(moved)
        return None

    def _reseat(self, job: Job, moved: Job) -> Refusal | None:
        """A seat belongs to a job while it is pending; one that comes back to an occupied seat stands beside it."""
        tables, journal = self._tables, self._tables.journal
        if job.is_pending == moved.is_pending and job.line == moved.line and job.record == moved.record and job.via == moved.via:
            return None
        if (seat := job.seat) is not None and tables.seats.get(seat) == job.id:
            journal.drop(tables.seats, seat)
        if (seat := moved.seat) is not None and moved.is_pending:
            if seat not in tables.seats:
                journal.put(tables.seats, seat, job.id)
            elif job.is_pending:
                return Refusal.SEAT
        if (job.line, job.record) != (moved.line, moved.record):
            journal.drop(tables.open.get((job.line, job.record or ""), {}), job.id)
            self._index(moved)
        return None

    def _refire(self, job: Job, moved: Job) -> Refusal | None:
        if job.fire is not None:
            self._tables.journal.drop(self._tables.fires, (job.line, job.record or "", job.fire))
        if moved.fire is not None and not self._keep_fire((moved.line, moved.record or "", moved.fire), moved):
            return Refusal.FIRE
        return None

    def _join(self, change: Join) -> Refusal | None:
        cause = change.cause
        job = self._tables.jobs.get(cause.job)
        if job is None or job.state in FINAL or (job.turned_at is not None and job.turned_at <= cause.at):
            return Refusal.TURNED
        if not self._add_cause(job, cause):
            return Refusal.FIRE
        if job.is_pending and cause.due < job.due:
            joined = job.with_({"due": cause.due})
            self._tables.journal.put(self._tables.jobs, job.id, joined)
            self._schedule(joined)
        return None

    def _absorb(self, change: Absorb) -> Refusal | None:
        tables, journal = self._tables, self._tables.journal
        into = tables.causes.setdefault(change.into, {})
        for fire, cause in list(tables.causes.get(change.job, {}).items()):
            journal.drop(tables.causes[change.job], fire)
            journal.put(into, fire, cause)
        return None

    def _hold(self, change: Hold) -> Refusal | None:
        return None if self._tables.holds.take(change) else Refusal.BUSY

    def _wait(self, change: Wait) -> None:
        self._tables.holds.wait(change.hold)

    def _free(self, change: Free) -> None:
        self._tables.holds.free(change.job)

    def _keep(self, change: Keep) -> Refusal | None:
        tables, journal = self._tables, self._tables.journal
        table = tables.documents.setdefault(change.table, {})
        kept = table.get(change.id)
        if (kept.revision if kept else 0) != change.revision:
            return Refusal.REVISION
        if kept and (change.body is None or kept.group != change.group):
            journal.drop(tables.groups.get((change.table, kept.group), {}), change.id)
        if change.body is None:
            journal.drop(table, change.id)
            return None
        journal.put(table, change.id, Document(change.id, change.revision + 1, dict(change.body), change.group))
        journal.put(tables.groups.setdefault((change.table, change.group), {}), change.id, None)
        return None

    def _tell(self, change: Tell) -> None:
        self._told.append(change.fact)

    def _name(self, change: Name) -> Refusal | None:
        if change.blob not in self._tables.blobs:
            return Refusal.ABSENT
        self._tables.journal.put(self._tables.named, change.blob, change.job)
        return None

    # claiming

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        with self._tables.lock:
            owner = {"worker": worker, "node": node, "lease": lease}
            found = [self._give(job, Step.RESCUE, owner, now) for job in self._expired(now, pools, limit)]
            found += [self._give(job, Step.CLAIM, owner, now) for job in self._due(now, pools, limit - len(found))]
            self._tables.journal.keep()
            return found

    def _give(self, job: Job, step: Step, owner: dict[str, Any], now: Instant) -> Claimed:
        tables = self._tables
        tables.token = max(tables.token + 1, now)
        rescued = step is Step.RESCUE
        claimed = job.with_(
            {
                **owner,
                "token": tables.token,
                "state": TABLE[job.state][step],
                "revision": job.revision + 1,
                "rescues": job.rescues + rescued,
            }
        )
        tables.jobs[job.id] = claimed
        heapq.heappush(tables.leases, (claimed.lease or 0, job.id))
        if not rescued and job.seat is not None and tables.seats.get(job.seat) == job.id:
            del tables.seats[job.seat]
        causes = tables.causes.get(job.id)
        beside = tables.seats.get(("fired", job.line, job.record or ""))
        return Claimed(claimed, tuple(causes.values()) if causes else (), tables.jobs[beside] if beside else None)

    def _expired(self, now: Instant, pools: Sequence[str], limit: int) -> Iterator[Job]:
        leases, foreign, given = self._tables.leases, [], 0
        while leases and leases[0][0] <= now and given < limit:
            lease, id = entry = heapq.heappop(leases)
            job = self._tables.jobs.get(id)
            if job is None or job.state not in CLAIMED or job.lease != lease:
                continue
            if job.pool in pools:
                given += 1
                yield job
            else:
                foreign.append(entry)
        for entry in foreign:
            heapq.heappush(leases, entry)

    def _due(self, now: Instant, pools: Sequence[str], limit: int) -> Iterator[Job]:
        for _ in range(limit):
            heaps = [heap for heap in (self._live(pool) for pool in pools) if heap and heap[0][0] <= now]
            if not heaps:
                return
            yield self._tables.jobs[heapq.heappop(min(heaps, key=_first))[2]]

    def _live(self, pool: str) -> list[tuple[Instant, int, str]]:
        """The pool's due jobs, its first entry one that still fits its job."""
        heap, jobs = self._tables.due.get(pool, []), self._tables.jobs
        while heap:
            due, _, id = heap[0]
            job = jobs.get(id)
            if job is not None and job.due == due and job.state in _DUE and job.pool == pool:
                break
            heapq.heappop(heap)
        return heap

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        with self._tables.lock:
            first = [heap[0][0] for heap in (self._live(pool) for pool in pools) if heap]
            leases = self._tables.leases
            while leases and ((job := self._tables.jobs.get(leases[0][1])) is None or job.lease != leases[0][0]):
                heapq.heappop(leases)
            first += [leases[0][0]] if leases else []
            return min(first, default=None)

    # reading

    def job(self, id: str) -> Job | None:
        return self._tables.jobs.get(id)

    def causes(self, job: str) -> Sequence[Cause]:
        with self._tables.lock:
            return tuple(self._tables.causes.get(job, {}).values())

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        with self._tables.lock:
            id = self._tables.seats.get(seat)
            return self._tables.jobs[id] if id else None

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        with self._tables.lock:
            return [self._tables.jobs[id] for id in self._tables.open.get((line, record or ""), ())]

    def jobs(self, query: Query, *, order: Literal["due", "newest"] = "newest", page: str | None = None, limit: int = 100) -> Slice:
        with self._tables.lock:
            place = self._by_due if order == "due" else self._by_age
            found = sorted((place(job), job) for job in self._matching(query)) if not page else self._after(query, place, page)
            chosen = [job for _, job in found[:limit]]
            return Slice(chosen, ":".join(map(str, place(chosen[-1]))) if len(found) > limit else None)

    def _after(self, query: Query, place: Callable[[Job], tuple[int, int]], page: str) -> list[tuple[tuple[int, int], Job]]:
        first, second = page.split(":")
        return sorted((at, job) for job in self._matching(query) if (at := place(job)) > (int(first), int(second)))

    def _by_due(self, job: Job) -> tuple[int, int]:
        return job.due, self._tables.order[job.id]

    def _by_age(self, job: Job) -> tuple[int, int]:
        """A job's place never changes: what is added while somebody pages stands before the first page."""
        return 0, -self._tables.order[job.id]

    def _matching(self, query: Query) -> Iterator[Job]:
        return (job for job in self._near(query) if _fits(job, query))

    def _near(self, query: Query) -> Iterable[Job]:
        by, jobs = self._tables.by, self._tables.jobs
        for name in ("execution", "record", "line"):
            if (value := getattr(query, name)) is not None:
                return [jobs[id] for id in by.get((name, value), ())]
        return jobs.values()

    def count(self, query: Query) -> int:
        with self._tables.lock:
            return sum(1 for _ in self._matching(query))

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        with self._tables.lock:
            return [self._tables.jobs[id] for id in self._tables.holds.fitting(keys)]

    def holders(self, key: str) -> Sequence[str]:
        with self._tables.lock:
            return self._tables.holds.holders(key)

    def document(self, table: str, id: str) -> Document | None:
        found = self._tables.documents.get(table)
        return found.get(id) if found else None

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        with self._tables.lock:
            kept = self._tables.documents.get(table, {})
            ids: Iterable[str] = kept if group is None else self._tables.groups.get((table, group), ())
            return [kept[id] for id in sorted(id for id in ids if id > after)[:limit]]

    # blobs

    def put_blob(self, pieces: Iterable[bytes]) -> str:
        kept = [bytes(piece) for piece in pieces]
        id = os.urandom(12).hex()
        with self._tables.lock:
            self._tables.blobs[id] = kept
        return id

    def open_blob(self, id: str) -> Iterator[bytes]:
        return iter(self._tables.blobs[id] if id in self._tables.named else ())

    def sweep_blobs(self) -> int:
        with self._tables.lock:
            nameless = [id for id in self._tables.blobs if id not in self._tables.named]
            for id in nameless:
                del self._tables.blobs[id]
            return len(nameless)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        with self._tables.lock:
            return self._tables.chains.after(after, kinds, record, limit)

    def heads(self) -> Sequence[Head]:
        with self._tables.lock:
            return self._tables.chains.heads()

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        with self._tables.lock:
            return self._tables.chains.check(noted)

    def archive(self, until: Instant) -> Sequence[Fact]:
        with self._tables.lock:
            return self._tables.chains.archive(until)

    def purge(self, query: Query) -> int:
        with self._tables.lock:
            tables = self._tables
            gone = [job for job in self._matching(query) if job.state in FINAL]
            for job in gone:
                del tables.jobs[job.id], tables.order[job.id]
                tables.causes.pop(job.id, None)
                for name, value in (("line", job.line), ("record", job.record), ("execution", job.execution)):
                    tables.by.get((name, value or ""), {}).pop(job.id, None)
            newest = max((at for _, at in tables.fires.values()), default=0)
            tables.fires = {fire: kept for fire, kept in tables.fires.items() if kept[0] in tables.jobs or kept[1] > newest - _FIRES_KEPT}
            return len(gone)


def _first(heap: list[tuple[Instant, int, str]]) -> tuple[Instant, int, str]:
    return heap[0]


def _fits(job: Job, query: Query) -> bool:
    return (
        (query.states is None or job.state in query.states)
        and (query.kinds is None or job.kind in query.kinds)
        and (query.record is None or job.record == query.record)
        and (query.line is None or job.line == query.line)
        and (query.lines is None or job.line in query.lines)
        and (query.task is None or job.task == query.task)
        and (query.trigger is None or job.trigger[0] == query.trigger)
        and (query.execution is None or job.execution == query.execution)
        and (query.why is None or job.why == query.why)
        and (query.host is None or job.host == query.host)
        and (query.account is None or job.account == query.account)
        and (query.since is None or job.created >= query.since)
        and (query.until is None or (job.ended or job.created) < query.until)
    )
