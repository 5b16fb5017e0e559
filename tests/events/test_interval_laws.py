"""What holds for every interval, whatever it says: order, counting, unions, texts, documents, copies, cost."""

from __future__ import annotations

import json
import pickle
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from types import FrameType
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from taskkit.errors import InvalidValue
from taskkit.events import (
    AnyOf,
    Daily,
    Hourly,
    Interval,
    MaxAge,
    Memory,
    Minutely,
    Monthly,
    Nominal,
    Once,
    RandomDays,
    Weekly,
    from_document,
    parse,
    to_document,
)
from tests.events.data.rules import CHOICES, Draw, Scene, clock_rules, clock_words, made, moments_near, rules, scenes, single_rules, times
from tests.events.oracles import Change, changes

_MICROSECOND = timedelta(microseconds=1)
laws = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


@st.composite
def asked(draw: Draw) -> tuple[Interval, datetime]:
    scene = draw(scenes())
    return draw(rules(scene)), draw(moments_near(scene))


@st.composite
def asked_thrice(draw: Draw) -> tuple[Interval, datetime, datetime, datetime]:
    scene = draw(scenes())
    moments = sorted(draw(st.lists(moments_near(scene, 60), min_size=3, max_size=3)))
    return draw(rules(scene)), moments[0], moments[1], moments[2]


@st.composite
def random_days(draw: Draw, scene: Scene) -> Interval:
    low = draw(st.integers(1, 40))
    return made(RandomDays, low=low, high=low + draw(st.integers(0, 40)), **draw(clock_words(scene)))


@st.composite
def max_ages(draw: Draw, scene: Scene) -> Interval:
    return made(MaxAge, days=draw(st.integers(1, 100)), again=draw(st.integers(1, 9)), **draw(clock_words(scene)))


@st.composite
def values(draw: Draw) -> Interval:
    """Any interval at all."""
    scene = draw(scenes())
    one = single_rules(scene) | random_days(scene) | max_ages(scene)
    several: list[Interval] = draw(st.lists(one, min_size=1, max_size=3, unique=True))
    return AnyOf(*several) if len(several) > 1 else several[0]


def instants(interval: Interval, lo: datetime, hi: datetime) -> list[datetime]:
    return [moment.astimezone(UTC) for moment in interval.between(lo, hi)]


# Order


