"""Wall clocks of the world: stretches of time in which one offset holds.

Everything that is hard about local time sits where two stretches meet. Where the clock jumps ahead there is a *gap* of wall
times that no instant has; where it falls back there is a *fold* of wall times that two instants have. Seen as stretches,
both become plain intervals of numbers, and the mapping can be computed, counted and searched in either direction.

Instants and wall times are whole seconds since 1970-01-01 00:00, in UTC and on the wall.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Protocol

import pendulum
from attrs import field, frozen
from pendulum import DateTime

from taskkit.errors import UnknownZone
from taskkit.events import _tzif
from taskkit.events._tzif import DAY, EPOCH_DAY

#: Instants outside these cannot be shown in every zone.
EARLIEST = (2 - EPOCH_DAY) * DAY
LATEST = (date.max.toordinal() - 1 - EPOCH_DAY) * DAY - 1
#: Those that can be shown in UTC.
_FIRST, _LAST = EARLIEST - DAY, LATEST + DAY
_ENDLESS = 1 << 62
_FIRST_YEARS = 2045


class Stretch:
    """`start` (included) to `end` (excluded), with the offset before, during and after."""

    __slots__ = ("after", "before", "calm_start", "calm_wall_end", "end", "index", "offset", "start")

    def __init__(self, index: int, start: int, end: int, before: int, offset: int, after: int) -> None:
        self.index, self.start, self.end, self.before, self.offset, self.after = index, start, end, before, offset, after
        # From here, and on the wall up to there, no gap and no fold is near.
        self.calm_start = self.start + abs(self.offset - self.before)
        self.calm_wall_end = self.end + min(self.offset, self.after)

    def repeats(self, instant: int) -> bool:
        """Whether the wall showed this time once before."""
        return instant < self.start + self.before - self.offset

    def will_repeat(self, instant: int) -> bool:
        """Whether the wall will show this time once more."""
        return instant >= self.end + self.after - self.offset


class Zone:
    """One zone's stretches, laid out as far ahead as anybody asked."""

    __slots__ = ("_data", "_laid_out", "name", "tzinfo")

    def __init__(self, name: str, data: _tzif.ZoneData, tz: tzinfo) -> None:
        self.name, self.tzinfo, self._data = name, tz, data
        self._laid_out = _lay_out(data, _FIRST_YEARS)

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    def stretch(self, instant: int) -> Stretch:
        """The stretch that holds the instant."""
        known = self._laid_out
        if instant >= known.until:
            known = self._extend(instant)
        return known.stretches[bisect_right(known.starts, instant) - 1]

    def next(self, stretch: Stretch) -> Stretch:
        known = self._laid_out
        if stretch.end >= known.until:
            known = self._extend(stretch.end)
        return known.stretches[stretch.index + 1]

    def previous(self, stretch: Stretch) -> Stretch:
        return self._laid_out.stretches[stretch.index - 1]

    def reaching(self, wall: int) -> Stretch:
        """The first stretch whose wall clock passes `wall`."""
        found = self.stretch(wall - 2 * DAY)
        while found.end + found.offset <= wall:
            found = self.next(found)
        return found

    def readings(self, wall: int) -> tuple[int, int]:
        """The first and the last instant at which the wall shows this; in a gap, twice the one read with the offset before it."""
        stretch = self.reaching(wall)
        if wall < stretch.start + stretch.offset:
            return wall - stretch.before, wall - stretch.before
        first = wall - stretch.offset
        if wall >= stretch.end + stretch.after:
            return first, wall - stretch.after
        return first, first

    def last_until(self, wall: int) -> int:
        """The last instant at which the wall shows `wall` or less: before a gap that holds it, in the second hour of a fold."""
        stretch = self.reaching(wall)
        if wall < stretch.start + stretch.offset:
            return stretch.start - 1
        return self.readings(wall)[1]

    def begin_of(self, day: int) -> int:
        """The first second of a day (since 1970-01-01); of one that these clocks skip, that of the next."""
        return self.last_until(day * DAY - 1) + 1

    def wall(self, instant: int) -> int:
        return instant + self.stretch(instant).offset

    def show(self, instant: int) -> pendulum.DateTime:
        """The instant as people read it."""
        stretch = self.stretch(instant)
        days, seconds = divmod(instant + stretch.offset, DAY)
        try:
            day = date.fromordinal(days + EPOCH_DAY)
        except (ValueError, OverflowError):
            return self._show_at_an_end(instant)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        if instant < stretch.calm_start and stretch.repeats(instant):
            return DateTime(day.year, day.month, day.day, hour, minute, second, 0, self.tzinfo, fold=1)
        return DateTime(day.year, day.month, day.day, hour, minute, second, 0, self.tzinfo)  # a keyword is a tenth of the time

    def _show_at_an_end(self, instant: int) -> pendulum.DateTime:
        """In UTC, where another zone has another year than the calendar; and of what UTC has none for, the first or last moment."""
        return self.show(min(max(_FIRST, instant), _LAST)) if self.name == "UTC" else zone("UTC").show(instant)

    def changes(self, start: int, end: int) -> Iterator[Stretch]:
        """The stretches that begin from `start` (included) to `end` (excluded): each a change of the clock."""
        stretch = self.stretch(start - 1)
        while stretch.end < end:
            stretch = self.next(stretch)
            yield stretch

    def _extend(self, instant: int) -> Layout:
        """Replaced as a whole, so that another thread sees the old or the new and never half of it."""
        year = min(instant, LATEST) // (365 * DAY) + 1970
        self._laid_out = _lay_out(self._data, min(max(year + 2, self._laid_out.last_year + 50), date.max.year))
        return self._laid_out


