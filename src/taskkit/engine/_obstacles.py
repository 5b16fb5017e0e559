"""What keeps all jobs of a task from running, whatever they are: the task itself, its record, a suspension, a pause, its pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from taskkit.engine._explanations import Because, Factor
from taskkit.engine._questions import Question
from taskkit.instants import instant

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._planner import Planner

#: Where one of these stands against it, it does not run.
STOPS = (Factor.EDIT, Factor.ACTIVATION, Factor.RECORD, Factor.SUSPENSION, Factor.PAUSE)


class Obstacles:
    def __init__(self, ground: Ground, planner: Planner, pauses: Pauses) -> None:
        self._ground, self._planner, self._pauses = ground, planner, pauses

    def against(self, question: Question) -> list[Because]:
        if question.is_removed:
            return [Because(Factor.EDIT, "the task was removed")]
        return [*self._of_task(question), *self._of_record(question), *self._suspensions(question), *self._of_pool(question)]

    def _of_task(self, question: Question) -> Iterator[Because]:
        if not question.task.active:
            yield Because(Factor.ACTIVATION, "the task is not active")

    def _of_record(self, question: Question) -> Iterator[Because]:
        name, record, task = question.name, question.record, question.task
        if name is not None and record is None:
            yield Because(Factor.RECORD, f"the vault has no record {name!r}")
        elif record is not None and not task.is_system and task.list != self._ground.catalog.list_id(record):
            yield Because(Factor.RECORD, f"it is none of the tasks of {name!r}")

    def _suspensions(self, question: Question) -> Iterator[Because]:
        words = question.words
        for line, record in dict.fromkeys((line, record) for line, name in question.places for record in (name, None)):
            standing = self._planner.standing(line, record)
            if standing is not None and standing.suspended is not None:
                where = f" for {record}" if record else ""
                since = f" since {words.when(standing.suspended_at)}" if standing.suspended_at is not None else ""
                by = f", by {standing.suspended_by}" if standing.suspended_by else ""
                text = f"the task is suspended{where}{since}{by}: {words.why(standing.suspended)}; it waits until somebody resumes it"
                yield Because(Factor.SUSPENSION, text, None, {"why": standing.suspended})

    def _of_pool(self, question: Question) -> Iterator[Because]:
        pool = self._planner.pool(question.aim.task, question.aim.record)
        for pause in self._pauses.all():
            if pause.what in ("engine", f"pool:{pool}"):
                by, why = f", by {pause.by}" if pause.by else "", f" ({pause.why})" if pause.why else ""
                since = question.words.when(instant(pause.since))
                yield Because(Factor.PAUSE, f"{pause.what} stands still since {since}{by}{why}", pause.since)
        if pool not in self._ground.settings.pools:
            yield Because(Factor.NODE, f"only nodes of the pool {pool!r} run it, and this one is none of them", None, {"pool": pool})
