"""The intents of one run: each write is the owner's, or changes nothing (J3), and is on the disk before anything follows (J14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._border import plain
from taskkit.engine._intents import ends_with, hold, kept, read, recovery
from taskkit.engine._sealed_slots import SealedSlots, dropped
from taskkit.errors import Outdated, Refused
from taskkit.facts import Fact
from taskkit.intents import Intent
from taskkit.records import AccountId
from taskkit.storage import Insert, Keep, Unit
from taskkit.vaults import Slots

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._runs import JobRun
    from taskkit.passwords import FormerPasswords
    from taskkit.secrets import Secret

_TRIES = 4
#: Of how many former secrets of an account keyed hashes are kept.
_PRINTS = 100


class RunIntents:
    """Implements the port `Intents`."""

    def __init__(self, ground: Ground, run: JobRun) -> None:
        self._ground, self._run, self._storage = ground, run, ground.storage
        self._open: dict[AccountId, Intent] = {}
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
        found = read(self._storage, account)
        if found is None:
            self._open.pop(account, None)
        else:
            self._open[account] = found
        return found

    def former(self, account: AccountId, secrets: Iterable[Secret] = ()) -> FormerPasswords:
        known, seals = self._storage.document("account", account), self._ground.seals
        return seals.former(account, (*secrets, *(known.body.get("prints", ()) if known else ())))

    def open(self, account: AccountId, record: str, attempt: str, candidate: Secret) -> Intent:
        """Before anything is kept or touched. Another attempt at an intent that is open takes its place."""
        now, job, before = self._ground.now(), self._run.job, self.read(account)
        new: Unit = ()
        if before is None:
            waiting = recovery(self._ground, job, record, account, now + self._ground.settings.lease_length)
            new, waits = (Insert(waiting),), waiting.id
        else:
            waits = before.recovery
        intent = Intent(account, attempt, record, job.id, job.task, job.line, waits, now, revision=0 if before is None else before.revision)
        self._written((kept(intent), *new, self._told("IntentOpened", intent)), {"turned_at": now})
        self._run.turned(now)
        return self._known(intent)

    def settle(self, account: AccountId, attempt: str, memo: Mapping[str, Any], *, changed: bool) -> None:
        """It is known again which secret is the live one; with the memo, in one. Said twice is once."""
        for _ in range(_TRIES):
            intent = self.read(account)
            is_open = intent is not None and intent.attempt == attempt
            with suppress(Outdated):
                self._run.save_with(memo, self._settled(intent, changed=changed) if is_open and intent is not None else (), clean=True)
                self._open.pop(account, None)
                return
        raise Outdated(f"settling the intent of {account!r}", "others change it all the time", "the recovery job resolves it")

    def _settled(self, intent: Intent, *, changed: bool) -> Unit:
        ended = ends_with(intent, self._storage.job(intent.recovery), self._run.job, self._ground.now())
        marked = (self._changed(intent),) if changed else ()
        return (*ended, *dropped(self._storage, intent.account), *marked, self._told("IntentSettled", intent, {"changed": changed}))

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

    def handed_on(self) -> Unit:
        """What the unit adds that ends this run: accounts with an open intent are held by their recovery jobs."""
        return tuple(hold(intent.recovery, account) for account, intent in self._open.items())

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
        known = self._storage.document("account", intent.account)
        before = known.body.get("prints", ()) if known else ()
        prints = [intent.print, *before][:_PRINTS] if intent.print else list(before)
        body = {"changed": intent.opened, "ended": self._ground.now(), "job": self._run.job.id, **({"prints": prints} if prints else {})}
        return Keep("account", intent.account, known.revision if known else 0, body)

    def _told(self, kind: str, intent: Intent, more: Mapping[str, Any] | None = None) -> Fact:
        job = self._run.job
        told = {"account": intent.account, "attempt": intent.attempt, **(more or {})}
        return Fact(kind, self._ground.now(), job.id, job.task, job.line, intent.record, None, told)
