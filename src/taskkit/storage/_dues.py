"""Which jobs of the memory store wait for their time, which are claimed, and who gets them next (J3, J4).

A queue holds an entry for every due time that a job was given; one that does not count any more is passed over when it comes up.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from taskkit.instants import NEVER, Instant
from taskkit.jobs import PLACES, Job
from taskkit.states import TABLE, State, Step
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import ABSENT, Journal

Entry = tuple[Instant, int, str]
Side = deque[Entry] | list[Entry]
DUE = frozenset({State.SCHEDULED, State.DEFERRED})
_SPARE = 1000


class Queue:
    """A pool's jobs in order of due: entries that came in order stand in a row, which costs next to nothing, the others in a heap.

    What follows a job that ran comes in order where all run each day.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, Instant] = {}  # the due time of each job that counts
        self._row: deque[Entry] = deque()
        self._heap: list[Entry] = []
        self._most = _SPARE  # entries until it is cleared of those that do not count

    def __len__(self) -> int:
        return len(self._row) + len(self._heap)

    def add(self, entry: Entry) -> None:
        row, heap = self._row, self._heap
        if not row or row[-1] < entry:
            row.append(entry)
        else:
            heapq.heappush(heap, entry)
        if len(row) + len(heap) > self._most:
            self._clear()

    def _clear(self) -> None:
        self._row, self._heap = deque(sorted(set(filter(self._counts, chain(self._row, self._heap))))), []
        self._most = 2 * len(self._row) + _SPARE

    def _counts(self, entry: Entry) -> bool:
        return self.waiting.get(entry[2]) == entry[0]

    def first(self) -> Entry | None:
        """The first that counts; those before it are gone."""
        while side := self._side():
            entry = side[0]
            if self.waiting.get(entry[2]) == entry[0]:
                return entry
            self._drop(side)
        return None

    def take(self, now: Instant, most: int) -> list[str]:
        """The first jobs that are due, which wait no more."""
        row, heap, waiting, taken = self._row, self._heap, self.waiting, list[str]()
        while len(taken) < most and (side := row if row and not (heap and heap[0] < row[0]) else heap) and side[0][0] <= now:
            due, _, id = row.popleft() if side is row else heapq.heappop(heap)
            if waiting.get(id) == due:
                del waiting[id]
                taken.append(id)
        return taken

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
        self._log, self._jobs, self._in_hand, self._number = journal.log, jobs, jobs.in_hand, jobs.number
        self._heaps: defaultdict[str, Queue] = defaultdict(Queue)
        self._first_lease = NEVER  # no lease runs out earlier
        self._token = 0

    # writing

    def wait(self, job: Job) -> None:
        """From now on for this due time. The entry in the queue needs no taking back: it does not count then."""
        id, due, queue = job.id, job.due, self._heaps[job.pool]
        waiting = queue.waiting
        self._log += (waiting, id, waiting.get(id, ABSENT))
        waiting[id] = due
        queue.add((due, self._number[id], id))

    def wait_at(self, job: Job, id: str, number: int) -> None:
        """A new job waits as this one would."""
        queue = self._heaps[job.pool]
        self._log += (queue.waiting, id, ABSENT)
        queue.waiting[id] = job.due
        queue.add((job.due, number, id))

    def wait_no_more(self, job: Job) -> None:
        waiting = self._heaps[job.pool].waiting
        if job.id in waiting:
            self._log += (waiting, job.id, waiting[job.id])
            del waiting[job.id]

    def lend(self, job: Job) -> None:
        """It is claimed until its lease runs out."""
        self._first_lease = min(self._first_lease, job.lease or 0)

    # claiming

    def claim(self, now: Instant, owner: dict[str, Any], pools: Sequence[str], limit: int) -> list[Job]:
        found = [self._rescue(job, owner, now) for job in self._lost(now, pools)[: max(0, limit)]]
        changes = {**owner, "state": State.QUEUED}
        queues = [queue for pool in dict.fromkeys(pools) if (queue := self._heaps.get(pool))]
        at_once = limit if len(queues) == 1 else 1  # those of several pools come in their common order
        while len(found) < limit and (queue := _first(now, queues)) is not None:
            found += self._given(queue.take(now, min(at_once, limit - len(found))), changes, now)
        return found

    def _given(self, ids: Sequence[str], changes: Mapping[str, Any], now: Instant) -> list[Job]:
        first, self._token = max(self._token + 1, now), max(self._token, now - 1) + len(ids)
        self._first_lease = min(self._first_lease, changes["lease"])
        taking = [(PLACES[name], value) for name, value in changes.items()]
        return [self._jobs.take_up(id, taking, token) for token, id in enumerate(ids, first)]

    def _rescue(self, job: Job, owner: dict[str, Any], now: Instant) -> Job:
        changes = {**owner, "state": TABLE[job.state][Step.RESCUE], "rescues": job.rescues + 1}
        return self._given([job.id], changes, now)[0]

    def _lost(self, now: Instant, pools: Sequence[str]) -> list[Job]:
        """Claimed jobs whose lease has run out, in order of due."""
        if now < self._first_lease:
            return []
        claimed = list(self._in_hand.values())  # outside a write, nothing else is in hand
        self._first_lease = min((job.lease or 0 for job in claimed), default=NEVER)
        lost = [job for job in claimed if (job.lease or 0) <= now and job.pool in pools]
        return sorted(lost, key=lambda job: (job.due, self._number[job.id]))

    def next(self, pools: Sequence[str]) -> Instant | None:
        """When a claim could find something, at the earliest."""
        queues = (queue for pool in pools if (queue := self._heaps.get(pool)))
        dues = (first[0] for queue in queues if (first := queue.first()) is not None)
        leases = (job.lease or 0 for job in self._in_hand.values() if job.pool in pools)
        return min(chain(dues, leases), default=None)


def _first(now: Instant, queues: Sequence[Queue]) -> Queue | None:
    """That whose first job is due before those of the others."""
    first: tuple[Entry, Queue] | None = None
    for queue in queues:
        entry = queue.first()
        if entry is not None and entry[0] <= now and (first is None or entry < first[0]):
            first = entry, queue
    return None if first is None else first[1]
