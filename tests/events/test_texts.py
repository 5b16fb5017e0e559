"""Rules and windows as people write them: what is understood, and where an error points."""

from __future__ import annotations

import pickle
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskkit import (
    FRI,
    MON,
    SAT,
    SUN,
    THU,
    TUE,
    WED,
    AnyOf,
    Daily,
    Hourly,
    Interval,
    InvalidValue,
    MaxAge,
    Minutely,
    Monthly,
    Once,
    OpenTime,
    RandomDays,
    TimeWindow,
    UnreadableText,
    Weekly,
    Window,
    every,
    on_the,
    parse,
    parse_interval,
    parse_window,
)

BERLIN = "Europe/Berlin"
ignore_narrow = pytest.mark.filterwarnings("ignore::taskkit.errors.NarrowWindow")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("every minute", Minutely()),
        ("minutely", Minutely()),
        ("every 5 minutes", Minutely(5)),
        ("Every 5 Minutes", Minutely(5)),
        ("every 2 hours from 2026-01-01", Hourly(2, start="2026-01-01")),
        ("hourly until 2026-12-31", Hourly(end="2026-12-31")),
        ("every other hour", Hourly(2)),
        ("daily", Daily()),
        ("every day", Daily()),
        ("daily 02:30 Europe/Berlin", Daily(at="02:30", tz=BERLIN)),
        ("daily at 2:30, Europe/Berlin", Daily(at="02:30", tz=BERLIN)),
        ("daily at 02:30 in Europe/Berlin", Daily(at="02:30", tz=BERLIN)),
        ("daily at 02:30 and 14:30", Daily(at=["02:30", "14:30"])),
        ("daily at 02:30, 14:30 UTC", Daily(at=["02:30", "14:30"])),
        ("daily at 02:30, 08:30, and 14:30", Daily(at=["02:30", "08:30", "14:30"])),
        ("every 3 days from 2026-01-31", Daily(3, start="2026-01-31")),
        ("every other day starting 2026-01-31T12:00", Daily(2, start="2026-01-31T12:00")),
        ("every 3 days from 2026-01-31T12:00Z until 2026-12-31", Daily(3, start="2026-01-31T12:00Z", end="2026-12-31")),
        ("daily 02:30 gap skip fold both", Daily(at="02:30", gap="skip", fold="both")),
        ("daily, ending 2026-12-31T10:00", Daily(end="2026-12-31T10:00")),
        ("every monday", every(MON)),
        ("every Sunday at 03:00", every(SUN, at="03:00")),
        ("every mon,wed and fri", every(MON, WED, FRI)),
        ("on tuesday at 09:00", every(TUE, at="09:00")),
        ("on Tue", every(TUE)),
        ("weekly on monday", every(MON)),
        ("every week on sat and sun at 10:00", every(SAT, SUN, at="10:00")),
        ("every 2 weeks on mon,wed at 09:00 Europe/Berlin", Weekly(2, on=[MON, WED], at="09:00", tz=BERLIN)),
        ("every other week on thu", Weekly(2, on=THU)),
        ("on the 15th", on_the(15)),
        ("on the 1st and last day of the month", on_the(1, -1)),
        ("on the last day of June", Monthly(-1, months=6)),
        ("on the 2nd last day", on_the(-2)),
        ("every 15th at 03:00", on_the(15, at="03:00")),
        ("every last day of the month", on_the(-1)),
        ("monthly on the 31st missing day skip", Monthly(31, missing_day="skip")),
        ("monthly on day 31, missing day next", Monthly(31, missing_day="next")),
        ("every month on the 1st and last day in June at 03:00", Monthly([1, -1], months=6, at="03:00")),
        ("every month on the 1st, 15th and last day in jan, apr, jul and oct", Monthly([1, 15, -1], months=[1, 4, 7, 10])),
        ("every 3 months on the 1st from 2026-02-01", Monthly(1, every=3, start="2026-02-01")),
        ("every 15 to 30 days", RandomDays(15, 30)),
        ("every 7 to 7 days at 03:00 Europe/Berlin", RandomDays(7, 7, at="03:00", tz=BERLIN)),
        ("90 days after the last success", MaxAge(90)),
        ("90 days after the last success, again after 2 days", MaxAge(90, again=2)),
        ("1 day after the last success, again every 1 day at 03:00", MaxAge(1, at="03:00")),
        ("once at 2026-03-29 02:30", Once("2026-03-29T02:30")),
        ("once 2026-03-28 at 02:30 Europe/Berlin gap skip", Once("2026-03-28T02:30", tz=BERLIN, gap="skip")),
        ("once on 2026-03-29T02:30Z", Once("2026-03-29T02:30Z")),
        ("once at 2026-03-29", Once("2026-03-29")),
        ("every 5 minutes; every Sunday", AnyOf(Minutely(5), every(SUN))),
        ("daily 02:30;on the 1st ; once at 2026-03-29 02:30", AnyOf(Daily(at="02:30"), on_the(1), Once("2026-03-29T02:30"))),
        ("window '* 22-23 * * 1-5', Europe/Berlin", TimeWindow("* 22-23 * * 1-5", tz=BERLIN)),
        ('window "* 22-23 * * mon-fri" Europe/Berlin', TimeWindow("* 22-23 * * 1-5", tz=BERLIN)),
        ("Window '* 22 * * *'", TimeWindow("* 22 * * *")),
        ("always", OpenTime()),
        ("always except window '* * 24 12 *', UTC", OpenTime(None, TimeWindow("* * 24 12 *"))),
        (
            "window '* 22 * * *' except window '* * 24 12 *' except window '* * 1 1 *' Europe/Berlin",
            OpenTime(TimeWindow("* 22 * * *"), [TimeWindow("* * 24 12 *"), TimeWindow("* * 1 1 *", tz=BERLIN)]),
        ),
        ("  daily\t02:30\n", Daily(at="02:30")),
    ],
)  # fmt: skip
def test_a_text_says_a_value(text: str, value: Interval | Window) -> None:
    assert parse(text) == value


