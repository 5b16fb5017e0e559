"""The builders of cron expressions for the hours that people mean, by example and by law."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskkit import FRI, MON, SUN, InvalidValue, NarrowWindow, TimeWindow, Weekday, every_day, on_days, weekdays, weekends

Builder = Callable[[str, str], str]
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
DAY_MINUTES = 24 * 60


@pytest.mark.parametrize(
    ("build", "first", "last", "expression"),
    [
        (weekdays, "22:00", "23:59", "* 22-23 * * 1-5"),
        (weekdays, "9:00", "9:00", "0 9 * * 1-5"),
        (weekdays, "09:15", "09:45", "15-45 9 * * 1-5"),
        (weekdays, "09:00", "09:59", "* 9 * * 1-5"),
        (weekdays, "10:00", "12:00", "* 10-11 * * 1-5 | 0 12 * * 1-5"),
        (weekdays, "08:30", "17:29", "30-59 8 * * 1-5 | * 9-16 * * 1-5 | 0-29 17 * * 1-5"),
        (weekdays, "08:30", "09:29", "30-59 8 * * 1-5 | 0-29 9 * * 1-5"),
        (weekdays, "00:00", "23:59", "* * * * 1-5"),
        (weekdays, "22:00", "05:59", "* 22-23 * * 1-5 | * 0-5 * * 2-6"),
        (weekdays, "22:30", "05:15", "30-59 22 * * 1-5 | * 23 * * 1-5 | * 0-4 * * 2-6 | 0-15 5 * * 2-6"),
        (weekdays, "23:59", "0:00", "59 23 * * 1-5 | 0 0 * * 2-6"),
        (weekends, "10:00", "11:59", "* 10-11 * * 0,6"),
        (weekends, "22:00", "05:59", "* 22-23 * * 0,6 | * 0-5 * * 0,1"),
        (every_day, "10:00", "11:59", "* 10-11 * * *"),
        (every_day, "00:00", "23:59", "* * * * *"),
        (every_day, "12:00", "11:59", "* 12-23 * * * | * 0-11 * * *"),
    ],
)  # fmt: skip
def test_the_hours_of_a_day_as_an_expression(build: Builder, first: str, last: str, expression: str) -> None:
    assert build(first, last) == expression


@pytest.mark.parametrize(
    ("days", "expression"),
    [
        (FRI, "* 20-21 * * 5"),
        ("friday", "* 20-21 * * 5"),
        (SUN, "* 20-21 * * 0"),
        ([SUN, "mon"], "* 20-21 * * 0,1"),
        (["sun", "Mon", "TUESDAY"], "* 20-21 * * 0-2"),
        ([MON, "wed", FRI], "* 20-21 * * 1,3,5"),
        (dict.fromkeys([MON, MON]), "* 20-21 * * 1"),
        (Weekday, "* 20-21 * * *"),
    ],
)
def test_the_days_may_be_said_in_several_ways(days: list[Weekday | str], expression: str) -> None:
    assert on_days(days, "20:00", "21:59") == expression


def test_friday_night_ends_on_saturday_and_saturday_night_on_sunday() -> None:
    assert on_days("fri", "20:00", "02:59") == "* 20-23 * * 5 | * 0-2 * * 6"
    assert on_days("sat", "20:00", "02:59") == "* 20-23 * * 6 | * 0-2 * * 0"


def test_a_time_may_be_a_time_of_the_standard_library() -> None:
    assert every_day(time(9), time(9, 59)) == "* 9 * * *"


@settings(max_examples=150, deadline=None)
@given(st.sets(st.sampled_from(Weekday), min_size=1), st.integers(0, DAY_MINUTES - 1), st.integers(0, DAY_MINUTES - 1))
@example({Weekday.SUN}, DAY_MINUTES - 1, 0)
@example({Weekday.MON}, 0, DAY_MINUTES - 1)
@example({Weekday.SAT, Weekday.SUN}, 60, 59)
def test_a_window_made_of_hours_is_open_in_exactly_those_minutes(days: set[Weekday], first: int, last: int) -> None:
    window = wide(on_days(days, clock(first), clock(last)))
    length = (last - first) % DAY_MINUTES + 1
    expected = {(day * DAY_MINUTES + minute) % (7 * DAY_MINUTES) for day in days for minute in range(first, first + length)}
    assert open_minutes_of_the_week(window) == expected


@pytest.mark.parametrize(("build", "days"), [(weekdays, range(5)), (weekends, range(5, 7)), (every_day, range(7))])
@given(first=st.integers(0, DAY_MINUTES - 1), last=st.integers(0, DAY_MINUTES - 1))
@settings(max_examples=25, deadline=None)
def test_a_named_group_of_days_is_those_days(build: Builder, days: range, first: int, last: int) -> None:
    assert build(clock(first), clock(last)) == on_days([Weekday(day) for day in days], clock(first), clock(last))


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def wide(expression: str) -> TimeWindow:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NarrowWindow)
        return TimeWindow(expression)


def minutes_since(start: datetime, moment: datetime) -> int:
    return int(moment.timestamp() - start.timestamp()) // 60


def open_minutes_of_the_week(window: TimeWindow) -> set[int]:
    """Minutes since Monday, 00:00; the second of two weeks, so that the Sunday night before it counts."""
    start = MONDAY + timedelta(days=7)
    return {
        minute
        for one in window.openings(start, start + timedelta(days=7))
        for minute in range(minutes_since(start, one.opens), minutes_since(start, one.closes))
    }


@pytest.mark.parametrize("build", [weekdays, weekends, every_day])
@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [("24:00", "01:00", "24:00"), ("1:00", "1:60", "1:60"), ("", "1:00", "''"), ("noon", "1:00", "noon"), ("9", "10:00", "'9'")],
)
def test_what_is_no_time_of_day_is_refused(build: Builder, first: str, last: str, wrong: str) -> None:
    with pytest.raises(InvalidValue, match="no time of day") as caught:
        build(first, last)
    assert wrong in caught.value.tried
    assert "23:59" in caught.value.help


@pytest.mark.parametrize("times", [["09:00", "10:00"], [], None, 9])
def test_the_first_and_the_last_are_one_time_each(times: object) -> None:
    with pytest.raises(InvalidValue):
        every_day(times, "11:00")  # type: ignore[arg-type]


@pytest.mark.parametrize("days", [[], ["noday"], [0], [None], 3])
def test_what_is_no_weekday_is_refused(days: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        on_days(days, "09:00", "10:00")  # type: ignore[arg-type]
    assert "on=" in caught.value.tried
    assert caught.value.help
