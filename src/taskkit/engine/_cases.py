"""One claimed job with all that its gates, its start, its run and its end look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.outcomes import Effect
from taskkit.records import Accounts, Record
from taskkit.standings import Standing
from taskkit.storage import Claimed, Hold
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._runs import JobRun
    from taskkit.engine._successors import Successor
    from taskkit.plugins.kinds import Executor, Script


class Case:
    """Filled on its way: claim, gates, start, run, end."""

    __slots__ = (
        "account", "accounts", "after", "beside", "causes", "deadline", "executor", "given_up", "hold", "interrupted", "job", "now",
        "record", "run", "script", "shadow", "standing", "successor", "task", "trigger", "twin", "version", "waited", "whole",
    )  # fmt: skip

    task: Task
    trigger: Task
    script: Script
    run: JobRun

    def __init__(self, claimed: Claimed, now: Instant) -> None:
        self.job: Job = claimed.job
        self.causes: tuple[Cause, ...] = claimed.causes
        self.beside: Job | None = claimed.beside
        self.now = now
        self.waited = (claimed.job.why, claimed.job.waits)  #: why it waited until it was claimed, and how often for that
        self.after: Job | None = None  #: as it stands once its start has landed
        self.record: Record | None = None
        self.shadow: Record | None = None
        self.standing: Standing | None = None
        self.whole: Standing | None = None  #: of the whole task, where the job is about a record
        self.executor: Executor | None = None
        self.version = 0
        self.hold: Hold | None = None
        self.account: str | None = None
        self.accounts: Accounts | None = None
        self.given_up = False
        self.deadline: float | None = None
        self.twin: Case | None = None  #: claimed with it, and held back, because this one may take it with it
        self.successor: Successor | None = None  #: what refusals have taught about it
        self.interrupted: BaseException | None = None  #: what the whole process was asked while it ran

    @property
    def effect(self) -> Effect:
        """The script knows best; then its executor; what nobody vouches for is blind (J10). To conduct is said twice without harm (R6)."""
        if self.job.conducts:
            return Effect.IDEMPOTENT
        return self.script.effect or (self.executor.effect if self.executor is not None else Effect.BLIND)

    @property
    def may_go_on(self) -> bool:
        """Whether it may be performed again after a worker was lost over it, and nobody saw how far that had come (J10)."""
        return self.effect in (Effect.IDEMPOTENT, Effect.VERIFIABLE) or self.script.resumes

    def begun(self) -> Case:
        """It runs: its start has landed."""
        if self.after is not None:
            self.job = self.after
            self.run.begin(self.job)
        return self

    @property
    def suspended(self) -> str | None:
        """Why its task waits: for this record, or as a whole."""
        found = (standing.suspended for standing in (self.standing, self.whole) if standing is not None and standing.suspended)
        return next(found, None)

    def waits_again(self, why: str) -> int:
        """How often it has waited for the same reason, beside the first time (J12)."""
        before, count = self.waited
        return count + 1 if before == why else 0
