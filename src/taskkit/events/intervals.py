"""What every interval can be asked, and what it answers.

An interval is a value that remembers nothing: which rule, in which zone, from when, until when. What it has to remember
between runs (only `RandomDays` and `MaxAge` do) is handed in as a `Memory`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar, Self

import pendulum
from attrs import Attribute, Factory, evolve, field, fields, frozen

from taskkit.errors import InvalidValue, NeverFires
from taskkit.events._edges import end_wall, instant_of, is_instant, read_end, read_start, wall_of
from taskkit.events._fields import Check, invalid
from taskkit.events._plans import Plan, walk
from taskkit.events.moments import ceiling_second, floor_second, refusal
from taskkit.events.nominals import Nominal
from taskkit.events.zones import EARLIEST, LATEST, Zone, zone_name, zone_of


@frozen
class Reason:
    """Which interval wanted a run, and what it calls the time."""

    interval: Interval
    nominal: Nominal


@frozen
class Occurrence:
    """One instant at which a rule is due, with all that asked for it."""

    instant: pendulum.DateTime
    reasons: tuple[Reason, ...]

    @property
    def nominal(self) -> Nominal:
        """The first of the names; a job keeps them all."""
        return self.reasons[0].nominal


@frozen
class Missed:
    """What passed without a run: how many, the first and the last (T15)."""

    count: int
    first: pendulum.DateTime
    last: pendulum.DateTime


def _moment(instance: object, attribute: Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, datetime) and value.tzinfo):
        raise refusal(value)


def _a(kind: type[Any], help: str) -> Check:
    """Accepts nothing, or a value of the kind."""

    def check(instance: object, attribute: Attribute[Any], value: object) -> None:
        if value is not None and type(value) is not kind:
            raise invalid(attribute.name, value, f"it is a {type(value).__name__}", help)

    return check


def _parts(given: Iterable[Memory]) -> tuple[Memory, ...]:
    parts = tuple(given) if isinstance(given, Iterable) else (given,)
    for part in parts:
        if not isinstance(part, Memory):
            raise invalid("parts", part, f"it is a {type(part).__name__}", "give a Memory for each member")
    return parts


@frozen
class Memory:
    """What a standing remembers of one interval: `RandomDays` and `MaxAge` look at it, all others at the moment alone.

    `parts` holds the memories of an `AnyOf`'s members, in their order; where it is empty they share this one.
    """

    created: datetime | None = field(default=None, validator=_moment)
    last_success: datetime | None = field(default=None, validator=_moment)
    last_nominal: Nominal | None = field(default=None, validator=_a(Nominal, "give an occurrence's nominal, or Nominal.parse(text)"))
    draw: int | None = field(default=None, validator=_a(int, "give what interval.draw() gave"))
    parts: tuple[Memory, ...] = field(default=(), converter=_parts)

    def part(self, place: int) -> Memory:
        return self.parts[place] if place < len(self.parts) else evolve(self, parts=())


NOTHING = Memory()


@frozen
class Interval(ABC):
    """The base of all intervals: a subclass says its rule as a plan and as a text, the rest follows."""

    #: The word that names the kind in documents.
    kind: ClassVar[str]
    _fixed: Plan | None = field(default=None, init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.relative:
            plan = self.make_plan(NOTHING)
            if plan.after(EARLIEST) is None:
                raise NeverFires(f"making the interval {str(self)!r}", "it has no occurrence at all", "look at its days, start and end")
            object.__setattr__(self, "_fixed", plan)

    @property
    def relative(self) -> bool:
        """Whether the rule looks at a memory."""
        return False

    @abstractmethod
    def make_plan(self, memory: Memory) -> Plan:
        """The rule, worked out: how it moves along the instants. Kept, unless the rule is relative."""

    @abstractmethod
    def __str__(self) -> str:
        """The rule for people; `parse` reads it back."""

    @property
    @abstractmethod
    def shown_in(self) -> Zone:
        """The zone in which answers are shown."""

    def plan(self, memory: Memory = NOTHING) -> Plan:
        """The moves of the rule, in whole seconds; every answer below is made of them."""
        return self._fixed or self.make_plan(memory)

    def next_after(self, moment: datetime, memory: Memory = NOTHING) -> pendulum.DateTime | None:
        """The first instant later than the moment, or None where the rule has ended."""
        second = (self._fixed or self.make_plan(memory)).after(floor_second(moment))
        return None if second is None else self.shown_in.show(second)

    def latest_before(self, moment: datetime, memory: Memory = NOTHING) -> pendulum.DateTime | None:
        """The last instant earlier than the moment, or None where the rule had not begun."""
        second = self.plan(memory).before(ceiling_second(moment))
        return None if second is None else self.shown_in.show(second)

    def between(self, start: datetime, end: datetime, memory: Memory = NOTHING) -> Iterator[pendulum.DateTime]:
        """The instants from `start` (included) to `end` (excluded), one by one."""
        return map(self.shown_in.show, walk(self.plan(memory), ceiling_second(start), ceiling_second(end)))

    def count_between(self, start: datetime, end: datetime, memory: Memory = NOTHING) -> int:
        """How many `between` would give, without making them."""
        return self.plan(memory).count(ceiling_second(start), ceiling_second(end))

    def missed(self, since: datetime, now: datetime, memory: Memory = NOTHING) -> Missed | None:
        """What was due after `since` and up to `now`, as the one run that makes up for it carries it; None where nothing was (T15)."""
        plan, first, end = self.plan(memory), floor_second(since) + 1, floor_second(now) + 1
        count = plan.count(first, end)
        if not count:
            return None
        ends = plan.after(first - 1), plan.before(end)
        return Missed(count, *(self.shown_in.show(second) for second in ends if second is not None))

    def occurrence_after(self, moment: datetime, memory: Memory = NOTHING) -> Occurrence | None:
        """What `next_after` gives, with its nominal times and its reasons."""
        return next(iter(self.upcoming(moment, 1, memory)), None)

    def upcoming(self, moment: datetime, count: int, memory: Memory = NOTHING) -> list[Occurrence]:
        """The next `count` occurrences, or fewer where the rule ends (T14)."""
        if type(count) is not int or count < 0:
            raise invalid("count", count, "it is no number of occurrences", "give 0 or more")
        plan, second = self.plan(memory), floor_second(moment)
        seconds = islice(walk(plan, second + 1, LATEST + 1), count)
        return [Occurrence(self.shown_in.show(second), self.reasons(second, memory)) for second in seconds]

    def reasons(self, second: int, memory: Memory = NOTHING) -> tuple[Reason, ...]:
        """Why the rule is due at this second."""
        return tuple(Reason(self, nominal) for nominal in self.plan(memory).nominals(second))

    def anchored(self, moment: datetime) -> Self:
        """The same rule, counting from the moment where it counts from nowhere yet: done when a task is saved (T16)."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        said = {one.name: getattr(self, one.name) for one in fields(type(self)) if one.init}
        return _remake, (type(self), said)


