"""What all agents of one engine stand on: the store, the vault, the clock, the plug-ins, who this process is, and the settings."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import Attribute, field, frozen

from taskkit.checks import a, mapping, named, number, optional_a, optional_whole, refused, several, whole
from taskkit.instants import MINUTE, SECOND, Clock, Instant
from taskkit.states import FINAL, State
from taskkit.tasks import DEFAULT_POOL, Fallback

if TYPE_CHECKING:
    from taskkit.documents import Documents
    from taskkit.engine._catalog import Catalog
    from taskkit.engine._seals import Seals
    from taskkit.plugins.manager import Plugins
    from taskkit.storage import Storage
    from taskkit.vaults import Vault


def _pools(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not given:
        raise refused(instance, attribute, given, "an engine without a pool never works", "name at least one pool")
    for name in given:
        named(instance, attribute, name)


def _places(instance: object, attribute: Attribute[Any], given: Mapping[object, object]) -> None:
    for name, most in given.items():
        named(instance, attribute, name)
        whole(1)(instance, attribute, most)


@frozen
class Limits:
    """How many jobs run at once; None is without limit."""

    host: int | None = field(default=None, validator=optional_whole(1))
    pools: Mapping[str, int] = field(factory=dict, converter=mapping, validator=_places, hash=False)


#: A year for what nobody asks about any more, two for what failed; what is uncertain stays until somebody has looked at it.
RETENTION: Mapping[State, int] = {
    State.COMPLETED: 365, State.MERGED: 365, State.CANCELED: 365, State.MISSED: 365, State.EXPIRED: 365, State.ERROR: 730,
}  # fmt: skip


def _days(given: Mapping[State | str, int]) -> Mapping[State, int]:
    kept: dict[Any, int] = {State(state) if state in tuple(State) else state: days for state, days in given.items()}
    return MappingProxyType(kept)


def _check_days(instance: object, attribute: Attribute[Any], given: Mapping[State, int]) -> None:
    for state, days in given.items():
        if state not in FINAL or type(days) is not int or days < 1:
            raise refused(instance, attribute, dict(given), f"{state}: {days!r} is no number of days of an ended job", "give {state: days}")


@frozen
class Settings:
    """How an engine works; every value has a default that suits a product of some thousand records."""

    pools: tuple[str, ...] = field(default=(DEFAULT_POOL,), converter=several, validator=_pools)
    workers: int = field(default=16, validator=whole(1, 1000))
    lease: int = field(default=60, validator=whole(3, 3600))
    fallback: Fallback | None = field(default=None, validator=optional_a(Fallback))
    limits: Limits = field(default=Limits(), validator=a(Limits))
    vault_timeout: int = field(default=10, validator=whole(1, 600))
    #: Threads that hang past their deadline and are given up before the engine stops taking work.
    abandoned: int = field(default=16, validator=whole(1, 1000))
    #: Waiting for an account or a session, a job is looked at again after so many seconds even if nobody woke it.
    look: int = field(default=300, validator=whole(1, 86_400))
    #: Longest wait between two looks into the store while nothing is due.
    poll: float = field(default=1.0, validator=number(0, 3600))
    #: For how many days ended jobs are kept, by their state; one that is not named is kept for ever (J8).
    retention: Mapping[State, int] = field(factory=lambda: dict(RETENTION), converter=_days, hash=False, validator=_check_days)

    @property
    def lease_length(self) -> Instant:
        return self.lease * SECOND

    @property
    def look_length(self) -> Instant:
        return self.look * SECOND


#: A job that was rescued so often without progress is nobody's to try again (J4).
MOST_RESCUES = 3
VAULT_AWAY_LOOK = MINUTE
#: How a pool begins that one process has for the one job that it is about to claim.
CORNER = "corner:"


class Ground:
    """Handed to every agent; holds no state of the work."""

    __slots__ = (
        "__weakref__",
        "catalog",
        "clock",
        "documents",
        "emit",
        "ids",
        "node",
        "plugins",
        "rng",
        "seals",
        "settings",
        "storage",
        "vault",
        "worker",
    )

    def __init__(
        self, *, storage: Storage, vault: Vault, clock: Clock, plugins: Plugins, node: str, settings: Settings, rng: random.Random | None
    ) -> None:
        self.storage, self.vault, self.clock, self.plugins = storage, vault, clock, plugins
        self.node, self.settings = node, settings
        self.rng: random.Random = rng or random.SystemRandom()
        begun = f"{self.rng.getrandbits(48):012x}" if rng else os.urandom(6).hex()
        #: New at each start of the process, so that a restarted node is never taken for the one that died (J4).
        self.worker = f"{node}/{begun}"
        self.ids = _ids(begun)
        self.documents: Documents
        self.catalog: Catalog
        self.seals: Seals
        #: Takes in what runs tell.
        self.emit: Callable[[Iterable[object]], object]

    def now(self) -> Instant:
        return self.clock.now()

    def must_be_ours(self) -> None:
        """For what changes something and asks for no time: a forked copy has a clock that refuses."""
        self.clock.now()


def _ids(begun: str) -> Callable[[], str]:
    """Opaque names that no other process gives."""
    numbers = count(1)
    return lambda: f"{begun}-{next(numbers):x}"
