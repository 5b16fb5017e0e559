"""Who holds what in the memory store, and who waits for it (R4): accounts alone or beside others, slots by number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from taskkit.instants import Instant
from taskkit.states import FINAL
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import ABSENT, Journal
from taskkit.storage.units import Free, Hold, Refusal, Wait

Several = defaultdict[str, dict[str, None]]


class Holds:
    def __init__(self, journal: Journal, jobs: Jobs) -> None:
        self._journal, self._log, self._jobs, self._in_hand = journal, journal.log, jobs, jobs.in_hand
        self._writers: dict[str, str] = {}
        self._users: Several = defaultdict(dict)
        self._slots: Several = defaultdict(dict)
        self.of_jobs: dict[str, Hold] = {}
        self._waiting: defaultdict[str, dict[str, Hold]] = defaultdict(dict)  # by key and job
        self._alone: defaultdict[str, dict[str, Hold]] = defaultdict(dict)  # those of them that want to write it
        self.wants: dict[str, Hold] = {}
        #: What was given back, or is wanted no more, and others wait for: since whoever writes a unit cleared it.
        self.freed: list[str] = []

    def load(self, holds: Iterable[tuple[Hold, bool]]) -> None:
        """Each with whether its job only waits for it."""
        for hold, waits in holds:
            (self._want if waits else self.grant)(hold)

    # writing

    def take(self, hold: Hold) -> Refusal | None:
        """All of it or nothing; what the job held before is given back."""
        job = self._in_hand.get(hold.job) or self._jobs.get(hold.job)
        if job is None or job.state in FINAL:
            return self._gone(hold.job)
        if not self._fits(hold):
            return Refusal.BUSY
        if self.wants or hold.job in self.of_jobs:
            self.free(hold.job)
            self.freed[:] = [key for key in self.freed if key not in hold.writes]
        self.grant(hold)
        return None

    def _gone(self, job: str) -> Refusal:
        return Refusal.TURNED if job in self._jobs.number else Refusal.ABSENT

    def grant(self, hold: Hold) -> None:
        log, job, writers = self._log, hold.job, self._writers
        for key in hold.writes:
            log += (writers, key, ABSENT)
            writers[key] = job
        for key in hold.uses:
            if key not in hold.writes:
                self._journal.put(self._users[key], job, None)
        for key, _ in hold.slots:
            self._journal.put(self._slots[key], job, None)
        log += (self.of_jobs, job, ABSENT)
        self.of_jobs[job] = hold

    def grant_all(self, holds: Sequence[Hold]) -> None:
        """Each of one key alone, of another one; nobody has any of them."""
        put_all = self._journal.put_all
        put_all(self._writers, [hold.writes[0] for hold in holds], [hold.job for hold in holds])
        put_all(self.of_jobs, [hold.job for hold in holds], holds)

    def are_free(self, keys: Iterable[str]) -> bool:
        """Whether nobody holds any of them, and nobody waits for anything."""
        for key in keys:
            if key in self._writers or self._users.get(key):
                return False
        return not self.wants

    def are_free_for(self, jobs: Iterable[str], keys: Iterable[str]) -> bool:
        """Whether none of the jobs holds anything, and nobody any of the keys."""
        return all(table.keys().isdisjoint(wanted) for table, wanted in ((self.of_jobs, jobs), (self._writers, keys), (self._users, keys)))

    def wait(self, change: Wait) -> Refusal | None:
        hold = change.hold
        job = self._in_hand.get(hold.job) or self._jobs.get(hold.job)
        if job is None or job.state in FINAL:
            return self._gone(hold.job)
        self.free(hold.job)
        self._want(hold)
        return None

    def _want(self, hold: Hold) -> None:
        for key in hold.keys:
            self._journal.put(self._waiting[key], hold.job, hold)
        for key in hold.writes:
            self._journal.put(self._alone[key], hold.job, hold)
        self._journal.put(self.wants, hold.job, hold)

    def release(self, change: Free) -> None:
        self.free(change.job)

    def free(self, job: str) -> None:
        hold = self.of_jobs.get(job)
        if hold is not None:
            log, writers = self._log, self._writers
            log += (self.of_jobs, job, hold)
            del self.of_jobs[job]
            for key in hold.writes:
                log += (writers, key, job)
                writers.pop(key, None)
            for key in hold.uses:
                self._journal.drop(self._users[key], job)
            for key, _ in hold.slots:
                self._journal.drop(self._slots[key], job)
        if self.wants:
            if hold is not None:
                self._note(hold)
            self.wait_no_more(job)

    def free_all(self, jobs: Iterable[str]) -> None:
        """While nobody waits for anything."""
        held = [hold for job in jobs if (hold := self.of_jobs.get(job)) is not None]
        self._journal.drop_all(self.of_jobs, [hold.job for hold in held])
        self._journal.drop_all(self._writers, [key for hold in held for key in hold.writes])
        for hold in held:
            for key in hold.uses:
                self._journal.drop(self._users[key], hold.job)
            for key, _ in hold.slots:
                self._journal.drop(self._slots[key], hold.job)

    def wait_no_more(self, job: str) -> None:
        if hold := self.wants.get(job):
            for key in hold.keys:
                self._journal.drop(self._waiting[key], job)
            for key in hold.writes:
                self._journal.drop(self._alone[key], job)
            self._journal.drop(self.wants, job)
            self._note(hold)

    def _note(self, given: Hold) -> None:
        self.freed += [key for key in given.keys if self._waiting.get(key)]

    # reading

    def holders(self, key: str) -> Sequence[str]:
        writer = self._writers.get(key)
        return [*(() if writer is None else (writer,)), *self._users.get(key, ()), *self._slots.get(key, ())]

    def fitting(self, keys: Iterable[str]) -> list[str]:
        """Those of the waiting that fit together, the longest due first: each takes what it wants, and then all is taken back."""
        if not self.wants:
            return []
        found = {job: hold for key in keys for job, hold in self._waiting.get(key, {}).items()}
        mark = len(self._log)
        try:
            return [hold.job for hold in sorted(found.values(), key=_place) if self.take(hold) is None]
        finally:
            self._journal.take_back(mark)

    def _fits(self, hold: Hold) -> bool:
        job, writers = hold.job, self._writers
        for key in hold.writes:
            if writers.get(key, job) != job or ((users := self._users.get(key)) and _others(users, job)):
                return False
        for key in hold.uses:
            if writers.get(key, job) != job:
                return False
        if hold.slots and not self._has_slots(hold):
            return False
        return not (self.wants and self._is_barred(hold))

    def _has_slots(self, hold: Hold) -> bool:
        return all(_others(self._slots.get(key), hold.job) < limit for key, limit in hold.slots)

    def _is_barred(self, hold: Hold) -> bool:
        """Who waits bars those that want a key after it and cannot hold it beside it, else they could hold it off for ever.

        Who waits for a slot bars nobody: that may take hours, and nothing would be gained.
        """
        job, writers = hold.job, self._writers
        ahead = [self._waiting.get(key) for key in hold.writes if writers.get(key) != job]
        ahead += [self._alone.get(key) for key in hold.uses if writers.get(key) != job and job not in self._users.get(key, ())]
        place, others = _place(hold), (other for waiting in ahead if waiting for other in waiting.values() if other.job != job)
        return any(_place(other) < place and self._has_slots(other) for other in others)


def _others(jobs: dict[str, None] | None, job: str) -> int:
    """How many others there are."""
    return len(jobs) - (job in jobs) if jobs else 0


def _place(hold: Hold) -> tuple[Instant, str]:
    """In order of due; two of one instant have an order, too: then nobody waits for somebody who waits for him."""
    return hold.wanted, hold.job
