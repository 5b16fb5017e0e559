"""The slots of a vault in one file: what a job does to a candidate is one transaction with the look at its token (S4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from taskkit.errors import StaleToken
from taskkit.instants import Instant
from taskkit.records import AccountId
from taskkit.secrets import Secret
from taskkit.sqlite_vault._files import File
from taskkit.sqlite_vault._secrets import SealedSecrets
from taskkit.sqlite_vault._shelves import Shelf
from taskkit.vaults import Slot, Slots


class FileSlots(Slots):
    def __init__(self, file: File, sealed: SealedSecrets, now: Callable[[], Instant]) -> None:
        self._file, self._sealed, self._now = file, sealed, now

    def propose(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        proposed = Slot(attempt, secrets)
        with self._asked(account, token, "proposing secrets") as shelf:
            if shelf.is_in_force(attempt):
                return True
            if shelf.waiting is None:
                self._sealed.lay(account, proposed)
            return shelf.waiting in (None, attempt)

    def adopt(self, account: AccountId, token: int) -> Slot | None:
        """Whose token is the highest already changes nothing, and only looks."""
        seen = self._sealed.seen(account)
        if seen.token == token:
            return self._sealed.candidate(seen)
        with self._asked(account, token, "adopting the candidate") as shelf:
            return self._sealed.candidate(shelf)

    def promote(self, account: AccountId, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        with self._asked(account, token, "promoting the candidate") as shelf:
            names = shelf.proposed(attempt)
            for name in names:
                self._sealed.promote(shelf, name, self._now())
            return bool(names) or shelf.is_in_force(attempt)

    def discard(self, account: AccountId, attempt: str, token: int) -> bool:
        with self._asked(account, token, "discarding the candidate") as shelf:
            for name in shelf.proposed(attempt):
                self._sealed.discard(shelf, name, self._now())
            return not shelf.is_in_force(attempt)

    @contextmanager
    def _asked(self, account: AccountId, token: int, verb: str) -> Iterator[Shelf]:
        with self._sealed.changing(account) as shelf:
            highest = shelf.token
            if highest is not None and token < highest:
                case = f"its token {token} is lower than {highest}, which was here"
                raise StaleToken(f"{verb} of {account!r}", case, "nothing more is done by this job")
            if highest is None or token > highest:
                self._file.write(_HIGHEST, account, token)
            yield shelf


#: In its place: to replace the row would write the page of the index anew as well.
_HIGHEST = "INSERT INTO tokens VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET token = excluded.token"
