"""A plan's four answers agree with each other at every second that matters: around runs, minutes and changes of the clock.

That the runs themselves are right is for the examples and the oracles; here they are walked once, and then everything that can be
asked between them is held against that walk.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

import pendulum
import pytest

from taskkit import MON, SAT, SUN, WED, AnyOf, Daily, Hourly, Interval, MaxAge, Memory, Minutely, Monthly, Once, RandomDays, Weekly
from taskkit.events._plans import walk
from taskkit.events.moments import floor_second
from taskkit.events.unions import AnyOf as Joined

BERLIN, HAVANA, LORD_HOWE, APIA = "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia"
SPANS = {
    "a gap": (BERLIN, "2026-03-27", 5),
    "a fold": (BERLIN, "2026-10-23", 5),
    "a gap at midnight": (HAVANA, "2026-03-06", 4),
    "a fold at midnight": (HAVANA, "2026-10-30", 4),
    "half an hour": (LORD_HOWE, "2026-10-02", 4),
    "half an hour back": (LORD_HOWE, "2026-04-03", 4),
    "a day that is not there": (APIA, "2011-12-27", 6),
    "a year's end": ("UTC", "2027-12-29", 5),
}
FOLDS = ("first", "last", "both")


def rules(tz: str, first: str) -> list[Interval]:
    """A grid; starts and ends lie inside the span."""
    start = pendulum.parse(first, tz=tz)
    assert isinstance(start, pendulum.DateTime)
    second, fourth = (start.add(days=days) for days in (1, 3))
    times = ["00:00", "00:30", "01:45", "02:00", "02:15", "02:30", "03:00", "03:15", "23:59"]
    clocks: list[Interval] = [Daily(at=times, tz=tz, gap=gap, fold=fold) for gap in ("shift", "skip") for fold in FOLDS]  # type: ignore[arg-type]
    clocks += [Daily(at=at, tz=tz, fold=fold) for at in ("00:00", "02:00", "02:30") for fold in FOLDS]  # type: ignore[arg-type]
    bounded: list[Interval] = [
        Daily(2, at=["02:30", "12:00"], tz=tz, start=second, end=fourth),
        Daily(at="02:30", tz=tz, start=f"{second:%Y-%m-%d} 02:30", end=f"{fourth:%Y-%m-%d} 02:30"),
        Daily(at="00:00", tz=tz, start=f"{second:%Y-%m-%d}", end=f"{fourth:%Y-%m-%d}"),
        Hourly(5, tz=tz, start=second, end=fourth),
        Minutely(61, tz=tz, start=second.add(seconds=17)),
    ]
    days: list[Interval] = [
        Weekly(every=1, on=[MON, WED, SAT, SUN], at=["02:15", "23:00"], tz=tz),
        Weekly(every=2, on=[MON, SUN], tz=tz, start=first),
        Monthly([1, 29, 30, -1], tz=tz, at="02:30", missing_day="next"),
        Monthly([1, 28, 31], every=3, tz=tz, start=first),
        Once(f"{second:%Y-%m-%d} 02:30", tz=tz),
        Once(second.add(hours=5, seconds=3), tz=tz),
    ]
    unions: list[Interval] = [
        AnyOf(Hourly(tz=tz), Daily(at=times, tz=tz)),
        AnyOf(Hourly(start=second.add(seconds=17)), Hourly(start=second.add(seconds=44)), Daily(at=times, tz=tz), Minutely(45)),
        AnyOf(Once(second), Once(fourth)),
    ]
    return clocks + bounded + days + unions


CASES = [
    pytest.param(tz, first, days, number, id=f"{label}, {rule}")
    for label, (tz, first, days) in SPANS.items()
    for number, rule in enumerate(rules(tz, first))
]


def places(runs: list[int], low: int, high: int, changes: list[int]) -> list[int]:
    """The seconds around everything that happens."""
    near = {at + step for at in [*runs, *changes] for step in (-61, -60, -1, 0, 1, 59, 60)}
    return sorted(at for at in near | {low, high} if low <= at <= high)


@pytest.mark.parametrize(("tz", "first", "days", "number"), CASES)
def test_after_before_count_and_names_agree(tz: str, first: str, days: int, number: int) -> None:
    rule = rules(tz, first)[number]
    start = pendulum.parse(first, tz=tz)
    assert isinstance(start, pendulum.DateTime)
    low, high = floor_second(start), floor_second(start.add(days=days))
    plan, runs = rule.plan(), list(walk(rule.plan(), low, high + 1))
    assert all(one < other for one, other in pairwise(runs))
    seconds = places(runs, low, high, [change.start for change in rule.shown_in.changes(low, high)])
    ahead, behind = plan.after(high), plan.before(low)
    for at in seconds:
        assert plan.after(at) == (runs[index] if (index := bisect_right(runs, at)) < len(runs) else ahead)
        assert plan.before(at) == (runs[index - 1] if (index := bisect_left(runs, at)) else behind)
        assert (at in runs) == bool(rule.reasons(at)) or isinstance(rule, Joined)
    for step in (1, 2, 7, len(seconds) // 3 or 1):
        for begin, end in zip(seconds, seconds[step:], strict=False):
            assert plan.count(begin, end) == bisect_left(runs, end) - bisect_left(runs, begin)
    assert plan.count(low, high + 1) == len(runs)


@pytest.mark.parametrize("years", [1, 7, 400])
def test_a_count_over_years_adds_up(years: int) -> None:
    """By hand: 365.2425 days a year over a whole cycle of the calendar."""
    start = pendulum.datetime(2000, 1, 1)
    end = start.add(years=years)
    days = (end - start).days
    leap_days = days - 365 * years
    assert Daily().count_between(start, end) == days
    assert Daily(at=["00:00", "12:00"]).count_between(start, end) == 2 * days
    assert Monthly([29], months=[2], missing_day="skip").count_between(start, end) == leap_days
    assert Monthly([1, -1]).count_between(start, end) == 24 * years
    assert Monthly([1, -1]).count_between(start.subtract(years=50), end) == 24 * (years + 50)
    assert Minutely(5).count_between(start, end) == days * 288
    assert abs(Weekly(every=2, on=[MON, WED], start="2000-01-01").count_between(start, end) - days / 7) <= 2
    assert Daily(tz=BERLIN, at="02:30").count_between(start, end) in (days, days + 1)


def test_an_age_and_a_draw_are_counted_like_any_other() -> None:
    start = pendulum.datetime(2026, 1, 1)
    memory = Memory(created=start, draw=20)
    assert RandomDays(15, 30).count_between(start, start.add(days=20), memory) == 0
    assert RandomDays(15, 30).count_between(start, start.add(days=21), memory) == 1
    assert RandomDays(15, 30).count_between(start.add(days=21), start.add(days=99), memory) == 0
    assert MaxAge(90, again=2).count_between(start, start.add(days=95), memory) == 3
    assert MaxAge(90).latest_before(start.add(days=90), memory) is None


def test_t09_the_plan_of_a_union_names_what_all_members_call_the_minute() -> None:
    start = pendulum.datetime(2026, 1, 1)
    plan = AnyOf(Daily(at="06:00"), Hourly(6)).plan()
    assert [str(name) for name in plan.nominals(floor_second(start.add(hours=6)))] == ["2026-01-01T06:00 UTC", "2026-01-01T06:00Z"]
    assert plan.nominals(floor_second(start.add(hours=7))) == ()


def test_t04_a_time_after_a_gap_is_no_second_reading() -> None:
    after_gap = Daily(at="03:15", tz=BERLIN).next_after(pendulum.datetime(2026, 3, 29))
    assert after_gap is not None
    assert after_gap.fold == 0
