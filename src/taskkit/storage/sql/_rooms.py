"""The rooms in which a write of a database is decided: without what a store in memory finds its jobs by, as here they are loaded."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any

from taskkit.jobs import Job
from taskkit.states import FINAL, PENDING
from taskkit.storage._dues import Dues
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import Journal
from taskkit.storage._rooms import Rooms


class _Loaded(Jobs):
    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self._places: dict[tuple[str, str], list[str]] = {}  # where each stands or stood: nothing but seats is looked for

    def clear(self) -> None:
        tables: tuple[dict[Any, Any], ...] = (self.in_hand, self.number, self._places)
        for table in tables:
            table.clear()
        self.touched.clear()

    def _list(self, job: Job) -> None:
        self._places.setdefault((job.line, job.record or ""), []).append(job.id)

    def replace(self, job: Job, moved: Job) -> None:
        self._list(moved)

    def end(self, job: Job) -> None: ...

    def open_ids(self, job: Job) -> Sequence[str]:
        """Those of them that were asked for: whoever has the seat is among them."""
        ids = dict.fromkeys(self._places.get((job.line, job.record or ""), ()))
        return [id for id in ids if (there := self.in_hand.get(id)) is not None and there.state not in FINAL]

    def sitting(self, seat: tuple[str, ...]) -> list[Job]:
        there = [job for id in self._places.get((seat[1], seat[2]), ()) if (job := self.in_hand.get(id)) is not None]
        return [job for job in there if job.state in PENDING and job.seat == seat]


class _Unasked(Dues):
    """Who is due, or claimed, is asked of the tables."""

    def wait(self, job: Job) -> None: ...

    def lend(self, job: Job) -> None: ...


class WriteRooms(Rooms):
    jobs: _Loaded

    def __init__(self) -> None:
        super().__init__(_Loaded, _Unasked)

    def clear(self) -> None:
        """For the next write: who holds what stays, and what documents stand at."""
        self.jobs.clear()
        self.fires.kept.clear()
        self.fires.of_jobs.clear()
        self.blobs.named.clear()
        self.blobs._pieces.clear()
        self.told.clear()
        self.journal.log.clear()

    def forget_documents(self) -> None:
        self.documents.tables.clear()
        self.documents._groups.clear()

    @property
    def kept_holds(self) -> int:
        """With the keys that nobody holds any more."""
        holds = self.holds
        kept: tuple[Sized, ...] = (holds.of_jobs, holds.wants, holds._users, holds._slots, holds._waiting, holds._alone)
        return sum(map(len, kept))
