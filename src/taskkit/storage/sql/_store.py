"""A store in a database: writes are decided in rooms like those of the memory store, claims and reads are questions."""

from __future__ import annotations

import os
import sqlite3
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from taskkit.facts import Fact, FactKey, FactKeys, Fault, Head, Mark
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.records import EMPTY
from taskkit.states import Step
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage
from taskkit.storage._alike import Start, Unmade
from taskkit.storage.sql import _blobs, _chains, _claims, _documents, _purges, _queries
from taskkit.storage.sql._doubts import reassure
from taskkit.storage.sql._known import Known
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._links import Lines
from taskkit.storage.sql._loading import load, waiting
from taskkit.storage.sql._nights import Nights, Unlike
from taskkit.storage.sql._rows import JOB, cause_of, job_of, place_of
from taskkit.storage.sql._saving import save
from taskkit.storage.sql._scribe import Scribe
from taskkit.storage.sql._tables import INBOX
from taskkit.storage.sql._watches import Watch
from taskkit.storage.units import Insert, Keep, Landed, Move, Unit

T = TypeVar("T")
_AT_ONCE = 500
_OPEN = f"SELECT {JOB} FROM taskkit_jobs WHERE place IN {{these}} AND over IS NULL ORDER BY number"  # noqa: S608  our own words


class _Written(NamedTuple):
    answers: Sequence[Landed]
    #: What was changed, as it stands now.
    jobs: Sequence[Job]
    head: Head | None


#: Such a step leaves a job where it is.
_STAYS = frozenset({Step.BEAT, Step.SAVE})


def _is_light(unit: Unit, *, starts: bool) -> bool:
    """Whether it is a heartbeat, progress or a document, and nothing that may have been told on, as a fact may; or, of `starts`, one."""
    if isinstance(unit, Unmade):
        return starts and isinstance(unit, Start)
    if starts and any(isinstance(change, Move) and change.step is Step.START for change in unit):
        return True
    return all(isinstance(change, Keep) or (isinstance(change, Move) and change.step in _STAYS) for change in unit)


def _is_doubtful(unit: Unit, answer: Landed) -> bool:
    """Whether it was refused at a new job or behind one: that this one was not asked for might be why."""
    is_behind = False
    for change in unit:
        is_behind = is_behind or isinstance(change, Insert)
        if is_behind and change is answer.change:
            return True
    return False


