"""The jobs of the memory store as they stand, and the lists by which they are found.

What is kept for every job for ever is what the garbage collector looks at again and again: dictionaries from text to None or to numbers
are invisible to it, so the lists are made of these. A seat is no list of its own: it is looked for among the few jobs of a line and
record that have not ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice, repeat
from typing import TYPE_CHECKING, Any

from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job, Kind
from taskkit.states import CLAIMED, FINAL, PENDING
from taskkit.storage._journal import ABSENT, Journal
from taskkit.storage._rows import ID, KIND, KIND_AT, RECORD, Common, Row, Template, job_of, row

if TYPE_CHECKING:
    from taskkit.storage import Query

Ids = dict[str, None]
_NOTHING: Mapping[str, Any] = {}
_FIRED = frozenset({KIND_AT[Kind.FIRED], KIND_AT[Kind.FALLBACK]})
#: Which kinds of jobs may have a seat.
_SITTING = {"occurrence": frozenset({KIND_AT[Kind.OCCURRENCE]}), "fired": _FIRED}
_MANY = 1000


class Jobs:
    """All of them; `number` counts them in the order in which they came."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._log = journal, journal.log
        self.in_hand: dict[str, Job] = {}  # those that the present write has touched, one by one
        # in a write, those in hand stand in the next three as they stood before
        self.resting: dict[str, Row] = {}
        self.lent: dict[str, Row] = {}  # those that are claimed
        self._ended: defaultdict[int, dict[str, Row]] = defaultdict(dict)  # by number, so many in one: what is full is never looked into
        self._like: Common = ()  # what the last that was laid down has in common with others
        self._first: dict[int, Instant] = {}  # when the first of so many ended: what is younger is not looked through
        self._last: dict[str, Instant] = {}  # when a job ended last; a table, so that it can be taken back
        self.touched: list[str] = []
        self.number: dict[str, int] = {}
        self._numbers = count(1)
        self._open: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
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
        if job.state not in FINAL:
            self._open_with(job, (*(one for one in self.open_ids(job) if one != id), id))

    def replace(self, job: Job, moved: Job) -> None:
        """The same job, with another line or record."""
        for ids in self._lists(job):
            self._journal.drop(ids, job.id)
        self.end(job)
        self._list(moved)

    def _lists(self, job: Job) -> list[Ids]:
        """Those in which it stands, whatever becomes of it."""
        line, record, execution = job.line, job.record, job.execution
        lists = [self._lines[line]] if record is None else [self._lines[line], self._records[record]]
        if execution is not None:
            lists.append(self._executions[execution])
        return lists

    def end(self, job: Job) -> None:
        ids = self.open_ids(job)
        if job.id in ids:
            self._open_with(job, tuple(one for one in ids if one != job.id))

    def _open_with(self, job: Job, ids: tuple[str, ...]) -> None:
        """These have not ended, of its line and record."""
        self._journal.put(self._open[job.line], job.record or "", ids)

    # outside any unit

    def lay_down(self) -> None:
        """What the write has touched."""
        in_hand, resting, lent = self.in_hand, self.resting, self.lent
        for id in self.touched:
            job = in_hand.pop(id, None)
            if job is None:
                continue
            kept = row(job, self._like)
            self._like, state = kept[0], job.state
            resting.pop(id, None)
            lent.pop(id, None)
            if state in FINAL:
                self._put_away(kept, job.ended or job.created)
            elif state in CLAIMED:
                lent[id] = kept
            else:
                resting[id] = kept
        self.touched.clear()

    def _put_away(self, kept: Row, ended: Instant) -> None:
        many = self.number[kept[ID]] // _MANY
        self._ended[many][kept[ID]] = kept
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

    def lend(self, rows: Iterable[Row], changes: Mapping[str, Any], first: int) -> list[Job]:
        """Somebody works on them from now on, and has made this of them; their tokens count from the first."""
        resting, lent, jobs, common, taken = self.resting, self.lent, list[Job](), None, None
        for token, (before, id, record, host, created, revision, _) in enumerate(rows, first):
            if before is not common or taken is None:
                common, taken = before, Template(before, changes)
            kept = lent[id] = taken.common, id, record, host, created, revision + 1, token
            resting.pop(id, None)
            jobs.append(taken.job(kept))
        return jobs

    # of a night, in a write

    def wait(self, line: str, kept: Sequence[Row]) -> list[int]:
        """New jobs of a line are at rest from the first; their numbers."""
        ids, put_all = [one[ID] for one in kept], self._journal.put_all
        numbers, opens, log, records = list(islice(self._numbers, len(ids))), self._open[line], self._log, self._records
        put_all(self.number, ids, numbers)
        put_all(self.resting, ids, kept)
        put_all(self._lines[line], ids, repeat(None))
        places = [one[RECORD] or "" for one in kept]
        put_all(opens, places, [(*opens.get(place, ()), id) for place, id in zip(places, ids, strict=True)])
        for one, id in zip(kept, ids, strict=True):
            if (record := one[RECORD]) is not None:
                of_record = records[record]
                log += (of_record, id, ABSENT)
                of_record[id] = None
        return numbers

    def finish(self, line: str, kept: Sequence[Row], ended: Instant) -> None:
        """Claimed jobs of a line have ended, and are at rest for ever."""
        ids, journal, opens, number = [one[ID] for one in kept], self._journal, self._open[line], self.number
        for many in {number[id] // _MANY for id in ids}:
            rows = [one for one in kept if number[one[ID]] // _MANY == many]
            journal.put_all(self._ended[many], [one[ID] for one in rows], rows)
            self._log += (self._first, many, self._first.get(many, ABSENT), self._last, "", self._last.get("", ABSENT))
            self._note(many, ended)
        journal.drop_all(self.lent, ids)
        for one, id in zip(kept, ids, strict=True):
            place = one[RECORD] or ""
            stood = opens[place]
            self._log += (opens, place, stood)
            opens[place] = stood[1:] if stood[0] == id else tuple(other for other in stood if other != id)

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
        kept = self.resting.get(id) or self.lent.get(id)
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
        ids = self.open_at(line, record)
        return [job for id in sorted(ids, key=self.number.__getitem__) if (job := self.get(id))]

    def open_ids(self, job: Job) -> Sequence[str]:
        return self.open_at(job.line, job.record)

    def open_at(self, line: str, record: str | None) -> tuple[str, ...]:
        """The jobs of a line and record that have not ended."""
        return self._open.get(line, _NOTHING).get(record or "", ())

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        """The pending job that has the seat: the one that came first, where another came back to a seat that was taken meanwhile."""
        sitting = self.sitting(seat)
        return min(sitting, key=lambda job: self.number[job.id]) if sitting else None

    def beside(self, job: Job) -> Job | None:
        """The fired job that waits where it does."""
        ids = self.open_at(job.line, job.record)
        return self.seated(("fired", job.line, job.record or "")) if len(ids) > (job.id in ids) else None

    def sitting(self, seat: tuple[str, ...]) -> list[Job]:
        """The pending jobs that have it: what waits is made a job of again only where it is of such a kind."""
        kinds, in_hand = _SITTING[seat[0]], self.in_hand
        sitting: list[Job] = []
        for id in self.open_at(seat[1], seat[2]):
            job = in_hand.get(id)
            if job is None:
                if (kept := self.resting.get(id)) is None or kept[0][KIND] not in kinds:
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
