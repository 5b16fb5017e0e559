"""Every distinct change of every zone from 2000 to 2040, 36 hours either way, over a grid of rules: nothing lost, nothing doubled.

In the normal suite a sample runs, the same code on some of the changes. `TASKKIT_SWEEP=full` takes them all. The oracle is the walk
over UTC minutes; its table is made once for each change and shared by all rules. Zones that change at the same instants by the
same offsets are one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import product
from multiprocessing import get_context
from zoneinfo import ZoneInfo

import pytest
from attrs import frozen

from taskkit.events import AnyOf, Daily, Hourly, Interval, Minutely, Monthly, Once, Weekday, Weekly
from tests.events.oracles import Change, changes, changing_zones, walked

FULL = os.environ.get("TASKKIT_SWEEP") == "full"
SAMPLE = 50
REACH = timedelta(hours=36)
#: Two zones are told apart by what they do this far around a change: the reach, and the margin of the oracle.
SIGHT = timedelta(hours=65)
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@frozen
class Place:
    """One change, and one of the zones that make it."""

    zone: str
    change: Change

    @property
    def before(self) -> datetime:
        """What the wall was about to show when it changed."""
        return (self.change.instant + self.change.before).replace(tzinfo=None)

    @property
    def after(self) -> datetime:
        """What it showed instead."""
        return (self.change.instant + self.change.after).replace(tzinfo=None)


def places() -> list[Place]:
    """Every distinct change, in order of time."""
    found: dict[tuple[Change, ...], Place] = {}
    for zone in changing_zones():
        several = changes(zone)
        for change in several:
            in_sight = tuple(other for other in several if abs(other.instant - change.instant) <= SIGHT)
            found.setdefault((change, *in_sight), Place(zone, change))
    return sorted(found.values(), key=lambda place: (place.change, place.zone))


# The grid


def clock_times(place: Place) -> list[list[str]]:
    """In the gap or the fold, on both rims, beside them, an hour off, far away; and several together."""
    low, high = sorted([place.before, place.after])
    middle = low + (high - low) // _MINUTE // 2 * _MINUTE
    several = [low, low - _MINUTE, middle, high - _MINUTE, high, high + timedelta(minutes=30), low - timedelta(minutes=30)]
    single = [[f"{wall:%H:%M}"] for wall in several]
    shifted = middle + (high - low)  # where a shifted time may meet another one
    return [*single, ["00:00"], ["12:00"], [f"{wall:%H:%M}" for wall in (middle, shifted, low, high)], ["00:00", "23:59"]]


CHOICES = [{"gap": gap, "fold": fold} for gap, fold in product(("shift", "skip"), ("first", "last", "both"))]


def day_rules(place: Place) -> Iterator[Callable[..., Interval]]:
    """Rules that mean the day of the change or one beside it."""
    day, weekday = place.before.date(), Weekday(place.before.weekday())
    yield Daily
    yield lambda **said: Daily(2, start=day - 4 * _DAY, **said)
    yield lambda **said: Weekly(on=[weekday, Weekday((weekday + 1) % 7)], **said)
    yield lambda **said: Weekly(2, on=weekday, start=day - 14 * _DAY, **said)
    yield lambda **said: Monthly([day.day, place.after.day], **said)
    yield lambda **said: Monthly([-1, 30, 31], missing_day="next", **said)


def edge_rules(place: Place) -> Iterator[Callable[..., Interval]]:
    """Rules that begin or end at the change."""
    low, instant = min(place.before, place.after), place.change.instant
    yield lambda **said: Daily(start=f"{low:%Y-%m-%dT%H:%M}", **said)
    yield lambda **said: Daily(end=f"{low:%Y-%m-%dT%H:%M}", **said)
    yield lambda **said: Daily(start=instant, **said)
    yield lambda **said: Daily(end=instant, **said)
    yield lambda **said: Daily(end=low.date(), **said)


def clock_grid(place: Place) -> Iterator[Interval]:
    times = clock_times(place)
    for make, at, choice in product(day_rules(place), times, CHOICES):
        yield make(at=at, tz=place.zone, **choice)
    for make, at, choice in product(edge_rules(place), (times[0], times[2]), CHOICES):
        yield make(at=at, tz=place.zone, **choice)
    for wall, choice in product((place.before, place.after), CHOICES):
        if not (choice["gap"] == "skip" and place.after > place.before):  # what a gap swallows for ever is refused
            yield Once(f"{wall:%Y-%m-%dT%H:%M}", tz=place.zone, **choice)  # type: ignore[arg-type]


def elapsed_grid(place: Place) -> Iterator[Interval]:
    low, instant = min(place.before, place.after), place.change.instant
    for every in (7, 15, 30, 60, 90):
        yield Minutely(every, tz=place.zone)
    for every in (1, 5):
        yield Hourly(every, tz=place.zone, start=f"{low - 3 * _DAY:%Y-%m-%dT%H:%M}", end=f"{low:%Y-%m-%dT%H:%M}")
        yield Hourly(every, tz=place.zone, start=low.date(), end=low.date() + _DAY)
        yield Hourly(every, tz=place.zone, end=low.date())
        yield Hourly(every, tz=place.zone, start=instant, end=instant + timedelta(hours=5))


def union_grid(place: Place) -> Iterator[Interval]:
    low, at = min(place.before, place.after), clock_times(place)
    for choice in CHOICES:
        daily = Daily(at=at[2], tz=place.zone, **choice)  # type: ignore[arg-type]
        yield AnyOf(daily, Hourly(tz=place.zone))
        yield AnyOf(daily, Daily(at=at[9], tz=place.zone))
        yield AnyOf(daily, Weekly(on=Weekday(low.weekday()), at=at[2], tz="UTC"))
        yield AnyOf(Daily(at=at[0], tz=place.zone, **choice), Daily(at=at[4], tz=place.zone), Minutely(90))  # type: ignore[arg-type]


def grid(place: Place) -> Iterator[Interval]:
    yield from clock_grid(place)
    yield from elapsed_grid(place)
    yield from union_grid(place)


# The comparison


@frozen
class Found:
    """What a comparison came to."""

    compared: int
    expected: int
    lost: list[str]
    doubled: list[str]
    other: list[str]


def compare(place: Place) -> Found:
    lo, hi = place.change.instant - REACH, place.change.instant + REACH
    compared, runs = 0, 0
    lost: list[str] = []
    doubled: list[str] = []
    other: list[str] = []
    for interval in grid(place):
        expected = Counter(walked(interval, lo, hi))
        found: Counter[datetime] = Counter(moment.astimezone(UTC) for moment in interval.between(lo, hi))
        lost += (f"{interval}: {moment}" for moment in (expected - found).elements())
        doubled += (f"{interval}: {moment}" for moment in (found - expected).elements())
        if interval.count_between(lo, hi) != len(expected) or backwards(interval, lo, hi) != sorted(expected):
            other.append(str(interval))
        compared, runs = compared + 1, runs + len(expected)
    return Found(compared, runs, lost, doubled, other)


def backwards(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    found: list[datetime] = []
    moment = interval.latest_before(hi)
    while moment is not None and moment >= lo:
        found.append(moment.astimezone(UTC))
        moment = interval.latest_before(moment)
    return found[::-1]


def compare_all(chosen: list[Place]) -> list[Found]:
    if not FULL:
        return [compare(place) for place in chosen]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(pool.map(compare, chosen, chunksize=8))


def proven(chosen: list[Place], everything: list[Place], note: Callable[[str, object], None]) -> None:
    found = compare_all(chosen)
    compared, runs = sum(one.compared for one in found), sum(one.expected for one in found)
    lost, doubled, other = ([text for one in found for text in getattr(one, name)] for name in ("lost", "doubled", "other"))
    rules = compared / len(chosen)
    said = f"{len(chosen):,} changes, {compared:,} comparisons, {runs:,} runs: {len(lost)} lost, {len(doubled)} doubled"
    of = f"all: {len(everything):,} distinct changes, about {round(rules * len(everything)):,} comparisons"
    note("said", f"sweep: {said}")
    note("said", f"sweep: {of}")
    assert (lost[:5], doubled[:5], other[:5]) == ([], [], [])


def test_t02_t04_t05_t12_a_sample_of_all_changes_loses_and_doubles_nothing(record_property: Callable[[str, object], None]) -> None:
    everything = places()
    proven(everything[::SAMPLE], everything, record_property)


@pytest.mark.sweep
def test_t02_t04_t05_t12_no_change_of_any_zone_loses_or_doubles_anything(record_property: Callable[[str, object], None]) -> None:
    everything = places()
    proven(everything, everything, record_property)


def test_the_changes_are_those_of_all_zones_and_years() -> None:
    found = places()
    assert {place.change.instant.year for place in found} == set(range(2000, 2041))
    assert {change for zone in changing_zones() for change in changes(zone)} == {place.change for place in found}
    for place in found[::97]:
        for instant, offset in ((place.change.instant - _MINUTE, place.change.before), (place.change.instant, place.change.after)):
            assert instant.astimezone(ZoneInfo(place.zone)).utcoffset() == offset
    assert date(2011, 12, 30) in {place.before.date() for place in found if place.zone == "Pacific/Apia"}
