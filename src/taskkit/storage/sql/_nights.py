"""Starts and ends of jobs that are like others, as a database lands them: no question for any, and a few statements for all of them.

That goes as long as nobody else writes, and all that they are about is known by heart. What is out of the ordinary is loaded, and decided
change by change; where that shows only after others have been decided, the whole write is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from taskkit.facts import Fact, refrain
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.states import State
from taskkit.storage._alike import End, Start, Starts
from taskkit.storage._fires import key_of
from taskkit.storage._journal import ABSENT
from taskkit.storage._wholes import UNSAID
from taskkit.storage.sql._chains import Telling
from taskkit.storage.sql._known import Known
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._loading import Wanted
from taskkit.storage.sql._rooms import WriteRooms
from taskkit.storage.sql._rows import MADE, PHASES, job_row, place_of
from taskkit.storage.sql._tables import HOLDS, JOBS
from taskkit.storage.units import LANDED, Hold, Landed, Unit

_COLUMNS = frozenset(JOBS.names).difference(MADE, JOBS.key, ("revision", "token"))
_ID, _RECORD, _HOST, _PLACE = map(JOBS.names.index, ("id", "record", "host", "place"))
_ENDED = ("state", "phase", "token", "lease", "worker", "ended", "over")


class Unlike(Exception):
    """Something is out of the ordinary that nobody saw beforehand: the whole write is done again, change by change."""


class _Night:
    """What starts have in common here; made of the first of them."""

    def __init__(self, starts: Starts, job: Job) -> None:
        self.starts, self.line, self.ids = starts, job.line, list[str]()
        self.is_ordinary = UNSAID.isdisjoint(starts.fields) and _COLUMNS.issuperset(starts.fields)
        self.told = refrain(Fact("JobStarted", starts.at, None, job.task, job.line, None, None, starts.told))
        self.row: list[Any] | None = None
        if (new := starts.successor) is not None:
            is_one = new.state is State.SCHEDULED and new.fire is not None and new.execution is None and new.line == job.line
            self.is_ordinary = self.is_ordinary and is_one
            self.row = list(job_row(new))

    def following(self, start: Start) -> Row:
        """The row of its successor."""
        job, row = start.job, self.row or []
        row[_ID], row[_RECORD], row[_HOST], row[_PLACE] = start.following, job.record, job.host, place_of(job.line, job.record)
        return tuple(row)


class Nights:
    """Of one write."""

    def __init__(self, rooms: WriteRooms, known: Known) -> None:
        self._rooms, self._known, self._holds, self._documents = rooms, known, rooms.holds, rooms.documents.tables
        self._log, self._number = rooms.journal.log, rooms.jobs.number
        self._in_hand: dict[str, Any] = rooms.jobs.in_hand
        self._fires, self._told = rooms.fires.kept, rooms.told
        self._nights: dict[int, _Night] = {}
        self._held: list[Row] = []
        self._freed: list[str] = []
        self._ended: dict[Instant, list[str]] = {}
        self._refrains: dict[tuple[Instant, str, str], Callable[[str, str | None], str]] = {}
        #: What was looked at, and can land as it is: by what is known of it.
        self._sure: dict[int, Any] = {}
        self._lands: dict[type[Any], Callable[[Any], bool]] = {Start: self._starts, End: self._ends}

    # beforehand

    def apart(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Those that have to be loaded and decided change by change."""
        if not self._known.has_holds or self._holds.wants:
            return units
        sure, apart, alike = self._sure, list[Unit](), list[Start | End]()
        for unit in units:
            kind = type(unit)
            found = self._fitting(unit) if kind is Start else self._fits(unit) if kind is End else None  # type: ignore[arg-type]
            if found and id(unit) not in sure:
                sure[id(unit)] = found
                alike.append(unit)  # type: ignore[arg-type]
            else:
                apart.append(unit)
        if not alike or not apart:
            return apart
        near = self._near(alike, apart)
        for one in near:
            del sure[id(one)]
        return [*apart, *near]

    def _near(self, alike: Sequence[Start | End], apart: Sequence[Unit]) -> Sequence[Start | End]:
        """Those that are about the same jobs as others that are not like them, or stand where these do: all, where these do more."""
        wanted = Wanted(apart, holds=False)
        if wanted.moves or wanted.joins or wanted.absorbs:
            return alike
        jobs, lent = wanted.jobs, self._known.lent(wanted.jobs)
        places = {(job.line, job.record) for job in (*lent.values(), *(insert.job for insert in wanted.inserts))}
        return [one for one in alike if one.job.id in jobs or (one.job.line, one.job.record) in places or _follows(one) in jobs]

    def _fitting(self, start: Start) -> _Night | None:
        """A job as it was claimed, whose task stands as it was planned for, whose own nobody holds, and beside which no other waits."""
        job, starts, known, holds = start.job, start.starts, self._known, self._holds
        if not known.is_claimed(job) or job.id in holds.of_jobs or not holds.are_free((start.own,)):
            return None
        night, still = self._nights.get(id(starts)), starts.still
        if night is None:
            night = self._nights[id(starts)] = _Night(starts, job)
        if not night.is_ordinary or job.line != night.line:
            return None
        document = self._documents[still.table].get(still.id)
        if document is None or document.revision != still.revision:
            return None
        return night if night.row is None or (job.line, job.record) in known.alone else None

    def _fits(self, end: End) -> bool:
        return bool(end.at) and self._known.is_running(end.job)

    # in their turn

    def land(self, unit: Unit) -> Landed:
        lands = self._lands.get(type(unit))
        return LANDED if lands is not None and lands(unit) else self._rooms.land(unit)

    def _starts(self, start: Start) -> bool:
        """What was looked at beforehand stands, unless others in this write have changed it."""
        if (night := self._sure.get(id(start))) is None:
            return False
        job, holds, still, own = start.job, self._holds, night.starts.still, start.own
        id_, record, document = job.id, job.record, self._documents[still.table].get(still.id)
        if document is None or document.revision != still.revision or not self._known.begin(start) or not holds.are_free((own,)):
            raise Unlike
        if (new := night.starts.successor) is not None:
            key, following = key_of(job.line, record, new.fire or ""), start.following
            if following in self._number or key in self._fires or (job.line, record) not in self._known.alone:
                raise Unlike
            self._log += (self._fires, key, ABSENT, self._in_hand, following, ABSENT)
            self._fires[key], self._number[following], self._in_hand[following] = None, 0, night.following(start)
            self._known.alone.discard((job.line, record))
        night.ids.append(id_)
        holds.of_jobs[id_], holds._writers[own] = Hold(id_, job.wanted, (own,)), id_
        self._held.append((id_, own, "write", None, job.wanted, 0))
        self._told.append(Telling(night.starts.at, "JobStarted", record, job.line, night.told(id_, record)))
        return True

    def _ends(self, end: End) -> bool:
        if id(end) not in self._sure:
            return False
        job, at, holds = end.job, end.at, self._holds
        id_, line, hold = job.id, job.line, holds.of_jobs.get(job.id)
        if holds.wants or not self._known.end(id_):
            raise Unlike
        if hold is None or hold.uses or hold.slots:
            holds.free(id_)
        else:
            del holds.of_jobs[id_]
            for key in hold.writes:
                holds._writers.pop(key, None)
            self._freed.append(id_)
        if (ids := self._ended.get(at)) is None:
            ids = self._ended[at] = []
        ids.append(id_)
        if (told := self._refrains.get((at, job.task, line))) is None:
            told = self._refrains[at, job.task, line] = refrain(Fact("JobCompleted", at, None, job.task, line))
        self._told.append(Telling(at, "JobCompleted", job.record, line, told(id_, job.record)))
        return True

    # afterwards

    def save(self, line: Line) -> None:
        """What they share is said once. Their successors and what these stand for are saved with all others."""
        for night in self._begun():
            fields = {"state": State.RUNNING.value, **night.starts.fields}
            line.change_all(JOBS, tuple(fields), tuple(fields.values()), night.ids, growing="revision")
        line.add(HOLDS, self._held)
        for at, ids in self._ended.items():
            told = State.COMPLETED.value, PHASES[State.COMPLETED], None, None, None, at, at
            line.change_all(JOBS, _ENDED, told, ids, growing="revision")
        line.drop_all(HOLDS, self._freed)

    def successors(self) -> Iterator[Job]:
        """One of each that are planned for the same time."""
        return (night.starts.successor for night in self._begun() if night.starts.successor is not None)

    def _begun(self) -> Iterator[_Night]:
        return (night for night in self._nights.values() if night.ids)


def _follows(unit: Start | End) -> str:
    return unit.following if isinstance(unit, Start) else ""
