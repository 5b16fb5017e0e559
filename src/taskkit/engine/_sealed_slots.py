"""Candidates of vaults without slots: each lies sealed in the store until its intent is settled (S2, S6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from taskkit.engine._seals import SEALED
from taskkit.errors import Outdated
from taskkit.records import AccountId
from taskkit.secrets import Secret
from taskkit.storage import Change, Keep, Storage
from taskkit.vaults import Slot, Slots

if TYPE_CHECKING:
    from taskkit.engine._runs import JobRun
    from taskkit.engine._seals import Seals

_TRIES = 4


class SealedSlots(Slots):
    """Of one run: what it writes is fenced by its job, so the tokens are those of the store."""

    def __init__(self, seals: Seals, run: JobRun) -> None:
        self._seals, self._run = seals, run

    def propose(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        found = self._seals.read(slot_id(account))
        if found is not None:
            return found.group == attempt
        self._run.fence.save({}, (self._seals.keep(slot_id(account), secrets, group=attempt),), durable=True)
        return True

    def adopt(self, account: AccountId, token: int) -> Slot | None:
        found = self._seals.read(slot_id(account))
        if found is None:
            return None
        for secret in found.secrets.values():
            self._run.keep(secret)
        return Slot(found.group, found.secrets)

    def promote(self, account: AccountId, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        """It stays sealed until the intent is settled, so that said again it is found."""
        found = self._seals.read(slot_id(account))
        if found is None or found.group != attempt:
            return False
        return self._run.vault.secrets.keep(account, found.secrets, attempt, token, origin)

    def discard(self, account: AccountId, attempt: str, token: int) -> bool:
        for left in reversed(range(_TRIES)):
            found = self._seals.read(slot_id(account))
            if found is None or found.group != attempt:
                break
            try:
                self._run.fence.save({}, (self._seals.drop(found.id, found.revision),), durable=True)
            except Outdated:  # sealed anew meanwhile
                if not left:
                    raise
        return True

    def is_moved(self, account: AccountId, slots: Slots | None, token: int) -> bool:
        """Whether it lies in these from now on."""
        found = self.adopt(account, token)
        if found is None or slots is None or not slots.propose(account, found.secrets, found.attempt, token):
            return False
        return self.discard(account, found.attempt, token)


def dropped(storage: Storage, account: AccountId) -> tuple[Change, ...]:
    """What the unit adds that settles an intent."""
    kept = storage.document(SEALED, slot_id(account))
    return () if kept is None else (Keep(SEALED, kept.id, kept.revision, None),)


def slot_id(account: AccountId) -> str:
    return f"slot/{account}"
