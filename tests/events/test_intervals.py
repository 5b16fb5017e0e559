"""Intervals by example, worked out by hand: one case per rule and per corner, quick enough to run after every keystroke."""

from __future__ import annotations

import copy
import pickle
import random
from datetime import date, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pendulum
import pytest

from taskkit import (
    FRI,
    MON,
    SUN,
    THU,
    WED,
    AnyOf,
    Daily,
    Hourly,
    Interval,
    MaxAge,
    Memory,
    Minutely,
    Monthly,
    NeverFires,
    Nominal,
    Once,
    RandomDays,
    Weekly,
    every,
    on_the,
)

BERLIN = "Europe/Berlin"
HAVANA = "America/Havana"
FIRST_AND_LAST: tuple[Literal["first"], Literal["last"]] = ("first", "last")
MIDNIGHT = pendulum.datetime(2026, 1, 1)


def at(text: str, tz: str = "UTC") -> pendulum.DateTime:
    moment = pendulum.parse(text, tz=tz)
    assert isinstance(moment, pendulum.DateTime)
    return moment


def walls(rule: Interval, start: str, count: int = 3, memory: Memory | None = None) -> list[str]:
    """What the wall of the rule's zone shows at the next runs."""
    found = rule.upcoming(at(start, rule.shown_in.name), count, memory or Memory())
    return [f"{one.instant:%m-%d %H:%M}" for one in found]


def utc(rule: Interval, start: str, count: int = 3) -> list[str]:
    return [f"{one.instant.in_timezone('UTC'):%m-%d %H:%M}" for one in rule.upcoming(at(start), count)]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        (Minutely(5), "2026-01-01T00:00", ["01-01 00:05", "01-01 00:10", "01-01 00:15"]),
        (Minutely(7, start="2026-01-01T00:03"), "2025-12-31", ["01-01 00:03", "01-01 00:10", "01-01 00:17"]),
        (Hourly(12), "2026-01-01T00:30", ["01-01 12:00", "01-02 00:00", "01-02 12:00"]),
        (Hourly(), "2026-01-01T00:59:59", ["01-01 01:00", "01-01 02:00", "01-01 03:00"]),
        (Daily(), "2026-01-01", ["01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        (Daily(at=["18:00", "6:30"]), "2026-01-01T06:30", ["01-01 18:00", "01-02 06:30", "01-02 18:00"]),
        (Daily(5, at="06:00", start="2026-01-01"), "2025-12-01", ["01-01 06:00", "01-06 06:00", "01-11 06:00"]),
        (Daily(5), "1970-01-01T00:00:01", ["01-06 00:00", "01-11 00:00", "01-16 00:00"]),
        (Weekly(on=[MON, "friday"], at="09:00"), "2026-11-21", ["11-23 09:00", "11-27 09:00", "11-30 09:00"]),
        (Weekly(every=2, on=[MON, WED], start="2026-11-18"), "2026-11-16", ["11-18 00:00", "11-30 00:00", "12-02 00:00"]),
        (Monthly([1, 15]), "2026-01-01", ["01-15 00:00", "02-01 00:00", "02-15 00:00"]),
        (Monthly(-1), "2026-01-31", ["02-28 00:00", "03-31 00:00", "04-30 00:00"]),
        (Monthly([-2, -1], months=["feb"]), "2028-01-01", ["02-28 00:00", "02-29 00:00", "02-27 00:00"]),
        (Monthly(10, every=5, start="2026-02-03"), "2026-01-01", ["02-10 00:00", "07-10 00:00", "12-10 00:00"]),
        (Monthly(1, months=[6, 12, 1]), "2026-01-01", ["06-01 00:00", "12-01 00:00", "01-01 00:00"]),
        (Once("2026-03-01 10:00"), "2026-01-01", ["03-01 10:00"]),
        (Once("2026-03-01T10:00:00+02:00"), "2026-01-01", ["03-01 08:00"]),
        (every(SUN, at="03:00"), "2026-11-21", ["11-22 03:00", "11-29 03:00", "12-06 03:00"]),
        (on_the(20), "2026-11-21", ["12-20 00:00", "01-20 00:00", "02-20 00:00"]),
    ],
)
def test_each_kind_says_its_next_runs(rule: Interval, start: str, expected: list[str]) -> None:
    assert walls(rule, start) == expected


