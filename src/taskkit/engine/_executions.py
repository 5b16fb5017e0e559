"""How a run over many records stands (R6): by the last job of each record. And what its end wakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from taskkit.engine._pages import all_jobs
from taskkit.engine._waits import woken_by
from taskkit.jobs import Job, Why
from taskkit.states import CLAIMED, PENDING, State
from taskkit.storage import Query

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.storage import Storage

TABLE = "execution"
OPEN = PENDING | CLAIMED
#: From the best end to the worst: an execution is as good as its worst part.
_WORST = (State.COMPLETED, State.MERGED, State.CANCELED, State.MISSED, State.EXPIRED, State.ERROR, State.UNCERTAIN)


@frozen
class Execution:
    """How a run over many records stands: by the last job of each record."""

    id: str
    of: int  #: how many records it is about
    ended: bool = False  #: whether its conductor makes no further parts
    states: Mapping[str, int] = field(factory=dict, hash=False)  #: how many records stand where
    failed: tuple[str, ...] = ()  #: what a re-run takes
    running: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  #: the records that it did not come to

    @property
    def begun(self) -> int:
        return self.of - len(self.left)

    @property
    def done(self) -> int:
        return self.states.get(State.COMPLETED, 0)

    @property
    def state(self) -> State:
        """The worst of them; running while one has not ended, or may still begin."""
        found = {State(state) for state in self.states}
        if not self.ended or found & OPEN:
            return State.RUNNING
        if self.left:
            found.add(State.CANCELED)  # what nobody came to is not done
        return max(found, key=_WORST.index, default=State.COMPLETED)


def last_parts(storage: Storage, execution: str) -> dict[str, Job]:
    """The last job of each record, by the record that the list names: a retry or a re-run stands for the part before it."""
    found: dict[str, Job] = {}
    for job in all_jobs(storage, Query(execution=execution)):  # the newest comes first
        found.setdefault(job.trigger[1] or "", job)
    return found


def execution(storage: Storage, id: str) -> Execution | None:
    kept, conductor = storage.document(TABLE, id), storage.job(id)
    if kept is None:
        return None
    last = last_parts(storage, id)
    return Execution(
        id,
        len(kept.body["records"]),
        conductor is None or conductor.ended is not None,
        counts(last),
        tuple(name for name in kept.body["records"] if name in last and has_failed(last[name])),
        tuple(name for name in kept.body["records"] if name in last and last[name].state in CLAIMED),
        tuple(name for name in kept.body["records"] if name not in last),
    )


def has_failed(job: Job) -> bool:
    """Whether it has ended and is not done; a part that was canceled is not done either."""
    return job.state not in OPEN and job.state is not State.COMPLETED


def counts(last: Mapping[str, Job]) -> dict[str, int]:
    return dict(sorted(Counter(job.state.value for job in last.values()).items()))


def wake_conductor_of(ground: Ground, job: Job) -> None:
    """For who ends a job in any other way than by its run: where it was a part, it may have been the last."""
    if job.execution is not None:
        wake_conductors(ground, [job.execution])


def wake_idle_conductors(ground: Ground) -> None:
    """For who ends many jobs at once, and looks at none of them: some may have been the last parts."""
    wake_conductors(ground, [job.id for job in all_jobs(ground.storage, Query(states=State.DEFERRED, why=Why.CONDUCTING))])


def wake_conductors(ground: Ground, executions: Iterable[str]) -> None:
    """Whoever ends the last part of an execution wakes its conductor; the conductor's own timer is the net."""
    for id in executions:
        if ground.storage.jobs(Query(execution=id, states=OPEN), limit=1).jobs:  # found at once: the newest are the last to be open
            continue
        conductor = ground.storage.job(id)
        if conductor is not None and conductor.state is State.DEFERRED and conductor.why == Why.CONDUCTING:
            ground.storage.write([woken_by(conductor, ground.now())])
