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
from taskkit.vaults import BY_HAND, Secrets, Slot, Values, Viewer

CURRENT, PENDING = "current", "pending"
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
        #: The proof that was opened last, and the transaction that has seen one.
        self._proof: bytes | None = None
        self._proven_in = 0

    # reading

    def values(self, account: AccountId) -> Values:
        found: dict[str, dict[str, Secret]] = {CURRENT: {}, PENDING: {}, FORMER: {}}
        for name, slot, turn, attempt, sealed in self._file.rows(_VALUES, account):
            found[slot][name] = self._opened(account, name, slot, turn, attempt, sealed)
        return Values(found[CURRENT], found[PENDING], found[FORMER])

    def history(self, account: AccountId) -> tuple[Former, ...]:
        found = list[Former]()
        for name, slot, turn, attempt, sealed, ended in self._file.rows(_HISTORY, account, FORMER, DISCARDED):
            secret = self._opened(account, name, slot, turn, attempt, sealed)
            found.append(Former(name, secret, slot == DISCARDED, None if ended is None else shown(ended), attempt))
        return tuple(found)

    def changed_at(self, account: AccountId) -> datetime | None:
        found = self._file.row("SELECT at FROM changes WHERE account = ?", account)
        return shown(found[0]) if found else None

    def waiting(self, account: AccountId) -> str | None:
        """The attempt whose candidate lies there."""
        found = self._file.row("SELECT coalesce(attempt, ?) FROM secrets WHERE account = ? AND slot = ? LIMIT 1", BY_HAND, account, PENDING)
        return found[0] if found else None

    def seen(self, account: AccountId) -> tuple[int | None, Slot | None]:
        """The highest token that was here, and the candidate, both of one moment."""
        found = self._file.rows(_SEEN, account)
        secrets, attempt = dict[str, Secret](), BY_HAND
        for _, name, turn, made_by, sealed in found:
            if name is not None:
                secrets[name], attempt = self._opened(account, name, PENDING, turn, made_by, sealed), made_by or BY_HAND
        return found[0][0] if found else None, Slot(attempt, secrets) if secrets else None

    def names(self, account: AccountId, slot: str, attempt: str) -> list[str]:
        """What of this attempt's stands there; without one it is a person's."""
        asked = "SELECT name FROM secrets WHERE account = ? AND slot = ? AND coalesce(attempt, ?) = ?"
        return [name for (name,) in self._file.rows(asked, account, slot, BY_HAND if slot == PENDING else "", attempt)]

    def _opened(self, account: str, name: str, slot: str, turn: int, attempt: str | None, sealed: bytes) -> Secret:
        return Secret(self._keyring.open(sealed, _place(account, name, slot, turn, attempt)))

    # writing

    def change(self, account: AccountId, name: str, secret: Secret, at: Instant) -> None:
        """The candidate of a job stays: a host may know it."""
        with self.writing():
            if self.waiting(account) == BY_HAND:
                self._end(account, name, PENDING, DISCARDED, at)
            self._end(account, name, CURRENT, FORMER, at)
            self._begin(account, name, secret, at)

    def propose(self, account: AccountId, name: str, secret: Secret) -> None:
        with self.writing():
            if (lies := self.waiting(account)) not in (None, BY_HAND):
                case = f"the candidate of the attempt {lies!r} lies there"
                raise Refused(f"proposing a secret of {account!r}", case, "wait until its job has promoted or discarded it")
            self._end(account, name, PENDING, DISCARDED, None)
            self._keep(account, name, PENDING, 0, secret)

    # inside a transaction

    def lay(self, account: AccountId, candidate: Slot) -> None:
        for name, secret in candidate.secrets.items():
            self._keep(account, name, PENDING, 0, secret, attempt=candidate.attempt)

    def promote(self, account: AccountId, name: str, at: Instant) -> bool:
        """Whether there was a candidate: said twice is once (S4)."""
        candidate, attempt = self._taken(account, name, PENDING)
        if candidate is not None:
            self._end(account, name, CURRENT, FORMER, at)
            self._begin(account, name, candidate, at, attempt or BY_HAND)
        return candidate is not None

    def discard(self, account: AccountId, name: str, at: Instant | None) -> bool:
        return self._end(account, name, PENDING, DISCARDED, at)

    def _begin(self, account: str, name: str, secret: Secret, at: Instant, attempt: str | None = None) -> None:
        self._keep(account, name, CURRENT, 0, secret, attempt=attempt)
        self._file.write("INSERT OR REPLACE INTO changes VALUES (?, ?)", account, at)

    def _end(self, account: str, name: str, slot: str, becomes: str, at: Instant | None) -> bool:
        """Sealed anew for its place in the history; False where there is none."""
        ended, attempt = self._taken(account, name, slot)
        if ended is not None:
            [(turn,)] = self._file.rows(_LAST_TURN, account, name)
            self._keep(account, name, becomes, turn + 1, ended, at, attempt)
        return ended is not None

    def _taken(self, account: str, name: str, slot: str) -> tuple[Secret | None, str | None]:
        where = "FROM secrets WHERE account = ? AND name = ? AND slot = ?"
        found = self._file.row(f"SELECT turn, attempt, sealed {where}", account, name, slot)
        if found is None:
            return None, None
        secret = self._opened(account, name, slot, *found)
        self._file.write(f"DELETE {where}", account, name, slot)
        return secret, found[1]

    def _keep(
        self, account: str, name: str, slot: str, turn: int, secret: Secret, ended: Instant | None = None, attempt: str | None = None
    ) -> None:
        sealed = self._keyring.seal(secret.reveal_bytes(), _place(account, name, slot, turn, attempt))
        self._file.write(_KEEP, account, name, slot, turn, self._keyring.current, sealed, ended, attempt)

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
        self.check()
        done, last, damaged = 0, 0, list[str]()
        while rows := self._file.rows(_OLD, self._keyring.current, last, BATCH):
            last = rows[-1][0]
            with self.writing():
                answers = [self._resealed(number) for (number,) in rows]
            damaged += [answer for answer in answers if isinstance(answer, str)]
            done += answers.count(True)
        self._file.write("DELETE FROM keys WHERE id <> ? AND id NOT IN (SELECT key FROM secrets)", self._keyring.current)
        self._file.settle()
        if damaged:
            case = f"{done} are sealed anew, and {len(damaged)} do not open, the first at {damaged[0]}"
            raise BadSeal(f"sealing the vault {self._file.path!r} anew", case, "keep their key, and bring them back from a copy")
        return done

    def _resealed(self, number: int) -> bool | str:
        """Read inside the transaction: another process may have changed it."""
        found = self._file.row("SELECT account, name, slot, turn, attempt, sealed FROM secrets WHERE number = ?", number)
        if found is None:
            return False
        *where, before = found
        place = _place(*where)
        try:
            sealed = self._keyring.resealed(before, place)
        except BadSeal:
            return place
        self._file.write("UPDATE secrets SET key = ?, sealed = ? WHERE number = ?", self._keyring.current, sealed, number)
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Another key of the same id would seal what nobody who has the first one can open: the first one left a proof."""
        with self._file.writing():
            if self._proven_in != self._file.turn:
                self._leave_proof()
                self._proven_in = self._file.turn
            try:
                yield
            except BaseException:
                self._proven_in = 0  # the proof may be undone, too, and the rest be kept
                raise

    def _leave_proof(self) -> None:
        id = self._keyring.current
        found = self._file.row("SELECT proof FROM keys WHERE id = ?", id)
        if found is None:
            self._file.write("INSERT INTO keys VALUES (?, ?)", id, self._keyring.seal(_PROOF, _proof_place(id)))
        elif found[0] != self._proof:
            self._prove(id, found[0])
            self._proof = found[0]

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


def secret_of(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def _place(account: str, name: str, slot: str, turn: int, attempt: str | None) -> str:
    for what, given in (("account", account), ("field", name)):
        if not isinstance(given, str) or not given:
            raise InvalidValue("keeping a secret", f"its {what} is no name", "give a text")
    return place_of("vault secret", account, name, slot, turn, *(() if attempt is None else (attempt,)))


def _proof_place(id: str) -> str:
    return place_of("vault key", id)


#: What is in force, what is proposed, and of each name the last that was in force before.
_VALUES = """SELECT name, slot, turn, attempt, sealed FROM secrets AS one WHERE account = ? AND (slot IN ('current', 'pending')
    OR slot = 'former' AND turn = (SELECT max(turn) FROM secrets AS other
        WHERE other.account = one.account AND other.name = one.name AND other.slot = 'former'))"""
#: Of an account for which no token was told yet: nothing.
_SEEN = """SELECT token, name, turn, attempt, sealed FROM tokens
    LEFT JOIN secrets ON secrets.account = tokens.account AND slot = 'pending' WHERE tokens.account = ?"""
_HISTORY = "SELECT name, slot, turn, attempt, sealed, ended FROM secrets WHERE account = ? AND slot IN (?, ?) ORDER BY number DESC"
_LAST_TURN = "SELECT coalesce(max(turn), 0) FROM secrets WHERE account = ? AND name = ?"
_KEEP = "INSERT INTO secrets (account, name, slot, turn, key, sealed, ended, attempt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OLD = "SELECT number FROM secrets WHERE key <> ? AND number > ? ORDER BY number LIMIT ?"
