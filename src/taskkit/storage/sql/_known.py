"""What this process knows of its store by heart, from one write to the next.

The jobs that it has claimed are known as it left them. As long as nobody else writes, so is who holds what, and which revision of each
document stands: the rooms of one write serve for the next. That nobody has written is proven in each transaction that goes by it. Where
somebody has, all is asked anew; of a claimed job it is enough that it stands as it was left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskkit.facts import Head
from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job
from taskkit.states import CLAIMED, State
from taskkit.storage._alike import Start
from taskkit.storage.sql._claims import Lent
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
        self._begun: dict[str, Start] = {}  # those of them that have started since, as others did
        self._doubted: dict[str, Job] = {}  # as they stood before somebody else wrote
        self._dues: dict[str, Instant] = {}  # by pool, the first of what this process has left since it claimed there
        self._patience = 0
        #: Where the chain of this process ends.
        self.head: Head | None = None
        #: The lines and records of jobs that were claimed while no other waited there.
        self.alone = set[tuple[str, str | None]]()
        self._clear_rooms()

    def _clear_rooms(self) -> None:
        self._rooms = WriteRooms()
        #: Whether all holds are in the rooms.
        self.has_holds = False
        #: Whether those are that starts which are alike may meet in this write, and nobody waits for any.
        self.meets_all_holds = False
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
            self._doubted |= self.lent([*self._lent, *self._begun])
            self._lent.clear()
            self.alone.clear()
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
        lent, begun = self._lent, self._begun
        found: dict[str, Job] = {}
        for id in ids:
            if (start := begun.pop(id, None)) is not None:
                lent[id] = start.job.after(State.RUNNING, start.starts.fields)
            if (job := lent.get(id)) is not None:
                found[id] = job
        return found

    def is_claimed(self, job: Job) -> bool:
        """Whether it stands as its claim has left it."""
        lent = self._lent.get(job.id)
        return lent is not None and lent.state is State.QUEUED and (lent is job or lent == job)

    def is_running(self, job: Job) -> bool:
        """Whether the worker that has claimed it with this token has started it, and still has it."""
        if (start := self._begun.get(job.id)) is not None:
            return start.job.token == job.token
        lent = self._lent.get(job.id)
        return lent is not None and lent.state is State.RUNNING and lent.token == job.token

    def begin(self, ids: Sequence[str], starts: Sequence[Start]) -> bool:
        """False where one of them has begun already."""
        lent = self._lent
        if len([lent.pop(id) for id in ids if id in lent]) < len(ids):
            return False
        self._begun.update(zip(ids, starts, strict=True))
        return True

    def end(self, ids: Sequence[str]) -> bool:
        """False where one of them has ended already."""
        begun, lent = self._begun, self._lent
        return all(begun.pop(id, None) is not None or lent.pop(id, None) is not None for id in ids)

    def doubted(self, ids: Iterable[str]) -> Mapping[str, Job]:
        """Only a job that waits changes without a new revision, by a cause that joins it; these were claimed, and may be so still."""
        return {id: job for id in ids if (job := self._doubted.get(id)) is not None} if self._doubted else {}

    def trust_again(self, ids: Iterable[str]) -> None:
        """Of those that were doubted: they stand as they were left."""
        self._lent.update((id, self._doubted.pop(id)) for id in ids)

    def keep(self, jobs: Iterable[Job]) -> None:
        """As they stand from now on."""
        lent, begun, doubted, dues, alone = self._lent, self._begun, self._doubted, self._dues, self.alone
        for job in jobs:
            if begun:
                begun.pop(job.id, None)
            if doubted:
                doubted.pop(job.id, None)
            if job.state in CLAIMED:
                lent[job.id] = job
                continue
            lent.pop(job.id, None)
            alone.discard((job.line, job.record))
            if PHASES[job.state] == DUE and job.due < dues.get(job.pool, NEVER):
                dues[job.pool] = job.due
        forgettable: tuple[dict[str, Any] | set[Any], ...] = (lent, begun, doubted, alone)
        for kept in forgettable:
            if len(kept) > _MOST_JOBS:  # those that were rescued by others are never heard of again
                kept.clear()

    def is_due(self, now: Instant, pools: Iterable[str]) -> bool:
        """Whether this process has left something that is due by now, and not claimed since."""
        return any(self._dues.get(pool, NEVER) <= now for pool in pools)

    def claimed(self, now: Instant, pools: Iterable[str], lent: Lent) -> None:
        for pool in pools:
            if self._dues.get(pool, NEVER) <= now:
                self._dues.pop(pool, None)
        self.keep(one.job for one in lent.jobs)
        self.alone.update((job.line, job.record) for job in lent.alone)

    def lay_down(self) -> None:
        """What stays in the rooms is true until somebody else writes."""
        self._rooms.clear()
        if len(self.documents) > _MOST_DOCUMENTS:
            self._rooms.forget_documents()
            self.documents.clear()
