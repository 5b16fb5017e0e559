"""A window less its blackouts (R5)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from attrs import Attribute, field, frozen

from taskkit.errors import InvalidValue, NeverFires
from taskkit.events._tzif import DAY
from taskkit.events.windows import TimeWindow, Window
from taskkit.events.zones import LATEST, Zone, zone

#: Weekdays and leap days come together again within forty years, so what is shut for longer stays shut.
_HORIZON = 41 * 366
_YEAR_2000 = 946_684_800


def _several(given: TimeWindow | Iterable[TimeWindow]) -> tuple[TimeWindow, ...]:
    several = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in several:
        if not isinstance(one, TimeWindow):
            raise InvalidValue(f"blackouts={one!r}", f"it is a {type(one).__name__}", "give TimeWindow values")
    return several


@frozen
class OpenTime(Window):
    """A window, or all time, less its blackouts: they beat it (R5)."""

    kind = "open_time"
    window: TimeWindow | None = field(default=None)
    blackouts: tuple[TimeWindow, ...] = field(default=(), converter=_several)

    @window.validator
    def _check_window(self, attribute: Attribute[Any], window: object) -> None:
        if window is not None and not isinstance(window, TimeWindow):
            raise InvalidValue(f"OpenTime({window!r})", f"it is a {type(window).__name__}", "give a TimeWindow, or None for all time")

    #: Days known to be shut as a whole, by what the clocks and the expressions say of them.
    _shut_days: dict[Hashable, bool] = field(factory=dict, init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.open_from(_YEAR_2000) is None:
            raise NeverFires(f"making {str(self)!r}", "it never opens", "its blackouts leave nothing of it")

    @property
    def shown_in(self) -> Zone:
        return self.window.shown_in if self.window else self.blackouts[0].shown_in if self.blackouts else zone("UTC")

    @property
    def description(self) -> str:
        window = self.window.description if self.window else "at any time"
        return window + "".join(f"; except {blackout.description}" for blackout in self.blackouts)

    def open_from(self, second: int) -> int | None:
        for day in range(second // DAY, min(second // DAY + _HORIZON, LATEST // DAY + 1)):
            if not self._is_shut(day):
                found = self._open_within(max(second, day * DAY), (day + 1) * DAY)
                if found is not None:
                    return found
        return None

    def shut_from(self, second: int) -> int | None:
        if self._blackout_end(second) != second:
            return second
        ends = [blackout.open_from(second) for blackout in self.blackouts]
        ends.append(self.window.shut_from(second) if self.window else None)
        return min((end for end in ends if end is not None), default=None)

    def blackout_at(self, second: int) -> TimeWindow | None:
        """The blackout that holds this second, where one does."""
        return next((blackout for blackout in self.blackouts if blackout.open_from(second) == second), None)

    def _open_within(self, second: int, end: int) -> int | None:
        while second < end:
            opens = self.window.open_from(second) if self.window else second
            free = None if opens is None else self._blackout_end(opens)
            if free is None or free == opens:
                return free
            second = free
        return None

    def _blackout_end(self, second: int) -> int | None:
        """The second itself, or where the blackout ends that holds it."""
        ends = [blackout.shut_from(second) for blackout in self.blackouts]
        return None if None in ends else max((end for end in ends if end is not None), default=second)

    def _is_shut(self, day: int) -> bool:
        """Whether nothing is open on a day of UTC; found out once for all days that look the same."""
        looks = tuple(window.look_of(day) for window in (self.window, *self.blackouts) if window)
        if None in looks:
            return False
        if looks not in self._shut_days:
            self._shut_days[looks] = self._open_within(day * DAY, (day + 1) * DAY) is None
        return self._shut_days[looks]

    def __str__(self) -> str:
        return str(self.window or "always") + "".join(f" except {blackout}" for blackout in self.blackouts)
