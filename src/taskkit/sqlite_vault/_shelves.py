"""What lies in the file for one account, brought by one question: whoever changes it has seen all of it at one moment. Opens nothing."""

from __future__ import annotations

from typing import NamedTuple

from taskkit.records import AccountId
from taskkit.sqlite_vault._files import File
from taskkit.vaults import BY_HAND

CURRENT, PENDING = "current", "pending"


class Sealed(NamedTuple):
    """One secret as it lies there."""

    name: str
    slot: str
    turn: int
    attempt: str | None
    sealed: bytes


class Shelf:
    """In force and proposed: the history is not on it."""

    __slots__ = ("account", "current", "pending", "proof", "token")

    def __init__(self, file: File, account: AccountId, key: str) -> None:
        self.account = account
        #: The highest token that was here, and what the key left as its proof.
        self.token: int | None
        self.proof: bytes | None
        self.current: dict[str, Sealed] = {}
        self.pending: dict[str, Sealed] = {}
        for self.token, self.proof, *found in file.rows(_SHELF, account, key, account):
            if found[0] is not None:
                one = Sealed(*found)
                (self.pending if one.slot == PENDING else self.current)[one.name] = one

    @property
    def waiting(self) -> str | None:
        """The attempt whose candidate lies there; a person's has none of its own."""
        return next((one.attempt or BY_HAND for one in self.pending.values()), None)

    def proposed(self, attempt: str) -> list[str]:
        """The names of what this attempt has proposed."""
        return [one.name for one in self.pending.values() if (one.attempt or BY_HAND) == attempt]

    def is_in_force(self, attempt: str) -> bool:
        return any(one.attempt == attempt for one in self.current.values())

    def of(self, name: str, slot: str) -> Sealed | None:
        return (self.pending if slot == PENDING else self.current).get(name)


#: One row at least, also of an account of which nothing was ever told.
_SHELF = """SELECT token, proof, name, slot, turn, attempt, sealed FROM (SELECT 1)
    LEFT JOIN tokens ON tokens.account = ? LEFT JOIN keys ON keys.id = ?
    LEFT JOIN secrets ON secrets.account = ? AND slot IN ('current', 'pending')"""
