"""A vault in memory: records, secrets, sessions and rights that a test sets as it likes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from attrs import evolve

from taskkit.events.happenings import Happening
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret
from taskkit.selections import Selection
from taskkit.vaults import Outbox, Records, Rights, Secrets, Session, Sessions, Values, Vault, Viewer


class _Records(Records):
    def __init__(self, records: Iterable[Record]) -> None:
        self.kept = {record.id: record for record in records}
        self.logins: dict[str, AccountId] = {}
        self.read_by: list[str | None] = []

    def get(self, id: str) -> Record | None:
        return self.kept.get(id)

    def all(self) -> Iterable[Record]:
        return list(self.kept.values())

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        self.read_by.append(viewer)
        return super().find(selection, viewer)

    def account(self, record: Record) -> AccountId:
        return self.logins.get(record.id) or super().account(record)


class _Secrets(Secrets):
    def __init__(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self.kept = {account: {name: Secret(value) for name, value in values.items()} for account, values in secrets.items()}
        self.changed: dict[AccountId, datetime] = {}
        self.read_by: list[str | None] = []

    def values(self, account: AccountId, run: Viewer) -> Values:
        self.read_by.append(run.viewer)
        return Values(self.kept.get(account, {}))

    def changed_at(self, account: AccountId) -> datetime | None:
        return self.changed.get(account)


class _Sessions(Sessions):
    def __init__(self) -> None:
        self.open: dict[AccountId, list[Session]] = {}

    def active(self, account: AccountId) -> Sequence[Session]:
        return self.open.get(account, ())


class _Rights(Rights):
    def __init__(self) -> None:
        self.denied: set[tuple[str, str, str | None]] = set()
        self.disabled: set[str] = set()
        self.groups: dict[str, set[str]] = {}

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        if user is None or not (self.denied or self.disabled):
            return True
        return user not in self.disabled and not {(user, name, where) for name in (right, "*") for where in (record, None)} & self.denied

    def members(self, group: str) -> Iterable[str]:
        return self.groups.get(group, {group})

    def active(self, user: str) -> bool:
        return user not in self.disabled


class _Outbox(Outbox):
    def __init__(self) -> None:
        self.kept: list[Happening] = []

    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        first = int(mark or 0)
        return self.kept[first:], str(len(self.kept)) if len(self.kept) > first else mark


class MemoryVault(Vault):
    """`put` and `remove` records, `begin` and `end` sessions, `deny` and `allow` rights; nothing is told to an engine by itself."""

    records: _Records
    secrets: _Secrets
    sessions: _Sessions
    rights: _Rights
    outbox: _Outbox

    def __init__(self, records: Iterable[Record] = (), secrets: Mapping[str, Mapping[str, str]] | None = None) -> None:
        super().__init__(_Records(records), secrets=_Secrets(secrets or {}), sessions=_Sessions(), rights=_Rights(), outbox=_Outbox())

    def put(self, *records: Record) -> None:
        self.records.kept.update({record.id: record for record in records})

    def change(self, id: str, **fields: object) -> Record:
        changed = evolve(self.records.kept[id], **fields)  # type: ignore[arg-type]
        self.put(changed)
        return changed

    def remove(self, id: str) -> None:
        del self.records.kept[id]

    def begin(self, record: str, session: str) -> None:
        account = self.records.account(self.records.kept[record])
        self.sessions.open.setdefault(account, []).append(Session(session, record))

    def end(self, record: str, session: str) -> None:
        account = self.records.account(self.records.kept[record])
        self.sessions.open[account] = [one for one in self.sessions.open[account] if one.id != session]

    def deny(self, user: str, right: str = "*", record: str | None = None) -> None:
        """Everywhere, or on one record."""
        self.rights.denied.add((user, right, record))

    def allow(self, user: str, right: str = "*", record: str | None = None) -> None:
        self.rights.denied.discard((user, right, record))

    def disable(self, user: str) -> None:
        self.rights.disabled.add(user)
