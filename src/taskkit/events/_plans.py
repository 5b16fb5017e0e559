"""How a rule moves along the instants: first after, last before, how many, and which nominal times an instant stands for.

A plan is what an interval becomes once its zone, its anchor and its memory are known. It works on whole seconds and on
nothing else, and every answer is computed where it is asked: no walk from an anchor, however far it lies.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import field, frozen

from taskkit.events._days import Days
from taskkit.events._tzif import DAY
from taskkit.events.nominals import Nominal
from taskkit.events.zones import EARLIEST, LATEST, Stretch, Zone


class Plan(Protocol):
    """The instants of a rule, in whole seconds."""

    def after(self, second: int) -> int | None:
        """The first occurrence later than `second`."""

    def before(self, second: int) -> int | None:
        """The last occurrence earlier than `second`."""

    def count(self, start: int, end: int) -> int:
        """How many occurrences lie from `start` (included) to `end` (excluded)."""

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        """What the rule calls this instant; nothing, where it has no occurrence here."""


@frozen(eq=False)
class Limits:
    """The part of time in which a rule has occurrences: by instant and by wall, all ends included."""

    first: int = EARLIEST
    last: int = LATEST
    first_wall: int = EARLIEST - DAY
    last_wall: int = LATEST + DAY


class Elapsed:
    """Every so many seconds that pass, whatever the clocks on the wall do (T2)."""

    __slots__ = ("limits", "origin", "step")

    def __init__(self, origin: int, step: int, limits: Limits) -> None:
        self.origin, self.step, self.limits = origin, step, limits

    def after(self, second: int) -> int | None:
        second = max(second, self.limits.first - 1)
        found = second + self.step - (second - self.origin) % self.step
        return found if found <= self.limits.last else None

    def before(self, second: int) -> int | None:
        second = min(second, self.limits.last + 1) - 1
        found = second - (second - self.origin) % self.step
        return found if found >= self.limits.first else None

    def count(self, start: int, end: int) -> int:
        start = max(start, self.limits.first)
        end = max(start, min(end, self.limits.last + 1))
        return (end - 1 - self.origin) // self.step - (start - 1 - self.origin) // self.step

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        return (Nominal(second),) if self.count(second, second + 1) else ()


#: Wall times from (included) and to (excluded), and the offset with which they become instants.
Span = tuple[int, int, int]


@frozen(eq=False)
class WallClock:
    """Times of day on certain days, as a zone's wall clocks show them (T2, T4, T5)."""

    zone: Zone
    days: Days
    times: tuple[int, ...]  # seconds of the day, ascending
    gap: str
    fold: str
    limits: Limits
    _first_time: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_first_time", self.times[0])

    def after(self, second: int) -> int | None:
        limits = self.limits
        at = second + 1 if second >= limits.first else limits.first
        stretch = self.zone.stretch(at)
        if at >= stretch.calm_start:
            wall = self._ceiling(at + stretch.offset)
            if wall is not None and wall < stretch.calm_wall_end:
                found = wall - stretch.offset
                return found if found <= limits.last else None
            if wall is not None and at + stretch.offset < stretch.calm_wall_end:  # nothing is due before that wall, whatever changes
                later = self.zone.reaching(wall)
                if later.calm_start + later.offset <= wall < later.calm_wall_end:
                    found = wall - later.offset
                    return found if found <= limits.last else None
        return self._after_near_change(at, stretch)

    def _after_near_change(self, at: int, stretch: Stretch) -> int | None:
        while at <= self.limits.last:
            found = None
            for start, end, offset in self._spans(stretch):
                wall = self._ceiling(max(start, at + offset))
                if wall is not None and wall < end and (found is None or wall - offset < found):
                    found = wall - offset
            if found is not None:
                return found if found <= self.limits.last else None
            wall = self._ceiling(stretch.calm_wall_end)
            if wall is None:
                return None
            stretch = max(self.zone.next(stretch), self.zone.reaching(wall), key=lambda stretch: stretch.index)
            at = stretch.start
        return None

    def before(self, second: int) -> int | None:
        at = min(second - 1, self.limits.last)
        stretch = self.zone.stretch(at)
        while at >= self.limits.first:
            found = None
            for start, end, offset in self._spans(stretch):
                wall = self._floor(min(end - 1, at + offset))
                if wall is not None and wall >= start and (found is None or wall - offset > found):
                    found = wall - offset
            if found is not None:
                return found if found >= self.limits.first else None
            wall = self._floor(stretch.start + max(stretch.before, stretch.offset))
            if wall is None:
                return None
            stretch = min(self.zone.previous(stretch), self.zone.stretch(wall + 2 * DAY), key=lambda stretch: stretch.index)
            at = stretch.end - 1
        return None

    def count(self, start: int, end: int) -> int:
        start, end = max(start, self.limits.first), min(end, self.limits.last + 1)
        total = 0
        while start < end:
            stretch = self.zone.stretch(start)
            until = min(end, stretch.end)
            total += self._count_in(stretch, start, until)
            start = until
        return total

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        if not self.limits.first <= second <= self.limits.last:
            return ()
        stretch = self.zone.stretch(second)
        walls = sorted(second + offset for start, end, offset in self._spans(stretch) if start <= second + offset < end)
        reading = int(stretch.repeats(second)) if self.fold == "both" else 0
        return tuple(Nominal(wall, self.zone.name, reading) for wall in walls if self._ceiling(wall) == wall)

    def _spans(self, stretch: Stretch) -> Sequence[Span]:
        """Which wall times become instants of this stretch: its own, and those that the gap before it swallowed."""
        offset, before, after = stretch.offset, stretch.before, stretch.after
        start, end = stretch.start + offset, stretch.end + offset
        if self.fold == "first" and before > offset:
            start = stretch.start + before
        if self.fold == "last" and after < offset:
            end = stretch.end + after
        if before < offset and self.gap == "shift":
            return (start, end, offset), (stretch.start + before, start, before)
        return ((start, end, offset),)

    def _count_in(self, stretch: Stretch, first: int, end: int) -> int:
        """`first` to `end`, both within the stretch. A time that a gap shifted onto another one counts once."""
        own, *shifted = self._spans(stretch)
        total = self._count_walls(max(own[0], first + own[2]), min(own[1], end + own[2]))
        for start, stop, offset in shifted:
            wall = self._ceiling(max(start, first + offset))
            while wall is not None and wall < min(stop, end + offset):
                moved = wall - offset + own[2]
                total += self._ceiling(moved) != moved
                wall = self._ceiling(wall + 1)
        return total

    def _ceiling(self, wall: int) -> int | None:
        """The first nominal time at or after `wall`."""
        if wall < self.limits.first_wall:
            wall = self.limits.first_wall
        day, second = divmod(wall, DAY)
        found = self.days.ceiling(day)
        if found is None:
            return None
        if found != day:
            wall = found * DAY + self._first_time
        elif second <= self._first_time:
            wall = day * DAY + self._first_time
        else:
            index = bisect_left(self.times, second)
            if index < len(self.times):
                wall = day * DAY + self.times[index]
            else:
                found = self.days.ceiling(day + 1)
                if found is None:
                    return None
                wall = found * DAY + self._first_time
        return wall if wall <= self.limits.last_wall else None

    def _floor(self, wall: int) -> int | None:
        """The last nominal time at or before `wall`."""
        day, second = divmod(min(wall, self.limits.last_wall), DAY)
        found = self.days.floor(day)
        if found == day:
            index = bisect_right(self.times, second)
            if index:
                return self._not_before_start(day * DAY + self.times[index - 1])
            found = self.days.floor(day - 1)
        return None if found is None else self._not_before_start(found * DAY + self.times[-1])

    def _not_before_start(self, wall: int) -> int | None:
        return wall if wall >= self.limits.first_wall else None

    def _count_walls(self, start: int, end: int) -> int:
        start, end = max(start, self.limits.first_wall), min(end, self.limits.last_wall + 1)
        if end <= start:
            return 0
        first_day, first_second = divmod(start, DAY)
        last_day, last_second = divmod(end, DAY)
        total = self.days.count(first_day, last_day) * len(self.times)
        if self.days.count(first_day, first_day + 1):
            total -= bisect_left(self.times, first_second)
        if self.days.count(last_day, last_day + 1):
            total += bisect_left(self.times, last_second)
        return total


