"""What stands still, who stopped it and why (J11): the whole engine, a pool, a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pendulum
from attrs import frozen

from taskkit.checks import LONGEST_HOST, is_address
from taskkit.engine._rights import RightsDesk
from taskkit.engine._waits import passed_over
from taskkit.engine._wakes import move_all, to_wake, wake_all, wake_left
from taskkit.errors import InvalidValue, NotFound
from taskkit.facts import Fact
from taskkit.instants import shown
from taskkit.jobs import Why
from taskkit.states import State
from taskkit.storage import Expect, Keep, Query

if TYPE_CHECKING:
    from taskkit.engine._glances import Glance
    from taskkit.engine._ground import Ground

ENGINE = "engine"
PAUSES = "pause"


@frozen
class Pause:
    """One thing that stands still."""

    what: str
    since: pendulum.DateTime
    by: str | None
    why: str
    is_wanted: bool = True  #: not where the engine stands still by itself, since it noticed a restore


class Pauses:
    def __init__(self, ground: Ground, rights: RightsDesk) -> None:
        self._ground, self._rights, self._storage = ground, rights, ground.storage

    def pause(self, what: str, *, by: str | None, why: str, is_wanted: bool = True) -> None:
        """Who stopped it first and why stays on record: a second pause changes nothing. Where nobody wants that one, it is told beside."""
        tried, (kind, _, name) = f"pausing {what!r}", what.partition(":")
        if what != ENGINE and not (kind in ("pool", "host") and is_address(name)):
            helps = f"give 'engine', 'pool:<name>' or 'host:<address>', of up to {LONGEST_HOST} characters"
            raise InvalidValue(tried, "it is nothing that can be paused", helps)
        self._rights.to_administer(by, tried)
        now = self._ground.now()
        fact = Fact("Paused", now, who=by, details={"what": what, "why": why})
        body = {"since": now, "by": by, "why": why, "wanted": is_wanted}
        if self._storage.write([(Keep(PAUSES, what, 0, body), fact)])[0]:
            if kind != ENGINE:
                self._pass_over(kind, name)
        elif not is_wanted:
            self._tell_beside(what, why)

    def _tell_beside(self, what: str, why: str) -> None:
        kept = self._storage.document(PAUSES, what)
        if kept is not None and kept.body.get("wanted", True):
            told = "; ".join(filter(None, (kept.body["why"], why)))
            self._storage.write([(Keep(PAUSES, what, kept.revision, {**kept.body, "why": told, "wanted": False}),)])

    def _pass_over(self, kind: str, name: str) -> None:
        """What stands still keeps no place among those that wait for an account: others would wait for it as long as that lasts (R4)."""
        query = Query(states=State.DEFERRED, why=Why.BUSY, host=name if kind == "host" else None)
        move_all(self._ground, query, lambda job: passed_over(job) if kind == "host" or job.pool == name else ())

    def resume(self, what: str, *, by: str | None) -> None:
        tried = f"resuming {what!r}"
        self._rights.to_administer(by, tried)
        kept = self._storage.document(PAUSES, what)
        if kept is None:
            paused = ", ".join(pause.what for pause in self.all()) or "nothing"
            raise NotFound(tried, "it is not paused", f"paused is {paused}")
        kind, _, name = what.partition(":")
        left = (to_wake(self._storage, what, Why.HOST_PAUSED, host=name),) if kind == "host" else ()
        fact = Fact("Resumed", self._ground.now(), who=by, details={"what": what})
        if self._storage.write([(Keep(PAUSES, what, kept.revision, None), *left, fact)])[0] and left:
            wake_left(self._ground, what)

    def is_paused(self, what: str) -> bool:
        return self._storage.document(PAUSES, what) is not None

    def paused_still(self, what: str) -> Expect | None:
        """The guard that says so, of a unit for which that matters."""
        kept = self._storage.document(PAUSES, what)
        return None if kept is None else Expect(PAUSES, what, kept.revision)

    def is_a_host_paused(self, glance: Glance) -> bool:
        return any(pause.id.startswith("host:") for pause in glance.all(PAUSES))

    def open_pools(self) -> list[str]:
        """The pools of this node that may work now."""
        names = {f"pool:{pool}": pool for pool in self._ground.settings.pools}
        paused = self._storage.several(PAUSES, [ENGINE, *names])
        return [] if ENGINE in paused else [pool for name, pool in names.items() if name not in paused]

    def all(self) -> list[Pause]:
        told = ((kept.id, kept.body) for kept in self._storage.documents(PAUSES))
        return [Pause(id, shown(body["since"]), body["by"], body["why"], body.get("wanted", True)) for id, body in told]

    def wake(self, query: Query) -> int:
        """Everything that waited for this is due now."""
        return wake_all(self._ground, query)
