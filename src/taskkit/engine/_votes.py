"""What is kept beside a job of people and their say: who asked for it before whoever stands in the job, and who has consented (A5)."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from taskkit.jobs import Job
from taskkit.storage import Keep, Storage

VOTES = "consent"


@frozen
class Votes:
    """As they were given; whether they count yet, or still, is told by what they were given for."""

    job: str
    revision: int = 0
    given: tuple[str, ...] = ()
    plan: str = ""
    #: Where the job stood after the last of them: any other step makes it another run.
    at: int | None = None
    asked: tuple[str, ...] = ()

    def counted(self, job: Job, plan: str, own: Iterable[str | None]) -> tuple[str, ...]:
        """Those for this very plan, without the votes of those whose own the run has become."""
        if self.plan != plan or self.at not in (None, job.revision):
            return ()
        mine = set(own)
        return tuple(one for one in self.given if one not in mine)

    def of(self, given: tuple[str, ...], plan: str, job: Job) -> Keep:
        """With these for the plan, by the step that the job takes for it."""
        return evolve(self, given=given, plan=plan, at=job.revision + 1).keep()

    def keep(self) -> Keep:
        body = {"given": list(self.given), "plan": self.plan, "at": self.at, "asked": list(self.asked)}
        return Keep(VOTES, self.job, self.revision, body)


def votes(storage: Storage, job: str) -> Votes:
    kept = storage.document(VOTES, job)
    if kept is None:
        return Votes(job)
    body = kept.body
    return Votes(job, kept.revision, tuple(body["given"]), body["plan"], body.get("at"), tuple(body.get("asked", ())))


def asked_too(storage: Storage, job: str, people: Iterable[str | None]) -> tuple[Keep, ...]:
    """That these asked for it as well, where that is news."""
    if not (named := {one for one in people if one is not None}):
        return ()
    kept = votes(storage, job)
    asked = tuple(sorted(named.union(kept.asked)))
    return () if asked == kept.asked else (evolve(kept, asked=asked).keep(),)


def asked_for(storage: Storage, job: Job) -> frozenset[str | None]:
    """Whose own a run is: who demanded it, ran it or caused it; the same of the first of its tries, and of the run over many that it is
    a part of."""
    kin = [job, *(found for id in (job.series, job.execution) if id is not None and (found := storage.job(id)) is not None)]
    causes = (cause.who for one in kin for cause in storage.causes(one.id))
    return frozenset({*causes, *(one.demanded_by for one in kin), *(who for one in kin for who in votes(storage, one.id).asked)})
