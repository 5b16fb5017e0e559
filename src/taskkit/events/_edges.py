"""Where a rule begins and ends: a date, a wall time in the rule's zone, or an instant, kept as a text (T12)."""

from __future__ import annotations

import re
from datetime import date, datetime

from taskkit.errors import NaiveMoment
from taskkit.events._fields import invalid
from taskkit.events._plans import Limits
from taskkit.events._tzif import DAY, EPOCH_DAY
from taskkit.events.moments import floor_second
from taskkit.events.zones import EARLIEST, LATEST, Zone

Edge = str | date | datetime
_EDGE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d))?)?(Z|[+-]\d\d:\d\d)?")


def read_start(given: Edge | None) -> str | None:
    """A bare date is what midnight means."""
    return None if given is None else _edge("start", given).removesuffix("T00:00")


def read_end(given: Edge | None) -> str | None:
    """A bare date is more than midnight: the whole day."""
    return None if given is None else _edge("end", given)


def read_once(given: Edge) -> str:
    return _edge("at", given).removesuffix("T00:00")


def _edge(what: str, given: object) -> str:
    """As `2026-01-31`, `2026-01-31T10:00` or `2026-01-31T09:00:00Z`."""
    if isinstance(given, datetime):
        return _written(what, floor_second(_aware(what, given)))
    if isinstance(given, date):
        return given.isoformat()
    match = _EDGE.fullmatch(given) if isinstance(given, str) else None
    try:
        if match is None or (match[4] and not match[2]):
            raise ValueError
        moment = datetime.fromisoformat(match[0].replace(" ", "T"))
    except ValueError:
        raise invalid(what, given, "it is no date and no time", "as in '2026-01-31', '2026-01-31 10:00' or an aware datetime") from None
    if moment.tzinfo:
        return _written(what, floor_second(moment))
    return match[1] + (f"T{match[2]}" if match[2] else "") + (f":{match[3]}" if match[3] not in (None, "00") else "")


def _aware(what: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        text = f"{what}={moment.isoformat(sep=' ')}"
        raise NaiveMoment(
            text,
            "a datetime without a zone names no instant",
            f"give an aware one, or the text {moment:%Y-%m-%dT%H:%M} for the wall time in the rule's zone",
        )
    return moment


def _written(what: str, second: int) -> str:
    if not EARLIEST <= second <= LATEST:
        raise invalid(what, "an instant", "it lies outside of the years 1 to 9999 in UTC", "give a time that people live to see")
    day, rest = divmod(second, DAY)
    return f"{date.fromordinal(day + EPOCH_DAY).isoformat()}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


def wall_of(text: str) -> int:
    """The seconds of a date or of a date and time, whatever its zone."""
    clock = text[11:].rstrip("Z")
    hours, minutes, seconds = ([int(part) for part in clock.split(":")] + [0, 0])[:3] if clock else (0, 0, 0)
    return (date.fromisoformat(text[:10]).toordinal() - EPOCH_DAY) * DAY + hours * 3600 + minutes * 60 + seconds


def is_instant(text: str) -> bool:
    return text.endswith("Z")


def instant_of(text: str, zone: Zone) -> int:
    """An edge as the instant that it first names."""
    return wall_of(text) if is_instant(text) else zone.readings(wall_of(text))[0]


def day_of(text: str, zone: Zone) -> int:
    """The day of an edge in the zone."""
    return (zone.wall(wall_of(text)) if is_instant(text) else wall_of(text)) // DAY


def limits(start: str | None, end: str | None) -> Limits:
    """From and until as limits of a wall clock rule: what was said on the wall is compared on the wall (T12)."""
    if start is None and end is None:
        return _NO_LIMITS
    first, last = EARLIEST, LATEST
    first_wall, last_wall = EARLIEST - DAY, LATEST + DAY
    if start is not None and is_instant(start):
        first = wall_of(start)
    elif start is not None:
        first_wall = wall_of(start)
        first = max(first, first_wall - DAY)  # no offset is a day long; a search need not begin before
    if end is not None and is_instant(end):
        last = wall_of(end)
    elif end is not None:
        last_wall = end_wall(end)
        last = min(last, last_wall + 2 * DAY)  # an offset and a gap
    return Limits(first, last, first_wall, last_wall)


def end_wall(end: str) -> int:
    """The last wall second that belongs to the rule: a bare date means the end of that day."""
    return wall_of(end) + (DAY - 1 if len(end) == _DATE_LENGTH else 0)


_DATE_LENGTH = len("2026-01-31")
_NO_LIMITS = Limits()
