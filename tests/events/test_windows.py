"""Windows by example: literal wall clocks, computed by hand (R5)."""

from __future__ import annotations

import copy
import pickle
import warnings
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest
from attrs.exceptions import FrozenInstanceError

from taskkit import InvalidValue, NarrowWindow, NeverFires, Opening, OpenTime, TaskkitError, TimeWindow, UnknownZone, Window

BERLIN = "Europe/Berlin"
NIGHT = "* 22-23 * * * | * 0-5 * * *"
ignore_narrow = pytest.mark.filterwarnings("ignore::taskkit.errors.NarrowWindow")


def at(text: str) -> datetime:
    """An aware moment from ISO text."""
    return datetime.fromisoformat(text)


def spans(window: Window, start: str, end: str) -> list[tuple[str, str]]:
    """The openings as people read them, to the minute."""
    return [(_read(one.opens), _read(one.closes)) for one in window.openings(at(start), at(end))]


def _read(moment: pendulum.DateTime) -> str:
    return moment.isoformat(timespec="minutes")


# Over the changes of the clock.


@pytest.mark.parametrize(
    ("expression", "tz", "start", "end", "expected"),
    [
        pytest.param(
            *(NIGHT, BERLIN, "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00"),
            [("2026-03-28T22:00+01:00", "2026-03-29T06:00+02:00")],
            id="a spring night lasts seven hours",
        ),
        pytest.param(
            *(NIGHT, BERLIN, "2026-10-24T12:00+02:00", "2026-10-25T12:00+01:00"),
            [("2026-10-24T22:00+02:00", "2026-10-25T06:00+01:00")],
            id="an autumn night lasts nine hours",
        ),
        pytest.param(
            *("30-44 2 * * *", BERLIN, "2026-03-28T12:00+01:00", "2026-03-30T12:00+02:00"),
            [("2026-03-29T03:00+02:00", "2026-03-29T03:15+02:00"), ("2026-03-30T02:30+02:00", "2026-03-30T02:45+02:00")],
            id="swallowed",
        ),
        pytest.param(
            *("* 2 * * *", BERLIN, "2026-03-29T00:00+01:00", "2026-03-29T12:00+02:00"),
            [("2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00")],
            id="the whole gap",
        ),
        pytest.param(
            *("0-9,20-44,50-54 2 * * *", BERLIN, "2026-03-29T00:00+01:00", "2026-03-29T12:00+02:00"),
            [("2026-03-29T03:00+02:00", "2026-03-29T03:25+02:00")],
            id="of several swallowed the longest",
        ),
        pytest.param(
            *("30-44 2 * * * | 10-29 3 * * *", BERLIN, "2026-03-29T00:00+01:00", "2026-03-29T12:00+02:00"),
            [("2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00")],
            id="swallowed and moved up to the next opening",
        ),
        pytest.param(
            *("30-59 1 * * * | 0-29 2 * * *", BERLIN, "2026-03-29T00:00+01:00", "2026-03-29T12:00+02:00"),
            [("2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00")],
            id="the end is swallowed",
        ),
        pytest.param(
            *("30-59 2 * * * | 0-29 3 * * *", BERLIN, "2026-03-29T00:00+01:00", "2026-03-29T12:00+02:00"),
            [("2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00")],
            id="the begin is swallowed",
        ),
        pytest.param(
            *("0-29 2 * * *", BERLIN, "2026-10-25T00:00+02:00", "2026-10-25T12:00+01:00"),
            [("2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00"), ("2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00")],
            id="both readings of the fold",
        ),
        pytest.param(
            *("* 2 * * *", BERLIN, "2026-10-25T00:00+02:00", "2026-10-25T12:00+01:00"),
            [("2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00")],
            id="the whole fold at once",
        ),
        pytest.param(
            *("* 22 30 12 *", "Pacific/Apia", "2011-12-29T00:00-10:00", "2012-01-02T00:00+14:00"),
            [("2011-12-31T00:00+14:00", "2011-12-31T01:00+14:00")],
            id="an hour of Apia's missing day",
        ),
        pytest.param(
            *("* * 30 12 *", "Pacific/Apia", "2011-12-29T00:00-10:00", "2012-01-02T00:00+14:00"),
            [("2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00")],
            id="Apia's missing day",
        ),
        pytest.param(
            *(NIGHT, "Pacific/Apia", "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00"),
            [("2011-12-29T22:00-10:00", "2011-12-31T06:00+14:00")],
            id="a night over Apia's missing day",
        ),
        pytest.param(
            *("0-14 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00+10:30", "2026-10-04T12:00+11:00"),
            [("2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00")],
            id="a gap of half an hour",
        ),
        pytest.param(
            *("0-44 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00+10:30", "2026-10-04T12:00+11:00"),
            [("2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00")],
            id="longer than a gap of half an hour",
        ),
        pytest.param(
            *("30-44 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00+11:00", "2026-04-05T12:00+10:30"),
            [("2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00"), ("2026-04-05T01:30+10:30", "2026-04-05T01:45+10:30")],
            id="a fold of half an hour",
        ),
        pytest.param(
            *("* 0 * * *", "America/Havana", "2026-03-07T12:00-05:00", "2026-03-08T12:00-04:00"),
            [("2026-03-08T01:00-04:00", "2026-03-08T02:00-04:00")],
            id="the hour after midnight that Havana lacks",
        ),
        pytest.param(
            *("30-59 23 * * * | 0-29 0 * * *", "America/Havana", "2026-03-07T12:00-05:00", "2026-03-08T12:00-04:00"),
            [("2026-03-07T23:30-05:00", "2026-03-08T01:00-04:00")],
            id="a gap at midnight takes the end",
        ),
    ],
)
def test_r05_a_window_over_a_change_of_the_clock(expression: str, tz: str, start: str, end: str, expected: list[tuple[str, str]]) -> None:
    assert spans(TimeWindow(expression, tz=tz), start, end) == expected