VALUES: list[Interval | Window] = [
    Minutely(), Minutely(5, start="2026-01-01T00:00Z"), Minutely(7, tz=BERLIN, end="2026-01-01"),
    Hourly(), Hourly(12, tz=BERLIN, start="2026-01-01 10:00", end="2026-02-01T10:00:30"),
    Daily(), Daily(2, at=["2:30", "14:30"], tz=BERLIN, gap="skip", fold="both", start="2026-01-01", end="2027-01-01 10:00"),
    Daily(tz="Etc/GMT+5"), Daily(tz="America/Argentina/Buenos_Aires"), Daily(tz="EST5EDT"),
    every(MON), every(MON, SUN, at="09:00", tz=BERLIN, fold="last"), Weekly(2, on=[MON, WED, FRI], start="2026-01-01"),
    on_the(1), on_the(-1), on_the(-2, -1, 1, 15, 31), on_the(2, 3, 11, 12, 13, 21, 22, 23), Monthly(-28, missing_day="skip"),
    Monthly((1, -1), months=["june", "may"], missing_day="next", every=1, gap="skip"), Monthly(31, every=5, end="2099-12-31T10:00Z"),
    Once("2026-03-29"), Once("2026-03-29 02:30", tz=BERLIN, fold="last"), Once("2026-03-29T02:30:30+02:00"),
    RandomDays(15, 30), RandomDays(1, 1, at="03:00", tz=BERLIN, start="2026-01-01"),
    MaxAge(90), MaxAge(1, again=2, at=["03:00", "04:00"], end="2026-01-01"), MaxAge(1, again=1),
    AnyOf(Daily()), AnyOf(Daily(), every(SUN), Monthly(1, months=[1, 2]), MaxAge(90, again=3), RandomDays(1, 2), Once("2026-03-29")),
    TimeWindow("* 22-23 * * 1-5", tz=BERLIN), TimeWindow("* 22 * * mon#1 | * 23 L * *"),
    OpenTime(), OpenTime(TimeWindow("* 22 * * *")), OpenTime(None, TimeWindow("* * 24 12 *", tz=BERLIN)),
    OpenTime(TimeWindow("* 22 * * *"), [TimeWindow("* * 24 12 *", tz=BERLIN), TimeWindow("* * 1 1 *")]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_what_a_value_writes_of_itself_is_read_back(value: Interval | Window) -> None:
    again = parse(str(value))
    if isinstance(value, (AnyOf, OpenTime)):  # one member, or no blackout, is written as that alone
        assert str(again) == str(value)
    else:
        assert again == value


@pytest.mark.parametrize("value", [value for value in VALUES if not isinstance(value, Window)], ids=str)
def test_the_case_of_a_written_rule_does_not_matter_but_for_its_zone(value: Interval) -> None:
    text = str(value)
    assert str(parse(text.replace("every", "EVERY").replace(" at ", " AT ").replace("last", "LAST"))) == str(parse(text))


def test_every_zone_of_this_machine_can_be_written_and_read_back() -> None:
    lost = []
    for name in sorted(zoneinfo.available_timezones()):
        rule = Daily(at="02:30", tz=name)
        try:
            assert parse(str(rule)) == rule
        except UnreadableText:
            lost.append(name)
    assert lost == []


@pytest.mark.parametrize(
    ("text", "word", "clue"),
    [
        ("", "", "ends too early"),
        ("   ", "", "ends too early"),
        ("evry 5 minutes", "evry", "did you mean 'every'"),
        ("every 5 minuts", "minuts", "did you mean 'minutes'"),
        ("every 5", "", "ends too early"),
        ("every", "", "ends too early"),
        ("every 5 bananas", "bananas", "minutes, hours, days"),
        ("every mondy", "mondy", "did you mean 'monday'"),
        ("every monday and tusday", "tusday", "did you mean 'tuesday'"),
        ("every 2 weeks on mon at nine", "nine", "time"),
        ("daily at 25:00", "25:00", "no time of day"),
        ("daily at 02:60", "02:60", "no time of day"),
        ("daily 02:30 Europe/Berlim", "Europe/Berlim", "did you mean Europe/Berlin"),
        ("daily at 02:30 in Nowhere", "Nowhere", "zone"),
        ("daily utnil 2026-12-31", "utnil", "did you mean 'until'"),
        ("daily from 2026-01-31 12:00", "12:00", "2026-01-31T12:00"),
        ("daily from yesterday", "yesterday", "a date, as in 2026-03-29"),
        ("daily from 2026-02-30", "2026-02-30", "no date"),
        ("daily from 2026-12-31 until 2026-01-01", "2026-12-31", "end lies before the start"),
        ("daily gap maybe", "gap", "'shift' or 'skip'"),
        ("daily fold never", "fold", "'first' or 'last' or 'both'"),
        ("on the 31st missing day never", "missing", "'last' or 'skip' or 'next'"),
        ("every 0 days", "0", "from 1 to"),
        ("every 99999999 minutes", "99999999", "from 1 to"),
        ("on the 32nd", "on", "no month has such a day"),
        ("on the 15th of Febuary", "Febuary", "did you mean 'february'"),
        ("on the 30th in february missing day skip", "on", "no occurrence"),
        ("every 30 to 15 days", "every", "RandomDays(15, 30)"),
        ("every 15 to many days", "many", "every 15 to 30 days"),
        ("every 15 to 30 weeks", "weeks", "days"),
        ("90 days after the last sucess", "sucess", "did you mean 'success'"),
        ("90 days", "", "90 days after the last success"),
        ("90 days after the last success, again after two days", "two", "again after 2 days"),
        ("once", "", "a date"),
        ("once at noon", "noon", "a date"),
        ("once at 2026-13-01", "2026-13-01", "no date"),
        ("daily at", "", "time of day"),
        ("daily; ", "", "ends too early"),
        ("; daily", ";", "is not understood"),
        ("daily; evry sunday", "evry", "did you mean 'every'"),
        ("window * 22 * * *", "*", "in quotes"),
        ("window", "", "in quotes"),
        ("window '* 22 * * *", "'*", "in quotes"),
        ("window '* 22 * *'", "'* 22 * *'", "it has 4"),
        ("window '* * 30 2 *' UTC", "'* * 30 2 *'", "never opens"),
        ("window '* 22 * * *' Europe/Berlim", "Europe/Berlim", "Europe/Berlin"),
        ("window '* 22 * * *' UTC daily", "daily", "'except window …'"),
        ("window '* 22 * * *' except '* 23 * * *'", "'* 23 * * *'", "window"),
        ("window '* 22 * * *' except window '* 22 * * *'", "window", "never opens"),
        ("always except", "", "window"),
        ("always open", "open", "except window"),
    ],
)  # fmt: skip
def test_an_error_points_at_the_word_that_is_wrong_and_helps(text: str, word: str, clue: str) -> None:
    with pytest.raises(UnreadableText) as caught:
        parse(text)
    error = caught.value
    assert error.text == text
    assert text[error.start : error.end] == word
    assert clue in f"{error.case}; {error.help}"
    assert error.case
    assert error.help or "from 1 to" in error.case


@pytest.mark.parametrize("text", ["every 5 minuts", "daily; evry sunday", "daily at", "", "window '* 22 * *' UTC"])
def test_the_caret_stands_under_the_word(text: str) -> None:
    with pytest.raises(UnreadableText) as caught:
        parse(text)
    error = caught.value
    message, shown, caret = str(error).split("\n")
    assert repr(text) in message
    assert shown == f"  {text}"
    assert caret == "  " + " " * error.start + "^" * max(1, error.end - error.start)


def test_the_error_of_a_text_is_written_like_this() -> None:
    with pytest.raises(UnreadableText) as caught:
        parse("every 2 weeks on mon at 09:00 Europe/Berlim")
    assert str(caught.value) == (
        "reading 'every 2 weeks on mon at 09:00 Europe/Berlim': it is not in this machine's zone data; "
        "did you mean Europe/Berlin?\n"
        "  every 2 weeks on mon at 09:00 Europe/Berlim\n"
        "                                ^^^^^^^^^^^^^"
    ) or caught.value.help.startswith("did you mean Europe/Berlin or ")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.start, again.end, again.text) == (str(caught.value), 30, 43, caught.value.text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("every 5 minutes at 03:00", "03:00"),
        ("every 5 minutes gap skip", "gap"),
        ("hourly fold both", "fold"),
        ("hourly on monday", "on"),
        ("daily on monday", "on"),
        ("daily on the 15th", "on"),
        ("daily in june", "in"),
        ("daily again after 2 days", "2"),
        ("weekly on monday missing day skip", "missing"),
        ("weekly on monday in june", "in"),
        ("weekly on the 15th", "on"),
        ("monthly on the 15th again after 2 days", "2"),
        ("monthly on monday", "on"),
        ("once at 2026-03-29 02:30 from 2026-01-01", "2026-01-01"),
        ("once at 2026-03-29 until 2026-12-31", "2026-12-31"),
        ("every 15 to 30 days on monday", "on"),
        ("90 days after the last success in june", "in"),
    ],
)
def test_a_clause_that_says_nothing_about_the_kind_is_pointed_at(text: str, word: str) -> None:
    with pytest.raises(UnreadableText, match="says nothing about this kind of rule") as caught:
        parse(text)
    error = caught.value
    assert text[error.start : error.end] == word
    assert " takes " in error.help


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("daily at 02:30 at 03:30", "03:30"),
        ("daily 02:30 03:30", "03:30"),
        ("daily UTC Europe/Berlin", "Europe/Berlin"),
        ("daily gap skip gap shift", "gap"),
        ("daily from 2026-01-01 from 2026-01-02", "2026-01-02"),
        ("daily from 2026-01-01 starting 2026-01-02", "2026-01-02"),
        ("daily until 2026-01-01 ending 2026-01-02", "2026-01-02"),
        ("every monday on tuesday", "on"),
        ("on the 1st on the 2nd", "on"),
        ("on the 1st in june in july", "in"),
        ("90 days after the last success again after 1 day again after 2 days", "2"),
    ],
)
def test_what_is_said_twice_is_pointed_at_the_second_time(text: str, word: str) -> None:
    with pytest.raises(UnreadableText, match="said before") as caught:
        parse(text)
    error = caught.value
    assert (error.text, text[error.start : error.end]) == (text, word)
    assert error.start == text.rindex(word)


