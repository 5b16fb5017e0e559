"""Intervals of time that passes: every so many minutes or hours, whatever the clocks on the wall do (T2)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from attrs import evolve, field, frozen

from taskkit.events._edges import instant_of
from taskkit.events._fields import whole
from taskkit.events._plans import Elapsed, Limits, Plan
from taskkit.events._wording import every
from taskkit.events.intervals import Memory, Rule
from taskkit.events.zones import EARLIEST


@frozen
class _Passing(Rule):
    unit: ClassVar[str]
    seconds: ClassVar[int]
    every: int

    def make_plan(self, memory: Memory) -> Plan:
        origin = 0 if self.start is None else instant_of(self.start, self.shown_in)
        first = EARLIEST if self.start is None else origin
        return Elapsed(origin, self.every * self.seconds, Limits(first, self.last_instant))

    def anchored(self, moment: datetime) -> Self:
        return self if self.start or self._has_ended(moment) else evolve(self, start=moment.replace(second=0, microsecond=0))

    def __str__(self) -> str:
        return every(self.every, self.unit) + self.edges_text + ("" if self.tz == "UTC" else f", {self.tz}")


@frozen
class Minutely(_Passing):
    """Every so many minutes, counted from `start`."""

    kind = "minutely"
    unit, seconds = "minute", 60
    every: int = field(default=1, validator=whole("minutes", 5_256_000))


@frozen
class Hourly(_Passing):
    """Every so many hours, counted from `start`."""

    kind = "hourly"
    unit, seconds = "hour", 3600
    every: int = field(default=1, validator=whole("hours", 87_600))
