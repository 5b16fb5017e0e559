"""The jobs of the memory store as they stand, and the lists by which they are found.

What is kept for every job for ever is what the garbage collector looks at again and again: dictionaries from text to None or to numbers
are invisible to it, so the lists are made of these. A seat is no list of its own: it is looked for among the few jobs of a line and
record that have not ended.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING

from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.states import FINAL, PENDING
from taskkit.storage._journal import ABSENT, Journal
from taskkit.storage._packed import packed, started, unpacked

if TYPE_CHECKING:
    from taskkit.storage import Query

Ids = dict[str, None]
_LATELY = 500
_NOTHING: Mapping[str, Ids] = {}


class Jobs:
    """All of them; `number` counts them in the order in which they came."""

    def __init__(self, journal: Journal) -> None:
        self._log = journal.log
        self.by_id: dict[str, Job] = {}  # those that have not ended, or ended lately
        self._packed: dict[str, bytes] = {}
        self._ended: deque[str] = deque()
        self.number: dict[str, int] = {}
        self._numbers = count(1)
        self._open: defaultdict[str, defaultdict[str, Ids]] = defaultdict(lambda: defaultdict(dict))
        self._lines: defaultdict[str, Ids] = defaultdict(dict)
        self._records: defaultdict[str, Ids] = defaultdict(dict)
        self._executions: defaultdict[str, Ids] = defaultdict(dict)

    # writing

    def add(self, job: Job) -> None:
        id, by_id, number = job.id, self.by_id, self.number
        self._log += (by_id, id, ABSENT, number, id, ABSENT)
        by_id[id] = job
        number[id] = next(self._numbers)
        self._list(job)

    def _list(self, job: Job) -> None:
        id, log, ids = job.id, self._log, self._lines[job.line]
        log += (ids, id, ABSENT)
        ids[id] = None
        if job.record is not None:
            ids = self._records[job.record]
            log += (ids, id, ABSENT)
            ids[id] = None
        if job.execution is not None:
            ids = self._executions[job.execution]
            log += (ids, id, ABSENT)
            ids[id] = None
        if job.state not in FINAL:
            ids = self._open[job.line][job.record or ""]
            log += (ids, id, ABSENT)
            ids[id] = None

    def replace(self, job: Job, moved: Job) -> None:
        """The same job, with another line or record."""
        for ids in self._lists(job):
            if job.id in ids:
                self._log += (ids, job.id, None)
                del ids[job.id]
        self._list(moved)

    def _lists(self, job: Job) -> Iterator[Ids]:
        yield self._lines[job.line]
        yield self._open[job.line][job.record or ""]
        if job.record is not None:
            yield self._records[job.record]
        if job.execution is not None:
            yield self._executions[job.execution]

    def end(self, job: Job) -> None:
        self._ended.append(job.id)
        ids = self._open[job.line][job.record or ""]
        if job.id in ids:
            self._log += (ids, job.id, None)
            del ids[job.id]

    # outside any unit

    def pack(self) -> None:
        """Those that ended longest ago, but for the last few: people look at these."""
        while len(self._ended) > _LATELY:
            id = self._ended.popleft()
            job = self.by_id.get(id)
            if job is not None and job.state in FINAL and (kept := packed(job)) is not None:
                self._packed[id] = kept
                del self.by_id[id]

    def forget(self, job: Job) -> None:
        for ids in self._lists(job):
            ids.pop(job.id, None)
        self.by_id.pop(job.id, None)
        self._packed.pop(job.id, None)
        del self.number[job.id]

    # finding

    def get(self, id: str) -> Job | None:
        job = self.by_id.get(id)
        return unpacked(self._packed[id]) if job is None and id in self._packed else job

    def some(self, ids: Iterable[str], peeks: Callable[[bytes], bool]) -> Iterator[Job]:
        """Those of them that are there; a packed one only where what stands in front of it is wanted."""
        for id in ids:
            job = self.by_id.get(id)
            if job is not None:
                yield job
            elif (kept := self._packed.get(id)) is not None and peeks(kept):
                yield unpacked(kept)

    def started(self, id: str) -> Instant | None:
        job = self.by_id.get(id)
        return started(self._packed[id]) if job is None else job.started

    def open(self, line: str, record: str | None) -> list[Job]:
        """Those of a line and record that have not ended, the oldest first."""
        records = self._open.get(line)
        ids = records.get(record or "") if records else None
        return [self.by_id[id] for id in (sorted(ids, key=self.number.__getitem__) if len(ids) > 1 else ids)] if ids else []

    def pending(self, line: str, record: str | None) -> list[Job]:
        records, by_id = self._open.get(line), self.by_id
        return [job for id in records.get(record or "", ()) if (job := by_id[id]).state in PENDING] if records else []

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        """The pending job that has the seat: the one that came first, where another came back to a seat that was taken meanwhile."""
        sitting = [job for job in self.pending(seat[1], seat[2]) if job.seat == seat]
        return min(sitting, key=self._age) if sitting else None

    def _age(self, job: Job) -> int:
        return self.number[job.id]

    def near(self, query: Query) -> Iterable[str] | None:
        """A short list that holds all that the query wants; None where there is none shorter than all."""
        if query.execution is not None:
            return self._executions.get(query.execution, ())
        if query.record is not None:
            return self._records.get(query.record, ())
        if query.states is not None and FINAL.isdisjoint(query.states):
            lines = self._open if query.line is None else (query.line,)
            return [id for line in lines for ids in self._open.get(line, _NOTHING).values() for id in ids]
        return None if query.line is None else self._lines.get(query.line, ())