@pytest.mark.parametrize(
    ("text", "clue"),
    [
        ("weekly", "on monday"),
        ("every 2 weeks at 09:00", "on monday"),
        ("monthly at 03:00", "on the 15th"),
        ("every 3 months", "on the 15th"),
    ],
)
def test_what_is_not_said_but_needed_is_asked_for(text: str, clue: str) -> None:
    with pytest.raises(UnreadableText, match="does not say") as caught:
        parse(text)
    assert clue in caught.value.help


def test_a_rule_that_says_only_how_is_asked_how_often() -> None:
    with pytest.raises(UnreadableText) as caught:
        parse("at 03:00")
    assert "'every'" in caught.value.help


# Where only one of the two will do.


def test_parse_interval_takes_intervals_alone() -> None:
    assert parse_interval("daily 02:30") == Daily(at="02:30")
    assert parse_interval("daily; every sunday") == AnyOf(Daily(), every(SUN))
    for text in ("always", "window '* 22 * * *'"):
        with pytest.raises(UnreadableText, match="this is no interval") as caught:
            parse_interval(text)
        assert "'window'" in caught.value.help
        assert caught.value.start == 0


def test_parse_window_takes_windows_alone() -> None:
    assert parse_window("always") == OpenTime()
    assert parse_window("window '* 22 * * *'") == TimeWindow("* 22 * * *")
    for text in ("daily", "every 5 minutes; daily"):
        with pytest.raises(UnreadableText, match="this is no window") as caught:
            parse_window(text)
        assert "'always'" in caught.value.help


