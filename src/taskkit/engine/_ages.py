"""A success counts the age of what it was done to anew, whoever asked for it (T11): in the unit that ends it, so no crash parts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._cases import Case
from taskkit.engine._occurrences import by_hand
from taskkit.engine._planner import Planner, fitted
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.standings import Standing, standing_id
from taskkit.storage import Change, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


def aged(ground: Ground, planner: Planner, case: Case) -> tuple[Change, ...]:
    """For the task that ran, and for the one that triggered it elsewhere."""
    changes = _of_task(ground, planner, case.task, case.job, None, case.now)
    return changes if case.job.via is None else (*changes, *_of_task(ground, planner, case.trigger, case.job, case.job.via, case.now))


def _of_task(
    ground: Ground, planner: Planner, task: Task, job: Job, via: tuple[str, str | None, int] | None, now: Instant
) -> tuple[Change, ...]:
    """The standing, and the occurrence that waits."""
    if task.interval is None or not task.interval.relative:
        return ()
    record = via[1] if via else job.record
    standing = evolve(planner.standing(task.line, record) or Standing(created=job.created), last_success=now)
    waiting = ground.storage.seated(("occurrence", job.line, job.record or "", *((via[0], via[1] or "") if via else ())))
    planned = _anew(ground, planner, waiting, standing, now) if waiting is not None and not waiting.manual else ()
    return (planner.keep(task, record, standing), *planned)


def _anew(ground: Ground, planner: Planner, waiting: Job, standing: Standing, now: Instant) -> Unit:
    """Only where the rule has it no more at its time: what is due for another reason stays."""
    (id, record), runs = waiting.trigger, ground.catalog.task(waiting.task)
    task = runs if waiting.via is None else ground.catalog.task(id)
    if task is None or task.interval is None or not task.interval.relative or by_hand(standing, 0) is not None:
        return ()
    standing = standing.drawn(task.interval, ground.rng, standing_id(task.line, record))
    plan = task.interval.plan(standing.memory(task.interval))
    if waiting.at is None or any(str(nominal) == waiting.nominal for nominal in plan.nominals(waiting.at)):
        return ()
    planned = planner.next(task, record, now, standing, runs=runs)
    return () if planned is None else fitted(waiting, planned.fields(waiting.via))
