"""Intervals that look at what happened before: random days since the last run, an age since the last success (T10, T11)."""

from __future__ import annotations

import random
from typing import Any

from attrs import Attribute, evolve, field, frozen

from taskkit.errors import InvalidValue
from taskkit.events._days import Cycle, OneDay
from taskkit.events._fields import whole
from taskkit.events._plans import Plan
from taskkit.events._tzif import DAY
from taskkit.events._wording import counted
from taskkit.events.clocks import ClockRule
from taskkit.events.intervals import Memory
from taskkit.events.moments import floor_second

_LONGEST = 36_500


@frozen
class Remembering(ClockRule):
    """A rule whose next occurrence follows from a memory."""

    @property
    def relative(self) -> bool:
        return True

    def _lacking(self, what: str, help: str) -> InvalidValue:
        return InvalidValue(f"planning {str(self)!r}", f"the memory holds no {what}", help)


@frozen
class RandomDays(Remembering):
    """`low` to `high` days after the last nominal run, the first after creation (T10).

    The number is drawn by `draw` and kept in the memory; the occurrence after the drawn one is not known before the next draw.
    """

    kind = "random"
    low: int = field(validator=whole("days", _LONGEST))
    high: int = field(validator=whole("days", _LONGEST))

    @high.validator
    def _check_order(self, attribute: Attribute[Any], high: int) -> None:
        if self.low > high:
            raise InvalidValue(f"RandomDays({self.low}, {high})", "the first number is the larger", f"RandomDays({high}, {self.low})")
        if self.gap == "skip":
            raise InvalidValue("RandomDays(…, gap='skip')", "a drawn day has one run, and a gap could take it", "leave gap at 'shift'")

    def draw(self, rng: random.Random | None = None) -> int:
        """A number of days for the next run, from the system's secure source unless another is given."""
        return (rng or random.SystemRandom()).randint(self.low, self.high)

    def accepts(self, draw: int | None) -> bool:
        """Whether a stored draw is still one of this rule's."""
        return draw is not None and self.low <= draw <= self.high

    def range_after(self, memory: Memory) -> tuple[Memory, Memory]:
        """The memories of the earliest and of the latest draw: what is known before one is made."""
        return evolve(memory, draw=self.low), evolve(memory, draw=self.high)

    def make_plan(self, memory: Memory) -> Plan:
        if not self.accepts(memory.draw):
            raise self._lacking(f"draw from {self.low} to {self.high}", "hand in Memory(draw=interval.draw(), …) and keep it")
        if memory.last_nominal is not None:
            since = memory.last_nominal.day_in(self.tz)
        elif memory.created is not None:
            created = self.shown_in.wall(floor_second(memory.created)) // DAY
            since = max(created, self.anchor_day)  # before its start there is nothing to count from
        else:
            raise self._lacking("created and no last_nominal", "hand in Memory(created=…, draw=…)")
        return self.on_days(OneDay(since + (memory.draw or 0)))

    @property
    def days_text(self) -> str:
        return f"every {self.low} to {self.high} days"


@frozen
class MaxAge(Remembering):
    """`days` after the last success, the first after creation; without success again every `again` days (T11)."""

    kind = "max_age"
    days: int = field(validator=whole("days", _LONGEST))
    again: int = field(default=1, kw_only=True, validator=whole("days", _LONGEST))

    def make_plan(self, memory: Memory) -> Plan:
        since = memory.last_success or memory.created
        if since is None:
            raise self._lacking("last_success and no created", "hand in Memory(created=…)")
        due = self.shown_in.wall(floor_second(since)) // DAY + self.days
        if memory.last_nominal is not None and (ran := memory.last_nominal.day_in(self.tz)) >= due:
            due = ran + self.again
        plan = self.on_days(Cycle(due, self.again))
        return evolve(plan, limits=evolve(plan.limits, first_wall=max(plan.limits.first_wall, due * DAY)))

    @property
    def days_text(self) -> str:
        again = "" if self.again == 1 else f", again after {self.again} days"
        return f"{counted(self.days, 'day')} after the last success{again}"
