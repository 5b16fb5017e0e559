"""Which jobs of the memory store wait for their time, which are claimed, and who gets them next (J3, J4).

A queue holds an entry for every due time that a job was given. One whose job does not rest any more until then is passed over when it
comes up: what a write does to a job needs no taking back here.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job
from taskkit.states import TABLE, State, Step
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import Journal
from taskkit.storage._rows import DUE as DUE_AT
from taskkit.storage._rows import ID, LEASE, POOL, STATE, STATE_AT, Row, job_of

Entry = tuple[Instant, int, str]
Side = deque[Entry] | list[Entry]
DUE = frozenset({State.SCHEDULED, State.DEFERRED})
_DUE = frozenset(STATE_AT[state] for state in DUE)
_SPARE = 1000


class Queue:
    """A pool's jobs in order of due: entries that came in order stand in a row, which costs next to nothing, the others in a heap.

    What follows a job that ran comes in order where all run each day.
    """

    def __init__(self, pool: str, resting: dict[str, Row]) -> None:
        self._pool, self._resting = pool, resting
        self._row: deque[Entry] = deque()
        self._heap: list[Entry] = []
        self._most = _SPARE  # entries until it is cleared of those that do not count

    def __len__(self) -> int:
        return len(self._row) + len(self._heap)

    def add(self, entries: Iterable[Entry]) -> None:
        row, heap = self._row, self._heap
        for entry in entries:
            if not row or row[-1] < entry:
                row.append(entry)
            else:
                heapq.heappush(heap, entry)

    def clear(self) -> None:
        """Of entries that do not count, where there may be many of them."""
        if len(self) > self._most:
            self._row, self._heap = deque(sorted(set(filter(self._counts, chain(self._row, self._heap))))), []
            self._most = 2 * len(self._row) + _SPARE

    def _counts(self, entry: Entry) -> bool:
        """Whether its job rests here until then."""
        if (kept := self._resting.get(entry[2])) is None:
            return False
        common = kept[0]
        return common[DUE_AT] == entry[0] and common[STATE] in _DUE and common[POOL] == self._pool

    def first(self) -> Entry | None:
        """The first that counts; those before it are gone."""
        while side := self._side():
            if self._counts(side[0]):
                return side[0]
            self._drop(side)
        return None

    def take(self, now: Instant, most: int) -> Collection[Row]:
        """The first jobs that are due; whoever takes them has to take them up."""
        row, heap, resting, counts, taken = self._row, self._heap, self._resting, self._counts, dict[str, Row]()
        common, at = None, NEVER  # of the last one: with both, the next counts as well
        while len(taken) < most and (side := row if row and not (heap and heap[0] < row[0]) else heap) and side[0][0] <= now:
            due, _, id = entry = row.popleft() if side is row else heapq.heappop(heap)
            kept = resting.get(id)
            if kept is not None and ((kept[0] is common and due == at) or counts(entry)):
                taken[id] = kept
                common, at = kept[0], due
        return taken.values()

    def _side(self) -> Side:
        """Where the first entry stands."""
        row, heap = self._row, self._heap
        return row if row and not (heap and heap[0] < row[0]) else heap

    def _drop(self, side: Side) -> None:
        if side is self._row:
            self._row.popleft()
        else:
            heapq.heappop(self._heap)


class Dues:
    def __init__(self, journal: Journal, jobs: Jobs) -> None:
        self._jobs, self._number = jobs, jobs.number
        self._heaps: dict[str, Queue] = {}
        self._first_lease = NEVER  # no lease runs out earlier
        self._token = 0

    # writing

    def wait(self, job: Job) -> None:
        """From now on for this due time."""
        self._queue(job.pool).add(((job.due, self._number[job.id], job.id),))

    def wait_all(self, pool: str, due: Instant, numbers: Iterable[int], ids: Iterable[str]) -> None:
        """These for the same time, in the order of their numbers."""
        self._queue(pool).add(zip(repeat(due), numbers, ids))

    def _queue(self, pool: str) -> Queue:
        queue = self._heaps.get(pool)
        if queue is None:
            queue = self._heaps[pool] = Queue(pool, self._jobs.resting)
        return queue

    def lend(self, job: Job) -> None:
        """It is claimed until its lease runs out."""
        self._first_lease = min(self._first_lease, job.lease or 0)

    def clear(self) -> None:
        """After a write, when every job rests where it stands."""
        for queue in self._heaps.values():
            queue.clear()

    # claiming

    def claim(self, now: Instant, owner: dict[str, Any], pools: Sequence[str], limit: int) -> list[Job]:
        found = [self._rescue(row, owner, now) for row in self._lost(now, pools)[: max(0, limit)]]
        changes = {**owner, "state": State.QUEUED}
        queues = [queue for pool in dict.fromkeys(pools) if (queue := self._heaps.get(pool))]
        at_once = limit if len(queues) == 1 else 1  # those of several pools come in their common order
        while len(found) < limit and (queue := _first(now, queues)) is not None:
            found += self._given(queue.take(now, min(at_once, limit - len(found))), changes, now)
        return found

    def _given(self, rows: Collection[Row], changes: Mapping[str, Any], now: Instant) -> list[Job]:
        first, self._token = max(self._token + 1, now), max(self._token, now - 1) + len(rows)
        self._first_lease = min(self._first_lease, changes["lease"])
        return self._jobs.lend(rows, changes, first)

    def _rescue(self, row: Row, owner: dict[str, Any], now: Instant) -> Job:
        job = job_of(row)
        changes = {**owner, "state": TABLE[job.state][Step.RESCUE], "rescues": job.rescues + 1}
        return self._given([row], changes, now)[0]

    def _lost(self, now: Instant, pools: Sequence[str]) -> list[Row]:
        """Claimed jobs whose lease has run out, in order of due."""
        if now < self._first_lease:
            return []
        lent = self._jobs.lent.values()
        self._first_lease = min((row[0][LEASE] or 0 for row in lent), default=NEVER)
        lost = [row for row in lent if (row[0][LEASE] or 0) <= now and row[0][POOL] in pools]
        return sorted(lost, key=lambda row: (row[0][DUE_AT], self._number[row[ID]]))

    def next(self, pools: Sequence[str]) -> Instant | None:
        """When a claim could find something, at the earliest."""
        queues = (queue for pool in pools if (queue := self._heaps.get(pool)))
        dues = (first[0] for queue in queues if (first := queue.first()) is not None)
        leases = (row[0][LEASE] or 0 for row in self._jobs.lent.values() if row[0][POOL] in pools)
        return min(chain(dues, leases), default=None)


def _first(now: Instant, queues: Sequence[Queue]) -> Queue | None:
    """That whose first job is due before those of the others."""
    first: tuple[Entry, Queue] | None = None
    for queue in queues:
        entry = queue.first()
        if entry is not None and entry[0] <= now and (first is None or entry < first[0]):
            first = entry, queue
    return None if first is None else first[1]
