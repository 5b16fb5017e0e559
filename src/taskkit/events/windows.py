"""When a job may *start*: the open minutes of a wall clock, less the blackouts (R5). A window never ends a running job.

An opening is a run of open minutes. Where the clock jumps ahead, an opening that lies wholly in the gap opens right after it
for its nominal length; where the clock falls back, both readings of an open minute are open.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Any, ClassVar

import pendulum
from attrs import Factory, field, frozen

from taskkit.errors import NarrowWindow, NeverFires
from taskkit.events import _cron
from taskkit.events._patterns import KINDS, Pattern
from taskkit.events._tzif import DAY
from taskkit.events._window_words import description
from taskkit.events.moments import ceiling_second, floor_second
from taskkit.events.zones import EARLIEST, LATEST, Stretch, Zone, zone_name, zone_of

_NARROW = 5 * 60


@frozen
class Opening:
    """A run of time in which a window is open: from `opens` (included) to `closes` (excluded)."""

    opens: pendulum.DateTime
    closes: pendulum.DateTime


@frozen
class Window(ABC):
    """What can be asked of open time."""

    #: The word that names the kind in documents.
    kind: ClassVar[str]

    @abstractmethod
    def open_from(self, second: int) -> int | None:
        """The first open second at or after `second`."""

    @abstractmethod
    def shut_from(self, second: int) -> int | None:
        """The first second at or after `second` that is not open."""

    @property
    @abstractmethod
    def shown_in(self) -> Zone:
        """The zone in which answers are shown."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The open time in plain language."""

    def contains(self, moment: datetime) -> bool:
        """Whether a job may start now."""
        second = floor_second(moment)
        return self.open_from(second) == second

    def next_opening(self, moment: datetime) -> pendulum.DateTime | None:
        """The first instant at or after the moment at which a job may start: the moment itself while the window is open."""
        second = floor_second(moment)
        opens = self.open_from(second if second > EARLIEST else EARLIEST)
        if opens == second:
            return pendulum.instance(moment).in_timezone(self.shown_in.name)
        return self._show(opens)

    def closes_after(self, moment: datetime) -> pendulum.DateTime | None:
        """When the opening that holds the moment, or else the next one, closes; None where it never does."""
        opens = self.open_from(max(floor_second(moment), EARLIEST))
        return None if opens is None else self._show(self.shut_from(opens))

    def openings(self, start: datetime, end: datetime) -> Iterator[Opening]:
        """The openings from `start` to `end`, cut to that span."""
        spans = self._spans(max(ceiling_second(start), EARLIEST), min(floor_second(end), LATEST + 1))
        return (Opening(self.shown_in.show(opens), self.shown_in.show(closes)) for opens, closes in spans)

    def _spans(self, second: int, last: int) -> Iterator[tuple[int, int]]:
        opens = self.open_from(second)
        while opens is not None and opens < last:
            closes = self.shut_from(opens)
            yield opens, last if closes is None else min(closes, last)
            opens = None if closes is None else self.open_from(closes)

    def _show(self, second: int | None) -> pendulum.DateTime | None:
        return None if second is None else self.shown_in.show(second)


@frozen
class TimeWindow(Window):
    """The minutes of a cron expression, or of several joined by `|`, in a zone."""

    kind = "window"
    expression: str = field(eq=False)
    tz: str = field(default="UTC", kw_only=True, converter=zone_name)
    shown_in: Zone = field(default=Factory(zone_of, takes_self=True), init=False, eq=False, repr=False)
    _expressions: frozenset[_cron.Expression] = field(init=False, repr=False)
    _pattern: Pattern = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_expressions", _cron.read(self.expression))
        object.__setattr__(self, "expression", " | ".join(" ".join(part.split()) for part in self.expression.split("|")))
        pattern = Pattern(self._expressions)
        object.__setattr__(self, "_pattern", pattern)
        if not any(any(pattern.year(year)) for year in KINDS):
            raise NeverFires(f"making the window {self.expression!r}", "it never opens", "no year has such a day")
        shortest = pattern.shortest()
        if 0 < shortest < _NARROW:
            opens = f"the window {self.expression!r} opens for {shortest // 60} min at a time"
            warnings.warn(f"{opens}: a job that comes late waits for the next opening", NarrowWindow, stacklevel=3)

    @property
    def description(self) -> str:
        return f"{description(self._expressions)}, {self.tz}"

    def open_from(self, second: int) -> int | None:
        shown_in = self.shown_in
        stretch = shown_in.stretch(second)
        while second <= LATEST:
            if second < stretch.calm_start and second < stretch.start + self._swallowed(stretch):
                return second
            wall = self._pattern.first_open(second + stretch.offset)
            if wall is None:
                return None
            if wall < stretch.end + stretch.offset:
                return wall - stretch.offset
            stretch = max(shown_in.next(stretch), shown_in.reaching(wall), key=lambda stretch: stretch.index)
            second = stretch.start
        return None

    def shut_from(self, second: int) -> int | None:
        stretch = self.shown_in.stretch(second)
        while second <= LATEST:
            if second < stretch.calm_start:
                second = max(second, stretch.start + self._swallowed(stretch))
            wall = self._pattern.first_shut(second + stretch.offset)
            if wall is None:
                return None
            if wall < stretch.end + stretch.offset:
                return wall - stretch.offset
            stretch = self.shown_in.next(stretch)
            second = stretch.start
        return None

    def look_of(self, day: int) -> Hashable | None:
        """All that decides when it is open on a day of UTC; None where the clock changes near it."""
        start, end = day * DAY, (day + 1) * DAY
        stretch = self.shown_in.stretch(start)
        if start < stretch.calm_start or end > stretch.end:
            return None
        first, last = (start + stretch.offset) // DAY, (end - 1 + stretch.offset) // DAY
        return stretch.offset, id(self._pattern.ranges(first)), id(self._pattern.ranges(last))

    def _swallowed(self, stretch: Stretch) -> int:
        """For how long the gap before the stretch makes it open: the longest opening that lies wholly in that gap."""
        start, end = stretch.start + stretch.before, stretch.start + stretch.offset
        longest = 0
        opens = self._pattern.first_open(start)
        if opens == start and self._pattern.contains(start - 1):
            opens = self._next_run(start)
        while opens is not None and opens < end:
            closes = self._pattern.first_shut(opens)
            if closes is not None and closes <= end:
                longest = max(longest, closes - opens)
            opens = self._next_run(opens)
        return longest

    def _next_run(self, wall: int) -> int | None:
        """Where the first run after the one that holds `wall` begins."""
        closes = self._pattern.first_shut(wall)
        return None if closes is None else self._pattern.first_open(closes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (self.expression, self.tz)

    def __str__(self) -> str:
        return f"window {self.expression!r}, {self.tz}"


def _remake(expression: str, tz: str) -> TimeWindow:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NarrowWindow)  # it was said when the value was first made
        return TimeWindow(expression, tz=tz)
