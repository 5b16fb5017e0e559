"""What the vault holds, as taskkit sees it: records, their types and the accounts behind them. No secret is in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from attrs import Attribute, field, frozen
from attrs.converters import optional

from taskkit.checks import is_address, is_keepable, mapping, named, names, optional_name
from taskkit.errors import InvalidValue
from taskkit.passwords import PasswordPolicy, password_policy

AccountId = str


def _texts(record: Record, attribute: Attribute[Any], given: Mapping[object, object]) -> None:
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            kind = type(value).__name__ if isinstance(name, str) else f"name of type {type(name).__name__}"
            raise InvalidValue(
                f"Record({record.id!r}, fields=…)", f"the field {name!r} holds a {kind}", "fields are texts; give '' for none"
            )


@frozen
class Record:
    """One record: its fields in plain, the names of its secret ones, perhaps the record that it refers to."""

    id: str = field(validator=named)
    type: str = field(validator=named)
    fields: Mapping[str, str] = field(factory=dict, converter=mapping, validator=_texts, kw_only=True, hash=False)
    secret_fields: frozenset[str] = field(default=frozenset(), converter=names, kw_only=True)
    reference: str | None = field(default=None, validator=optional_name, kw_only=True)
    name: str = field(default="", kw_only=True)
    tags: frozenset[str] = field(default=frozenset(), converter=names, kw_only=True)
    pool: str | None = field(default=None, validator=optional_name, kw_only=True)

    def __str__(self) -> str:
        return self.name or self.id


@frozen
class RecordType:
    """Which executor reaches records of this type, and which of their fields say where, as whom and with what (R8)."""

    kind: ClassVar[str] = "record_type"
    name: str = field(validator=named)
    executor: str | None = field(default=None, validator=optional_name, kw_only=True)
    host: str = field(default="host", validator=named, kw_only=True)
    port: str = field(default="port", validator=named, kw_only=True)
    user: str = field(default="user", validator=named, kw_only=True)
    secret: str = field(default="password", validator=named, kw_only=True)
    key: str = field(default="key", validator=named, kw_only=True)
    settings: Mapping[str, Any] = field(factory=dict, converter=mapping, kw_only=True, hash=False)
    #: What their new passwords look like, where the task does not say it.
    passwords: PasswordPolicy | None = field(default=None, converter=optional(password_policy), kw_only=True)

    def host_of(self, record: Record) -> str:
        return record.fields.get(self.host, "")

    def machine_of(self, record: Record) -> str | None:
        """The host as jobs tell of it; None where it names none, or what can be none."""
        host = self.host_of(record)
        return host if is_address(host) else None

    def user_of(self, record: Record) -> str:
        return record.fields.get(self.user, "")


def account_id(given: object, tried: str) -> AccountId:
    """An id as a store can keep it; InvalidValue where none could."""
    if not isinstance(given, str):
        raise InvalidValue(tried, f"the id of an account is a {type(given).__name__}", "give a text")
    if not is_keepable(given):
        raise InvalidValue(tried, f"the account {given!r} holds NUL or half a character", "no store keeps these: give another id")
    return given


def _accounts(given: Iterable[AccountId]) -> frozenset[AccountId]:
    return frozenset(account_id(one, "making Accounts(…)") for one in given)


@frozen
class Accounts:
    """What a job holds while it runs (R4): accounts that it changes, alone, and accounts that it logs in with, beside others."""

    writes: frozenset[AccountId] = field(default=frozenset(), converter=_accounts)
    uses: frozenset[AccountId] = field(default=frozenset(), converter=_accounts)

    @uses.validator
    def _drop_written(self, attribute: Attribute[Any], uses: frozenset[AccountId]) -> None:
        if uses & self.writes:
            object.__setattr__(self, "uses", uses - self.writes)


NO_ACCOUNTS = Accounts()
EMPTY: Mapping[str, Any] = MappingProxyType({})