def test_r05_a_window_that_a_gap_swallows_opens_right_after_it() -> None:
    window = TimeWindow("30-44 2 * * *", tz=BERLIN)
    assert window.next_opening(at("2026-03-28T12:00Z")) == at("2026-03-29T03:00+02:00")
    assert window.contains(at("2026-03-29T03:14:59+02:00"))
    assert not window.contains(at("2026-03-29T03:15+02:00"))
    assert window.closes_after(at("2026-03-28T12:00Z")) == at("2026-03-29T03:15+02:00")
    assert not window.contains(at("2026-03-28T03:00+01:00"))  # on all other days nothing is moved


@ignore_narrow
def test_r05_a_single_minute_that_a_gap_swallows_opens_for_a_minute() -> None:
    window = TimeWindow("30 2 29 3 *", tz=BERLIN)
    expected = [("2026-03-29T03:00+02:00", "2026-03-29T03:01+02:00"), ("2027-03-29T02:30+02:00", "2027-03-29T02:31+02:00")]
    assert spans(window, "2026-01-01T00:00Z", "2028-01-01T00:00Z") == expected


# Over midnight, the year's end and leap days.


@pytest.mark.parametrize(
    ("expression", "tz", "start", "end", "expected"),
    [
        ("* 22-2 * * *", "UTC", "2026-06-01T12:00Z", "2026-06-02T12:00Z", [("2026-06-01T22:00+00:00", "2026-06-02T03:00+00:00")]),
        (
            "* 22-23 31 12 * | * 0-1 1 1 *",
            BERLIN,
            "2026-06-01T00:00Z",
            "2027-06-01T00:00Z",
            [("2026-12-31T22:00+01:00", "2027-01-01T02:00+01:00")],
        ),
        ("* * 24-26 12 *", BERLIN, "2026-06-01T00:00Z", "2027-06-01T00:00Z", [("2026-12-24T00:00+01:00", "2026-12-27T00:00+01:00")]),
        (
            "* 3 L 2 *",
            "UTC",
            "2027-01-01T00:00Z",
            "2029-01-01T00:00Z",
            [("2027-02-28T03:00+00:00", "2027-02-28T04:00+00:00"), ("2028-02-29T03:00+00:00", "2028-02-29T04:00+00:00")],
        ),
        ("* 3 * * fri#2", "UTC", "2026-03-01T00:00Z", "2026-04-01T00:00Z", [("2026-03-13T03:00+00:00", "2026-03-13T04:00+00:00")]),
        ("* 3 * * L5", "UTC", "2026-03-01T00:00Z", "2026-04-01T00:00Z", [("2026-03-27T03:00+00:00", "2026-03-27T04:00+00:00")]),
        ("* * * * 6,0", "UTC", "2026-06-01T00:00Z", "2026-06-08T00:00Z", [("2026-06-06T00:00+00:00", "2026-06-08T00:00+00:00")]),
        ("* * * feb *", "UTC", "2028-01-01T00:00Z", "2028-12-01T00:00Z", [("2028-02-01T00:00+00:00", "2028-03-01T00:00+00:00")]),
    ],
)
def test_r05_a_window_over_midnight_and_the_ends_of_months(
    expression: str, tz: str, start: str, end: str, expected: list[tuple[str, str]]
) -> None:
    assert spans(TimeWindow(expression, tz=tz), start, end) == expected


