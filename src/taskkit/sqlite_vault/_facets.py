"""What an engine asks of the vault, apart from secrets and the outbox. These only read, but for `trust`: scripts get them too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import attrs

from taskkit.errors import InvalidValue
from taskkit.records import AccountId, Record
from taskkit.selections import Selection
from taskkit.sqlite_vault._files import File
from taskkit.vaults import Hosts, Records, Rights, Session, Sessions


def record_text(record: Record) -> str:
    said = attrs.asdict(record, recurse=False)
    return json.dumps({**said, "fields": dict(record.fields), "secret_fields": sorted(record.secret_fields), "tags": sorted(record.tags)})


def _record(text: str) -> Record:
    body: dict[str, Any] = json.loads(text)
    return Record(**body)


class FileRecords(Records):
    def __init__(self, file: File) -> None:
        self._file = file
        #: By the text that was read just now, so never an old one: a run asks for the same record several times.
        self._made = lru_cache(maxsize=1000)(_record)

    def get(self, id: str) -> Record | None:
        found = self._file.row("SELECT body FROM records WHERE id = ?", id)
        return self._made(found[0]) if found else None

    def all(self) -> Iterable[Record]:
        return [_record(body) for (body,) in self._file.rows("SELECT body FROM records ORDER BY number")]

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        found = super().find(selection, viewer)
        if viewer is None:
            return found
        hidden = {id for (id,) in self._file.rows("SELECT record FROM hidden WHERE user = ?", viewer)}
        return (record for record in found if record.id not in hidden)

    def account(self, record: Record) -> AccountId:
        found = self._file.row("SELECT account FROM logins WHERE record = ?", record.id)
        return str(found[0]) if found else super().account(record)


class FileSessions(Sessions):
    def __init__(self, file: File, records: FileRecords) -> None:
        self._file, self._records = file, records

    def active(self, account: AccountId) -> Sequence[Session]:
        """Asked anew of each record: one that refers to another by now has another account."""
        found = self._file.rows("SELECT id, record, user FROM sessions ORDER BY number")
        accounts = {record: self._account(record) for record in {record for _, record, _ in found}}
        return tuple(Session(*one) for one in found if accounts[one[1]] == account)

    def _account(self, id: str) -> AccountId | None:
        record = self._records.get(id)
        try:
            return None if record is None else self._records.account(record)
        except (InvalidValue, LookupError):  # its path of references leads nowhere; what others ask about is answered
            return None


class FileRights(Rights):
    def __init__(self, file: File) -> None:
        self._file = file

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        if user is None:
            return True
        asked = "SELECT 1 FROM denied WHERE user = ? AND right IN (?, '*') AND record IN (?, '') LIMIT 1"
        return self.active(user) and not self._file.row(asked, user, right, record or "")

    def members(self, group: str) -> Iterable[str]:
        found = {user for (user,) in self._file.rows("SELECT user FROM members WHERE people = ?", group)}
        return found or {group}

    def active(self, user: str) -> bool:
        return not self._file.row("SELECT 1 FROM disabled WHERE user = ?", user)


class FileHosts(Hosts):
    """Only a key of a machine of which none is known is kept; several processes may meet it at once."""

    def __init__(self, file: File) -> None:
        self._file = file

    def known(self, address: str) -> Sequence[str]:
        return [key for (key,) in self._file.rows("SELECT key FROM hosts WHERE address = ?", address)]

    def trust(self, address: str, key: str) -> bool:
        with self._file.writing():
            self._file.write("INSERT OR IGNORE INTO hosts VALUES (?, ?)", address, key)
            return key in self.known(address)
