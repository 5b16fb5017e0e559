"""How the engine is doing, for whoever watches over it: ready, lagging, or stuck, and why."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.engine._skews import FAR_SECONDS
from taskkit.errors import StorageAway
from taskkit.instants import SECOND
from taskkit.states import CLAIMED
from taskkit.storage import Query

if TYPE_CHECKING:
    from taskkit.engine._floor import Floor
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._skews import Skew
    from taskkit.engine._upkeep import Upkeep

_LAG_SECONDS = 10.0


class Condition(StrEnum):
    """The later, the worse."""

    READY = "ready"  #: what is due is begun
    LAGGING = "lagging"  #: it works, and somebody should look
    STUCK = "stuck"  #: what is due is not begun


_ORDER = tuple(Condition)


@frozen
class Ailment:
    """One thing that is not as it should be; one that is `ready` is as somebody wants it, such as a pause."""

    kind: str
    condition: Condition
    text: str


@frozen
class Vitals:
    """How it stands now. `overdue` is for how many seconds the first job waits that anybody could claim."""

    condition: Condition
    overdue: float
    ailments: tuple[Ailment, ...] = ()

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        told = [{"kind": one.kind, "condition": one.condition.value, "text": one.text} for one in self.ailments]
        return {"condition": self.condition.value, "overdue": self.overdue, "ailments": told}

    def __str__(self) -> str:
        return "; ".join([self.condition.value, *(one.text for one in self.ailments)])


class Pulse:
    def __init__(self, ground: Ground, pauses: Pauses, skew: Skew, upkeep: Upkeep) -> None:
        self._ground, self._pauses, self._skew, self._upkeep = ground, pauses, skew, upkeep

    def look(self, floor: Floor | None) -> Vitals:
        overdue, found = 0.0, list[Ailment]()
        try:
            found += self._paused()
            overdue = self._overdue()
            found += self._late(overdue)
        except StorageAway as error:
            found.append(Ailment("storage", Condition.STUCK, str(error)))
        found += self._skewed()
        found += [] if floor is None else [*floor.ailments(), *self._unanswered()]
        worst = max((_ORDER.index(one.condition) for one in found), default=0)
        return Vitals(_ORDER[worst], overdue, tuple(found))

    def _paused(self) -> Iterator[Ailment]:
        for pause in self._pauses.all():
            by = f", by {pause.by}" if pause.by else ""
            why = f": {pause.why}" if pause.why else ""
            condition = Condition.READY if pause.is_wanted else Condition.LAGGING
            yield Ailment("paused", condition, f"{pause.what} stands still since {pause.since:%Y-%m-%d %H:%M} UTC{by}{why}")

    def _overdue(self) -> float:
        pools = self._pauses.open_pools()
        due = self._ground.storage.next_due(pools) if pools else None
        return 0.0 if due is None else max(0.0, (self._ground.now() - due) / SECOND)

    def _late(self, overdue: float) -> Iterator[Ailment]:
        """Many jobs at once take their time; where nobody works on any for the length of a lease, nobody will."""
        if overdue <= max(_LAG_SECONDS, 3 * self._ground.settings.poll):
            return
        text = f"a job that is due waits for {overdue:.0f} s"
        if overdue > self._ground.settings.lease and not self._ground.storage.count(Query(states=CLAIMED)):
            pools = ", ".join(self._ground.settings.pools)
            yield Ailment("overdue", Condition.STUCK, f"{text}, and nobody works: start a node that serves {pools}")
        else:
            yield Ailment("overdue", Condition.LAGGING, f"{text}: more is due than the workers get done")

    def _unanswered(self) -> Iterator[Ailment]:
        for away in self._upkeep.unanswered():
            yield Ailment("errand", Condition.LAGGING, f"{away.tried}: {away.case}; it is asked again each second")

    def _skewed(self) -> Iterator[Ailment]:
        ahead = self._skew.seconds()
        if ahead is not None and abs(ahead) > FAR_SECONDS:
            way = "ahead of" if ahead > 0 else "behind"
            yield Ailment("clock", Condition.LAGGING, f"this machine's clock is {abs(ahead):.0f} s {way} the store's: set it right")