@pytest.mark.parametrize(
    ("rule", "moment", "last"),
    [
        (Minutely(5), "2026-01-01T00:05", "01-01 00:00"),
        (Minutely(5), "2026-01-01T00:05:00.000001", "01-01 00:05"),
        (Hourly(12, start="2026-01-01"), "2026-01-01T00:00:01", "01-01 00:00"),
        (Daily(at=["06:00", "18:00"]), "2026-01-02T06:00", "01-01 18:00"),
        (Daily(at=["06:00", "18:00"]), "2026-01-02T18:00:01", "01-02 18:00"),
        (Weekly(every=2, on=[MON, WED], start="2026-11-16"), "2026-11-30", "11-18 00:00"),
        (Monthly(31, missing_day="skip"), "2026-07-31", "05-31 00:00"),
        (Monthly([29], months=[2], missing_day="skip"), "2026-01-01", "02-29 00:00"),
        (Once("2026-03-01 10:00"), "2026-03-01T10:00:01", "03-01 10:00"),
        (Daily(at="02:30", tz=BERLIN), "2026-03-29T01:30:01Z", "03-29 03:30"),
        (Daily(at="02:30", tz=BERLIN), "2026-03-29T01:30:00Z", "03-28 02:30"),
        (Daily(at="02:30", tz=BERLIN, fold="last"), "2026-10-25T01:30:00Z", "10-24 02:30"),
        (Daily(at="02:30", tz=BERLIN, fold="both"), "2026-10-25T01:30:00Z", "10-25 02:30"),
    ],
)
def test_each_kind_says_its_last_run(rule: Interval, moment: str, last: str) -> None:
    found = rule.latest_before(at(moment))
    assert found is not None
    assert f"{found:%m-%d %H:%M}" == last


@pytest.mark.parametrize(
    "rule", [Minutely(5, start="2026-01-01"), Daily(start="2026-01-01"), Once("2026-01-01"), Monthly(1, start="2026-01-01")]
)
def test_nothing_lies_before_the_start(rule: Interval) -> None:
    assert rule.latest_before(MIDNIGHT) is None
    assert rule.next_after(MIDNIGHT.subtract(years=1)) == MIDNIGHT


def test_t01_a_rule_keeps_its_zone_and_not_an_offset() -> None:
    rule = Daily(at="12:00", tz=ZoneInfo(BERLIN))
    assert rule.tz == BERLIN
    assert utc(rule, "2026-03-28T13:00", 2) == ["03-29 10:00", "03-30 10:00"]
    assert utc(rule, "2026-03-27T13:00", 1) == ["03-28 11:00"]


def test_t02_elapsed_intervals_do_not_see_the_clock_change() -> None:
    found = list(Hourly(tz=BERLIN).between(at("2026-03-29", BERLIN), at("2026-03-30", BERLIN)))
    assert len(found) == 23
    assert f"{found[2]:%H:%M}" == "03:00"


def test_t03_lateness_moves_nothing() -> None:
    rule = Daily(5, at="06:00", tz=BERLIN, start="2026-01-01")
    due = at("2026-06-05T06:00", BERLIN)
    assert {rule.next_after(due.subtract(hours=late)) for late in range(1, 5 * 24 + 1)} == {due}
    assert rule.next_after(due) == at("2026-06-10T06:00", BERLIN)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [("shift", ["03-28 02:30", "03-29 03:30", "03-30 02:30"]), ("skip", ["03-28 02:30", "03-30 02:30", "03-31 02:30"])],
)
def test_t04_a_time_in_the_gap_runs_shifted_or_not_at_all(gap: str, expected: list[str]) -> None:
    assert walls(Daily(at="02:30", tz=BERLIN, gap=gap), "2026-03-28") == expected  # type: ignore[arg-type]


def test_t04_a_shifted_time_that_meets_another_is_one_run_with_two_names() -> None:
    rule = Daily(at=["02:30", "03:30"], tz=BERLIN)
    found = rule.upcoming(at("2026-03-29T00:00", BERLIN), 1)[0]
    assert [str(reason.nominal) for reason in found.reasons] == ["2026-03-29T02:30 Europe/Berlin", "2026-03-29T03:30 Europe/Berlin"]
    assert rule.count_between(at("2026-03-29", BERLIN), at("2026-03-30", BERLIN)) == 1
    assert rule.count_between(at("2026-03-28", BERLIN), at("2026-03-31", BERLIN)) == 5


