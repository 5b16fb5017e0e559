"""What people write in a rule, read once: times of day, weekdays, days and months, from and until."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import time
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

from attrs import Attribute

from taskkit.errors import InvalidValue


class Weekday(IntEnum):
    """Monday is 0, as in the standard library; rules take the names, since others count otherwise."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6

    @property
    def label(self) -> str:
        return WEEKDAY_NAMES[self]


WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = {name[:length].lower(): Weekday(day) for day, name in enumerate(WEEKDAY_NAMES) for length in (2, 3, 4, 5, len(name))}

T = TypeVar("T")


def weekday_named(name: str) -> Weekday | None:
    """The weekday of an English name or the begin of one."""
    return _WEEKDAYS.get(name.lower())


def month_named(name: str) -> int | None:
    """1 to 12 for an English name or its first three letters."""
    word = name.lower()
    return next((number for number, full in enumerate(MONTH_NAMES, 1) if word in (full.lower(), full[:3].lower())), None)


def invalid(what: str, given: object, case: str, help: str = "") -> InvalidValue:
    return InvalidValue(f"{what}={given!r}", case, help)


def each(value: object) -> Iterable[object]:
    """One value or several, as several."""
    if isinstance(value, (list, tuple)):  # asked first: an abstract class takes its time
        return value
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return value


def distinct(what: str, read: Callable[[Any], Any], given: object) -> tuple[Any, ...]:
    found = tuple(sorted({read(one) for one in each(given)}))
    if not found:
        raise invalid(what, given, "an empty list names nothing", f"leave {what} away or give at least one")
    return found


def read_times(given: str | time | Iterable[str | time]) -> tuple[str, ...]:
    """`"6:00"`, `time(6)` or several, as `("06:00",)`."""
    if type(given) is str and _seconds(given) is not None:
        return (given,)
    return distinct("at", _time_of_day, given)


_WRITTEN = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")


def _time_of_day(given: object) -> str:
    if isinstance(given, time) and given.tzinfo is None and not (given.second or given.microsecond):
        return f"{given.hour:02}:{given.minute:02}"
    match = _CLOCK.fullmatch(given) if isinstance(given, str) else None
    text = match and f"{int(match[1]):02}:{match[2]}"
    if text is None or _seconds(text) is None:
        raise invalid("at", given, "it is no time of day", "give hours and minutes, from '00:00' to '23:59'")
    return text


def seconds_of(times: tuple[str, ...]) -> tuple[int, ...]:
    return tuple([_seconds(text) or 0 for text in times])  # midnight is 0, and what is no time was refused before


@lru_cache(maxsize=24 * 60)
def _seconds(text: str) -> int | None:
    """Of a time of day as it is kept, `"06:00"`; None for what is none."""
    return 3600 * int(text[:2]) + 60 * int(text[3:]) if _WRITTEN.fullmatch(text) else None


def read_weekdays(given: Iterable[Weekday | str] | Weekday | str) -> tuple[Weekday, ...]:
    return distinct("on", _weekday, given)


def _weekday(given: object) -> Weekday:
    found = given if isinstance(given, Weekday) else weekday_named(given) if isinstance(given, str) else None
    if found is None:
        raise invalid("on", given, "it is no weekday", "give MON to SUN, or a name such as 'monday'; numbers differ from system to system")
    return found


def read_month_days(given: Iterable[int] | int) -> tuple[int, ...]:
    """Ascending, those from the end last."""
    found = distinct("days", _day_of_month, given)
    return found if found[0] > 0 else tuple(sorted(found, key=lambda day: (day < 0, day)))


def _day_of_month(given: object) -> int:
    if type(given) is int and (1 <= given <= 31 or -28 <= given <= -1):
        return given
    raise invalid("days", given, "no month has such a day", "days count from 1 to 31, or from the end: -1 is the last, down to -28")


def read_months(given: Iterable[int | str] | int | str) -> tuple[int, ...]:
    return distinct("months", _month, given)


def _month(given: object) -> int:
    number = month_named(given) if isinstance(given, str) else given
    if type(number) is int and 1 <= number <= 12:
        return number
    raise invalid("months", given, "there is no such month", "give 1 to 12, or a name such as 'june'")


Check = Callable[[Any, "Attribute[Any]", Any], None]


def whole(unit: str, most: int) -> Check:
    """Accepts counts: at least 1, at most a length that nobody means."""

    def check(instance: object, attribute: Attribute[Any], given: object) -> None:
        if type(given) is not int or not 1 <= given <= most:
            raise invalid(attribute.name, given, f"it is no whole number of {unit} from 1 to {most:,}")

    return check


def one_of(*choices: str) -> Check:
    """Accepts one of a few words."""

    def check(instance: object, attribute: Attribute[Any], given: object) -> None:
        if given not in choices:
            raise invalid(attribute.name, given, "there is no such choice", f"choose {' or '.join(map(repr, choices))}")

    return check
