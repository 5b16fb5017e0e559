"""The slots of a vault in one file: what a job does to a candidate is one transaction with the look at its token (S4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from taskkit.errors import StaleToken
from taskkit.instants import Instant
from taskkit.records import AccountId
from taskkit.secrets import Secret
from taskkit.sqlite_vault._files import File
from taskkit.sqlite_vault._secrets import CURRENT, PENDING, SealedSecrets
from taskkit.vaults import Slot, Slots


class FileSlots(Slots):
    def __init__(self, file: File, sealed: SealedSecrets, now: Callable[[], Instant]) -> None:
        self._file, self._sealed, self._now = file, sealed, now

    def propose(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        proposed = Slot(attempt, secrets)
        with self._asked(account, token, "proposing secrets"):
            if self._in_force(account, attempt):
                return True
            lies = self._sealed.waiting(account)
            if lies is None:
                self._sealed.lay(account, proposed)
            return lies in (None, attempt)

    def adopt(self, account: AccountId, token: int) -> Slot | None:
        """Whose token is the highest already changes nothing, and only looks."""
        highest, slot = self._sealed.seen(account)
        if highest == token:
            return slot
        with self._asked(account, token, "adopting the candidate"):
            return self._sealed.seen(account)[1]

    def promote(self, account: AccountId, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        with self._asked(account, token, "promoting the candidate"):
            names = self._sealed.names(account, PENDING, attempt)
            for name in names:
                self._sealed.promote(account, name, self._now())
            return bool(names) or self._in_force(account, attempt)

    def discard(self, account: AccountId, attempt: str, token: int) -> bool:
        with self._asked(account, token, "discarding the candidate"):
            for name in self._sealed.names(account, PENDING, attempt):
                self._sealed.discard(account, name, self._now())
            return not self._in_force(account, attempt)

    def _in_force(self, account: AccountId, attempt: str) -> bool:
        return bool(self._sealed.names(account, CURRENT, attempt))

    @contextmanager
    def _asked(self, account: AccountId, token: int, verb: str) -> Iterator[None]:
        with self._sealed.writing():
            highest = self._file.row("SELECT token FROM tokens WHERE account = ?", account)
            if highest and token < highest[0]:
                case = f"its token {token} is lower than {highest[0]}, which was here"
                raise StaleToken(f"{verb} of {account!r}", case, "nothing more is done by this job")
            if not highest or token > highest[0]:
                self._file.write("INSERT OR REPLACE INTO tokens VALUES (?, ?)", account, token)
            yield
