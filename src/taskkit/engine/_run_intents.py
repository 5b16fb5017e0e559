"""The intents of one run: each write is the owner's, or changes nothing (J3), and is on the disk before anything follows (J14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._border import plain
from taskkit.engine._budgets import Budget
from taskkit.engine._intents import ends_with, hold, kept, left_by, recovery, told_open
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
        #: Whether `_open` is all that is: not before it was read, nor where a write broke off.
        self._is_all = False
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
        """With what else the store keeps of the account, and of others by which this run logs in, in one question."""
        tries = list(dict.fromkeys((account, *self._run.accounts.writes, *self._run.accounts.uses)))
        kept = self._storage.together({TABLE: [account], TRIES: tries, _ACCOUNTS: [account], SEALED: [slot_id(account)]})
        found = told_open(account, kept[TABLE].get(account))
        self._accounts[account] = kept[_ACCOUNTS].get(account)
        for one in tries:
            self.budget(one).see(kept[TRIES].get(one))
        if found is None:
            self._open.pop(account, None)
            self._none.add(account)
        else:
            self._open[account] = found
            self._none.discard(account)
        self._is_all = True
        if self._ground.vault.slots is not None and (not kept[SEALED] or self._is_moved(account)):
            self._unsealed.add(account)
        return found

    def _is_moved(self, account: AccountId) -> bool:
        """What lies sealed in the store, into the vault's slot: it has got slots since."""
        return SealedSlots(self._ground.seals, self._run).is_moved(account, self._run.vault.slots, self._run.token)

    def former(self, account: AccountId, secrets: Iterable[Secret] = ()) -> FormerPasswords:
        known = self._account(account)
        return self._ground.seals.former(account, secrets, known.body.get("prints", ()) if known else ())

    def budget(self, account: AccountId) -> Budget:
        return self._run.budget(account)

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
        mark, revision = self._ground.seals.print_of(account, candidate), 0 if before is None else before.revision
        intent = Intent(account, attempt, record, job.id, job.task, job.line, waits, now, mark, revision=revision)
        self._is_all = False
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
        seen, intent = self._open.get(account), self.read(account)
        if intent is not None:
            ruling = intent.ruling if seen is not None and seen.revision != intent.revision else None  # a person has said it meanwhile
            doubted = evolve(intent, doubt=text or "unknown", ruling=ruling)
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
        found = tuple(hold(intent.recovery, account) for account, intent in self._open.items() if intent.recovery != ended)
        return found if self._is_all else (*found, *left_by(self._storage, self._run.job))

    # writing

    def _known(self, intent: Intent) -> Intent:
        self._open[intent.account] = intent = evolve(intent, revision=intent.revision + 1)
        self.are_used = self._is_all = True
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
        prints = [*dict.fromkeys((intent.print, *before) if intent.print else before)][:_PRINTS]
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
