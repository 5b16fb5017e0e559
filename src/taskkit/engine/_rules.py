"""The rules of a task as they stand, each with what it says of a moment: anchor, draw, next time, window, spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._border import name_of
from taskkit.engine._explanations import Because, Factor
from taskkit.engine._occurrences import Planned, in_blackout, put_off, starts_at
from taskkit.engine._questions import Question
from taskkit.engine._words import Words
from taskkit.errors import InvalidValue
from taskkit.events._plans import Plan
from taskkit.events._wording import counted
from taskkit.events.intervals import NOTHING, Interval, Memory, Rule
from taskkit.events.nominals import Nominal
from taskkit.events.policies import Policy
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.windows import Window
from taskkit.events.zones import EARLIEST
from taskkit.instants import SECOND, Instant
from taskkit.standings import Standing, members
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._planner import Planner


class Rules:
    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    # when it is due

    def planned(self, question: Question, after: Instant) -> Planned | None:
        """The first occurrence later than `after` that starts at the moment or later, by the rules that look at no memory."""
        task, runs, record = question.task, question.aim.task, question.name
        if task.interval is None or task.interval.relative:
            return None
        plan, second, at = task.interval.plan(), -(-question.at // SECOND), after // SECOND
        at = max(at, second - 1) if runs.window is None and runs.spread is None else _settled(plan, runs, record, at, second)
        while (planned := self._planner.next(task, record, at * SECOND, None, runs=runs)) is not None and planned.due < question.at:
            at = max(planned.at, planned.due // SECOND)
        return planned

    # what they say

    def told(self, question: Question) -> Iterator[Because]:
        task, aim, words = question.task, question.aim, question.words
        for policy in task.policies:
            if isinstance(policy, Policy):
                yield Because(Factor.RULE, f"its rule: {name_of(policy)}", None, {"kind": policy.kind})
        standing = self._planner.standing(task.line, question.name)
        if task.interval is not None:
            memory = standing.memory(task.interval) if standing is not None else NOTHING
            for place, interval in enumerate(members(task.interval)):
                parts = tuple(self._of(interval, memory.part(place), standing, question))
                yield Because(Factor.RULE, f"its rule: {interval}", None, {"kind": interval.kind}, parts)
        if standing is not None and standing.next_run is not None:
            yield Because(Factor.NEXT_RUN, f"somebody set its next run: {words.when(standing.next_run)}")
        if aim.task.window is not None:
            yield _window(aim.task.window, question)
        if aim.task.max_lateness is not None:
            yield Because(Factor.MISS, f"more than {counted(aim.task.max_lateness, 'minute')} late it does not run any more")

    def _of(self, interval: Interval, memory: Memory, standing: Standing | None, question: Question) -> Iterator[Because]:
        words = question.words
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
        second = plan.after(-(-question.at // SECOND) - 1)
        if second is None:
            yield Because(Factor.END, "nothing of it is known from then on" if interval.relative else "it has ended by then")
            return
        yield from _time(plan.nominals(second)[0], second, question)


def _settled(plan: Plan, runs: Task, record: str | None, after: int, second: int) -> int:
    """From where on the runs around the second are known. One that window or spread puts off takes with it what passes before it starts,
    so it goes back to an occurrence before which nothing waits (T15).
    """
    at = plan.before(second)
    while at is not None and at > after:
        before = plan.before(at)
        starts = starts_at(runs, record, before) if before is not None and before > after else None
        if starts is None or starts < at:
            return at - 1
        at = before
    return after


def _time(nominal: Nominal, second: int, question: Question) -> Iterator[Because]:
    """One occurrence: what the clock, the window and the spread make of it."""
    words, runs = question.words, question.aim.task
    yield Because(Factor.RULE, f"it is due {words.when(second * SECOND)}", words.shown(second * SECOND), {"nominal": str(nominal)})
    yield from words.left_out(nominal, second)
    starts = starts_at(runs, question.name, second)
    if starts is None:
        yield Because(Factor.WINDOW, "its window opens no more")
    elif starts != second:
        yield words.put_off({**put_off(runs, second), "at": second * SECOND, "wanted": starts * SECOND})


def _draw(interval: RandomDays, memory: Memory, standing: Standing | None, words: Words) -> Because:
    if memory.draw is None or standing is None:
        return Because(Factor.DRAW, f"{interval.low} to {interval.high} days: no number is drawn yet")
    since = str(memory.last_nominal) if memory.last_nominal is not None else f"{words.when(standing.created)}, when it was planned first"
    text, told = f"drawn: {counted(memory.draw, 'day')}, counted from {since}", {"draw": memory.draw}
    if (drawn := interval.plan(memory).after(EARLIEST)) is None:
        return Because(Factor.DRAW, text, None, told)
    used = evolve(memory, last_nominal=interval.plan(memory).nominals(drawn)[0])
    ends = [interval.plan(one).after(drawn) for one in interval.range_after(used)]
    first, last = (words.when(end * SECOND) if end is not None else "its end" for end in ends)
    return Because(Factor.DRAW, text, None, told, (Because(Factor.DRAW, f"the one after that is drawn when it runs: {first} to {last}"),))


def _window(window: Window, question: Question) -> Because:
    second, words = question.at // SECOND, question.words
    opens = window.open_from(second)
    if opens is None:
        return Because(Factor.WINDOW, f"its window ({window.description}) opens no more")
    if opens == second:
        closes = window.shut_from(opens)
        until = f" until {words.when(closes * SECOND)}" if closes is not None else ""
        return Because(Factor.WINDOW, f"its window ({window.description}): open{until}")
    blackout = in_blackout(window, second)
    factor, shut = (Factor.BLACKOUT, f"in a blackout, {blackout['blackout']},") if blackout else (Factor.WINDOW, "shut")
    return Because(factor, f"its window ({window.description}): {shut} until {words.when(opens * SECOND)}", words.shown(opens * SECOND))
