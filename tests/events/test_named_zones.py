"""Zones by name and by hand: each expected instant is worked out from the zone's published change, not by any program."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import NeverFires
from taskkit.events import (
    FRI,
    MON,
    SUN,
    AnyOf,
    Daily,
    Hourly,
    Interval,
    MaxAge,
    Memory,
    Minutely,
    Monthly,
    Nominal,
    Occurrence,
    Once,
    RandomDays,
    Weekly,
)
from tests.events.data.zone_files import write_zone, zone_data_from, zone_file

NOTHING = Memory()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(interval: Interval, first: str, end: str) -> list[str]:
    """The instants from `first` to `end`, in UTC."""
    found = [f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in interval.between(utc(first), utc(end))]
    assert interval.count_between(utc(first), utc(end)) == len(found)
    return found


def following(interval: Interval, moment: str, memory: Memory = NOTHING) -> str:
    """The next instant, in UTC: Python calls a time in a fold unequal to any time of another zone."""
    found = interval.next_after(utc(moment), memory)
    return f"{found.astimezone(UTC):%Y-%m-%d %H:%M}" if found else "never"


def names(interval: Interval, instant: str) -> list[str]:
    """What the interval calls the run at this instant."""
    found = interval.occurrence_after(datetime.fromtimestamp(utc(instant).timestamp() - 1, UTC))
    assert found is not None
    assert found.instant.astimezone(UTC) == utc(instant)
    return [str(reason.nominal) for reason in found.reasons]


# Europe/Berlin: an hour ahead on 29 March 2026 at 01:00 UTC, back on 25 October at 01:00 UTC


def berlin(**said: Any) -> Daily:
    return Daily(at="02:30", tz="Europe/Berlin", **said)


def test_t04_a_time_in_the_gap_runs_once_shifted() -> None:
    assert runs(berlin(), "2026-03-28", "2026-03-31") == ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]
    assert names(berlin(), "2026-03-29 01:30") == ["2026-03-29T02:30 Europe/Berlin"]


def test_t04_a_time_in_the_gap_is_left_out_on_request() -> None:
    assert runs(berlin(gap="skip"), "2026-03-28", "2026-03-31") == ["2026-03-28 01:30", "2026-03-30 00:30"]


def test_t04_t09_a_shifted_time_that_meets_another_makes_one_run_with_both_names() -> None:
    rule = Daily(at=["02:30", "03:30"], tz="Europe/Berlin")
    assert runs(rule, "2026-03-29", "2026-03-30") == ["2026-03-29 01:30"]
    assert names(rule, "2026-03-29 01:30") == ["2026-03-29T02:30 Europe/Berlin", "2026-03-29T03:30 Europe/Berlin"]


@pytest.mark.parametrize(
    ("fold", "expected"),
    [("first", ["2026-10-25 00:30"]), ("last", ["2026-10-25 01:30"]), ("both", ["2026-10-25 00:30", "2026-10-25 01:30"])],
)
def test_t05_a_time_in_the_fold_runs_first_last_or_twice(fold: str, expected: list[str]) -> None:
    assert runs(berlin(fold=fold), "2026-10-25", "2026-10-26") == expected


def test_t06_both_readings_of_a_fold_have_a_name_of_their_own() -> None:
    assert names(berlin(fold="both"), "2026-10-25 00:30") == ["2026-10-25T02:30 Europe/Berlin"]
    assert names(berlin(fold="both"), "2026-10-25 01:30") == ["2026-10-25T02:30 Europe/Berlin again"]
    assert names(berlin(fold="last"), "2026-10-25 01:30") == ["2026-10-25T02:30 Europe/Berlin"]


BOTH: dict[str, Callable[[], Interval]] = {
    "a rule whose end is that time": lambda: berlin(fold="both", end="2026-10-25T02:30"),
    "a rule whose end is that day": lambda: berlin(fold="both", end="2026-10-25"),
    "once": lambda: Once("2026-10-25T02:30", tz="Europe/Berlin", fold="both"),
}


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_t05_t12_the_second_reading_runs_though_the_first_was_the_last_on_the_wall(make: Callable[[], Interval]) -> None:
    assert runs(make(), "2026-10-25", "2026-10-26") == ["2026-10-25 00:30", "2026-10-25 01:30"]
    assert following(make(), "2026-10-25 00:30") == "2026-10-25 01:30"


def test_t05_t10_the_second_reading_of_a_drawn_day_runs() -> None:
    rule, memory = RandomDays(5, 5, at="02:30", tz="Europe/Berlin", fold="both"), Memory(created=utc("2026-10-20 12:00"), draw=5)
    assert following(rule, "2026-10-25 00:30", memory) == "2026-10-25 01:30"


@pytest.mark.parametrize("end", ["2026-10-25T02:30", "2026-10-25T02:45"])
def test_t05_t12_the_last_reading_runs_however_late_one_looks(end: str) -> None:
    rule = berlin(fold="last", end=end)
    for moment in ("2026-10-24 12:00", "2026-10-25 00:30", "2026-10-25 00:45", "2026-10-25 00:59"):
        assert following(rule, moment) == "2026-10-25 01:30"


def test_t04_t12_a_rule_for_one_time_in_the_gap_runs_once_shifted() -> None:
    """Start and end are the same time on the wall, and so is the run."""
    rule = berlin(start="2026-03-29T02:30", end="2026-03-29T02:30")
    assert runs(rule, "2026-03-28", "2026-03-31") == ["2026-03-29 01:30"]


def test_t02_t05_elapsed_rules_pass_over_a_change_of_the_clock() -> None:
    rule = Hourly(tz="Europe/Berlin")
    assert runs(rule, "2026-03-29", "2026-03-29 04:00") == [f"2026-03-29 0{hour}:00" for hour in range(4)]
    assert runs(rule, "2026-10-25", "2026-10-25 04:00") == [f"2026-10-25 0{hour}:00" for hour in range(4)]
    found = [moment.strftime("%H:%M %z") for moment in rule.between(utc("2026-10-25"), utc("2026-10-25 03:00"))]
    assert found == ["02:00 +0200", "02:00 +0100", "03:00 +0100"]


# Other clocks


def test_t04_t05_lord_howe_changes_by_half_an_hour() -> None:
    """+10:30 in winter, +11 in summer; ahead on 4 October 2026 at 02:00 (15:30 UTC), back on 5 April at 02:00 (15:00 UTC)."""
    rule = Daily(at="02:15", tz="Australia/Lord_Howe")
    assert runs(rule, "2026-10-02", "2026-10-05") == ["2026-10-02 15:45", "2026-10-03 15:45", "2026-10-04 15:15"]
    assert f"{rule.next_after(utc('2026-10-03')):%H:%M}" == "02:45"
    both = Daily(at=["01:29", "01:30", "01:45", "02:00"], tz="Australia/Lord_Howe", fold="both")
    assert runs(both, "2026-04-04 14:00", "2026-04-04 16:00") == [
        "2026-04-04 14:29", "2026-04-04 14:30", "2026-04-04 14:45", "2026-04-04 15:00", "2026-04-04 15:15", "2026-04-04 15:30",
    ]  # fmt: skip
    assert names(both, "2026-04-04 15:15") == ["2026-04-05T01:45 Australia/Lord_Howe again"]


def test_t04_havana_has_no_midnight_in_spring() -> None:
    """-5, ahead on 8 March 2026 at 00:00 (05:00 UTC); back to -5 on 1 November at 01:00 (05:00 UTC)."""
    rule = Daily(tz="America/Havana")
    assert runs(rule, "2026-03-07", "2026-03-10") == ["2026-03-07 05:00", "2026-03-08 05:00", "2026-03-09 04:00"]
    assert f"{rule.next_after(utc('2026-03-08')):%d %H:%M}" == "08 01:00"
    assert names(rule, "2026-03-08 05:00") == ["2026-03-08T00:00 America/Havana"]
    assert runs(Daily(tz="America/Havana", gap="skip"), "2026-03-07", "2026-03-10") == ["2026-03-07 05:00", "2026-03-09 04:00"]
    assert runs(Daily(tz="America/Havana", fold="both"), "2026-11-01", "2026-11-02") == ["2026-11-01 04:00", "2026-11-01 05:00"]


def test_t04_t05_nuuk_has_no_last_hour_of_a_day_in_spring_and_two_in_autumn() -> None:
    """-2, ahead on 28 March 2026 at 23:00 (29 March, 01:00 UTC); back from -1 on 25 October at 00:00 (01:00 UTC)."""
    rule = Daily(at="23:30", tz="America/Nuuk")
    assert runs(rule, "2026-03-27 12:00", "2026-03-30 12:00") == ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]
    assert f"{rule.next_after(utc('2026-03-28 12:00')):%d %H:%M}" == "29 00:30"
    assert names(rule, "2026-03-29 01:30") == ["2026-03-28T23:30 America/Nuuk"]
    autumn = Daily(at="23:30", tz="America/Nuuk", fold="both")
    assert runs(autumn, "2026-10-24 12:00", "2026-10-26") == ["2026-10-25 00:30", "2026-10-25 01:30"]


def test_t12_a_bare_date_is_the_end_of_that_day_also_where_a_gap_takes_its_last_hour() -> None:
    rule = Hourly(tz="America/Nuuk", start="2026-03-28T21:00", end="2026-03-28")
    assert runs(rule, "2026-03-28 12:00", "2026-03-29 12:00") == ["2026-03-28 23:00", "2026-03-29 00:00"]  # 01:00 UTC is the 29th there
    daily = Daily(at="23:30", tz="America/Nuuk", end="2026-03-28")
    assert runs(daily, "2026-03-28 12:00", "2026-03-31") == ["2026-03-29 01:30"]  # by its nominal time it is the 28th's


def test_t12_a_bare_date_is_the_end_of_that_day_also_where_a_fold_repeats_its_last_hour() -> None:
    rule = Minutely(30, tz="America/Nuuk", start="2026-10-24T22:00", end="2026-10-24")
    assert runs(rule, "2026-10-24 12:00", "2026-10-25 12:00")[-2:] == ["2026-10-25 01:00", "2026-10-25 01:30"]
    assert rule.next_after(utc("2026-10-25 01:30")) is None


def test_t04_apia_went_without_30_december_2011() -> None:
    """-10 until 29 December, 24:00 (30 December, 10:00 UTC); +14 from then on, which is 31 December, 00:00."""
    rule = Daily(at="02:30", tz="Pacific/Apia")
    assert runs(rule, "2011-12-28", "2012-01-01 12:00") == [f"2011-12-{day} 12:30" for day in (28, 29, 30, 31)]
    assert names(rule, "2011-12-30 12:30") == ["2011-12-30T02:30 Pacific/Apia", "2011-12-31T02:30 Pacific/Apia"]
    friday = Weekly(on=FRI, at="02:30", tz="Pacific/Apia")
    assert names(friday, "2011-12-30 12:30") == ["2011-12-30T02:30 Pacific/Apia"]
    assert runs(Weekly(on=FRI, at="02:30", tz="Pacific/Apia", gap="skip"), "2011-12-29 13:00", "2012-01-07") == ["2012-01-05 12:30"]
    assert runs(Minutely(600, tz="Pacific/Apia", start="2011-12-29T20:00"), "2011-12-30", "2011-12-31") == [
        "2011-12-30 06:00", "2011-12-30 16:00",
    ]  # fmt: skip


def test_t12_a_day_that_apia_went_without_is_over_when_it_should_begin() -> None:
    rule = Hourly(tz="Pacific/Apia", start="2011-12-29T20:00", end="2011-12-30")
    assert runs(rule, "2011-12-29", "2012-01-02") == [f"2011-12-30 0{hour}:00" for hour in range(6, 10)]


def test_t14_once_on_a_day_that_apia_went_without_is_refused_where_gaps_are_left_out() -> None:
    with pytest.raises(NeverFires):
        Once("2011-12-30T02:30", tz="Pacific/Apia", gap="skip")
    assert runs(Once("2011-12-30T02:30", tz="Pacific/Apia"), "2011-12-01", "2012-02-01") == ["2011-12-30 12:30"]


def test_t04_t05_troll_changes_by_two_hours() -> None:
    """+0, ahead by two hours on 29 March 2026 at 01:00 UTC; back on 25 October at 01:00 UTC."""
    rule = Daily(at=["01:30", "02:30", "03:30"], tz="Antarctica/Troll", fold="both")
    assert runs(rule, "2026-03-29", "2026-03-29 12:00") == ["2026-03-29 01:30", "2026-03-29 02:30"]
    assert names(rule, "2026-03-29 01:30") == ["2026-03-29T01:30 Antarctica/Troll", "2026-03-29T03:30 Antarctica/Troll"]
    assert names(rule, "2026-03-29 02:30") == ["2026-03-29T02:30 Antarctica/Troll"]
    late = ["2026-10-24 23:30", "2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30", "2026-10-25 03:30"]
    assert runs(rule, "2026-10-24 22:00", "2026-10-25 12:00") == late


def test_t04_t05_casablanca_goes_back_for_ramadan() -> None:
    """+1 all year; back to +0 on 15 February 2026 at 03:00 (02:00 UTC), ahead again on 22 March at 02:00 (02:00 UTC)."""
    rule = Daily(at="02:30", tz="Africa/Casablanca", fold="both")
    assert runs(rule, "2026-02-14", "2026-02-17") == ["2026-02-14 01:30", "2026-02-15 01:30", "2026-02-15 02:30", "2026-02-16 02:30"]
    assert runs(rule, "2026-03-21", "2026-03-24") == ["2026-03-21 02:30", "2026-03-22 02:30", "2026-03-23 01:30"]
    assert f"{rule.next_after(utc('2026-03-22')):%H:%M}" == "03:30"


def test_t04_dublin_counts_winter_as_the_exception() -> None:
    """+1 is its standard; the clocks still change on 29 March and 25 October 2026 at 01:00 UTC."""
    rule = Daily(at="01:30", tz="Europe/Dublin", fold="both")
    assert runs(rule, "2026-03-29", "2026-03-30") == ["2026-03-29 01:30"]
    assert runs(rule, "2026-10-25", "2026-10-26") == ["2026-10-25 00:30", "2026-10-25 01:30"]


def test_t04_caracas_changed_its_offset_for_good() -> None:
    """-4:30 until 1 May 2016, 02:30 (07:00 UTC), then -4."""
    rule = Daily(at="02:45", tz="America/Caracas")
    assert runs(rule, "2016-04-30", "2016-05-03") == ["2016-04-30 07:15", "2016-05-01 07:15", "2016-05-02 06:45"]


# Days and weeks


def test_t07_a_leap_day_is_the_last_of_february_in_other_years() -> None:
    rule = Monthly(29, months="february", tz="UTC")
    assert runs(rule, "2023-01-01", "2026-01-01") == ["2023-02-28 00:00", "2024-02-29 00:00", "2025-02-28 00:00"]


def test_t07_a_leap_day_alone_is_eight_years_away_around_2100() -> None:
    rule = Monthly(29, months=2, missing_day="skip", tz="UTC")
    assert runs(rule, "2092-01-01", "2109-01-01") == ["2092-02-29 00:00", "2096-02-29 00:00", "2104-02-29 00:00", "2108-02-29 00:00"]
    assert rule.latest_before(utc("2104-02-29")) == utc("2096-02-29")
    assert rule.count_between(utc("2000-01-01"), utc("2101-01-01")) == 25


def test_t07_a_day_that_the_month_lacks_is_the_next_first_on_request() -> None:
    rule = Monthly([30, 31], missing_day="next", tz="UTC")
    assert runs(rule, "2026-02-01", "2026-04-01") == ["2026-03-01 00:00", "2026-03-30 00:00", "2026-03-31 00:00"]
    assert runs(Monthly(31, missing_day="next"), "2026-04-01", "2026-06-02") == ["2026-05-01 00:00", "2026-05-31 00:00"]


def test_t07_days_that_fall_together_make_one_run() -> None:
    assert runs(Monthly([28, 29, 30, 31, -1]), "2026-02-01", "2026-03-01") == ["2026-02-28 00:00"]
    assert runs(Monthly([1, 31], missing_day="next"), "2026-05-02", "2026-06-02") == ["2026-05-31 00:00", "2026-06-01 00:00"]
    assert runs(Monthly([1, 31], missing_day="next"), "2026-06-02", "2026-07-02") == ["2026-07-01 00:00"]


@pytest.mark.parametrize("months", [2, [2, "february"]])
def test_t14_30_february_is_refused(months: Any) -> None:
    with pytest.raises(NeverFires):
        Monthly(30, months=months, missing_day="skip")


def test_t08_every_second_week_goes_on_across_a_year_of_53_weeks() -> None:
    """2020 has 53 ISO weeks, so its odd weeks are followed by an odd one."""
    rule = Weekly(2, on=MON, start="2020-12-07")
    assert runs(rule, "2020-12-01", "2021-02-01") == ["2020-12-07 00:00", "2020-12-21 00:00", "2021-01-04 00:00", "2021-01-18 00:00"]
    assert runs(Weekly(2, on=MON, start="2026-12-14"), "2026-12-01", "2027-02-01") == [
        "2026-12-14 00:00", "2026-12-28 00:00", "2027-01-11 00:00", "2027-01-25 00:00",
    ]  # fmt: skip


def test_t08_weeks_count_from_the_monday_of_the_start() -> None:
    """The start is a Thursday: Friday is still in its week, the next Monday is not."""
    rule = Weekly(2, on=[MON, FRI, SUN], start="2026-01-01")
    assert runs(rule, "2025-12-01", "2026-01-20") == [
        "2026-01-02 00:00", "2026-01-04 00:00", "2026-01-12 00:00", "2026-01-16 00:00", "2026-01-18 00:00",
    ]  # fmt: skip


def test_t08_a_start_on_sunday_belongs_to_the_week_that_ends() -> None:
    assert runs(Weekly(2, on=[MON, SUN], start="2026-01-04"), "2026-01-01", "2026-01-20") == [
        "2026-01-04 00:00", "2026-01-12 00:00", "2026-01-18 00:00",
    ]  # fmt: skip


def test_t08_t16_without_a_start_weeks_count_from_that_of_1_january_1970() -> None:
    """1970-01-01 was a Thursday; its Monday is 29 December 1969. 2026-01-05 is 2,923 weeks later, an odd number."""
    assert runs(Weekly(2, on=MON), "2026-01-01", "2026-02-01") == ["2026-01-12 00:00", "2026-01-26 00:00"]
    assert runs(Weekly(2, on=MON), "1969-12-02", "1970-01-20") == ["1969-12-15 00:00", "1969-12-29 00:00", "1970-01-12 00:00"]


def test_t16_without_a_start_days_and_months_count_from_1_january_1970() -> None:
    assert runs(Daily(10), "1970-01-01", "1970-02-01") == ["1970-01-01 00:00", "1970-01-11 00:00", "1970-01-21 00:00", "1970-01-31 00:00"]
    assert runs(Monthly(1, every=5), "1970-01-01", "1971-06-01") == [
        "1970-01-01 00:00", "1970-06-01 00:00", "1970-11-01 00:00", "1971-04-01 00:00",
    ]  # fmt: skip


def test_t03_every_nth_month_counts_from_the_month_of_the_start() -> None:
    rule = Monthly([1, 20], every=3, start="2026-02-15")
    assert runs(rule, "2026-01-01", "2026-09-01") == [
        "2026-02-20 00:00",
        "2026-05-01 00:00",
        "2026-05-20 00:00",
        "2026-08-01 00:00",
        "2026-08-20 00:00",
    ]


def test_t12_an_occurrence_at_the_end_still_runs() -> None:
    assert runs(Hourly(end="2026-01-01T02:00"), "2026-01-01", "2026-01-02") == ["2026-01-01 00:00", "2026-01-01 01:00", "2026-01-01 02:00"]
    assert runs(Daily(at=["09:00", "23:59"], end="2026-01-02", tz="America/Los_Angeles"), "2026-01-02", "2026-01-09") == [
        "2026-01-02 07:59", "2026-01-02 17:00", "2026-01-03 07:59",
    ]  # fmt: skip
    assert runs(Daily(at="09:00", end="2026-01-02T17:00Z", tz="America/Los_Angeles"), "2026-01-02", "2026-01-09") == ["2026-01-02 17:00"]


def test_t12_a_start_on_the_wall_is_compared_on_the_wall() -> None:
    """02:30 is shifted to 03:30, but nominally it lies before 03:00."""
    assert runs(berlin(start="2026-03-29T03:00"), "2026-03-28", "2026-03-30 12:00") == ["2026-03-30 00:30"]
    assert runs(berlin(start="2026-03-29T01:00Z"), "2026-03-28", "2026-03-30 12:00") == ["2026-03-29 01:30", "2026-03-30 00:30"]


def test_t09_two_rules_in_one_minute_make_one_run_that_keeps_both_reasons() -> None:
    sunday, nightly, noon = Weekly(on=SUN, at="03:00"), Daily(at="03:00"), Daily(at="12:00")
    found = AnyOf(sunday, nightly, noon).occurrence_after(utc("2026-01-03 13:00"))
    assert isinstance(found, Occurrence)
    assert found.instant == utc("2026-01-04 03:00")
    assert [reason.interval for reason in found.reasons] == [sunday, nightly]


def test_t09_seconds_apart_is_still_one_minute() -> None:
    rule = AnyOf(Once("2026-01-04T03:00:30Z"), Daily(at="03:00"))
    assert runs(rule, "2026-01-04", "2026-01-05") == ["2026-01-04 03:00"]
    assert rule.next_after(utc("2026-01-04 03:00")) == utc("2026-01-05 03:00")


def test_t11_an_age_falls_due_by_the_day_of_its_zone() -> None:
    """Success at 23:30 UTC on 1 March is 2 March in Berlin."""
    rule = MaxAge(30, at="03:00", tz="Europe/Berlin")
    assert rule.next_after(utc("2026-03-01 23:30"), Memory(last_success=utc("2026-03-01 23:30"))) == utc("2026-04-01 01:00")


# New zone data


KINDS = [(3600, False, "OLD"), (7200, True, "NEW")]
SPRING, LATER = int(utc("2026-03-29 01:00").timestamp()), int(utc("2026-04-26 01:00").timestamp())


@pytest.fixture
def releases(tmp_path: Path) -> tuple[Path, Path]:
    """Two releases of one zone: the summer of 2026 begins on 29 March in one, on 26 April in the other."""
    before, after = tmp_path / "2026a", tmp_path / "2026b"
    write_zone(before, "Test/Moving", zone_file(KINDS, [(SPRING, 1)], "NEW-2"))
    write_zone(after, "Test/Moving", zone_file(KINDS, [(LATER, 1)], "NEW-2"))
    return before, after


def occurrences(rule: Callable[[], Interval], folder: Path, after: str, count: int) -> list[Occurrence]:
    with zone_data_from(folder):
        return rule().upcoming(utc(after), count)


def test_t06_new_zone_data_moves_the_instant_and_not_the_nominal_time(releases: tuple[Path, Path]) -> None:
    before, after = (occurrences(lambda: Daily(at="09:00", tz="Test/Moving"), folder, "2026-04-01", 3) for folder in releases)
    assert [f"{one.instant.astimezone(UTC):%d %H:%M}" for one in before] == ["01 07:00", "02 07:00", "03 07:00"]
    assert [f"{one.instant.astimezone(UTC):%d %H:%M}" for one in after] == ["01 08:00", "02 08:00", "03 08:00"]
    assert [one.nominal for one in before] == [one.nominal for one in after]
    assert str(before[0].nominal) == "2026-04-01T09:00 Test/Moving"


def test_t06_a_time_that_becomes_a_gap_keeps_its_name(releases: tuple[Path, Path]) -> None:
    def rule() -> Interval:
        return Once("2026-03-29T02:30", tz="Test/Moving")

    before, after = (occurrences(rule, folder, "2026-03-01", 2) for folder in releases)
    assert [(f"{one.instant.astimezone(UTC):%d %H:%M}", str(one.nominal)) for one in before + after] == [
        ("29 01:30", "2026-03-29T02:30 Test/Moving"),
        ("29 01:30", "2026-03-29T02:30 Test/Moving"),
    ]
    shown = [f"{one.instant:%H:%M}" for one in before + after]
    assert shown == ["03:30", "02:30"]


def test_t02_t06_new_zone_data_moves_no_elapsed_rule(releases: tuple[Path, Path]) -> None:
    before, after = (occurrences(lambda: Hourly(5, tz="Test/Moving"), folder, "2026-04-01", 9) for folder in releases)
    assert [(one.instant.astimezone(UTC), one.nominal) for one in before] == [(one.instant.astimezone(UTC), one.nominal) for one in after]


def test_t06_a_nominal_time_is_read_with_the_zone_data_of_the_day(releases: tuple[Path, Path]) -> None:
    name = Nominal.parse("2026-01-01T00:00Z")
    for folder, day in zip(releases, (date(2026, 4, 2), date(2026, 4, 1)), strict=True):
        with zone_data_from(folder):
            late = Nominal(int(utc("2026-04-01 22:30").timestamp()))
            assert late.day_in("Test/Moving") == (day - date(1970, 1, 1)).days
            assert name.day_in("Test/Moving") == (date(2026, 1, 1) - date(1970, 1, 1)).days


def test_t06_afterwards_the_zone_is_gone(releases: tuple[Path, Path]) -> None:
    with zone_data_from(releases[0]):
        Daily(tz="Test/Moving")
    with pytest.raises(ValueError, match="Test/Moving"):
        Daily(tz="Test/Moving")
