"""Intervals by the calendar and the clock on the wall: days, weeks, months and once (T2, T4, T5, T7, T8)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any, Literal, Self, TypedDict, Unpack, get_args

from attrs import Attribute, evolve, field, frozen

from taskkit.errors import InvalidValue
from taskkit.events._days import Cycle, Days, MonthDays, OneDay
from taskkit.events._edges import Edge, day_of, is_instant, limits, read_once, wall_of
from taskkit.events._fields import MONTH_NAMES, Weekday, one_of, read_month_days, read_months, read_times, read_weekdays, seconds_of, whole
from taskkit.events._plans import Elapsed, Limits, Plan
from taskkit.events._tzif import DAY, EPOCH_DAY
from taskkit.events._wall_clock import WallClock
from taskkit.events._wording import choices_text, listed, ordinal
from taskkit.events._wording import every as every_text
from taskkit.events.intervals import Interval, Memory, Rule
from taskkit.events.zones import Zone, zone, zone_name

Gap = Literal["shift", "skip"]
Fold = Literal["first", "last", "both"]
MissingDay = Literal["last", "skip", "next"]

_MONDAY = -3  # 1969-12-29; 1970-01-01 was a Thursday


@frozen
class ClockRule(Rule):
    """A rule about days: at which times of the day, and what a change of the clock does to them."""

    at: tuple[str, ...] = field(default="00:00", kw_only=True, converter=read_times)
    gap: Gap = field(default="shift", kw_only=True, validator=one_of(*get_args(Gap)))
    fold: Fold = field(default="first", kw_only=True, validator=one_of(*get_args(Fold)))

    def on_days(self, days: Days) -> WallClock:
        return WallClock(self.shown_in, days, seconds_of(self.at), self.gap, self.fold, limits(self.start, self.end))

    @property
    def anchor_day(self) -> int:
        """The day from which the rule counts (T16)."""
        return 0 if self.start is None else day_of(self.start, self.shown_in)

    def started(self, moment: datetime) -> Self:
        """The same rule, from the day of the moment on."""
        return self if self.start or self._has_ended(moment) else evolve(self, start=moment.astimezone(self.shown_in.tzinfo).date())

    def __str__(self) -> str:
        said = choices_text(("gap", self.gap, "shift"), ("fold", self.fold, "first"))
        return f"{self.days_text} at {listed(self.at)}, {self.tz}{self.edges_text}{said}"

    @property
    @abstractmethod
    def days_text(self) -> str:
        """Which days, for people."""


@frozen
class Daily(ClockRule):
    """Every so many days, counted from the day of `start`."""

    kind = "daily"
    every: int = field(default=1, validator=whole("days", 36_500))

    def make_plan(self, memory: Memory) -> Plan:
        return self.on_days(Cycle(self.anchor_day, self.every))

    def anchored(self, moment: datetime) -> Self:
        return self.started(moment) if self.every > 1 else self

    @property
    def days_text(self) -> str:
        return every_text(self.every, "day")


@frozen
class Weekly(ClockRule):
    """On given weekdays of every so many weeks, counted from the Monday of the week of `start` (T8)."""

    kind = "weekly"
    every: int = field(default=1, validator=whole("weeks", 5_200))
    on: tuple[Weekday, ...] = field(kw_only=True, converter=read_weekdays)

    def make_plan(self, memory: Memory) -> Plan:
        monday = self.anchor_day - (self.anchor_day - _MONDAY) % 7
        return self.on_days(Cycle(monday, 7 * self.every, self.on))

    def anchored(self, moment: datetime) -> Self:
        return self.started(moment) if self.every > 1 else self

    @property
    def days_text(self) -> str:
        names = listed(day.label for day in self.on)
        return f"every {names}" if self.every == 1 else f"{every_text(self.every, 'week')} on {names}"


@frozen
class Monthly(ClockRule):
    """On given days of given months; -1 is the last day. What a month lacks is its last day, unless chosen otherwise (T7)."""

    kind = "monthly"
    days: tuple[int, ...] = field(converter=read_month_days)
    months: tuple[int, ...] = field(default=tuple(range(1, 13)), kw_only=True, converter=read_months)
    every: int = field(default=1, kw_only=True, validator=whole("months", 1_200))
    missing_day: MissingDay = field(default="last", kw_only=True, validator=one_of(*get_args(MissingDay)))

    @every.validator
    def _check_every(self, attribute: Attribute[Any], every: int) -> None:
        if every != 1 and len(self.months) != len(MONTH_NAMES):
            raise InvalidValue(f"every={every}, months={self.months}", "both say which months", "leave one of them away")

    def make_plan(self, memory: Memory) -> Plan:
        anchor = date.fromordinal(self.anchor_day + EPOCH_DAY)
        return self.on_days(MonthDays(self.days, self.months, self.missing_day, self.every, 12 * anchor.year + anchor.month - 1))

    def anchored(self, moment: datetime) -> Self:
        return self.started(moment) if self.every > 1 else self

    @property
    def days_text(self) -> str:
        text = f"{every_text(self.every, 'month')} on the {listed(map(ordinal, self.days))}{' day' if self.days[-1] < 0 else ''}"
        return text if len(self.months) == len(MONTH_NAMES) else f"{text} in {listed(MONTH_NAMES[month - 1] for month in self.months)}"

    def __str__(self) -> str:
        return super().__str__() + choices_text(("missing day", self.missing_day, "last"))


@frozen
class Once(Interval):
    """At one wall time of the zone, or at one instant."""

    kind = "once"
    at: str = field(converter=read_once)
    tz: str = field(default="UTC", kw_only=True, converter=zone_name)
    gap: Gap = field(default="shift", kw_only=True, validator=one_of(*get_args(Gap)))
    fold: Fold = field(default="first", kw_only=True, validator=one_of(*get_args(Fold)))

    @property
    def shown_in(self) -> Zone:
        return zone(self.tz)

    def make_plan(self, memory: Memory) -> Plan:
        second = wall_of(self.at)
        if is_instant(self.at):
            return Elapsed(second, DAY, Limits(second, second))
        return WallClock(self.shown_in, OneDay(second // DAY), (second % DAY,), self.gap, self.fold, Limits())

    def __str__(self) -> str:
        said = choices_text(("gap", self.gap, "shift"), ("fold", self.fold, "first"))
        return f"once at {self.at}, {self.tz}{said}"


class ClockChoices(TypedDict, total=False):
    """What can be said of any rule about days."""

    at: str | time | Iterable[str | time]
    tz: str
    start: Edge | None
    end: Edge | None
    gap: Gap
    fold: Fold


def every(*weekdays: Weekday | str, **choices: Unpack[ClockChoices]) -> Weekly:
    """`every(SUN, at="03:00")`: on the given weekdays of each week."""
    return Weekly(on=weekdays, **choices)


def on_the(*days: int, **choices: Unpack[ClockChoices]) -> Monthly:
    """`on_the(20, at="03:00")`: on the given days of each month."""
    return Monthly(days, **choices)