def test_t04_shifted_times_come_in_the_order_of_their_instants() -> None:
    rule = Daily(at=["02:30", "03:15"], tz=BERLIN)
    assert walls(rule, "2026-03-29", 2) == ["03-29 03:15", "03-29 03:30"]
    assert f"{rule.latest_before(at('2026-03-29T04:00', BERLIN)):%H:%M}" == "03:30"


def test_t04_midnight_that_a_gap_swallows_is_one_o_clock() -> None:
    assert walls(Daily(tz=HAVANA), "2026-03-07", 2) == ["03-08 01:00", "03-09 00:00"]


@pytest.mark.parametrize(
    ("fold", "expected"),
    [("first", ["00:30"]), ("last", ["01:30"]), ("both", ["00:30", "01:30"])],
)
def test_t05_a_time_that_comes_twice(fold: str, expected: list[str]) -> None:
    rule = Daily(at="02:30", tz=BERLIN, fold=fold)  # type: ignore[arg-type]
    found = [f"{one.in_timezone('UTC'):%H:%M}" for one in rule.between(at("2026-10-25", BERLIN), at("2026-10-26", BERLIN))]
    assert found == expected
    assert rule.count_between(at("2026-10-25", BERLIN), at("2026-10-26", BERLIN)) == len(expected)
    assert rule.count_between(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")) == (fold != "last")


def test_t06_both_readings_have_names_of_their_own_and_a_single_one_has_none() -> None:
    both = Daily(at="02:30", tz=BERLIN, fold="both").upcoming(at("2026-10-25", BERLIN), 2)
    assert [str(one.nominal) for one in both] == ["2026-10-25T02:30 Europe/Berlin", "2026-10-25T02:30 Europe/Berlin again"]
    first, last = (Daily(at="02:30", tz=BERLIN, fold=fold).upcoming(at("2026-10-25", BERLIN), 1)[0] for fold in FIRST_AND_LAST)
    assert first.nominal == last.nominal
    assert last.instant.timestamp() - first.instant.timestamp() == 3600  # as datetimes of one zone they are equal


def test_t06_an_elapsed_run_is_named_by_its_instant() -> None:
    assert str(Hourly(tz=BERLIN).upcoming(at("2026-03-29T00:30"), 1)[0].nominal) == "2026-03-29T01:00Z"
    assert str(Minutely(start="2026-01-01T00:00:37Z").upcoming(MIDNIGHT, 1)[0].nominal) == "2026-01-01T00:00:37Z"


@pytest.mark.parametrize(
    "text", ["2026-03-29T02:30 Europe/Berlin", "2026-10-25T02:30 Europe/Berlin again", "2026-03-29T01:00Z", "2026-01-01T00:00:37Z"]
)
def test_t06_a_name_can_be_written_and_read(text: str) -> None:
    assert str(Nominal.parse(text)) == text


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("last", ["01-31", "02-28", "03-31", "04-30"]),
        ("skip", ["01-31", "03-31", "05-31", "07-31"]),
        ("next", ["01-31", "03-01", "03-31", "05-01"]),
    ],
)
def test_t07_a_day_that_the_month_lacks(missing: str, expected: list[str]) -> None:
    assert [wall[:5] for wall in walls(Monthly(31, missing_day=missing), "2026-01-01", 4)] == expected  # type: ignore[arg-type]


def test_t07_days_that_fall_together_make_one_run() -> None:
    assert [wall[:5] for wall in walls(Monthly([30, 31, -1]), "2026-02-01", 3)] == ["02-28", "03-30", "03-31"]
    assert [wall[:5] for wall in walls(Monthly([31, 1], missing_day="next"), "2026-02-02", 2)] == ["03-01", "03-31"]


def test_t08_weeks_count_from_the_monday_of_the_week_of_the_start() -> None:
    rule = Weekly(every=2, on=[MON, SUN], start="2020-12-24")  # a Thursday in week 52 of a year with 53
    assert [wall[:5] for wall in walls(rule, "2020-12-20", 4)] == ["12-27", "01-04", "01-10", "01-18"]
    assert walls(Weekly(every=2, on=MON), "2026-01-01", 1) == ["01-12 00:00"]  # bare: from the week of 1970-01-01


def test_t09_two_in_the_same_minute_are_one_with_both_reasons() -> None:
    rule = AnyOf(Daily(at="06:00"), Hourly(6))
    found = rule.upcoming(MIDNIGHT, 2)
    assert [f"{one.instant:%H:%M}" for one in found] == ["06:00", "12:00"]
    assert [str(reason.interval) for reason in found[0].reasons] == ["every day at 06:00, UTC", "every 6 hours"]
    assert len(found[1].reasons) == 1


