"""One example for each small thing that a rule or a window must not get wrong: a second, a year, a reason, a word."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime

import pendulum
import pytest

from taskkit import (
    WED,
    AnyOf,
    Daily,
    InvalidValue,
    MaxAge,
    Memory,
    Minutely,
    Missed,
    Monthly,
    NarrowWindow,
    NeverFires,
    Nominal,
    Once,
    RandomDays,
    Reason,
    TimeWindow,
    every,
    on_the,
)

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
NOON = "2026-03-20T12:00Z"
LAST_SECOND = "9999-12-29T23:59:59Z"


def at(text: str) -> datetime:
    """An aware moment from ISO text."""
    return datetime.fromisoformat(text)


# What is asked of an interval.


def test_t14_no_occurrences_can_be_asked_for_too() -> None:
    assert Daily().upcoming(at(NOON), 0) == []


def test_t14_the_next_occurrences_end_with_the_last_second_of_the_calendar() -> None:
    assert [one.instant for one in Once(LAST_SECOND).upcoming(at(NOON), 5)] == [at(LAST_SECOND)]
    last_minutes = Minutely(end="9999-12-31").upcoming(at("9999-12-29T23:58:30Z"), 5)
    assert [one.instant for one in last_minutes] == [at("9999-12-29T23:59Z")]


def test_t10_the_next_occurrence_follows_from_the_memory() -> None:
    found = RandomDays(5, 9).occurrence_after(at(NOON), Memory(created=at(NOON), draw=7))
    assert found
    assert found.instant == at("2026-03-27T00:00Z")


def test_an_occurrence_says_which_rule_wanted_it_and_what_the_rule_calls_it() -> None:
    rule = Daily(at="12:00", tz=BERLIN)
    found = rule.occurrence_after(at(NOON))
    assert found
    assert found.reasons == (Reason(rule, Nominal.parse("2026-03-21T12:00 Europe/Berlin")),)


def test_t09_each_member_gives_its_own_name_to_an_occurrence() -> None:
    daily, minutely = Daily(at="12:00", tz=BERLIN), Minutely(60)
    found = AnyOf(daily, minutely).occurrence_after(at("2026-03-21T10:30Z"))
    assert found
    assert found.reasons == (
        Reason(daily, Nominal.parse("2026-03-21T12:00 Europe/Berlin")),
        Reason(minutely, Nominal.parse("2026-03-21T11:00Z")),
    )


def test_t15_what_was_due_a_second_after_the_last_look_is_missed_and_is_the_first() -> None:
    noon = pendulum.datetime(2026, 3, 20, 12)
    since = at("2026-03-20T11:59:59Z")
    assert Daily(at="12:00").missed(since, at("2026-03-20T13:00Z")) == Missed(1, noon, noon)
    assert Daily(at="12:00").missed(since, at("2026-03-22T11:00Z")) == Missed(2, noon, noon.add(days=1))


def test_t15_what_is_due_in_a_second_is_not_missed() -> None:
    assert Daily(at="12:00").missed(at("2026-03-20T11:00Z"), at("2026-03-20T11:59:59Z")) is None


def test_t15_what_was_missed_follows_from_the_memory() -> None:
    due = pendulum.datetime(2026, 3, 10)
    assert MaxAge(9).missed(at("2026-03-01T00:00Z"), due, Memory(created=at("2026-03-01T00:00Z"))) == Missed(1, due, due)


# Memories.


def test_t10_each_member_looks_at_its_own_part_of_the_memory() -> None:
    rule = AnyOf(RandomDays(5, 9), RandomDays(20, 30))
    memory = Memory(parts=[Memory(created=at(NOON), draw=7), Memory(created=at(NOON), draw=21)])
    days = [one.instant for one in rule.upcoming(at(NOON), 5, memory)]
    assert days == [at("2026-03-27T00:00Z"), at("2026-04-10T00:00Z")]


def test_a_member_without_a_part_shares_the_memory_but_not_the_parts_of_others() -> None:
    memory = Memory(created=at(NOON), parts=(Memory(draw=7),))
    assert memory.part(0) == Memory(draw=7)
    assert memory.part(1) == Memory(created=at(NOON))


# Intervals.


def test_t14_once_at_an_instant_has_no_second_occurrence() -> None:
    once = Once(NOON)
    assert once.next_after(at("2026-03-20T11:00Z")) == at(NOON)
    assert once.next_after(at(NOON)) is None
    assert once.count_between(at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z")) == 1


def test_t05_once_in_a_fold_is_once_at_the_reading_that_was_chosen() -> None:
    first, last = at("2026-10-25T00:30Z"), at("2026-10-25T01:30Z")

    def runs(once: Once) -> list[datetime]:
        return [one.in_timezone("UTC") for one in once.between(at("2026-10-25T00:00Z"), at("2026-10-26T00:00Z"))]

    assert runs(Once("2026-10-25T02:30", tz=BERLIN)) == [first]
    assert runs(Once("2026-10-25T02:30", tz=BERLIN, fold="last")) == [last]
    assert runs(Once("2026-10-25T02:30", tz=BERLIN, fold="both")) == [first, last]


def test_t16_without_a_start_elapsed_time_is_counted_from_1970_in_both_directions() -> None:
    assert Minutely(45).next_after(at("1969-12-31T22:00Z")) == at("1969-12-31T22:30Z")


def test_t16_an_anchor_may_be_any_aware_datetime() -> None:
    moment = datetime(2026, 3, 20, 12, 3, 59, 999_999, tzinfo=UTC)
    assert Minutely(5).anchored(moment) == Minutely(5, start="2026-03-20T12:03Z")


def test_t08_before_the_first_weekday_of_a_week_comes_the_last_of_the_week_before() -> None:
    tuesday = at("2026-03-17T12:00Z")
    assert every(WED).latest_before(tuesday) == at("2026-03-11T00:00Z")
    assert every(WED, "fri").latest_before(tuesday) == at("2026-03-13T00:00Z")


def test_t07_every_thirteen_months_is_another_month_each_year() -> None:
    rule = Monthly(1, every=13, start="2026-01-01")
    days = [one.instant.format("YYYY-MM-DD") for one in rule.upcoming(at("2025-12-31T12:00Z"), 4)]
    assert days == ["2026-01-01", "2027-02-01", "2028-03-01", "2029-04-01"]


def test_t07_a_rule_about_months_begins_and_ends_with_the_calendar() -> None:
    first = on_the(1, tz=NEW_YORK).next_after(at("0001-01-01T12:00Z"))
    assert first
    assert (first.year, first.month, first.day) == (1, 2, 1)
    assert on_the(1).next_after(at("9999-12-15T00:00Z")) is None


# Windows.


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("* 5-5 * * *", "* 5 * * *", id="a range of one"),
        pytest.param("* * * * fri-5", "* * * * fri", id="a range of one, by name and by number"),
        pytest.param("* 22-3/1 * * *", "* 22-23,0-3 * * *", id="past the end of the field in single steps"),
    ],
)
def test_r05_a_range_means_what_it_says(written: str, meant: str) -> None:
    assert TimeWindow(written) == TimeWindow(meant)


def test_r05_a_leading_zero_does_not_make_a_range_go_past_its_end() -> None:
    assert TimeWindow("* 06-6/2 * * *").contains(at("2026-03-20T06:30Z"))


def test_r05_a_window_without_any_further_day_does_not_open() -> None:
    assert TimeWindow("* 12 24 12 *").next_opening(at("9999-12-24T13:00Z")) is None


def test_r05_the_first_day_of_the_calendar_is_a_day_like_others() -> None:
    window = TimeWindow("* 12 1 1 *")
    assert window.contains(at("0001-01-01T12:30Z"))
    assert not window.contains(at("0001-01-01T13:30Z"))


def test_r05_where_a_wall_still_shows_the_year_before_the_calendar_it_is_taken_for_the_first_day() -> None:
    """New York's clocks were five hours behind."""
    assert TimeWindow("* 19 1 1 *", tz=NEW_YORK).contains(at("0001-01-01T00:00Z"))


