"""What people do to how a task stands, with a record or as a whole: suspend and resume it, set its next run, look ahead."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._pauses import Pauses
from taskkit.engine._planner import Planner
from taskkit.engine._rights import RightsDesk
from taskkit.engine._successors import Successor
from taskkit.engine._waits import written
from taskkit.errors import InvalidValue, Outdated, Refused
from taskkit.events.intervals import NOTHING, Occurrence
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant, shown
from taskkit.jobs import Why
from taskkit.standings import Standing
from taskkit.states import State
from taskkit.storage import Query
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 8


class Standings:
    def __init__(self, ground: Ground, planner: Planner, rights: RightsDesk, pauses: Pauses) -> None:
        self._ground, self._planner, self._rights, self._pauses = ground, planner, rights, pauses
        self._storage = ground.storage

    def suspend(self, task_id: str, record: str | None, *, by: str | None, why: str) -> None:
        task = self._ground.catalog.wanted_task(task_id)
        self._rights.to_manage_for(task, record, by)
        now = self._ground.now()
        self._change(
            task, record, lambda one: evolve(one, suspended=why, suspended_by=by, suspended_at=now), "TaskSuspended", by, {"why": why}
        )

    def resume(self, task_id: str, record: str | None, *, by: str | None) -> None:
        """What waits goes on; with no record, for all of them that are not suspended on their own."""
        task = self._ground.catalog.wanted_task(task_id)
        self._rights.to_manage_for(task, record, by)
        self._change(task, record, lambda one: evolve(one, suspended=None, suspended_by=None, suspended_at=None), "TaskResumed", by, {})
        self._pauses.wake(Query(line=task.line, record=record, states=State.DEFERRED, why=Why.SUSPENDED))

    def set_next_run(self, task_id: str, at: Instant | None, record: str | None, *, by: str | None) -> None:
        task = self._ground.catalog.wanted_task(task_id)
        self._rights.to_manage_for(task, record, by)
        if at is not None and at < self._ground.now():
            raise InvalidValue(f"setting the next run of {task.name!r}", f"{shown(at)} is in the past", "give a later moment")
        if at is not None and not task.active:
            raise Refused(f"setting the next run of {task.name!r}", "it is not active", "activate it first")
        told = {"at": shown(at).isoformat() if at is not None else None}
        self._change(task, record, lambda one: evolve(one, next_run=at), "NextRunSet", by, told)
        self._replan(task, record)

    def _replan(self, task: Task, record: str | None) -> None:
        found = self._ground.vault.records.get(record) if record is not None else None
        successor = Successor()
        for _ in range(_TRIES):
            now, after = self._ground.now(), successor.passed or None
            waiting = self._storage.seated(("occurrence", task.line, record or ""))
            unit = (
                self._planner.replanned(task, found, waiting, now, after=after)
                if waiting
                else self._planner.occurrence(task, found, now, after=after)
            )
            if unit is None or (answer := written(self._ground, [unit])[0]):
                return
            successor.learns(answer)

    def _change(
        self, task: Task, record: str | None, change: Callable[[Standing], Standing], kind: str, by: str | None, told: dict[str, Any]
    ) -> None:
        for _ in range(_TRIES):
            now = self._ground.now()
            before = self._planner.standing(task.line, record) or Standing(created=now)
            fact = Fact(kind, now, None, task.id, task.line, record, by, told)
            if self._storage.write([(self._planner.keep(task, record, change(before)), fact)])[0]:
                return
        raise Outdated(f"changing how {task.name!r} stands", "it moves too fast", "try again")

    # looking ahead

    def upcoming(self, task_id: str, count: int, record: str | None) -> list[Occurrence]:
        task = self._ground.catalog.wanted_task(task_id)
        if task.interval is None:
            return []
        standing = self._planner.ready(task, record, self._ground.now())[0]
        memory = standing.memory(task.interval) if standing is not None and task.interval.relative else NOTHING
        moment = shown(self._ground.now() // SECOND * SECOND)
        return list(islice(task.interval.upcoming(moment, count, memory), count))
