"""Edges by example: of days of UTC, of gaps, of what is laid out of a zone, and of the calendar (R5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from taskkit import OpenTime, TimeWindow
from taskkit.events import _tzif
from taskkit.events.zones import Zone
from tests.events.data.zone_files import zone_file

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """An aware moment from ISO text."""
    return datetime.fromisoformat(text)


# Days of UTC, which open time skips when a day that looks the same was shut.


@pytest.mark.parametrize(
    ("expression", "tz", "moment", "opens"),
    [
        pytest.param("* 0 * * thu", BERLIN, "2026-03-05T00:00Z", "2026-03-12T00:00+01:00", id="on the day of UTC before"),
        pytest.param("* 23 * * sun", "America/New_York", "2026-01-06T00:00Z", "2026-01-11T23:00-05:00", id="on the day of UTC after"),
    ],
)
def test_r05_open_time_opens_also_on_another_day_of_utc_than_on_the_wall(expression: str, tz: str, moment: str, opens: str) -> None:
    assert OpenTime(TimeWindow(expression, tz=tz)).next_opening(at(moment)) == at(opens)


def test_r05_the_day_of_a_change_may_be_open_though_all_others_of_its_summer_are_shut() -> None:
    """Three o'clock is 01:00 UTC, which is blacked out, until the change of 25 October makes it 02:00."""
    open_time = OpenTime(TimeWindow("* 3 * * sun", tz=BERLIN), TimeWindow("* 1 * * *"))
    assert open_time.next_opening(at("2026-06-01T00:00Z")) == at("2026-10-25T03:00+01:00")


# Gaps.


def test_r05_what_is_always_open_is_open_in_the_hour_after_a_gap() -> None:
    assert TimeWindow("* * * * *", tz=BERLIN).contains(at("2026-03-29T03:30+02:00"))


def test_r05_a_day_that_a_gap_swallows_is_open_until_the_evening_after_it() -> None:
    window = TimeWindow("* * 30 12 *", tz="Pacific/Apia")
    assert window.contains(at("2011-12-31T23:59+14:00"))
    assert not window.contains(at("2012-01-01T00:00+14:00"))


# The end of the calendar.


def test_r05_a_window_closes_also_after_the_last_second_that_is_searched() -> None:
    assert TimeWindow("* 22-23 * * *").closes_after(at("9999-12-29T23:59:59Z")) == at("9999-12-30T00:00Z")


def test_r05_open_time_opens_in_the_last_decades_of_the_calendar_until_nothing_is_left() -> None:
    open_time = OpenTime(TimeWindow("* 12 24 12 *"), TimeWindow("* 22 * * *"))
    assert open_time.next_opening(at("9990-01-01T00:00Z")) == at("9990-12-24T12:00Z")
    assert open_time.next_opening(at("9999-12-24T13:00Z")) is None


# What is laid out of a zone: each of these is read anew, so that nobody has asked it for later years before.


WINTER, SUMMER = (3600, False, "AAA"), (7200, True, "BBB")
RULE = "AAA-1BBB,M3.5.0,M10.5.0/3"  # as in Berlin
FOR_EVER = "AAA-1BBB,0/0,J365/25"  # summer ends in the second in which the next begins
IN_2010 = "2010-06-01T00:00Z"


def second(text: str) -> int:
    return int(at(text).timestamp())


def drawn(kinds: Sequence[tuple[int, bool, str]], entries: Sequence[tuple[str, int]], footer: str) -> Zone:
    """A zone from a file of our own."""
    data = zone_file(kinds, [(second(instant), kind) for instant, kind in entries], footer)
    return Zone("Test/Drawn", _tzif.parse(data), UTC)


def changes(zone: Zone, start: str, end: str) -> list[str]:
    """The instants at which the clock changes."""
    found = zone.changes(second(start), second(end))
    return [f"{datetime.fromtimestamp(stretch.start, UTC):%Y-%m-%dT%H:%MZ}" for stretch in found]


def test_a_change_belongs_to_the_span_that_it_begins_and_not_to_the_one_that_it_ends() -> None:
    zone = drawn([WINTER], [], RULE)
    change = "2026-03-29T01:00Z"
    assert changes(zone, change, "2026-03-29T01:00:01Z") == [change]
    assert changes(zone, "2026-03-29T00:00Z", change) == []
    assert changes(zone, "2026-03-29T01:00:01Z", "2026-03-30T00:00Z") == []


