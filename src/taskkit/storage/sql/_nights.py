"""Starts and ends of jobs that are like others, as a database lands them: no question for any, and a few statements for all of them.

That goes as long as all that they are about is known by heart, or known again after others have written. What is out of the ordinary is
loaded, and decided change by change; where that shows only after others have been decided, the whole write is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import chain, groupby, repeat
from typing import Any, cast

from taskkit.facts import Fact, Refrain
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.states import State
from taskkit.storage._alike import End, Start, Starts
from taskkit.storage._fires import key_of
from taskkit.storage._journal import ABSENT
from taskkit.storage._wholes import UNSAID
from taskkit.storage.sql._known import Known
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._loading import Wanted
from taskkit.storage.sql._rooms import WriteRooms
from taskkit.storage.sql._rows import MADE, PHASES, RARE, rare_of
from taskkit.storage.sql._tables import HOLDS, JOBS
from taskkit.storage.units import LANDED, Hold, Landed, Unit

_COLUMNS = frozenset(JOBS.names).difference(MADE, JOBS.key, ("revision", "token"))
_TOLD = _COLUMNS.union(RARE)
#: What all holds say here: each is of one account, which the job writes.
_HELD = {"how": "write", "most": None, "waits": 0}
_ENDED = ("state", "phase", "token", "lease", "worker", "ended", "over")


class Unlike(Exception):
    """Something is out of the ordinary that nobody saw beforehand: the whole write is done again, change by change."""


class _Night:
    """What starts have in common here; made of the first of them."""

    def __init__(self, starts: Starts, job: Job) -> None:
        self.starts, self.line, self.ids = starts, job.line, list[str]()
        self.is_ordinary = UNSAID.isdisjoint(starts.fields) and _TOLD.issuperset(starts.fields)
        self.columns = {"state": State.RUNNING.value, **{name: value for name, value in starts.fields.items() if name in _COLUMNS}}
        #: What few jobs have, where that becomes another: they are like each other in it, too.
        self.rare = None if _COLUMNS.issuperset(starts.fields) else rare_of(job)
        if self.rare is not None:
            self.columns["rest"] = MADE["rest"](job.with_(starts.fields))
        self.fact = Fact("JobStarted", starts.at, None, job.task, job.line, None, None, starts.told)
        self.fire = ""
        if (new := starts.successor) is not None:
            is_one = new.state is State.SCHEDULED and new.fire is not None and new.execution is None and new.line == job.line
            self.is_ordinary, self.fire = self.is_ordinary and is_one, new.fire or ""


class _Morning:
    """What ends have in common; made of the first of them."""

    def __init__(self, at: Instant, job: Job) -> None:
        self.at, self.fact = at, Fact("JobCompleted", at, None, job.task, job.line)


class Nights:
    """Of one write."""

    def __init__(self, rooms: WriteRooms, known: Known) -> None:
        self._rooms, self._known, self._holds, self._documents = rooms, known, rooms.holds, rooms.documents.tables
        self._nights: dict[int, _Night] = {}
        self._mornings: dict[tuple[Instant, str, str], _Morning] = {}
        self._held: list[Start] = []
        self._freed: list[str] = []
        self._ended: dict[Instant, list[str]] = {}
        #: What was looked at, and can land as it is: by what it has in common with others.
        self._sure: dict[int, _Night | _Morning] = {}

    # beforehand

    def apart(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Those that have to be loaded and decided change by change."""
        if not (self._known.has_holds or self._known.meets_all_holds) or self._holds.wants:
            return units
        sure = self._sure
        apart: list[Unit] = []
        alike: list[Start | End] = []
        for unit in units:
            kind = type(unit)
            found = self._fitting(unit) if kind is Start else self._fits(unit) if kind is End else None  # type: ignore[arg-type]
            if found is not None and id(unit) not in sure:
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
        jobs, made = wanted.names, {insert.job.id: insert.job for insert in wanted.inserts}
        there = {**made, **self._known.doubted(jobs), **self._known.lent(jobs)}
        if not there.keys() >= wanted.jobs.keys():  # nobody knows where one of them stands
            return alike
        places = {(job.line, job.record) for job in (*there.values(), *made.values())}
        return [one for one in alike if one.job.id in jobs or (one.job.line, one.job.record) in places or _follows(one) in jobs]

    def _fitting(self, start: Start) -> _Night | None:
        """A job as it was claimed, whose task stands as it was planned for, whose own nobody holds, and beside which no other waits."""
        job, starts, known, holds = start.job, start.starts, self._known, self._holds
        if (night := self._nights.get(id(starts))) is None:
            night = self._nights[id(starts)] = _Night(starts, job)
            night.is_ordinary = night.is_ordinary and self._stands(starts)
        if not night.is_ordinary or job.line != night.line or not known.is_claimed(job):
            return None
        if night.rare is not None and rare_of(job) != night.rare:
            return None
        if job.id in holds.of_jobs or not holds.are_free((start.own,)):
            return None
        return night if starts.successor is None or (job.line, job.record) in known.alone else None

    def _stands(self, starts: Starts) -> bool:
        document = self._documents[starts.still.table].get(starts.still.id)
        return document is not None and document.revision == starts.still.revision

    def _fits(self, end: End) -> _Morning | None:
        job, at = end.job, end.at
        if not at or not self._known.is_running(job):
            return None
        if (morning := self._mornings.get((at, job.task, job.line))) is None:
            morning = self._mornings[at, job.task, job.line] = _Morning(at, job)
        return morning

    # in their turn

    def land(self, units: Sequence[Unit]) -> list[Landed]:
        """One after the other, and together those that are alike."""
        if not self._sure:
            return list(map(self._rooms.land, units))
        landed: list[Landed] = []
        for common, several in groupby(units, lambda unit: self._sure.get(id(unit))):
            together: list[Any] = list(several)
            if common is None:
                landed += map(self._rooms.land, together)
                continue
            if isinstance(common, _Night):
                self._start(common, together)
            else:
                self._end(common, together)
            landed += repeat(LANDED, len(together))
        return landed

    def _start(self, night: _Night, starts: Sequence[Start]) -> None:
        """What was looked at beforehand stands, unless others in this write have changed it."""
        ids, owns = [start.job.id for start in starts], [start.own for start in starts]
        records, holds = [start.job.record for start in starts], self._holds
        if not (self._stands(night.starts) and self._known.begin(ids, starts) and _are_apart(owns) and holds.are_free(owns)):
            raise Unlike
        if night.starts.successor is not None:
            self._follow(night, starts, records)
        night.ids += ids
        holds.of_jobs.update((id, Hold(id, start.job.wanted, (own,))) for id, own, start in zip(ids, owns, starts, strict=True))
        holds._writers.update(zip(owns, ids, strict=True))
        self._held += starts
        self._rooms.told.append(_told(night.fact, ids, records))

    def _follow(self, night: _Night, starts: Sequence[Start], records: Sequence[str | None]) -> None:
        line, fire, fires, jobs, alone = night.line, night.fire, self._rooms.fires.kept, self._rooms.jobs, self._known.alone
        ids, keys = [start.following for start in starts], [key_of(line, record, fire) for record in records]
        places, in_hand = [(line, record) for record in records], cast("dict[str, Any]", jobs.in_hand)
        are_new = jobs.number.keys().isdisjoint(ids) and fires.keys().isdisjoint(keys)
        if not (are_new and _are_apart(ids) and _are_apart(places) and alone.issuperset(places)):
            raise Unlike
        log = self._rooms.journal.log
        log += chain.from_iterable(zip(repeat(fires), keys, repeat(ABSENT)))
        log += chain.from_iterable(zip(repeat(in_hand), ids, repeat(ABSENT)))
        fires.update(dict.fromkeys(keys))
        jobs.number.update(dict.fromkeys(ids, 0))
        in_hand.update(zip(ids, starts, strict=True))
        alone.difference_update(places)

    def _end(self, morning: _Morning, ends: Sequence[End]) -> None:
        ids, holds, freed = [end.job.id for end in ends], self._holds, self._freed
        if holds.wants or not self._known.end(ids):
            raise Unlike
        for id_ in ids:
            hold = holds.of_jobs.get(id_)
            if hold is not None and (hold.uses or hold.slots):
                holds.free(id_)
                continue
            if hold is not None:
                del holds.of_jobs[id_]
                for key in hold.writes:
                    holds._writers.pop(key, None)
            freed.append(id_)  # what it holds goes also where nobody has asked what that is
        self._ended.setdefault(morning.at, []).extend(ids)
        self._rooms.told.append(_told(morning.fact, ids, [end.job.record for end in ends]))

    # afterwards

    def save(self, line: Line) -> None:
        """What they share is said once. Their successors and what these stand for are saved with all others."""
        for night in self._begun():
            line.change_all(JOBS, tuple(night.columns), tuple(night.columns.values()), night.ids, growing="revision")
        if held := self._held:
            jobs = [start.job for start in held]
            keys, wanted = [start.own for start in held], [job.wanted for job in jobs]
            line.add_alike(HOLDS, _HELD, {"job": [job.id for job in jobs], "key": keys, "wanted": wanted})
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


def _told(one: Fact, jobs: Sequence[str], records: Sequence[str | None]) -> Fact | Refrain:
    return one._replace(job=jobs[0], record=records[0]) if len(jobs) == 1 else Refrain(one, jobs, records)


def _are_apart(these: Sequence[Hashable]) -> bool:
    """No two of them are the same."""
    return len(set(these)) == len(these)
