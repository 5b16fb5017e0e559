"""What slots are by their promises alone, as a model in plain texts, and walks of many jobs that do as they please with two accounts."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import define, field

from taskkit.errors import StaleToken
from taskkit.secrets import Secret
from taskkit.testing.contracts._deeds import OTHER, PASSWORD, Reader
from taskkit.vaults import Slots, Vault

FIELD = "password"
STALE = "a stale token"


@define
class Model:
    """One account: what is in force and which attempt made it, what was before, and the candidate with its attempt."""

    current: str
    previous: str | None = None
    made_by: str | None = None
    waits: tuple[str, str] | None = None
    token: int = 0

    def propose(self, secret: str, attempt: str) -> bool:
        if attempt == self.made_by:
            return True
        self.waits = self.waits or (attempt, secret)
        return self.waits[0] == attempt

    def adopt(self) -> tuple[str, str] | None:
        return self.waits

    def promote(self, attempt: str) -> bool:
        if self.waits is not None and self.waits[0] == attempt:
            self.current, self.previous = self.waits[1], self.current
            self.made_by, self.waits = attempt, None
        return self.made_by == attempt

    def discard(self, attempt: str) -> bool:
        if self.waits is not None and self.waits[0] == attempt:
            self.waits = None
        return self.made_by != attempt

    def change(self, secret: str) -> None:
        """A person does it."""
        self.current, self.previous, self.made_by = secret, self.current, None

    def shown(self) -> tuple[str, str | None, str | None]:
        return self.current, None if self.waits is None else self.waits[1], self.previous


def shown(vault: Vault, account: str) -> tuple[str | None, str | None, str | None]:
    """What is in force, pending and previous."""
    values = vault.secrets.values(account, Reader())
    said = [kept.get(FIELD) for kept in (values.current, values.pending, values.previous)]
    current, pending, previous = (None if one is None else one.reveal() for one in said)
    return current, pending, previous


def changed(vault: Vault) -> datetime:
    moment = vault.secrets.changed_at("root")
    assert moment is not None, "the vault does not know when it was changed"
    assert moment.tzinfo is not None, "changed_at is a moment without a zone"
    return moment


@define
class Walk:
    """Attempts are proposed once, said again at any time, and looked at long after their end."""

    vault: Vault
    slots: Slots
    change: Callable[[str, str], None]
    rng: random.Random
    models: dict[str, Model] = field(factory=lambda: {"root": Model(PASSWORD), "lone": Model(OTHER)})
    attempts: int = 0
    said: list[str] = field(factory=list)

    def step(self) -> None:
        account, twice = self.rng.choice(("root", "lone")), self.rng.choice((1, 1, 2))
        model = self.models[account]
        deed, given = self._deed(account, model)
        if deed == "change":
            self.change(account, given[0])
            model.change(given[0])
            self.said.append(f"{account}: a person changes it")
        else:
            token = max(model.token + self.rng.choice((-2, -1, 0, 0, 0, 1, 2)), 0)
            for _ in range(twice):
                self._say(account, model, deed, given, token)
        for name, one in self.models.items():
            assert shown(self.vault, name) == one.shown(), f"{name} has other secrets than it should after {self._path()}"

    def _say(self, account: str, model: Model, deed: str, given: tuple[str, ...], token: int) -> None:
        self.said.append(f"{account}: {deed}{given[-1:]} with {token}")
        wanted = STALE if token < model.token else getattr(model, deed)(*given)
        model.token = max(model.token, token)
        answer = self._answer(account, deed, given, token)
        assert answer == wanted, f"the answer is {_told(answer)} instead of {_told(wanted)} after {self._path()}"

    def _answer(self, account: str, deed: str, given: tuple[str, ...], token: int) -> Any:
        try:
            if deed == "propose":
                return self.slots.propose(account, {FIELD: Secret(given[0])}, given[1], token)
            if deed == "adopt":
                found = self.slots.adopt(account, token)
                return None if found is None else (found.attempt, found.secrets[FIELD].reveal())
            return getattr(self.slots, deed)(account, given[0], token)
        except StaleToken:
            return STALE

    def _deed(self, account: str, model: Model) -> tuple[str, tuple[str, ...]]:
        deed = self.rng.choice(("propose", "propose", "adopt", "promote", "promote", "discard", "change"))
        if deed == "adopt":
            return deed, ()
        known = [one for one in (model.waits and model.waits[0], model.made_by) if one is not None]
        if deed == "propose":
            attempt = self.rng.choice((*known, self._new(), self._new()))
            return deed, (f"the horse of {attempt} in {account}", attempt)
        if deed == "change":
            return deed, (f"the horse of a person, {self._new()}",)
        return deed, (self.rng.choice((*known, *known, f"attempt-{self.rng.randint(0, self.attempts + 1)}")),)

    def _new(self) -> str:
        self.attempts += 1
        return f"attempt-{self.attempts}"

    def _path(self) -> str:
        return "; ".join(self.said[-8:])


def _told(answer: object) -> object:
    """What is a candidate is named by its attempt."""
    return f"the candidate of {answer[0]}" if isinstance(answer, tuple) else answer
