"""A new password for an account, on its machine and in the vault: what a task says of it. How it goes, stands in `rotation`."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from taskkit.checks import named, one_of, whole
from taskkit.jobs import Kind
from taskkit.outcomes import Done, Effect, Outcome
from taskkit.passwords import PasswordPolicy, Passwords, password_policy
from taskkit.plugins.kinds import Run, Script
from taskkit.records import NO_ACCOUNTS, Accounts
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

    def accounts(self, run: Run) -> Accounts:
        """The account at the end of the path of references is changed; the shadow account is used (R3, R4)."""
        if run.record is None:
            return NO_ACCOUNTS
        records = run.vault.records
        changed = run.record if run.job.kind is Kind.RECOVERY else root(records, run.record)
        uses = {records.account(run.shadow)} if run.shadow is not None else set()
        return Accounts(writes={records.account(changed)}, uses=uses)

    def perform(self, run: Run) -> Outcome:
        rotation = Rotation(self, run)
        return rotation.perform() or Done({"account": rotation.account, "changed": True})