@laws
@given(asked())
def test_next_after_is_later_and_nothing_lies_before_it(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    found = interval.next_after(moment)
    assert found is None or found > moment
    until = found or moment + timedelta(days=40)
    assert instants(interval, moment + _MICROSECOND, until) == []
    assert interval.count_between(moment + _MICROSECOND, until) == 0


@laws
@given(asked())
def test_latest_before_is_earlier_and_nothing_lies_after_it(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    found = interval.latest_before(moment)
    assert found is None or found < moment
    since = found + _MICROSECOND if found else moment - timedelta(days=40)
    assert instants(interval, since, moment) == []


@laws
@given(asked())
def test_next_after_and_latest_before_undo_each_other(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    found = interval.next_after(moment)
    if found is not None:
        assert interval.next_after(found - _MICROSECOND) == found
        assert interval.latest_before(found + _MICROSECOND) == found
    earlier = interval.latest_before(moment)
    if earlier is not None:
        assert interval.next_after(earlier - _MICROSECOND) == earlier


@laws
@given(asked_thrice())
def test_between_is_the_chain_of_next_after_and_its_length_the_count(case: tuple[Interval, datetime, datetime, datetime]) -> None:
    interval, lo, _, hi = case
    chain: list[datetime] = []
    moment = interval.next_after(lo - _MICROSECOND)
    while moment is not None and moment < hi:
        chain.append(moment.astimezone(UTC))
        moment = interval.next_after(moment)
    assert instants(interval, lo, hi) == chain
    assert interval.count_between(lo, hi) == len(chain) == len(set(chain))


@laws
@given(asked_thrice())
def test_counts_of_two_adjoining_spans_add_up(case: tuple[Interval, datetime, datetime, datetime]) -> None:
    interval, lo, middle, hi = case
    assert interval.count_between(lo, middle) + interval.count_between(middle, hi) == interval.count_between(lo, hi)
    assert interval.count_between(hi, lo) == 0


@laws
@given(asked(), st.integers(0, 8))
def test_t14_upcoming_is_the_chain_with_its_reasons(case: tuple[Interval, datetime], count: int) -> None:
    interval, moment = case
    found = interval.upcoming(moment, count)
    for occurrence in found:
        expected = interval.next_after(moment)
        assert expected is not None
        assert occurrence.instant == expected
        assert occurrence.reasons
        assert occurrence.nominal == occurrence.reasons[0].nominal
        moment = expected
    assert len(found) == count or interval.next_after(moment) is None


@laws
@given(asked())
def test_t12_nothing_runs_before_the_start_or_after_the_end(case: tuple[Interval, datetime]) -> None:
    interval, _ = case
    first = interval.next_after(datetime.min.replace(tzinfo=UTC))
    assert first is not None  # what never fires was refused
    assert interval.latest_before(first) is None
    last = interval.latest_before(datetime.max.replace(tzinfo=UTC))
    assert last is not None
    assert interval.next_after(last) is None


# Unions


@st.composite
def two_rules(draw: Draw) -> tuple[Interval, Interval, datetime, datetime]:
    scene = draw(scenes())
    first, last = sorted([draw(moments_near(scene)), draw(moments_near(scene))])
    whole = dict(second=0, microsecond=0)  # noqa: C408
    one, other = draw(single_rules(scene)), draw(single_rules(scene))
    found = one.next_after(first)
    if found is not None and draw(st.booleans()):  # in the same minute, often not in the same second
        other = Once(found.astimezone(UTC).replace(second=draw(st.sampled_from([0, 1, 30]))))
    return one, other, first.replace(**whole), last.replace(**whole)


@laws
@given(two_rules())
def test_t09_a_union_merges_by_the_minute_and_keeps_all_reasons(case: tuple[Interval, Interval, datetime, datetime]) -> None:
    one, other, lo, hi = case
    union = AnyOf(one, other)
    by_minute: dict[datetime, list[datetime]] = defaultdict(list)
    for member in dict.fromkeys([one, other]):
        for instant in instants(member, lo, hi):
            by_minute[instant.replace(second=0)].append(instant)
    expected = sorted(min(together) for together in by_minute.values())
    assert instants(union, lo, hi) == expected
    for occurrence in union.upcoming(lo - _MICROSECOND, min(len(expected), 40)):
        together = by_minute[occurrence.instant.astimezone(UTC).replace(second=0)]
        assert len({reason.interval for reason in occurrence.reasons}) == len(together)


@laws
@given(values(), values())
def test_t09_a_union_is_the_same_in_any_order(one: Interval, other: Interval) -> None:
    union, turned = AnyOf(one, other), AnyOf(other, one)
    assert (union, hash(union)) == (turned, hash(turned))
    assert AnyOf(union, one) == union


# Names


@laws
@given(scenes().flatmap(lambda scene: st.tuples(clock_rules(scene), moments_near(scene))))
def test_t06_every_nominal_time_runs_once(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    names = Counter(
        reason.nominal for occurrence in interval.upcoming(moment - timedelta(days=3), 60) for reason in occurrence.reasons
    )  # fmt: skip
    assert all(count == 1 for count in names.values())


@laws
@given(asked())
def test_t06_a_nominal_time_is_read_back_from_its_text(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    for occurrence in interval.upcoming(moment, 5):
        for reason in occurrence.reasons:
            assert Nominal.parse(str(reason.nominal)) == reason.nominal


@given(st.integers(-60_000_000_000, 250_000_000_000), st.none() | st.sampled_from(["Europe/Berlin", "UTC"]), st.integers(0, 1))
def test_t06_every_nominal_time_is_read_back_from_its_text(wall: int, zone: str | None, reading: int) -> None:
    nominal = Nominal(wall, zone, reading if zone else 0)
    assert Nominal.parse(str(nominal)) == nominal


@pytest.mark.parametrize("text", ["", "2026-02-30T00:00Z", "2026-01-01", "2026-01-01T00:00", "2026-01-01T00:00 Mars/Olympus", "now"])
def test_t06_what_is_no_nominal_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Nominal.parse(text)


# There and back


@laws
@given(values())
def test_a_rule_is_read_back_from_its_document(interval: Interval) -> None:
    stored = json.loads(json.dumps(to_document(interval)))
    found = from_document(stored)
    assert found == interval
    assert str(found) == str(interval)
    assert to_document(found) == stored


@laws
@given(values())
def test_a_rule_is_read_back_from_its_text(interval: Interval) -> None:
    assert parse(str(interval)) == interval


def reads_back(zone: str) -> bool:
    several = Daily(tz=zone), Weekly(on="mon", tz=zone), Monthly(-1, tz=zone, start="2026-01-01"), Hourly(2, tz=zone)
    try:
        return all(parse(str(interval)) == interval for interval in several)
    except InvalidValue:
        return False


def test_every_zone_of_a_rule_is_read_back_from_its_text() -> None:
    assert [zone for zone in sorted(available_timezones()) if not reads_back(zone)] == []


@laws
@given(values())
def test_a_rule_is_copied_whole_by_pickle(interval: Interval) -> None:
    copy = pickle.loads(pickle.dumps(interval))
    assert (copy, hash(copy), str(copy)) == (interval, hash(interval), str(interval))


@laws
@given(asked())
def test_a_copy_runs_when_the_original_runs(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    for copy in (from_document(to_document(interval)), parse(str(interval)), pickle.loads(pickle.dumps(interval))):
        assert isinstance(copy, Interval)
        assert copy.next_after(moment) == interval.next_after(moment)
        assert copy.latest_before(moment) == interval.latest_before(moment)


# Anchors


@laws
@given(scenes().flatmap(lambda scene: st.tuples(single_rules(scene), moments_near(scene))))
def test_t16_an_anchor_is_set_once_and_leaves_rules_that_count_alone(case: tuple[Interval, datetime]) -> None:
    interval, moment = case
    assume(getattr(interval, "end", None) is None)
    saved = interval.anchored(moment)
    assert saved.anchored(moment + timedelta(days=9)) == saved
    if getattr(interval, "start", None) is not None:
        assert saved == interval


def test_t16_a_rule_that_counts_is_counted_from_the_day_or_minute_it_was_saved() -> None:
    moment = datetime(2026, 3, 28, 23, 30, 31, tzinfo=UTC)  # the 29th in Berlin
    assert Daily(3, tz="Europe/Berlin").anchored(moment) == Daily(3, tz="Europe/Berlin", start="2026-03-29")
    assert Weekly(2, on="mon", tz="Europe/Berlin").anchored(moment).start == "2026-03-29"
    assert Monthly(1, every=2, tz="Europe/Berlin").anchored(moment).start == "2026-03-29"
    assert Minutely(7).anchored(moment).start == "2026-03-28T23:30:00Z"
    assert AnyOf(Daily(3), Hourly(5)).anchored(moment) == AnyOf(Daily(3).anchored(moment), Hourly(5).anchored(moment))
    for plain in (Daily(), Weekly(on="mon"), Monthly(1), Once("2026-01-01")):
        assert plain.anchored(moment) == plain


# Cost


def calls(question: Callable[[], Any]) -> int:
    """How many Python functions an answer takes."""
    made = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal made
        made += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        question()
    finally:
        sys.setprofile(before)
    return made


FAR = [
    Minutely(7, start="2000-01-01", tz="Europe/Berlin"),
    Hourly(5, start="2000-01-01", tz="Europe/Berlin"),
    Daily(3, start="2000-01-01", at=["02:30", "14:00"], tz="Europe/Berlin"),
    Weekly(2, on=["mon", "thu"], start="2000-01-01", at="02:30", tz="America/New_York", fold="both"),
    Monthly([1, -1], start="2000-01-01", at="02:30", tz="Australia/Lord_Howe"),
    AnyOf(Daily(5, start="2000-01-01", tz="Europe/Berlin"), Weekly(3, on="sun", start="2000-01-01", tz="Europe/Berlin")),
]


@pytest.mark.parametrize("interval", FAR, ids=str)
def test_t03_a_look_thirty_years_from_the_anchor_costs_what_one_year_costs(interval: Interval) -> None:
    near, far = datetime(2001, 2, 14, 12, 34, tzinfo=UTC), datetime(2031, 2, 14, 12, 34, tzinfo=UTC)
    for ask in (interval.next_after, interval.latest_before):
        for moment in (near, far):
            ask(moment)  # tables of years and zones are made once
        assert abs(calls(partial(ask, far)) - calls(partial(ask, near))) <= 40


@pytest.mark.parametrize("interval", [rule for rule in FAR if not isinstance(rule, AnyOf)], ids=str)
def test_t15_counting_thirty_years_does_not_walk_them(interval: Interval) -> None:
    year, years = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)), datetime(2031, 1, 1, tzinfo=UTC)
    interval.count_between(year[0], years)
    one, thirty = calls(lambda: interval.count_between(*year)), calls(lambda: interval.count_between(year[0], years))
    assert interval.count_between(year[0], years) > 350
    assert thirty <= 35 * one  # by the changes of the clock, not by the runs


# Random days (T10)


@st.composite
def random_runs(draw: Draw) -> tuple[RandomDays, datetime]:
    """Without choices that leave a day out, so that every draw has its run."""
    scene = draw(scenes())
    low = draw(st.integers(1, 40))
    rule = RandomDays(low, low + draw(st.integers(0, 40)), at=draw(times(scene))[0], tz=scene.zone, fold=draw(CHOICES["fold"]))
    return rule, draw(moments_near(scene))


def nominal_day(nominal: Nominal) -> date:
    return date(1970, 1, 1) + timedelta(days=nominal.wall // 86_400)


@laws
@given(random_runs(), st.randoms(use_true_random=False))
def test_t10_the_days_between_two_nominal_runs_are_the_draw(case: tuple[RandomDays, datetime], rng: random.Random) -> None:
    rule, created = case
    memory = Memory(created=created, draw=rule.draw(rng))
    day, moment = created.astimezone(rule.shown_in.tzinfo).date(), created - timedelta(days=2)
    for _ in range(5):
        occurrence = rule.occurrence_after(moment, memory)
        assert occurrence is not None
        assert memory.draw is not None
        assert rule.low <= memory.draw <= rule.high
        assert (nominal_day(occurrence.nominal) - day).days == memory.draw
        day, moment = nominal_day(occurrence.nominal), occurrence.instant
        memory = Memory(created=created, last_nominal=occurrence.nominal, draw=rule.draw(rng))


@laws
@given(random_runs(), st.integers(-3, 90), st.integers(0, 90))
def test_t10_an_edit_that_keeps_the_draw_legal_keeps_it(case: tuple[RandomDays, datetime], low: int, more: int) -> None:
    rule, created = case
    draw = rule.draw(random.Random(0))
    edited = RandomDays(max(1, low), max(1, low) + more, at=rule.at, tz=rule.tz, fold=rule.fold)
    memory = Memory(created=created, draw=draw)
    assert edited.accepts(draw) == (edited.low <= draw <= edited.high)
    if edited.accepts(draw):
        assert edited.next_after(created, memory) == rule.next_after(created, memory)
    else:
        with pytest.raises(InvalidValue):
            edited.next_after(created, memory)


def test_t10_all_draws_of_the_range_come_up_and_no_others() -> None:
    rule = RandomDays(3, 6)
    assert {rule.draw() for _ in range(400)} == {3, 4, 5, 6}
    assert {rule.draw(random.Random(seed)) for seed in range(99)} == {3, 4, 5, 6}
    assert RandomDays(4, 4).draw() == 4


@pytest.mark.parametrize(("low", "high"), [(0, 3), (5, 4), (-1, 1), (1, 36_501)])
def test_t10_a_range_without_order_or_below_a_day_is_refused(low: int, high: int) -> None:
    with pytest.raises(InvalidValue):
        RandomDays(low, high)


@pytest.mark.parametrize("memory", [Memory(), Memory(draw=5), Memory(created=datetime(2026, 1, 1, tzinfo=UTC))])
def test_t10_a_draw_and_a_day_to_count_from_must_be_handed_in(memory: Memory) -> None:
    with pytest.raises(InvalidValue):
        RandomDays(3, 6).next_after(datetime(2026, 1, 1, tzinfo=UTC), memory)


def test_t10_a_used_draw_gives_nothing_more() -> None:
    memory = Memory(created=datetime(2026, 1, 1, 12, tzinfo=UTC), draw=4)
    rule = RandomDays(3, 6, at="03:00")
    only = datetime(2026, 1, 5, 3, tzinfo=UTC)
    assert rule.next_after(datetime(2026, 1, 2, tzinfo=UTC), memory) == only
    assert rule.next_after(only, memory) is None


# Max age (T11)


@st.composite
def aging(draw: Draw) -> tuple[MaxAge, datetime]:
    scene = draw(scenes())
    words = {"at": draw(times(scene))[0], "tz": scene.zone, "fold": draw(CHOICES["fold"])}
    return MaxAge(draw(st.integers(1, 100)), again=draw(st.integers(1, 9)), **words), draw(moments_near(scene))


@laws
@given(aging(), st.integers(0, 3000))
def test_t11_an_age_counts_from_the_last_success(case: tuple[MaxAge, datetime], hours: int) -> None:
    rule, created = case
    success = created + timedelta(hours=hours)
    memory = Memory(created=created, last_success=success)
    occurrence = rule.occurrence_after(created, memory)
    assert occurrence is not None
    assert (nominal_day(occurrence.nominal) - success.astimezone(rule.shown_in.tzinfo).date()).days == rule.days
    assert rule.occurrence_after(created, Memory(created=success)) == occurrence  # no success yet: from creation


@laws
@given(aging())
def test_t11_without_success_it_comes_back_and_never_at_the_same_nominal_time(case: tuple[MaxAge, datetime]) -> None:
    rule, created = case
    memory, moment, seen = Memory(created=created), created, set()
    previous: date | None = None
    for _ in range(4):
        occurrence = rule.occurrence_after(moment, memory)
        assert occurrence is not None
        assert occurrence.nominal not in seen
        day = nominal_day(occurrence.nominal)
        assert previous is None or (day - previous).days == rule.again
        seen.add(occurrence.nominal)
        # a look from before it, as after a restart, must not find the same one again
        memory, moment, previous = Memory(created=created, last_nominal=occurrence.nominal), created, day


def test_t11_a_late_success_moves_the_age_and_an_early_one_too() -> None:
    rule = MaxAge(30, at="03:00", tz="Europe/Berlin")
    created, night = datetime(2026, 1, 1, 12, tzinfo=UTC), Nominal.parse("2026-01-31T03:00 Europe/Berlin")
    for success, due in [(datetime(2026, 2, 2, 1, tzinfo=UTC), (3, 4)), (datetime(2026, 1, 20, tzinfo=UTC), (2, 19))]:
        memory = Memory(created=created, last_success=success, last_nominal=night if success.month == 2 else None)
        found = rule.next_after(success, memory)
        assert found is not None
        assert (found.month, found.day, found.hour) == (*due, 3)


def test_t11_an_age_needs_a_moment_to_count_from() -> None:
    with pytest.raises(InvalidValue):
        MaxAge(30).next_after(datetime(2026, 1, 1, tzinfo=UTC))


def gap_change(zone: str) -> Change:
    return next(change for change in changes(zone) if change.after > change.before)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_t04_t11_an_age_survives_a_day_whose_time_is_left_out(zone: str) -> None:
    change = gap_change(zone)
    wall = (change.instant + change.before).replace(tzinfo=None)
    created = datetime.combine(wall.date() - timedelta(days=5), time(12), UTC)
    rule = MaxAge(5, at=f"{wall:%H:%M}", tz=zone, gap="skip")
    assert rule.next_after(created, Memory(created=created)) is not None


def test_t04_t10_a_drawn_run_cannot_be_left_out_by_a_gap() -> None:
    with pytest.raises(InvalidValue, match="a gap could take it"):
        RandomDays(5, 5, gap="skip")
