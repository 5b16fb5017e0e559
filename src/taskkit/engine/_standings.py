"""What people do to how a task stands, with a record or as a whole: suspend and resume it, set its next run, look ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._border import record_of
from taskkit.engine._catalog import LISTS, TASKS
from taskkit.engine._fits import list_id, still_theirs
from taskkit.engine._pages import fills_a_page
from taskkit.engine._planner import Planner
from taskkit.engine._replans import Replans
from taskkit.engine._rights import RightsDesk
from taskkit.engine._successors import Successor
from taskkit.engine._targets import Targets
from taskkit.engine._waits import written
from taskkit.engine._wakes import to_wake, wake_left
from taskkit.errors import InvalidValue, NotFound, Outdated, Refused
from taskkit.events.intervals import NOTHING, Occurrence
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant, shown
from taskkit.jobs import Why
from taskkit.records import Record
from taskkit.standings import Standing, standing_id
from taskkit.storage import Document, Expect, Unit
from taskkit.targets import Target
from taskkit.tasks import Task, of_record

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 8


class Standings:
    def __init__(self, ground: Ground, planner: Planner, replans: Replans, targets: Targets, rights: RightsDesk) -> None:
        self._ground, self._planner, self._replans, self._targets, self._rights = ground, planner, replans, targets, rights
        self._storage = ground.storage

    def suspend(self, task_id: str, record: str | None, *, by: str | None, why: str) -> None:
        task, name = self._managed(task_id, record, by)
        tried = f"suspending {task.name!r}"
        if not why.strip():
            raise InvalidValue(tried, "nothing says why", "give why=…: whoever finds it waiting reads that")
        if name is not None:
            record_with(self._ground, task, name, tried)
        now, told = self._ground.now(), {"why": why}
        self._change(task, name, lambda one: evolve(one, suspended=why, suspended_by=by, suspended_at=now), "TaskSuspended", by, told)

    def resume(self, task_id: str, record: str | None, *, by: str | None) -> None:
        """What waits goes on; with no record, for all of them that are not suspended on their own. Also for a record that is gone."""
        task, name = self._managed(task_id, record, by)
        what, whom = standing_id(task.line, name), {"line": task.line} if name is None else {"line": task.line, "record": name}
        left = {what: whom}
        if task.target is not Target.ITSELF:  # what it wants of others runs as theirs (R2)
            left[f"by {what}"] = {"trigger": task.id}

        def also() -> Unit:
            return tuple(to_wake(self._storage, id, Why.SUSPENDED, **those) for id, those in left.items())

        if name is not None and self._planner.standing(task.line, name) is None:
            record_with(self._ground, task, name, f"resuming {task.name!r}")
        self._change(task, name, lambda one: evolve(one, suspended=None, suspended_by=None, suspended_at=None), "TaskResumed", by, {}, also)
        for id in left:
            wake_left(self._ground, id)

    def set_next_run(self, task_id: str, at: Instant | None, record: str | None, *, by: str | None) -> None:
        task, name = self._managed(task_id, record, by)
        tried = f"setting the next run of {task.name!r}"
        if at is not None and at < self._ground.now():
            raise InvalidValue(tried, f"{shown(at)} is in the past", "give a later moment")
        if at is not None and not task.active:
            raise Refused(tried, "it is not active", "activate it first")
        found = self._planned_for(task, name, tried)
        told = {"at": shown(at).isoformat() if at is not None else None}
        self._change(task, name, lambda one: evolve(one, next_run=at), "NextRunSet", by, told)
        self._replan(task.id, found)

    def _managed(self, task_id: str, record: str | None, by: str | None) -> tuple[Task, str | None]:
        """The task, and the record for which it is spoken of: a record's own task stands with that one alone (R1)."""
        task = self._ground.catalog.wanted_task(task_id)
        name = task.record if record is None else record
        self._rights.to_manage_for(task, name, by)
        return task, name

    def _planned_for(self, task: Task, name: str | None, tried: str) -> Record | None:
        """Each record has occurrences of its own, and a task of the system has one for all."""
        if task.is_system and name is not None:
            raise InvalidValue(tried, "it is a task of the system, with one next run", "leave the record away")
        if not task.is_system and name is None:
            raise InvalidValue(tried, "each record has a next run of its own", "name one of its records")
        return record_with(self._ground, task, name, tried) if name is not None else None

    def _replan(self, task_id: str, record: Record | None) -> None:
        """As long as it is the record's, and active: what it became meanwhile was planned by whoever changed it (R1, R7)."""
        successor = Successor()
        for _ in range(_TRIES):
            task, lists = self._ground.catalog.task(task_id), self._own_list(record)
            if task is None or not task.active or task.list != list_id(record, lists):
                return
            unit = self._planned(task, record, successor.passed or None)
            still = Expect(TASKS, task.id, task.revision), *still_theirs(task, record, lists)
            if unit is None or (answer := written(self._ground, [(*still, *unit)])[0]):
                return
            successor.learns(answer)

    def _planned(self, task: Task, record: Record | None, after: Instant | None) -> Unit | None:
        """Its occurrence anew where one waits: there where it runs (R2)."""
        aim, now = self._targets.aim(task, record), self._ground.now()
        via = (aim.via[0], aim.via[1] or "") if aim.via is not None else ()
        waiting = self._storage.seated(("occurrence", aim.task.line, aim.record.id if aim.record else "", *via))
        if waiting is None:
            return self._planner.occurrence(task, record, now, after=after)
        return self._replans.anew(task, record, waiting, now, after=after)

    def _own_list(self, record: Record | None) -> Mapping[str, Document]:
        own = self._storage.document(LISTS, of_record(record.id)) if record is not None else None
        return {own.id: own} if own is not None else {}

    def _change(
        self, task: Task, record: str | None, change: Callable[[Standing], Standing], kind: str, by: str | None, told: dict[str, Any],
        also: Callable[[], Unit] = tuple,
    ) -> None:  # fmt: skip
        for _ in range(_TRIES):
            now = self._ground.now()
            before = self._planner.standing(task.line, record) or Standing(created=now)
            fact = Fact(kind, now, None, task.id, task.line, record, by, told)
            if self._storage.write([(self._planner.keep(task, record, change(before)), *also(), fact)])[0]:
                return
        raise Outdated(f"changing how {task.name!r} stands", "it moves too fast", "try again")

    # looking ahead

    def upcoming(self, task_id: str, count: int, record: str | None) -> list[Occurrence]:
        task = self._ground.catalog.wanted_task(task_id)
        fills_a_page(count, f"looking ahead at {task.name!r}")
        if task.interval is None:
            return []
        standing = self._planner.ready(task, task.record if record is None else record, self._ground.now())[0]
        memory = standing.memory(task.interval) if standing is not None and task.interval.relative else NOTHING
        moment = shown(self._ground.now() // SECOND * SECOND)
        return list(islice(task.interval.upcoming(moment, count, memory), count))


def record_with(ground: Ground, task: Task, name: str, tried: str) -> Record:
    """The record of this id, where the task is one of its tasks; one of the system is about any."""
    record = record_of(ground.vault, name, "reading the record")
    if record is None:
        raise NotFound(tried, f"there is no record {name!r}", "give the id of a record")
    if not task.is_system and task.list != ground.catalog.list_id(record):
        raise NotFound(tried, f"it is no task of {name!r}", "look at engine.demandable(record)")
    return record
