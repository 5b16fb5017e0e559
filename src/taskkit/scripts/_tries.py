"""What hosts let in: each known secret of an account is tried once, in an order that spends as few tries as can be (S5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NoReturn

from taskkit.jobs import Kind
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.kinds import Operation, Run
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from pendulum import DateTime

#: What a log-in says of a secret that is the right one.
RIGHT = frozenset({None, ErrorClass.MUST_CHANGE})
#: So many refused log-ins lock no account. The next one waits for longer than hosts count them together, which is mostly 15 minutes.
_AT_ONCE, _COUNTED = 2, timedelta(minutes=16)
#: In the memo of a recovery: what was refused, and when.
_REFUSED = "refused"
_SPARED = "two known secrets were refused: the third is tried later, so that the host does not lock the account"


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
    """Of one account, for one run. What was refused once is not said again, unless it is the candidate, which may have been sent since."""

    def __init__(self, run: Run, account: AccountId, record: Record, name: str) -> None:
        self._run, self._account, self._record, self._name = run, account, record, name
        self._refused: list[Secret] = []
        self._let_in: Which | None = None

    def known(self) -> dict[Which, Secret]:
        """What the vault knows beside the candidate."""
        values = self._run.vault.secrets.values(self._account, self._run)
        found = {Which.CURRENT: values.current.get(self._name), Which.PREVIOUS: values.previous.get(self._name)}
        return {which: secret for which, secret in found.items() if secret is not None}

    def live(self, candidate: Secret | None = None) -> tuple[Which | None, Secret | None]:
        """Which of them lets in; None where none does."""
        tried: list[Secret] = []
        before, refused = self._refused_before(), list[Which]()
        for which, secret in {**({} if candidate is None else {Which.CANDIDATE: candidate}), **self.known()}.items():
            if any(secret.same_as(other) for other in tried):
                continue
            tried.append(secret)
            if which in before or self._is_dead(which, secret):
                continue
            if len(refused) == _AT_ONCE and self._run.job.kind is Kind.RECOVERY:
                self._put_off([*before, *refused])
            if self.lets_in(which, secret):
                self._let_in = which
                return which, secret
            refused.append(which)
            self._refused.append(secret)
        if before:
            self._run.save({name: value for name, value in self._run.memo.items() if name != _REFUSED})
        return None, None

    def _is_dead(self, which: Which, secret: Secret) -> bool:
        """The one before has been replaced, where that in force has let in."""
        if which is Which.PREVIOUS and self._let_in is Which.CURRENT:
            return True
        return which is not Which.CANDIDATE and any(secret.same_as(other) for other in self._refused)

    def _refused_before(self) -> list[Which]:
        """By this recovery, so long ago that hosts do not count it any more."""
        kept = self._run.memo.get(_REFUSED)
        if kept is None:
            return []
        if self._run.now() < datetime.fromisoformat(kept["at"]) + _COUNTED:
            raise CannotSay(ErrorClass.WRONG_CREDENTIALS, _SPARED)
        return [Which(name) for name in kept["which"]]

    def _put_off(self, refused: list[Which]) -> NoReturn:
        self._run.save({**self._run.memo, _REFUSED: {"which": [which.value for which in refused], "at": self._run.now().isoformat()}})
        raise CannotSay(ErrorClass.WRONG_CREDENTIALS, _SPARED)

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
