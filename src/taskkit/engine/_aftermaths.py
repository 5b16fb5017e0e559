"""What a restore leaves open, as a value for people: what would run, what ran, and where vault and store contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pendulum
from attrs import field, frozen

from taskkit.checks import several
from taskkit.engine._pages import all_jobs, pages
from taskkit.instants import Instant, shown
from taskkit.jobs import Job, Kind
from taskkit.records import AccountId
from taskkit.states import CLAIMED, State
from taskkit.storage import Query, Storage

_PAGE = 1000


@frozen
class Restore:
    """One restore: said by a person, or noticed by the engine."""

    what: str  #: `store`, `vault`, or `said` where a person did not say which
    at: pendulum.DateTime  #: when it was said or noticed
    last: pendulum.DateTime | None  #: the last that the store knew before: it was backed up then, or later
    by: str | None
    why: str

    def document(self) -> dict[str, Any]:
        times = {"at": self.at.isoformat(), "last": self.last.isoformat() if self.last else None}
        return {"what": self.what, **times, "by": self.by, "why": self.why}


@frozen
class OpenWork:
    """What one task has open."""

    task: str
    name: str
    running: int = 0  #: claimed when the backup was taken: their leases run out, and others take them over
    due: int = 0  #: occurrences that would run at once
    missed: int = 0  #: how many nominal times those stand for
    told: int = 0  #: jobs of happenings that would run at once
    others: int = 0  #: demands, retries and parts that would run at once
    asked: int = 0  #: wait for consent

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("task", "name", "running", "due", "missed", "told", "others", "asked")}


@frozen
class Contradiction:
    """A secret that a job has changed, and of which the vault knows a state from before: the machine has another one by now."""

    account: AccountId
    changed: pendulum.DateTime
    known: pendulum.DateTime | None
    job: str

    def document(self) -> dict[str, Any]:
        known = self.known.isoformat() if self.known else None
        return {"account": self.account, "changed": self.changed.isoformat(), "known": known, "job": self.job}


@frozen
class Aftermath:
    """What is open after a restore, as far as store and vault tell."""

    at: pendulum.DateTime
    restore: Restore | None
    paused: bool
    tasks: tuple[OpenWork, ...] = field(default=(), converter=several)
    happenings: int | None = None  #: that the outbox still has for us; None where nobody could be asked
    contradictions: tuple[Contradiction, ...] = field(default=(), converter=several)
    candidates: tuple[AccountId, ...] = field(default=(), converter=several)  #: accounts with a proposed secret that no open job knows

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        return {
            "at": self.at.isoformat(), "restore": self.restore and self.restore.document(), "paused": self.paused,
            "tasks": [one.document() for one in self.tasks], "happenings": self.happenings,
            "contradictions": [one.document() for one in self.contradictions], "candidates": list(self.candidates),
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(_told(self))


def _told(one: Aftermath) -> Iterator[str]:
    if (restore := one.restore) is not None:
        who = f"{restore.by} says" if restore.by else "the engine noticed" if restore.what != "said" else "the product says"
        yield f"{restore.at:%Y-%m-%d %H:%M:%S} UTC: {who}: {restore.why}"
        if restore.last is not None:
            yield f"the last that the store knew before: {restore.last:%Y-%m-%d %H:%M:%S} UTC"
    yield "the engine stands still" if one.paused else "the engine works"
    for work in one.tasks:
        counts = ((work.running, "ran"), (work.due, "due"), (work.told, "of happenings"), (work.others, "others"), (work.asked, "asked"))
        told = ", ".join(f"{count} {what}" for count, what in counts if count)
        stands = f", for {work.missed} times" if work.missed > work.due else ""
        yield f"  {work.name}: {told}{stands}"
    if one.happenings:
        yield f"happenings to come: {one.happenings}"
    for found in one.contradictions:
        yield f"secret of {found.account}: changed {found.changed:%Y-%m-%d %H:%M:%S} UTC by the job {found.job}, the vault has an older one"
    for account in one.candidates:
        yield f"secret of {account}: the vault has a candidate that no open job knows"


# what is open


def open_work(storage: Storage, now: Instant, name: Callable[[str], str], missed: Callable[[Job], int]) -> list[OpenWork]:
    """By task, in the order of their names; `missed` says for how many times an occurrence stands."""
    found: dict[str, Counter[str]] = {}
    for job in _open(storage, now):
        counts = found.setdefault(job.task, Counter())
        what = _what(job)
        counts[what] += 1
        if what == "due":
            counts["missed"] += missed(job)
    return sorted((OpenWork(task, name(task), **counts) for task, counts in found.items()), key=lambda one: (one.name, one.task))


def _what(job: Job) -> str:
    if job.state in CLAIMED:
        return "running"
    if job.state is State.AWAITING_CONSENT:
        return "asked"
    return {Kind.OCCURRENCE: "due", Kind.FIRED: "told"}.get(job.kind, "others")


def _open(storage: Storage, now: Instant) -> Iterator[Job]:
    yield from all_jobs(storage, Query(states=CLAIMED | {State.AWAITING_CONSENT}))
    for jobs in pages(storage, Query(states={State.SCHEDULED, State.DEFERRED}), _PAGE, order="due"):
        yield from (job for job in jobs if job.due <= now)
        if jobs and jobs[-1].due > now:
            return


def restore_of(body: Mapping[str, Any]) -> Restore:
    last = None if body["last"] is None else shown(body["last"])
    return Restore(body["what"], shown(body["at"]), last, body["by"], body["why"])
