"""The quick arithmetic of intervals against two slow oracles, over all kinds, zones and choices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskkit.events import Interval
from tests.events.data.rules import Draw, Scene, clock_rules, elapsed, moments_near, onces, scenes, single_rules, unions
from tests.events.oracles import mapped, mapped_names, walked, walked_names

Case = tuple[Interval, datetime, datetime]


def thorough(examples: int) -> settings:
    """The oracles are slow, and a rule now and then contradicts itself; neither is news."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow)


@st.composite
def spans(draw: Draw, scene: Scene, days: int) -> tuple[datetime, datetime]:
    lo = draw(moments_near(scene))
    return lo, lo + draw(st.integers(0, days * 86_400)) * timedelta(seconds=1)


@st.composite
def days_around(draw: Draw, *kinds: str) -> Case:
    scene = draw(scenes())
    known = {"clock": clock_rules, "elapsed": elapsed, "once": onces, "union": unions, "single": single_rules}
    rule = draw(st.one_of(*(known[kind](scene) for kind in kinds)))
    return rule, *draw(spans(scene, 3))


@st.composite
def years_around(draw: Draw) -> Case:
    scene = draw(scenes())
    lo = draw(moments_near(scene))
    return draw(clock_rules(scene)), lo, lo + draw(st.integers(300, 800)) * timedelta(days=1)


def instants(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    return [moment.astimezone(UTC) for moment in interval.between(lo, hi)]


def forwards(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    found: list[datetime] = []
    moment = interval.next_after(lo - timedelta(microseconds=1))
    while moment is not None and moment < hi:
        found.append(moment.astimezone(UTC))
        moment = interval.next_after(moment)
    return found


def backwards(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    found: list[datetime] = []
    moment = interval.latest_before(hi)
    while moment is not None and moment >= lo:
        found.append(moment.astimezone(UTC))
        moment = interval.latest_before(moment)
    return found[::-1]


def agree(interval: Interval, lo: datetime, hi: datetime, expected: list[datetime]) -> None:
    """Nothing lost, nothing doubled, from whichever side one asks."""
    assert instants(interval, lo, hi) == expected
    assert interval.count_between(lo, hi) == len(expected)
    assert forwards(interval, lo, hi) == expected
    assert backwards(interval, lo, hi) == expected


@thorough(350)
@given(days_around("clock"))
def test_t02_t04_t05_wall_clock_rules_run_when_a_walk_over_all_minutes_says_so(case: Case) -> None:
    agree(*case, walked(*case))


@thorough(350)
@given(days_around("clock"))
def test_t07_t08_wall_clock_rules_run_when_dateutil_says_so(case: Case) -> None:
    agree(*case, mapped(*case))


@thorough(200)
@given(years_around())
def test_t03_t07_t08_over_years_wall_clock_rules_run_when_dateutil_says_so(case: Case) -> None:
    agree(*case, mapped(*case))


@thorough(150)
@given(days_around("elapsed"))
def test_t02_t12_elapsed_rules_run_when_the_oracles_say_so(case: Case) -> None:
    agree(*case, walked(*case))
    agree(*case, mapped(*case))


@thorough(150)
@given(days_around("once"))
def test_t04_t05_once_runs_when_the_oracles_say_so(case: Case) -> None:
    agree(*case, walked(*case))
    agree(*case, mapped(*case))


@thorough(250)
@given(days_around("union"))
def test_t09_of_two_rules_in_one_minute_one_run_is_made(case: Case) -> None:
    agree(*case, mapped(*case))


@thorough(200)
@given(days_around("clock", "elapsed", "once", "union"))
def test_t06_t09_every_run_carries_the_nominal_times_that_the_walk_finds(case: Case) -> None:
    interval, lo, hi = case
    for instant, names in walked_names(interval, lo, hi).items():
        occurrence = interval.occurrence_after(instant - timedelta(seconds=1))
        assert occurrence is not None
        assert (occurrence.instant.astimezone(UTC), {str(reason.nominal) for reason in occurrence.reasons}) == (instant, names)


@thorough(300)
@given(days_around("clock", "elapsed", "once", "union"))
def test_the_two_oracles_say_the_same(case: Case) -> None:
    assert walked_names(*case) == mapped_names(*case)
