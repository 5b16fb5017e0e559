"""Cron expressions in plain English."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise

from taskkit.events._cron import Expression
from taskkit.events._fields import MONTH_NAMES, WEEKDAY_NAMES
from taskkit.events._patterns import WHOLE_DAY, Range, runs
from taskkit.events._wording import listed, ordinal

_FEW = 4


def description(expressions: Iterable[Expression]) -> str:
    """All of them, in an order that depends on nothing but their meaning."""
    return "; and ".join(sorted(_one(expression) for expression in expressions))


def _one(expression: Expression) -> str:
    days = " or ".join(filter(None, [_month_days(expression), _weekdays(expression)])) or "every day"
    months = (
        ""
        if len(expression.months) == len(MONTH_NAMES)
        else f" in {_spans(sorted(expression.months), lambda month: MONTH_NAMES[month - 1])}"
    )
    return f"{_times(expression.minutes)}, {days}{months}"


def _times(minutes: frozenset[int]) -> str:
    ranges = runs(minutes)
    if ranges == WHOLE_DAY:
        return "all day"
    if len(ranges) <= _FEW:
        return listed(map(_range, ranges))
    of_hour, hours = sorted({minute % 60 for minute in minutes}), sorted({minute // 60 for minute in minutes})
    places = f"minute {_spans(of_hour, str)}"
    return f"{places} of every hour" if len(hours) == 24 else f"{places} of the hours {_spans(hours, str)}"


def _range(one: Range) -> str:
    start, last = one[0] // 60, one[1] // 60 - 1
    return _clock(start) if start == last else f"{_clock(start)} to {_clock(last)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _month_days(expression: Expression) -> str:
    if expression.days is None:
        return ""
    numbers = sorted(day for day in expression.days if isinstance(day, int))
    words = ([f"day {_spans(numbers, str)}"] if numbers else []) + (["the last day"] if "l" in expression.days else [])
    return f"on {listed(words)} of the month"


def _weekdays(expression: Expression) -> str:
    if expression.weekdays is None:
        return ""
    if expression.nth:
        places = sorted(expression.nth, key=lambda one: (one[0], str(one[1])))
        return f"on the {listed(f'{_place(which)} {_weekday(day)}' for day, which in places)} of the month"
    names = _spans(sorted((day - 1) % 7 for day in expression.weekdays), lambda day: WEEKDAY_NAMES[day])
    return f"{'from' if ' to ' in names else 'on'} {names}"


def _weekday(cron_day: int) -> str:
    return WEEKDAY_NAMES[(cron_day - 1) % 7]


def _place(which: int | str) -> str:
    return "last" if which == "l" else ordinal(int(which))


def _spans(numbers: Sequence[int], name: Callable[[int], str]) -> str:
    """Three or more in a row become `a to b`, more than four in equal steps `a, b, c and so on to d`."""
    steps = {other - one for one, other in pairwise(numbers)}
    if len(numbers) > _FEW and len(steps) == 1 and steps != {1}:
        return f"{', '.join(map(name, numbers[:3]))} and so on to {name(numbers[-1])}"
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    words = [[f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else map(name, run) for run in found]
    return listed(chain.from_iterable(words))
