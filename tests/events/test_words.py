"""What rules and errors say, word for word: people read it, and products show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest

from taskkit import (
    AfterUnlock,
    Daily,
    InvalidValue,
    MaxAge,
    Memory,
    Minutely,
    Monthly,
    Once,
    OpenTime,
    RandomDays,
    Spread,
    TimeWindow,
    weekdays,
)

BERLIN = "Europe/Berlin"
NOW = pendulum.datetime(2026, 3, 20, 12, tz="UTC")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Daily(at="02:30", gap="skip"), "every day at 02:30, UTC, gap skip"),
        (Daily(at="02:30", fold="both"), "every day at 02:30, UTC, fold both"),
        (Monthly(days=31, missing_day="skip"), "every month on the 31st at 00:00, UTC, missing day skip"),
        (Monthly(days=31, missing_day="last"), "every month on the 31st at 00:00, UTC"),
        (Once("2026-03-29T02:30", tz=BERLIN), "once at 2026-03-29T02:30, Europe/Berlin"),
        (Once("2026-03-28T02:30", tz=BERLIN, gap="skip", fold="last"), None),
        (OpenTime(None, TimeWindow(weekdays("08:00", "09:00"))), None),
    ],
)
def test_a_rule_says_what_differs_from_the_usual_and_nothing_else(rule: Any, text: str | None) -> None:
    said = str(rule)
    if text is not None:
        assert said == text
    assert said == said.strip()
    for word in ("gap", "fold", "missing day", "always"):
        assert word.upper() not in said
    assert ("gap" in said) == (getattr(rule, "gap", "shift") != "shift")
    assert ("fold" in said) == (getattr(rule, "fold", "first") != "first")


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            lambda: RandomDays(5, 9).next_after(NOW, Memory(created=NOW)),
            "planning 'every 5 to 9 days at 00:00, UTC': the memory holds no draw from 5 to 9; "
            "hand in Memory(draw=interval.draw(), …) and keep it",
        ),
        (
            lambda: RandomDays(5, 9).next_after(NOW, Memory(draw=6)),
            "planning 'every 5 to 9 days at 00:00, UTC': the memory holds no created and no last_nominal; "
            "hand in Memory(created=…, draw=…)",
        ),
        (
            lambda: MaxAge(90).next_after(NOW),
            "planning '90 days after the last success at 00:00, UTC': the memory holds no last_success and no created; "
            "hand in Memory(created=…)",
        ),
        (
            lambda: OpenTime(None, ["nights"]),  # type: ignore[list-item]
            "blackouts='nights': it is a str; give TimeWindow values",
        ),
        (
            lambda: OpenTime(TimeWindow("* 8 * * *"), [TimeWindow("* 8 * * *")]),
            "making \"window '* 8 * * *', UTC except window '* 8 * * *', UTC\": it never opens; its blackouts leave nothing of it",
        ),
        (
            lambda: Memory(draw="5"),  # type: ignore[arg-type]
            "draw='5': it is a str; give what interval.draw() gave",
        ),
    ],
)
def test_an_error_says_what_was_tried_what_is_the_case_and_what_would_help(ask: Callable[[], object], told: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        ask()
    assert str(caught.value) == told


def test_t16_an_anchor_is_a_whole_minute_so_the_runs_are_too() -> None:
    anchored = Minutely(every=5).anchored(pendulum.datetime(2026, 3, 20, 12, 3, 59, 999_999, tz="UTC"))
    assert anchored == Minutely(every=5, start="2026-03-20T12:03Z")


def test_t10_the_days_between_two_moments_follow_from_the_memory() -> None:
    memory = Memory(created=NOW, draw=7)
    assert list(RandomDays(5, 9).between(NOW, NOW.add(days=30), memory)) == [pendulum.datetime(2026, 3, 27, tz="UTC")]


def test_r05_the_seventh_of_a_month_is_its_first_weekday_of_that_name_and_not_its_second() -> None:
    first, second = TimeWindow("* * * * sat#1"), TimeWindow("* * * * sat#2")
    seventh = pendulum.datetime(2026, 3, 7, 12, tz="UTC")
    assert seventh.format("dddd") == "Saturday"
    assert first.contains(seventh)
    assert not second.contains(seventh)
    assert second.contains(seventh.add(days=7))


@pytest.mark.parametrize(
    ("value", "one", "many"),
    [
        (MaxAge, "1 day after the last success at 00:00, UTC", "2 days after"),
        (AfterUnlock, "1 minute after unlock", "2 minutes after"),
        (Spread, "spread over 1 minute", "over 2 minutes"),
        (lambda count: Daily(every=count), "every day at 00:00, UTC", "every 2 days at"),
    ],
)
def test_one_is_told_as_one(value: Callable[[int], object], one: str, many: str) -> None:
    assert str(value(1)) == one
    assert many in str(value(2))
