"""One clear error for each thing that nobody can mean, when the value is made or the question is asked."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import taskkit
from taskkit import (
    MON,
    AnyOf,
    Daily,
    Hourly,
    Interval,
    InvalidValue,
    MaxAge,
    Memory,
    Minutely,
    Monthly,
    NaiveMoment,
    NeverFires,
    Nominal,
    Once,
    OpenTime,
    RandomDays,
    TaskkitError,
    TimeWindow,
    UnknownZone,
    UnreadableDocument,
    UnreadableText,
    Window,
    every,
    from_document,
    on_the,
    parse,
)

kit: Any = taskkit  # what is wrong on purpose is hidden from the type checker

NAIVE = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001 - what is refused here
AWARE = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)


def refusal(make: Callable[[], object], kind: type[TaskkitError] = InvalidValue) -> TaskkitError:
    """The error that making the value raises: one of ours, in three parts, and it travels between processes."""
    with pytest.raises(TaskkitError) as caught:
        make()
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, ValueError)
    assert error.tried
    assert error.case
    assert str(error).startswith(f"{error.tried}: {error.case}")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert (again.tried, again.case, again.help) == (error.tried, error.case, error.help)
    return error


# Zones.

ZONED: list[Callable[[Any], object]] = [
    lambda tz: Minutely(tz=tz),
    lambda tz: Hourly(tz=tz),
    lambda tz: Daily(tz=tz),
    lambda tz: every(MON, tz=tz),
    lambda tz: on_the(1, tz=tz),
    lambda tz: Once("2026-03-29", tz=tz),
    lambda tz: RandomDays(1, 2, tz=tz),
    lambda tz: MaxAge(90, tz=tz),
    lambda tz: TimeWindow("* 22 * * *", tz=tz),
]


@pytest.mark.parametrize("make", ZONED)
def test_t01_an_unknown_zone_is_an_error_when_the_value_is_made(make: Callable[[Any], object]) -> None:
    error = refusal(lambda: make("Europe/Berlim"), UnknownZone)
    assert "'Europe/Berlim'" in error.tried
    assert "Europe/Berlin" in error.help


@pytest.mark.parametrize(
    "tz",
    [
        "", " ", "Berlin", "europe/nowhere", "Europe", "Europe/Berlin ", "+01:00", "UTC+1", "CEST", "/etc/localtime", "../UTC",
        "Europe/../UTC", "Europe//Berlin", "zone.tab", "tzdata.zi", "leapseconds",
        "A" * 300, "a/" * 3000 + "b", "UTC\x00", "\N{SNOWMAN}", None,
        1, b"UTC", ["UTC"],
        datetime.fromisoformat("2026-01-01T00:00+01:00").tzinfo,
    ],
)  # fmt: skip
def test_t01_what_names_no_zone_is_an_unknown_zone(tz: object) -> None:
    error = refusal(lambda: kit.Daily(tz=tz), UnknownZone)
    assert repr(tz) in error.tried
    assert error.help


# Moments without a zone, or that are none.

INTERVALS: list[Interval] = [
    Minutely(), Hourly(), Daily(), every(MON), on_the(1), Once("2026-03-29"), Once("2026-03-29T00:00Z"), AnyOf(Daily(), Minutely(5)),
    Daily(tz="Europe/Berlin"),
]  # fmt: skip
WINDOWS: list[Window] = [TimeWindow("* 22 * * *"), OpenTime(), OpenTime(None, TimeWindow("* * 24 12 *"))]

INTERVAL_DOORS: dict[str, Callable[[Interval, Any], object]] = {
    "next_after": lambda interval, moment: interval.next_after(moment),
    "latest_before": lambda interval, moment: interval.latest_before(moment),
    "between, start": lambda interval, moment: list(interval.between(moment, AWARE)),
    "between, end": lambda interval, moment: list(interval.between(AWARE, moment)),
    "count_between, start": lambda interval, moment: interval.count_between(moment, AWARE),
    "count_between, end": lambda interval, moment: interval.count_between(AWARE, moment),
    "occurrence_after": lambda interval, moment: interval.occurrence_after(moment),
    "upcoming": lambda interval, moment: interval.upcoming(moment, 3),
}
WINDOW_DOORS: dict[str, Callable[[Window, Any], object]] = {
    "contains": lambda window, moment: window.contains(moment),
    "next_opening": lambda window, moment: window.next_opening(moment),
    "closes_after": lambda window, moment: window.closes_after(moment),
    "openings, start": lambda window, moment: list(window.openings(moment, AWARE)),
    "openings, end": lambda window, moment: list(window.openings(AWARE, moment)),
}
NO_MOMENTS: list[Any] = [None, 0, 1_774_751_400.0, "2026-03-29T02:30Z", date(2026, 3, 29), time(2, 30), AWARE.tzinfo]


@pytest.mark.parametrize("door", INTERVAL_DOORS)
@pytest.mark.parametrize("interval", INTERVALS, ids=str)
def test_a_naive_moment_is_refused_by_every_question_to_an_interval(interval: Interval, door: str) -> None:
    error = refusal(lambda: INTERVAL_DOORS[door](interval, NAIVE), NaiveMoment)
    assert "2026-03-29 02:30:00" in error.tried
    assert "no zone" in error.case
    assert "tz" in error.help


@pytest.mark.parametrize("door", WINDOW_DOORS)
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_naive_moment_is_refused_by_every_question_to_a_window(window: Window, door: str) -> None:
    error = refusal(lambda: WINDOW_DOORS[door](window, NAIVE), NaiveMoment)
    assert "2026-03-29 02:30:00" in error.tried
    assert error.help


@pytest.mark.parametrize("moment", NO_MOMENTS, ids=repr)
@pytest.mark.parametrize("door", INTERVAL_DOORS)
def test_what_is_no_moment_is_refused_by_every_question_to_an_interval(door: str, moment: object) -> None:
    error = refusal(lambda: INTERVAL_DOORS[door](Daily(), moment))
    assert repr(moment) in error.tried
    assert type(moment).__name__ in error.case


@pytest.mark.parametrize("moment", NO_MOMENTS, ids=repr)
@pytest.mark.parametrize("door", WINDOW_DOORS)
def test_what_is_no_moment_is_refused_by_every_question_to_a_window(door: str, moment: object) -> None:
    error = refusal(lambda: WINDOW_DOORS[door](TimeWindow("* 22 * * *"), moment))
    assert repr(moment) in error.tried
    assert type(moment).__name__ in error.case


@pytest.mark.parametrize("name", ["between", "openings"])
def test_a_naive_moment_is_refused_before_the_first_answer_is_taken(name: str) -> None:
    asked = Daily().between if name == "between" else TimeWindow("* 22 * * *").openings
    refusal(lambda: asked(NAIVE, AWARE), NaiveMoment)


@pytest.mark.parametrize("name", ["created", "last_success"])
def test_a_memory_refuses_a_naive_moment(name: str) -> None:
    error = refusal(lambda: Memory(**{name: NAIVE}), NaiveMoment)  # type: ignore[arg-type]
    assert "2026-03-29 02:30:00" in error.tried


@pytest.mark.parametrize(
    "said",
    [
        {"created": "2026-03-29T02:30Z"}, {"created": date(2026, 3, 29)}, {"last_success": 5}, {"last_nominal": "2026-03-29T02:30Z"},
        {"last_nominal": AWARE}, {"draw": 1.5}, {"draw": "15"}, {"parts": [1]}, {"parts": [None]}, {"parts": 5},
    ],
    ids=repr,
)  # fmt: skip
def test_a_memory_refuses_what_it_cannot_hold(said: dict[str, Any]) -> None:
    refusal(lambda: Memory(**said))


# Rules.


@pytest.mark.parametrize(
    ("make", "tried", "clue"),
    [
        pytest.param(lambda: kit.Daily(0), "every=0", "from 1 to 36,500", id="every no day"),
        pytest.param(lambda: kit.Daily(-1), "every=-1", "whole number of days", id="every day backwards"),
        pytest.param(lambda: kit.Daily(True), "every=True", "whole number of days", id="every true"),
        pytest.param(lambda: kit.Daily(1.5), "every=1.5", "whole number of days", id="every day and a half"),
        pytest.param(lambda: kit.Daily("2"), "every='2'", "whole number of days", id="every text"),
        pytest.param(lambda: kit.Daily(None), "every=None", "whole number of days", id="every nothing"),
        pytest.param(lambda: kit.Daily(36_501), "every=36501", "from 1 to", id="every hundred years and a day"),
        pytest.param(lambda: kit.Daily(10**30), f"every={10**30}", "from 1 to", id="every huge number of days"),
        pytest.param(lambda: kit.Minutely(0), "every=0", "whole number of minutes", id="every no minute"),
        pytest.param(lambda: kit.Minutely(5_256_001), "every=5256001", "5,256,000", id="too many minutes"),
        pytest.param(lambda: kit.Hourly(False), "every=False", "whole number of hours", id="every no hour"),
        pytest.param(lambda: kit.Hourly(87_601), "every=87601", "87,600", id="too many hours"),
        pytest.param(lambda: kit.Weekly(0, on=MON), "every=0", "whole number of weeks", id="every no week"),
        pytest.param(lambda: kit.Weekly(5_201, on=MON), "every=5201", "5,200", id="too many weeks"),
        pytest.param(lambda: kit.Monthly(1, every=0), "every=0", "whole number of months", id="every no month"),
        pytest.param(lambda: kit.Monthly(1, every=1_201), "every=1201", "1,200", id="too many months"),
        pytest.param(lambda: kit.Weekly(on=[]), "on=[]", "names nothing", id="no weekday"),
        pytest.param(lambda: kit.every(), "on=()", "names nothing", id="no weekday at all"),
        pytest.param(lambda: kit.every("mon", "xyz"), "on='xyz'", "no weekday", id="a strange weekday"),
        pytest.param(lambda: kit.every("m"), "on='m'", "no weekday", id="too short a weekday"),
        pytest.param(lambda: kit.every(0), "on=0", "MON to SUN", id="a weekday by number"),
        pytest.param(lambda: kit.Weekly(on=None), "on=None", "no weekday", id="weekday nothing"),
        pytest.param(lambda: kit.on_the(32), "days=32", "no month has such a day", id="day 32"),
        pytest.param(lambda: kit.on_the(0), "days=0", "no month has such a day", id="day 0"),
        pytest.param(lambda: kit.on_the(-29), "days=-29", "down to -28", id="day -29"),
        pytest.param(lambda: kit.on_the(1, True), "days=True", "no month has such a day", id="day true"),
        pytest.param(lambda: kit.on_the(1.0), "days=1.0", "no month has such a day", id="day 1.0"),
        pytest.param(lambda: kit.on_the(), "days=()", "names nothing", id="no day"),
        pytest.param(lambda: kit.Monthly("15"), "days='15'", "no month has such a day", id="day text"),
        pytest.param(lambda: kit.Monthly(1, months=[]), "months=[]", "names nothing", id="no month"),
        pytest.param(lambda: kit.Monthly(1, months=0), "months=0", "no such month", id="month 0"),
        pytest.param(lambda: kit.Monthly(1, months=[1, 13]), "months=13", "no such month", id="month 13"),
        pytest.param(lambda: kit.Monthly(1, months="juno"), "months='juno'", "'june'", id="a strange month"),
        pytest.param(lambda: kit.Monthly(1, months=True), "months=True", "no such month", id="month true"),
        pytest.param(lambda: kit.Daily(at="24:00"), "at='24:00'", "'23:59'", id="24:00"),
        pytest.param(lambda: kit.Daily(at="9"), "at='9'", "no time of day", id="an hour alone"),
        pytest.param(lambda: kit.Daily(at="09:00:30"), "at='09:00:30'", "hours and minutes", id="seconds"),
        pytest.param(lambda: kit.Daily(at=" 09:00"), "at=' 09:00'", "no time of day", id="blanks"),
        pytest.param(lambda: kit.Daily(at=[]), "at=[]", "names nothing", id="no time"),
        pytest.param(lambda: kit.Daily(at=["09:00", None]), "at=None", "no time of day", id="time nothing"),
        pytest.param(lambda: kit.Daily(at=time(9, 0, 30)), "at=datetime.time(9, 0, 30)", "hours and minutes", id="a time with seconds"),
        pytest.param(lambda: kit.Daily(at=time(9, tzinfo=UTC)), "at=datetime.time(9, 0, tzinfo=", "no time", id="a time with a zone"),
        pytest.param(lambda: kit.Daily(gap="jump"), "gap='jump'", "'shift' or 'skip'", id="gap"),
        pytest.param(lambda: kit.Daily(fold="never"), "fold='never'", "'first' or 'last' or 'both'", id="fold"),
        pytest.param(lambda: kit.Once("2026-03-29", fold=None), "fold=None", "'both'", id="fold nothing"),
        pytest.param(lambda: kit.Monthly(31, missing_day="first"), "missing_day='first'", "'last' or 'skip' or 'next'", id="missing day"),
        pytest.param(lambda: kit.Daily(start="2026-02-30"), "start='2026-02-30'", "no date", id="30 February"),
        pytest.param(lambda: kit.Daily(start="soon"), "start='soon'", "2026-01-31", id="soon"),
        pytest.param(lambda: kit.Daily(start="2026-01-01Z"), "start='2026-01-01Z'", "no date", id="a date with a zone"),
        pytest.param(lambda: kit.Daily(start="2026-01-01 24:30"), "start='2026-01-01 24:30'", "no date", id="a time past the day"),
        pytest.param(lambda: kit.Daily(end=20260101), "end=20260101", "no date", id="a number"),
        pytest.param(lambda: kit.Daily(end=time(9)), "end=datetime.time(9, 0)", "no date", id="a time alone"),
        pytest.param(lambda: kit.Once(None), "at=None", "no date", id="once nothing"),
        pytest.param(lambda: kit.Once("09:00"), "at='09:00'", "no date", id="once without a date"),
        pytest.param(lambda: kit.RandomDays(30, 15), "RandomDays(30, 15)", "RandomDays(15, 30)", id="the larger first"),
        pytest.param(lambda: kit.RandomDays(0, 15), "low=0", "from 1 to", id="from no day"),
        pytest.param(lambda: kit.RandomDays(1, 36_501), "high=36501", "from 1 to", id="to too many days"),
        pytest.param(lambda: kit.RandomDays(1.0, 2), "low=1.0", "whole number", id="random floats"),
        pytest.param(lambda: kit.MaxAge(0), "days=0", "from 1 to", id="no age"),
        pytest.param(lambda: kit.MaxAge(90, again=0), "again=0", "from 1 to", id="again at once"),
        pytest.param(lambda: kit.AnyOf(), "AnyOf()", "at least one", id="no interval"),
        pytest.param(lambda: kit.AnyOf(kit.Daily(), "daily"), "'daily'", "it is a str", id="a text among intervals"),
        pytest.param(lambda: kit.AnyOf([kit.Daily()]), "AnyOf(", "it is a list", id="a list of intervals"),
        pytest.param(lambda: kit.AnyOf(None), "None", "it is a NoneType", id="nothing as an interval"),
        pytest.param(lambda: kit.AnyOf(kit.TimeWindow("* 22 * * *")), "TimeWindow", "give intervals", id="a window among intervals"),
        pytest.param(lambda: kit.TimeWindow("* 22 * *"), "'* 22 * *'", "it has 4", id="four fields"),
        pytest.param(lambda: kit.OpenTime(None, [kit.Daily()]), "blackouts=", "TimeWindow", id="an interval as a blackout"),
        pytest.param(lambda: kit.OpenTime(kit.Daily()), "Daily(", "TimeWindow", id="an interval as a window"),
        pytest.param(lambda: kit.OpenTime("* 22 * * *"), "* 22 * * *", "TimeWindow", id="a text as a window"),
        pytest.param(lambda: Nominal.parse("yesterday"), "'yesterday'", "2026-03-29T02:30 Europe/Berlin", id="no nominal"),
        pytest.param(lambda: Nominal.parse("2026-03-29T24:30Z"), "T24:30Z'", "2026-03-29T02:30 Europe/Berlin", id="no time of a nominal"),
        pytest.param(lambda: Nominal.parse("2026-03-29T02:60Z"), "T02:60Z'", "2026-03-29T02:30 Europe/Berlin", id="no minute of one"),
    ],
)  # fmt: skip
def test_what_nobody_can_mean_is_refused_when_it_is_made(make: Callable[[], object], tried: str, clue: str) -> None:
    error = refusal(make)
    assert tried in error.tried
    assert clue in f"{error.case}; {error.help}"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-12-31", "2026-01-01"),
        ("2026-01-02", "2026-01-01"),
        ("2026-01-01T10:00", "2026-01-01T09:59"),
        ("2026-01-01T10:00Z", "2026-01-01T09:59Z"),
        (datetime(2026, 1, 1, 10, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2026, 1, 1, 8, 59, tzinfo=UTC)),
        (date(2026, 1, 2), date(2026, 1, 1)),
    ],
)
@pytest.mark.parametrize("make", [Minutely, Hourly, Daily, lambda **said: every(MON, **said), lambda **said: RandomDays(1, 2, **said)])
def test_an_end_before_the_start_is_refused(make: Callable[..., object], start: Any, end: Any) -> None:
    error = refusal(lambda: make(start=start, end=end))
    assert "start=" in error.tried
    assert "end=" in error.tried
    assert "before the start" in error.case
    assert "swap" in error.help


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("start", lambda moment: Daily(start=moment)),
        ("end", lambda moment: Daily(end=moment)),
        ("start", lambda moment: Minutely(start=moment)),
        ("end", lambda moment: MaxAge(90, end=moment)),
        ("at", Once),
    ],
)
def test_a_naive_datetime_is_no_edge_and_its_text_is_offered_instead(name: str, make: Callable[[Any], object]) -> None:
    error = refusal(lambda: make(NAIVE), NaiveMoment)
    assert error.tried == f"{name}=2026-03-29 02:30:00"
    assert "2026-03-29T02:30" in error.help


@pytest.mark.parametrize(
    ("make", "tried"),
    [
        (lambda: Monthly(30, months=2, missing_day="skip"), "on the 30th in February"),
        (lambda: Monthly([30, 31], months="feb", missing_day="skip"), "February"),
        (lambda: Monthly(31, months=[4, 6, 9, 11], missing_day="skip"), "April"),
        (lambda: every(MON, start="2026-01-06", end="2026-01-11"), "Monday"),
        (lambda: Daily(100, start="2026-01-01T12:00", end="2026-03-01"), "every 100 days"),
        (lambda: Once("2026-03-29 02:30", tz="Europe/Berlin", gap="skip"), "once at 2026-03-29T02:30"),
        (lambda: TimeWindow("* * 30 2 *"), "'* * 30 2 *'"),
        (lambda: OpenTime(TimeWindow("* 22 * * *"), TimeWindow("* 22 * * *")), "except window '* 22 * * *'"),
    ],
)
def test_t14_a_rule_that_can_never_fire_is_refused_when_it_is_made(make: Callable[[], object], tried: str) -> None:
    error = refusal(make, NeverFires)
    assert tried in error.tried
    assert "no occurrence at all" in error.case or "never opens" in error.case
    assert error.help


@pytest.mark.parametrize(
    "make",
    [
        lambda: Monthly(30, months=2),
        lambda: Monthly(29, months=2, missing_day="skip"),
        lambda: Daily(start="2026-01-01", end="2026-01-01"),
    ],
)
def test_t14_a_rule_that_fires_at_all_is_accepted(make: Callable[[], Interval]) -> None:
    assert make().next_after(datetime(2025, 1, 1, tzinfo=UTC)) is not None


# Rules that need a memory.


@pytest.mark.parametrize(
    ("memory", "case", "help"),
    [
        (Memory(), "no draw from 15 to 30", "draw=interval.draw()"),
        (Memory(created=AWARE), "no draw from 15 to 30", "draw=interval.draw()"),
        (Memory(created=AWARE, draw=14), "no draw from 15 to 30", "draw=interval.draw()"),
        (Memory(created=AWARE, draw=31), "no draw from 15 to 30", "draw=interval.draw()"),
        (Memory(created=AWARE, draw=-1), "no draw from 15 to 30", "draw=interval.draw()"),
        (Memory(draw=20), "no created", "created="),
    ],
)
def test_t10_random_days_ask_for_the_memory_that_they_lack(memory: Memory, case: str, help: str) -> None:
    error = refusal(lambda: RandomDays(15, 30).next_after(AWARE, memory))
    assert "every 15 to 30 days" in error.tried
    assert case in error.case
    assert help in error.help


@pytest.mark.parametrize("memory", [Memory(), Memory(draw=5)])
def test_t11_a_max_age_asks_for_the_creation(memory: Memory) -> None:
    error = refusal(lambda: MaxAge(90).next_after(AWARE, memory))
    assert "90 days after the last success" in error.tried
    assert "no created" in error.case
    assert "created=" in error.help


def test_t10_a_union_asks_for_the_memory_of_its_members() -> None:
    error = refusal(lambda: AnyOf(Daily(), RandomDays(15, 30)).next_after(AWARE))
    assert "every 15 to 30 days" in error.tried


# Errors as such.


@pytest.mark.parametrize(
    "error",
    [
        TaskkitError("trying", "it did not work", "try again"),
        InvalidValue("every=0", "it is no whole number"),
        NaiveMoment("a", "b", "c"),
        UnknownZone("a", "b", "c"),
        NeverFires("a", "b", "c"),
        UnreadableDocument("a", "b", "c"),
        UnreadableText("every 5 minuts", 8, 14, "'minuts' is not understood here", "did you mean 'minutes'?"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickle_with_all_its_parts(error: TaskkitError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_an_error_without_help_ends_with_the_case() -> None:
    assert str(TaskkitError("trying", "it did not work")) == "trying: it did not work"
    assert str(TaskkitError("trying", "it did not work", "try again")) == "trying: it did not work; try again"


@pytest.mark.parametrize("make", [lambda: Daily(0), lambda: from_document({"kind": "x"}), lambda: parse("x"), lambda: Daily(tz="x")])
def test_every_refusal_is_a_value_error_too(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"x|0"):
        make()
