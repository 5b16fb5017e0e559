"""A new password for an account, on its machine and in the vault: what a task says of it. How it goes, stands in `rotation`."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from taskkit.checks import named, one_of, whole
from taskkit.errors import InvalidValue, Refused
from taskkit.jobs import Kind
from taskkit.outcomes import Effect, Outcome
from taskkit.passwords import PasswordPolicy, Passwords, password_policy
from taskkit.plugins.kinds import Run, Script
from taskkit.records import NO_ACCOUNTS, AccountId, Accounts
from taskkit.scripts._groups import Group
from taskkit.scripts.dependents import Dependent, dependents_of, once
from taskkit.scripts.rotation import VERBS, Rotation
from taskkit.vaults import root


@frozen
class PasswordReset(Script):
    """Changes the password of the record's account, of that to which it refers (R4), through itself or through its shadow account."""

    kind = "password_reset"
    needs = VERBS
    changes_secret = True
    resumes = True
    effect = Effect.BLIND  # what it has looked at and could not find out, no second look finds out

    name: str = field(validator=named)
    passwords: PasswordPolicy = field(default=Passwords(), converter=password_policy, kw_only=True)
    #: How many candidates are drawn or sent before it gives up.
    attempts: int = field(default=3, validator=whole(1, 10), kw_only=True)
    #: Where there is a shadow account: whether it makes all changes, or only sets right what the account itself cannot change any more.
    through: Literal["shadow", "itself"] = field(default="shadow", validator=one_of("shadow", "itself"), kw_only=True)

    #: What uses the account, in the order in which it hears of the new password.
    dependents: tuple[Dependent, ...] = field(default=(), converter=dependents_of, validator=once, kw_only=True)
    #: What becomes of the new password where a required one of them has failed.
    on_failure: Literal["keep", "roll_back"] = field(default="keep", validator=one_of("keep", "roll_back"), kw_only=True)
    #: Whether the old one is tried once more at the end, and what it is where that one still lets in.
    old_refused: Literal["no", "warn", "fail"] = field(default="no", validator=one_of("no", "warn", "fail"), kw_only=True)

    def accounts(self, run: Run) -> Accounts:
        """The account at the end of the path of references is changed; the shadow account is used (R3, R4), and what its dependents use."""
        if run.record is None:
            return NO_ACCOUNTS
        records = run.vault.records
        changed = run.record if run.job.kind is Kind.RECOVERY else root(records, run.record)
        uses = {records.account(run.shadow)} if run.shadow is not None else set()
        theirs = [(one.writes, account) for one in self.dependents if (account := _account(one, run)) is not None]
        writes = {account for is_written, account in theirs if is_written}
        return Accounts(writes={records.account(changed)} | writes, uses=uses | {account for _, account in theirs})

    def perform(self, run: Run) -> Outcome:
        rotation = Rotation(self, run)
        group = Group(self, run, rotation)
        group.fit()
        return rotation.perform() or group.perform()


def _account(one: Dependent, run: Run) -> AccountId | None:
    """None where there is none: a recovery goes on without it, and all else is refused before it changes anything."""
    try:
        record = run.vault.records.get(one.record)
        return None if record is None else run.vault.records.account(record)
    except (Refused, InvalidValue):
        return None
