"""Why a task ran on a record, why not, and when it will: the past from facts alone, the future from the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.engine._border import record_of
from taskkit.engine._explanations import Explanation
from taskkit.engine._obstacles import Obstacles
from taskkit.engine._outlooks import Outlooks
from taskkit.engine._prospects import Prospects
from taskkit.engine._questions import Question
from taskkit.engine._recollections import Recollections
from taskkit.engine._rules import Rules
from taskkit.engine._sequels import Sequels
from taskkit.engine._targets import Aim, Targets
from taskkit.errors import InvalidValue, NotAllowed, NotFound, VaultAway
from taskkit.instants import Instant
from taskkit.records import Record
from taskkit.targets import Target
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._planner import Planner
    from taskkit.engine._rights import RightsDesk


class Explainer:
    """Reads, and never writes."""

    def __init__(
        self, ground: Ground, planner: Planner, targets: Targets, rights: RightsDesk, pauses: Pauses, prospects: Prospects
    ) -> None:
        self._ground, self._targets, self._rights = ground, targets, rights
        self._recollections = told = Recollections(ground.storage)
        obstacles, sequels = Obstacles(ground, planner, pauses), Sequels(ground, rights)
        self._outlooks = Outlooks(ground, planner, obstacles, prospects, Rules(planner), told, sequels)

    def explain(self, id: str, record: str | None, at: Instant | None, user: str | None) -> Explanation:
        tried, now = f"explaining the task {id!r}", self._ground.now()
        standing = self._ground.catalog.task(id)
        task = standing or self._ground.catalog.removed(id)
        if task is None:
            raise NotFound(tried, "there is no such task", "`overview` and `tasks` list those that there are")
        name = task.record if record is None else record
        if name is None and not task.is_system:
            raise InvalidValue(tried, "each record has runs of its own", "name one of its records")
        if not self._rights.sees(task, name, user):
            raise NotAllowed(tried, f"{user!r} has no right to see it", "ask who manages its record or task")
        if at is not None and at < now:
            return self._recollections.told(Question(task, name, None, self._aim_then(task, name), now, at, standing is None))
        found = self._record(name) if name is not None else None
        question = Question(task, name, found, self._targets.aim(task, found), now, now if at is None else at, standing is None, user)
        return self._outlooks.standing(question) if at is None else self._outlooks.coming(question)

    def _record(self, name: str) -> Record | None:
        return record_of(self._ground.vault, name, "reading the record")

    def _aim_then(self, task: Task, name: str | None) -> Aim:
        """Where its jobs may have run beside the record itself; the vault is asked for nothing else of the past."""
        if task.target is Target.ITSELF or name is None:
            return Aim(task, None)
        try:
            return self._targets.aim(task, self._record(name))
        except (VaultAway, NotFound):
            return Aim(task, None)
