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
    from taskkit.plugins.kinds import Executor, Script


class Case:
    """Filled on its way: claim, gates, start, run, end."""

    __slots__ = (
        "account", "accounts", "after", "beside", "causes", "deadline", "executor", "given_up", "hold", "job", "now", "record", "run",
        "script", "shadow", "standing", "task", "trigger", "version",
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
        self.after: Job | None = None  #: as it stands once its start has landed
        self.record: Record | None = None
        self.shadow: Record | None = None
        self.standing: Standing | None = None
        self.executor: Executor | None = None
        self.version = 0
        self.hold: Hold | None = None
        self.account: str | None = None
        self.accounts: Accounts | None = None
        self.given_up = False
        self.deadline: float | None = None

    @property
    def effect(self) -> Effect:
        """The script knows best; then its executor; what nobody vouches for is blind (J10)."""
        return self.script.effect or (self.executor.effect if self.executor is not None else Effect.BLIND)
