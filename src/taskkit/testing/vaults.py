"""A vault in memory: records, secrets, sessions and rights that a test sets as it likes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock

from attrs import evolve

from taskkit.errors import TaskkitError
from taskkit.events.happenings import Happening
from taskkit.instants import Clock, SystemClock, shown
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret
from taskkit.selections import Selection
from taskkit.testing._accounts import KeepingSecrets, MemorySecrets, MemorySlots
from taskkit.vaults import Hosts, Outbox, Records, Rights, Session, Sessions, Slot, Vault, unknown_mark


class _Records(Records):
    def __init__(self, records: Iterable[Record]) -> None:
        self.kept = {record.id: record for record in records}
        self.logins: dict[str, AccountId] = {}
        self.read_by: list[str | None] = []
        self.hidden: set[tuple[str, str]] = set()

    def get(self, id: str) -> Record | None:
        return self.kept.get(id)

    def all(self) -> Iterable[Record]:
        return list(self.kept.values())

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        self.read_by.append(viewer)
        found = super().find(selection, viewer)
        return found if viewer is None or not self.hidden else (record for record in found if (viewer, record.id) not in self.hidden)

    def account(self, record: Record) -> AccountId:
        return self.logins.get(record.id) or super().account(record)


class _Sessions(Sessions):
    def __init__(self, records: _Records) -> None:
        self.open: dict[str, list[Session]] = {}  # by record
        self._records = records

    def active(self, account: AccountId) -> Sequence[Session]:
        """Asked anew of each record: one that refers to another by now has another account."""
        return tuple(one for record, sessions in list(self.open.items()) if self._account(record) == account for one in sessions)

    def _account(self, id: str) -> AccountId | None:
        record = self._records.get(id)
        try:
            return None if record is None else self._records.account(record)
        except TaskkitError:  # its path of references leads nowhere; what others ask about is answered
            return None


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

        self.readers: dict[str, int] = {}

    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        first = self._place(mark)
        found = self.kept[first:]
        return found, self._mark(first + len(found)) if found else mark  # of what was read: more may have come since

    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        place = self._place(mark)
        if place < self.readers.get(reader, 0) and not back:
            return False
        self.readers[reader] = place
        return True

    def _mark(self, place: int) -> str:
        """With the happening that stands there: after a restore another one does."""
        return f"{place} {getattr(self.kept[place - 1], 'id', '')}"

    def _place(self, mark: str | None) -> int:
        if mark is None:
            return 0
        number = mark.partition(" ")[0]
        place = int(number) if number.isdecimal() else 0
        if not 0 < place <= len(self.kept) or self._mark(place) != mark:
            raise unknown_mark(mark)
        return place


class _Hosts(Hosts):
    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}
        self._learning = Lock()

    def known(self, address: str) -> Sequence[str]:
        return tuple(self.kept.get(address, ()))

    def trust(self, address: str, key: str) -> bool:
        with self._learning:
            return key in self.kept.setdefault(address, [key])


class MemoryVault(Vault):
    """`put` and `remove` records, `begin` and `end` sessions, `deny` and `allow` rights, change secrets, `tell` what happened.

    Nothing is told to an engine by itself: a test emits it, or an engine fetches from the outbox what was told.
    """

    records: _Records
    secrets: MemorySecrets
    sessions: _Sessions
    rights: _Rights
    outbox: _Outbox
    hosts: _Hosts

    def __init__(
        self,
        records: Iterable[Record] = (),
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        *,
        slots: bool = True,
        keeps: bool = True,
        clock: Clock | None = None,
    ) -> None:
        kept, ticking = _Records(records), clock or SystemClock()
        sealed = (KeepingSecrets if keeps else MemorySecrets)(secrets or {}, lambda: shown(ticking.now()))
        super().__init__(
            kept, secrets=sealed, sessions=_Sessions(kept), rights=_Rights(), outbox=_Outbox(), hosts=_Hosts(),
            slots=MemorySlots(sealed) if slots else None,
        )  # fmt: skip

    def put(self, *records: Record) -> None:
        self.records.kept.update({record.id: record for record in records})

    def change(self, id: str, **fields: object) -> Record:
        changed = evolve(self.records.kept[id], **fields)  # type: ignore[arg-type]
        self.put(changed)
        return changed

    def remove(self, id: str) -> None:
        del self.records.kept[id]

    def hide(self, record: str, user: str) -> None:
        """This person finds the record no more."""
        self.records.hidden.add((user, record))

    def show(self, record: str, user: str) -> None:
        self.records.hidden.discard((user, record))

    def begin(self, record: str, session: str, user: str = "") -> None:
        self.records.account(self.records.kept[record])  # refused where it has none
        self.sessions.open.setdefault(record, []).append(Session(session, record, user))

    def end(self, record: str, session: str) -> None:
        self.sessions.open[record] = [one for one in self.sessions.open[record] if one.id != session]

    def change_secret(self, account: AccountId, name: str, value: str, *, at: datetime) -> None:
        """A new one is in force, what was in force is the previous one, and what a person proposed under this name is gone."""
        self.secrets.change(account, name, Secret(value), at)

    def propose_secret(self, account: AccountId, name: str, value: str) -> None:
        """A candidate that is not in force yet; refused where that of a job lies there."""
        self.secrets.propose(account, name, Secret(value))

    def former(self, account: AccountId) -> tuple[Slot, ...]:
        """All that were in force once or proposed in vain, the last first, with their attempts."""
        return self.secrets.former(account)

    def forget_host(self, address: str) -> None:
        """Its key is known no more: whatever it shows next may be believed again."""
        self.hosts.kept.pop(address, None)

    def tell(self, *happenings: Happening) -> None:
        """Into the outbox, from which engines fetch."""
        self.outbox.kept.extend(happenings)

    def deny(self, user: str, right: str = "*", record: str | None = None) -> None:
        """Everywhere, or on one record."""
        self.rights.denied.add((user, right, record))

    def allow(self, user: str, right: str = "*", record: str | None = None) -> None:
        self.rights.denied.discard((user, right, record))

    def disable(self, user: str) -> None:
        self.rights.disabled.add(user)