def test_r05_a_window_on_29_february_waits_eight_years_over_2100() -> None:
    window = TimeWindow("* 3 29 2 *", tz=BERLIN)
    assert window.next_opening(at("2095-03-01T00:00Z")) == at("2096-02-29T03:00+01:00")
    assert window.next_opening(at("2096-02-29T04:00+01:00")) == at("2104-02-29T03:00+01:00")
    assert window.closes_after(at("2097-01-01T00:00Z")) == at("2104-02-29T04:00+01:00")
    assert not window.contains(at("2100-02-28T03:30+01:00"))
    assert not window.contains(at("2100-03-01T03:30+01:00"))


# What the answers are.


def test_r05_a_window_opens_with_its_first_second_and_is_shut_from_the_one_after_its_last() -> None:
    window = TimeWindow("* 22 * * *", tz=BERLIN)
    assert not window.contains(at("2026-06-01T21:59:59.999999+02:00"))
    assert window.contains(at("2026-06-01T22:00:00+02:00"))
    assert window.contains(at("2026-06-01T22:59:59.999999+02:00"))
    assert not window.contains(at("2026-06-01T23:00:00+02:00"))


def test_r05_while_a_window_is_open_the_next_opening_is_the_moment_itself() -> None:
    window = TimeWindow("* 22 * * *", tz=BERLIN)
    moment = at("2026-06-01T20:30:15.250000+00:00")
    found = window.next_opening(moment)
    assert found == moment
    assert found is not None
    assert found.isoformat() == "2026-06-01T22:30:15.250000+02:00"


def test_r05_a_moment_just_before_the_opening_waits_for_its_first_second() -> None:
    window = TimeWindow("* 22 * * *", tz=BERLIN)
    assert window.next_opening(at("2026-06-01T21:59:59.500000+02:00")) == at("2026-06-01T22:00+02:00")


def test_r05_answers_are_shown_in_the_zone_of_the_window_whatever_the_zone_of_the_moment() -> None:
    window = TimeWindow("* 22 * * *", tz=BERLIN)
    for tz in ("UTC", "Asia/Tokyo", "America/Havana"):
        found = window.next_opening(datetime(2026, 6, 1, 12, tzinfo=UTC).astimezone(ZoneInfo(tz)))
        assert isinstance(found, pendulum.DateTime)
        assert (found.timezone_name, found.isoformat()) == (BERLIN, "2026-06-01T22:00:00+02:00")


def test_r05_an_opening_in_the_second_reading_of_a_fold_is_shown_as_the_second() -> None:
    window = TimeWindow("0-29 2 * * *", tz=BERLIN)
    found = window.next_opening(at("2026-10-25T02:45+02:00"))
    assert found is not None
    assert (found.isoformat(), found.fold) == ("2026-10-25T02:00:00+01:00", 1)


def test_r05_closes_after_speaks_of_this_opening_or_else_of_the_next() -> None:
    window = TimeWindow("* 22-23 * * 1-5", tz=BERLIN)
    assert window.closes_after(at("2026-06-01T23:00+02:00")) == at("2026-06-02T00:00+02:00")
    assert window.closes_after(at("2026-06-02T00:00+02:00")) == at("2026-06-03T00:00+02:00")
    assert window.closes_after(at("2026-06-06T00:00+02:00")) == at("2026-06-09T00:00+02:00")  # over a weekend


@pytest.mark.parametrize("window", [TimeWindow("* * * * *", tz=BERLIN), TimeWindow("* 0-11 * * * | * 12-23 * * *"), OpenTime()])
def test_r05_what_is_always_open_never_closes(window: Window) -> None:
    moment = at("2026-03-29T01:59:59+01:00")
    assert window.contains(moment)
    assert window.next_opening(moment) == moment
    assert window.closes_after(moment) is None
    assert [(one.opens, one.closes) for one in window.openings(moment, moment + timedelta(days=900))] == [
        (moment, moment + timedelta(days=900))
    ]


def test_r05_openings_are_cut_to_the_span() -> None:
    window = TimeWindow("* 22 * * *")
    assert spans(window, "2026-06-01T22:15Z", "2026-06-02T22:45Z") == [
        ("2026-06-01T22:15+00:00", "2026-06-01T23:00+00:00"),
        ("2026-06-02T22:00+00:00", "2026-06-02T22:45+00:00"),
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-06-01T23:00Z", "2026-06-02T22:00Z"), ("2026-06-01T22:30Z", "2026-06-01T22:30Z"), ("2026-06-02T22:30Z", "2026-06-01T22:30Z")],
)
def test_r05_a_span_without_an_open_minute_has_no_openings(start: str, end: str) -> None:
    assert spans(TimeWindow("* 22 * * *"), start, end) == []


def test_r05_openings_do_not_reach_past_the_span_by_a_fraction_of_a_second() -> None:
    start, end = at("2026-06-01T22:15:00.250000Z"), at("2026-06-01T22:45:00.250000Z")
    (found,) = TimeWindow("* 22 * * *").openings(start, end)
    assert start <= found.opens < found.closes <= end


