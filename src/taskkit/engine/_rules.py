"""The rules of a task as they stand, each with what it says of a moment: anchor, draw, next time, window, spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._explanations import Because, Factor
from taskkit.engine._occurrences import Planned, starts_at
from taskkit.engine._targets import Aim
from taskkit.engine._words import Words
from taskkit.errors import InvalidValue
from taskkit.events.intervals import NOTHING, Interval, Memory, Rule
from taskkit.events.nominals import Nominal
from taskkit.events.policies import Policy
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.windows import Window
from taskkit.events.zones import EARLIEST, zone
from taskkit.instants import SECOND, Instant
from taskkit.standings import Standing, members
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._planner import Planner


class Rules:
    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    # when it is due

    def planned(self, task: Task, aim: Aim, record: str | None, at: Instant) -> Planned | None:
        """The first occurrence that starts at a moment or later, by the rules that look at no memory."""
        if task.interval is None or task.interval.relative:
            return None
        second, plan = at // SECOND, task.interval.plan()
        before = plan.before(second)
        if before is not None and (starts := starts_at(aim.task, record, before)) is not None and starts >= second:
            return self._planner.next(task, record, (before - 1) * SECOND, None, runs=aim.task)
        return self._planner.next(task, record, (second - 1) * SECOND, None, runs=aim.task)

    # what they say

    def told(self, task: Task, aim: Aim, record: str | None, at: Instant, words: Words) -> Iterator[Because]:
        for policy in task.policies:
            if isinstance(policy, Policy):
                yield Because(Factor.RULE, f"its rule: {policy}", None, {"kind": policy.kind})
        standing = self._planner.standing(task.line, record)
        if task.interval is not None:
            memory = standing.memory(task.interval) if standing is not None else NOTHING
            for place, interval in enumerate(members(task.interval)):
                parts = tuple(self._of(interval, memory.part(place), standing, aim, record, at, words))
                yield Because(Factor.RULE, f"its rule: {interval}", None, {"kind": interval.kind}, parts)
        if standing is not None and standing.next_run is not None:
            yield Because(Factor.NEXT_RUN, f"somebody set its next run: {words.when(standing.next_run)}")
        if aim.task.window is not None:
            yield _window(aim.task.window, at, words)
        if aim.task.max_lateness is not None:
            yield Because(Factor.MISS, f"more than {aim.task.max_lateness} minutes late it does not run any more")

    def _of(
        self, interval: Interval, memory: Memory, standing: Standing | None, aim: Aim, record: str | None, at: Instant, words: Words
    ) -> Iterator[Because]:
        if isinstance(interval, Rule) and interval.start is not None:
            yield Because(Factor.ANCHOR, f"it counts from {interval.start}")
        if isinstance(interval, RandomDays):
            yield _draw(interval, memory, standing, words)
        if isinstance(interval, MaxAge):
            success = standing.last_success if standing is not None else None
            since = f"the last success, {words.when(success)}" if success is not None else "its creation, as it has had no success"
            yield Because(Factor.ANCHOR, f"it counts from {since}")
        if interval.relative and standing is None:
            return
        try:
            plan = interval.plan(memory)
        except InvalidValue:
            return
        second = plan.after(at // SECOND - 1)
        if second is None:
            yield Because(Factor.END, "nothing of it is known from then on" if interval.relative else "it has ended by then")
            return
        yield from self._time(interval, plan.nominals(second)[0], second, aim, record, words)

    def _time(self, interval: Interval, nominal: Nominal, second: int, aim: Aim, record: str | None, words: Words) -> Iterator[Because]:
        """One occurrence: what the clock, the window and the spread make of it."""
        yield Because(Factor.RULE, f"it is due {words.when(second * SECOND)}", words.shown(second * SECOND), {"nominal": str(nominal)})
        if nominal.zone is not None:
            stretch = zone(nominal.zone).stretch(second)
            if second + stretch.offset != nominal.wall:
                yield Because(Factor.CLOCK, f"the clock leaves {str(nominal)[11:16]} out on that day", None, {"nominal": str(nominal)})
        starts = starts_at(aim.task, record, second)
        if starts is None:
            yield Because(Factor.WINDOW, "its window opens no more")
        elif starts != second:
            factor = Factor.SPREAD if aim.task.spread is not None and record is not None else Factor.WINDOW
            text = f"its {factor.value} puts it off to {words.when(starts * SECOND)}"
            yield Because(factor, text, words.shown(starts * SECOND))


def _draw(interval: RandomDays, memory: Memory, standing: Standing | None, words: Words) -> Because:
    if memory.draw is None or standing is None:
        return Because(Factor.DRAW, f"{interval.low} to {interval.high} days: no number is drawn yet")
    since = str(memory.last_nominal) if memory.last_nominal is not None else f"{words.when(standing.created)}, when it was planned first"
    text, told = f"{memory.draw} days were drawn, counted from {since}", {"draw": memory.draw}
    if (drawn := interval.plan(memory).after(EARLIEST)) is None:
        return Because(Factor.DRAW, text, None, told)
    used = evolve(memory, last_nominal=interval.plan(memory).nominals(drawn)[0])
    ends = [interval.plan(one).after(drawn) for one in interval.range_after(used)]
    first, last = (words.when(end * SECOND) if end is not None else "its end" for end in ends)
    return Because(Factor.DRAW, text, None, told, (Because(Factor.DRAW, f"the one after that is drawn when it runs: {first} to {last}"),))


def _window(window: Window, at: Instant, words: Words) -> Because:
    second = at // SECOND
    opens = window.open_from(second)
    closes = None if opens is None else window.shut_from(opens)
    until = f" until {words.when(closes * SECOND)}" if closes is not None else ""
    if opens is None:
        return Because(Factor.WINDOW, f"its window ({window.description}) opens no more")
    if opens == second:
        return Because(Factor.WINDOW, f"its window ({window.description}) is open then{until}")
    return Because(Factor.WINDOW, f"its window ({window.description}) is shut then, and opens {words.when(opens * SECOND)}{until}")
