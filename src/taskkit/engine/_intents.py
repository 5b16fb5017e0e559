"""Open intents in the store (S4): one for each account, and with each a recovery job, which waits as long as the intent is open.

Whoever is at work on the account resolves the intent and ends the recovery job with it. Where nobody is any more, the recovery job holds
the account, so that nobody logs in with a secret that may be wrong, and carries out the script once more, which finds the intent there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.facts import Fact
from taskkit.instants import MINUTE, Instant
from taskkit.intents import TABLE, Intent, intent_of
from taskkit.jobs import Job, Kind, Why
from taskkit.records import NO_ACCOUNTS, AccountId, Accounts
from taskkit.states import Step
from taskkit.storage import Document, Hold, Insert, Keep, Move, Storage, Unit
from taskkit.tries import TABLE as TRIES
from taskkit.tries import SpentTries, tries_of

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_FIRST: Instant = 0
_PAGE = 200


def read(storage: Storage, account: AccountId) -> Intent | None:
    return told_open(account, storage.document(TABLE, account))


def told_open(account: AccountId, kept: Document | None) -> Intent | None:
    return None if kept is None else intent_of(account, kept.body, kept.revision)


def spent(storage: Storage, account: AccountId) -> SpentTries:
    return told_spent(account, storage.document(TRIES, account))


def told_spent(account: AccountId, kept: Document | None) -> SpentTries:
    return SpentTries(account) if kept is None else tries_of(account, kept.body, kept.revision)


def all_open(storage: Storage) -> Iterator[Intent]:
    """With the log-ins that were refused."""
    after = ""
    while page := storage.documents(TABLE, after=after, limit=_PAGE):
        for kept in page:
            yield evolve(intent_of(kept.id, kept.body, kept.revision), tries=spent(storage, kept.id).tries)
        after = page[-1].id


def kept(intent: Intent) -> Keep:
    """At its next revision."""
    return Keep(TABLE, intent.account, intent.revision, intent.body())


def recovery(ground: Ground, job: Job, record: str, account: AccountId, due: Instant) -> Job:
    """Carries out what `job` carries out, at the version that this one has."""
    now = ground.now()
    fresh = {"id": ground.ids(), "kind": Kind.RECOVERY, "record": record, "via": None, "due": due, "wanted": now, "created": now}
    return job.afresh({**fresh, "target_fallback": False, "conducts": False, "account": account, "version": job.version})


def hold(job: str, account: AccountId, others: Accounts = NO_ACCOUNTS) -> Hold:
    """Before all others: what is not certain is found out first."""
    writes, uses = (tuple(f"account:{name}" for name in sorted(names)) for names in (others.writes | {account}, others.uses - {account}))
    return Hold(job, _FIRST, writes, uses)


def is_resolved(storage: Storage, job: Job) -> bool:
    """Whether a recovery job has nothing to do any more."""
    found = None if job.account is None else read(storage, job.account)
    return found is None or found.recovery != job.id


def ends_with(intent: Intent, recovery: Job | None, job: Job, now: Instant) -> Unit:
    """The intent is resolved by `job`: a recovery job that waits ends in it. One that is claimed just now finds nothing to do."""
    closed = Keep(TABLE, intent.account, intent.revision, None)
    if recovery is None or recovery.id == job.id or not recovery.is_pending:
        return (closed,)
    told = {"ended": now, "into": job.id, "why": Why.MERGED.value}
    fact = Fact("JobMerged", now, recovery.id, recovery.task, recovery.line, recovery.record, None, {"into": job.id})
    return closed, Move(recovery.id, Step.MERGE, recovery.revision, fields=told), fact


def followed(ground: Ground, job: Job) -> Unit:
    """What the unit adds in which a recovery job ends before its intent is resolved: another one."""
    found = read(ground.storage, job.account) if job.kind is Kind.RECOVERY and job.account is not None else None
    if found is None or found.recovery != job.id:
        return ()
    fresh = recovery(ground, job, job.record or found.record, found.account, ground.now() + MINUTE)
    return Insert(fresh), kept(evolve(found, recovery=fresh.id)), hold(fresh.id, found.account)
