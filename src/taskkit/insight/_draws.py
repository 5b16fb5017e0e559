"""Days that are not drawn yet (T10): between which two a run lies. A draw that was made counts as known; what follows it widens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.events.intervals import Memory
from taskkit.events.nominals import Nominal
from taskkit.events.remembering import RandomDays
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Kind
from taskkit.standings import remembering

if TYPE_CHECKING:
    from taskkit.engine._cases import Case

_EVER = -(2**40)


@frozen
class Range:
    """The nominal times between which it lies, with their seconds."""

    first: Nominal
    last: Nominal
    earliest: Instant
    latest: Instant


class Draws:
    def __init__(self) -> None:
        self._next: dict[tuple[str, str | None, int], Range] = {}

    def range_of(self, case: Case) -> Range | None:
        """Of a run that starts now; what is known of the one after it follows."""
        interval, job = case.trigger.interval, case.job
        if interval is None or not interval.relative or job.kind is not Kind.OCCURRENCE or job.nominal is None:
            return None
        found: Range | None = None
        for place, member in enumerate(remembering(interval)):
            if isinstance(member, RandomDays) and str(member) in job.policy.split("; "):
                key = *job.trigger, place
                known = self._next.get(key)
                found = found or known
                before = (known.first, known.last) if known is not None else (Nominal.parse(job.nominal),) * 2
                if (following := _after(member, *before)) is not None:
                    self._next[key] = following
        return found


def _after(rule: RandomDays, first: Nominal, last: Nominal) -> Range | None:
    """Between the smallest draw after the earliest and the largest after the latest."""
    ends = [(rule.low, first), (rule.high, last)]
    plans = [rule.plan(Memory(draw=draw, last_nominal=before)) for draw, before in ends]
    seconds = [plan.after(_EVER) for plan in plans]
    if seconds[0] is None:
        return None
    until = seconds[0] if seconds[1] is None else seconds[1]
    one, other = plans[0].nominals(seconds[0])[0], plans[0 if seconds[1] is None else 1].nominals(until)[0]
    return Range(one, other, seconds[0] * SECOND, until * SECOND)
