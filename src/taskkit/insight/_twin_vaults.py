"""The vault as a forecast sees it: records and rights as they are, each asked for once; no secrets, and nothing that could be changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from taskkit.engine._border import asked
from taskkit.errors import VaultAway
from taskkit.records import AccountId, Record
from taskkit.selections import Selection
from taskkit.vaults import Records, Rights, Secrets, Sessions, Values, Vault, Viewer

T = TypeVar("T")


class _Answers:
    """What the vault has answered; that it did not is kept too, as the game would otherwise play on without it."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self.trouble: VaultAway | None = None

    def get(self, key: Hashable, question: Callable[[], T], tried: str) -> T:
        if key not in self._known:
            self._known[key] = self.ask(question, tried)
        return self._known[key]  # type: ignore[no-any-return]

    def ask(self, question: Callable[[], T], tried: str) -> T:
        try:
            return asked(question, tried)
        except VaultAway as error:
            self.trouble = error
            raise


class _Records(Records):
    def __init__(self, real: Records, answers: _Answers) -> None:
        self._real, self._answers = real, answers
        self._by_id: dict[str, Record | None] = {}
        self._accounts: dict[str, AccountId] = {}

    def get(self, id: str) -> Record | None:
        if id not in self._by_id:
            self._by_id[id] = self._answers.ask(lambda: self._real.get(id), "reading a record")
        return self._by_id[id]

    def all(self) -> Sequence[Record]:
        found = self._answers.get("all", lambda: tuple(self._real.all()), "reading all records")
        self._by_id.update((record.id, record) for record in found)
        return found

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        tried = "finding the records of a selection"
        return iter(self._answers.get(("find", repr(selection), viewer), lambda: tuple(self._real.find(selection, viewer)), tried))

    def account(self, record: Record) -> AccountId:
        found = self._accounts.get(record.id)
        if found is None:
            found = self._accounts[record.id] = self._answers.ask(lambda: self._real.account(record), "asking the vault for the account")
        return found


class _Secrets(Secrets):
    def __init__(self, real: Secrets, answers: _Answers) -> None:
        self._real, self._answers = real, answers

    def values(self, account: AccountId, run: Viewer) -> Values:
        return Values()

    def changed_at(self, account: AccountId) -> datetime | None:
        tried = "asking the vault when the secret was changed"
        return self._answers.get(("changed", account), lambda: self._real.changed_at(account), tried)


class _Rights(Rights):
    def __init__(self, real: Rights, answers: _Answers) -> None:
        self._real, self._answers = real, answers

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        return self._answers.get(("may", user, right, record), lambda: self._real.may(user, right, record), "asking the vault for a right")

    def members(self, group: str) -> Iterable[str]:
        return self._answers.get(("members", group), lambda: tuple(self._real.members(group)), "asking the vault for a group")

    def active(self, user: str) -> bool:
        return self._answers.get(("active", user), lambda: self._real.active(user), "asking the vault for a person")


class TwinVault(Vault):
    """Nobody works with an account, unless `sessions` says so; there is no outbox, and no slot into which anything could be put."""

    def __init__(self, real: Vault, sessions: Sessions | None) -> None:
        answers = _Answers()
        rights, secrets = _Rights(real.rights, answers), _Secrets(real.secrets, answers)
        super().__init__(_Records(real.records, answers), secrets=secrets, rights=rights, sessions=sessions or Sessions())
        object.__setattr__(self, "_answers", answers)

    _answers: _Answers

    def check(self) -> None:
        """Raise what kept the vault from answering: without it nobody can say what would run."""
        if (trouble := self._answers.trouble) is not None:
            raise trouble
