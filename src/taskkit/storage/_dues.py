"""Which jobs of the memory store wait for their time, which are claimed, and who gets them next (J3, J4).

A heap holds an entry for every due time that a job was given; one that does not count any more is passed over when it comes up.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any

from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job
from taskkit.states import CLAIMED, TABLE, State, Step
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import ABSENT, Journal

Entry = tuple[Instant, int, str]
Heap = list[Entry]
DUE = frozenset({State.SCHEDULED, State.DEFERRED})
_SPARE = 1000


class Dues:
    def __init__(self, journal: Journal, jobs: Jobs) -> None:
        self._log, self._jobs, self._in_hand, self._number = journal.log, jobs, jobs.in_hand, jobs.number
        self._heaps: dict[str, Heap] = {}
        self._waiting: defaultdict[str, dict[str, Instant]] = defaultdict(dict)  # of each pool, with the due time that counts
        self._most: dict[str, int] = {}  # entries until a heap is cleared of those that do not count
        self._claimed: dict[str, None] = {}
        self._first_lease = NEVER  # no lease runs out earlier
        self._token = 0

    # writing

    def wait(self, job: Job) -> None:
        """From now on for this due time. The entry in the heap needs no taking back: it does not count then."""
        pool, id = job.pool, job.id
        waiting = self._waiting[pool]
        self._log += (waiting, id, waiting.get(id, ABSENT))
        waiting[id] = job.due
        heap = self._heaps.get(pool)
        if heap is None:
            heap = self._heaps[pool] = []
        heapq.heappush(heap, (job.due, self._number[id], id))
        if len(heap) > self._most.get(pool, _SPARE):
            self._clear(pool, heap)

    def _clear(self, pool: str, heap: Heap) -> None:
        heap[:] = {entry for entry in heap if self._counts(entry, pool)}
        heapq.heapify(heap)
        self._most[pool] = 2 * len(heap) + _SPARE

    def wait_no_more(self, job: Job) -> None:
        waiting = self._waiting[job.pool]
        if job.id in waiting:
            self._log += (waiting, job.id, waiting[job.id])
            del waiting[job.id]

    def lend(self, job: Job) -> None:
        """It is claimed until its lease runs out."""
        if job.id not in self._claimed:
            self._log += (self._claimed, job.id, ABSENT)
            self._claimed[job.id] = None
        self._first_lease = min(self._first_lease, job.lease or 0)

    def give_back(self, job: str) -> None:
        if job in self._claimed:
            self._log += (self._claimed, job, None)
            del self._claimed[job]

    # claiming

    def claim(self, now: Instant, owner: dict[str, Any], pools: Sequence[str], limit: int) -> list[Job]:
        found = [self._rescue(job, owner, now) for job in self._lost(now, pools)[: max(0, limit)]]
        heaps = [(pool, heap) for pool in dict.fromkeys(pools) if (heap := self._heaps.get(pool))]
        while len(found) < limit and (first := self._first(now, heaps)) is not None:
            pool, heap = first
            id = heapq.heappop(heap)[2]
            del self._waiting[pool][id]
            found.append(self._give(id, {**owner, "state": State.QUEUED}, now))
        return found

    def _give(self, id: str, changes: dict[str, Any], now: Instant) -> Job:
        self._token = changes["token"] = max(self._token + 1, now)
        claimed = self._jobs.take_up(id, changes)
        self._claimed[id] = None
        self._first_lease = min(self._first_lease, changes["lease"])
        return claimed

    def _rescue(self, job: Job, owner: dict[str, Any], now: Instant) -> Job:
        return self._give(job.id, {**owner, "state": TABLE[job.state][Step.RESCUE], "rescues": job.rescues + 1}, now)

    def _lost(self, now: Instant, pools: Sequence[str]) -> list[Job]:
        """Claimed jobs whose lease has run out, in order of due."""
        if now < self._first_lease:
            return []
        claimed = [self._in_hand[id] for id in self._claimed]
        self._first_lease = min((job.lease or 0 for job in claimed), default=NEVER)
        lost = [job for job in claimed if (job.lease or 0) <= now and job.pool in pools and job.state in CLAIMED]
        return sorted(lost, key=lambda job: (job.due, self._number[job.id]))

    def _first(self, now: Instant, heaps: Sequence[tuple[str, Heap]]) -> tuple[str, Heap] | None:
        """The pool whose job is due first, and its heap."""
        first: tuple[str, Heap] | None = None
        for pool, heap in heaps:
            while heap and not self._counts(heap[0], pool):
                heapq.heappop(heap)
            if heap and heap[0][0] <= now and (first is None or heap[0] < first[1][0]):
                first = pool, heap
        return first

    def _counts(self, entry: Entry, pool: str) -> bool:
        return self._waiting[pool].get(entry[2]) == entry[0]

    def next(self, pools: Sequence[str]) -> Instant | None:
        """When a claim could find something, at the earliest."""
        for pool in pools:
            heap = self._heaps.get(pool, [])
            while heap and not self._counts(heap[0], pool):
                heapq.heappop(heap)
        dues = (self._heaps[pool][0][0] for pool in pools if self._heaps.get(pool))
        leases = (job.lease or 0 for job in map(self._in_hand.__getitem__, self._claimed) if job.pool in pools)
        return min(chain(dues, leases), default=None)