def test_r05_openings_are_made_one_by_one() -> None:
    endless = TimeWindow("* 22 * * *").openings(at("2026-06-01T00:00Z"), at("9000-01-01T00:00Z"))
    assert next(endless) == Opening(pendulum.datetime(2026, 6, 1, 22), pendulum.datetime(2026, 6, 1, 23))


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("tz", ["America/New_York", "Asia/Tokyo"])
def test_r05_the_ends_of_the_calendar_are_answered(moment: datetime, tz: str) -> None:
    window = TimeWindow("* 22 * * *", tz=tz)
    assert window.contains(moment) in (False, True)
    found = window.next_opening(moment)
    assert found is None or found >= moment
    closes = window.closes_after(moment)
    assert closes is None or closes > moment


# Days: either and both.


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        pytest.param("* * 13 * fri", [3, 10, 13, 17, 24], id="either"),
        pytest.param("* * 13 * *", [13], id="only the day of the month"),
        pytest.param("* * * * fri", [3, 10, 17, 24], id="only the weekday"),
        pytest.param("* * */15 * fri", [1, 3, 10, 16, 17, 24], id="a step is a restriction"),
        pytest.param("* * 1-30 * fri", list(range(1, 31)), id="a full range of days is a restriction, which all days satisfy"),
        pytest.param("* * 13 * 0-6", list(range(1, 31)), id="a full range of weekdays is one, too"),
        pytest.param("* * */15 * 0-6", list(range(1, 31)), id="beside a step as well"),
        pytest.param("* * 1-31 * */6", list(range(1, 31)), id="and the other way round"),
        pytest.param("* * L * mon#1", [6, 30], id="the last day or the first Monday"),
        pytest.param("* * 1,L * *", [1, 30], id="the first and the last day"),
        pytest.param("* * * * L5", [24], id="the last Friday"),
        pytest.param("* * * * L4", [30], id="the last Thursday, a week after the one before"),
        pytest.param("* * * * fri#2,sun#4", [10, 26], id="two places"),
        pytest.param("* * * * fri-mon", [3, 4, 5, 6, 10, 11, 12, 13, 17, 18, 19, 20, 24, 25, 26, 27], id="past the week's end"),
        pytest.param("* * 28-2 * *", [1, 2, 28, 29, 30], id="past the month's end"),
    ],
)  # fmt: skip
def test_r05_the_days_of_april_2026_that_an_expression_means(expression: str, days: list[int]) -> None:
    window = TimeWindow(expression)
    assert [day for day in range(1, 31) if window.contains(datetime(2026, 4, day, 12, tzinfo=UTC))] == days


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("* 22-22 * * *", "* 22 * * *"),
        ("5-5 22 * * *", "5 22 * * *"),
        ("* * 3-3 * *", "* * 3 * *"),
        ("* * * 3-3 *", "* * * 3 *"),
        ("* * * * 3-3", "* * * * 3"),
        ("* * * * 7-0", "* * * * 0"),
        ("* 5-5/3 * * *", "* 5 * * *"),
        ("* *,3 * * *", "* * * * *"),
        ("* * * * *,1", "* * * * *"),
        ("* * *,1 * *", "* * * * *"),
    ],
)
@ignore_narrow
def test_r05_odd_spellings_mean_what_they_say_or_are_refused(expression: str, same: str) -> None:
    """A window that is open all day where one hour was written is worse than an error."""
    try:
        window = TimeWindow(expression)
    except InvalidValue:
        return
    start = at("2026-04-01T00:00Z")
    assert spans(window, "2026-04-01T00:00Z", "2026-05-01T00:00Z") == spans(TimeWindow(same), "2026-04-01T00:00Z", "2026-05-01T00:00Z")
    assert window.next_opening(start) == TimeWindow(same).next_opening(start)


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("* 22-3/2 * * *", [0, 2, 22]),
        ("* 21-3/2 * * *", [1, 3, 21, 23]),
        ("* 20-4/3 * * *", [2, 20, 23]),
        ("* 23-22/5 * * *", [4, 9, 14, 19, 23]),
    ],
)
def test_r05_steps_past_midnight_go_on_in_step_or_are_refused(expression: str, hours: list[int]) -> None:
    try:
        window = TimeWindow(expression)
    except InvalidValue:
        return
    assert [hour for hour in range(24) if window.contains(datetime(2026, 4, 1, hour, 30, tzinfo=UTC))] == hours


# Refusals.


@pytest.mark.parametrize(
    "expression",
    ["* * 30 2 *", "* * 31 2,4,6,9,11 *", "0 0 30-31 feb *", "* 22 30 2 * | * 23 31 4 *"],
)
def test_r05_a_window_that_never_opens_is_refused_when_it_is_made(expression: str) -> None:
    with pytest.raises(NeverFires) as caught:
        TimeWindow(expression)
    assert expression in str(caught.value)
    assert "never opens" in str(caught.value)


