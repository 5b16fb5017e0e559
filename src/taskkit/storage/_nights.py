"""Starts and ends of jobs that are like others, as the memory store decides them: without their changes, and what they share once.

As with wholes, first all is looked at, then all is done. What is out of the ordinary is decided change by change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskkit.facts import Fact, refrain
from taskkit.jobs import PLACES, Job
from taskkit.states import State
from taskkit.storage._alike import End, Start, Starts
from taskkit.storage._fires import key_of
from taskkit.storage._journal import ABSENT
from taskkit.storage._rows import ID, REVISION, STATE, done, row
from taskkit.storage._wholes import UNSAID
from taskkit.storage.units import Hold

if TYPE_CHECKING:
    from taskkit.storage._rooms import Rooms

_RECORD, _HOST = PLACES["record"], PLACES["host"]
_NOBODYS = Fact("JobCompleted", 0)


class Night:
    """What starts have in common here; made of the first of them."""

    def __init__(self, starts: Starts, job: Job) -> None:
        self.starts, self.successor = starts, starts.successor
        self.is_ordinary = UNSAID.isdisjoint(starts.fields)
        self.turned = [(STATE, State.RUNNING), *((PLACES[name], value) for name, value in starts.fields.items())]
        self.told = refrain(Fact("JobStarted", starts.at, None, job.task, job.line, None, None, starts.told))
        if (new := starts.successor) is not None:
            self.is_ordinary = self.is_ordinary and new.state is State.SCHEDULED and new.fire is not None and new.execution is None
            self.row = row(new)


class Nights:
    def __init__(self, rooms: Rooms) -> None:
        self._jobs, self._fires, self._dues, self._holds = rooms.jobs, rooms.fires, rooms.dues, rooms.holds
        self._log, self._told, self._documents, self._in_hand = rooms.journal.log, rooms.told, rooms.documents.tables, rooms.jobs.in_hand
        self._night: Night | None = None
        self._ended, self._end_told = _NOBODYS, refrain(_NOBODYS)
        #: By what is written: whether it has landed.
        self.of: dict[type[Any], Callable[[Any], bool]] = {Start: self._starts, End: self._ends}

    def _starts(self, start: Start) -> bool:
        """A job as it was claimed, whose task stands as it was planned for, and whose own nobody holds."""
        job, starts, id, holds, in_hand = start.job, start.starts, start.job.id, self._holds, self._in_hand
        if in_hand.get(id) is not job or job.state is not State.QUEUED or id in holds.of_jobs or not holds.are_free((start.own,)):
            return False
        night, still = self._night, starts.still
        if night is None or night.starts is not starts:
            night = self._night = Night(starts, job)
        document = self._documents[still.table].get(still.id)
        if document is None or document.revision != still.revision or not night.is_ordinary:
            return False
        if night.successor is not None and not self._is_followed(job, start.following, night.successor, night):
            return False
        values: list[Any] = list(job)
        for place, value in night.turned:
            values[place] = value
        values[REVISION] += 1
        self._log += (in_hand, id, job)
        in_hand[id] = tuple.__new__(Job, values)
        holds.grant(Hold(id, job.wanted, (start.own,)))
        self._told.append(night.told(id, job.record))
        return True

    def _is_followed(self, job: Job, id: str, new: Job, night: Night) -> bool:
        """Whether the successor waits from now on: nobody has its name or fire, and no other job of its line and record is open."""
        jobs, fires, record = self._jobs, self._fires, job.record
        open_ids, kept, key = jobs.open_ids(job), fires.kept, key_of(job.line, record, new.fire or "")
        if len(open_ids) > (job.id in open_ids) or id in jobs.number or key in kept or key in fires.left:
            return False
        values = list(night.row)
        values[ID], values[_RECORD], values[_HOST] = id, record, job.host
        self._log += (kept, key, ABSENT)
        kept[key] = None
        self._dues.wait_at(new, id, jobs.wait(id, job, tuple(values)))
        return True

    def _ends(self, end: End) -> bool:
        """A job that runs, while nobody waits for anything that others hold."""
        claimed, at = end.job, end.at
        id = claimed.id
        job = self._in_hand.get(id)
        if job is None or job.state is not State.RUNNING or job.token != claimed.token or self._holds.wants:
            return False
        if (kept := done(job, at)) is None:
            return False
        self._jobs.finish(job, kept, at)
        self._holds.free(id)
        last = self._ended
        if last.at != at or last.task != job.task or last.line != job.line:
            self._ended = last = Fact("JobCompleted", at, None, job.task, job.line)
            self._end_told = refrain(last)
        self._told.append(self._end_told(id, job.record))
        return True
