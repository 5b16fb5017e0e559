"""The product that embeds taskkit, seen through one port in small facets: a first embedding offers records, the rest comes when wanted."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from taskkit.checks import mapping, named
from taskkit.errors import InvalidValue, NotFound, UnknownMark
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret
from taskkit.selections import Selection

if TYPE_CHECKING:
    from taskkit.events.happenings import Happening


class Viewer(Protocol):
    """As whom, and for which job, the vault is read."""

    @property
    def viewer(self) -> str | None: ...
    @property
    def token(self) -> int: ...


class Records(ABC):
    """The records of the vault."""

    @abstractmethod
    def get(self, id: str) -> Record | None: ...

    @abstractmethod
    def all(self) -> Iterable[Record]:
        """Every record, in an order that stays."""

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        """What the viewer may see of a selection; a vault with a database answers it there."""
        return (record for record in self.all() if selection.matches(record))

    def account(self, record: Record) -> AccountId:
        """What its secret belongs to: the end of its path of references, unless the vault knows better (R8)."""
        return root(self, record).id


def root(records: Records, record: Record) -> Record:
    """The end of a record's path of references; a path that comes back to itself is refused."""
    passed = [record.id]
    while record.reference is not None:
        following = records.get(record.reference)
        if following is None:
            raise NotFound(f"following the references of {passed[0]!r}", f"there is no record {record.reference!r}", "mend the reference")
        if following.id in passed:
            path = " → ".join([*passed, following.id])
            raise InvalidValue(f"following the references of {passed[0]!r}", f"they go in a circle: {path}", "mend one of them")
        record = following
        passed.append(record.id)
    return record


@frozen
class Values:
    """The secrets of an account, by the names of its root record's secret fields."""

    current: Mapping[str, Secret] = field(factory=dict, converter=mapping, repr=False, eq=False)
    pending: Mapping[str, Secret] = field(factory=dict, converter=mapping, repr=False, eq=False)
    previous: Mapping[str, Secret] = field(factory=dict, converter=mapping, repr=False, eq=False)


class Secrets:
    """What the vault keeps secret. Reading it here is no unlock (P3)."""

    def values(self, account: AccountId, run: Viewer) -> Values:
        return Values()

    def changed_at(self, account: AccountId) -> datetime | None:
        """When its current secret was set, where the vault knows."""
        return None

    #: Whether it offers `keep`.
    keeps = False

    def keep(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        """Put new secrets in force, for vaults without slots; what was in force becomes the previous.

        Said again by the same attempt it is once; StaleToken where a newer token has written. False: this vault takes none.
        """
        return False


#: How the attempt of a candidate that a person proposed begins.
BY_HAND = "by hand"


def by_hand() -> str:
    """The attempt of what a person proposes just now: a job that has adopted what lay there before takes this for another one."""
    return f"{BY_HAND} #{os.urandom(4).hex()}"


def is_by_hand(attempt: str | None) -> bool:
    return attempt is not None and attempt.partition(" #")[0] == BY_HAND


@frozen
class Slot:
    """New secrets of an account that are not in force yet, and the attempt that they belong to."""

    attempt: str = field(validator=named)
    secrets: Mapping[str, Secret] = field(converter=mapping, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not self.secrets or not all(isinstance(name, str) and name and isinstance(one, Secret) for name, one in self.secrets.items()):
            case = "there is none, or one without a name, or one that is no Secret"
            raise InvalidValue("keeping new secrets of an account", case, "give Secret values by the names of their fields")


class Slots(ABC):
    """Where the candidates of accounts lie until they are in force (S2, S4): one for each account, kept before any host hears of it.

    Every call brings the token of its job. The highest one that was seen for an account rules: StaleToken for whoever comes with a lower
    one, and nothing changes. All that answers has been written for good.
    """

    @abstractmethod
    def propose(self, account: AccountId, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        """Keep a candidate. False, and nothing is kept, where the candidate of another attempt lies there.

        Said again it is once: what this attempt proposed first stays, and once it is in force nothing is pending any more.
        """

    @abstractmethod
    def adopt(self, account: AccountId, token: int) -> Slot | None:
        """The candidate that lies there, this token's from now on; None where there is none."""

    @abstractmethod
    def promote(self, account: AccountId, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        """The candidate comes into force, and what was in force becomes the previous.

        True as well where it came into force before: what is in force remembers its attempt. False where it is neither.
        """

    @abstractmethod
    def discard(self, account: AccountId, attempt: str, token: int) -> bool:
        """The candidate is none any more; a vault with a history keeps it there. False only where it is in force."""


class Hosts:
    """Host keys that were believed at first sight, by the address of the machine: `db.example.org`, `[10.0.0.5]:2222` (S7)."""

    def known(self, address: str) -> Sequence[str]:
        """Each as a line with the kind and the key in base64."""
        return ()

    def trust(self, address: str, key: str) -> bool:
        """Keep a key of a machine of which none is known. False, and nothing is kept, where another one is, or where none can be.

        Only a person takes a known key away again.
        """
        return False


@frozen
class Session:
    id: str
    record: str
    user: str = ""


class Sessions:
    """Who works with an account just now."""

    def active(self, account: AccountId) -> Sequence[Session]:
        """Over all records of the account (P2)."""
        return ()


class Rights:
    """What people may do; by default everybody may everything, and the product asks before it calls."""

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        return True

    def members(self, group: str) -> Iterable[str]:
        """The people of a group; a person is a group of one."""
        return (group,)

    def active(self, user: str) -> bool:
        """Whether the person is still there and not disabled (A1)."""
        return True


class Outbox:
    """Happenings that the vault keeps until they are fetched, for vaults that cannot call `emit` in their own transaction (P9)."""

    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        """What happened after the mark, in order, and the new mark; UnknownMark where this outbox never gave it, as after a restore."""
        return (), mark

    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        """A reader keeps for good all up to a mark that `since` gave, or nothing yet.

        False, and nothing is noted, where it had come further before: its store is an older one now. `back` says that it knows that.
        UnknownMark as by `since`.
        """
        return True


def unknown_mark(mark: str) -> UnknownMark:
    """What an outbox raises for a mark that is none of its own."""
    case = "this outbox never gave it: the vault was restored from a backup, or is another one; or what came after it was let go"
    return UnknownMark(f"reading the outbox from the mark {mark!r}", case, "an engine notices, stands still and says so")


@frozen
class Vault:
    """The facets of one product."""

    records: Records
    secrets: Secrets = field(factory=Secrets, kw_only=True)
    sessions: Sessions = field(factory=Sessions, kw_only=True)
    rights: Rights = field(factory=Rights, kw_only=True)
    outbox: Outbox = field(factory=Outbox, kw_only=True)
    hosts: Hosts = field(factory=Hosts, kw_only=True)
    slots: Slots | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        wanted: tuple[tuple[str, type[Any]], ...] = (
            ("records", Records), ("secrets", Secrets), ("sessions", Sessions), ("rights", Rights), ("outbox", Outbox),
            ("hosts", Hosts), *((("slots", Slots),) if self.slots is not None else ()),
        )  # fmt: skip
        for name, kind in wanted:
            if not isinstance(getattr(self, name), kind):
                given = type(getattr(self, name)).__name__
                raise InvalidValue(f"Vault({name}=…)", f"it is a {given}", f"give a subclass of {kind.__name__}")
