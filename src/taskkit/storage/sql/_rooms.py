"""The rooms in which a write of a database is decided: without what a store in memory finds its jobs by, as here they are loaded."""

from __future__ import annotations

from collections.abc import Sized

from taskkit.jobs import Job
from taskkit.states import FINAL
from taskkit.storage._dues import Dues
from taskkit.storage._jobs import Ids, Jobs
from taskkit.storage._rooms import Rooms


class _Loaded(Jobs):
    def _lists(self, job: Job) -> list[Ids]:
        """Nothing but seats is looked for while units land."""
        return [] if job.state in FINAL else [self._open[job.line][job.record or ""]]

    def clear(self) -> None:
        self.in_hand.clear()
        self.number.clear()
        self._open.clear()
        self._touched.clear()


class _Unasked(Dues):
    """Who is due, or claimed, is asked of the tables."""

    def wait(self, job: Job) -> None: ...

    def wait_no_more(self, job: Job) -> None: ...

    def lend(self, job: Job) -> None: ...

    def give_back(self, job: str) -> None: ...


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