@pytest.mark.parametrize("reader", [parse, parse_interval, parse_window])
@pytest.mark.parametrize("given_text", [None, 5, b"daily", Daily()])
def test_what_is_no_text_is_refused(reader: Callable[[Any], object], given_text: object) -> None:
    with pytest.raises(InvalidValue):
        reader(given_text)


@pytest.mark.parametrize(
    "text",
    [
        "every ² days",
        "every ٣ days",
        "² days after the last success",
        "every 5 to ² days",
        "again after ² days",
        "90 days after the last success, again after ² days",
        f"every {'9' * 5000} days",
        f"{'9' * 5000} days after the last success",
        "on the ²nd",
        "daily at \u0660\u0669:\u0660\u0660",
        "once at ٢٠٢٦-٠٣-٢٩",
        f"daily {'A' * 300}",
        f"daily in {'A' * 300}",
        f"daily {'a/' * 200}b",
        "daily in ../../etc/passwd",
        "daily in /etc/passwd",
        "daily in Europe",
        "daily in Europe/Berlin/",
        "daily in tzdata.zi",
        "once at 0001-01-01 Asia/Tokyo",
        "once at 9999-12-31T23:59-05:00",
        "once at 9999-12-31T23:59-05:00 Asia/Tokyo",
        "once at 0001-01-01T00:00+05:00",
        "daily from 0001-01-01",
        "daily from 9999-12-31 Asia/Tokyo",
        "daily from 9999-12-31T23:59-05:00",
        "daily until 0001-01-01T00:00+05:00",
        "every 5 minutes from 9999-12-31T23:59-05:00",
        "every 5 minutes until 9999-12-31 America/New_York",
        "every 5 minutes from 0001-01-01 Asia/Tokyo",
        "window '* *,3 * * *'",
        "window '* * * * *,1'",
        "window '\x00'",
        "\x00",
        "'",
        '"',
        "''",
    ],
)  # fmt: skip
@ignore_narrow
def test_odd_characters_and_extreme_numbers_are_read_or_refused_properly(text: str) -> None:
    found = read(text)
    assert str(found)
    if not isinstance(found, InvalidValue):
        assert parse(str(found)) == found


