"""A run over many records (R6): the conductor's job finds the records, makes a part job for each, wave by wave, and waits for them.

It is performed as a script is: called again at any time, it reads what was kept and goes on from there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from taskkit.engine._border import asked
from taskkit.engine._cases import Case
from taskkit.facts import Fact
from taskkit.instants import SECOND, shown
from taskkit.jobs import Job, Kind, Why
from taskkit.outcomes import Asks, Done, ErrorClass, NotDone, NotNow, Outcome
from taskkit.states import CLAIMED, PENDING, State, Step
from taskkit.storage import Keep, Move, Query, Tell
from taskkit.storage.units import Insert

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._planner import Planner

_TABLE = "execution"
_PAGE = 1000
#: From the best end to the worst: an execution is as good as its worst part.
_WORST = (State.COMPLETED, State.MERGED, State.CANCELED, State.MISSED, State.EXPIRED, State.ERROR, State.UNCERTAIN)


@frozen
class Execution:
    """How a run over many records stands: by the last job of each record."""

    id: str
    of: int  #: how many records it is about
    states: dict[str, int] = field(factory=dict)  #: how many records stand where
    failed: tuple[str, ...] = ()
    running: tuple[str, ...] = ()

    @property
    def begun(self) -> int:
        return sum(self.states.values())

    @property
    def done(self) -> int:
        return self.states.get(State.COMPLETED, 0)

    @property
    def state(self) -> State:
        """The worst of them; running while one of them has not ended or not begun."""
        if self.begun < self.of or any(state not in _WORST for state in self.states):
            return State.RUNNING
        return max((State(state) for state in self.states), key=_WORST.index, default=State.COMPLETED)


class Conductor:
    def __init__(self, ground: Ground, planner: Planner, points: Callable[[str, Job], None] | None) -> None:
        self._ground, self._planner, self._storage = ground, planner, ground.storage
        self.points = points

    def perform(self, case: Case) -> Outcome:
        names = self._listed(case)
        if isinstance(names, Asks):
            return names
        last = self.last_parts(case.job.id)
        opened = [job for job in last.values() if job.state in PENDING or job.state in CLAIMED]
        ended = [job for job in last.values() if job.state not in PENDING and job.state not in CLAIMED]
        case.run.progress(len(ended), len(names))
        if case.job.stop is not None or case.run.stop_requested:
            return self._stopped(opened, case)
        if opened:
            return self._waiting(case)
        failed = [job for job in ended if job.state is not State.COMPLETED]
        halt = case.task.waves.halt
        if halt is not None and ended and len(last) < len(names) and len(failed) / len(ended) > halt:
            return NotDone(ErrorClass.REFUSED, f"halted: {len(failed)} of the first {len(ended)} failed", _counts(last, len(names)))
        if len(last) < len(names):
            self._begin(case, [name for name in names if name not in last], first=not last)
            return self._waiting(case)
        if failed:
            return NotDone(ErrorClass.REFUSED, f"{len(failed)} of {len(names)} did not succeed", _counts(last, len(names)))
        return Done(_counts(last, len(names)))

    # the list

    def _listed(self, case: Case) -> Sequence[str] | Asks:
        kept = self._storage.document(_TABLE, case.job.id)
        if kept is not None:
            return kept.body["records"]  # type: ignore[no-any-return]
        names = [record.id for record in asked(lambda: list(self._found(case)), "finding the records of a selection")]
        if (asks := self._guarded(case, names)) is not None:
            return asks
        token = case.job.token
        unit = (Move(case.job.id, Step.SAVE, token=token), Keep(_TABLE, case.job.id, 0, {"records": names}))
        if not self._storage.write([unit])[0]:
            case.run.point("listed")
        return names

    def _found(self, case: Case) -> Any:
        assert case.task.selection is not None  # noqa: S101  a conductor has one
        return self._ground.vault.records.find(case.task.selection, case.task.runs_as)

    def _guarded(self, case: Case, names: Sequence[str]) -> Asks | None:
        """More than one run may touch: people see the number, and consent to this list (A8)."""
        guard, digest = case.task.guard, hashlib.sha256("\n".join(names).encode()).hexdigest()
        if case.job.consented == digest:
            return None
        if guard.most is not None and len(names) > guard.most:
            return Asks(digest, f"it would touch {len(names)} records; {guard.most} is its guard")
        if guard.share is not None:
            total = sum(1 for _ in asked(lambda: list(self._ground.vault.records.all()), "counting the records"))
            if total and len(names) / total > guard.share:
                return Asks(digest, f"it would touch {len(names)} of {total} records; {guard.share:.0%} is its guard")
        return None

    # parts

    def last_parts(self, execution: str) -> dict[str, Job]:
        """The last job of each record."""
        found: dict[str, Job] = {}
        page: str | None = None
        while True:
            some = self._storage.jobs(Query(execution=execution), page=page, limit=_PAGE)
            for job in some.jobs:  # the newest comes first
                found.setdefault(job.record or "", job)
            page = some.next
            if page is None:
                return found

    def _begin(self, case: Case, names: Sequence[str], *, first: bool) -> None:
        waves = case.task.waves
        size = waves.canary if first and waves.canary else waves.size
        parts = tuple(Insert(self.part(case.job, case.task.revision, name, case.now)) for name in names[:size])
        begun = Fact("WaveBegan", case.now, case.job.id, case.job.task, case.job.line, None, None, {"records": len(parts)})
        self._storage.write([(Move(case.job.id, Step.SAVE, token=case.job.token), *parts, Tell(begun))])

    def part(self, conductor: Job, revision: int, record: str, now: int) -> Job:
        task, due = self._ground.catalog.task(conductor.task), now
        if task is not None and task.spread is not None:
            due = max(now, (task.spread.second(record, now // SECOND, task.window) or 0) * SECOND)
        found = self._ground.vault.records.get(record)
        return Job(
            id=self._ground.ids(), kind=Kind.PART, task=conductor.task, line=conductor.line, planned_for=revision, record=record,
            due=due, wanted=due, created=now, pool=(found.pool if found else None) or conductor.pool, execution=conductor.id,
            origin=conductor.origin,
        )  # fmt: skip

    def _waiting(self, case: Case) -> NotNow:
        """Its last part wakes it; the timer is the net."""
        return NotNow(shown(self._ground.now() + self._ground.settings.look_length), Why.CONDUCTING.value)

    def _stopped(self, opened: Sequence[Job], case: Case) -> Outcome:
        now = self._ground.now()
        for job in opened:
            fields = {"ended": now, "why": Why.ASKED_TO_STOP.value}
            if job.state in PENDING:
                self._storage.write([(Move(job.id, Step.CANCEL, job.revision, fields=fields),)])
        return NotDone(ErrorClass.STOPPED, f"stopped; {len(opened)} records had not ended")

    def execution(self, id: str) -> Execution | None:
        kept = self._storage.document(_TABLE, id)
        if kept is None:
            return None
        last = self.last_parts(id)
        return Execution(
            id,
            len(kept.body["records"]),
            dict(Counter(job.state.value for job in last.values())),
            tuple(name for name, job in last.items() if job.state in _WORST and job.state is not State.COMPLETED),
            tuple(name for name, job in last.items() if job.state in CLAIMED),
        )


def _counts(last: dict[str, Job], of: int) -> dict[str, Any]:
    states = Counter(job.state.value for job in last.values())
    return {"records": of, **dict(sorted(states.items()))}
