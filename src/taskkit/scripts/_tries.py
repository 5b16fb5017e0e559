"""What hosts let in: each known secret of an account is tried once, in an order that spends as few tries as can be (S5)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.kinds import Operation, Run
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from pendulum import DateTime

#: What a log-in says of a secret that is the right one.
RIGHT = frozenset({None, ErrorClass.MUST_CHANGE})


class Which(StrEnum):
    """Of the secrets that are known of an account."""

    CANDIDATE = "candidate"
    CURRENT = "current"
    PREVIOUS = "previous"


class CannotSay(Exception):
    """A log-in told nothing of the secret: no further one is tried."""

    def __init__(self, error: ErrorClass, text: str) -> None:
        super().__init__()
        self.error, self.text = error, text


class Tries:
    """Of one account, for one run."""

    def __init__(self, run: Run, account: AccountId, record: Record, name: str) -> None:
        self._run, self._account, self._record, self._name = run, account, record, name

    def known(self) -> dict[Which, Secret]:
        """What the vault knows beside the candidate."""
        values = self._run.vault.secrets.values(self._account, self._run)
        found = {Which.CURRENT: values.current.get(self._name), Which.PREVIOUS: values.previous.get(self._name)}
        return {which: secret for which, secret in found.items() if secret is not None}

    def live(self, candidate: Secret | None = None) -> tuple[Which | None, Secret | None]:
        """Which of them lets in; None where none does."""
        tried: list[Secret] = []
        for which, secret in {**({} if candidate is None else {Which.CANDIDATE: candidate}), **self.known()}.items():
            if not any(secret.same_as(other) for other in tried):
                tried.append(secret)
                if self.lets_in(which, secret):
                    return which, secret
        return None, None

    def lets_in(self, which: Which, secret: Secret) -> bool:
        began = self._run.now()
        probe = self._run.probe(self._record, secret, to=self._record)
        is_right = probe.error in RIGHT
        tell(self._run, f"try {which}", Done() if is_right else NotDone(probe.error or ErrorClass.FAILED, probe.text), began)
        if not is_right and probe.error is not ErrorClass.WRONG_CREDENTIALS:
            raise CannotSay(probe.error or ErrorClass.FAILED, probe.text)
        return is_right


def tell(run: Run, name: str, outcome: Done | NotDone | Unknown, began: DateTime) -> None:
    """Keep the result of one step of a rotation."""
    error, text = (outcome.error if isinstance(outcome, NotDone) else None), ("" if isinstance(outcome, Done) else outcome.text)
    states: dict[type, Literal["done", "not_done", "unknown"]] = {Done: "done", NotDone: "not_done", Unknown: "unknown"}
    run.operation(Operation(name, states[type(outcome)], began, run.now(), error=error, text=text))
