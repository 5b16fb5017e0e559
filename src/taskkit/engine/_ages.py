"""A success counts the age of what it was done to anew, whoever asked for it (T11): in the unit that ends it, so no crash parts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._cases import Case
from taskkit.engine._occurrences import by_hand
from taskkit.engine._planner import Planner
from taskkit.engine._replans import fitted
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.standings import Standing, standing_id
from taskkit.storage import Change, Keep, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


def aged(ground: Ground, planner: Planner, case: Case, successor: Unit = ()) -> tuple[Change, ...]:
    """For the task that ran, and for the one that triggered it elsewhere; `successor` is planned by the same success."""
    changes = _of_task(ground, planner, case, case.task, None)
    changes = changes if case.job.via is None else (*changes, *_of_task(ground, planner, case, case.trigger, case.job.via))
    kept = {change.id for change in successor if isinstance(change, Keep)}
    return tuple(change for change in changes if not isinstance(change, Keep) or change.id not in kept)


def succeeded(standing: Standing | None, case: Case) -> Standing:
    """As it stands by this success, or by that of somebody else who did the work of this one."""
    before = standing or Standing(created=case.job.created)
    since = case.now if case.changed is None else max(case.changed, before.last_success or 0)
    return evolve(before, last_success=since)


def _of_task(ground: Ground, planner: Planner, case: Case, task: Task, via: tuple[str, str | None, int] | None) -> tuple[Change, ...]:
    """The standing, and the occurrence that waits."""
    if task.interval is None or not task.interval.relative:
        return ()
    job, record = case.job, via[1] if via else case.job.record
    standing = succeeded(planner.standing(task.line, record), case)
    waiting = ground.storage.seated(("occurrence", job.line, job.record or "", *((via[0], via[1] or "") if via else ())))
    is_another = waiting is not None and waiting.id != job.id and not waiting.manual
    planned = _anew(ground, planner, waiting, standing, case.now) if waiting is not None and is_another else ()
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
