"""What was due and is passed over, because somebody said so: it ends as missed, and what is due later runs (T15).

What is kept is the moment up to which that holds, for a task line or for all. The gates ask for it, so nothing is moved by whoever says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.engine._rights import RightsDesk
from taskkit.errors import Outdated
from taskkit.facts import Fact
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job, Kind
from taskkit.storage import Keep
from taskkit.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskkit.engine._glances import Glance
    from taskkit.engine._ground import Ground

PASSINGS = "passing"
_ALL = "all"
_TRIES = 8


class Passings:
    def __init__(self, ground: Ground, rights: RightsDesk) -> None:
        self._ground, self._rights, self._storage = ground, rights, ground.storage

    def pass_over(self, task: Task | None, *, by: str | None, why: str) -> None:
        tried = "passing over what is due" + ("" if task is None else f" of {task.name!r}")
        if task is None:
            self._rights.to_administer(by, tried)
        else:
            self._rights.to_manage(task, by)
        self.say(None if task is None else (task.id, task.line), tried, by=by, why=why)

    def say(self, task: tuple[str, str] | None, tried: str, *, by: str | None, why: str) -> None:
        """Of a task, by its id and line, or of all."""
        id = _ALL if task is None else _of(task[1])
        for _ in range(_TRIES):
            now, kept = self._ground.now(), self._storage.document(PASSINGS, id)
            fact = Fact("PassedOver", now, who=by, details={"why": why} if why else {})
            if task is not None:
                fact = fact._replace(task=task[0], line=task[1])
            body = {"until": now, "by": by, "why": why}
            if self._storage.write([(Keep(PASSINGS, id, kept.revision if kept else 0, body), fact)])[0]:
                return
        raise Outdated(tried, "somebody else says so again and again", "try again")

    def until(self, line: str, glance: Glance) -> Instant:
        """Up to when what was due of this line is passed over."""
        return max((kept.body["until"] for id in said_of(line) if (kept := glance.one(PASSINGS, id)) is not None), default=0)


def is_passed(job: Job, causes: Iterable[Cause], until: Instant) -> bool:
    """Only what waits for its first start, of itself: what people asked for is theirs to cancel, and a retry has begun already."""
    if job.kind not in (Kind.OCCURRENCE, Kind.FIRED) or job.started is not None or job.manual:
        return False
    return max((cause.due for cause in causes), default=job.wanted) <= until


def said_of(line: str) -> list[str]:
    """The documents that say so of it, of all or of this line."""
    return [_ALL, _of(line)]


def _of(line: str) -> str:
    return f"line:{line}"
