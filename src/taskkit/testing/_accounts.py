"""Secrets of accounts in memory: what is in force, what was before it, and a candidate that waits in its slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import RLock

from attrs import define, field

from taskkit.errors import Refused, StaleToken
from taskkit.records import AccountId
from taskkit.secrets import Secret
from taskkit.vaults import BY_HAND, Secrets, Slot, Slots, Values, Viewer, by_hand, is_by_hand


@define
class Account:
    current: dict[str, Secret] = field(factory=dict, repr=False)
    previous: dict[str, Secret] = field(factory=dict, repr=False)
    slot: Slot | None = None
    #: Of what is in force, by name, where an attempt made it.
    attempts: dict[str, str] = field(factory=dict)
    former: list[Slot] = field(factory=list)
    token: int = 0

    def checked(self, token: int, tried: str) -> None:
        if token < self.token:
            raise StaleToken(tried, f"its token {token} is lower than {self.token}, which was here", "nothing more is done by this job")
        self.token = token

    def put_in_force(self, secrets: Mapping[str, Secret], attempt: str | None) -> None:
        for name, secret in secrets.items():
            before = self.attempts.pop(name, BY_HAND)
            if name in self.current:
                self.previous[name] = self.current[name]
                self.former.insert(0, Slot(before, {name: self.current[name]}))
            self.current[name] = secret
            if attempt is not None:
                self.attempts[name] = attempt

    def drop(self) -> None:
        if self.slot is not None:
            self.former.insert(0, self.slot)
        self.slot = None


class MemorySecrets(Secrets):
    """It takes no secret from a job: `KeepingSecrets` does."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]], now: Callable[[], datetime]) -> None:
        self.changed: dict[AccountId, datetime] = {}
        self.read_by: list[str | None] = []
        self.now = now
        self.lock = RLock()
        self._accounts = {id: Account({name: Secret(value) for name, value in values.items()}) for id, values in secrets.items()}

    def of(self, account: AccountId) -> Account:
        return self._accounts.setdefault(account, Account())

    def values(self, account: AccountId, run: Viewer) -> Values:
        self.read_by.append(run.viewer)
        with self.lock:
            found = self._accounts.get(account, Account())
            return Values(dict(found.current), found.slot.secrets if found.slot else {}, dict(found.previous))

    def changed_at(self, account: AccountId) -> datetime | None:
        return self.changed.get(account)

    def former(self, account: AccountId) -> tuple[Slot, ...]:
        with self.lock:
            former = self._accounts.get(account, Account()).former
            return tuple(Slot(BY_HAND, one.secrets) if is_by_hand(one.attempt) else one for one in former)

    def put_in_force(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str | None, at: datetime) -> None:
        with self.lock:
            self.of(account).put_in_force(secrets, attempt)
            self.changed[account] = at

    # by hand

    def change(self, account: AccountId, name: str, secret: Secret, at: datetime) -> None:
        """Its candidate goes, unless a job waits for it: a host may know that one."""
        with self.lock:
            found = self.of(account)
            if found.slot is not None and is_by_hand(found.slot.attempt) and name in found.slot.secrets:
                left = {one: candidate for one, candidate in found.slot.secrets.items() if one != name}
                found.former.insert(0, Slot(BY_HAND, {name: found.slot.secrets[name]}))
                found.slot = Slot(by_hand(), left) if left else None
            self.put_in_force(account, {name: secret}, None, at)

    def propose(self, account: AccountId, name: str, secret: Secret) -> None:
        with self.lock:
            found = self.of(account)
            if found.slot is not None and not is_by_hand(found.slot.attempt):
                case = f"the candidate of the attempt {found.slot.attempt!r} lies there"
                raise Refused(f"proposing a secret of {account!r}", case, "wait until its job has promoted or discarded it")
            before = {} if found.slot is None else found.slot.secrets
            if name in before:
                found.former.insert(0, Slot(BY_HAND, {name: before[name]}))
            found.slot = Slot(by_hand(), {**before, name: secret})


class KeepingSecrets(MemorySecrets):
    keeps = True

    def keep(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        with self.lock:
            kept, found = Slot(attempt, secrets), self.of(account)
            found.checked(token, f"keeping new secrets of {account!r}")
            if attempt not in found.attempts.values():
                self.put_in_force(account, kept.secrets, attempt, self.now())
            return True


class MemorySlots(Slots):
    def __init__(self, secrets: MemorySecrets) -> None:
        self._secrets = secrets

    def propose(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        with self._secrets.lock:
            proposed, found = Slot(attempt, secrets), self._asked(account, token, "proposing secrets")
            if attempt in found.attempts.values():
                return True
            if found.slot is None:
                found.slot = proposed
            return found.slot.attempt == attempt

    def adopt(self, account: AccountId, token: int) -> Slot | None:
        with self._secrets.lock:
            return self._asked(account, token, "adopting the candidate").slot

    def promote(self, account: AccountId, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        with self._secrets.lock:
            found = self._asked(account, token, "promoting the candidate")
            if found.slot is not None and found.slot.attempt == attempt:
                self._secrets.put_in_force(account, found.slot.secrets, attempt, self._secrets.now())
                found.slot = None
            return attempt in found.attempts.values()

    def discard(self, account: AccountId, attempt: str, token: int) -> bool:
        with self._secrets.lock:
            found = self._asked(account, token, "discarding the candidate")
            if found.slot is not None and found.slot.attempt == attempt:
                found.drop()
            return attempt not in found.attempts.values()

    def _asked(self, account: AccountId, token: int, verb: str) -> Account:
        found = self._secrets.of(account)
        found.checked(token, f"{verb} of {account!r}")
        return found
