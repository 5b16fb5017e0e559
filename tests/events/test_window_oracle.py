"""Windows against brute force, minute by minute, over the changes of the world's clocks (R5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from taskkit import NarrowWindow, NeverFires, OpenTime, TimeWindow, Window
from tests.events.window_oracle import MINUTE, Asked, Cron, changes, open_minutes, open_time_minutes

pytestmark = pytest.mark.filterwarnings(f"ignore::{NarrowWindow.__module__}.{NarrowWindow.__qualname__}")

ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "America/Caracas", "America/Havana", "America/New_York", "America/Sao_Paulo",
    "America/St_Johns", "Antarctica/Troll", "Asia/Beirut", "Asia/Pyongyang", "Asia/Tehran", "Australia/Lord_Howe",
    "Europe/Berlin", "Europe/Dublin", "Europe/London", "Pacific/Apia", "Pacific/Chatham",
)  # fmt: skip
FIRST_YEAR, LAST_YEAR = 2000, 2040
#: A failure is told at once: to shrink one takes minutes of walking minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
BEFORE, AFTER = timedelta(hours=30), timedelta(hours=42)
SPAN = (BEFORE + AFTER) // MINUTE


# Expressions.


def terms(lowest: int, highest: int, names: Sequence[str] = (), usual: range | None = None) -> st.SearchStrategy[str]:
    """One or several of `5`, `mon`, `5-9`, `9-5`, `5-9/2`, `*/7`, `5/7`."""
    numbers = st.one_of(st.integers(lowest, highest), st.sampled_from(usual or range(lowest, highest + 1)))
    words = st.one_of(numbers.map(str), st.sampled_from(names)) if names else numbers.map(str)
    steps = st.integers(1, highest).map(str)
    upward = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    term = st.one_of(
        words,
        upward,
        st.tuples(words, words).map("-".join),
        st.tuples(upward, steps).map("/".join),
        st.tuples(st.just("*"), steps).map("/".join),
        st.tuples(st.integers(lowest, 6).map(str), steps).map("/".join),
    )
    return st.lists(term, min_size=1, max_size=3).map(",".join)


def mostly_any(other: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.just("*"), st.just("*"), other)


MINUTES = st.one_of(st.just("*"), terms(0, 59))
HOURS = st.one_of(st.just("*"), terms(0, 23, usual=range(5)))
MONTH_DAYS = mostly_any(st.one_of(st.sampled_from(["L", "1,L", "31", "1-31", "*/2", "L,15-17"]), terms(1, 31)))
MONTHS = mostly_any(terms(1, 12, ("jan", "Feb", "mar", "APR", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")))
WEEKDAY_NAMES = ("sun", "Mon", "tue", "WED", "thu", "fri", "sat")
NTH = st.one_of(
    st.tuples(st.one_of(st.integers(0, 6).map(str), st.sampled_from(WEEKDAY_NAMES)), st.integers(1, 5)).map(lambda it: f"{it[0]}#{it[1]}"),
    st.integers(0, 6).map(lambda day: f"L{day}"),
)
WEEKDAYS = mostly_any(
    st.one_of(
        st.sampled_from(["mon-fri", "7", "0,7", "6-7", "fri-mon", "0-6", "sun-sat", "*/2", "1-5/2"]),
        terms(0, 6, WEEKDAY_NAMES),
        st.lists(NTH, min_size=1, max_size=3).map(",".join),
    )
)
EXPRESSION = st.tuples(MINUTES, HOURS, MONTH_DAYS, MONTHS, WEEKDAYS).map(" ".join)
EXPRESSIONS = st.lists(EXPRESSION, min_size=1, max_size=3).map(" | ".join)


@st.composite
def moments_near_changes(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a minute at which its clock changes, or any minute at all."""
    tz = draw(st.sampled_from(ZONES))
    found = changes(tz, FIRST_YEAR, LAST_YEAR)
    minutes = (LAST_YEAR - FIRST_YEAR) * 365 * 24 * 60
    anywhere = st.integers(0, minutes).map(lambda minute: datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) + MINUTE * minute)
    return tz, draw(st.one_of(st.sampled_from(found), st.sampled_from(found), anywhere))


def made(asked: Asked) -> TimeWindow | None:
    try:
        return TimeWindow(asked.expression, tz=asked.tz)
    except NeverFires:
        return None