def test_t09_the_same_minute_is_one_run_at_the_earlier_second() -> None:
    rule = AnyOf(Daily(at="06:00"), Hourly(start="2026-01-01T00:00:37Z"))
    assert [one.second for one in rule.between(at("2026-01-01T05:00:00"), at("2026-01-01T08:00:00"))] == [37, 0, 37]
    assert rule.count_between(at("2026-01-01T05:00:00"), at("2026-01-01T08:00:00")) == 3
    assert rule.count_between(at("2026-01-01T06:00:01"), at("2026-01-01T08:00:00")) == 1
    assert rule.count_between(at("2026-01-01T05:00:00"), at("2026-01-01T06:00:20")) == 2
    assert rule.next_after(at("2026-01-01T06:00:00")) == at("2026-01-01T07:00:37")
    assert rule.latest_before(at("2026-01-01T06:30:00")) == at("2026-01-01T06:00:00")


def test_t09_unions_compare_by_their_members_and_open_unions_within() -> None:
    assert AnyOf(Daily(), Hourly()) == AnyOf(Hourly(), AnyOf(Daily(), Hourly()))
    assert hash(AnyOf(Daily(), Hourly())) == hash(AnyOf(Hourly(), Daily()))
    assert AnyOf(Daily(), Hourly()) != AnyOf(Daily(), Hourly(2))
    assert AnyOf(Daily(tz=BERLIN), Monthly(1, tz=BERLIN)).shown_in.name == BERLIN
    assert AnyOf(Daily(tz=BERLIN), Daily()).shown_in.name == "UTC"


def test_t10_the_draw_counts_from_the_last_nominal_run_and_the_first_from_creation() -> None:
    rule = RandomDays(15, 30, at="04:00", tz=BERLIN)
    memory = Memory(created=at("2026-03-01T23:30Z"), draw=20)  # 2 March in Berlin
    assert walls(rule, "2026-03-01", 1, memory) == ["03-22 04:00"]
    ran = rule.upcoming(at("2026-03-03"), 1, memory)[0].nominal
    assert walls(rule, "2026-03-22T05:00", 1, Memory(created=memory.created, last_nominal=ran, draw=15)) == ["04-06 04:00"]
    assert rule.next_after(at("2026-04-01"), memory) is None
    assert rule.latest_before(at("2026-04-01"), memory) is not None


def test_t10_a_draw_is_whole_days_within_the_rule_and_the_source_can_be_given() -> None:
    rule = RandomDays(15, 17)
    drawn = {rule.draw(random.Random(seed)) for seed in range(50)}
    assert drawn == {15, 16, 17}
    assert rule.draw(random.Random(3)) == rule.draw(random.Random(3))
    assert {rule.draw() for _ in range(100)} <= drawn
    assert RandomDays(20, 20).draw() == 20
    assert [rule.accepts(draw) for draw in (None, 14, 15, 17, 18)] == [False, False, True, True, False]


def test_t10_an_edit_keeps_a_draw_that_is_still_legal() -> None:
    memory = Memory(created=MIDNIGHT, draw=20)
    assert RandomDays(15, 30).next_after(MIDNIGHT, memory) == RandomDays(18, 25).next_after(MIDNIGHT, memory)


def test_t11_an_age_counts_from_the_last_success() -> None:
    rule = MaxAge(days=90, at="04:00", tz=BERLIN)
    created = Memory(created=at("2026-01-01T10:00"))
    assert walls(rule, "2026-01-02", 2, created) == ["04-01 04:00", "04-02 04:00"]
    succeeded = Memory(created=created.created, last_success=at("2026-02-01T10:00"))
    assert walls(rule, "2026-02-02", 1, succeeded) == ["05-02 04:00"]


def test_t11_without_success_it_comes_back_and_never_at_the_same_nominal_time() -> None:
    rule = MaxAge(days=10, again=3)
    due = rule.upcoming(MIDNIGHT, 1, Memory(created=MIDNIGHT))[0]
    assert str(due.nominal) == "2026-01-11T00:00 UTC"
    failed = Memory(created=MIDNIGHT, last_nominal=due.nominal)
    assert rule.next_after(MIDNIGHT, failed) == at("2026-01-14")
    assert rule.next_after(at("2026-02-01"), failed) == at("2026-02-04")
    earlier = Memory(created=MIDNIGHT, last_nominal=Nominal.parse("2026-01-05T00:00 UTC"))
    assert rule.next_after(MIDNIGHT, earlier) == at("2026-01-11")


