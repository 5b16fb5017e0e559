"""Secrets of accounts, each sealed for its own place: a row that is moved to another account, field, slot or attempt does not open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from attrs import field, frozen

from taskkit.errors import BadSeal, InvalidValue, MissingKey, Refused
from taskkit.instants import Instant, shown
from taskkit.keyrings import Keyring, place_of
from taskkit.records import AccountId
from taskkit.secrets import Secret
from taskkit.sqlite_vault._files import File
from taskkit.sqlite_vault._shelves import CURRENT, PENDING, Sealed, Shelf
from taskkit.vaults import BY_HAND, Secrets, Slot, Values, Viewer, by_hand, is_by_hand

#: Was current once; was a candidate and never current. Neither is ever thrown away: a host may still know it.
FORMER, DISCARDED = "former", "discarded"
#: How many are sealed anew in one transaction.
BATCH = 100
_PROOF = b"taskkit"


@frozen
class Former:
    """A secret that is in force no more, or never was: `discarded`. `ended` is when it ended, where that was told; `attempt` made it."""

    name: str
    secret: Secret = field(eq=False)
    discarded: bool = False
    ended: datetime | None = None
    attempt: str | None = None


class SealedSecrets:
    """All rows of secrets. Nothing outside seals or opens one."""

    def __init__(self, file: File, keyring: Keyring) -> None:
        self._file, self._keyring = file, keyring
        #: The proof that was opened last.
        self._proof: bytes | None = None

    # reading

    def values(self, account: AccountId) -> Values:
        found: dict[str, dict[str, Secret]] = {CURRENT: {}, PENDING: {}, FORMER: {}}
        for name, slot, turn, attempt, sealed in self._file.rows(_VALUES, account, account):
            found[slot][name] = self._opened(account, name, slot, turn, attempt, sealed)
        return Values(found[CURRENT], found[PENDING], found[FORMER])

    def history(self, account: AccountId) -> tuple[Former, ...]:
        found = list[Former]()
        for name, slot, turn, attempt, sealed, ended in self._file.rows(_HISTORY, account, FORMER, DISCARDED):
            secret = self._opened(account, name, slot, turn, attempt, sealed)
            made_by = BY_HAND if is_by_hand(attempt) else attempt
            found.append(Former(name, secret, slot == DISCARDED, None if ended is None else shown(ended), made_by))
        return tuple(found)

    def changed_at(self, account: AccountId) -> datetime | None:
        found = self._file.row("SELECT at FROM changes WHERE account = ?", account)
        return shown(found[0]) if found else None

    def seen(self, account: AccountId) -> Shelf:
        return Shelf(self._file, account, self._keyring.current)

    def candidate(self, shelf: Shelf) -> Slot | None:
        secrets = {name: self._open(shelf.account, one) for name, one in shelf.pending.items()}
        return Slot(shelf.waiting or BY_HAND, secrets) if secrets else None

    def _open(self, account: AccountId, one: Sealed) -> Secret:
        return self._opened(account, *one)

    def _opened(self, account: str, name: str, slot: str, turn: int, attempt: str | None, sealed: bytes) -> Secret:
        return Secret(self._keyring.open(sealed, _place(account, name, slot, turn, attempt)))

    # writing

    @contextmanager
    def changing(self, account: AccountId) -> Iterator[Shelf]:
        """One transaction, which begins with a look at all that lies there."""
        with self._file.writing():
            shelf = self.seen(account)
            self._leave_proof(shelf.proof)
            yield shelf

    def change(self, account: AccountId, name: str, secret: Secret, at: Instant) -> None:
        """The candidate of a job stays: a host may know it."""
        with self.changing(account) as shelf:
            if is_by_hand(shelf.waiting):
                self.give_up(shelf, name, at)
            self._end(shelf, name, CURRENT, FORMER, at)
            self._keep(account, name, CURRENT, secret)
            self._file.write(_CHANGED, account, at)

    def propose(self, account: AccountId, name: str, secret: Secret) -> None:
        with self.changing(account) as shelf:
            if shelf.waiting is not None and not is_by_hand(shelf.waiting):
                case = f"the candidate of the attempt {shelf.waiting!r} lies there"
                raise Refused(f"proposing a secret of {account!r}", case, "wait until its job has promoted or discarded it")
            self._end(shelf, name, PENDING, DISCARDED, None)
            self._keep(account, name, PENDING, secret, self._renamed(shelf, name))

    # inside a transaction

    def lay(self, account: AccountId, candidate: Slot) -> None:
        for name, secret in candidate.secrets.items():
            self._keep(account, name, PENDING, secret, candidate.attempt)

    def promote(self, shelf: Shelf, name: str, at: Instant) -> bool:
        """Whether there was a candidate: said twice is once (S4)."""
        candidate = shelf.pending.get(name)
        if candidate is not None:
            self._end(shelf, name, CURRENT, FORMER, at)
            self._move(shelf.account, candidate, CURRENT, 0, attempt=candidate.attempt or BY_HAND)
            self._file.write(_CHANGED, shelf.account, at)
        return candidate is not None

    def discard(self, shelf: Shelf, name: str, at: Instant | None) -> bool:
        return self._end(shelf, name, PENDING, DISCARDED, at)

    def give_up(self, shelf: Shelf, name: str, at: Instant | None) -> bool:
        """As a person does. What is left of their candidate is another one: a job that has adopted it whole does not put that in force."""
        if is_by_hand(shelf.waiting) and name in shelf.pending:
            self._renamed(shelf, name)
        return self.discard(shelf, name, at)

    def _renamed(self, shelf: Shelf, name: str) -> str:
        """A new attempt of a person for all of the candidate but this field."""
        attempt = by_hand()
        for one in shelf.pending.values():
            if one.name != name:
                self._move(shelf.account, one, PENDING, 0, attempt)
        return attempt

    def _end(self, shelf: Shelf, name: str, slot: str, becomes: str, at: Instant | None) -> bool:
        """Its place is in the history from now on; False where there is none."""
        ended = shelf.of(name, slot)
        if ended is not None:
            [(turn, number)] = self._file.rows(_LAST, name, shelf.account)
            self._move(shelf.account, ended, becomes, turn + 1, ended.attempt, number + 1, at)
        return ended is not None

    def _move(
        self, account: str, one: Sealed, slot: str, turn: int, attempt: str | None, number: int | None = None, ended: Instant | None = None
    ) -> None:
        """Sealed anew, as another place is."""
        key, sealed = self._sealed(self._open(account, one), _place(account, one.name, slot, turn, attempt))
        self._file.write(_MOVE, slot, turn, key, sealed, number, ended, attempt, account, one.slot, one.name, one.turn)

    def _keep(self, account: str, name: str, slot: str, secret: Secret, attempt: str | None = None) -> None:
        self._file.write(_KEEP, account, slot, name, *self._sealed(secret, _place(account, name, slot, 0, attempt)), attempt)

    def _sealed(self, secret: Secret, place: str) -> tuple[str, bytes]:
        """And by which key."""
        return self._keyring.current, self._keyring.seal(secret.reveal_bytes(), place)

    # keys

    def check(self) -> None:
        """All keys that are needed are there, and are those that sealed; nothing is written."""
        needed = {key for (key,) in self._file.rows("SELECT DISTINCT key FROM secrets")}
        missing = sorted(needed - set(self._keyring.ids))
        if missing:
            raise MissingKey(f"opening the vault {self._file.path!r}", missing[0], self._keyring.ids)
        for id, proof in self._file.rows("SELECT id, proof FROM keys"):
            if id in self._keyring.ids:
                self._prove(id, proof)

    def reseal(self) -> int:
        """All under the current key, in small transactions; how many. What does not open is left as it is, and told at the end."""
        self._file.must_be_alone(f"sealing the vault {self._file.path!r} anew")
        self.check()
        done, last, damaged = 0, ("", "", "", 0), list[str]()
        while rows := self._file.rows(_OLD, self._keyring.current, *last, BATCH):
            last = rows[-1]
            with self._file.writing():
                self._leave_proof(self._proof_there())
                answers = [self._resealed(row) for row in rows]
            damaged += [answer for answer in answers if isinstance(answer, str)]
            done += answers.count(True)
        self._file.write("DELETE FROM keys WHERE id <> ? AND id NOT IN (SELECT key FROM secrets)", self._keyring.current)
        self._file.settle()
        if damaged:
            case = f"{done} are sealed anew, and {len(damaged)} do not open, the first at {damaged[0]}"
            raise BadSeal(f"sealing the vault {self._file.path!r} anew", case, "keep their key, and bring them back from a copy")
        return done

    def _resealed(self, row: tuple[str, str, str, int]) -> bool | str:
        """Read inside the transaction: another process may have changed it."""
        found = self._file.row(_ONE, *row)
        if found is None:
            return False
        (account, slot, name, turn), (attempt, before) = row, found
        place = _place(account, name, slot, turn, attempt)
        try:
            sealed = self._keyring.resealed(before, place)
        except (BadSeal, MissingKey):  # which key it says it has, and which one it names beside it, may differ
            return place
        self._file.write(_ANEW, self._keyring.current, sealed, *row)
        return True

    def _proof_there(self) -> bytes | None:
        found = self._file.row("SELECT proof FROM keys WHERE id = ?", self._keyring.current)
        return found[0] if found else None

    def _leave_proof(self, left: bytes | None) -> None:
        """Another key of the same id would seal what nobody who has the first one can open: the first one left a proof."""
        id = self._keyring.current
        if left is None:
            self._file.write("INSERT INTO keys VALUES (?, ?)", id, self._keyring.seal(_PROOF, _proof_place(id)))
        elif left != self._proof:
            self._prove(id, left)
            self._proof = left

    def _prove(self, id: str, proof: bytes) -> None:
        try:
            proven = self._keyring.key_of(proof) == id and self._keyring.open(proof, _proof_place(id)) == _PROOF
        except BadSeal:
            proven = False
        if not proven:
            case = f"the key {id!r} is another one than that which sealed it"
            raise BadSeal(f"opening the vault {self._file.path!r}", case, "bring the right keyring; an id is never used again")


class FileSecrets(Secrets):
    """The facet: it only reads."""

    def __init__(self, sealed: SealedSecrets) -> None:
        self._sealed = sealed

    def values(self, account: AccountId, run: Viewer) -> Values:
        return self._sealed.values(account)

    def changed_at(self, account: AccountId) -> datetime | None:
        return self._sealed.changed_at(account)


def secret_of(value: Any) -> Secret | InvalidValue:
    """The error instead of raising it: whoever calls still holds what was given."""
    try:
        return value if isinstance(value, Secret) else Secret(value)
    except InvalidValue as error:
        return error.with_traceback(None)


def _place(account: str, name: str, slot: str, turn: int, attempt: str | None) -> str:
    if not (isinstance(account, str) and account and isinstance(name, str) and name):
        what = "field" if isinstance(account, str) and account else "account"
        raise InvalidValue("keeping a secret", f"its {what} is no name", "give a text")
    parts = ("vault secret", account, name, slot, turn)
    return place_of(*parts) if attempt is None else place_of(*parts, attempt)


def _proof_place(id: str) -> str:
    return place_of("vault key", id)


#: What is in force, what is proposed, and of each name in force the one before: however long the history is, it is not read.
_VALUES = """SELECT name, slot, turn, attempt, sealed FROM secrets WHERE account = ? AND slot IN ('current', 'pending')
    UNION ALL SELECT one.name, one.slot, one.turn, one.attempt, one.sealed FROM secrets AS current
    JOIN secrets AS one ON one.account = current.account AND one.slot = 'former' AND one.name = current.name AND one.turn = (
        SELECT max(turn) FROM secrets WHERE account = current.account AND slot = 'former' AND name = current.name)
    WHERE current.account = ? AND current.slot = 'current'"""
_HISTORY = "SELECT name, slot, turn, attempt, sealed, ended FROM secrets WHERE account = ? AND slot IN (?, ?) ORDER BY number DESC"
#: What ended last: of this name, which is part of its place, and of all, which is their order.
_LAST = "SELECT coalesce(max(turn) FILTER (WHERE name = ?), 0), coalesce(max(number), 0) FROM secrets WHERE account = ?"
#: In its place: to replace the row would write the page of the index anew as well.
_CHANGED = "INSERT INTO changes VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET at = excluded.at"
_KEEP = "INSERT INTO secrets (account, slot, name, turn, key, sealed, attempt) VALUES (?, ?, ?, 0, ?, ?, ?)"
_MOVE = """UPDATE secrets SET slot = ?, turn = ?, key = ?, sealed = ?, number = ?, ended = ?, attempt = ?
    WHERE account = ? AND slot = ? AND name = ? AND turn = ?"""
_ONE = "SELECT attempt, sealed FROM secrets WHERE account = ? AND slot = ? AND name = ? AND turn = ?"
_ANEW = "UPDATE secrets SET key = ?, sealed = ? WHERE account = ? AND slot = ? AND name = ? AND turn = ?"
_OLD = """SELECT account, slot, name, turn FROM secrets WHERE key <> ? AND (account, slot, name, turn) > (?, ?, ?, ?)
    ORDER BY account, slot, name, turn LIMIT ?"""
