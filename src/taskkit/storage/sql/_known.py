"""What this process knows of its store by heart, from one write to the next.

The jobs that it has claimed are known as it left them. As long as nobody else writes, so is who holds what, and which revision of each
document stands: the rooms of one write serve for the next. That nobody has written is proven in each transaction that goes by it. Where
somebody has, all is asked anew; of a claimed job it is enough that it stands as it was left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job
from taskkit.states import CLAIMED
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._rooms import WriteRooms
from taskkit.storage.sql._rows import PHASES, holds_of
from taskkit.storage.sql._tables import DUE

_MOST_JOBS = 10_000
_MOST_HOLDS = 5000
_MOST_DOCUMENTS = 1000
#: Where there are more holds than are kept in mind, so many writes go by before anybody looks again.
_PATIENCE = 100
ALL_HOLDS = f"SELECT job, key, how, most, wanted, waits FROM taskkit_holds LIMIT {_MOST_HOLDS + 1}"  # noqa: S608  our own words


class Known:
    _is_open = False

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lent: dict[str, Job] = {}  # jobs that this process has claimed, as they stand
        self._doubted: dict[str, Job] = {}  # as they stood before somebody else wrote
        self._dues: dict[str, Instant] = {}  # by pool, the first of what this process has left since it claimed there
        self._patience = 0
        self._clear_rooms()

    def _clear_rooms(self) -> None:
        self._rooms = WriteRooms()
        #: Whether all holds are in the rooms.
        self.has_holds = False
        #: Those of which the rooms know the revision, or that there is none: their places and ids.
        self.documents = set[tuple[str, str]]()

    def open(self) -> None:
        """A write begins; where the one before broke off, nobody knows what has landed of it."""
        if self._is_open:
            self.forget()
        self._is_open = True

    def settle(self) -> None:
        """It has landed, and all that it changed was kept."""
        self._is_open = False

    def rooms(self, line: Line) -> WriteRooms:
        """With what is still true in this transaction."""
        others_wrote = line.others_wrote()
        if others_wrote:
            self._doubted |= self._lent
            self._lent.clear()
        if others_wrote or not self.has_holds or self._rooms.kept_holds > _MOST_HOLDS:
            self._clear_rooms()
        if not (others_wrote or self.has_holds):
            self._learn_holds(line)
        return self._rooms

    def _learn_holds(self, line: Line) -> None:
        if self._patience:
            self._patience -= 1
            return
        rows = line.rows(ALL_HOLDS)
        self.has_holds = len(rows) <= _MOST_HOLDS
        if self.has_holds:
            self._rooms.holds.load(holds_of(rows))
        else:
            self._patience = _PATIENCE

    def lent(self, ids: Iterable[str]) -> Mapping[str, Job]:
        return {id: job for id in ids if (job := self._lent.get(id)) is not None}

    def doubted(self, ids: Iterable[str]) -> Mapping[str, Job]:
        """Only a job that waits changes without a new revision, by a cause that joins it; these were claimed, and may be so still."""
        return {id: job for id in ids if (job := self._doubted.get(id)) is not None} if self._doubted else {}

    def keep(self, jobs: Iterable[Job]) -> None:
        """As they stand from now on."""
        lent, doubted, dues = self._lent, self._doubted, self._dues
        for job in jobs:
            if doubted:
                doubted.pop(job.id, None)
            if job.state in CLAIMED:
                lent[job.id] = job
                continue
            lent.pop(job.id, None)
            if PHASES[job.state] == DUE and job.due < dues.get(job.pool, NEVER):
                dues[job.pool] = job.due
        for kept in (lent, doubted):
            if len(kept) > _MOST_JOBS:  # those that were rescued by others are never heard of again
                kept.clear()

    def is_due(self, now: Instant, pools: Iterable[str]) -> bool:
        """Whether this process has left something that is due by now, and not claimed since."""
        return any(self._dues.get(pool, NEVER) <= now for pool in pools)

    def claimed(self, now: Instant, pools: Iterable[str]) -> None:
        for pool in pools:
            if self._dues.get(pool, NEVER) <= now:
                self._dues.pop(pool, None)

    def lay_down(self, *, documents: bool) -> None:
        """What stays in the rooms is true until somebody else writes; `documents`, whether some of these were changed."""
        self._rooms.clear()
        if documents or len(self.documents) > _MOST_DOCUMENTS:
            self._rooms.forget_documents()
            self.documents.clear()