def read(text: str) -> Interval | Window | InvalidValue:
    """The value, or why there is none."""
    try:
        return parse(text)
    except InvalidValue as error:
        return error


VOCABULARY = [
    "every", "daily", "weekly", "monthly", "hourly", "minutely", "once", "on", "at", "in", "of", "from", "until", "starting", "ending",
    "gap", "fold", "missing", "again", "after", "the", "last", "success", "day", "days", "week", "weeks", "month", "months", "hour",
    "minutes", "other", "to", "and", ",", ";", "mon", "Tuesday", "fri,", "june", "Jan", "1st", "2nd", "31st", "30", "0", "1", "5", "90",
    "02:30", "25:00", "2026-03-29", "2026-03-29T02:30Z", "9999-12-31", "0001-01-01", "2026-02-30", "UTC", "Europe/Berlin",
    "Australia/Lord_Howe", "Europe/Nowhere", "EST", "skip", "shift", "first", "both", "next", "window", "always", "except", "'* 22 * * *'",
    "'* * 30 2 *'", "'* 22-23 * * 1-5 | * 0-5 * * *'", "'x'", "''", "'", "each",
]  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(VOCABULARY), max_size=12).map(" ".join))
@example("every 5 to")
@example("on the")
@example("90 days after the last success again after")
@ignore_narrow
def test_any_words_of_the_vocabulary_are_read_or_refused_with_a_place(text: str) -> None:
    found = read(text)
    if isinstance(found, UnreadableText):
        assert 0 <= found.start <= found.end <= len(text)
        assert found.text == text
        assert found.help or "from 1 to" in found.case
        assert f"did you mean {text[found.start : found.end].lower()!r}" not in found.help
    else:
        assert str(parse(str(found))) == str(found)


