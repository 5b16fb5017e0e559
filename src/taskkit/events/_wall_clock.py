"""The plan of a rule that follows the clocks on the wall, through their gaps and folds (T2, T4, T5).

Away from a change of the clock, wall time and instants differ by one number and a search is an addition. Near one, the stretches
on both sides say which wall times become instants of theirs: their own, and those that the gap before them swallowed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from attrs import field, frozen

from taskkit.events._days import Days
from taskkit.events._plans import Limits
from taskkit.events._tzif import DAY
from taskkit.events.nominals import Nominal
from taskkit.events.zones import Stretch, Zone

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
