"""How one task line stands with one record, where that is more than its next occurrence says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from taskkit.events._plans import Union
from taskkit.events.intervals import Interval, Memory
from taskkit.events.nominals import Nominal
from taskkit.events.remembering import RandomDays
from taskkit.events.unions import AnyOf
from taskkit.instants import Instant, shown

TABLE = "standing"


def standing_id(line: str, record: str | None) -> str:
    return f"{line}/{record or ''}"


@frozen(slots=False)
class Standing:
    """What a line must remember for a record: most lines remember nothing and have none.

    `draws` and `nominals` have one place for each member of the task's interval.
    """

    created: Instant
    last_success: Instant | None = None
    draws: tuple[int | None, ...] = ()
    nominals: tuple[str | None, ...] = ()
    suspended: str | None = None
    suspended_by: str | None = None
    suspended_at: Instant | None = None
    next_run: Instant | None = None
    revision: int = field(default=0, eq=False)

    def memory(self, interval: Interval) -> Memory:
        """As the interval wants it handed in."""
        success = shown(self.last_success) if self.last_success is not None else None
        one = Memory(shown(self.created), success)
        parts = [
            evolve(one, draw=_at(self.draws, place), last_nominal=_nominal(_at(self.nominals, place)))
            for place in range(len(members(interval)))
        ]
        return evolve(one, parts=parts) if isinstance(interval, AnyOf) else parts[0]

    def drawn(self, interval: Interval, rng: Any) -> Standing:
        """With a legal draw for each member that needs one (T10)."""
        return evolve(self, draws=tuple(_draw(one, _at(self.draws, place), rng) for place, one in enumerate(members(interval))))

    def used(self, interval: Interval, second: int) -> Standing:
        """After the occurrence of this second: its members remember their nominal time, and their draws are used up."""
        plan = interval.plan(self.memory(interval))
        named = dict(plan.parts(second) if isinstance(plan, Union) else ((0, nominal) for nominal in plan.nominals(second)))
        places = range(len(members(interval)))
        nominals = tuple(str(named[place]) if place in named else _at(self.nominals, place) for place in places)
        return evolve(self, draws=tuple(None if place in named else _at(self.draws, place) for place in places), nominals=nominals)

    @property
    def is_empty(self) -> bool:
        return not self.suspended and self.next_run is None and not any(self.draws) and not any(self.nominals)

    def body(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "revision" and value not in (None, ())}


def members(interval: Interval) -> tuple[Interval, ...]:
    return interval.members if isinstance(interval, AnyOf) else (interval,)


def _at(values: tuple[Any, ...], place: int) -> Any:
    return values[place] if place < len(values) else None


def _nominal(text: str | None) -> Nominal | None:
    return Nominal.parse(text) if text else None


def _draw(member: Interval, kept: int | None, rng: Any) -> int | None:
    if not isinstance(member, RandomDays):
        return None
    return kept if member.accepts(kept) else member.draw(rng)


def standing_of(body: Mapping[str, Any], revision: int) -> Standing:
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    return Standing(**told, revision=revision)
