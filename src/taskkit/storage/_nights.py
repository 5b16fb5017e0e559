"""Starts and ends of jobs that are like others, as the memory store decides them: many at once, and what they share once.

As with wholes, first all is looked at, then all is done. A night stops at what is out of the ordinary, which is decided change by change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from taskkit.facts import Fact, Refrain
from taskkit.jobs import PLACES
from taskkit.states import State
from taskkit.storage._alike import End, Start, Starts
from taskkit.storage._fires import key_of
from taskkit.storage._rows import (
    HELD,
    HOST,
    ID,
    LINE,
    OWN,
    RECORD,
    REVISION,
    STATE,
    STATE_AT,
    TASK,
    TOKEN,
    Common,
    Row,
    Template,
    completed,
    row,
)
from taskkit.storage._wholes import UNSAID
from taskkit.storage.units import Hold, Unit

if TYPE_CHECKING:
    from taskkit.storage._rooms import Rooms

_QUEUED, _RUNNING = STATE_AT[State.QUEUED], STATE_AT[State.RUNNING]
_WANTED = PLACES["wanted"]
#: What no start of a night says.
_UNSAID = UNSAID.union(OWN, HELD)


class _Night:
    """What becomes of jobs with this in common that start alike."""

    def __init__(self, starts: Starts, common: Common, like: Common) -> None:
        self.starts, self.common, self.line, self.wanted, self.successor = starts, common, common[LINE], common[_WANTED], starts.successor
        self.running = Template(common, {**starts.fields, "state": State.RUNNING}).common
        self.fact = Fact("JobStarted", starts.at, None, common[TASK], self.line, None, None, starts.told)
        self.is_ordinary = common[STATE] == _QUEUED and _UNSAID.isdisjoint(starts.fields)
        if (new := starts.successor) is not None:
            is_plain = new.state is State.SCHEDULED and new.fire is not None and new.execution is None and new.line == self.line
            self.following, self.is_ordinary = row(new, like), self.is_ordinary and is_plain


class _Columns:
    """Of those of one night that start together: each as it is lent, what it holds, its successor, and for what that stands."""

    def __init__(self, rows: list[Row], owns: list[str], followings: list[str], fires: list[str]) -> None:
        self.rows, self.owns, self.followings, self.fires = rows, owns, followings, fires
        self.ids = [one[ID] for one in rows]

    @property
    def are_apart(self) -> bool:
        """No two of them want the same."""
        return all(len(set(column)) == len(column) for column in (self.ids, self.owns, self.followings, self.fires))

    def half(self) -> _Columns:
        most = len(self.rows) // 2
        return _Columns(self.rows[:most], self.owns[:most], self.followings[:most], self.fires[:most])


class Nights:
    def __init__(self, rooms: Rooms) -> None:
        self._jobs, self._fires, self._dues, self._holds = rooms.jobs, rooms.fires, rooms.dues, rooms.holds
        self._journal, self._told, self._expect = rooms.journal, rooms.told, rooms.documents.expect
        self._like: Common = ()  # what those have in common that followed the last night
        #: By what is written: how many of the units have landed, from this place on.
        self.of: dict[type[Any], Callable[[Sequence[Any], int], int]] = {Start: self._starts, End: self._ends}

    # starts

    def _starts(self, units: Sequence[Unit], place: int) -> int:
        """Jobs as they were claimed, whose task stands as it was planned for: all at once, or as many as nothing stands against."""
        first: Start = units[place]  # type: ignore[assignment]
        kept = self._jobs.lent.get(first.job.id)
        if kept is None or self._holds.wants or self._expect(first.starts.still) is not None:
            return 0
        night = _Night(first.starts, kept[0], self._like)
        found = self._alike(night, units, place)
        while not self._are_free(night, found):
            found = found.half()
        if found.rows:
            self._begin(night, found)
        return len(found.rows)

    def _alike(self, night: _Night, units: Sequence[Unit], place: int) -> _Columns:
        """Those of the night, from this place on."""
        lent, starts, common, rows, owns, followings = self._jobs.lent, night.starts, night.common, list[Row](), list[str](), list[str]()
        for unit in islice(units, place, None if night.is_ordinary else place):
            if type(unit) is not Start or unit.starts is not starts:
                break
            job = unit.job
            kept = lent.get(job.id)
            if kept is None or kept[0] is not common or kept[TOKEN] != job.token or kept[REVISION] != job.revision:
                break
            rows.append(kept)
            owns.append(unit.own)
            followings.append(unit.following)
        if (new := night.successor) is None:
            return _Columns(rows, owns, [], [])
        return _Columns(rows, owns, followings, [key_of(night.line, one[RECORD], new.fire or "") for one in rows])

    def _are_free(self, night: _Night, found: _Columns) -> bool:
        """Nobody holds what they want, nobody has the name or the fire of a successor, and no job of its line and record is open."""
        jobs, ids = self._jobs, found.ids
        if not (found.are_apart and jobs.in_hand.keys().isdisjoint(ids) and self._holds.are_free_for(ids, found.owns)):
            return False
        if night.successor is None:
            return True
        alone = [jobs.open_at(night.line, one[RECORD]) for one in found.rows] == [(id,) for id in ids]
        return alone and jobs.number.keys().isdisjoint(found.followings) and self._fires.are_new(found.fires)

    def _begin(self, night: _Night, found: _Columns) -> None:
        running, wanted, rows = night.running, night.wanted, found.rows
        put_all, ids = self._journal.put_all, found.ids
        put_all(self._jobs.lent, ids, [(running, *one[ID:REVISION], one[REVISION] + 1, one[TOKEN]) for one in rows])
        self._holds.grant_all([Hold(id, wanted, (own,)) for id, own in zip(ids, found.owns, strict=True)])
        if (new := night.successor) is not None:
            common, *_, created, revision, token = night.following
            self._like, places = common, zip(found.followings, rows, strict=True)
            put_all(self._fires.kept, found.fires, repeat(None))
            numbers = self._jobs.wait(night.line, [(common, id, one[RECORD], one[HOST], created, revision, token) for id, one in places])
            self._dues.wait_all(new.pool, new.due, numbers, found.followings)
        self._told.append(Refrain(night.fact, ids, [one[RECORD] for one in rows]))

    # ends

    def _ends(self, units: Sequence[Unit], place: int) -> int:
        """Jobs that run, while nobody waits for anything that others hold."""
        first: End = units[place]  # type: ignore[assignment]
        lent, in_hand, at, rows = self._jobs.lent, self._jobs.in_hand, first.at, list[Row]()
        common = (lent.get(first.job.id) or ((),))[0]
        if not common or common[STATE] != _RUNNING or self._holds.wants:
            return 0
        for unit in islice(units, place, None):
            if type(unit) is not End or unit.at != at or (kept := lent.get(unit.job.id)) is None:
                break
            if kept[0] is not common or kept[TOKEN] != unit.job.token or kept[ID] in in_hand:
                break
            rows.append(kept)
        if len({one[ID] for one in rows}) < len(rows):
            rows = rows[:1]
        self._end(common, rows, at)
        return len(rows)

    def _end(self, common: Common, rows: Sequence[Row], at: int) -> None:
        ended, ids = completed(common, at), [one[ID] for one in rows]
        self._jobs.finish(common[LINE], [(ended, *one[ID:REVISION], one[REVISION] + 1, None) for one in rows], at)
        self._holds.free_all(ids)
        fact = Fact("JobCompleted", at, None, common[TASK], common[LINE])
        self._told.append(Refrain(fact, ids, [one[RECORD] for one in rows]))