def _remake(made: type[Interval], said: dict[str, Any]) -> Interval:
    return made(**said)


@frozen
class Rule(Interval):
    """An interval with a zone, a start and an end."""

    tz: str = field(default="UTC", kw_only=True, converter=zone_name)
    shown_in: Zone = field(default=Factory(zone_of, takes_self=True), init=False, eq=False, repr=False)
    start: str | None = field(default=None, kw_only=True, converter=read_start)
    end: str | None = field(default=None, kw_only=True, converter=read_end)

    @end.validator
    def _check_end(self, attribute: Attribute[Any], end: str | None) -> None:
        if end is None or self.start is None:
            return
        first, last = wall_of(self.start), end_wall(end)
        if is_instant(self.start) != is_instant(end):  # what was said in the same way is compared as it was said
            first, last = instant_of(self.start, self.shown_in), self.last_instant
        if last < first:
            raise InvalidValue(f"start={self.start!r}, end={end!r}", "the end lies before the start", "swap them, or leave one away")

    @property
    def first_instant(self) -> int:
        """The first second at which the rule may have an occurrence."""
        return EARLIEST if self.start is None else instant_of(self.start, self.shown_in)

    @property
    def last_instant(self) -> int:
        """The last second at which the rule may have an occurrence."""
        if self.end is None:
            return LATEST
        return min(LATEST, wall_of(self.end) if is_instant(self.end) else self.shown_in.last_until(end_wall(self.end)))

    def _has_ended(self, moment: datetime) -> bool:
        """Whether its end has passed: nothing counts from a later start (T12)."""
        return self.last_instant < floor_second(moment)

    @property
    def edges_text(self) -> str:
        """From and until, as they follow a rule."""
        return (f", from {self.start}" if self.start else "") + (f", until {self.end}" if self.end else "")
