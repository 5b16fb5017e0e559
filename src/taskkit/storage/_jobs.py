"""The jobs of the memory store as they stand, and the lists by which they are found.

What is kept for every job for ever is what the garbage collector looks at again and again: dictionaries from text to None or to numbers
are invisible to it, so the lists are made of these. A seat is no list of its own: it is looked for among the few jobs of a line and
record that have not ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job, Kind
from taskkit.states import CLAIMED, FINAL, PENDING
from taskkit.storage._journal import ABSENT, Journal
from taskkit.storage._rows import KIND, KIND_AT, REVISION, TOKEN, Row, job_of, row, values_of

if TYPE_CHECKING:
    from taskkit.storage import Query

Ids = dict[str, None]
_NOTHING: Mapping[str, Ids] = {}
_FIRED = frozenset({KIND_AT[Kind.FIRED], KIND_AT[Kind.FALLBACK]})
#: Which kinds of jobs may have a seat.
_SITTING = {"occurrence": frozenset({KIND_AT[Kind.OCCURRENCE]}), "fired": _FIRED}
_MANY = 1000


class Jobs:
    """All of them; `number` counts them in the order in which they came."""

    def __init__(self, journal: Journal) -> None:
        self._log = journal.log
        self.in_hand: dict[str, Job] = {}  # those that are claimed, or that the present write has touched
        self._at_rest: dict[str, Row] = {}  # those that wait; in a write, those in hand as they stood before
        self._ended: defaultdict[int, dict[str, Row]] = defaultdict(dict)  # by number, so many in one: what is full is never looked into
        self._first: dict[int, Instant] = {}  # when the first of so many ended: what is younger is not looked through
        self._last: dict[str, Instant] = {}  # when a job ended last; a table, so that it can be taken back
        self.touched: list[str] = []
        self.number: dict[str, int] = {}
        self._numbers = count(1)
        self._open: defaultdict[str, defaultdict[str, Ids]] = defaultdict(lambda: defaultdict(dict))
        self._lines: defaultdict[str, Ids] = defaultdict(dict)
        self._records: defaultdict[str, Ids] = defaultdict(dict)
        self._executions: defaultdict[str, Ids] = defaultdict(dict)

    def load(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if job.id not in self.number:
                self.number[job.id] = next(self._numbers)
                self.in_hand[job.id] = job
                self._list(job)

    # writing

    def add(self, job: Job) -> None:
        id, number, in_hand = job.id, self.number, self.in_hand
        self._log += (number, id, ABSENT, in_hand, id, ABSENT)
        number[id], in_hand[id] = next(self._numbers), job
        self.touched.append(id)
        self._list(job)

    def put(self, job: Job) -> None:
        """As it stands from now on."""
        id, in_hand = job.id, self.in_hand
        self._log += (in_hand, id, in_hand.get(id, ABSENT))
        in_hand[id] = job
        self.touched.append(id)

    def _list(self, job: Job) -> None:
        id, log = job.id, self._log
        for ids in self._lists(job):
            log += (ids, id, ABSENT)
            ids[id] = None

    def replace(self, job: Job, moved: Job) -> None:
        """The same job, with another line or record."""
        for ids in self._lists(job):
            if job.id in ids:
                self._log += (ids, job.id, None)
                del ids[job.id]
        self._list(moved)

    def _lists(self, job: Job) -> list[Ids]:
        """Those in which it stands."""
        line, record, execution = job.line, job.record, job.execution
        lists = [self._lines[line]] if record is None else [self._lines[line], self._records[record]]
        if job.state not in FINAL:
            lists.append(self._open[line][record or ""])
        if execution is not None:
            lists.append(self._executions[execution])
        return lists

    def end(self, job: Job) -> None:
        ids = self._open[job.line][job.record or ""]
        if job.id in ids:
            self._log += (ids, job.id, None)
            del ids[job.id]

    # outside any unit

    def lay_down(self) -> None:
        """What the write has touched, and nobody works on."""
        in_hand, at_rest = self.in_hand, self._at_rest
        for id in self.touched:
            job = in_hand.get(id)
            if job is None or (state := job.state) in CLAIMED:
                continue
            del in_hand[id]
            if state in FINAL:
                at_rest.pop(id, None)
                self._put_away(job)
            else:
                at_rest[id] = row(job)
        self.touched.clear()

    def _put_away(self, job: Job) -> None:
        many, ended = self.number[job.id] // _MANY, job.ended or job.created
        self._ended[many][job.id] = row(job)
        self._note(many, ended)

    def _note(self, many: int, ended: Instant) -> None:
        if ended < self._first.get(many, NEVER):
            self._first[many] = ended
        if ended > self.last:
            self._last[""] = ended

    @property
    def last(self) -> Instant:
        """When a job ended last."""
        return self._last.get("", 0)

    # of a night, in a write

    def wait(self, id: str, job: Job, kept: Row) -> int:
        """A new job of the same line and record is at rest from the first; its number."""
        number, log, line, record = next(self._numbers), self._log, self._lines[job.line], job.record
        open_ids = self._open[job.line][record or ""]
        log += (self.number, id, ABSENT, self._at_rest, id, ABSENT, line, id, ABSENT, open_ids, id, ABSENT)
        self.number[id], self._at_rest[id], line[id], open_ids[id] = number, kept, None, None
        if record is not None:
            records = self._records[record]
            log += (records, id, ABSENT)
            records[id] = None
        return number

    def finish(self, job: Job, kept: Row, ended: Instant) -> None:
        """A job in hand has ended, and is at rest for ever."""
        id, in_hand, log = job.id, self.in_hand, self._log
        many, first, last = self.number[id] // _MANY, self._first, self._last
        rows, open_ids = self._ended[many], self._open[job.line][job.record or ""]
        log += (in_hand, id, job, rows, id, ABSENT, open_ids, id, None)
        log += (first, many, first.get(many, ABSENT), last, "", last.get("", ABSENT))
        rows[id] = kept
        del in_hand[id], open_ids[id]
        self._note(many, ended)

    def take_up(self, id: str, taking: Iterable[tuple[int, Any]], token: int) -> Job:
        """Somebody works on it from now on, and has made this of these places."""
        job = self.in_hand.get(id)
        values: list[Any] = values_of(self._at_rest.pop(id)) if job is None else list(job)
        for place, value in taking:
            values[place] = value
        values[TOKEN] = token
        values[REVISION] += 1
        taken: Job = tuple.__new__(Job, values)
        self.in_hand[id] = taken
        return taken

    def forget(self, job: Job) -> None:
        for ids in self._lists(job):
            ids.pop(job.id, None)
        many = self.number.pop(job.id) // _MANY
        del self._ended[many][job.id]
        if not self._ended[many]:
            del self._ended[many], self._first[many]

    # finding

    def get(self, id: str) -> Job | None:
        job = self.in_hand.get(id)
        return job_of(kept) if job is None and (kept := self._row(id)) is not None else job

    def _row(self, id: str) -> Row | None:
        kept = self._at_rest.get(id)
        if kept is None and (number := self.number.get(id)) is not None:
            kept = self._ended[number // _MANY].get(id)
        return kept

    def rows(self, ids: Iterable[str]) -> Iterator[Row]:
        """Those of them that are there."""
        for id in ids:
            job = self.in_hand.get(id)
            if job is not None:
                yield row(job)
            elif (kept := self._row(id)) is not None:
                yield kept

    def open(self, line: str, record: str | None) -> list[Job]:
        """Those of a line and record that have not ended, the oldest first."""
        ids = self._open.get(line, _NOTHING).get(record or "", ())
        return [job for id in sorted(ids, key=self.number.__getitem__) if (job := self.get(id))]

    def open_ids(self, job: Job) -> Mapping[str, None]:
        """The jobs of its line and record that have not ended."""
        return self._open[job.line][job.record or ""]

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        """The pending job that has the seat: the one that came first, where another came back to a seat that was taken meanwhile."""
        sitting = self.sitting(seat)
        return min(sitting, key=lambda job: self.number[job.id]) if sitting else None

    def beside(self, job: Job) -> Job | None:
        """The fired job that waits where it does."""
        ids = self._open[job.line][job.record or ""]
        return self.seated(("fired", job.line, job.record or "")) if len(ids) > (job.id in ids) else None

    def sitting(self, seat: tuple[str, ...]) -> list[Job]:
        """The pending jobs that have it: what waits is made a job of again only where it is of such a kind."""
        kinds, in_hand = _SITTING[seat[0]], self.in_hand
        sitting: list[Job] = []
        for id in self._open.get(seat[1], _NOTHING).get(seat[2], ()):
            job = in_hand.get(id)
            if job is None:
                if (kept := self._at_rest.get(id)) is None or kept[KIND] not in kinds:
                    continue
                job = job_of(kept)
            if job.state in PENDING and job.seat == seat:
                sitting.append(job)
        return sitting

    def near(self, query: Query) -> Iterable[str] | None:
        """A short list that holds all that the query wants; None where there is none shorter than all."""
        if query.execution is not None:
            return self._executions.get(query.execution, ())
        if query.record is not None:
            return self._records.get(query.record, ())
        if query.until is not None and query.states is not None and query.states <= FINAL:
            return [id for many, first in self._first.items() if first < query.until for id in self._ended[many]]
        if query.states is not None and FINAL.isdisjoint(query.states):
            lines = self._open if query.line is None else (query.line,)
            return [id for line in lines for ids in self._open.get(line, _NOTHING).values() for id in ids]
        return None if query.line is None else self._lines.get(query.line, ())
