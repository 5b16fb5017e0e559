"""What follows an occurrence that leaves the pending states (J5): one, whoever planned it, and none whose time has had its run."""

from __future__ import annotations

from attrs import define

from taskkit.engine._planner import Planner
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job
from taskkit.standings import Standing
from taskkit.storage import Change, Insert, Landed, Move, Refusal
from taskkit.tasks import Task


@define
class Successor:
    """What refusals have taught about it."""

    #: Occurrences up to here have had their run.
    passed: Instant = 0
    #: Somebody has planned it.
    is_there: bool = False

    def of(self, job: Job, trigger: Task, planner: Planner, now: Instant, standing: Standing | None) -> tuple[Change, ...]:
        """The changes that plan it; only an occurrence that never began has one."""
        if job.started is not None:
            return ()
        changes = planner.successor(trigger, job, now, standing, after=self.passed)
        return tuple(change for change in changes if not isinstance(change, Insert)) if self.is_there else changes

    def learns(self, answer: Landed) -> bool:
        """Whether the refusal was about it; then the next unit is another one."""
        change = answer.change
        if answer.refusal is Refusal.FIRE and isinstance(
            change, (Insert, Move)
        ):  # that nominal has had its run: the one after it is next (T6)
            at = change.job.at if isinstance(change, Insert) else change.fields.get("at")
            passed, self.passed = self.passed, max(self.passed, (at or 0) * SECOND)
            return self.passed > passed
        if isinstance(change, Insert):
            self.is_there = True
        return isinstance(change, Insert)
