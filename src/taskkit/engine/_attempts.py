"""One job that somebody asks for and stays with: demanded, claimed and performed here and at once, or taken back.

Until it is claimed it waits in a corner, a pool that nobody else serves. It comes home to the pool of its task before its gates are asked:
what holds for every job holds for it, and whoever serves that pool rescues it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define

from taskkit.engine._cases import Case
from taskkit.engine._finisher import Finisher
from taskkit.engine._ground import CORNER
from taskkit.engine._intake import Intake
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._pauses import ENGINE, Pauses
from taskkit.engine._replans import dropped
from taskkit.engine._starter import Starter
from taskkit.engine._steering import Steering
from taskkit.engine._turns import Turns
from taskkit.errors import OtherNode, Outdated, Refused, TaskkitError
from taskkit.instants import shown
from taskkit.jobs import Job, Why
from taskkit.outcomes import Outcome
from taskkit.plugins.kinds import Executor
from taskkit.states import State, Step
from taskkit.storage import Claimed, Hold, Move

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_NAMED = 3


@define(eq=False)
class Attempt:
    """A job that has begun here, and that nobody performs yet."""

    job: str
    case: Case

    def watch(self, heard: Callable[[str, Sequence[Any]], object], over: Callable[[Executor], Executor]) -> None:
        """`heard` is told of each point, with the operations so far; `over` is put between the run and its host."""
        run = self.case.run
        run.watch(lambda point: heard(point, run.operations), over)


class Attempts:
    def __init__(
        self, ground: Ground, intake: Intake, pauses: Pauses, turns: Turns, starter: Starter, finisher: Finisher, lifeline: Lifeline,
        steering: Steering,
    ) -> None:  # fmt: skip
        self._ground, self._intake, self._pauses, self._turns = ground, intake, pauses, turns
        self._starter, self._finisher, self._lifeline, self._steering = starter, finisher, lifeline, steering
        self._storage = ground.storage

    def begin(self, task: str, record: str | None, *, by: str | None) -> Attempt:
        """Refused where it may not begin now: then nothing is left of it that somebody else would begin later."""
        name, corner, homes = self._ground.catalog.wanted_task(task).name, f"{CORNER}{self._ground.ids()}", list[str]()
        tried = f"running the task {name!r} here"

        def turned(job: Job) -> Job:
            self._may_run_here(job, tried)
            homes.append(job.pool)
            return job.with_({"pool": corner, "manual": True})

        id = self._intake.demands.demand(task, record, by=by, turned=turned)
        try:
            claimed = self._claimed(corner, homes[0])
            case, hold = (None, None) if claimed is None else self._started(claimed)
        except BaseException:
            self._take_back(id, by)
            raise
        if case is None:
            found = self._storage.job(id)
            self._take_back(id, by)
            raise self._refusal(id, found, hold, tried)
        return Attempt(id, case)

    def perform(self, attempt: Attempt) -> Outcome | None:
        """What became of it, which is kept; None where the job is another's now."""
        case = attempt.case
        try:
            outcome = self._turns.perform(case)
            lost = self._finisher.finish([(case, outcome)]) if outcome is not None else [case]
        finally:
            self._lifeline.let_go([case.job])
        if case.interrupted is not None:
            raise case.interrupted
        return None if lost else outcome

    # before it is kept

    def _may_run_here(self, job: Job, tried: str) -> None:
        """Whoever has to be asked, or works elsewhere, could not be waited for."""
        pools = self._ground.settings.pools
        if job.conducts:
            raise Refused(tried, "it runs over many records, in jobs of their own", "demand it, and whoever works on the store runs it")
        if job.state is State.AWAITING_CONSENT:
            raise Refused(tried, "each demanded run of it needs consent (A5)", "demand it, and it runs once people have consented")
        if job.pool not in pools:
            case = f"it is bound to the pool {job.pool!r}, and this engine serves {', '.join(pools)}"
            raise OtherNode(tried, case, f"try it on a node of {job.pool!r}")
        if job.pool in self._pauses.open_pools():
            return
        still = [pause for pause in self._pauses.all() if pause.what in (ENGINE, f"pool:{job.pool}")]
        told = [f"{pause.what} stands still, by {pause.by or 'the product'}" + (f": {pause.why}" if pause.why else "") for pause in still]
        raise Refused(tried, "; ".join(told) or "the engine stands still", "engine.resume(…) lets it go on")

    # from asked to running

    def _claimed(self, corner: str, home: str) -> Claimed | None:
        """None where somebody has planned it anew meanwhile."""
        ground, now = self._ground, self._ground.now()
        lease = now + ground.settings.lease_length
        found = self._storage.claim(now, worker=ground.worker, node=ground.node, pools=[corner], limit=1, lease=lease)
        if not found:
            return None
        job, causes, beside = found[0]
        if not self._storage.write([(Move(job.id, Step.BEAT, token=job.token, fields={"pool": home}),)])[0]:
            return None
        return Claimed(job.with_({"pool": home}), causes, beside)

    def _started(self, claimed: Claimed) -> tuple[Case | None, Hold | None]:
        """Whether it runs now, and what it would hold."""
        self._lifeline.hold([claimed.job])
        opened = self._starter.open([claimed])
        started = list(self._starter.begin(opened))
        if started:
            self._lifeline.follow(started)
            return started[0], None
        self._lifeline.let_go([claimed.job])
        return None, opened[0].hold if opened else None

    # where it may not

    def _take_back(self, id: str, by: str | None) -> None:
        """What waits is canceled. What is claimed still is asked to stop: whoever takes it over does not begin it."""
        job = self._storage.job(id)
        if job is None or job.ended is not None:
            return
        with suppress(TaskkitError):
            if job.is_pending:
                self._steering.cancel(id, by=by)
            else:
                self._steering.request_stop(id, by=by)

    def _refusal(self, id: str, job: Job | None, hold: Hold | None, tried: str) -> TaskkitError:
        if job is None or job.is_at_work:
            return Outdated(tried, "somebody else has taken it over", f"look at the job {id!r}")
        why = job.why or "it was planned anew meanwhile"
        case = f"it may not begin now: {why}" + (f", {job.text}" if job.text else "")
        if job.why == Why.BUSY and hold is not None:
            case += self._holders(hold, id)
        if job.why is not None and job.is_pending:
            case += f"; it would be looked at again at {shown(job.due):%Y-%m-%d %H:%M:%S} UTC"
        return Refused(tried, case, f"it was taken back as the job {id!r}; engine.explain(…) tells more")

    def _holders(self, hold: Hold, id: str) -> str:
        others = {key: [one for one in self._storage.holders(key) if one != id] for key in sorted(hold.keys)}
        told = [f"{key} is held by the job {', '.join(jobs[:_NAMED])}" for key, jobs in others.items() if jobs]
        return f": {'; '.join(told)}" if told else ""


def sweep(ground: Ground, waiting: Iterable[Job]) -> int:
    """What lies in a corner for longer than a lease was left there by a process that died: it has begun nothing, and never will."""
    storage, now = ground.storage, ground.now()
    length, swept = ground.settings.lease_length, 0
    for pool in {job.pool for job in waiting if job.pool.startswith(CORNER) and job.created < now - length}:
        for left in storage.claim(now, worker=ground.worker, node=ground.node, pools=[pool], limit=1, lease=now + length):
            swept += bool(storage.write([dropped(left.job, Why.RELEASED, now)])[0])
    return swept
