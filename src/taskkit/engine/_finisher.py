"""From running to whatever the outcome makes of it: one unit ends the job, and what follows from its end follows here.

Nothing that stands around a job may keep it from ending: what was refused is made anew, and in the end the job ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, evolve

from taskkit.engine._ages import aged
from taskkit.engine._cases import Case
from taskkit.engine._executions import wake_conductors
from taskkit.engine._intents import followed, left_by
from taskkit.engine._planner import Planner
from taskkit.engine._refusals import suspended
from taskkit.engine._retries import Retries
from taskkit.engine._waits import written
from taskkit.errors import StorageAway
from taskkit.facts import Fact
from taskkit.instants import DAY, MINUTE, SECOND, Instant, instant
from taskkit.jobs import Kind
from taskkit.outcomes import Asks, Done, NotDone, NotNow, Outcome, Unknown
from taskkit.records import EMPTY
from taskkit.states import SENT_BACK, Step
from taskkit.storage import Change, Expect, Free, Insert, Keep, Landed, Move, Name, Refusal, Unit
from taskkit.storage._alike import End
from taskkit.verdicts import DONE, Verdict, verdict

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 6
#: What a store raises over a value that it cannot keep, and not where it is away.
_UNKEPT = (TypeError, ValueError, OverflowError, RecursionError)
#: The times that an end says, each to the microsecond.
_TIMES = frozenset({"ended", "due", "asks_until"})


@define
class _Ending:
    """One job that ended, and the unit that says so."""

    case: Case
    outcome: Outcome
    unit: Unit

    @property
    def said(self) -> Mapping[str, Any]:
        """What its own step says of its time: by this it is known again."""
        (move,) = (change for change in self.unit if isinstance(change, Move) and change.job == self.case.job.id)
        return {name: value for name, value in move.fields.items() if name in _TIMES}


class Finisher:
    def __init__(self, ground: Ground, planner: Planner) -> None:
        self._ground, self._planner, self._storage = ground, planner, ground.storage
        self._retries = Retries(ground)

    def finish(self, ended: Sequence[tuple[Case, Outcome]]) -> list[Case]:
        """Write the ends of several jobs at once; those whose end was refused, because another owns the job now."""
        try:
            return self._finish(ended, self._made)
        except _UNKEPT as error:  # what one of them says is no JSON: that keeps neither it nor the others from their ends (J9)
            if len(ended) > 1:
                return [case for one in ended for case in self.finish([one])]
            [(case, outcome)], why = ended, error
            return self._finish([(case, _silent(outcome))], lambda case, outcome, _: self._bare(case, outcome, why))

    def _finish(self, ended: Sequence[tuple[Case, Outcome]], made: Callable[[Case, Outcome, Instant], Unit]) -> list[Case]:
        now = self._ground.now()
        waiting = [_Ending(case, outcome, made(case, outcome, now)) for case, outcome in ended]
        done: list[_Ending] = []
        lost: list[Case] = []
        for tries in range(_TRIES, 0, -1):
            try:
                landed, gone, waiting = self._round(waiting, last=tries == 2)
            except Exception:  # the store broke off; whoever writes them again knows by this what had landed
                for one in (*done, *waiting):
                    one.case.said = one.said
                raise
            done, lost = done + landed, lost + gone
            if not waiting:
                break
        for case in lost:
            case.run.fence.lose(Step.COMPLETE)
        with suppress(Exception):  # what has ended has ended; for those who wait, the timer is the net
            self._follow(one.case for one in done)
        return lost

    def _round(self, waiting: Sequence[_Ending], *, last: bool) -> tuple[list[_Ending], list[Case], list[_Ending]]:
        """Those that have ended, those that are another's now, and what is written next."""
        landed: list[_Ending] = []
        lost: list[Case] = []
        again: list[_Ending] = []
        units = [one.unit for one in waiting]
        answers = written(self._ground, units, durable=any(map(_weighs, units)))
        for one, answer in zip(waiting, answers, strict=True):
            if answer or (_is_refused(one, answer) and self._has_landed(one.case)):
                landed.append(one)
            elif _is_refused(one, answer):
                lost.append(one.case)
            else:
                again.append(self._again(one, answer, last=last))
        return landed, lost, again

    def _has_landed(self, case: Case) -> bool:
        """Whether the job stands as a write has left it of which nobody heard whether it landed."""
        kept = self._storage.job(case.job.id) if case.said is not None else None
        return kept is not None and all(getattr(kept, name) == value for name, value in (case.said or EMPTY).items())

    # the unit

    def _made(self, case: Case, outcome: Outcome, now: Instant, retry: Insert | Move | None = None) -> Unit:
        if case.said is None:  # said again, it says the same
            case.now = now
        try:
            return self._unit(case, outcome, retry)
        except StorageAway:  # whoever has ended jobs keeps their ends until the store is back, or leaves them to their leases
            raise
        except Exception as error:  # what follows from an end may not keep the job from ending, nor others with it (J9)
            return self._bare(case, outcome, error)

    def _bare(self, case: Case, outcome: Outcome, error: Exception) -> Unit:
        """The end by itself."""
        found = verdict(outcome, case.effect)
        fields = {**found.fields, **self._ends(case, found, outcome)}
        told = {"error": type(error).__name__}
        fact = Fact("EngineFailed", case.now, case.job.id, case.job.task, case.job.line, case.job.record, None, told)
        return Move(case.job.id, found.step, token=case.job.token, fields=fields), Free(case.job.id), fact

    def _unit(self, case: Case, outcome: Outcome, retry: Insert | Move | None = None) -> Unit:
        job, run, found = case.job, case.run, verdict(outcome, case.effect)
        if found is DONE and job.kind is not Kind.RECOVERY and not case.kin.is_remembered and not run.says_something:
            return End(job, case.now)
        fields = self._ends(case, found, outcome)
        if found.fields or run.says_something:
            fields = {**found.fields, **run.ending(), **fields}
        changes: list[Change] = [Move(job.id, found.step, None, job.token, fields)]
        if found.step in SENT_BACK and not job.conducts:  # a run over many goes on: the next one waits for its end (T15)
            changes.append(Free(job.id))
        changes += run.names()
        if (intents := run.used_intents) is not None:
            changes += intents.handed_on(ends=found.step not in SENT_BACK)
        elif run.rescued and case.script.changes_secret:
            changes += left_by(self._storage, job)
        if job.kind is Kind.RECOVERY and found.step not in SENT_BACK:
            changes += followed(self._ground, job)
        if found.suspends or case.kin.is_remembered:
            changes = self._learned(changes, case, found)
        if found.again and job.kind is not Kind.RECOVERY:
            retry = retry or self._retries.after(case)
        if retry is not None:
            changes += (Expect("task", case.task.id, case.task.revision), retry)
        return (*changes, *self._told(case, found, fields, retried=retry is not None))

    def _ends(self, case: Case, found: Verdict, outcome: Outcome) -> dict[str, Any]:
        now = case.now
        if found.step is Step.DEFER:
            return {"due": self._later(outcome, now), "waits": case.waits_again(found.fields["why"])}
        if found.step is Step.ASK:
            return {"asks_until": instant(outcome.until) if isinstance(outcome, Asks) and outcome.until else now + DAY}
        return {"ended": now}

    @staticmethod
    def _later(outcome: Outcome, now: Instant) -> Instant:
        """Deferral never leaves a job due at once: that would be a hot loop (J12)."""
        return max(instant(outcome.until), now + SECOND) if isinstance(outcome, NotNow) else now + MINUTE

    def _learned(self, changes: list[Change], case: Case, found: Verdict) -> list[Change]:
        """What account and standing remember of it."""
        if found.suspends:
            case.standing = self._planner.standing(case.job.line, case.job.record)
            return suspended(changes, case, found.error.value if found.error else "unknown", case.now)
        if found.step is not Step.COMPLETE:
            return changes
        if case.script.changes_secret and case.accounts and case.run.used_intents is None:
            changes += [self._changed(account, case) for account in sorted(case.accounts.writes)]
        return [*changes, *aged(self._ground, self._planner, case)] if case.kin.ages else changes

    def _changed(self, account: str, case: Case) -> Keep:
        """What counts is when the new one was chosen: who looked at the account after that has seen it (P4)."""
        kept, turned = self._storage.document("account", account), case.run.job.turned_at or case.now
        changed = max(turned, kept.body["changed"]) if kept else turned
        body = {**(kept.body if kept else {}), "changed": changed, "ended": case.now, "job": case.job.id}
        return Keep("account", account, kept.revision if kept else 0, body)

    @staticmethod
    def _told(case: Case, found: Verdict, fields: dict[str, Any], *, retried: bool) -> Unit:
        job, step = case.job, found.step
        if step is Step.DEFER and fields["waits"] > 0:  # the same reason again is a count, and no news (J12)
            return ()
        told = EMPTY if step is Step.COMPLETE else {name: fields[name] for name in _DETAILS if fields.get(name)}
        fact = Fact(_FACTS[step], case.now, job.id, job.task, job.line, job.record, None, told)
        if step not in _FAILED or retried or not (cycle := case.run.job.cycle):
            return (fact,)
        series = {"series": case.run.job.series, "cycles": cycle}
        return fact, Fact("FallbackEnded", case.now, job.id, job.task, job.line, job.record, None, series)

    # refusals

    def _again(self, one: _Ending, answer: Landed, *, last: bool) -> _Ending:
        case, outcome, change = one.case, one.outcome, answer.change
        if last:
            return _Ending(case, outcome, tuple(kept for kept in one.unit if _is_about(kept, case)))
        if isinstance(change, Name):
            case.run.forget(change.blob)
        if isinstance(change, Move) and answer.refusal is Refusal.FIRE:  # the occurrence that waits stays where it is
            return _Ending(case, outcome, tuple(kept for kept in one.unit if kept is not change))
        retry = self._retries.handed_on(case) if answer.refusal is Refusal.SEAT else None
        return _Ending(case, outcome, self._made(case, outcome, self._ground.now(), retry))

    # what follows

    def _follow(self, cases: Iterable[Case]) -> None:
        executions: dict[str, None] = {}
        for case in cases:
            if case.job.execution is not None or case.job.conducts:  # its parts may have ended before it waited for them
                executions[case.job.execution or case.job.id] = None
        wake_conductors(self._ground, executions)


