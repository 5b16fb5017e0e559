"""An engine and the clock that it goes by: time passes, and whatever is due in it is done at its time."""

from __future__ import annotations

from datetime import datetime

import pendulum

from taskkit.engine import Engine
from taskkit.errors import InvalidValue
from taskkit.events.happenings import Happening
from taskkit.instants import MINUTE, SECOND, Instant, instant
from taskkit.states import State
from taskkit.storage import Query
from taskkit.testing.clocks import VirtualClock

#: What has no time of its own, as the vault's outbox and the daily upkeep, is looked at so often.
_LOOK = 60 * MINUTE


class House:
    """`pass_time(hours=3)` goes from event to event, as a process would that works all the while."""

    def __init__(self, engine: Engine, clock: VirtualClock) -> None:
        self.engine, self.clock = engine, clock

    def pass_time(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> pendulum.DateTime:
        """What the time is then."""
        span = round((days * 1440 + hours * 60 + minutes) * MINUTE + seconds * SECOND)
        return self._pass_to(self.clock.now() + span)

    def pass_to(self, moment: datetime) -> pendulum.DateTime:
        """The same, up to a moment."""
        return self._pass_to(instant(moment))

    def tell(self, *happenings: Happening) -> list[str]:
        """Tell the engine what happened, and do what is due by that; the jobs that it made or joined."""
        jobs = self.engine.emit(*happenings)
        self.engine.drain()
        return jobs

    def _pass_to(self, until: Instant) -> pendulum.DateTime:
        if until < self.clock.now():
            raise InvalidValue("letting time pass", "that moment has passed", "clock.jump(…) sets a clock back")
        self.engine.drain()
        while (now := self.clock.now()) < until:
            self.clock.pass_to(min(self._next(now), until))
            self.engine.drain()
        return self.clock.moment

    def _next(self, now: Instant) -> Instant:
        """When there is something to do at the earliest."""
        engine = self.engine
        due = engine.storage.next_due(engine._staff.turns.pools())  # what is paused is due and not claimed: nobody stands still for it
        asking = engine.storage.jobs(Query(states=State.AWAITING_CONSENT), limit=1_000_000).jobs
        times = (due, now + _LOOK, *(job.asks_until for job in asking))
        return min(at for at in times if at is not None and at > now)