def test_t11_a_cadence_and_an_age_are_two_policies() -> None:
    """A success moves the age and leaves the cadence where it is."""
    both = AnyOf(Daily(30, start="2026-01-01"), MaxAge(days=20))
    before, after = Memory(created=MIDNIGHT), Memory(created=MIDNIGHT, last_success=at("2026-01-15"))
    assert both.next_after(MIDNIGHT, before) == at("2026-01-21")
    assert both.next_after(at("2026-01-16"), after) == at("2026-01-31")


def test_t12_an_occurrence_exactly_at_the_end_still_runs() -> None:
    assert walls(Daily(at="06:00", end="2026-01-02 06:00"), "2026-01-01T12:00") == ["01-02 06:00"]
    assert walls(Daily(at="06:00", end="2026-01-02 05:59"), "2026-01-01T12:00") == []
    assert walls(Hourly(end="2026-01-01T02:00:00Z"), "2026-01-01") == ["01-01 01:00", "01-01 02:00"]


def test_t12_a_bare_end_is_the_end_of_that_day_in_the_zone() -> None:
    assert walls(Daily(at=["00:00", "23:59"], end="2026-01-02", tz=HAVANA), "2026-01-02") == ["01-02 23:59"]
    assert walls(Hourly(end="2026-01-01", tz=BERLIN), "2026-01-01T21:30") == ["01-01 22:00", "01-01 23:00"]


def test_t12_an_end_in_the_gap_keeps_the_run_that_is_named_so() -> None:
    assert walls(Daily(at="02:30", end="2026-03-29 02:30", tz=BERLIN), "2026-03-29") == ["03-29 03:30"]


def test_t14_a_rule_that_can_never_fire_is_refused_when_it_is_made() -> None:
    with pytest.raises(NeverFires, match="30th in February"):
        Monthly(30, months=2, missing_day="skip")
    assert walls(Monthly(30, months=2), "2026-01-01", 1) == ["02-28 00:00"]  # by default a missing day is the last


def test_t14_the_next_n_can_be_asked_and_are_fewer_at_the_end() -> None:
    rule = Daily(end="2026-01-03")
    assert len(rule.upcoming(MIDNIGHT, 10)) == 2
    assert rule.occurrence_after(at("2026-01-03")) is None


def test_t15_what_was_missed_is_counted_with_its_first_and_its_last() -> None:
    rule = Minutely(5)
    missed = rule.missed(MIDNIGHT, MIDNIGHT.add(days=30))
    assert missed is not None
    assert (missed.count, missed.first, missed.last) == (8640, MIDNIGHT.add(minutes=5), MIDNIGHT.add(days=30))
    assert rule.missed(MIDNIGHT, MIDNIGHT.add(minutes=4)) is None


@pytest.mark.parametrize(
    "rule",
    [
        Daily(5, end="2026-11-20"),
        Daily(5, end="2026-11-21T22:29"),
        Weekly(2, on=THU, end="2020-01-01"),
        Monthly(1, every=3, end="2020-01-01"),
        Minutely(5, end="2026-11-21T22:29:59Z"),
        AnyOf(Hourly(2, end="2020-01-01"), Once("2020-01-01")),
    ],
)
def test_t12_a_rule_that_has_ended_when_it_is_saved_counts_from_nowhere(rule: Interval) -> None:
    assert rule.anchored(at("2026-11-21T22:30")) == rule


def test_t16_a_bare_rule_is_anchored_when_it_is_saved() -> None:
    saved = at("2026-11-21T22:30:45")  # Sunday in Tokyo
    assert Daily(5, tz="Asia/Tokyo").anchored(saved).start == "2026-11-22"
    assert Weekly(every=2, on=THU, tz="Asia/Tokyo").anchored(saved).start == "2026-11-22"
    assert Minutely(5).anchored(saved).start == "2026-11-21T22:30:00Z"
    assert Monthly(1, every=3).anchored(saved).start == "2026-11-21"
    assert AnyOf(Daily(5), Hourly(2)).anchored(saved) == AnyOf(Daily(5, start="2026-11-21"), Hourly(2, start="2026-11-21T22:30Z"))


