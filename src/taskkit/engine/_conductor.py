"""A run over many records (R6): the conductor's job finds the records, makes a part job for each, wave by wave, and waits for them.

It is performed as a script is: called again at any time, it reads what was kept and goes on from there. The list is kept once, in the
job's execution; its memo says up to which place of the list the wave goes, and up to which the parts were made. Each portion of parts
lands in one unit with that place, behind the conductor's token: so no crash makes a part twice or forgets one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskkit.engine._border import asked
from taskkit.engine._cases import Case
from taskkit.engine._executions import OPEN, TABLE, counts, has_failed, last_parts
from taskkit.engine._fences import asked_to_stop
from taskkit.engine._ground import VAULT_AWAY_LOOK
from taskkit.engine._parts import PORTION, Parts
from taskkit.engine._replans import dropped
from taskkit.engine._waits import written
from taskkit.errors import StaleToken, VaultAway
from taskkit.events._wording import counted
from taskkit.facts import Fact
from taskkit.instants import DAY, MINUTE, SECOND, Instant, shown
from taskkit.jobs import Job, Why
from taskkit.outcomes import Asks, Done, ErrorClass, NotDone, NotNow, Outcome
from taskkit.selections import Everything, Selection
from taskkit.states import PENDING, State, Step
from taskkit.storage import Change, Insert, Keep, Move, Query, Unit
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._planner import Planner


class Conductor:
    def __init__(self, ground: Ground, planner: Planner, parts: Parts, points: Callable[[str, Job], None] | None) -> None:
        self._ground, self._planner, self._parts, self._storage = ground, planner, parts, ground.storage
        self.points = points

    def perform(self, case: Case) -> Outcome:
        try:
            return self._perform(case)
        except VaultAway:
            return NotNow(shown(self._ground.now() + VAULT_AWAY_LOOK), Why.VAULT_AWAY.value)

    def _perform(self, case: Case) -> Outcome:
        names = self._listed(case)
        if isinstance(names, Asks):
            return names
        if (by := self._asked_to_stop(case)) is not None:
            return self._stopped(case, names, by)
        until, begun = _place(case.job.memo)
        if (asks := self._unconsented(case, len(names) - begun)) is not None:
            return asks
        self._begin(case, names, until, begun)
        waiting = self._count(case, OPEN)
        case.run.progress(until - waiting, len(names))
        if waiting:
            return self._waiting()
        return self._next(case, names, until)

    def _next(self, case: Case, names: Sequence[str], until: int) -> Outcome:
        """All parts so far have ended: the next wave, or the end."""
        last = last_parts(self._storage, case.job.id)
        failed = sum(map(has_failed, last.values()))
        told = {"records": len(names), **counts(last)}
        if until == len(names):
            return NotDone(ErrorClass.FAILED, f"{failed} of {until} did not succeed", told) if failed else Done(told)
        if until and failed / until > self._bearable(case.task, until):
            return NotDone(ErrorClass.REFUSED, f"halted: {failed} of the first {until} did not succeed", told)
        if (held := self._held_back(case)) is not None:
            return held
        waves = case.task.waves
        size = waves.canary if not until and waves.canary else waves.size
        self._begin(case, names, min(len(names), until + (size or len(names))), until, wave=True)
        return self._waiting()

    @staticmethod
    def _bearable(task: Task, until: int) -> float:
        """Which share of failures a run goes on with; a canary is there to stop it, so nothing may fail among them (R6)."""
        if task.waves.halt is not None:
            return task.waves.halt
        return 0.0 if until == task.waves.canary else 1.0

    # what a wave waits for

    def _waiting(self) -> NotNow:
        """Its last part wakes it; the timer is the net."""
        return NotNow(shown(self._ground.now() + self._ground.settings.look_length), Why.CONDUCTING.value)

    def _held_back(self, case: Case) -> Outcome | None:
        """A wave is begun as a job is: not while the task is suspended, and inside its window."""
        now, window = self._ground.now(), case.task.window
        if self._planner.suspension(case.task, None) is not None:
            return NotNow(shown(now + DAY), Why.SUSPENDED.value)
        second = now // SECOND
        if window is None or case.job.forced or (opens := window.open_from(second)) == second:
            return None
        if opens is None:
            return NotDone(ErrorClass.REFUSED, "its window does not open any more")
        return NotNow(shown(opens * SECOND), Why.WINDOW.value)

    def _unconsented(self, case: Case, left: int) -> Asks | None:
        """An edit has voided the consent to what was not begun yet (A5)."""
        task, job = case.task, case.job
        if task.consent is None or not job.is_demanded or job.consented is not None or job.forced:
            return None
        if not left and not self._count(case, PENDING):
            return None
        until = shown(self._ground.now() + task.consent.minutes * MINUTE)
        return Asks(f"revision {task.revision}", f"the task was edited while it ran; not begun: {counted(left, 'record')}", until)

    def _count(self, case: Case, states: frozenset[State]) -> int:
        return self._storage.count(Query(execution=case.job.id, states=states))

    # the list

    def _listed(self, case: Case) -> Sequence[str] | Asks:
        kept = self._storage.document(TABLE, case.job.id)
        if kept is not None:
            return kept.body["records"]  # type: ignore[no-any-return]
        selection = case.task.selection
        names = list(dict.fromkeys(self._found(case, selection))) if selection is not None else []
        if (asks := self._guarded(case, names)) is not None:
            return asks
        self._save(case, {}, Keep(TABLE, case.job.id, 0, {"records": names}))
        case.run.point("listed")
        return names

    def _found(self, case: Case, selection: Selection) -> list[str]:
        """As the person sees it behind the task (A1)."""
        find, viewer = self._ground.vault.records.find, case.task.runs_as
        return asked(lambda: [record.id for record in find(selection, viewer)], "finding the records of a selection")

    def _guarded(self, case: Case, names: Sequence[str]) -> Asks | None:
        """More than one run may touch: people see the number, and consent to this list under this revision (A8)."""
        guard = case.task.guard
        digest = hashlib.sha256("\n".join([str(case.task.revision), *names]).encode()).hexdigest()
        if case.job.consented == digest:
            return None
        if guard.most is not None and len(names) > guard.most:
            return Asks(digest, f"it would touch {len(names)} records; {guard.most} is its guard")
        if guard.share is not None:
            total = len(self._found(case, Everything()))
            if len(names) > guard.share * total:
                return Asks(digest, f"it would touch {len(names)} of {total} records; {guard.share:.0%} is its guard")
        return None

    # parts

    def _begin(self, case: Case, names: Sequence[str], until: int, begun: int, *, wave: bool = False) -> None:
        """The parts of a wave, as far as they are not there yet."""
        for first in range(begun, until, PORTION):
            portion = names[first : min(until, first + PORTION)]
            now = self._ground.now()
            changes: list[Change] = [Insert(self._parts.part(case.job, case.task, name, now)) for name in portion]
            if wave and first == begun:
                told = {"records": until - begun, "from": begun, "of": len(names)}
                changes.append(Fact("WaveBegan", now, case.job.id, case.job.task, case.job.line, None, None, told))
            self._save(case, {"memo": {"until": until, "begun": first + len(portion)}}, *changes)
            case.run.point("begun")

    # stopping

    def _asked_to_stop(self, case: Case) -> str | None:
        kept = self._storage.job(case.job.id)
        if kept is None or kept.token != case.job.token:
            raise self._stale(case)
        return kept.stop

    def _stopped(self, case: Case, names: Sequence[str], by: str) -> Outcome:
        """What has not begun ends; what runs is asked to stop, and waited for."""
        last = last_parts(self._storage, case.job.id)
        opened = [job for job in last.values() if job.state in OPEN]
        now, guard = self._ground.now(), Move(case.job.id, Step.SAVE, token=case.job.token)
        written(self._ground, [(guard, *_stopping(job, by, now)) for job in opened if job.stop is None])
        if self._count(case, OPEN):
            return self._waiting()
        done = sum(job.state is State.COMPLETED for job in last.values())
        told = {"records": len(names), **counts(last_parts(self._storage, case.job.id))}
        return NotDone(ErrorClass.STOPPED, f"stopped; {len(names) - done} of {len(names)} are not done", told)

    # the fence

    def _save(self, case: Case, fields: Mapping[str, Any], *changes: Change) -> None:
        """What the conductor keeps, with what follows from it, behind its token."""
        told = {**fields, "lease": self._ground.now() + self._ground.settings.lease_length, "rescues": 0}
        if not self._storage.write([(Move(case.job.id, Step.SAVE, token=case.job.token, fields=told), *changes)])[0]:
            raise self._stale(case)

    @staticmethod
    def _stale(case: Case) -> StaleToken:
        return StaleToken(f"conducting {case.job.id!r}", "a newer claim owns it", "nothing more is done here")


def _stopping(part: Job, by: str, now: Instant) -> Unit:
    return dropped(part, Why.ASKED_TO_STOP, now, who=by) if part.is_pending else asked_to_stop(part, by, now)


def _place(memo: Mapping[str, Any] | None) -> tuple[int, int]:
    """Up to where in the list the wave goes, and up to where its parts are there."""
    return (memo["until"], memo["begun"]) if memo else (0, 0)
