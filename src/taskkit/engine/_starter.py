"""From claimed to running: what the job is about is looked up, the gates are asked, and one unit starts it (J5, J12).

The unit moves the job, takes its holds, merges the fired job that waited beside an occurrence, and plans the successor: all or nothing.
Where something stood against it, nothing has happened: what that was is noted on the case, and the unit is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from taskkit.engine._cases import Case
from taskkit.engine._cohorts import starts_of
from taskkit.engine._executions import wake_conductors
from taskkit.engine._fences import overtaken
from taskkit.engine._gates import Gates, Instead
from taskkit.engine._ground import MOST_RESCUES, VAULT_AWAY_LOOK
from taskkit.engine._lookups import Lookups, Seen, own_key
from taskkit.engine._merges import merged, twins
from taskkit.engine._occurrences import reason_of
from taskkit.engine._refusals import Refusals, expected, given_back
from taskkit.engine._repeats import leads_there, repeated
from taskkit.engine._runs import JobRun
from taskkit.engine._successors import Successor
from taskkit.engine._waits import wake, written
from taskkit.errors import StorageAway, TaskkitError, VaultAway
from taskkit.facts import Fact
from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind, Why
from taskkit.records import EMPTY, AccountId
from taskkit.states import State, Step
from taskkit.storage import Change, Claimed, Expect, Hold, Landed, Move, Refusal, Unit, Wait
from taskkit.storage._alike import Start

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 8


def _unwatched(job: Job | None) -> None:
    """Nobody looks how long the vault takes."""


class Starter:
    def __init__(
        self, ground: Ground, lookups: Lookups, gates: Gates, refusals: Refusals, points: Callable[[str, Job], None] | None = None
    ) -> None:
        self._ground, self._lookups, self._gates = ground, lookups, gates
        self._refusals, self._points, self._storage = refusals, points, ground.storage

    def start(self, claimed: Sequence[Claimed], watch: Callable[[Job | None], None] = _unwatched) -> Iterator[Case]:
        """Those that are running now; what became of the others is in the store."""
        return self.begin(self.open(claimed, watch), watch)

    def open(self, claimed: Sequence[Claimed], watch: Callable[[Job | None], None] = _unwatched) -> list[Case]:
        """What each is about, and what its gates say. `watch` is told whose questions begin, and when they have been answered."""
        seen, now = self._lookups.seen([one.job for one in claimed]), self._ground.now()
        cases = [Case(one, now) for one in claimed]
        pairs = twins(cases)
        for twin, case in pairs.items():
            case.twin = twin
        return [self._opened(case, watch, seen) for case in cases if case not in pairs]

    def begin(self, opened: Sequence[Case], watch: Callable[[Job | None], None] = _unwatched) -> Iterator[Case]:
        """Write the units, and again what was refused: each refusal teaches something, so a few rounds are enough.

        What has started is given out before anything else is tried: whatever befalls the others, it has to be performed.
        """
        waiting, went = list(opened), list[Case]()
        for _ in range(_TRIES):
            if not waiting:
                break
            landed, refused = self._written(waiting)
            yield from [case.begun() for case in landed if case.after is not None]
            went += landed
            waiting = [again for case, answer in refused if (again := self._again(case, answer, watch))]
        if waiting:
            self._storage.write([given_back(case.job, self._ground.now() + MINUTE) for case in waiting])
        if left := self._left(opened, went):
            yield from self.begin([self._opened(twin, watch, self._lookups.unseen()) for twin in left], watch)

    def _written(self, waiting: Sequence[Case]) -> tuple[list[Case], list[tuple[Case, Landed]]]:
        """Those whose unit has landed, and the others with what was refused. A start that may not be lost is on the disk (J14)."""
        answers = written(self._ground, [case.unit or () for case in waiting], durable=any(case.starts_once for case in waiting))
        landed, refused = list[Case](), list[tuple[Case, Landed]]()
        for case, answer in zip(waiting, answers, strict=True):
            if answer:
                landed.append(case)
            else:
                refused.append((case, answer))
        with suppress(Exception):  # what has landed must be performed; for those who wait, the timer is the net
            self._follow(landed)
        return landed, refused

    @staticmethod
    def _left(opened: Sequence[Case], went: Sequence[Case]) -> list[Case]:
        """Jobs of happenings whose occurrence, claimed with them, did not take them with it."""
        taken = {case.beside.id for case in went if case.after is not None and case.beside is not None}
        return [case.twin for case in opened if case.twin is not None and case.twin.job.id not in taken]

    def _follow(self, went: Sequence[Case]) -> None:
        """Who began to wait just when the last holder gave back is woken here; and a conductor, when its last part will not start."""
        changes = (change for case in went if case.after is None for change in case.unit or ())
        wake(self._ground, (key for change in changes if isinstance(change, Wait) for key in change.hold.keys))
        ended = (job.execution for case in went for job in (case.job if case.after is None else case.beside,) if job is not None)
        wake_conductors(self._ground, dict.fromkeys(execution for execution in ended if execution is not None))

    # what stands against it

    def _again(self, case: Case, answer: Landed, watch: Callable[[Job | None], None]) -> Case | None:
        """What is tried next; None where the job is another's now."""
        change = answer.change
        if isinstance(change, Hold):  # others hold it, or wait for it before this one: it waits for them
            until = self._ground.now() + self._ground.settings.look_length
            case.unit = *self._refusals.away(case, Instead(Step.DEFER, Why.BUSY, until)), Wait(change)
            return case
        if isinstance(change, Expect):  # edited since it was read
            self._lookups.forget(change.id)
        if (led := leads_there(answer, case.job)) is not None:
            case.unit = repeated(self._ground, case, led)
            return case
        case.successor = case.successor or Successor()
        is_lost = not case.successor.learns(answer) and answer.refusal is not Refusal.TURNED  # a cause that joined it takes it from nobody
        if is_lost and isinstance(change, Move) and change.job == case.job.id:
            overtaken(self._ground, case.job, change.step)
            return None
        return self._reopened(case, watch)  # a task, a standing or the job beside has moved on: all is looked up anew

    def _reopened(self, case: Case, watch: Callable[[Job | None], None]) -> Case | None:
        fresh = self._storage.job(case.job.id)
        if fresh is None or fresh.token != case.job.token:
            overtaken(self._ground, case.job, Step.START)
            return None
        beside = self._storage.seated(("fired", fresh.line, fresh.record or ""))
        again = Case(Claimed(fresh, tuple(self._storage.causes(fresh.id)), beside), self._ground.now())
        again.successor = case.successor
        return self._opened(again, watch, self._lookups.seen([fresh]))

    # what it is about

    def _opened(self, case: Case, watch: Callable[[Job | None], None], seen: Seen) -> Case:
        watch(case.job)
        try:
            case.unit = self._rescued(case, seen) if case.job.state is State.RUNNING else self._unit(case, seen)
        except StorageAway:  # no job's trouble: the leases decide
            raise
        except Exception as error:  # one job's trouble is not the others' (J9)
            case.unit = self._refusals.bare(case, f"it could not be looked at: {type(error).__name__}")
        watch(None)
        return case

    def _unit(self, case: Case, seen: Seen) -> Unit:
        try:
            if not self._lookups.fill(case, seen, begun=case.job.kind is Kind.RECOVERY):
                return self._refusals.stale(case)
            if (instead := self._gates.refusal(case)) is not None:
                return self._refusals.away(case, instead)
            case.run = JobRun(self._ground, case, self._points)
            if (starts := case.cohort.starts) is not None and case.starts_alike:
                case.after = starts.fields
                following = "" if starts.successor is None else self._ground.ids()
                return Start(starts, case.job, own_key(case.job), following)
            case.hold = self._lookups.hold(case)
        except VaultAway as error:
            return self._refusals.away(case, Instead(Step.DEFER, Why.VAULT_AWAY, case.now + VAULT_AWAY_LOOK, str(error)))
        except StorageAway:
            raise
        except TaskkitError as error:
            return self._refusals.away(case, Instead(Step.FAIL, Why.MISFIT, text=str(error), error="bad_configuration"))
        return self._start_unit(case)

    def _rescued(self, case: Case, seen: Seen) -> Unit:
        """A rescued job that had begun goes on where its memo says, whatever was edited since. What must not be said twice does not."""
        job, lost = case.job, Instead(Step.DOUBT, Why.RESCUES, text="its worker was lost, and nobody saw its end", suspends=True)
        try:
            if not self._lookups.fill(case, seen, begun=True) or job.rescues > MOST_RESCUES or not case.may_go_on:
                return self._refusals.away(case, lost)
            case.run = JobRun(self._ground, case, self._points)
            case.accounts = self._lookups.accounts(case)
            if not self._holds(job, case.accounts.writes):
                moved = "its record is of another account since it began"
                return self._refusals.away(case, Instead(Step.DEFER, Why.BUSY, case.now, moved))
        except VaultAway:
            away = Why.VAULT_AWAY
            return given_back(job, case.now + VAULT_AWAY_LOOK, away, waits=case.waits_again(away))
        except StorageAway:
            raise
        except TaskkitError:
            return self._refusals.away(case, lost)
        case.after, case.beside = EMPTY, None
        told = {"rescues": job.rescues, "node": self._ground.node}
        fact = Fact("JobRescued", case.now, job.id, job.task, job.line, job.record, None, told)
        return Move(job.id, Step.BEAT, token=job.token, fields={"why": None, "waits": 0}), fact

    def _holds(self, job: Job, accounts: Iterable[AccountId]) -> bool:
        """Whoever changes an account holds it, also where a reference leads elsewhere by now (R4)."""
        return all(job.id in self._storage.holders(f"account:{account}") for account in accounts)

    # the unit

    def _start_unit(self, case: Case) -> Unit:
        job, fields = case.job, self._turning(case)
        beside: Sequence[Change] = ()
        if case.beside is not None:
            beside, fields = merged(case, fields, self._storage)
        successor = self._refusals.successor(case)
        move, hold = Move(job.id, Step.START, None, job.token, fields), case.hold or Hold(job.id, job.wanted)
        case.after = fields
        still, following = successor[:1], successor[1:]
        unit = (*expected(case, successor), *still, move, hold, *beside, *self._begins(case), *following)
        if case.cohort.is_one or not (case.starts_alike and case.kin.starts_alike) or (starts := starts_of(unit)) is None:
            return unit
        case.cohort.starts = starts
        return Start(starts, job, own_key(job), "" if starts.successor is None else starts.successor.id)

    @staticmethod
    def _begins(case: Case) -> Unit:
        job, cohort = case.job, case.cohort
        if job.started is not None:
            return ()
        told = cohort.reason if case.beside is None else None
        if told is None:
            told = reason_of(job.with_(case.after or EMPTY), case.task)
        if case.beside is None:
            cohort.reason = told
        if case.given_up:
            told = {**told, "despite": Why.SESSION.value}
        return (Fact("JobStarted", case.now, job.id, job.task, job.line, job.record, None, told),)

    def _turning(self, case: Case) -> Mapping[str, Any]:
        """What the start makes of it."""
        turning = case.cohort.turning
        fields = turning if turning is not None else self._turning_all(case)
        if case.job is not case.claimed.job:  # its record says of another host
            fields = {**fields, "host": case.job.host}
        return {**fields, "text": "sessions went on for longer than it may wait"} if case.given_up else fields

    def _turning_all(self, case: Case) -> Mapping[str, Any]:
        job = case.job
        fields: dict[str, Any] = {"node": self._ground.node, "version": case.kin.version, "why": None, "waits": 0}
        if job.started is None:  # what goes on has turned before, whatever it waited for since; whoever was lost before had not begun
            fields |= {"started": case.now, "turned_at": case.now, "rescues": 0}
        if job.started is None and job.kind is Kind.OCCURRENCE:
            fields |= case.kin.missed(job, case.now)
        case.cohort.turning = fields
        return fields