# Answers.


def check(window: Window, flags: list[bool], start: datetime, offsets: list[int]) -> None:
    """Every answer of the window within the span, against its open minutes."""
    edges = [place for place in range(1, SPAN) if flags[place] != flags[place - 1]]
    near = {edge + step for edge in edges[:8] for step in (-1, 0, 1)}
    for place in sorted({0, *offsets, *near} & set(range(SPAN))):
        moment = start + MINUTE * place
        assert window.contains(moment) == flags[place], moment
        check_next_opening(window, flags, start, place)
        check_closes_after(window, flags, start, place)
    check_openings(window, flags, start, 0, SPAN)
    check_openings(window, flags, start, *sorted(offsets[:2]))


def plain(answer: datetime | None) -> datetime | None:
    """Without a zone of its own: across zones, a datetime in a fold equals no other."""
    return answer and datetime.fromtimestamp(answer.timestamp(), UTC)


def place_of(answer: datetime, start: datetime) -> int:
    seconds = answer.timestamp() - start.timestamp()
    assert seconds % 60 == 0
    return int(seconds) // 60


def check_next_opening(window: Window, flags: list[bool], start: datetime, place: int) -> None:
    moment = start + MINUTE * place
    place_found = found(flags, True, place)
    answer = plain(window.next_opening(moment))
    if place_found is None:
        assert answer is None or answer >= start + MINUTE * SPAN, moment
    else:
        assert answer == start + MINUTE * place_found, moment


def check_closes_after(window: Window, flags: list[bool], start: datetime, place: int) -> None:
    moment = start + MINUTE * place
    opens = found(flags, True, place)
    closes = None if opens is None else found(flags, False, opens)
    answer = plain(window.closes_after(moment))
    if closes is None:
        assert answer is None or answer >= start + MINUTE * SPAN, moment
    else:
        assert answer == start + MINUTE * closes, moment


def found(flags: list[bool], wanted: bool, place: int) -> int | None:
    try:
        return flags.index(wanted, place)
    except ValueError:
        return None


def check_openings(window: Window, flags: list[bool], start: datetime, first: int, last: int) -> None:
    """The openings are the longest runs of open minutes, in order, cut to the span."""
    openings = list(window.openings(start + MINUTE * first, start + MINUTE * last))
    assert [(place_of(one.opens, start), place_of(one.closes, start)) for one in openings] == runs(flags, first, last)


def runs(flags: list[bool], first: int, last: int) -> list[tuple[int, int]]:
    edges = [place for place in range(first, last + 1) if (first <= place < last and flags[place]) != (place > first and flags[place - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


OFFSETS = st.lists(st.integers(0, SPAN - 1), min_size=2, max_size=5)


@settings(max_examples=200, deadline=None, phases=PHASES)
@given(EXPRESSIONS, moments_near_changes(), OFFSETS)
@example("30-44 2 * * *", ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)), [0, 1])
@example("* * 30 12 *", ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)), [0, 1])
@example("* 0 * * *", ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)), [0, 1])
def test_r05_a_window_is_open_in_the_minutes_of_the_oracle(expressions: str, where: tuple[str, datetime], offsets: list[int]) -> None:
    tz, change = where
    asked, start = Asked(expressions, tz), change - BEFORE
    flags = open_minutes(asked, start, SPAN)
    window = made(asked)
    if window is None:
        assert not any(flags)
    else:
        check(window, flags, start, offsets)


# A blackout that takes single minutes out of a year of windows is slow to make; ranges are what people write.
BLACKOUT_MINUTES = st.one_of(st.just("*"), st.sampled_from(["0-29", "30-44", "15-50", "45-10", "0-14,30-44"]))
BLACKOUT = st.tuples(BLACKOUT_MINUTES, HOURS, MONTH_DAYS, MONTHS, WEEKDAYS).map(" ".join)