CLAUSES = [
    "at 02:30", "02:30 and 14:30", "on monday", "on mon, wed", "on the 15th", "on the 1st and last day", "of the month", "in june",
    "in UTC", "Europe/Berlin", "from 2026-01-01", "until 2026-12-31", "gap skip", "fold both", "missing day skip", "again after 2 days",
    ",", ";",
]  # fmt: skip
HEADS = [
    "every day", "every 5 minutes", "every 2 weeks", "every month", "every sunday", "daily", "weekly", "monthly", "once at 2026-03-29",
    "every 15 to 30 days", "90 days after the last success", "on monday", "on the 20th", "every last day",
]  # fmt: skip


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(HEADS), st.lists(st.sampled_from(CLAUSES), max_size=4))
def test_any_rule_that_is_read_is_written_and_read_back(head: str, clauses: list[str]) -> None:
    found = read(" ".join([head, *clauses]))
    if not isinstance(found, UnreadableText):
        again = parse(str(found))
        assert str(again) == str(found)
        assert isinstance(found, AnyOf) or again == found  # a union of one is written as that one


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.text("0123456789²٣:-/#*' ;,", max_size=30).map("every {}".format))
@ignore_narrow
def test_any_text_at_all_is_read_or_refused(text: str) -> None:
    assert str(read(text))


def test_a_time_after_a_date_is_asked_back_where_it_could_be_the_time_of_the_runs() -> None:
    with pytest.raises(UnreadableText, match="say 'at 09:00', or 2026-01-01T09:00 for the start"):
        parse("daily from 2026-01-01 09:00")
    assert parse("every hour from 2026-01-01 09:00") == Hourly(start="2026-01-01T09:00")
    assert parse("daily from 2026-01-01T09:00") == Daily(start="2026-01-01T09:00")


def test_every_weekday_is_monday_to_friday() -> None:
    assert parse("every weekday at 9:00") == Weekly(on=["mon", "tue", "wed", "thu", "fri"], at="09:00")
