"""The intents of one run: each write is the owner's, or changes nothing (J3), and is on the disk before anything follows (J14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._border import plain
from taskkit.engine._budgets import Budget
from taskkit.engine._intents import ends_with, hold, kept, recovery, told_open
from taskkit.engine._sealed_slots import SealedSlots, dropped, slot_id
from taskkit.engine._seals import SEALED
from taskkit.errors import Outdated, Refused
from taskkit.facts import Fact
from taskkit.instants import instant
from taskkit.intents import TABLE, Intent, Ruling
from taskkit.jobs import Job
from taskkit.records import AccountId
from taskkit.storage import Document, Insert, Keep, Unit
from taskkit.tries import TABLE as TRIES
from taskkit.vaults import Slots

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._runs import JobRun
    from taskkit.passwords import FormerPasswords
    from taskkit.secrets import Secret

#: When which account was last changed, and by which job.
_ACCOUNTS = "account"
_TRIES = 4
#: What comes into force so was let in by its host before, by whichever worker.
_PROVEN = (None, Ruling.PROBE, Ruling.ANEW)
#: Of how many former secrets of an account keyed hashes are kept.
_PRINTS = 100


class RunIntents:
    """Implements the port `Intents`."""

    def __init__(self, ground: Ground, run: JobRun) -> None:
        self._ground, self._run, self._storage = ground, run, ground.storage
        self._open: dict[AccountId, Intent] = {}
        # what was read or written a moment ago is not read again: where somebody has changed it meanwhile, nothing lands, and it is
        self._none: set[AccountId] = set()
        self._accounts: dict[AccountId, Document | None] = {}
        self._unsealed: set[AccountId] = set()
        self._waiting: dict[AccountId, Job] = {}
        self._budgets: dict[AccountId, Budget] = {}
        #: Whether this run says by its intents which accounts it has changed.
        self.are_used = False

    @property
    def slots(self) -> Slots:
        """Where candidates lie: in the vault, or sealed in the store."""
        vault = self._ground.vault
        if vault.slots is not None:
            return self._run.vault.slots  # type: ignore[return-value]  # there is one
        if not vault.secrets.keeps:
            case = "the vault has neither slots for new secrets nor keeps any"
            raise Refused("changing a secret", case, "give Vault(slots=…), or Secrets with keep, and keeps = True")
        self._ground.seals.demand("changing a secret")
        return SealedSlots(self._ground.seals, self._run)

    def read(self, account: AccountId) -> Intent | None:
        """With what else the store keeps of the account, in one question."""
        kept = self._storage.together({TABLE: [account], TRIES: [account], _ACCOUNTS: [account], SEALED: [slot_id(account)]})
        found = told_open(account, kept[TABLE].get(account))
        self._accounts[account] = kept[_ACCOUNTS].get(account)
        if self._ground.vault.slots is not None and not kept[SEALED]:
            self._unsealed.add(account)
        self.budget(account).see(kept[TRIES].get(account))
        if found is None:
            self._open.pop(account, None)
            self._none.add(account)
        else:
            self._open[account] = found
            self._none.discard(account)
        return found

    def former(self, account: AccountId, secrets: Iterable[Secret] = ()) -> FormerPasswords:
        known, seals = self._account(account), self._ground.seals
        return seals.former(account, (*secrets, *(known.body.get("prints", ()) if known else ())))

    def budget(self, account: AccountId) -> Budget:
        if account not in self._budgets:
            self._budgets[account] = Budget(self._ground, self._run, account)
        return self._budgets[account]

    def changed_by(self, account: AccountId, since: datetime) -> str | None:
        known = self._storage.document(_ACCOUNTS, account)
        return None if known is None or known.body["ended"] < instant(since) else str(known.body["job"])

    def open(self, account: AccountId, record: str, attempt: str, candidate: Secret) -> Intent:
        """Before anything is kept or touched. Another attempt at an intent that is open takes its place."""
        now, job, before = self._ground.now(), self._run.job, self._before(account)
        new: Unit = ()
        if before is None:
            waiting = recovery(self._ground, job, record, account, now + self._ground.settings.lease_length)
            new, waits = (Insert(waiting),), waiting.id
            self._waiting[account] = waiting
        else:
            waits = before.recovery
        intent = Intent(account, attempt, record, job.id, job.task, job.line, waits, now, revision=0 if before is None else before.revision)
        self._written((kept(intent), *new, self._told("IntentOpened", intent)), {"turned_at": now})
        self._run.turned(now)
        return self._known(intent)

    def _before(self, account: AccountId) -> Intent | None:
        """What is open, unless it has just been seen that nothing is."""
        if account in self._none:
            self._none.discard(account)
            return None
        return self.read(account)

    def settle(self, account: AccountId, attempt: str, memo: Mapping[str, Any], *, changed: bool) -> None:
        """It is known again which secret is the live one; with the memo, in one. Said twice is once."""
        for number in range(_TRIES):
            intent = self.read(account) if number or account not in self._open else self._open[account]
            is_open = intent is not None and intent.attempt == attempt
            with suppress(Outdated):
                self._run.save_with(memo, self._settled(intent, changed=changed) if is_open and intent is not None else (), clean=True)
                self._open.pop(account, None)
                return
            self.budget(account).forget()
        raise Outdated(f"settling the intent of {account!r}", "others change it all the time", "the recovery job resolves it")

    def _settled(self, intent: Intent, *, changed: bool) -> Unit:
        waiting = self._waiting.pop(intent.account, None) or self._storage.job(intent.recovery)
        ended = ends_with(intent, waiting, self._run.job, self._ground.now())
        marked = (self._changed(intent),) if changed else ()
        budget = self.budget(intent.account)
        if changed and intent.ruling in _PROVEN:
            budget.let_in()
        spent = budget.settled()
        sealed = () if intent.account in self._unsealed else dropped(self._storage, intent.account)
        return (*ended, *sealed, *spent, *marked, self._told("IntentSettled", intent, {"changed": changed}))

    def doubt(self, account: AccountId, text: str) -> None:
        """No known secret lets in: nothing is tried any more until a person says something."""
        intent = self.read(account)
        if intent is not None:
            doubted = evolve(intent, doubt=text or "unknown", ruling=None)
            self._written((kept(doubted), self._told("IntentDoubted", doubted, {"text": text})), {})
            self._known(doubted)

    def told(self, account: AccountId, dependent: str, state: str, text: str, memo: Mapping[str, Any]) -> None:
        """With the memo, in one."""
        job, about = self._run.job, {"account": account, "dependent": dependent, "state": state, "text": text}
        said = plain(self._run.scrubber.scrub_deep({name: value for name, value in about.items() if value}))
        fact = Fact("DependentTold", self._ground.now(), job.id, job.task, job.line, job.record, None, said)
        self._run.save_with(memo, (fact,), clean=True)

    def note(self, memo: Mapping[str, Any]) -> None:
        self._run.save_with(memo, clean=True)

    def handed_on(self, *, ends: bool) -> Unit:
        """What the unit adds that ends this run: their recovery jobs hold accounts with an open intent, if they go on."""
        ended = self._run.job.id if ends else None
        return tuple(hold(intent.recovery, account) for account, intent in self._open.items() if intent.recovery != ended)

    # writing

    def _known(self, intent: Intent) -> Intent:
        self._open[intent.account] = intent = evolve(intent, revision=intent.revision + 1)
        self.are_used = True
        return intent

    def _written(self, changes: Unit, fields: Mapping[str, Any]) -> None:
        self._run.fence.save(fields, changes, durable=True)
        self._run.touch()

    def _changed(self, intent: Intent) -> Keep:
        """What counts is when the new one was chosen: who looked at the account after that has seen it (P4)."""
        account = intent.account
        known = self._account(account)
        self._accounts.pop(account)
        before = known.body.get("prints", ()) if known else ()
        prints = [intent.print, *before][:_PRINTS] if intent.print else list(before)
        body = {"changed": intent.opened, "ended": self._ground.now(), "job": self._run.job.id, **({"prints": prints} if prints else {})}
        return Keep(_ACCOUNTS, account, known.revision if known else 0, body)

    def _account(self, account: AccountId) -> Document | None:
        """What is kept of when it was changed, and to what."""
        if account not in self._accounts:
            self._accounts[account] = self._storage.document(_ACCOUNTS, account)
        return self._accounts[account]

    def _told(self, kind: str, intent: Intent, more: Mapping[str, Any] | None = None) -> Fact:
        job = self._run.job
        told = {"account": intent.account, "attempt": intent.attempt, **(more or {})}
        return Fact(kind, self._ground.now(), job.id, job.task, job.line, intent.record, None, told)