_FAILED = frozenset({Step.FAIL, Step.DOUBT})
_DETAILS = ("error", "text", "why", "digest", "summary")
_FACTS = {
    Step.COMPLETE: "JobCompleted", Step.FAIL: "JobFailed", Step.DOUBT: "JobUncertain", Step.STOP: "JobStopped",
    Step.DEFER: "JobDeferred", Step.ASK: "ConsentAsked",
}  # fmt: skip


def _silent(outcome: Outcome) -> Outcome:
    """Without what it tells beside."""
    return evolve(outcome, result={}) if isinstance(outcome, Done | NotDone | Unknown | NotNow) else outcome


def _is_refused(one: _Ending, answer: Landed) -> bool:
    """Another owns the job, or it has ended."""
    return isinstance(answer.change, Move) and answer.change.job == one.case.job.id


def _is_about(change: Change, case: Case) -> bool:
    """The job's own step, without what stands around it."""
    return isinstance(change, Free | Fact) or (isinstance(change, Move) and change.job == case.job.id)


def _weighs(unit: Unit) -> bool:
    """What must not be lost to a relaxed disk: an uncertain end, a changed account (J14), a suspension that saves tries to log in."""
    for change in () if isinstance(unit, End) else unit:
        if isinstance(change, Move):
            if change.step is Step.DOUBT:
                return True
        elif isinstance(change, Keep) and (change.table == "account" or (change.body and change.body.get("suspended"))):
            return True
    return False