@settings(max_examples=150, deadline=None, phases=PHASES)
@given(
    st.none() | EXPRESSIONS,
    st.lists(st.tuples(BLACKOUT, st.booleans()), max_size=3),
    moments_near_changes(),
    st.sampled_from(["UTC", *ZONES]),
    OFFSETS,
)
@example(None, [("30-44 2 * * *", False), ("45-59 2 * * *", False)], ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)), "UTC", [0, 1])
@example(None, [("* 1 * * *", False), ("0-29 2 * * *", False)], ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)), "UTC", [0, 1])
def test_r05_open_time_is_the_window_less_each_of_its_blackouts(
    expressions: str | None, shut: list[tuple[str, bool]], where: tuple[str, datetime], other: str, offsets: list[int]
) -> None:
    tz, change = where
    start, window = change - BEFORE, Asked(expressions, tz) if expressions else None
    blackouts = [Asked(text, other if elsewhere else tz) for text, elsewhere in shut]
    flags = open_time_minutes(window, blackouts, start, SPAN)
    open_time = made_open_time(window, blackouts)
    if open_time is None:
        assert not any(flags)
    else:
        check(open_time, flags, start, offsets)


def made_open_time(window: Asked | None, blackouts: list[Asked]) -> OpenTime | None:
    """None where it never opens; a blackout that never shuts is left away."""
    opened = made(window) if window else None
    if window and opened is None:
        return None
    try:
        return OpenTime(opened, [one for one in map(made, blackouts) if one is not None])
    except NeverFires:
        return None


@settings(max_examples=150, deadline=None, phases=PHASES)
@given(EXPRESSIONS, moments_near_changes(), st.integers(0, SPAN - 1), st.integers(0, 59_999_999))
def test_r05_within_a_minute_a_window_neither_opens_nor_closes(
    expressions: str, where: tuple[str, datetime], place: int, micros: int
) -> None:
    tz, change = where
    asked, start = Asked(expressions, tz), change - BEFORE
    window = made(asked)
    if window is None:
        return
    flags = open_minutes(asked, start, SPAN)
    moment = start + MINUTE * place + timedelta(microseconds=micros)
    assert window.contains(moment) == flags[place]
    if flags[place]:
        assert plain(window.next_opening(moment)) == moment
    elif micros:
        assert window.next_opening(moment) == window.next_opening(start + MINUTE * (place + 1))
    assert window.closes_after(moment) == window.closes_after(start + MINUTE * place)


@pytest.mark.parametrize(
    ("expression", "wall", "matches"),
    [
        ("* 22-2 * * *", (2026, 3, 5, 1, 59), True),
        ("* 22-2 * * *", (2026, 3, 5, 3, 0), False),
        ("50-10 * * * *", (2026, 3, 5, 3, 5), True),
        ("* * L * *", (2028, 2, 29, 0, 0), True),
        ("* * L * *", (2028, 2, 28, 0, 0), False),
        ("* * * * fri#2", (2026, 3, 13, 0, 0), True),
        ("* * * * fri#2", (2026, 3, 6, 0, 0), False),
        ("* * * * L5", (2026, 3, 27, 0, 0), True),
        ("* * * * L5", (2026, 3, 20, 0, 0), False),
        ("* * 13 * fri", (2026, 4, 13, 0, 0), True),
        ("* * 13 * fri", (2026, 4, 10, 0, 0), True),
        ("* * 13 * fri", (2026, 4, 14, 0, 0), False),
        ("* * * * 7", (2026, 3, 1, 0, 0), True),
        ("* * * dec-feb *", (2026, 1, 1, 0, 0), True),
        ("5/20 * * * *", (2026, 1, 1, 0, 45), True),
        ("5/20 * * * *", (2026, 1, 1, 0, 40), False),
    ],
)
def test_the_oracle_itself_reads_a_cron_expression_as_its_manual_says(expression: str, wall: tuple[int, ...], matches: bool) -> None:
    year, month, day, hour, minute = wall
    assert Cron.read(expression).matches(datetime(year, month, day, hour, minute)) == matches  # noqa: DTZ001 - the wall has no zone


def test_the_oracle_itself_moves_the_longest_opening_that_a_gap_swallows() -> None:
    start = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)  # the clocks of Berlin jump from 02:00 to 03:00 a minute later
    flags = open_minutes(Asked("10-12,30-34 2 * * *", "Europe/Berlin"), start, 10)
    assert flags == [False, *[True] * 5, *[False] * 4]


def test_the_oracle_itself_knows_the_changes_of_a_zone() -> None:
    found = changes("Europe/Berlin", 2026, 2026)
    assert found == (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC))
