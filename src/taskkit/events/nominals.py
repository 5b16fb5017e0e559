"""The name of an occurrence: what the rule says on the wall, not the instant it becomes (T6).

A name outlives restarts, edits and new zone data, so the same nominal time is never run twice.
"""

from __future__ import annotations

import re
from datetime import date, time

from attrs import frozen

from taskkit.errors import InvalidValue
from taskkit.events._tzif import DAY, EPOCH_DAY
from taskkit.events.zones import zone

_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?(?:Z| (\S+?)( again)?)")


@frozen(order=True)
class Nominal:
    """A wall time in a zone, or an instant for elapsed rules (`zone=None`); `reading` is 1 for the second of two in a fold."""

    wall: int
    zone: str | None = None
    reading: int = 0

    def __str__(self) -> str:
        day, second = divmod(self.wall, DAY)
        clock = f"{second // 3600:02}:{second // 60 % 60:02}" + (f":{second % 60:02}" if second % 60 else "")
        text = f"{date.fromordinal(day + EPOCH_DAY).isoformat()}T{clock}"
        return f"{text}Z" if self.zone is None else f"{text} {self.zone}{' again' if self.reading else ''}"

    @classmethod
    def parse(cls, text: str) -> Nominal:
        """Read what `str` writes."""
        match = _TEXT.fullmatch(text) if isinstance(text, str) else None
        try:
            if match is None:
                raise ValueError
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
            time(hour, minute, second)  # ValueError where no clock shows that
            wall = (date(year, month, day).toordinal() - EPOCH_DAY) * DAY + hour * 3600 + minute * 60 + second
        except ValueError:
            raise InvalidValue(f"reading {text!r} as a nominal time", "it is none", "as in '2026-03-29T02:30 Europe/Berlin'") from None
        return cls(wall, match[7] and zone(match[7]).name, int(bool(match[8])))

    def day_in(self, name: str) -> int:
        """The day (since 1970-01-01) that the wall clocks of a zone show at this time."""
        if self.zone == name:
            return self.wall // DAY
        instant = self.wall if self.zone is None else zone(self.zone).readings(self.wall)[self.reading]
        return zone(name).wall(instant) // DAY