class Union:
    """The occurrences of several plans; those of the same minute are one, at the earliest of their seconds (T9)."""

    __slots__ = ("plans",)

    def __init__(self, plans: tuple[Plan, ...]) -> None:
        self.plans = plans

    def after(self, second: int) -> int | None:
        while True:
            found = min((at for plan in self.plans if (at := plan.after(second)) is not None), default=None)
            if found is None:
                return None
            minute = found - found % 60
            first = self._first_since(minute)
            if first > second:
                return first
            second = minute + 59  # this minute has had its run

    def before(self, second: int) -> int | None:
        found = max((at for plan in self.plans if (at := plan.before(second)) is not None), default=None)
        return None if found is None else self._first_since(found - found % 60)

    def count(self, start: int, end: int) -> int:
        """The densest plan is counted, the others are walked: each adds the minutes that no plan before it has."""
        start, end = self._whole_minute(start), self._whole_minute(end)
        if end <= start:
            return 0
        plans = sorted(self.plans, key=lambda plan: plan.count(start, end), reverse=True)
        total = plans[0].count(start, end)
        for place, plan in enumerate(plans[1:], start=1):
            for at in walk(plan, start, end):
                minute = at - at % 60
                total += not any(earlier.count(minute, minute + 60) for earlier in plans[:place])
        return total

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        return tuple(nominal for _, nominal in self.parts(second))

    def parts(self, second: int) -> Iterator[tuple[int, Nominal]]:
        """Which member, by place, calls this minute what."""
        minute = second - second % 60
        for place, plan in enumerate(self.plans):
            for at in walk(plan, minute, minute + 60):
                yield from ((place, nominal) for nominal in plan.nominals(at))

    def _first_since(self, minute: int) -> int:
        return min(at for plan in self.plans if (at := plan.after(minute - 1)) is not None)

    def _whole_minute(self, second: int) -> int:
        """The end of the minute if its run lies before `second`, else its begin."""
        minute = second - second % 60
        first = min((at for plan in self.plans if (at := plan.after(minute - 1)) is not None), default=second)
        return minute + 60 if minute <= first < second else minute


def walk(plan: Plan, start: int, end: int) -> Iterator[int]:
    """The occurrences from `start` (included) to `end` (excluded), in order."""
    at = plan.after(start - 1)
    while at is not None and at < end:
        yield at
        at = plan.after(at)
