"""How many log-ins an account can bear before its host locks it (S5): what was refused, as the store keeps it for whoever goes on.

Nothing is written as long as nothing is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pendulum import DateTime

from taskkit.engine._intents import read, spent, told_spent
from taskkit.errors import HostRefused, Outdated, TaskkitError, TriesSpared
from taskkit.instants import shown
from taskkit.jobs import Job, Kind
from taskkit.outcomes import ErrorClass, class_of
from taskkit.records import AccountId
from taskkit.storage import Document, Keep
from taskkit.tries import AT_ONCE, LOCKED, TABLE, UNSEEN, SpentTries, SpentTry

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

    @contextmanager
    def spent(self, tried: str, secret: Secret | None) -> Iterator[Callable[[ErrorClass | None], None]]:
        """A log-in with the secret in force: TriesSpared where none may be made. What it was answered is told, or raised by the host."""
        if not self.left:
            raise TriesSpared(tried, self.free)
        try:
            yield lambda error: self._answered(error, secret)
        except HostRefused as refused:
            self._answered(class_of(refused), secret)
            raise
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            if not isinstance(error, TaskkitError):  # the host may have heard it
                self.refused(UNSEEN, None)
            raise

    def _answered(self, error: ErrorClass | None, secret: Secret | None) -> None:
        """Nobody looks for the right one here: it may be tried again."""
        if error is ErrorClass.WRONG_CREDENTIALS:
            self.refused("current", secret, tells=False)
        elif error is ErrorClass.ACCOUNT_LOCKED:
            self.locked()

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
            found = self._read()
            self._found = found.until(self._ground.now())
            unseen = [one for one in self._unseen(found) if not found.has(one.which, one.mark)]
            if unseen or self._found is not found:
                self._note(*unseen)
        return self._found

    def _read(self) -> SpentTries:
        seen, self._seen = self._seen, None
        return seen or spent(self._storage, self._account)

    def _unseen(self, found: SpentTries) -> list[SpentTry]:
        """Of each worker that was lost over the account: it may have been just about to hear that a secret is refused."""
        job = self._run.job
        if _was_lost(job) and self._is_counted_by_others(found):
            return []
        intent = read(self._storage, self._account) if job.kind is Kind.RECOVERY else None
        before = self._storage.job(intent.job) if intent is not None and intent.job != job.id else None
        lost = [one for one in (before, job) if one is not None and _was_lost(one)]
        return [SpentTry(UNSEEN, self._ground.now(), f"{job.id}/{job.rescues}") for job in lost]

    def _is_counted_by_others(self, found: SpentTries) -> bool:
        """Where many use an account beside one another, a process that ends is lost to all of them: one for all."""
        job = self._run.job
        if self._account in self._run.accounts.writes or self._account == job.account:
            return False
        return found.left(self._ground.now()) < AT_ONCE and not any(one.mark.startswith(f"{job.id}/") for one in found.tries)

    def _note(self, *tries: SpentTry) -> None:
        """Where others are always there first, they have noted more than the account can bear."""
        for _ in range(_ATTEMPTS):
            found = self._kept.until(self._ground.now()).with_(*tries)
            with suppress(Outdated):
                self._run.fence.save({}, (Keep(TABLE, self._account, found.revision, found.body()),), durable=True)
                self._found = SpentTries(self._account, found.tries, found.revision + 1)
                return
            self._found = None

    def _mark(self, secret: Secret) -> str:
        return self._ground.seals.print_of(self._account, secret)


def _was_lost(job: Job) -> bool:
    return job.rescues > 0 and job.started is not None
