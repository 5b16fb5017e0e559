"""How one task line stands with one record, where that is more than its next occurrence says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import count
from typing import Any

from attrs import evolve, field, frozen

from taskkit.dice import drawing
from taskkit.events.intervals import Interval, Memory
from taskkit.events.nominals import Nominal
from taskkit.events.remembering import RandomDays
from taskkit.events.unions import AnyOf
from taskkit.instants import SECOND, Instant, shown

TABLE = "standing"


def standing_id(line: str, record: str | None) -> str:
    return f"{line}/{record or ''}"


@frozen(slots=False)
class Standing:
    """What a line must remember for a record: most lines remember nothing and have none.

    `draws` and `nominals` have one place for each member of the task's interval that looks at a memory, so that an edit of the others
    leaves them where they are (T10).
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
        if not isinstance(interval, AnyOf):
            return self._part(0)
        places = count()
        return evolve(self._bare, parts=[self._part(next(places)) if one.relative else self._bare for one in interval.members])

    @property
    def _bare(self) -> Memory:
        return Memory(shown(self.created), shown(self.last_success) if self.last_success is not None else None)

    def _part(self, place: int) -> Memory:
        return evolve(self._bare, draw=_at(self.draws, place), last_nominal=_nominal(_at(self.nominals, place)))

    def drawn(self, interval: Interval, rng: random.Random, whose: str) -> Standing:
        """With a legal draw for each member that needs one (T10); `whose` names the line and record."""
        places = enumerate(remembering(interval))
        return evolve(self, draws=tuple(self._draw(one, place, rng, whose) for place, one in places))

    def _draw(self, member: Interval, place: int, rng: random.Random, whose: str) -> int | None:
        if not isinstance(member, RandomDays):
            return None
        kept = _at(self.draws, place)
        return kept if member.accepts(kept) else member.draw(drawing(rng, f"{whose} {place} {_at(self.nominals, place)}"))

    def renewed(self, interval: Interval, now: Instant) -> Standing:
        """Where the day of a draw has passed without a job for it, its member counts from now (R7)."""
        standing = self
        for place, member in enumerate(remembering(interval)):
            if _has_passed(member, self._part(place), now):
                since = str(Nominal(member.shown_in.wall(now // SECOND), member.shown_in.name))
                standing = standing._used(place, since)
        return standing

    def used(self, interval: Interval, second: int, rng: random.Random, whose: str) -> Standing:
        """After a run that stands for all up to this second: its members remember their nominal time, and have new draws (T10, T15)."""
        standing = self.drawn(interval, rng, whose)
        for place, member in enumerate(remembering(interval)):
            while (found := _last(member, standing._part(place), second)) is not None:
                standing = standing._used(place, found).drawn(interval, rng, whose)
        return standing

    def _used(self, place: int, nominal: str) -> Standing:
        return evolve(self, nominals=_put(self.nominals, place, nominal), draws=_put(self.draws, place, None))

    def body(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "revision" and value not in (None, ())}


def suspension(*standings: Standing | None) -> str | None:
    """Why a task waits, by the first of these that says so."""
    for standing in standings:
        if standing is not None and standing.suspended is not None:
            return standing.suspended
    return None


def members(interval: Interval) -> tuple[Interval, ...]:
    return interval.members if isinstance(interval, AnyOf) else (interval,)


def remembering(interval: Interval) -> list[Interval]:
    """Those that look at a memory."""
    return [one for one in members(interval) if one.relative]


def _at(values: tuple[Any, ...], place: int) -> Any:
    return values[place] if place < len(values) else None


def _put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*(_at(values, one) for one in range(place)), value, *values[place + 1 :])


def _nominal(text: str | None) -> Nominal | None:
    return Nominal.parse(text) if text else None


def _has_passed(member: Interval, part: Memory, now: Instant) -> bool:
    return isinstance(member, RandomDays) and member.accepts(part.draw) and member.plan(part).after(now // SECOND) is None


def _last(member: Interval, part: Memory, second: int) -> str | None:
    """The name of its last occurrence up to this second, where that one is behind it: a drawn day may have several."""
    plan = member.plan(part)
    at = plan.before(second + 1)
    if at is None or (isinstance(member, RandomDays) and plan.after(second) is not None):
        return None
    return str(plan.nominals(at)[0])


def standing_of(body: Mapping[str, Any], revision: int) -> Standing:
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    return Standing(**told, revision=revision)
