"""How many log-ins an account can bear before its host locks it (S5): what was refused, as the store keeps it for whoever goes on.

Nothing is written as long as nothing is refused.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pendulum import DateTime

from taskkit.engine._intents import read, spent, told_spent
from taskkit.errors import Outdated
from taskkit.instants import shown
from taskkit.jobs import Job, Kind
from taskkit.records import AccountId
from taskkit.storage import Document, Keep
from taskkit.tries import LOCKED, TABLE, UNSEEN, SpentTries, SpentTry

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._runs import JobRun
    from taskkit.secrets import Secret

_ATTEMPTS = 4


class Budget:
    """Implements the port `Budget`, of one account for one run."""

    def __init__(self, ground: Ground, run: JobRun, account: AccountId) -> None:
        self._ground, self._run, self._storage, self._account = ground, run, ground.storage, account
        self._found: SpentTries | None = None
        self._seen: SpentTries | None = None

    def see(self, kept: Document | None) -> None:
        """What the store has just told of it: it is not asked for once more."""
        self._seen = told_spent(self._account, kept)

    @property
    def left(self) -> int:
        return self._known.left(self._ground.now())

    @property
    def free(self) -> DateTime:
        return shown(self._known.free(self._ground.now()))

    def is_refused(self, which: str, secret: Secret) -> bool:
        return bool(self._known.tries) and self._known.says(which, self._mark(secret))

    def refused(self, which: str, secret: Secret | None, *, tells: bool = True) -> None:
        self._note(SpentTry(which, self._ground.now(), "" if secret is None else self._mark(secret), tells))

    def locked(self) -> None:
        self._note(SpentTry(LOCKED, self._ground.now()))

    def let_in(self) -> None:
        self._found = SpentTries(self._account, revision=self._kept.revision)

    def trust(self) -> None:
        if [one.which for one in self._known.tries] == [UNSEEN]:
            self.let_in()

    def settled(self) -> tuple[Keep, ...]:
        """What the unit adds that settles an intent: who comes after it tries all anew, and counts on."""
        if not (found := self._kept).revision:
            return ()
        self._found = None
        return (Keep(TABLE, self._account, found.revision, found.muted().body() if found.tries else None),)

    def forget(self) -> None:
        """Somebody may have been there first."""
        self._found = None

    @property
    def _kept(self) -> SpentTries:
        return self._found or self._read()

    @property
    def _known(self) -> SpentTries:
        if self._found is None:
            self._found = self._read()
            if unseen := [one for one in self._unseen() if not self._found.has(one.which, one.mark)]:
                self._note(*unseen)
        return self._found

    def _read(self) -> SpentTries:
        seen, self._seen = self._seen, None
        return seen or spent(self._storage, self._account)

    def _unseen(self) -> list[SpentTry]:
        """Of each worker that was lost over the account: it may have been just about to hear that a secret is refused."""
        job = self._run.job
        intent = read(self._storage, self._account) if job.kind is Kind.RECOVERY else None
        before = self._storage.job(intent.job) if intent is not None and intent.job != job.id else None
        lost = [one for one in (before, job) if one is not None and _was_lost(one)]
        return [SpentTry(UNSEEN, self._ground.now(), f"{job.id}/{job.rescues}") for job in lost]

    def _note(self, *tries: SpentTry) -> None:
        for _ in range(_ATTEMPTS):
            found = self._kept.with_(*tries)
            with suppress(Outdated):
                self._run.fence.save({}, (Keep(TABLE, self._account, found.revision, found.body()),), durable=True)
                self._found = SpentTries(self._account, found.tries, found.revision + 1)
                return
            self._found = None
        raise Outdated(f"noting a refused log-in of {self._account!r}", "others do it all the time", "it is tried again later")

    def _mark(self, secret: Secret) -> str:
        return self._ground.seals.print_of(self._account, secret)


def _was_lost(job: Job) -> bool:
    return job.rescues > 0 and job.started is not None
