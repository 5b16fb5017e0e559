"""A new password for an account, on its machine and in the vault: what a task says of it. How it goes, stands in `rotation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from attrs import field, frozen
from attrs.converters import optional

from taskkit.checks import named, one_of, whole
from taskkit.errors import InvalidValue, Refused, VaultAway
from taskkit.events._wording import counted
from taskkit.jobs import Kind
from taskkit.outcomes import Effect, Outcome
from taskkit.passwords import PasswordPolicy, password_policy
from taskkit.plugins.kinds import Script, Sequel
from taskkit.plugins.runs import Run
from taskkit.records import NO_ACCOUNTS, AccountId, Accounts
from taskkit.scripts._groups import Group, vault_away
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
    #: None is what the record type says, and the default where it says nothing.
    passwords: PasswordPolicy | None = field(default=None, converter=optional(password_policy), kw_only=True)
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

    def sequels(self) -> Sequence[Sequel]:
        told = [Sequel(_told(one), one.record, _details(one)) for one in self.dependents]
        if any(one.required for one in self.dependents):
            told.append(Sequel(_FAILED[self.on_failure], details={"on_failure": self.on_failure}))
        if self.old_refused != "no":
            text = f"the old password is tried once; where it still lets in, {_LETS_IN[self.old_refused]}"
            told.append(Sequel(text, details={"old_refused": self.old_refused}))
        return told

    def perform(self, run: Run) -> Outcome:
        try:
            rotation = Rotation(self, run)
            group = Group(self, run, rotation)
            group.fit()
        except VaultAway:
            if not run.memo or self.on_failure == "roll_back":  # who may have to take it back lets nobody else change it meanwhile
                raise
            return vault_away(run)
        return rotation.perform() or group.perform()


_FAILED = {
    "keep": "where a required one of them fails, the job has failed; the new password stays, and the others hear of it",
    "roll_back": "where a required one of them fails, the old password is put in force again, and whoever heard of the new one hears that",
}
_LETS_IN = {"warn": "that is a warning", "fail": "the job has failed"}


def _told(one: Dependent) -> str:
    again = f"told again up to {counted(one.retries, 'time')} after a failure that may pass" if one.retries else "told once"
    blind = "" if one.effect is Effect.IDEMPOTENT else ", and not where nobody saw its end"
    return f"{one}: {again}{blind}; it is {'required' if one.required else 'not required: its failure is a warning'}"


def _details(one: Dependent) -> dict[str, Any]:
    return {"kind": one.kind, "name": str(one), "retries": one.retries, "required": one.required, "effect": one.effect.value}


def _account(one: Dependent, run: Run) -> AccountId | None:
    """None where there is none: a recovery goes on without it, and all else is refused before it changes anything."""
    try:
        record = run.vault.records.get(one.record)
        return None if record is None else run.vault.records.account(record)
    except (Refused, InvalidValue):
        return None
