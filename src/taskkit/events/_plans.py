"""How a rule moves along the instants: first after, last before, how many, and which nominal times an instant stands for.

A plan is what an interval becomes once its zone, its anchor and its memory are known. It works on whole seconds and on
nothing else, and every answer is computed where it is asked: no walk from an anchor, however far it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from attrs import frozen

from taskkit.events._tzif import DAY
from taskkit.events.nominals import Nominal
from taskkit.events.zones import EARLIEST, LATEST


class Plan(Protocol):
    """The instants of a rule, in whole seconds."""

    def after(self, second: int) -> int | None:
        """The first occurrence later than `second`."""

    def before(self, second: int) -> int | None:
        """The last occurrence earlier than `second`."""

    def count(self, start: int, end: int) -> int:
        """How many occurrences lie from `start` (included) to `end` (excluded)."""

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        """What the rule calls this instant; nothing, where it has no occurrence here."""


@frozen(eq=False)
class Limits:
    """The part of time in which a rule has occurrences: by instant and by wall, all ends included."""

    first: int = EARLIEST
    last: int = LATEST
    first_wall: int = EARLIEST - DAY
    last_wall: int = LATEST + DAY


class Elapsed:
    """Every so many seconds that pass, whatever the clocks on the wall do (T2)."""

    __slots__ = ("limits", "origin", "step")

    def __init__(self, origin: int, step: int, limits: Limits) -> None:
        self.origin, self.step, self.limits = origin, step, limits

    def after(self, second: int) -> int | None:
        second = max(second, self.limits.first - 1)
        found = second + self.step - (second - self.origin) % self.step
        return found if found <= self.limits.last else None

    def before(self, second: int) -> int | None:
        second = min(second, self.limits.last + 1) - 1
        found = second - (second - self.origin) % self.step
        return found if found >= self.limits.first else None

    def count(self, start: int, end: int) -> int:
        start = max(start, self.limits.first)
        end = max(start, min(end, self.limits.last + 1))
        return (end - 1 - self.origin) // self.step - (start - 1 - self.origin) // self.step

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        return (Nominal(second),) if self.count(second, second + 1) else ()


class Union:
    """The occurrences of several plans; those of the same minute are one, at the earliest of their seconds (T9)."""

    __slots__ = ("plans",)

    def __init__(self, plans: tuple[Plan, ...]) -> None:
        self.plans = plans

    def after(self, second: int) -> int | None:
        while True:
            found = min((at for plan in self.plans if (at := plan.after(second)) is not None), default=None)
            if found is None:
                return None
            minute = found - found % 60
            first = self._first_since(minute)
            if first > second:
                return first
            second = minute + 59  # this minute has had its run

    def before(self, second: int) -> int | None:
        found = max((at for plan in self.plans if (at := plan.before(second)) is not None), default=None)
        return None if found is None else self._first_since(found - found % 60)

    def count(self, start: int, end: int) -> int:
        """The densest plan is counted, the others are walked: each adds the minutes that no plan before it has."""
        start, end = self._whole_minute(start), self._whole_minute(end)
        if end <= start:
            return 0
        plans = sorted(self.plans, key=lambda plan: plan.count(start, end), reverse=True)
        total = plans[0].count(start, end)
        for place, plan in enumerate(plans[1:], start=1):
            for at in walk(plan, start, end):
                minute = at - at % 60
                total += not any(earlier.count(minute, minute + 60) for earlier in plans[:place])
        return total

    def nominals(self, second: int) -> tuple[Nominal, ...]:
        return tuple(nominal for _, nominal in self.parts(second))

    def parts(self, second: int) -> Iterator[tuple[int, Nominal]]:
        """Which member, by place, calls this minute what."""
        minute = second - second % 60
        for place, plan in enumerate(self.plans):
            for at in walk(plan, minute, minute + 60):
                yield from ((place, nominal) for nominal in plan.nominals(at))

    def _first_since(self, minute: int) -> int:
        return min(at for plan in self.plans if (at := plan.after(minute - 1)) is not None)

    def _whole_minute(self, second: int) -> int:
        """The end of the minute if its run lies before `second`, else its begin."""
        minute = second - second % 60
        first = min((at for plan in self.plans if (at := plan.after(minute - 1)) is not None), default=second)
        return minute + 60 if minute <= first < second else minute


def walk(plan: Plan, start: int, end: int) -> Iterator[int]:
    """The occurrences from `start` (included) to `end` (excluded), in order."""
    at = plan.after(start - 1)
    while at is not None and at < end:
        yield at
        at = plan.after(at)
