"""Cron expressions for the hours that people mean; both ends belong to them, as in cron: `"22:00"` to `"23:59"`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from taskkit.errors import InvalidValue
from taskkit.events._fields import Weekday, read_times, read_weekdays, seconds_of

_LAST_MINUTE = 24 * 60 - 1


def weekdays(first: str | time, last: str | time) -> str:
    """From Monday to Friday; a `last` before `first` lies in the next morning."""
    return on_days(list(Weekday)[:5], first, last)


def weekends(first: str | time, last: str | time) -> str:
    """On Saturday and Sunday; a `last` before `first` lies in the next morning."""
    return on_days([Weekday.SAT, Weekday.SUN], first, last)


def every_day(first: str | time, last: str | time) -> str:
    """On all days; a `last` before `first` lies in the next morning."""
    return on_days(list(Weekday), first, last)


def on_days(days: Iterable[Weekday | str] | Weekday | str, first: str | time, last: str | time) -> str:
    """On the given weekdays; a `last` before `first` lies in the next morning."""
    chosen = {int(day) for day in read_weekdays(days)}
    start, end = (_minute(given) for given in (first, last))
    if start <= end:
        return " | ".join(_same_day(start, end, chosen))
    mornings = {(day + 1) % 7 for day in chosen}
    return " | ".join(_same_day(start, _LAST_MINUTE, chosen) + _same_day(0, end, mornings))


def _minute(given: str | time) -> int:
    if not isinstance(given, str | time):
        raise InvalidValue(f"taking {given!r} as an end of the hours", f"it is a {type(given).__name__}", "give one time, as in '22:00'")
    return seconds_of(read_times(given))[0] // 60


def _same_day(start: int, end: int, days: set[int]) -> list[str]:
    """The first hour in part, the hours in full, the last hour in part."""
    (hour, minute), (last_hour, last_minute) = divmod(start, 60), divmod(end, 60)
    if hour == last_hour and (minute, last_minute) != (0, 59):
        return [_expression(minute, last_minute, hour, hour, days)]
    parts = []
    if minute:
        parts.append(_expression(minute, 59, hour, hour, days))
        hour += 1
    tail = []
    if last_minute != 59:
        tail.append(_expression(0, last_minute, last_hour, last_hour, days))
        last_hour -= 1
    if hour <= last_hour:
        parts.append(_expression(0, 59, hour, last_hour, days))
    return parts + tail


def _expression(minute: int, last_minute: int, hour: int, last_hour: int, days: set[int]) -> str:
    minutes = "*" if (minute, last_minute) == (0, 59) else _span(minute, last_minute)
    hours = "*" if (hour, last_hour) == (0, 23) else _span(hour, last_hour)
    return f"{minutes} {hours} * * {_weekdays(days)}"


def _weekdays(days: set[int]) -> str:
    if len(days) == len(Weekday):
        return "*"
    numbers = sorted((day + 1) % 7 for day in days)  # cron's Sunday is 0
    in_a_row = len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1
    return _span(numbers[0], numbers[-1]) if in_a_row else ",".join(map(str, numbers))


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
