"""A store or a vault that came back from a backup: nothing fires until somebody has looked at what that leaves open.

A person says so, or the engine sees it by the place in the outbox that both of them note. Either way the engine is paused, with the reason;
whoever has looked resumes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.engine._aftermaths import Aftermath, Contradiction, Restore, open_work, restore_of
from taskkit.engine._border import account_of, asked
from taskkit.engine._catalog import REMOVED, TASKS
from taskkit.engine._occurrences import missed
from taskkit.engine._pauses import ENGINE
from taskkit.errors import InvalidValue, NotFound, TaskkitError, UnknownMark, VaultAway
from taskkit.facts import Fact
from taskkit.instants import Instant, instant, shown
from taskkit.intents import TABLE as INTENTS
from taskkit.storage import Keep, Storage, Unit
from taskkit.vaults import Outbox, Secrets

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._rights import RightsDesk
    from taskkit.jobs import Job
    from taskkit.records import AccountId

MARKS, OUTBOX, RECONCILED, _RESTORED = "mark", "outbox", "reconciled", "restored"
_ACCOUNTS = "account"
SAID, STORE, VAULT = "said", "store", "vault"
WHY = "restored from a backup"
_WHYS = {
    STORE: "the store is older than the vault: it had taken in more of the outbox than it knows now",
    VAULT: "the vault is older than the store: its outbox does not know what it told before",
}
_PAGE = 1000


class Restores:
    def __init__(self, ground: Ground, rights: RightsDesk, pauses: Pauses) -> None:
        self._ground, self._rights, self._pauses, self._storage = ground, rights, pauses, ground.storage

    def say(self, *, by: str | None, why: str) -> Aftermath:
        self._rights.to_administer(by, "saying that vault or store were restored")
        self._note(SAID, by, why, Fact("Restored", self._ground.now(), who=by, details={"why": why}))
        return self.aftermath()

    def notice(self, what: str) -> None:
        """Before anything is told to the vault, so that a crash between lets it be noticed again."""
        self._note(what, None, _WHYS[what], Fact("RestoreNoticed", self._ground.now(), details={"what": what}))

    def _note(self, what: str, by: str | None, why: str, fact: Fact) -> None:
        """Vault and store are compared anew at the next tick (R8)."""
        unit = noted(self._storage, self._ground.now(), what, by, why, self._pauses.is_paused(ENGINE))
        self._pauses.pause(ENGINE, by=by, why=why, is_wanted=what == SAID or self._is_known())
        self._storage.write([(*unit, fact)])

    def _is_known(self) -> bool:
        """Whether all stands still and somebody has said why: who notices it then tells no news."""
        known = restore(self._storage)
        return known is not None and known.what == SAID and any(one.what == ENGINE and one.since <= known.at for one in self._pauses.all())

    # looking

    def seen_by(self, user: str | None) -> Aftermath:
        self._rights.to_administer(user, "looking at what a restore has left")
        return self.aftermath()

    def aftermath(self) -> Aftermath:
        catalog, now = self._ground.catalog, self._ground.now()

        def name(task: str) -> str:
            kept = self._storage.document(TASKS, task) or self._storage.document(REMOVED, task)
            return task if kept is None else str(kept.body["name"])

        def stands_for(job: Job) -> int:
            with suppress(TaskkitError):  # its plug-in is missing here
                trigger = catalog.task(job.trigger[0])
                return missed(trigger, job, now).get("missed", 1) if trigger is not None else 1
            return 1

        return Aftermath(
            shown(now), restore(self._storage), self._pauses.is_paused(ENGINE), open_work(self._storage, now, name, stands_for),
            self._happenings(), list(self._contradictions()), list(self._candidates()),
        )  # fmt: skip

    def _happenings(self) -> int | None:
        kept, outbox = self._storage.document(MARKS, OUTBOX), self._ground.vault.outbox
        mark = kept.body["mark"] if kept else None
        if type(outbox).since is Outbox.since:
            return None
        with suppress(VaultAway, UnknownMark):
            return asked(lambda: len(list(outbox.since(mark)[0])), "counting the happenings that wait in the vault")
        return None

    def _contradictions(self) -> Iterator[Contradiction]:
        """Where the vault tells when secrets were changed."""
        secrets = self._ground.vault.secrets
        if type(secrets).changed_at is Secrets.changed_at:
            return
        for account, changed, job in self._changed():
            with suppress(VaultAway):
                told = asked(lambda account=account: secrets.changed_at(account), "asking the vault when a secret was changed")
                if told is None or instant(told) < changed:
                    yield Contradiction(account, shown(changed), shown(instant(told)) if told else None, job)

    def _changed(self) -> Iterator[tuple[AccountId, Instant, str]]:
        """What jobs have changed, and when they chose the new secret."""
        after = ""
        while page := self._storage.documents(_ACCOUNTS, after=after, limit=_PAGE):
            yield from ((kept.id, kept.body["changed"], kept.body["job"]) for kept in page)
            after = page[-1].id

    def _candidates(self) -> Iterator[AccountId]:
        """Where the vault tells of one, and nobody is at it (S4)."""
        secrets, reader = self._ground.vault.secrets, _Looking()
        if type(secrets).values is Secrets.values:
            return
        for account in sorted(self._accounts()):
            with suppress(VaultAway):
                values = asked(lambda account=account: secrets.values(account, reader), "asking the vault for candidates")
                if values.pending and not self._is_looked_after(account):
                    yield account

    def _is_looked_after(self, account: AccountId) -> bool:
        return bool(self._storage.holders(f"account:{account}")) or self._storage.document(INTENTS, account) is not None

    def _accounts(self) -> set[AccountId]:
        """Of all records whose tasks change secrets, and all that jobs have changed."""
        found, records, catalog = {account for account, _, _ in self._changed()}, self._ground.vault.records, self._ground.catalog
        with suppress(VaultAway):
            for record in asked(lambda: list(records.all()), "reading all records"):
                if any((made := catalog.definition(task.script)) and made.value.changes_secret for task in catalog.effective(record)):
                    with suppress(InvalidValue, NotFound):  # its references lead nowhere
                        found.add(account_of(self._ground.vault, record))
        return found


@frozen
class _Looking:
    """As whom the vault is read here: the product, for no job."""

    viewer: str | None = None
    token: int = 0


# in the store


def noted(storage: Storage, now: Instant, what: str, by: str | None, why: str, is_paused: bool) -> Unit:
    """What keeps that there was a restore. Said again while all stands still, it is the same one."""
    kept, compared = storage.document(MARKS, _RESTORED), storage.document(MARKS, RECONCILED)
    last = kept.body["last"] if kept and is_paused else last_sign(storage)
    body: dict[str, Any] = {"what": what, "at": now, "last": last, "by": by, "why": why}
    changes: Unit = (Keep(MARKS, _RESTORED, kept.revision if kept else 0, body),)
    return changes if compared is None else (*changes, Keep(MARKS, RECONCILED, compared.revision, None))


def last_sign(storage: Storage) -> Instant | None:
    """When the last fact of any other process happened."""
    heads = storage.heads()
    mark = {head.chain: head.position - (head.chain != storage.chain) for head in heads}
    return max((fact.at for fact in storage.facts(mark, limit=len(heads) + 1)[0]), default=None)


def restore(storage: Storage) -> Restore | None:
    kept = storage.document(MARKS, _RESTORED)
    return None if kept is None else restore_of(kept.body)
