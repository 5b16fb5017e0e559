"""Plans for many records, written in short portions: nobody waits for them, and nobody's newer word is written over (R1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.engine._catalog import TASKS
from taskkit.engine._executions import wake_idle_conductors
from taskkit.engine._planner import Planner, Seen
from taskkit.engine._replans import Replans
from taskkit.engine._waits import written
from taskkit.errors import TaskkitError, VaultAway
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job
from taskkit.records import EMPTY, Record
from taskkit.states import Step
from taskkit.storage import Expect, Insert, Landed, Move, Refusal, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_AT_ONCE = 300
_TRIES = 8


@frozen(slots=False)
class Plan:
    """What is to be planned: a task's next occurrence for a record, or a job that waits, anew."""

    task: Task
    record: Record | None
    job: Job | None = None
    first_run: bool = False
    #: What it follows from beside the task.
    guard: Unit = ()


@frozen
class Written:
    """How many landed, and for how many somebody was quicker, so that they have to be looked at again."""

    landed: int = 0
    lost: int = 0


class Portions:
    def __init__(self, ground: Ground, planner: Planner, replans: Replans) -> None:
        self._ground, self._planner, self._replans = ground, planner, replans

    def write(self, plans: Iterable[Plan | Unit]) -> Written:
        """Each lands only where its task still stands as it was read; what has its occurrence already is no loss."""
        landed = lost = 0
        for portion in _portions(plans):
            written = self._portion(portion)
            landed, lost = landed + written.landed, lost + written.lost
        return Written(landed, lost)

    def _portion(self, plans: Sequence[Plan | Unit]) -> Written:
        now, landed, lost = self._ground.now(), 0, 0
        seen = self._planner.seen(_place(plan) for plan in plans if isinstance(plan, Plan))
        waiting = [(plan, unit) for plan in plans if (unit := self._unit(plan, now, seen=seen))]
        for _ in range(_TRIES):
            answers = written(self._ground, [unit for _, unit in waiting])  # what waited for an account may be gone
            if any(answer and _ends_one(unit) for (_, unit), answer in zip(waiting, answers, strict=True)):
                wake_idle_conductors(self._ground)
            landed += sum(map(bool, answers))
            lost += sum(answer.refusal not in _NO_LOSS for answer in answers)
            waiting = [
                (plan, unit)
                for (plan, _), answer in zip(waiting, answers, strict=True)
                if answer.refusal is Refusal.FIRE and (unit := self._unit(plan, now, after=_nominal(answer)))
            ]
            if not waiting:
                break
        return Written(landed, lost)

    def _unit(self, plan: Plan | Unit, now: Instant, after: Instant | None = None, seen: Seen = EMPTY) -> Unit | None:
        """`after` is a nominal that has had its run: the one after it is next (T6)."""
        if not isinstance(plan, Plan):
            return plan if after is None else None
        task, record = plan.task, plan.record
        try:
            if plan.job is not None:
                unit: Unit | None = self._replans.anew(task, record, plan.job, now, after=after, seen=seen)
            else:
                unit = self._planner.occurrence(task, record, now, first_run=plan.first_run, after=after, seen=seen)
        except VaultAway:
            raise
        except TaskkitError as error:  # one record's trouble is not the others'
            return (Fact("PlanFailed", now, None, task.id, task.line, record.id if record else None, None, {"text": str(error)}),)
        return (Expect(TASKS, task.id, task.revision), *plan.guard, *unit) if unit else None


#: What was there already, or is tried with a later nominal.
_NO_LOSS = frozenset({None, Refusal.SEAT, Refusal.FIRE})


def _place(plan: Plan) -> tuple[str, str | None]:
    return plan.task.line, plan.record.id if plan.record else None


def _ends_one(unit: Unit) -> bool:
    return any(isinstance(change, Move) and change.step is Step.CANCEL for change in unit)


def _nominal(answer: Landed) -> Instant | None:
    change = answer.change
    at = change.job.at if isinstance(change, Insert) else change.fields.get("at") if isinstance(change, Move) else None
    return None if at is None else at * SECOND


def _portions(plans: Iterable[Plan | Unit]) -> Iterator[list[Plan | Unit]]:
    several = iter(plans)
    while portion := list(islice(several, _AT_ONCE)):
        yield portion