@pytest.mark.parametrize("expression", ["* * 30 2 mon", "* * 29 2 *", "* * 30 2 * | * 22 * * *"])
def test_r05_a_window_that_opens_on_any_day_at_all_is_accepted(expression: str) -> None:
    assert TimeWindow(expression).next_opening(at("2026-01-01T00:00Z")) is not None


@pytest.mark.parametrize(
    ("expression", "clue"),
    [
        ("", "no cron expression"),
        ("   ", "no cron expression"),
        ("* * * *", "it has 4"),
        ("0 * 22 * * *", "it has 6"),
        ("0 * 22 * * * 2026", "it has 7"),
        ("@daily", "it has 1"),
        ("@reboot", "it has 1"),
        ("* 22 * * * |", "it has 0"),
        ("| * 22 * * *", "it has 0"),
        ("* 22 * * * || * 23 * * *", "it has 0"),
        ("* 22 15W * *", "W"),
        ("* 22 LW * *", "W"),
        ("h 22 * * *", "H"),
        ("* R * * *", "R"),
        ("H(0-29) 22 * * *", "H"),
        ("* 22 r * *", "R"),
        ("* 22 h * *", "H"),
        ("* 22 * r *", "R"),
        ("* 22 * * r", "R"),
        ("* 22 * * R(1-5)", "R"),
        ("60 * * * *", "60"),
        ("* 24 * * *", "24"),
        ("* * 0 * *", "0"),
        ("* * 32 * *", "32"),
        ("* * * 13 *", "13"),
        ("* * * * 8", "8"),
        ("* * * * fri#6", "6"),
        ("*/0 * * * *", "0"),
        ("* 22-24 * * *", "22-24"),
        ("* 22; * * *", "22;"),
        ("every day at noon please", "every"),
        ("* 22 * foo *", "foo"),
        ("-5 * * * *", "-5"),
    ],
)
def test_r05_what_is_no_expression_is_refused_with_its_reason(expression: str, clue: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        TimeWindow(expression)
    assert clue in str(caught.value)
    assert "window" in caught.value.tried
    assert caught.value.help


@pytest.mark.parametrize("given", [None, 5, ["* 22 * * *"], b"* 22 * * *"])
def test_r05_an_expression_is_a_text(given: object) -> None:
    with pytest.raises(InvalidValue):
        TimeWindow(given)  # type: ignore[arg-type]


def test_t01_an_unknown_zone_is_an_error_when_the_window_is_made() -> None:
    with pytest.raises(UnknownZone, match="Europe/Berlin"):
        TimeWindow("* 22 * * *", tz="Europe/Berlim")


def test_a_zone_may_be_handed_in_as_the_value_that_it_is() -> None:
    expected = TimeWindow("* 22 * * *", tz=BERLIN)
    assert TimeWindow("* 22 * * *", tz=ZoneInfo(BERLIN)) == expected
    assert TimeWindow("* 22 * * *", tz=pendulum.timezone(BERLIN)) == expected
    assert TimeWindow("* 22 * * *", tz=UTC) == TimeWindow("* 22 * * *")


# Narrow windows.


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("0-3 22 * * *", 4),
        ("0 22 * * *", 1),
        ("*/5 * * * *", 1),
        ("* 22 * * * | 0-1 3 * * *", 2),
        ("58-59 23 * * * | 0-1 0 * * *", 4),
        ("58-59 23 31 12 * | 0-1 0 1 1 *", 4),
        ("58-59 23 * * fri | 0-2 0 * * sat | 30-32 12 1 1 *", 3),
        ("57-59 23 28 2 * | 0-4 0 1 3 *", 3),
        ("0-3 0 1 3 * | * * 29 2 *", 4),
        ("0-3 0 15 3 * | * * * * thu", 4),
    ],
)
def test_r05_a_window_that_opens_for_less_than_five_minutes_is_accepted_with_a_warning(expression: str, minutes: int) -> None:
    with pytest.warns(NarrowWindow, match=f"opens for {minutes} min at a time") as caught:
        window = TimeWindow(expression)
    assert len(caught) == 1
    assert window.next_opening(at("2026-01-01T00:00Z")) is not None


