"""A task: a script, the policies that make it due, and all that surrounds its runs. And the lists that tasks stand in (R1)."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, Factory, evolve, field, frozen

from taskkit.checks import a, named, names, number, optional_a, optional_name, optional_whole, several, share, whole
from taskkit.errors import InvalidValue
from taskkit.events.intervals import Interval
from taskkit.events.policies import OnDemand, Policy
from taskkit.events.spreads import Spread
from taskkit.events.unions import AnyOf
from taskkit.events.windows import Window
from taskkit.selections import Selection
from taskkit.targets import Target

#: The list of tasks that belong to no record: syncs, exports, reports, tasks over a selection.
SYSTEM = "system"
DEFAULT_POOL = "local"
_LONGEST_MINUTES = 366 * 24 * 60


def of_type(name: str) -> str:
    """The list of a record type."""
    return f"type:{name}"


def of_record(record: str) -> str:
    """The list of a record that was made unique."""
    return f"record:{record}"


@frozen
class Fallback:
    """How failed runs are tried again (J7): `cycles` times, each `minutes` after the end of the last."""

    minutes: int = field(default=60, validator=whole(1, _LONGEST_MINUTES))
    cycles: int = field(default=3, validator=whole(1, 1000))
    window: Window | None = field(default=None, validator=optional_a(Window, "give a TimeWindow or an OpenTime"), kw_only=True)


@frozen
class ConsentRule:
    """How many of which people, named alone or by their group, must consent before a demanded run (A5)."""

    needed: int = field(validator=whole(1, 100))
    people: frozenset[str] = field(default=frozenset(), converter=names)
    minutes: int = field(default=24 * 60, validator=whole(1, _LONGEST_MINUTES), kw_only=True)


@frozen
class Waves:
    """How a run over many records goes forward (R6): some first, then shares of the rest; halt when too many fail."""

    canary: int = field(default=0, validator=whole(0))
    size: int | None = field(default=None, validator=optional_whole(1))
    halt: float | None = field(default=None, validator=share)


@frozen
class Guard:
    """What one run may touch, and what one burst of happenings may start; above it people are asked first (A8)."""

    most: int | None = field(default=None, validator=optional_whole(1))
    share: float | None = field(default=None, validator=share)
    burst: int | None = field(default=None, validator=optional_whole(1))


def _policies(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    for one in given:
        if not isinstance(one, (Policy, Interval)):
            raise InvalidValue(f"Task(policies={given!r})", f"{one!r} is no policy", "give Daily(…), AfterCheckIn(), OnDemand() …")


def _target(given: Target | str) -> Target:
    if given not in Target.__members__.values():
        raise InvalidValue(f"Task(target={given!r})", "there is no such target", f"choose {', '.join(Target)}")
    return Target(given)


def _due_by_time(task: Task) -> Interval | None:
    """All intervals of the task as one: what two of them want at the same minute is one job (T9)."""
    intervals = [policy for policy in task.policies if isinstance(policy, Interval)]
    return None if not intervals else intervals[0] if len(intervals) == 1 else AnyOf(*intervals)


@frozen
class Task:
    """What runs, when, on what, and as whom. `id`, `line` and `revision` are given when it is put; `list` too, where `put` says one."""

    name: str = field(validator=named)
    script: str = field(validator=named)
    policies: tuple[Policy | Interval, ...] = field(default=(), converter=several, validator=_policies)
    target: Target = field(default=Target.ITSELF, converter=_target, kw_only=True)
    shadow: str | None = field(default=None, validator=optional_name, kw_only=True)
    selection: Selection | None = field(default=None, validator=optional_a(Selection, "give OfType(…), Tagged(…) …"), kw_only=True)
    window: Window | None = field(default=None, validator=optional_a(Window, "give a TimeWindow or an OpenTime"), kw_only=True)
    spread: Spread | None = field(default=None, validator=optional_a(Spread, "give Spread(minutes)"), kw_only=True)
    fallback: Fallback | None = field(default=None, validator=optional_a(Fallback), kw_only=True)
    consent: ConsentRule | None = field(default=None, validator=optional_a(ConsentRule), kw_only=True)
    waves: Waves = field(default=Waves(), validator=a(Waves), kw_only=True)
    guard: Guard = field(default=Guard(), validator=a(Guard), kw_only=True)
    max_lateness: int | None = field(default=None, validator=optional_whole(1, _LONGEST_MINUTES), kw_only=True)
    #: Seconds that one run may take, as all limits of machines are told; plans of people are in minutes.
    deadline: float = field(default=3600, validator=number(0, 7 * 86_400), kw_only=True)
    at_once: int | None = field(default=None, validator=optional_whole(1), kw_only=True)
    active: bool = field(default=True, validator=a(bool), kw_only=True)
    pool: str | None = field(default=None, validator=optional_name, kw_only=True)
    managers: frozenset[str] = field(default=frozenset({"administrator", "administrators"}), converter=names, kw_only=True)
    tags: frozenset[str] = field(default=frozenset(), converter=names, kw_only=True)
    description: str = field(default="", validator=a(str), kw_only=True)
    owner: str | None = field(default=None, validator=optional_name, kw_only=True)
    runs_as: str | None = field(default=None, validator=optional_name, kw_only=True)
    list: str = field(default=SYSTEM, validator=named, kw_only=True)
    id: str = field(default="", validator=a(str), kw_only=True)
    line: str = field(default="", validator=a(str), kw_only=True)
    revision: int = field(default=0, kw_only=True, eq=False)
    interval: Interval | None = field(default=Factory(_due_by_time, takes_self=True), init=False, eq=False, repr=False)

    @property
    def demandable(self) -> bool:
        return any(isinstance(policy, OnDemand) for policy in self.policies)

    @property
    def is_system(self) -> bool:
        return self.list == SYSTEM

    @property
    def record(self) -> str | None:
        """The record whose own task it is, once that was made unique; it stands with no other (R1)."""
        kind, _, name = self.list.partition(":")
        return name if kind == "record" else None

    def anchored(self, moment: Any) -> Task:
        """The same task whose intervals count from a moment of their own (T16)."""
        return evolve(self, policies=[one.anchored(moment) if isinstance(one, Interval) else one for one in self.policies])


#: What decides with whose rights it runs.
DECISIVE = ("script", "target", "shadow", "selection")


@frozen
class TaskList:
    """What all tasks of a list share, and whether a record has a list of its own (R1, R3)."""

    id: str
    shadow: str | None = field(default=None, validator=optional_name)
    unique: bool = False
    revision: int = field(default=0, eq=False)