@frozen(eq=False)
class Layout:
    """Stretches up to a year; what begins at `until` or later is not known yet."""

    last_year: int
    until: int
    starts: list[int] = field(repr=False)
    stretches: list[Stretch] = field(repr=False)


def _lay_out(data: _tzif.ZoneData, last_year: int) -> Layout:
    starts, offsets = [-_ENDLESS], [data.initial]
    changes, until = [*data.transitions, *_by_rule(data, last_year)], _ENDLESS
    if data.rule and last_year < date.max.year:
        changes.pop()  # the next year's first may undo it in the same second: summer that lasts for ever is written so
        until = changes[-1][0] if changes else -_ENDLESS
    for instant, offset in changes:
        if instant == starts[-1]:
            starts.pop(), offsets.pop()
        if offset != offsets[-1]:  # a new abbreviation alone is no change
            starts.append(instant)
            offsets.append(offset)
    numbers = zip(starts, [*starts[1:], _ENDLESS], [offsets[0], *offsets[:-1]], offsets, [*offsets[1:], offsets[-1]], strict=True)
    return Layout(last_year, until, starts, [Stretch(index, *five) for index, five in enumerate(numbers)])


def _by_rule(data: _tzif.ZoneData, last_year: int) -> Iterator[tuple[int, int]]:
    """The transitions after the last one that the file lists."""
    if data.rule is None:
        return
    listed = data.transitions[-1][0] if data.transitions else -_ENDLESS
    first_year = datetime.fromtimestamp(listed, UTC).year if data.transitions else 1970
    for year in range(first_year, last_year + 1):
        yield from (change for change in data.rule.transitions(year) if change[0] > listed)


@cache
def zone(name: str) -> Zone:
    """The zone of this name, read once in a process; UnknownZone where the machine has none (T1)."""
    data = _tzif.load(name)
    if data is None:
        near = get_close_matches(name, _tzif.names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "zones are named as in Europe/Berlin"
        raise UnknownZone(f"finding the zone {name!r}", "it is not in this machine's zone data", hint)
    return Zone(name, _tzif.parse(data), pendulum.timezone(name))


class HasZone(Protocol):
    """Whatever says its zone's name."""

    @property
    def tz(self) -> str: ...


def is_zone(name: str) -> bool:
    """Whether this machine has a zone of the name."""
    return _tzif.load(name) is not None


def zone_name(tz: object) -> str:
    """A zone as it was handed in, by name; UnknownZone where that is not to be had."""
    if isinstance(tz, str):
        return zone(tz).name
    name = getattr(tz, "key", None) or ("UTC" if tz is UTC else None)
    if name is None:
        raise UnknownZone(f"taking {tz!r} as a zone", "it has no name in the zone data", "name one, as in tz='Europe/Berlin'")
    return zone(str(name)).name


def zone_of(value: HasZone) -> Zone:
    """The zone that a value names."""
    return zone(value.tz)


def forget() -> None:
    """Read zone data anew from here on; values already made keep what they were made with."""
    zone.cache_clear()
    pendulum.Timezone.clear_cache()
