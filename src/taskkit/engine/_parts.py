"""The part jobs of a run over many records, one for each: by its waves, and once more for what failed (R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.engine._border import record_of
from taskkit.engine._executions import TABLE, execution
from taskkit.engine._occurrences import starts_at
from taskkit.engine._targets import Aim, Targets, tasks_of
from taskkit.errors import Outdated, Refused
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job, Kind
from taskkit.storage import Insert, Keep, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskkit.engine._ground import Ground
    from taskkit.engine._planner import Planner

PORTION = 500
_TRIES = 8


class Parts:
    def __init__(self, ground: Ground, planner: Planner, targets: Targets) -> None:
        self._ground, self._planner, self._targets, self._storage = ground, planner, targets, ground.storage

    def part(self, conductor: Job, task: Task, name: str, now: Instant) -> Job:
        """Of a wave. For a record that is gone meanwhile there is a part as well: it ends as canceled, and nothing is forgotten."""
        window = None if conductor.forced else task.window
        starts = None if task.spread is None else task.spread.second(name, now // SECOND, window)
        due = now if starts is None else max(now, starts * SECOND)
        return self._made(conductor, self._aim(task, name), name, now, due, forced=conductor.forced)

    def _aim(self, task: Task, name: str) -> Aim:
        return self._targets.aim(task, record_of(self._ground.vault, name, "reading a record of the list"))

    def _made(self, conductor: Job, aim: Aim, name: str, now: Instant, due: Instant, **said: Any) -> Job:
        return Job(
            id=self._ground.ids(), kind=Kind.PART, task=aim.task.id, line=aim.task.line, planned_for=aim.task.revision,
            record=aim.record.id if aim.record else name, due=due, wanted=due, created=now, via=aim.via, target_fallback=aim.fallback,
            pool=self._planner.pool(aim.task, aim.record), host=self._planner.host(aim.record),
            execution=conductor.id, origin=conductor.origin, **said,
        )  # fmt: skip

    # once more

    def again(self, rerun: Rerun) -> list[str]:
        """Parts for the records that failed: each re-run is a revision of the execution, so two at once make no part twice."""
        id, tried, made = rerun.conductor.id, rerun.tried, dict[str, str]()
        for _ in range(_TRIES):
            kept, found = self._storage.document(TABLE, id), execution(self._storage, id)
            names = [name for name in found.failed if name not in made] if found else []
            if kept is None or not names:
                break
            parts = self._again(rerun, names, first=not made)
            told = {"records": len(parts), **({"forced": True} if rerun.forced else {})}
            fact = Fact("ExecutionRerun", self._ground.now(), id, rerun.task.id, rerun.task.line, None, rerun.by, told)
            units: list[Unit] = [
                (Keep(TABLE, id, kept.revision + place, kept.body), *map(Insert, parts[first : first + PORTION]))
                for place, first in enumerate(range(0, len(parts), PORTION))
            ]
            landed = self._storage.write([(*units[0], fact), *units[1:]])
            for place, answer in enumerate(landed):
                if answer:
                    made |= {part.trigger[1] or "": part.id for part in parts[place * PORTION : (place + 1) * PORTION]}
            if all(landed):
                return list(made.values())
        if not made:
            raise Refused(tried, "nothing of it failed", "look at engine.execution(…)")
        raise Outdated(tried, "its jobs move too fast", "look at engine.execution(…)")

    def _again(self, rerun: Rerun, names: Sequence[str], *, first: bool) -> list[Job]:
        """Where its window is shut they wait for it, as a demand does; the wave that let them pass it has ended."""
        now, conductor, task = self._ground.now(), rerun.conductor, rerun.task
        aims = {name: self._aim(task, name) for name in names}
        if first:
            self._must_go(aims.values(), rerun)
        parts: list[Job] = []
        for name, aim in aims.items():
            starts = now // SECOND if rerun.forced else starts_at(task, name, now // SECOND)
            if starts is None:
                raise Refused(rerun.tried, "its window does not open any more", "give the task another one, or run it by force")
            due = max(now, starts * SECOND)
            parts.append(self._made(conductor, aim, name, now, due, forced=rerun.forced, demanded_by=rerun.by))
        return parts

    def _must_go(self, aims: Iterable[Aim], rerun: Rerun) -> None:
        """Refused where none of them could begin; one among others that waits for somebody ends at once, as it does in the run (R6)."""
        refusal: Refused | None = None
        for aim in aims:
            try:
                for task, record in tasks_of(aim, rerun.task):
                    self._planner.not_suspended(task, record, rerun.tried)
            except Refused as error:
                refusal = refusal or error
            else:
                return
        if refusal is not None:
            raise refusal


@frozen
class Rerun:
    """Once more for what failed of a run over many: by whom, and whether beyond its window."""

    conductor: Job
    task: Task
    tried: str
    by: str | None
    forced: bool
