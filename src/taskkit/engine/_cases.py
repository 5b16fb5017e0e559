"""One claimed job with all that its gates, its start, its run and its end look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.outcomes import Effect
from taskkit.records import Accounts, Record
from taskkit.standings import Standing, suspension
from taskkit.storage import Claimed, Hold, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._lookups import Kin
    from taskkit.engine._runs import JobRun
    from taskkit.engine._successors import Successor
    from taskkit.plugins.kinds import Executor, Script


class Case:
    """Filled on its way: claim, gates, start, run, end."""

    kin: Kin
    task: Task
    trigger: Task
    script: Script
    run: JobRun
    unit: Unit | None = None  #: what starts it or sends it away; none where it runs already
    after: Job | None = None  #: as it stands once its start has landed
    record: Record | None = None
    shadow: Record | None = None
    standing: Standing | None = None
    whole: Standing | None = None  #: of the whole task, where it is about a record and its task about many
    executor: Executor | None = None
    hold: Hold | None = None
    account: str | None = None
    accounts: Accounts | None = None
    given_up = False
    twin: Case | None = None  #: claimed with it, and held back, because this one may take it with it
    successor: Successor | None = None  #: what refusals have taught about it
    interrupted: BaseException | None = None  #: what the whole process was asked while it ran
    said: Mapping[str, Any] | None = None  #: of its end, by a write that broke off

    def __init__(self, claimed: Claimed, now: Instant) -> None:
        self.claimed = claimed
        self.job = claimed.job
        self.causes: tuple[Cause, ...] = claimed.causes
        self.beside: Job | None = claimed.beside
        self.now = now

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
        return suspension(self.standing, self.whole)

    def waits_again(self, why: str) -> int:
        """How often it has waited for the same reason, beside the first time (J12)."""
        claimed = self.claimed.job
        return claimed.waits + 1 if claimed.why == why else 0
