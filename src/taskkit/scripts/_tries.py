"""What hosts let in: the secrets that are known of an account are tried in an order that spends as few log-ins as can be (S5).

What was refused is noted for whoever goes on. It is not said again until it could have changed: the candidate once it was sent, or may have
been; any other one once a person has said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from taskkit.errors import HostRefused, TaskkitError
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.runs import Budget, Run
from taskkit.plugins.verbs import Operation, Probe
from taskkit.records import AccountId, Record
from taskkit.scripts._steps import answer
from taskkit.secrets import Secret
from taskkit.tries import UNSEEN

if TYPE_CHECKING:
    from pendulum import DateTime

#: What a log-in says of a secret that is the right one.
RIGHT = frozenset({None, ErrorClass.MUST_CHANGE})
#: Why a job waits for hosts to forget refused log-ins.
SPARED = "tries_spared"
_SPARED = "so many log-ins were refused of late that one more may lock the account"


class Which(StrEnum):
    """Of the secrets that are known of an account."""

    CANDIDATE = "candidate"
    CURRENT = "current"
    PREVIOUS = "previous"


class CannotSay(Exception):
    """A log-in told nothing of the secret: no further one is tried, or not before `until`."""

    def __init__(self, error: ErrorClass, text: str, until: DateTime | None = None) -> None:
        super().__init__()
        self.error, self.text, self.until = error, text, until


class Spared(CannotSay):
    """The host was not asked: one more refused log-in may lock the account."""

    until: DateTime

    def __init__(self, until: DateTime) -> None:
        super().__init__(ErrorClass.WRONG_CREDENTIALS, _SPARED, until)


class Tries:
    """Of one account, for one run. `trusts`: a worker that was lost had tried nothing but what its host had just taken."""

    def __init__(self, run: Run, account: AccountId, record: Record, name: str, *, trusts: bool) -> None:
        self._run, self._account, self._record, self._name = run, account, record, name
        self._budget, self._trusts = run.intents.budget(account), trusts
        self._refused: list[Secret] = []
        self._let_in: Which | None = None
        self._kept: dict[Which, Secret] | None = None
        self._was_sent = False

    def known(self, *, keep: bool = False) -> dict[Which, Secret]:
        """What the vault knows beside the candidate; what was kept is said once more, and asked anew after that."""
        if (kept := self._kept) is not None:
            self._kept = None
            return kept
        values = self._run.vault.secrets.values(self._account, self._run)
        found = {Which.CURRENT: values.current.get(self._name), Which.PREVIOUS: values.previous.get(self._name)}
        told = {which: secret for which, secret in found.items() if secret is not None}
        self._kept = told if keep else None
        return told

    def demand(self) -> None:
        """Spared where none may be made."""
        if self._trusts:
            self._budget.trust()
            self._trusts = False
        if not self._budget.left:
            raise Spared(self._budget.free)

    def live(self, candidate: Secret | None = None, *, leave: int = 0) -> tuple[Which | None, Secret | None]:
        """Which of them lets in; None where none does, or where going on would not leave so many tries for what comes after."""
        for which, secret in self._in_order(candidate):
            self.demand()
            if which is not Which.CANDIDATE and self._budget.left <= leave:
                break
            if self._lets_in(which, secret):
                self._let_in = which
                return which, secret
        return None, None

    def was_sent(self) -> None:
        """The host may take the candidate from now on."""
        self._was_sent = True

    def _in_order(self, candidate: Secret | None) -> Iterator[tuple[Which, Secret]]:
        """A candidate that was refused is tried once more, and last: somebody who was thought dead may have sent it since."""
        is_last = candidate is not None and self._was_refused(Which.CANDIDATE, candidate)
        if candidate is not None and not is_last:
            yield Which.CANDIDATE, candidate
        said = [] if candidate is None else [candidate]
        for which, secret in self.known().items():  # asked for where the candidate does not let in
            if not self._is_dead(which, secret) and not any(secret.same_as(other) for other in said):
                said.append(secret)
                yield which, secret
        if candidate is not None and is_last:
            yield Which.CANDIDATE, candidate

    def _is_dead(self, which: Which, secret: Secret) -> bool:
        """The one before has been replaced, where that in force has let in."""
        return (which is Which.PREVIOUS and self._let_in is Which.CURRENT) or self._was_refused(which, secret)

    def _was_refused(self, which: Which, secret: Secret) -> bool:
        if which is Which.CANDIDATE and self._was_sent:
            return False
        return any(secret.same_as(other) for other in self._refused) or self._budget.is_refused(which, secret)

    def _lets_in(self, which: Which, secret: Secret) -> bool:
        if which is Which.CANDIDATE:
            self._was_sent = False
        began = self._run.now()
        probe = probed(self._run, self._record, secret, self._budget)
        is_right = probe.error in RIGHT
        if is_right:
            self._budget.let_in()
        elif probe.error is ErrorClass.WRONG_CREDENTIALS:
            self._refused.append(secret)
            self._budget.refused(which, secret)
        elif probe.error is ErrorClass.ACCOUNT_LOCKED:
            self._budget.locked()
        tell(self._run, f"try {which}", Done() if is_right else NotDone(probe.error or ErrorClass.FAILED, probe.text), began)
        if not is_right and probe.error is not ErrorClass.WRONG_CREDENTIALS:
            until = self._budget.free if probe.error is ErrorClass.ACCOUNT_LOCKED else None
            raise CannotSay(probe.error or ErrorClass.FAILED, probe.text, until)
        return is_right


def probed(run: Run, record: Record, secret: Secret, budget: Budget) -> Probe:
    """A log-in with it; CannotSay where the executor raises what is none of ours. A host that may have heard it may have refused it."""
    try:
        return run.probe(record, secret, to=record)
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        if isinstance(error, HostRefused) or not isinstance(error, TaskkitError):
            budget.refused(UNSEEN, None)
        if isinstance(error, TaskkitError) or not isinstance(error, Exception):
            raise
        said = answer(error, run)
    raise CannotSay(said.error, said.text)


def tell(run: Run, name: str, outcome: Done | NotDone | Unknown, began: DateTime) -> None:
    """Keep the result of one step of a rotation."""
    error, text = (outcome.error if isinstance(outcome, NotDone) else None), ("" if isinstance(outcome, Done) else outcome.text)
    states: dict[type, Literal["done", "not_done", "unknown"]] = {Done: "done", NotDone: "not_done", Unknown: "unknown"}
    run.operation(Operation(name, states[type(outcome)], began, run.now(), error=error, text=text))
