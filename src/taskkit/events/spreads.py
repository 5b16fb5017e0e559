"""Where in a span of time one of many records starts, so that they do not all start in the same second (T17)."""

from __future__ import annotations

from datetime import datetime

import pendulum
from attrs import field, frozen

from taskkit.errors import InvalidValue
from taskkit.events._fields import whole
from taskkit.events._wording import counted
from taskkit.events.moments import ceiling_second
from taskkit.events.windows import Window
from taskkit.events.zones import zone

_LONGEST = 60 * 24 * 366
_HASH_BYTES = 8


@frozen
class Spread:
    """Lays the runs of one occurrence evenly over so many minutes: the same record has the same place each time."""

    minutes: int = field(validator=whole("minutes", _LONGEST))

    def start(self, record: str, due: datetime, window: Window | None = None) -> pendulum.DateTime:
        """When the record's run starts; a window that closes earlier shortens the span, one that is shut moves it to its opening."""
        second = self.second(record, ceiling_second(due), window)
        if second is None:
            raise InvalidValue(f"runs {self}", "the window does not open any more", "choose another window")
        return (window.shown_in if window else zone("UTC")).show(second)

    def second(self, record: str, due: int, window: Window | None = None) -> int | None:
        """The same in whole seconds; None where the window does not open any more."""
        opens: int | None = due
        span = self.minutes * 60
        if window is not None:
            opens = window.open_from(due)
            closes = None if opens is None else window.shut_from(opens)
            span = span if opens is None or closes is None else min(span, closes - opens)
        return None if opens is None else opens + int(self.share(record) * span)

    def share(self, record: str) -> float:
        """The record's place from 0 (included) to 1 (excluded), the same in every process."""
        if not isinstance(record, str):
            raise InvalidValue(f"spreading {record!r}", f"it is a {type(record).__name__}", "give the record's id as text")
        from hashlib import blake2b  # loads OpenSSL, a tenth of `import taskkit`

        return int.from_bytes(blake2b(record.encode(), digest_size=_HASH_BYTES).digest()) / (1 << 8 * _HASH_BYTES)

    def __str__(self) -> str:
        return f"spread over {counted(self.minutes, 'minute')}"
