"""One claimed job with all that its gates, its start, its run and its end look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from taskkit.instants import Instant
from taskkit.jobs import Cause, Job, Kind
from taskkit.outcomes import Effect
from taskkit.records import NO_ACCOUNTS, Accounts, Record
from taskkit.standings import Standing
from taskkit.storage import Claimed, Hold, Unit
from taskkit.tasks import Task
from taskkit.verdicts import REPEATABLE

if TYPE_CHECKING:
    from taskkit.engine._cohorts import Cohort
    from taskkit.engine._lookups import Kin
    from taskkit.engine._runs import JobRun
    from taskkit.engine._successors import Successor
    from taskkit.plugins.kinds import Executor, Script


@define(eq=False)
class Case:
    """Filled on its way: claim, gates, start, run, end. With slots, since a whole batch is there before the first is filled."""

    claimed: Claimed
    now: Instant
    job: Job = field(init=False)  #: as it was claimed; how it stands since its start, its run knows
    causes: tuple[Cause, ...] = field(init=False)
    beside: Job | None = field(init=False)
    cohort: Cohort = field(init=False)  #: those of its batch that are like it
    kin: Kin = field(init=False)
    task: Task = field(init=False)
    trigger: Task = field(init=False)
    script: Script = field(init=False)
    run: JobRun = field(init=False)
    unit: Unit | None = None  #: what starts it or sends it away; none where it runs already, as nobody asks for it any more
    after: Mapping[str, Any] | None = None  #: what its start makes of it; none where it does not start
    record: Record | None = None
    shadow: Record | None = None
    standing: Standing | None = None
    whole: Standing | None = None  #: of the whole task, where it is about a record and its task about many
    executor: Executor | None = None
    hold: Hold | None = None
    account: str | None = None
    accounts: Accounts | None = None
    given_up: bool = False
    twin: Case | None = None  #: claimed with it, and held back, because this one may take it with it
    successor: Successor | None = None  #: what refusals have taught about it
    interrupted: BaseException | None = None  #: what the whole process was asked while it ran
    said: Mapping[str, Any] | None = None  #: of its end, by a write that broke off
    changed: Instant | None = None  #: when somebody else did its work, where that makes it needless

    def __attrs_post_init__(self) -> None:
        self.job, self.causes, self.beside = self.claimed

    @property
    def effect(self) -> Effect:
        """The script knows best; then its executor; what nobody vouches for is blind (J10). To conduct is said twice without harm (R6)."""
        if self.job.conducts:
            return Effect.IDEMPOTENT
        return self.script.effect or (self.executor.effect if self.executor is not None else Effect.BLIND)

    @property
    def may_go_on(self) -> bool:
        """Whether it may be performed again after a worker was lost over it, and nobody saw how far that had come (J10)."""
        return self.script.resumes or self.effect in REPEATABLE

    @property
    def starts_once(self) -> bool:
        """It starts, and what it does may not be said twice."""
        return self.after is not None and not (self.kin.is_repeatable or self.may_go_on)

    def begun(self) -> Case:
        """It runs: its start has landed."""
        if self.after is not None:
            self.run.begin(self.after, self.accounts or NO_ACCOUNTS)
            self.unit = None
        return self

    @property
    def is_planned_alike(self) -> bool:
        """Whether what follows it is what follows all that are like it."""
        standing = self.standing
        return self.job.via is None and (standing is None or standing.next_run is None) and self.kin.plans_alike

    @property
    def starts_alike(self) -> bool:
        """Whether the unit that starts it is that of all that are like it, but for what is a job's own."""
        if self.beside is not None or self.given_up or self.successor is not None or self.job is not self.claimed.job:
            return False
        return self.job.kind is not Kind.OCCURRENCE or self.is_planned_alike

    def waits_again(self, why: str) -> int:
        """How often it has waited for the same reason, beside the first time (J12)."""
        claimed = self.claimed.job
        return claimed.waits + 1 if claimed.why == why else 0
