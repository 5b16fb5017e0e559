"""Several intervals as one (T9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from taskkit.errors import InvalidValue
from taskkit.events._plans import Union
from taskkit.events.intervals import NOTHING, Interval, Memory, Reason
from taskkit.events.zones import Zone, zone


def _flat(given: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Members once each, in their order, unions opened."""
    found: dict[Interval, None] = {}
    for one in given:
        if not isinstance(one, Interval):
            raise InvalidValue(f"AnyOf(…, {one!r}, …)", f"it is a {type(one).__name__}", "give intervals")
        found.update(dict.fromkeys(one.members if isinstance(one, AnyOf) else [one]))
    if not found:
        raise InvalidValue("AnyOf()", "no interval at all never fires", "give at least one")
    return tuple(found)


@frozen(init=False)
class AnyOf(Interval):
    """The occurrences of all members; two in the same minute are one, with the reasons of both (T9)."""

    kind = "any_of"
    members: tuple[Interval, ...] = field(eq=frozenset)

    def __init__(self, *members: Interval) -> None:
        self.__attrs_init__(_flat(members))

    @property
    def relative(self) -> bool:
        return any(member.relative for member in self.members)

    @property
    def shown_in(self) -> Zone:
        """The zone of the members, UTC where they differ."""
        zones = {member.shown_in for member in self.members}
        return zones.pop() if len(zones) == 1 else zone("UTC")

    def make_plan(self, memory: Memory) -> Union:
        return Union(tuple(member.plan(memory.part(place)) for place, member in enumerate(self.members)))

    def reasons(self, second: int, memory: Memory = NOTHING) -> tuple[Reason, ...]:
        plan = self.make_plan(memory)
        return tuple(Reason(self.members[place], nominal) for place, nominal in plan.parts(second))

    def anchored(self, moment: datetime) -> AnyOf:
        return AnyOf(*(member.anchored(moment) for member in self.members))

    def __reduce__(self) -> tuple[Any, ...]:
        return AnyOf, self.members

    def __str__(self) -> str:
        return "; ".join(map(str, self.members))