class SqlStorage(Storage):
    """What all databases share. A handle has one line for writing, and as many for reading as there are readers at one time.

    `relaxed`, only what says that it must be durable forces the disk; else all does but claims, heartbeats and progress, which may be
    lost without harm, and starts, where who works on them does not outlive the store.
    """

    #: Whether a power failure that takes what was written last stops all who work on it.
    stops_with_its_workers: ClassVar[bool] = False

    #: What a database raises where a key is there already.
    taken: ClassVar[type[Exception]]
    #: Where the tables are, for a connection that others have made.
    _schema: str | None = None

    def __init__(self, *, relaxed: bool = False) -> None:
        self.chain, self._relaxed = os.urandom(6).hex(), relaxed
        self._keys: FactKeys = EMPTY
        self._key: FactKey | None = None
        self._known = Known()
        self._may_be_more = False  # after a claim that got as many as it wanted
        self._known_by: Line | None = None
        self._scribe, self._lines = Scribe(self._write), Lines(self.line)
        try:
            if not self._ask(lambda line: line.is_made()):  # who finds all as it should be takes nobody's turn to write
                self._do(lambda line: line.make())
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def line(self) -> Line:
        """A new connection."""

    def close(self) -> None:
        """Give the connections back; the store is not used any more."""
        with self._scribe.pen:
            self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, question: Callable[[Line], T]) -> T:
        """A single statement."""
        self._lines.must_be_ours()
        return self._lines.read(question, whole=False)

    def _look(self, question: Callable[[Line], T]) -> T:
        """Several statements about one state of the store."""
        self._lines.must_be_ours()
        return self._lines.read(question, whole=True)

    def _do(self, deed: Callable[[Line], T]) -> T:
        """A transaction that outlives the machine."""
        answer = self._commit(deed, durable=True)
        self._force()
        return answer

    def _force(self) -> None:
        """What has landed lies on the disk when this returns; where a commit sees to that by itself, it does already."""

    def _commit(self, deed: Callable[[Line], T], *, durable: bool, then: Callable[[T], object] | None = None) -> T:
        """`then` keeps in mind what has changed, before anybody else writes."""
        self._lines.must_be_ours()
        with self._scribe.pen:
            self._known.open()
            answer = self._lines.write(lambda line: deed(self._met(line)), durable=durable)
            if then is not None:
                then(answer)
            self._known.settle()
        return answer

    def _met(self, line: Line) -> Line:
        """A server that crashed forgets what it had not forced to the disk: on a new connection, nothing counts that was known."""
        if line is not self._known_by:
            self._known_by = line
            self._known.forget()
        return line

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        self._lines.must_be_ours()
        if not units:
            return ()
        durable = durable or not (self._relaxed or all(_is_light(unit, starts=self.stops_with_its_workers) for unit in units))
        answers = self._scribe.write(units, durable=durable)
        if durable:
            self._force()
        return answers

    def _write(self, units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        try:
            return self._commit(lambda line: self._land(line, units), durable=durable, then=self._keep).answers
        except (Unlike, self.taken):  # nothing has landed
            apart = [tuple(unit) for unit in units]
            return self._commit(lambda line: self._land(line, apart, trusts=False), durable=durable, then=self._keep).answers

    def _land(self, line: Line, units: Sequence[Unit], *, trusts: bool = True) -> _Written:
        rooms = self._known.rooms(line)
        reassure(line, units, self._known, rooms)
        nights = Nights(rooms, self._known)
        trusted = load(line, nights.apart(units), self._known, rooms, trusts=trusts)
        answers = nights.land(units)
        if trusted and any(not answer and _is_doubtful(unit, answer) for unit, answer in zip(units, answers, strict=True)):
            raise Unlike
        nights.save(line)
        changed = [*save(line, rooms), *nights.successors()]
        line.hint(changed)
        head = self._known.head
        if rooms.told:
            head = _chains.append(line, self.chain, head, rooms.told, self._key)
        return _Written(answers, changed, head)

    def _keep(self, written: _Written) -> None:
        self._known.head = written.head
        self._known.keep(written.jobs)
        self._known.lay_down()

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        if limit <= 0 or not (self._may_be_more or self._known.is_due(now, pools) or self._is_due(now, pools)):
            return ()  # who only looks takes nobody's turn to write
        owner = {"worker": worker, "node": node, "lease": lease}
        keep = partial(self._known.claimed, now, pools)
        lent = self._commit(lambda line: _claims.claim(line, now, owner, pools, limit), durable=False, then=keep)
        found: Sequence[Claimed] = lent.jobs
        self._may_be_more = len(found) == limit
        return found

    def _is_due(self, now: Instant, pools: Sequence[str]) -> bool:
        first = self.next_due(pools)
        return first is not None and first <= now

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        return Watch(self.line, wake).end

    # reading jobs

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        return self._ask(lambda line: _claims.next_due(line, pools))

    def job(self, id: str) -> Job | None:
        rows = self._ask(lambda line: line.rows(f"SELECT {JOB} FROM taskkit_jobs WHERE id = ?", id))  # noqa: S608  our own words
        return next(map(job_of, rows), None)

    def causes(self, job: str) -> Sequence[Cause]:
        rows = self._ask(lambda line: line.rows("SELECT cause FROM taskkit_causes WHERE job = ? ORDER BY place", job))
        return tuple(cause_of(job, text) for (text,) in rows)

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        return next((job for job in self.open_jobs(seat[1], seat[2] or None) if job.is_pending and job.seat == seat), None)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        return self.open_at([(line, record)])[line, record]

    def open_at(self, places: Iterable[tuple[str, str | None]]) -> Mapping[tuple[str, str | None], Sequence[Job]]:
        wanted = {place_of(*place): place for place in places}
        found: dict[tuple[str, str | None], list[Job]] = {place: [] for place in wanted.values()}
        for row in self._ask(lambda asked: asked.among(_OPEN, wanted)):
            job = job_of(row)
            found[wanted[place_of(job.line, job.record)]].append(job)
        return found

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        return self._ask(lambda line: _queries.page(line, query, order, page, limit))

    def count(self, query: Query) -> int:
        wanted, values = _queries.where(query)
        [(count,)] = self._ask(lambda line: line.rows(f"SELECT count(*) FROM taskkit_jobs WHERE {wanted}", *values))  # noqa: S608
        return int(count)

    # holds

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        wanted = list(dict.fromkeys(keys))
        rooms = self._look(lambda line: waiting(line, wanted))
        return [job for id in rooms.holds.fitting(wanted) if (job := rooms.jobs.get(id)) is not None]

    def holders(self, key: str) -> Sequence[str]:
        sql = "SELECT DISTINCT job FROM taskkit_holds WHERE key = ? AND waits = 0 ORDER BY job"
        return [job for (job,) in self._ask(lambda line: line.rows(sql, key))]

    # documents

    def document(self, table: str, id: str) -> Document | None:
        return self._ask(lambda line: _documents.one(line, table, id))

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        return {found.id: found for found in self._ask(lambda line: _documents.several(line, table, ids))}

    def together(self, wanted: Mapping[str, Sequence[str] | None]) -> Mapping[str, Mapping[str, Document]]:
        found = self._ask(lambda line: _documents.together(line, wanted))
        return {table: {document.id: document for document in documents} for table, documents in found.items()}

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        return self._ask(lambda line: _documents.page(line, table, group, after, limit))

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        """Each piece in a transaction of its own: however long the pieces take to come, nobody waits for them."""
        id = os.urandom(12).hex()
        self._do(lambda line: _blobs.begin(line, id, job))
        try:
            for place, piece in enumerate(_blobs.in_pieces(pieces)):
                self._scribe.let_others_first()
                self._do(partial(_blobs.add, id=id, place=place, piece=piece))
        except BaseException:
            self._do(lambda line: _blobs.forget(line, [id]))
            raise
        return id

    def open_blob(self, id: str) -> Iterator[bytes]:
        count = self._look(lambda line: _blobs.count(line, id))
        return (self._ask(partial(_blobs.piece, id=id, place=place)) for place in range(count))

    def sweep_blobs(self) -> int:
        return self._do(_blobs.sweep)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        return self._lasting(self._look(lambda line: _chains.after(line, after, kinds, record, limit)))

    def _lasting(self, told: T) -> T:
        """What is told on must not be missing after a power failure, unless the store may lose some."""
        if not self._relaxed:
            self._force()
        return told

    def story(self, at: Instant, *, line: str | None, record: str | None, limit: int = 100) -> Sequence[Fact]:
        return self._lasting(self._ask(partial(_chains.story, at=at, of_line=line, record=record, limit=limit)))

    def heads(self) -> Sequence[Head]:
        return self._lasting(self._ask(_chains.heads))

    def key_facts(self, keys: FactKeys, current: str) -> None:
        with self._scribe.pen:
            self._keys, self._key, self._known.head, self.chain = keys, keys[current], None, os.urandom(6).hex()

    def keyed(self) -> Mapping[str, int]:
        return self._ask(_chains.keyed)

    def check(self, noted: Iterable[Head] = (), progress: _chains.Progress | None = None) -> Sequence[Fault]:
        """`progress` hears how much of the facts is gone through, and of how much."""
        heads = list(noted)
        return self._look(lambda line: _chains.check(line, heads, self._keys, progress))

    def archive(self, upto: Mark) -> int:
        """In small transactions: nobody waits long for it."""
        gone, some = 0, _AT_ONCE
        while some == _AT_ONCE:
            self._scribe.let_others_first()
            some = self._do(lambda line: _chains.archive(line, upto, _AT_ONCE))
            gone += some
        return gone

    # what the product leaves

    def post(self, connection: Any, texts: Sequence[str]) -> None:
        """The marks of `sqlite3` are `?`; those of psycopg, and of what speaks as it does, `%s`."""
        place = "taskkit_inbox" if self._schema is None else f'"{self._schema}".taskkit_inbox'
        mark = "?" if isinstance(connection, sqlite3.Connection) else "%s"
        cursor = connection.cursor()
        rows = [(os.urandom(12).hex(), text) for text in texts]
        cursor.executemany(f"INSERT INTO {place} (id, told) VALUES ({mark}, {mark})", rows)  # noqa: S608  our own words
        cursor.close()

    def posted(self, limit: int) -> Sequence[tuple[str, str]]:
        rows = self._ask(lambda line: line.rows("SELECT id, told FROM taskkit_inbox ORDER BY number LIMIT ?", limit))
        return [(id, told) for id, told in rows]

    def take_away(self, ids: Sequence[str]) -> None:
        self._do(lambda line: line.drop(INBOX, [(id,) for id in ids]))

    # forgetting

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        """In small transactions: nobody waits long for it."""
        gone = [self._purged(query, queries) for query in queries]
        self._do(_purges.expire)
        return gone

    def _purged(self, query: Query, queries: Sequence[Query]) -> int:
        gone, place = 0, _purges.FIRST
        while place != _purges.LAST:
            self._scribe.let_others_first()
            some, place = self._do(partial(_purges.purge, query=query, queries=queries, after=place, limit=_AT_ONCE))
            gone += some
        return gone
