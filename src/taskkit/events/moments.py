"""The doors of time: aware datetimes come in, pendulum's go out; inside, an instant is a whole second since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from taskkit.errors import InvalidValue, NaiveMoment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_minus = datetime.__sub__  # pendulum's own subtraction builds a value that we would throw away


def floor_second(moment: datetime) -> int:
    """The last whole second at or before the moment."""
    try:
        passed = _minus(moment, _EPOCH)
    except TypeError:
        raise refusal(moment) from None
    return passed.days * 86_400 + passed.seconds


def ceiling_second(moment: datetime) -> int:
    """The first whole second at or after the moment."""
    second = floor_second(moment)
    return second + 1 if moment.microsecond else second


def refusal(moment: object) -> InvalidValue:
    """Why this is no moment."""
    if isinstance(moment, datetime):
        return NaiveMoment(
            f"taking {moment.isoformat(sep=' ')} as a moment",
            "it has no zone, so it names no instant",
            "use pendulum.datetime(…, tz=…) or datetime(…, tzinfo=…)",
        )
    return InvalidValue(f"taking {moment!r} as a moment", f"it is a {type(moment).__name__}", "give an aware datetime")
