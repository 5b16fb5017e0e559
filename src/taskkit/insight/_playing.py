"""The game: what is due is claimed, asked its gates and started by the engine's own rooms; nothing is performed, but its time passes.

It goes from instant to instant at which something ends, happens or comes due. Whatever an instant brings is done together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from attrs import define

from taskkit.engine._cases import Case
from taskkit.engine._pauses import ENGINE
from taskkit.engine._runs import JobRun
from taskkit.engine._waits import passed_over, written
from taskkit.errors import TaskkitError
from taskkit.instants import NEVER, Instant
from taskkit.jobs import Job, Why
from taskkit.outcomes import Outcome
from taskkit.records import EMPTY
from taskkit.states import State, Step
from taskkit.storage import Claimed, Move, Wait

if TYPE_CHECKING:
    from taskkit.events.happenings import Happening
    from taskkit.insight._durations import Estimates
    from taskkit.insight._twins import Twin

#: Told of each start: what starts, when it began, when it ends, and how.
Teller = Callable[[Case, Instant, Instant, Outcome], object]


@define(eq=False)
class Station:
    """Workers who serve the same pools."""

    pools: tuple[str, ...]
    workers: int
    free: int


class Game:
    def __init__(
        self,
        twin: Twin,
        stations: Sequence[Station],
        estimates: Estimates,
        happenings: Iterable[tuple[Instant, Happening]],
        asking: set[str],
        tell: Teller,
        tick: Callable[[Instant], object],
    ) -> None:
        self._twin, self._estimates, self._tell, self._tick = twin, estimates, tell, tick
        self._engine, self._storage, self._clock = twin.engine, twin.storage, twin.clock
        self._stations = [(station, [pool for pool in station.pools if not self.stands_still(pool)]) for station in stations]
        self._numbers = count()
        self._ends: list[tuple[Instant, int, Case, Outcome, Station]] = []
        self._happens = [(at, next(self._numbers), happening) for at, happening in happenings]
        heapify(self._happens)
        self._asking = asking  #: jobs for which people are asked
        asking.update(job.id for job in twin.jobs if job.state is State.AWAITING_CONSENT)
        self._looked = self._clock.now()

    def stands_still(self, pool: str) -> bool:
        pauses = self._engine._staff.pauses
        return pauses.is_paused(ENGINE) or pauses.is_paused(f"pool:{pool}")

    # from instant to instant

    def begin(self) -> None:
        """What runs already goes on, and what was left to be planned is planned."""
        for job in self._twin.jobs:
            if job.state is State.RUNNING and (job.lease or 0) > self._clock.now():
                self._go_on(job)
            elif job.state is State.DEFERRED and (job.why == Why.BUSY or job.is_conducting):
                self._keep_place(job)
        self._engine._staff.chores.do_all()
        self._engine._staff.upkeep.reconcile()
        self._twin.vault.check()

    def play(self, until: Instant) -> None:
        """All that comes before `until`."""
        while (at := self._next()) < until:
            self._clock.pass_to(at)
            self._pass_instant(self._clock.now())
            self._tick(at)
        self._clock.pass_to(until)

    def _next(self) -> Instant:
        times = [heap[0][0] for heap in (self._ends, self._happens) if heap]
        dues = (self._storage.next_due(pools) for station, pools in self._stations if station.free > 0 and pools)
        times += (due for due in dues if due is not None)
        times += self._expiries().values()
        return min(times, default=NEVER)

    def _pass_instant(self, now: Instant) -> None:
        self._finish(now)
        while self._happens and self._happens[0][0] <= now:
            self._happen(heappop(self._happens)[2])
        if late := {id for id, at in self._expiries().items() if at <= now}:
            self._engine._staff.consents.expire(now)
            self._asking -= late
        self._pass_over(now)
        while self._claim(now):
            self._finish(now)
        self._twin.vault.check()

    def _happen(self, happening: Happening) -> None:
        self._engine._staff.intake.take([happening])

    def _expiries(self) -> dict[str, Instant]:
        """Until when people are asked, by job."""
        found = {}
        for id in tuple(self._asking):
            job = self._storage.job(id)
            if job is None or job.state is not State.AWAITING_CONSENT:
                self._asking.discard(id)
            elif job.asks_until is not None:
                found[id] = job.asks_until
        return found

    def _pass_over(self, now: Instant) -> None:
        """As an engine does from time to time: who waits for an account and does not come loses its place (R4)."""
        length = self._engine.settings.look_length
        if now - self._looked < length:
            return
        self._looked = now
        jobs = (self._storage.job(id) for id in self._storage.waiters)
        late = [job for job in jobs if job and job.state is State.DEFERRED and job.why == Why.BUSY and job.due <= now - length]
        if late:
            written(self._twin.ground, [passed_over(job) for job in late])

    # starting

    def _claim(self, now: Instant) -> bool:
        claimed_any = False
        for station, pools in self._stations:
            if station.free <= 0 or not pools:
                continue
            ground = self._twin.ground
            claimed = self._storage.claim(now, worker=ground.worker, node=ground.node, pools=pools, limit=station.free, lease=NEVER)
            if claimed:
                claimed_any = True
                self._start(claimed, station)
        return claimed_any

    def _start(self, claimed: Sequence[Claimed], station: Station) -> None:
        conductors = [self._take(case, station) for case in self._engine._staff.starter.start(claimed)]
        if ended := [one for one in conductors if one is not None]:
            self._engine._staff.finisher.finish(ended)

    def _take(self, case: Case, station: Station) -> tuple[Case, Outcome] | None:
        """Its time passes from now on; who conducts answers at once."""
        if case.job.conducts:
            outcome = self._engine._staff.turns.perform(case)
            return None if outcome is None else (case, outcome)
        outcome = self._estimates.outcome(case)
        now = self._clock.now()
        began = case.job.started if case.after is EMPTY and case.job.started is not None else now
        end = max(now, began + self._estimates.duration(case))
        station.free -= 1
        heappush(self._ends, (end, next(self._numbers), case, outcome, station))
        self._tell(case, began, end, outcome)
        return None

    def _finish(self, now: Instant) -> None:
        ended: list[tuple[Case, Outcome]] = []
        while self._ends and self._ends[0][0] <= now:
            _, _, case, outcome, station = heappop(self._ends)
            station.free += 1
            ended.append((case, outcome))
        if ended:
            self._engine._staff.finisher.finish(ended)

    # what is under way

    def _go_on(self, job: Job) -> None:
        """A worker somewhere has it in hand: it holds what it needs, and ends."""
        case = self._filled(job, begun=True)
        station = next((one for one, pools in self._stations if job.pool in one.pools), None)
        move = Move(job.id, Step.BEAT, token=job.token, fields={"lease": NEVER})
        if case is None or station is None:  # nobody here knows how it goes on: it stays as it is
            self._storage.write([(move,)])
            return
        case.after = EMPTY
        self._storage.write([(move, self._engine._staff.starter._lookups.hold(case))])
        ended = self._take(case, station)
        if ended is not None:
            self._engine._staff.finisher.finish([ended])

    def _keep_place(self, job: Job) -> None:
        """Who waits for an account has a place, and who conducts holds its line."""
        case = self._filled(job, begun=job.started is not None)
        if case is not None:
            hold = self._engine._staff.starter._lookups.hold(case)
            self._storage.write([(hold if job.is_conducting else Wait(hold),)])

    def _filled(self, job: Job, *, begun: bool) -> Case | None:
        case = Case(Claimed(job, tuple(self._storage.causes(job.id))), self._clock.now())
        try:
            if not (lookups := self._engine._staff.starter._lookups).fill(case, lookups.unseen(), begun=begun):
                return None
            case.run = JobRun(self._twin.ground, case)
            case.accounts = self._engine._staff.starter._lookups.accounts(case)
        except TaskkitError:
            self._twin.vault.check()
            return None
        return case
