"""What people do to a vault, in the calls of one vault; and what it holds before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from attrs import frozen

from taskkit.events.happenings import Happening
from taskkit.records import AccountId, Record
from taskkit.testing.contracts._contract import Contract
from taskkit.vaults import Vault

PASSWORD = "correct-horse-battery-staple"  # noqa: S105  what nobody may find again
OTHER = "another-horse-and-its-battery"
RECORDS = (
    Record("root", "unix", fields={"host": "10.0.0.1", "user": "root"}, secret_fields=["password"], tags=["production"]),
    Record("app", "database", fields={"host": "10.0.0.1", "user": "app"}, reference="root"),
    Record("web", "website", fields={"host": "10.0.0.1"}, reference="app", tags=["production"]),
    Record("lone", "unix", fields={"host": "10.0.0.9", "user": "lone"}, secret_fields=["password"]),
)
SECRETS = {"root": {"password": PASSWORD}, "lone": {"password": OTHER}}


@frozen
class Reader:
    """As whom, and for which job, secrets are read here."""

    viewer: str | None = None
    token: int = 1


class VaultDeeds(Contract):
    """As they stand, deeds are methods of the vault itself, by the same names."""

    #: Threads that ask at the same time.
    threads: ClassVar[int] = 8

    def vault(self, records: Sequence[Record], secrets: Mapping[AccountId, Mapping[str, str]]) -> Vault:
        """A new vault with these records, and these secrets by account and name, and with nothing else."""
        self._missing("vault")

    def put(self, vault: Any, record: Record) -> None:
        """Somebody saves a record, new or changed."""
        self._own(vault, "put")(record)

    def remove(self, vault: Any, record: str) -> None:
        self._own(vault, "remove")(record)

    def hide(self, vault: Any, record: str, user: str) -> None:
        """This person may not see the record."""
        self._own(vault, "hide")(record, user)

    def begin(self, vault: Any, record: str, session: str) -> None:
        """Somebody begins to work with a record."""
        self._own(vault, "begin")(record, session)

    def end(self, vault: Any, record: str, session: str) -> None:
        self._own(vault, "end")(record, session)

    def deny(self, vault: Any, user: str, right: str, record: str | None) -> None:
        """A person may not do this, with one record or with any."""
        self._own(vault, "deny")(user, right, record)

    def disable(self, vault: Any, user: str) -> None:
        self._own(vault, "disable")(user)

    def change_secret(self, vault: Any, account: AccountId, name: str, value: str, at: datetime) -> None:
        self._own(vault, "change_secret")(account, name, value, at=at)

    def tell(self, vault: Any, *happenings: Happening) -> None:
        """Something happens that its outbox keeps."""
        self._own(vault, "tell")(*happenings)

    def restore(self, vault: Any) -> None:
        """It comes back from a backup that was taken before its outbox was told anything."""
        self._own(vault, "restore")()

    def reopen(self, vault: Any) -> Vault:
        """The process was killed, and another one opens the same vault."""
        reopened = self._own(vault, "reopen")()
        assert isinstance(reopened, Vault), "reopen gives no vault"
        return reopened

    def _own(self, vault: Any, deed: str) -> Callable[..., object]:
        found: Callable[..., object] | None = getattr(vault, deed, None)
        return found or self._missing(deed)
