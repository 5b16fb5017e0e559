"""Who holds what, and who waits for it (R4): accounts alone or beside others, slots by number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from taskkit.instants import Instant
from taskkit.storage._journal import Journal
from taskkit.storage.units import Hold

WRITES, USES, SLOTS = "writes", "uses", "slots"


def _parts(hold: Hold) -> Iterator[tuple[str, str, int]]:
    """Each key with its mode and limit."""
    for key in hold.writes:
        yield key, WRITES, 1
    for key in hold.uses:
        yield key, USES, 0
    for key, limit in hold.slots:
        yield key, SLOTS, limit


class Holds:
    """The table of holds of the memory store."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._held: dict[str, dict[str, str]] = {}  # key: {job: mode}
        self._of_job: dict[str, Hold] = {}
        self._waiting: dict[str, dict[str, Hold]] = {}  # key: {job: what it wants}
        self._wants: dict[str, Hold] = {}

    def take(self, hold: Hold) -> bool:
        """All of it or nothing; what the job held before is given back."""
        if not self._fits(hold):
            return False
        self.free(hold.job)
        for key, mode, _ in _parts(hold):
            self._journal.put(self._held.setdefault(key, {}), hold.job, mode)
        self._journal.put(self._of_job, hold.job, hold)
        return True

    def wait(self, hold: Hold) -> None:
        self.free(hold.job)
        for key in hold.keys:
            self._journal.put(self._waiting.setdefault(key, {}), hold.job, hold)
        self._journal.put(self._wants, hold.job, hold)

    def free(self, job: str) -> None:
        self._drop(job, self._held, self._of_job)
        self._drop(job, self._waiting, self._wants)

    def _drop(self, job: str, table: dict[str, dict[str, Any]], of_job: dict[str, Hold]) -> None:
        if hold := of_job.get(job):
            for key in hold.keys:
                self._journal.drop(table.get(key, {}), job)
            self._journal.drop(of_job, job)

    def holders(self, key: str) -> list[str]:
        return list(self._held.get(key, ()))

    def fitting(self, keys: Iterable[str]) -> list[str]:
        """Those of the waiting that fit together, the longest due first."""
        found = {job: hold for key in keys for job, hold in self._waiting.get(key, {}).items()}
        granted: list[Hold] = []
        for hold in sorted(found.values(), key=_by_due):
            if self._fits(hold, granted):
                granted.append(hold)
        return [hold.job for hold in granted]

    def _fits(self, hold: Hold, granted: Iterable[Hold] = ()) -> bool:
        return all(self._free_for(hold, key, mode, limit, granted) for key, mode, limit in _parts(hold))

    def _free_for(self, hold: Hold, key: str, mode: str, limit: int, granted: Iterable[Hold]) -> bool:
        modes = [held for job, held in self._held.get(key, {}).items() if job != hold.job]
        modes += [held for other in granted for name, held, _ in _parts(other) if name == key]
        if mode == SLOTS:
            return len(modes) < limit
        if mode == WRITES:
            return not modes
        return WRITES not in modes and not self._barred(key, hold, granted)

    def _barred(self, key: str, hold: Hold, granted: Iterable[Hold]) -> bool:
        """A writer that waits bars new users, else they could hold it off for ever."""
        passed = {other.job for other in granted}
        waiting = (other for job, other in self._waiting.get(key, {}).items() if job != hold.job and job not in passed)
        return any(key in other.writes for other in waiting)


def _by_due(hold: Hold) -> tuple[Instant, str]:
    return hold.wanted, hold.job