def test_r05_the_warning_points_at_the_line_that_made_the_window() -> None:
    with pytest.warns(NarrowWindow) as caught:
        TimeWindow("0-3 22 * * *")
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "expression",
    [
        "0-4 22 * * *",
        "55-59 22 * * *",
        "57-59 22 * * * | 0-1 23 * * *",
        "57-59 23 * * * | 0-1 0 * * *",
        "57-59 23 31 12 * | 0-1 0 1 1 *",
        "58-59 23 * * fri | 0-2 0 * * sat",
        "59 23 L * * | 0-3 0 1 * *",
        "* * * * *",
        "* * 29 2 *",
        "0-4 0 * * *",
        "55-59 23 * * *",
    ],
)
def test_r05_five_minutes_at_a_time_are_wide_enough(expression: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TimeWindow(expression)


# Values.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("* 22,23 * * mon-fri", "* 22-23 * * 1-5"),
        ("* 22-23 * * 1-5", "*  22-23  *  *  MON,Tue,wed,THU,fri"),
        ("* 22 * * 0", "* 22 * * 7"),
        ("* 22 * * sun", "* 22 * * 7"),
        ("* 22 * * 5-7", "* 22 * * 0,5,6"),
        ("* 22 * * 0-7", "* 22 * * 0-6"),
        ("* 22 * * sun-7", "* 22 * * 0-6"),
        ("* 22 * * 0-7/2", "* 22 * * 0,2,4,6"),
        ("* 22 * * 1-7/2", "* 22 * * 1,3,5,7"),
        ("* 22 * * mon-sun/3", "* 22 * * 1,4,7"),
        ("* 22 * * 7-7", "* 22 * * 7"),
        ("* 22 * * mon,mon#2", "* 22 * * mon"),
        ("* 22 * * sun-sun", "* 22 * * 7"),
        ("0-59 * * * *", "* 0-23 * 1-12 *"),
        ("*/10 * * * *", "0,10,20,30,40,50 * * jan-dec *"),
        ("* 22 * * * | * 23 * * *", "* 23 * * * | * 22 * * *"),
        ("* 22 * * * | * 23 * * *", "* 22-23 * * *"),
        ("* 22 L * *", "* 22 l * *"),
        ("* 22 * * Fri#2", "* 22 * * 5#2"),
        ("* 22 ? * mon", "* 22 * * 1"),
    ],
)
@ignore_narrow
def test_windows_that_mean_the_same_are_equal(one: str, other: str) -> None:
    assert TimeWindow(one, tz=BERLIN) == TimeWindow(other, tz=BERLIN)
    assert hash(TimeWindow(one, tz=BERLIN)) == hash(TimeWindow(other, tz=BERLIN))
    assert TimeWindow(one, tz=BERLIN).description == TimeWindow(other, tz=BERLIN).description


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TimeWindow("* 22 * * *"), TimeWindow("* 23 * * *")),
        (TimeWindow("* 22 * * *"), TimeWindow("* 22 * * *", tz=BERLIN)),
        (TimeWindow("* 22 13 * fri"), TimeWindow("* 22 13 * *")),
        (TimeWindow("* 22 * * *"), OpenTime(TimeWindow("* 22 * * *"))),
        (TimeWindow("* 22 * * *"), "* 22 * * *"),
        (OpenTime(), OpenTime(TimeWindow("* 22 * * *"))),
    ],
)
def test_windows_that_differ_are_not_equal(one: Window, other: object) -> None:
    assert one != other


WINDOWS = [
    TimeWindow("* 22-23 * * 1-5", tz=BERLIN),
    OpenTime(),
    OpenTime(TimeWindow("* 22-23 * * 1-5", tz=BERLIN), [TimeWindow("* * 24-26 12 *", tz=BERLIN), TimeWindow("* * 1 1 *")]),
    OpenTime(None, TimeWindow("* * 24-26 12 *")),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_window_survives_pickle_and_copies(window: Window) -> None:
    moment = at("2026-12-24T12:00Z")
    for again in (*(pickle.loads(pickle.dumps(window, protocol)) for protocol in range(2, 6)), copy.copy(window), copy.deepcopy(window)):
        assert again == window
        assert hash(again) == hash(window)
        assert (str(again), repr(again), again.description) == (str(window), repr(window), window.description)
        assert again.next_opening(moment) == window.next_opening(moment)
        assert again.closes_after(moment) == window.closes_after(moment)


def test_a_narrow_window_warns_when_it_is_made_and_not_when_it_is_read_back() -> None:
    with pytest.warns(NarrowWindow):
        window = TimeWindow("0 22 * * *")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(window)) == window
        assert OpenTime(None, window) == OpenTime(None, [window])


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_window_cannot_be_changed(window: Window) -> None:
    with pytest.raises(FrozenInstanceError):
        window.tz = "UTC"  # type: ignore[attr-defined]


