"""Days that are not drawn yet (T10): between which two a run lies. A draw that was made counts as known; what follows it widens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from taskkit.engine._occurrences import starts_at
from taskkit.events._tzif import DAY
from taskkit.events.intervals import Memory
from taskkit.events.nominals import Nominal
from taskkit.events.remembering import RandomDays
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Kind
from taskkit.standings import remembering

if TYPE_CHECKING:
    from taskkit.engine._cases import Case

_EVER = -(2**40)
#: The first day and the last.
Days = tuple[int, int]


@frozen
class Drawn:
    """A day of the game, between which days it lies, and between which the one after it does."""

    day: int
    lies: Days | None  #: None where it was drawn before the game
    next: Days


class Draws:
    def __init__(self) -> None:
        self._known: dict[tuple[str, str | None, int], Drawn] = {}

    def range_of(self, case: Case) -> tuple[Instant, Instant] | None:
        """Between which two a run that starts now is due; what is known of the one after it follows."""
        interval, job = case.trigger.interval, case.job
        if interval is None or not interval.relative or job.kind is not Kind.OCCURRENCE or job.nominal is None or job.at is None:
            return None
        found: tuple[Instant, Instant] | None = None
        for place, member in enumerate(remembering(interval)):
            if isinstance(member, RandomDays) and str(member) in job.policy.split("; "):
                day = Nominal.parse(job.nominal).day_in(member.tz)
                lies = self._lies((*job.trigger, place), member, day, case)
                found = found or (lies and _between(member, lies, day, job.at, case))
        return found

    def _lies(self, key: tuple[str, str | None, int], rule: RandomDays, day: int, case: Case) -> Days | None:
        known = self._known.get(key)
        lies = None if known is None else known.lies if known.day == day else known.next  # a day may have several times
        self._known[key] = Drawn(day, lies, _after(rule, lies or (day, day), case))
        return lies


def _after(rule: RandomDays, lies: Days, case: Case) -> Days:
    """What passes before the run starts is drawn over: its rule counts on from there (T15)."""
    (first, last), zone = lies, rule.shown_in
    starts = [_starts(case, _seconds(rule, day)[-1]) for day in lies]
    earliest, latest = max(first + rule.low, zone.wall(starts[0]) // DAY), max(last, zone.wall(starts[1]) // DAY)
    earliest += _seconds(rule, earliest)[-1] <= starts[0]
    latest -= latest > last and _seconds(rule, latest)[-1] > starts[1]
    return earliest, latest + rule.high


def _between(rule: RandomDays, lies: Days, day: int, at: int, case: Case) -> tuple[Instant, Instant]:
    """At the same time of these days, in window and spread, and no later than its rule goes on."""
    example, first, last = (_seconds(rule, one) for one in (day, *lies))
    place = example.index(at) if at in example else 0
    earliest, latest = first[min(place, len(first) - 1)], min(last[min(place, len(last) - 1)], rule.last_instant)
    return _starts(case, earliest) * SECOND, _starts(case, max(earliest, latest)) * SECOND


def _starts(case: Case, second: int) -> int:
    starts = starts_at(case.task, case.job.trigger[1], second)
    return second if starts is None else starts


def _seconds(rule: RandomDays, day: int) -> list[int]:
    """When it would be due on a day, whatever its edges say."""
    bare = evolve(rule, start=None, end=None)
    plan = bare.plan(Memory(draw=rule.low, last_nominal=Nominal((day - rule.low) * DAY, rule.tz)))
    found, at = list[int](), plan.after(_EVER)
    while at is not None:
        found.append(at)
        at = plan.after(at)
    return found
