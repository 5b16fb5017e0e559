"""The edges of gaps and folds to the second, and years far ahead: literal values, worked out by hand."""

from __future__ import annotations

import pendulum
import pytest

from taskkit import Daily, Memory, Monthly, RandomDays, TimeWindow, Weekly
from taskkit.events.moments import floor_second
from taskkit.events.zones import EARLIEST, LATEST, is_zone, zone

BERLIN = zone("Europe/Berlin")
HOUR, DAY = 3600, 86_400


def second(text: str) -> int:
    moment = pendulum.parse(text)
    assert isinstance(moment, pendulum.DateTime)
    return floor_second(moment)


GAP, FOLD = second("2026-03-29T01:00Z"), second("2026-10-25T01:00Z")


def test_t05_a_fold_is_an_hour_before_and_an_hour_after_the_change() -> None:
    before, after = BERLIN.stretch(FOLD - 1), BERLIN.stretch(FOLD)
    assert [before.will_repeat(FOLD + step) for step in (-HOUR - 1, -HOUR, -1)] == [False, True, True]
    assert [after.repeats(FOLD + step) for step in (0, HOUR - 1, HOUR)] == [True, True, False]
    assert not any(BERLIN.stretch(GAP + step).repeats(GAP + step) for step in (-HOUR, -1, 0, HOUR))
    assert not any(BERLIN.stretch(GAP + step).will_repeat(GAP + step) for step in (-HOUR, -1, 0, HOUR))


def test_t04_t05_the_readings_of_a_wall_time() -> None:
    gap_wall, fold_wall = second("2026-03-29T02:00Z"), second("2026-10-25T02:00Z")
    assert BERLIN.readings(gap_wall - 1) == (GAP - 1, GAP - 1)
    assert BERLIN.readings(gap_wall) == (GAP, GAP)
    assert BERLIN.readings(gap_wall + HOUR - 1) == (GAP + HOUR - 1, GAP + HOUR - 1)
    assert BERLIN.readings(gap_wall + HOUR) == (GAP, GAP)
    assert BERLIN.readings(fold_wall - 1) == (FOLD - HOUR - 1, FOLD - HOUR - 1)
    assert BERLIN.readings(fold_wall) == (FOLD - HOUR, FOLD)
    assert BERLIN.readings(fold_wall + HOUR - 1) == (FOLD - 1, FOLD + HOUR - 1)
    assert BERLIN.readings(fold_wall + HOUR) == (FOLD + HOUR, FOLD + HOUR)


def test_t12_the_last_instant_that_a_wall_time_allows() -> None:
    gap_wall, fold_wall = second("2026-03-29T02:00Z"), second("2026-10-25T02:00Z")
    assert [BERLIN.last_until(gap_wall + step) for step in (-1, 0, HOUR - 1, HOUR)] == [GAP - 1, GAP - 1, GAP - 1, GAP]
    assert [BERLIN.last_until(fold_wall + step) for step in (-1, 0, HOUR)] == [FOLD - HOUR - 1, FOLD, FOLD + HOUR]


@pytest.mark.parametrize("year", [1970, 2044, 2045, 2046, 2095, 2096, 2147, 2400, 5000, 9998])
def test_t01_summer_comes_in_every_year(year: int) -> None:
    fresh = type(BERLIN)("Europe/Berlin", BERLIN._data, BERLIN.tzinfo)
    july, january = (floor_second(pendulum.datetime(year, month, 1)) for month in (7, 1))
    summer = fresh.stretch(july)
    assert (summer.offset, fresh.stretch(january).offset) == ((2 * HOUR, HOUR) if year > 1980 else (HOUR, HOUR))
    if year > 1980:
        assert july < summer.end < july + 130 * DAY
        assert fresh.next(summer).offset == HOUR
        assert fresh.previous(summer).offset == HOUR
        assert len(list(fresh.changes(january, january + 365 * DAY))) == 2


def test_t01_the_ends_of_time_have_a_stretch() -> None:
    fresh = type(BERLIN)("Europe/Berlin", BERLIN._data, BERLIN.tzinfo)
    assert fresh.stretch(EARLIEST).offset == second("1970-01-01T00:53:28Z")
    assert fresh.stretch(LATEST).offset == HOUR
    assert fresh.show(LATEST).year == 9999


def test_t01_a_zone_is_one_that_the_machine_has() -> None:
    assert is_zone("Europe/Berlin")
    assert not is_zone("Europe/Berlim")


def test_t10_before_a_draw_its_range_is_known() -> None:
    rule, memory = RandomDays(3, 5), Memory(created=pendulum.datetime(2026, 1, 1))
    earliest, latest = rule.range_after(memory)
    assert (earliest.draw, latest.draw) == (3, 5)
    assert earliest.created == latest.created == memory.created


@pytest.mark.parametrize("rule", [Daily(2), Weekly(2, on="mon"), Monthly(1, every=2)])
def test_t16_every_second_needs_an_anchor(rule: Daily | Weekly | Monthly) -> None:
    assert rule.anchored(pendulum.datetime(2026, 11, 21, 22, 30, 45, 6)).start == "2026-11-21"


@pytest.mark.filterwarnings("ignore::taskkit.NarrowWindow")
@pytest.mark.parametrize(
    ("expression", "opens", "closes"),
    [
        ("0-59 2 * * *", "03:00", "04:00"),
        ("59 1 * * * | 0-14 2 * * *", "01:59", "03:00"),
        ("0-14 2 * * * | 30-34 2 * * *", "03:00", "03:15"),
        ("0-4 2 * * * | 30-49 2 * * *", "03:00", "03:20"),
        ("30-59 2 * * * | 0-9 3 * * *", "03:00", "03:10"),
        ("55-59 1 * * * | 0-9 2 * * * | 20-39 2 * * *", "01:55", "03:20"),
    ],
)
def test_r05_what_a_gap_swallows_whole_opens_after_it_for_the_longest(expression: str, opens: str, closes: str) -> None:
    window = TimeWindow(expression, tz="Europe/Berlin")
    start = pendulum.datetime(2026, 3, 29, 1, tz="Europe/Berlin")
    found = list(window.openings(start, start.add(hours=4)))
    assert (f"{found[0].opens:%H:%M}", f"{found[-1].closes:%H:%M}") == (opens, closes)
    assert len(found) == 1
