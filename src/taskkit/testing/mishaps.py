"""What may go wrong at one place of a rotation: a process dies, an answer is lost, somebody is away, a worker wakes up too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import frozen

from taskkit.errors import HostRefused
from taskkit.events.happenings import RecordCreated, RecordRemoved
from taskkit.instants import MINUTE
from taskkit.outcomes import ErrorClass
from taskkit.records import Record
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.stage import Act
from taskkit.vaults import Records

if TYPE_CHECKING:
    from taskkit.engine import Engine

T = TypeVar("T")
Deed = Callable[["Scene"], object]
#: In minutes: how long a late worker stands still, and how long whoever is away is away. A lease is shorter than either.
LATE, AWAY = 30, 20


class Scene(Protocol):
    """What a mishap may reach."""

    clock: VirtualClock
    vault_away: Outage
    store_away: Outage
    host_away: Outage
    records: HidingRecords
    #: The task that rotates, and the record whose account it is.
    task: str
    about: str

    @property
    def engine(self) -> Engine: ...
    def soon(self, deed: Deed, minutes: float = 0) -> None: ...


class Outage:
    """Whether one side answers: none of its calls is done while it is away."""

    def __init__(self, clock: VirtualClock, error: Callable[[], Exception]) -> None:
        self._clock, self._error, self._until, self._left = clock, error, clock.now(), 0

    def begin(self, after: int = 0) -> None:
        """From now on, or after so many calls."""
        self._until, self._left = self._clock.now() + AWAY * MINUTE, after

    def call(self, what: str, do: Callable[[], T]) -> T:
        return self.alive(do)()

    def alive(self, do: T) -> T:
        self._left -= 1
        if self._left < 0 and self._clock.now() < self._until:
            raise self._error()
        return do


def gone() -> ConnectionError:
    return ConnectionError("the other side is away")


def unreachable() -> HostRefused:
    return HostRefused("connecting to the host", "it is away", "bring it up", error=ErrorClass.UNREACHABLE)


class HidingRecords(Records):
    """The records of a vault, from which one may be taken away, and come back."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.hidden: set[str] = set()

    def get(self, id: str) -> Record | None:
        return None if id in self.hidden else self._records.get(id)

    def all(self) -> list[Record]:
        return [record for record in self._records.all() if record.id not in self.hidden]

    def account(self, record: Record) -> str:
        return self._records.account(record)


@frozen
class Mishap:
    """Steps in at one call: by an `act` of the stage, by a `deed`, or by both. `calls` says at which calls, by how their names begin."""

    name: str
    act: Act | None = None
    number: int = 0
    deed: Deed | None = None
    calls: tuple[str, ...] = ("",)

    def fits(self, what: str) -> bool:
        return what.startswith(self.calls)


_ASKED = ("storage.", "slots.", "secrets.", "host.")


def _deactivated(scene: Scene) -> None:
    scene.engine.deactivate(scene.task)


def _removed(scene: Scene) -> None:
    scene.engine.remove(scene.task)


def _hidden(scene: Scene) -> None:
    scene.records.hidden.add(scene.about)
    scene.engine.emit(RecordRemoved(scene.about))
    scene.soon(_shown_again, minutes=AWAY)


def _shown_again(scene: Scene) -> None:
    scene.records.hidden.discard(scene.about)
    scene.engine.emit(RecordCreated(scene.about))


def _at_once(deed: Deed) -> Deed:
    """By another process, which goes on first."""
    return lambda scene: scene.soon(deed)


def _meanwhile(deed: Deed) -> Deed:
    """While the worker stands still or is dead, before anybody has taken over its job."""
    return lambda scene: scene.soon(deed, minutes=0.5)


MISHAPS = (
    Mishap("killed before", Act.CRASH),
    Mishap("killed after", Act.DIE, calls=_ASKED),
    Mishap("answer lost", Act.LOSE, calls=_ASKED),
    Mishap("away once", Act.AWAY, calls=_ASKED),
    Mishap("late", Act.STALL, LATE),
    Mishap("late, deactivated", Act.STALL, LATE, _meanwhile(_deactivated)),
    Mishap("late, removed", Act.STALL, LATE, _meanwhile(_removed)),
    Mishap("vault away", deed=lambda scene: scene.vault_away.begin()),
    Mishap("store away", deed=lambda scene: scene.store_away.begin()),
    Mishap("host away", deed=lambda scene: scene.host_away.begin()),
    Mishap("lost, host away", Act.LOSE, deed=lambda scene: scene.host_away.begin(1), calls=("host.",)),
    Mishap("deactivated", Act.SWITCH, deed=_at_once(_deactivated)),
    Mishap("removed", Act.SWITCH, deed=_at_once(_removed)),
    Mishap("killed, removed", Act.CRASH, deed=_meanwhile(_removed)),
    Mishap("record away", Act.SWITCH, deed=_at_once(_hidden)),
)