@pytest.mark.parametrize(
    "rule", [Daily(), Weekly(on=FRI), Monthly(1), Once("2026-01-01"), Daily(5, start="2026-01-01"), Hourly(2, start="2026-01-01")]
)
def test_t16_a_rule_that_counts_from_somewhere_stays_as_it_is(rule: Interval) -> None:
    assert rule.anchored(at("2026-11-21T22:30")) is rule


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Weekly(on=[MON, WED]), Weekly(on=["wed", "Monday", MON])),
        (Daily(at="6:00"), Daily(at=[time(6)])),
        (Daily(start="2026-01-01T00:00"), Daily(start=date(2026, 1, 1))),
        (Monthly([15, 1, 1]), Monthly((1, 15), months=range(1, 13))),
        (Hourly(start="2026-01-01T01:00+01:00"), Hourly(start=MIDNIGHT)),
        (Daily(end="2026-01-01 06:00:00"), Daily(end="2026-01-01T06:00")),
    ],
)
def test_two_ways_to_say_the_same_are_equal(one: Interval, other: Interval) -> None:
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("other", [{"at": "06:01"}, {"every": 2}, {"tz": BERLIN}, {"end": "2027-01-01"}, {"gap": "skip"}])
def test_what_differs_is_not_equal(other: dict[str, Any]) -> None:
    assert Daily(**{"at": "06:00", **other}) != Daily(at="06:00")


def test_a_value_can_be_copied_and_pickled() -> None:
    for rule in (Daily(5, at="06:00", tz=BERLIN), AnyOf(Daily(), Hourly()), RandomDays(1, 2)):
        assert pickle.loads(pickle.dumps(rule)) == copy.deepcopy(rule) == rule


def test_people_get_pendulum_in_the_zone_of_the_rule() -> None:
    found = Daily(at="06:00", tz=BERLIN).next_after(MIDNIGHT)
    assert isinstance(found, pendulum.DateTime)
    assert found.timezone_name == BERLIN
    assert found.add(days=1).hour == 6


def test_the_edges_of_the_calendar_are_no_error() -> None:
    last = pendulum.datetime(9999, 12, 31, 23, 59, 59)
    first = pendulum.datetime(1, 1, 1)
    for rule in (Daily(tz=BERLIN), Hourly(), Monthly(29, months=2, missing_day="skip", tz=HAVANA), Weekly(on=MON)):
        assert rule.next_after(last) is None
        assert rule.latest_before(first) is None
        assert rule.next_after(first) is not None
        assert rule.latest_before(last) is not None


def test_a_span_that_ends_before_it_begins_is_empty() -> None:
    later = MIDNIGHT + timedelta(days=3)
    for rule in (Daily(), Hourly(), AnyOf(Daily(), Hourly(2))):
        assert list(rule.between(later, MIDNIGHT)) == []
        assert rule.count_between(later, MIDNIGHT) == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-06-10T02:30", "2026-06-12T02:30"),  # nothing changes for months around
        ("2026-03-27T02:30", "2026-03-30T02:30"),  # the clock jumps in between
        ("2026-03-28T02:30", "2026-03-29T03:30"),  # the last run is the shifted one
        ("2026-10-24T02:30", "2026-10-25T02:30"),  # the last run is the first of two readings
    ],
)
def test_t12_what_is_due_exactly_at_the_start_or_the_end_runs(start: str, end: str) -> None:
    rule = Daily(at="02:30", tz="Europe/Berlin", start=start, end=end)
    first, last = (pendulum.parse(text, tz="Europe/Berlin") for text in (start, end))
    assert isinstance(first, pendulum.DateTime)
    assert isinstance(last, pendulum.DateTime)
    runs = list(rule.between(first.subtract(days=3), last.add(days=3)))
    assert (runs[0], runs[-1]) == (first, pendulum.from_timestamp(rule.last_instant, tz="Europe/Berlin"))
    assert rule.next_after(first.subtract(seconds=1)) == runs[0]
    assert rule.next_after(runs[-1].subtract(seconds=1)) == runs[-1]
    assert rule.next_after(runs[-1]) is None
    assert rule.latest_before(runs[-1].add(seconds=1)) == runs[-1]
    assert rule.latest_before(runs[0].add(seconds=1)) == runs[0]
    assert rule.latest_before(runs[0]) is None
    assert rule.count_between(runs[0], runs[-1].add(seconds=1)) == len(runs)
    assert rule.count_between(first.subtract(years=1), last.add(years=1)) == len(runs)
