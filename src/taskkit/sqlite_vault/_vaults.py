"""What people and the product do to the vault; each deed is one transaction."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Self

from attrs import evolve

from taskkit.errors import InvalidValue, NotFound
from taskkit.events._tellings import kinds_of, written
from taskkit.events.happenings import Happening
from taskkit.instants import Clock, SystemClock, instant
from taskkit.keyrings import Keyring
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret
from taskkit.sqlite_vault._facets import FileHosts, FileRecords, FileRights, FileSessions, record_text
from taskkit.sqlite_vault._files import File
from taskkit.sqlite_vault._outboxes import FileOutbox
from taskkit.sqlite_vault._secrets import FileSecrets, Former, SealedSecrets, secret_of
from taskkit.sqlite_vault._slots import FileSlots
from taskkit.storage.sql._backups import Source, back_up
from taskkit.vaults import Vault

_INSTEAD = "give SqliteVault(…, happenings=[…]) its class"


class SqliteVault(Vault):
    """A vault in one file, for several threads and processes: `put` and `remove` records, change secrets, `tell` what happened.

    Secrets are sealed with the keyring. All else lies in the file in plain, which only its owner can read. Close it at the end.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        keyring: Keyring,
        *,
        happenings: Iterable[type[Happening]] = (),
        timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(keyring, Keyring):
            case = f"its keyring is a {type(keyring).__name__}"
            del keyring
            raise InvalidValue("opening a vault", case, "give Keyring.from_file(…), or Keyring.generate(…) for a new one")
        kinds, file = kinds_of(happenings), File(path, timeout)
        sealed, records = _checked(file, keyring), FileRecords(file)
        super().__init__(
            records,
            secrets=FileSecrets(sealed),
            sessions=FileSessions(file, records),
            rights=FileRights(file),
            outbox=FileOutbox(file, kinds),
            hosts=FileHosts(file),
            slots=FileSlots(file, sealed, (clock or SystemClock()).now),
        )
        for name, value in (("_file", file), ("_kinds", kinds), ("_sealed", sealed)):
            object.__setattr__(self, name, value)

    slots: FileSlots
    _file: File
    _sealed: SealedSecrets
    _kinds: dict[str, type[Happening]]

    def __repr__(self) -> str:
        file: File | None = getattr(self, "_file", None)  # it has none yet where an error on opening is shown with its frames
        return f"SqliteVault({file.path if file else ''!r})"

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def back_up(self, path: str | os.PathLike[str]) -> None:
        """A copy of one moment, while others go on; read again, and whole, before it has its name. It is sealed as the vault is."""
        back_up(Source(Path(self._file.path), "vault", "records", self._file.opened), Path(path))

    def together(self) -> AbstractContextManager[None]:
        """All deeds inside are one: what happened is told if, and only if, what it tells of is kept (P9)."""
        return self._file.writing()

    # records

    def put(self, *records: Record) -> None:
        with self.together():
            for record in records:
                keep = "INSERT INTO records (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
                self._file.write(keep, record.id, record_text(record))

    def change(self, id: str, **fields: object) -> Record:
        with self.together():
            changed = evolve(self._there(id), **fields)  # type: ignore[arg-type]
            self.put(changed)
        return changed

    def remove(self, id: str) -> None:
        """The secrets of its account stay, and so does what is said of it: it may come back."""
        if not self._file.write("DELETE FROM records WHERE id = ?", id):
            raise NotFound(f"removing the record {id!r}", "there is none", "it may have been removed before")

    def login(self, record: str, account: AccountId | None) -> None:
        """Its secret is that of this account, whatever it refers to; `None` goes by its references again."""
        if account is None:
            self._file.write("DELETE FROM logins WHERE record = ?", record)
        else:
            self._file.write("INSERT OR REPLACE INTO logins VALUES (?, ?)", record, account)

    def hide(self, record: str, user: str) -> None:
        """This person finds the record no more."""
        self._file.write("INSERT OR IGNORE INTO hidden VALUES (?, ?)", user, record)

    def show(self, record: str, user: str) -> None:
        self._file.write("DELETE FROM hidden WHERE user = ? AND record = ?", user, record)

    def _there(self, id: str) -> Record:
        found = self.records.get(id)
        if found is None:
            raise NotFound(f"looking for the record {id!r}", "there is none", "put it first")
        return found

    # sessions

    def begin(self, record: str, session: str, user: str = "") -> None:
        with self.together():
            self.records.account(self._there(record))  # refused where it has none
            self._file.write("INSERT OR REPLACE INTO sessions (record, id, user) VALUES (?, ?, ?)", record, session, user)

    def end(self, record: str, session: str) -> None:
        self._file.write("DELETE FROM sessions WHERE record = ? AND id = ?", record, session)

    # secrets

    def change_secret(self, account: AccountId, name: str, value: str | bytes | Secret, *, at: datetime) -> None:
        """A new one is in force, what was in force is the previous one, and what a person proposed under this name is discarded."""
        secret = secret_of(value)
        del value  # who dumps the locals of this frame shows none
        if isinstance(secret, InvalidValue):
            raise secret
        self._sealed.change(account, name, secret, instant(at))

    def propose_secret(self, account: AccountId, name: str, value: str | bytes | Secret) -> None:
        """A candidate that is not in force yet; refused where that of a job lies there."""
        secret = secret_of(value)
        del value
        if isinstance(secret, InvalidValue):
            raise secret
        self._sealed.propose(account, name, secret)

    def promote_secret(self, account: AccountId, name: str, *, at: datetime) -> bool:
        """The candidate is in force; False where there is none, as after the first time."""
        with self._sealed.changing(account) as shelf:
            return self._sealed.promote(shelf, name, instant(at))

    def discard_secret(self, account: AccountId, name: str, *, at: datetime | None = None) -> bool:
        """The candidate will not be in force; it stays in the history, as a host may know it all the same."""
        with self._sealed.changing(account) as shelf:
            return self._sealed.give_up(shelf, name, None if at is None else instant(at))

    def history(self, account: AccountId) -> tuple[Former, ...]:
        """All that were in force once or proposed in vain, the last first."""
        return self._sealed.history(account)

    def reseal(self) -> int:
        """Seal all anew that another key than the current one has sealed; how many. Interrupted, it is said again."""
        return self._sealed.reseal()

    # outbox, hosts and rights

    def tell(self, *happenings: Happening) -> None:
        """Into the outbox, from which engines fetch."""
        with self.together():
            for happening in happenings:
                self._file.write("INSERT INTO outbox (body) VALUES (?)", written(happening, self._kinds, _INSTEAD))

    def forget_host(self, address: str) -> None:
        """Its key is known no more: whatever it shows next may be believed again."""
        self._file.write("DELETE FROM hosts WHERE address = ?", address)

    def deny(self, user: str, right: str = "*", record: str | None = None) -> None:
        """Everywhere, or on one record."""
        self._file.write("INSERT OR IGNORE INTO denied VALUES (?, ?, ?)", user, right, record or "")

    def allow(self, user: str, right: str = "*", record: str | None = None) -> None:
        self._file.write("DELETE FROM denied WHERE user = ? AND right = ? AND record = ?", user, right, record or "")

    def disable(self, user: str) -> None:
        self._file.write("INSERT OR IGNORE INTO disabled VALUES (?)", user)

    def enable(self, user: str) -> None:
        self._file.write("DELETE FROM disabled WHERE user = ?", user)

    def group(self, name: str, *members: str) -> None:
        """The people of a group, in place of those before."""
        with self.together():
            self._file.write("DELETE FROM members WHERE people = ?", name)
            for member in members:
                self._file.write("INSERT OR IGNORE INTO members VALUES (?, ?)", name, member)


def _checked(file: File, keyring: Keyring) -> SealedSecrets:
    sealed = SealedSecrets(file, keyring)
    try:
        sealed.check()
        file.take_over()
    except BaseException:
        file.close()
        raise
    return sealed
