"""What some units are about is loaded into rooms like those of the memory store: there they are decided.

A write finds all that it needs with a few questions, whatever the number of its units, as nobody else writes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any

from taskkit.jobs import Cause, Job
from taskkit.storage import Document
from taskkit.storage._fires import key_of
from taskkit.storage._rooms import Rooms
from taskkit.storage._steps import PLACED_BY
from taskkit.storage.sql._known import Known
from taskkit.storage.sql._lines import Line, Question, Row
from taskkit.storage.sql._rooms import WriteRooms
from taskkit.storage.sql._rows import CAUSES_OF, JOB, cause_of, holds_of, job_of, place_of
from taskkit.storage.sql._tables import LENT
from taskkit.storage.units import Absorb, Expect, Free, Hold, Insert, Join, Keep, Move, Name, Unit, Wait

_JOBS = f"SELECT {JOB} FROM taskkit_jobs WHERE id IN {{these}}"  # noqa: S608  our own words, as below
STANDS = "SELECT id, revision, token FROM taskkit_jobs WHERE id IN {these}"
_PENDING = f"SELECT {JOB} FROM taskkit_jobs WHERE place IN {{these}} AND over IS NULL AND phase < {LENT}"  # noqa: S608
_FIRES = "SELECT fire FROM taskkit_fires WHERE fire IN {these}"
HOLDS = "SELECT job, key, how, most, wanted, waits FROM taskkit_holds WHERE job IN {these}"
HOLDERS = "SELECT job, key, how, most, wanted, waits FROM taskkit_holds WHERE job IN (SELECT job FROM taskkit_holds WHERE key IN {these})"
ANYBODY_WAITS = "SELECT 1 FROM taskkit_holds WHERE waits = 1 LIMIT 1"
DOCUMENTS = "SELECT id, revision, family FROM taskkit_documents WHERE id IN {these} AND place = ?"
_BLOBS = "SELECT id FROM taskkit_blobs WHERE id IN {these}"


_Names = dict[str, None]


class Wanted:
    """The keys of all that some units touch; of holds none, where all of them are known."""

    def __init__(self, units: Sequence[Unit], *, holds: bool) -> None:
        self._asks_for_holds = holds
        self.jobs: _Names = {}
        self.held: _Names = {}
        self.keys: _Names = {}
        self.blobs: _Names = {}
        self.documents: dict[str, _Names] = {}
        self.inserts: list[Insert] = []
        self.moves: list[Move] = []
        self.joins: list[Join] = []
        self.absorbs: list[Absorb] = []
        self.judged: _Names = {}  # jobs whose causes matter
        for change in chain.from_iterable(units):
            if (note := _NOTES.get(type(change))) is not None:
                note(self, change)

    def _insert(self, change: Insert) -> None:
        self.inserts.append(change)

    def _move(self, change: Move) -> None:
        job, is_placed = change.job, not PLACED_BY.isdisjoint(change.fields)
        self.jobs[job] = None
        if self._asks_for_holds:
            self.held[job] = None
        if is_placed:
            self.moves.append(change)
        if is_placed or change.causes is not None:
            self.judged[job] = None

    def _join(self, change: Join) -> None:
        self.jobs[change.cause.job] = self.judged[change.cause.job] = None
        self.joins.append(change)

    def _absorb(self, change: Absorb) -> None:
        for job in (change.job, change.into):
            self.jobs[job] = self.judged[job] = None
        self.absorbs.append(change)

    def _hold(self, hold: Hold) -> None:
        self.jobs[hold.job] = None
        if self._asks_for_holds:
            self.held[hold.job] = None
            self.keys.update(dict.fromkeys(hold.keys))

    def _wait(self, change: Wait) -> None:
        self._hold(change.hold)

    def _free(self, change: Free) -> None:
        if self._asks_for_holds:
            self.held[change.job] = None

    def _document(self, change: Expect | Keep) -> None:
        self.documents.setdefault(change.table, {})[change.id] = None

    def _name(self, change: Name) -> None:
        self.blobs[change.blob] = None

    @property
    def names(self) -> Mapping[str, None]:
        """Of all jobs, those that are new as well."""
        return {**self.jobs, **dict.fromkeys([insert.job.id for insert in self.inserts])} if self.inserts else self.jobs

    def trust(self, free: Container[tuple[str, str | None]]) -> bool:
        """Of a new job that takes no place, or one that is known to be free, nothing is asked: whether there is any.

        That its name and what it stands for are new, the database finds out as they are added.
        """
        if not self.inserts or self.judged:
            return False
        every, self.inserts = self.inserts, [one for one in self.inserts if _takes(one) and (one.job.line, one.job.record) not in free]
        return len(self.inserts) < len(every)

    def documents_but(self, known: Container[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
        """By place, those that are not known."""
        wanted = {place: [id for id in ids if (place, id) not in known] for place, ids in self.documents.items()}
        return {place: ids for place, ids in wanted.items() if ids}


_NOTES: dict[type[Any], Callable[[Wanted, Any], None]] = {
    Insert: Wanted._insert, Move: Wanted._move, Join: Wanted._join, Absorb: Wanted._absorb, Hold: Wanted._hold, Wait: Wanted._wait,
    Free: Wanted._free, Expect: Wanted._document, Keep: Wanted._document, Name: Wanted._name,
}  # fmt: skip


def load(line: Line, units: Sequence[Unit], known: Known, rooms: WriteRooms, *, trusts: bool) -> bool:
    """All that these units touch is in the rooms then, and a journal begins; whether something was taken on trust."""
    wanted = Wanted(units, holds=not known.has_holds)
    trusted = trusts and wanted.trust(known.alone)
    seats = [] if wanted.judged else _seats_and_fires(wanted, rooms)  # where only new jobs want one, all is asked at once
    answers = _load_named(line, wanted, rooms, known, seats)
    if wanted.judged:
        answers = line.ask(_seats_and_fires(wanted, rooms))
    if answers:
        open_jobs, kept = answers
        rooms.jobs.load(map(job_of, open_jobs))
        rooms.fires.load_kept(fire for (fire,) in kept)
    rooms.journal.log.clear()
    return trusted


def _load_named(line: Line, wanted: Wanted, rooms: Rooms, known: Known, more: Sequence[Question]) -> Sequence[Sequence[Row]]:
    """What the units name, and who holds what they want, as far as it is not known; and the answers to more questions."""
    names, documents = wanted.names, wanted.documents_but(known.documents)
    lent, doubted = known.lent(names), known.doubted(names)
    rooms.jobs.load(lent.values())
    named: list[tuple[str, Iterable[str]]] = [
        (STANDS, doubted), (_JOBS, [id for id in names if id not in lent and id not in doubted]), (CAUSES_OF, wanted.judged),
        (_BLOBS, wanted.blobs), (HOLDS, wanted.held), (HOLDERS, wanted.keys),
    ]  # fmt: skip
    if known.has_holds and not (more or documents or any(these for _, these in named)):
        return ()
    questions = [Question(sql, (), tuple(these)) for sql, these in named]
    questions += [Question(DOCUMENTS, (place,), tuple(ids)) for place, ids in documents.items()]
    waits = [] if known.has_holds else [Question(ANYBODY_WAITS)]
    stand, jobs, causes, blobs, held, holders, *others = line.ask([*questions, *waits, *more])
    rooms.jobs.load(map(job_of, jobs))
    _load_doubted(line, rooms, doubted, stand)
    rooms.fires.load_causes(cause_of(*row) for row in causes)
    rooms.blobs.load(id for (id,) in blobs)
    load_documents(rooms, known, documents, others)
    if not known.has_holds:
        holds, anybody_waits = {*held, *holders}, others[len(documents)]
        rooms.holds.load(holds_of(holds | _around(line, holds, wanted.keys) if anybody_waits else holds))
    return others[len(others) - len(more) :]


def load_documents(rooms: Rooms, known: Known, wanted: Mapping[str, Iterable[str]], answers: Iterable[Sequence[Row]]) -> None:
    """Of each place, what was found of the documents that are wanted there."""
    for (place, ids), found in zip(wanted.items(), answers, strict=False):
        rooms.documents.load(place, (Document(id, revision, {}, family) for id, revision, family in found))
        known.documents.update((place, id) for id in ids)


def _load_doubted(line: Line, rooms: Rooms, doubted: Mapping[str, Job], stand: Sequence[Row]) -> None:
    """Those that stand as they were left are known; another process has rescued the others, or ended them.

    A revision alone does not say so: a server that crashed forgets claims, and gives the job to another at the same revision.
    """
    known = {id for id, revision, token in stand if (doubted[id].revision, doubted[id].token) == (revision, token)}
    rooms.jobs.load(job for id, job in doubted.items() if id in known)
    if stale := [id for id, *_ in stand if id not in known]:
        rooms.jobs.load(map(job_of, line.among(_JOBS, stale)))


def _around(line: Line, holds: set[Row], keys: Iterable[str]) -> set[Row]:
    """Who waits for what they hold or want, and who holds what those want beside it: among these a hold is granted or barred."""
    found, keys = holds, {*keys, *(row[1] for row in holds)}
    for _ in range(3):  # whose, who else wants these, and who has the slots that those want
        found = found | set(line.among(HOLDERS, keys))
        keys = {row[1] for row in found}
    return found


def _seats_and_fires(wanted: Wanted, rooms: Rooms) -> list[Question]:
    """Who sits where a new job or a moved one wants to, and which of their fires were kept before."""
    if not (wanted.judged or wanted.inserts):
        return []
    places: _Names = {}
    fires: _Names = {}
    for at_line, record, stands_for in _moving(wanted, rooms) if wanted.judged else _new(wanted):
        places[place_of(at_line, record)] = None
        for fire in stands_for:
            fires[key_of(at_line, record, fire)] = None
    return [Question(_PENDING, (), tuple(places)), Question(_FIRES, (), tuple(fires))] if places else []


#: A line, a record, and the fires for which a job may stand there.
There = tuple[str, str | None, Iterable[str]]


def _new(wanted: Wanted) -> Iterator[There]:
    for insert in wanted.inserts:
        if _takes(insert):
            job, causes = insert
            own = () if job.fire is None else (job.fire,)
            yield job.line, job.record, (*own, *[cause.fire for cause in causes]) if causes else own


def _takes(insert: Insert) -> bool:
    """Whether it has a seat or stands for something, unlike a part of a run."""
    job, causes = insert
    return job.fire is not None or bool(causes) or job.seat is not None


def _moving(wanted: Wanted, rooms: Rooms) -> Iterator[There]:
    return ((*place, stay.fires) for stay in _stays(wanted, rooms) for place in stay.places)


def _stays(wanted: Wanted, rooms: Rooms) -> Iterable[Stay]:
    """All places where each job may stand while these units land, and all that it may stand for there."""
    stays = {id: Stay(job, rooms.fires.causes(id)) for id in wanted.judged if (job := rooms.jobs.get(id)) is not None}
    for insert in wanted.inserts:  # one that is there already, or is made twice, may stand in both places
        made = Stay(insert.job, insert.causes)
        if (known := stays.setdefault(insert.job.id, made)) is not made:
            known.join(made)
    for move in wanted.moves:
        if (stay := stays.get(move.job)) is not None:
            stay.move(move.fields)
    for join in wanted.joins:
        if (stay := stays.get(join.cause.job)) is not None:
            stay.fires[join.cause.fire] = None
    for absorb in wanted.absorbs:
        if absorb.job in stays and absorb.into in stays:
            stays[absorb.into].fires |= stays[absorb.job].fires
    return stays.values()


class Stay:
    def __init__(self, job: Job, causes: Iterable[Cause]) -> None:
        self._lines, self._records = {job.line: None}, {job.record: None}
        self.fires = dict.fromkeys(cause.fire for cause in causes)
        if job.fire is not None:
            self.fires[job.fire] = None

    def join(self, other: Stay) -> None:
        self._lines |= other._lines
        self._records |= other._records
        self.fires |= other.fires

    def move(self, fields: Mapping[str, Any]) -> None:
        self._lines |= {fields["line"]: None} if "line" in fields else {}
        self._records |= {fields["record"]: None} if "record" in fields else {}
        self.fires |= {fields["fire"]: None} if fields.get("fire") is not None else {}

    @property
    def places(self) -> Iterable[tuple[str, str | None]]:
        return product(self._lines, self._records)


def waiting(line: Line, keys: Sequence[str]) -> Rooms:
    """Rooms with those who wait for these keys, and all who stand in their way."""
    rooms, holds = WriteRooms(), _around(line, set(), keys)
    rooms.jobs.load(map(job_of, line.among(_JOBS, [row[0] for row in holds if row[-1]])))
    rooms.holds.load(holds_of(holds))
    rooms.journal.log.clear()
    return rooms
