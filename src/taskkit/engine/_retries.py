"""What follows a failure: another try, as a stored job of the same series (J7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.engine._cases import Case
from taskkit.instants import MINUTE, SECOND, Instant
from taskkit.jobs import Kind
from taskkit.states import State, Step
from taskkit.storage import Insert, Move
from taskkit.tasks import Fallback

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


class Retries:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def after(self, case: Case) -> Insert | None:
        """The next try of what is worth one; None where there is none to come."""
        fallback = self._fallback(case)
        if fallback is None or case.run.job.cycle >= fallback.cycles or not self._goes_on(case):
            return None
        job, due = case.run.job, self._due(fallback, case)
        taken = {"series": job.series or job.id, "cycle": job.cycle + 1, "execution": job.execution, "forced": job.forced}
        via = job.via if job.execution is not None else None  # the part of the record that the list names
        times = {"due": due, "wanted": due, "created": case.now, "origin": case.run.origin}
        return Insert(job.afresh({"id": self._ground.ids(), "kind": Kind.FALLBACK, "via": via, **times, **taken}))

    def handed_on(self, case: Case) -> Move | None:
        """A follow-up that waits already is the next cycle; what somebody has run by hand goes as they said (A5)."""
        job = case.run.job
        waiting = self._ground.storage.seated(("fired", job.line, job.record or ""))
        if waiting is None:
            return None
        step = Step.WAKE if waiting.state is State.DEFERRED else Step.REPLAN
        forced = waiting.forced or (job.forced and not waiting.manual)
        fields = {"series": job.series or job.id, "cycle": job.cycle + 1, "forced": forced}
        return Move(waiting.id, step, waiting.revision, fields=fields)

    def _fallback(self, case: Case) -> Fallback | None:
        """A part is tried again only where its task says so: a run over many is re-run as a whole (R6)."""
        return case.task.fallback or (None if case.job.execution is not None else self._ground.settings.fallback)

    def _goes_on(self, case: Case) -> bool:
        """What a person took into their hands is over with that run, and an edit ends the tries of what was before."""
        if case.run.job.manual or case.job.conducts:
            return False
        catalog, task = self._ground.catalog, case.task
        now = catalog.task(task.id)
        if now is None or now.revision != task.revision or not now.active:
            return False
        return case.record is None or task.is_system or task.list == catalog.list_id(case.record)  # it may be another list's since (R1)

    @staticmethod
    def _due(fallback: Fallback, case: Case) -> Instant:
        """What was forced is tried again beyond windows, too."""
        due, window = case.now + fallback.minutes * MINUTE, None if case.run.job.forced else fallback.window
        opens = None if window is None else window.open_from(-(-due // SECOND))
        return due if opens is None else max(due, opens * SECOND)