def test_r05_an_opening_at_midnight_is_narrow_where_the_day_before_is_shut() -> None:
    expression = "0-2,57-59 * * * mon"
    with pytest.warns(NarrowWindow) as caught:
        TimeWindow(expression)
    assert [str(one.message) for one in caught] == [
        f"the window {expression!r} opens for 3 min at a time: a job that comes late waits for the next opening"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TimeWindow("0-2,57-59 * * * *")


# Words.


WANTED = "numbers, names, ranges, steps, lists, L and #, as in '* 22-23 * * 1-5'"


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            lambda: TimeWindow(" "),
            "reading ' ' as a window: it is no cron expression; as in '* 22-23 * * 1-5'",
        ),
        (
            lambda: TimeWindow("* 22"),
            "reading '* 22' as a window: it has 2 of the 5 fields; give minute, hour, day of the month, month, day of the week",
        ),
        (
            lambda: TimeWindow("* * 15W * *"),
            f"reading '* * 15W * *' as a window: W, H and R are not for windows; {WANTED}",
        ),
        (
            lambda: TimeWindow("* 22-3/2 * * *"),
            f"reading '* 22-3/2 * * *' as a window: the steps of 22-3/2 would go past the end of the field: write two ranges; {WANTED}",
        ),
        (
            lambda: AnyOf("daily"),  # type: ignore[arg-type]
            "AnyOf(…, 'daily', …): it is a str; give intervals",
        ),
        (
            lambda: AnyOf(),
            "AnyOf(): no interval at all never fires; give at least one",
        ),
        (
            lambda: Memory(parts=["daily"]),  # type: ignore[list-item]
            "parts='daily': it is a str; give a Memory for each member",
        ),
        (
            lambda: Daily().upcoming(at(NOON), -1),
            "count=-1: it is no number of occurrences; give 0 or more",
        ),
        (
            lambda: Daily().upcoming(at(NOON), True),
            "count=True: it is no number of occurrences; give 0 or more",
        ),
    ],
)
def test_an_error_says_what_was_tried_what_is_the_case_and_what_would_help(ask: Callable[[], object], told: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        ask()
    assert type(caught.value) is InvalidValue
    assert str(caught.value) == told


def test_t14_a_rule_without_any_occurrence_is_refused_in_its_own_words() -> None:
    with pytest.raises(NeverFires) as caught:
        Monthly(30, months=2, missing_day="skip")
    assert str(caught.value) == (
        "making the interval 'every month on the 30th in February at 00:00, UTC, missing day skip': "
        "it has no occurrence at all; look at its days, start and end"
    )


@pytest.mark.parametrize(
    ("expression", "inside", "outside"),
    [
        ("* 05-5 * * *", "2026-03-02T05:30Z", "2026-03-02T06:00Z"),
        ("* * * * mon-01", "2026-03-02T12:00Z", "2026-03-03T12:00Z"),
        ("* * * 03-3 *", "2026-03-02T12:00Z", "2026-04-02T12:00Z"),
    ],
)
def test_r05_a_range_of_one_is_one_however_its_ends_are_written(expression: str, inside: str, outside: str) -> None:
    window = TimeWindow(expression)
    assert window.contains(at(inside))
    assert not window.contains(at(outside))


def test_t12_no_rule_goes_past_the_end_of_the_calendar() -> None:
    assert Minutely(end="9999-12-31").next_after(at("9999-12-29T23:59:30Z")) is None