def test_a_window_is_written_as_it_was_said() -> None:
    window = TimeWindow(" *  22-23 * *   mon-FRI |* 0-5 * * 2-6 ", tz=BERLIN)
    assert window.expression == "* 22-23 * * mon-FRI | * 0-5 * * 2-6"
    assert str(window) == "window '* 22-23 * * mon-FRI | * 0-5 * * 2-6', Europe/Berlin"
    assert repr(window) == "TimeWindow(expression='* 22-23 * * mon-FRI | * 0-5 * * 2-6', tz='Europe/Berlin')"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* 22-23 * * 1-5", "22:00 to 23:59, from Monday to Friday"),
        ("* * * * *", "all day, every day"),
        ("* * * * 6,0", "all day, on Saturday and Sunday"),
        ("* * * * 1,3,5", "all day, on Monday, Wednesday and Friday"),
        ("* * * * tue,thu,sat,sun", "all day, on Tuesday, Thursday, Saturday and Sunday"),
        ("0-29 3 * * *", "03:00 to 03:29, every day"),
        ("30 2 * * *", "02:30, every day"),
        ("0-29 3,5 * * *", "03:00 to 03:29 and 05:00 to 05:29, every day"),
        ("0-29 * * * *", "minute 0 to 29 of every hour, every day"),
        ("15,45 8-14 * * *", "minute 15 and 45 of the hours 8 to 14, every day"),
        ("* 8 13 * fri", "08:00 to 08:59, on day 13 of the month or on Friday"),
        ("* 8 1,L * *", "08:00 to 08:59, on day 1 and the last day of the month"),
        ("* 8 1-7 * *", "08:00 to 08:59, on day 1 to 7 of the month"),
        ("* 8 * jan-mar *", "08:00 to 08:59, every day in January to March"),
        ("* 8 * 6 *", "08:00 to 08:59, every day in June"),
        ("* 8 29 2 *", "08:00 to 08:59, on day 29 of the month in February"),
        ("* 8 * * fri#2", "08:00 to 08:59, on the 2nd Friday of the month"),
        ("* 8 * * L5", "08:00 to 08:59, on the last Friday of the month"),
        ("* 22-23 * * 1-5 | * 0-5 * * 2-6", "00:00 to 05:59, from Tuesday to Saturday; and 22:00 to 23:59, from Monday to Friday"),
    ],
)
@ignore_narrow
def test_a_window_describes_itself_in_plain_words(expression: str, words: str) -> None:
    assert TimeWindow(expression, tz=BERLIN).description == f"{words}, Europe/Berlin"


def test_open_time_describes_its_blackouts_too() -> None:
    christmas = TimeWindow("* * 24-26 12 *", tz=BERLIN)
    assert OpenTime().description == "at any time"
    assert OpenTime(None, christmas).description == "at any time; except all day, on day 24 to 26 of the month in December, Europe/Berlin"
    assert OpenTime(TimeWindow("* 22 * * *"), christmas).description == (
        "22:00 to 22:59, every day, UTC; except all day, on day 24 to 26 of the month in December, Europe/Berlin"
    )


# Blackouts.


def test_r05_a_blackout_beats_the_window() -> None:
    night = TimeWindow("* 22-23 * * *", tz=BERLIN)
    open_time = OpenTime(night, TimeWindow("30-59 22 24 12 *", tz=BERLIN))
    assert spans(open_time, "2026-12-23T12:00Z", "2026-12-25T12:00Z") == [
        ("2026-12-23T22:00+01:00", "2026-12-24T00:00+01:00"),
        ("2026-12-24T22:00+01:00", "2026-12-24T22:30+01:00"),
        ("2026-12-24T23:00+01:00", "2026-12-25T00:00+01:00"),
    ]
    blacked_out = at("2026-12-24T22:45+01:00")
    assert night.contains(blacked_out)
    assert not open_time.contains(blacked_out)
    assert open_time.next_opening(blacked_out) == at("2026-12-24T23:00+01:00")
    assert open_time.closes_after(blacked_out) == at("2026-12-25T00:00+01:00")


def test_r05_a_blackout_keeps_the_clock_of_its_own_zone() -> None:
    open_time = OpenTime(TimeWindow("* 22-23 * * *", tz=BERLIN), TimeWindow("30-59 22 24 12 *", tz="UTC"))
    assert spans(open_time, "2026-12-24T12:00Z", "2026-12-25T12:00Z") == [("2026-12-24T22:00+01:00", "2026-12-24T23:30+01:00")]


def test_r05_a_blackout_over_several_days_puts_off_the_opening() -> None:
    open_time = OpenTime(TimeWindow("* 22 * * *"), [TimeWindow("* * 24-26 12 *"), TimeWindow("* * 27 12 *")])
    assert open_time.next_opening(at("2026-12-24T00:00Z")) == at("2026-12-27T22:00Z") + timedelta(days=1)


def test_r05_a_blackout_alone_leaves_the_rest_of_all_time() -> None:
    open_time = OpenTime(None, TimeWindow("* * 24 12 *", tz=BERLIN))
    assert spans(open_time, "2026-12-23T00:00+01:00", "2026-12-26T00:00+01:00") == [
        ("2026-12-23T00:00+01:00", "2026-12-24T00:00+01:00"),
        ("2026-12-25T00:00+01:00", "2026-12-26T00:00+01:00"),
    ]


