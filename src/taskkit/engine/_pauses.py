"""What stands still, who stopped it and why (J11): the whole engine, a pool, a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pendulum
from attrs import frozen

from taskkit.errors import InvalidValue, NotFound
from taskkit.facts import Fact
from taskkit.instants import shown
from taskkit.jobs import Job, Why
from taskkit.states import State, Step
from taskkit.storage import Keep, Move, Query, Tell, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

ENGINE = "engine"
_TABLE = "pause"


@frozen
class Pause:
    """One thing that stands still."""

    what: str
    since: pendulum.DateTime
    by: str | None
    why: str


class Pauses:
    def __init__(self, ground: Ground) -> None:
        self._ground, self._storage = ground, ground.storage

    def pause(self, what: str, *, by: str | None, why: str) -> None:
        kind, _, name = what.partition(":")
        if what != ENGINE and not (kind in ("pool", "host") and name):
            raise InvalidValue(f"pausing {what!r}", "it is nothing that can be paused", "give 'engine', 'pool:<name>' or 'host:<address>'")
        now = self._ground.now()
        kept = self._storage.document(_TABLE, what)
        if kept is None:
            fact = Fact("Paused", now, who=by, details={"what": what, "why": why})
            self._storage.write([(Keep(_TABLE, what, 0, {"since": now, "by": by, "why": why}), Tell(fact))])

    def resume(self, what: str, *, by: str | None) -> None:
        kept = self._storage.document(_TABLE, what)
        if kept is None:
            paused = ", ".join(pause.what for pause in self.all()) or "nothing"
            raise NotFound(f"resuming {what!r}", "it is not paused", f"paused is {paused}")
        now = self._ground.now()
        fact = Fact("Resumed", now, who=by, details={"what": what})
        if self._storage.write([(Keep(_TABLE, what, kept.revision, None), Tell(fact))])[0] and what.startswith("host:"):
            self.wake(Query(states=State.DEFERRED, why=Why.HOST_PAUSED, host=what.removeprefix("host:")))

    def is_paused(self, what: str) -> bool:
        return self._storage.document(_TABLE, what) is not None

    def open_pools(self) -> list[str]:
        """The pools of this node that may work now."""
        if self.is_paused(ENGINE):
            return []
        return [pool for pool in self._ground.settings.pools if not self.is_paused(f"pool:{pool}")]

    def all(self) -> list[Pause]:
        return [Pause(kept.id, shown(kept.body["since"]), kept.body["by"], kept.body["why"]) for kept in self._storage.documents(_TABLE)]

    def wake(self, query: Query) -> int:
        """Everything that waited for this is due now."""
        woken, page = 0, None
        while True:
            found = self._storage.jobs(query, page=page, limit=500)
            woken += sum(map(bool, self._storage.write([woken_by(job, self._ground.now()) for job in found.jobs])))
            page = found.next
            if page is None:
                return woken


def woken_by(job: Job, now: int) -> Unit:
    """Why it waited stays: the same reason again is a count, and no news."""
    return (Move(job.id, Step.WAKE, job.revision, fields={"due": min(job.due, now)}),)
