"""One turn of work in the thread that calls: claim, ask the gates, start, perform, finish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from taskkit.engine._border import performed, wish
from taskkit.engine._cases import Case
from taskkit.engine._conductor import Conductor
from taskkit.engine._finisher import Finisher
from taskkit.engine._jumps import Jumps
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._pauses import Pauses
from taskkit.engine._starter import Starter
from taskkit.errors import StaleToken, StorageAway
from taskkit.instants import SECOND, shown
from taskkit.jobs import Why
from taskkit.outcomes import NotNow, Outcome, Unknown
from taskkit.storage import Claimed

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_SOON = 0.5
_MANY = 1_000_000
#: What asks the whole process to end: a signal, or a script that calls `sys.exit`. All else that a script raises is its own affair.
_INTERRUPTS = (KeyboardInterrupt, SystemExit)


class Turns:
    def __init__(
        self, ground: Ground, pauses: Pauses, starter: Starter, conductor: Conductor, finisher: Finisher, lifeline: Lifeline
    ) -> None:
        self._ground, self._pauses, self._starter, self._conductor = ground, pauses, starter, conductor
        self._finisher, self._lifeline, self._jumps = finisher, lifeline, Jumps(ground)
        #: The pools in which the last claim looked for something to do.
        self.looked_in: Sequence[str] = ()
        self._most = _MANY  #: how many jobs this thread gets done within a second

    def pools(self) -> Sequence[str]:
        """Those of this node that do not stand still."""
        return self._pauses.open_pools()

    def claim(self, limit: int) -> Sequence[Claimed]:
        now, ground = self._ground.now(), self._ground
        by, pools = self._jumps.doubted(now), self.pools()
        self.looked_in = pools
        if not pools:
            return ()
        lease = now + ground.settings.lease_length
        return ground.storage.claim(by, worker=ground.worker, node=ground.node, pools=pools, limit=limit, lease=lease)

    def perform(self, case: Case) -> Outcome | None:
        """What became of it, whatever its script raises; None where the job is another's now, or will be."""
        case.run.deadline = self._ground.clock.monotonic() + case.task.deadline
        try:
            if case.job.conducts:
                return performed(lambda _: self._conductor.perform(case), case.run)
            return performed(case.script.perform, case.run)
        except (StaleToken, StorageAway):  # where the store is away, the lease decides: who resumes goes on where its memo says
            return None
        except BaseException as error:
            case.interrupted = wish(error, case.run.scrubber) if isinstance(error, _INTERRUPTS) else None
            return Unknown(f"the script raised {type(error).__name__}")

    def work(self, limit: int) -> int:
        """As `Engine.work`: in portions as the store likes them, for a second or so, lest what was started waits for long."""
        done, monotonic = 0, self._ground.clock.monotonic
        until = monotonic() + 1
        while done < limit:
            most = min(limit - done, self._most, self._ground.storage.portion)
            done += (found := self._portion(most))
            if found < most or monotonic() >= until:
                break
        return done

    def _portion(self, most: int) -> int:
        """Claimed together, and done; how many."""
        began = self._ground.clock.monotonic()
        claimed = self.claim(most)
        try:
            self._lifeline.hold([one.job for one in claimed])
            self._work(claimed)
        finally:
            self._lifeline.let_go([one.job for one in claimed])
        took = self._ground.clock.monotonic() - began
        if claimed:
            self._most = max(1, int(len(claimed) / took)) if took >= 1 else min(_MANY, self._most * 2)
        return len(claimed)

    def _work(self, claimed: Sequence[Claimed]) -> None:
        """What may be said again is started together. What may not is started just before it is performed: then a kill leaves one."""
        opened = self._starter.open(claimed)
        alone = [case for case in opened if case.starts_once]
        together = [case for case in opened if not case.starts_once] if alone else opened
        self._begin(together)
        for case in alone:
            self._begin(self._anew(case))

    def _begin(self, opened: Sequence[Case]) -> None:
        """What has started is performed, whatever keeps the others from it."""
        started: list[Case] = []
        try:
            for case in self._starter.begin(opened):
                started.append(case)  # noqa: PERF402  they stay when the next round fails
        except Exception:
            self._perform_all(started)
            raise
        except _INTERRUPTS as error:
            self._interrupted([], started, error)
        self._perform_all(started)

    def _anew(self, case: Case) -> list[Case]:
        """Its gates again, where time has passed since they were asked."""
        if self._ground.now() == case.now:
            return [case]
        return self._starter.open([Claimed(case.job, case.causes, case.beside)])

    def _perform_all(self, cases: Sequence[Case]) -> None:
        ended: list[tuple[Case, Outcome]] = []
        written = self._ground.clock.monotonic()
        self._lifeline.follow(cases)
        for place, case in enumerate(cases):
            outcome = self.perform(case)
            if outcome is not None:
                ended.append((case, outcome))
            if case.interrupted is not None:
                self._interrupted(ended, cases[place + 1 :], case.interrupted)
            if (now := self._ground.clock.monotonic()) - written > _SOON:
                self._finisher.finish(ended)
                ended, written = [], now
        self._finisher.finish(ended)

    def _interrupted(self, ended: list[tuple[Case, Outcome]], others: Sequence[Case], error: BaseException) -> None:
        """The caller gets what was meant for it; no job is left to be rescued because of that."""
        until = shown(self._ground.now() + SECOND)
        self._finisher.finish([*ended, *((case, NotNow(until, Why.RELEASED.value)) for case in others)])
        raise error