def test_r05_a_blackout_that_a_gap_swallows_shuts_right_after_it() -> None:
    open_time = OpenTime(None, TimeWindow("30-44 2 * * *", tz=BERLIN))
    assert spans(open_time, "2026-03-29T00:00+01:00", "2026-03-29T06:00+02:00") == [
        ("2026-03-29T00:00+01:00", "2026-03-29T03:00+02:00"),
        ("2026-03-29T03:15+02:00", "2026-03-29T06:00+02:00"),
    ]


@pytest.mark.parametrize(
    "blackouts", [("30-44 2 * * *", "45-59 2 * * *"), ("* 1 * * *", "0-29 2 * * *"), ("0-29 2 * * *", "30-59 2 * * *")]
)
def test_r05_open_time_is_what_is_in_no_blackout_also_after_a_gap(blackouts: tuple[str, str]) -> None:
    shut = [TimeWindow(text, tz=BERLIN) for text in blackouts]
    open_time = OpenTime(None, shut)
    for minute in range(0, 120, 5):
        moment = at("2026-03-29T00:55Z") + timedelta(minutes=minute)
        assert open_time.contains(moment) == (not any(one.contains(moment) for one in shut)), moment


@pytest.mark.parametrize(
    ("window", "blackouts"),
    [
        pytest.param("* 22 * * *", [("* 22 * * *", "UTC")], id="the same"),
        pytest.param("* 22 * * *", [("* 21-23 * * *", "UTC")], id="wider"),
        pytest.param("* 22 * * *", [("0-29 * * * *", "UTC"), ("30-59 * * * *", "UTC")], id="two halves"),
        pytest.param("* 22 * * *", [("0-29 * * * *", "UTC"), ("30-59 * * * *", BERLIN)], id="two halves in two zones"),
        pytest.param("* 22 29 2 *", [("* * 29 2 *", "UTC")], id="a leap day"),
        pytest.param("* 12 * * *", [("* * * * 1-5", "UTC"), ("* 10-14 * * 0,6", "UTC")], id="weekdays and weekends"),
        pytest.param("*/2 * * * *", [("*/2 * * * *", BERLIN)], id="every other minute"),
        pytest.param("* 2 * * *", [("* 0-4 * * *", "Europe/London")], id="over the changes of another zone"),
        pytest.param("0 12 * * *", [("*/2 * * * *", "UTC"), ("1-59/2 * * * *", "Asia/Tokyo")], id="odd and even minutes"),
        pytest.param("0,30 * * * *", [("*/2 * * * *", "UTC"), ("1-55/2 * * * *", "Asia/Tokyo")], id="nearly all minutes"),
    ],
)
@ignore_narrow
def test_r05_blackouts_that_leave_nothing_are_refused_in_time(window: str, blackouts: list[tuple[str, str]]) -> None:
    made, shut = TimeWindow(window), [TimeWindow(text, tz=tz) for text, tz in blackouts]
    with pytest.raises(NeverFires, match="never opens"):
        OpenTime(made, shut)


@pytest.mark.parametrize(
    ("window", "blackouts", "opens"),
    [
        ("*/10 * * * *", ["*/10 * * 1-11 *"], "2026-12-01T00:00Z"),
        ("*/2 * * * *", ["*/2 * * 2-12 *"], "2027-01-01T00:00Z"),
        ("* 22 29 2 *", ["* * * 1,3-12 *"], "2028-02-29T22:00Z"),
    ],
)
@ignore_narrow
def test_r05_open_time_finds_its_opening_behind_any_number_of_blackouts(window: str, blackouts: list[str], opens: str) -> None:
    open_time = OpenTime(TimeWindow(window), [TimeWindow(text) for text in blackouts])
    assert open_time.next_opening(at("2026-03-01T00:00Z")) == at(opens)


@pytest.mark.parametrize("blackouts", ["* 22 * * *", ["* 22 * * *"], [None], 5, [OpenTime()], OpenTime()])
def test_r05_blackouts_are_windows(blackouts: object) -> None:
    with pytest.raises(TaskkitError):
        OpenTime(None, blackouts)  # type: ignore[arg-type]


@pytest.mark.parametrize("window", ["* 22 * * *", 0, False, 5, {}, OpenTime(), pendulum.now("UTC")])
def test_r05_the_window_of_open_time_is_a_time_window(window: object) -> None:
    with pytest.raises(TaskkitError):
        OpenTime(window)  # type: ignore[arg-type]


def test_one_blackout_needs_no_list() -> None:
    one = TimeWindow("* 22 * * *")
    assert OpenTime(None, one) == OpenTime(None, [one]) == OpenTime(blackouts=iter([one]))