def test_a_walk_past_what_is_laid_out_lays_out_more() -> None:
    assert changes(drawn([WINTER], [], RULE), "2044-12-01T00:00Z", "2047-06-01T00:00Z") == [
        "2045-03-26T01:00Z",
        "2045-10-29T01:00Z",
        "2046-03-25T01:00Z",
        "2046-10-28T01:00Z",
        "2047-03-31T01:00Z",
    ]


def test_what_is_laid_out_to_the_last_year_is_not_laid_out_again() -> None:
    zone, late = drawn([WINTER], [], RULE), second("9999-06-01T00:00Z")
    assert zone.stretch(late) is zone.stretch(late)


def test_a_rule_without_entries_holds_from_1970() -> None:
    assert changes(drawn([WINTER], [], RULE), "1900-01-01T00:00Z", "1971-01-01T00:00Z") == ["1970-03-29T01:00Z", "1970-10-25T01:00Z"]


def test_a_rule_holds_from_the_last_entry_on() -> None:
    late = drawn([WINTER, SUMMER], [(IN_2010, 1)], RULE)
    assert changes(late, "1900-01-01T00:00Z", "2011-01-01T00:00Z") == [IN_2010, "2010-10-31T01:00Z"]
    early = drawn([WINTER, SUMMER], [("1968-06-01T00:00Z", 1)], RULE)
    assert changes(early, "1900-01-01T00:00Z", "1969-05-01T00:00Z") == ["1968-06-01T00:00Z", "1968-10-27T01:00Z", "1969-03-30T01:00Z"]


def test_a_new_abbreviation_alone_is_no_change() -> None:
    renamed = drawn([WINTER, (3600, False, "CCC"), SUMMER], [("1990-01-01T00:00Z", 1), (IN_2010, 2)], "BBB-2")
    assert changes(renamed, "1900-01-01T00:00Z", "2090-01-01T00:00Z") == [IN_2010]


def test_summer_that_lasts_for_ever_is_one_change_or_none() -> None:
    begun = [WINTER, SUMMER], [(IN_2010, 1)], FOR_EVER
    assert changes(drawn(*begun), "1900-01-01T00:00Z", "2090-01-01T00:00Z") == [IN_2010]
    assert changes(drawn(*begun), "2012-01-01T00:00Z", "2090-01-01T00:00Z") == []
    always = drawn([(7200, False, "AAA"), SUMMER], [(IN_2010, 1)], FOR_EVER)
    assert changes(always, "1900-01-01T00:00Z", "2090-01-01T00:00Z") == []


def test_what_was_laid_out_last_is_not_taken_for_a_change_that_the_next_year_undoes() -> None:
    """A search that jumped to that change would miss what opens before it."""
    zone = drawn([WINTER, SUMMER], [(IN_2010, 1)], FOR_EVER)
    for year in range(2012, 2200):
        stretch = zone.stretch(second(f"{year}-06-01T00:00Z"))
        assert stretch.offset == 7200
        assert stretch.end > second("9999-01-01T00:00Z")


def test_a_rule_whose_summer_has_the_offset_of_winter_changes_nothing() -> None:
    zone = drawn([WINTER], [], "AAA-1BBB-1,M3.5.0,M10.5.0/3")
    assert zone.stretch(second("2300-06-01T00:00Z")).offset == 3600
    assert changes(zone, "1900-01-01T00:00Z", "2400-01-01T00:00Z") == []


@pytest.mark.parametrize("tz", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_openings_may_be_asked_of_all_time(tz: str) -> None:
    first, last = datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))
    [opening] = TimeWindow("* * * * *", tz=tz).openings(first, last)
    assert (opening.opens, opening.closes) == (at("0001-01-02T00:00Z"), at("9999-12-30T00:00Z"))


def test_r05_open_time_opens_on_the_last_day_that_is_searched() -> None:
    window = TimeWindow("* 12 29 12 *")
    opens = window.next_opening(at("9999-01-01T00:00Z"))
    assert opens == at("9999-12-29T12:00Z")
    assert OpenTime(window, TimeWindow("* 22 * * *")).next_opening(at("9999-01-01T00:00Z")) == opens
