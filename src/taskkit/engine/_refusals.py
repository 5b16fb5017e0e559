"""What becomes of a claimed job that may not start: one unit sends it back to wait, fits it to what it is planned for now, or ends it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._ages import aged, succeeded
from taskkit.engine._border import record_of
from taskkit.engine._cases import Case
from taskkit.engine._fits import Fits
from taskkit.engine._gates import Instead
from taskkit.engine._intents import followed, hold, left_by
from taskkit.engine._occurrences import in_blackout, missed, reason_of
from taskkit.engine._planner import Planner
from taskkit.engine._portions import Plan
from taskkit.engine._replans import Replans
from taskkit.facts import Fact
from taskkit.instants import DAY, MINUTE, SECOND, Instant
from taskkit.jobs import Job, Kind, Why
from taskkit.scrubbing import writable
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id, standing_of
from taskkit.states import FINAL, SENT_BACK, State, Step, after
from taskkit.storage import Change, Expect, Free, Insert, Keep, Move, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

#: For how many minutes at most a recovery waits that may not start, where it waits twice as long each time.
_LONGEST_WAIT, _MOST_TIMES = 60, 6


class Refusals:
    def __init__(self, ground: Ground, planner: Planner, replans: Replans, fits: Fits) -> None:
        self._ground, self._planner, self._replans, self._fits = ground, planner, replans, fits

    def away(self, case: Case, instead: Instead) -> Unit:
        """The unit by which a job does not start; the same reason again is a count, and no fact (J12)."""
        job, now = case.job, case.now
        case.after = None
        if job.kind is Kind.RECOVERY and instead.step is Step.FAIL:
            instead = self._later(case, instead)
        fields: dict[str, Any] = {"why": instead.why.value}
        if instead.text:
            fields["text"] = writable(instead.text)
        ends = after(job.state, instead.step) in FINAL
        changes: list[Change] = [Move(job.id, instead.step, token=job.token, fields=fields, causes=len(case.causes) if ends else None)]
        if instead.step in SENT_BACK:
            changes += self._given_back(case, instead)
        if job.state is State.RUNNING:
            changes += left_by(self._ground.storage, job)
        fields |= self._told(case, instead)
        if ends:
            successor = self.successor(case)
            if successor and job.kind is Kind.OCCURRENCE:  # the next one comes after them: they are counted here, or nowhere (T15)
                fields |= missed(case.trigger, job, now)
            changes = [*expected(case, successor), *changes, *successor, *self._aged(case, successor), *followed(self._ground, job)]
        if instead.still is not None:
            changes = [instead.still, *changes]
        if instead.suspends:
            changes = suspended(changes, case, instead.why.value, now)
        if instead.step is not Step.DEFER or fields["waits"] == 0:
            told = {**self._reason(case, job.with_(fields), instead), **{name: fields[name] for name in _DETAILS if fields.get(name)}}
            changes.append(Fact(_FACTS[instead.step], now, job.id, job.task, job.line, job.record, None, told))
        return tuple(changes)

    def _aged(self, case: Case, successor: Unit) -> Unit:
        """What somebody else has done for it is a success of its own, and its age counts from then (T11)."""
        return aged(self._ground, self._planner, case, successor) if case.changed is not None and case.kin.ages else ()

    @staticmethod
    def _later(case: Case, instead: Instead) -> Instead:
        """Nothing ends a recovery (S4): what is missing may come back, or be there on another node."""
        minutes = min(2 ** min(case.waits_again(instead.why), _MOST_TIMES), _LONGEST_WAIT)
        return evolve(instead, step=Step.DEFER, until=case.now + minutes * MINUTE)

    @staticmethod
    def _given_back(case: Case, instead: Instead) -> Unit:
        """What waits holds nothing, but for a run over many, for whose end the next one waits (T15), and for an open intent (R4)."""
        job = case.job
        if job.kind is not Kind.RECOVERY:
            return () if job.is_conducting else (Free(job.id),)
        return (hold(job.id, job.account),) if instead.why is Why.UNCERTAIN and job.account is not None else ()

    @staticmethod
    def _reason(case: Case, job: Job, instead: Instead) -> dict[str, Any]:
        """Why it was there; and of a window, which blackout shut it."""
        told = reason_of(job) if job.started is None else {}
        return told | in_blackout(case.task.window, case.now // SECOND) if instead.why is Why.WINDOW else told

    @staticmethod
    def _told(case: Case, instead: Instead) -> dict[str, Any]:
        job, now = case.job, case.now
        if instead.step is Step.DEFER:
            due, waits = max(instead.until or 0, now + SECOND), case.waits_again(instead.why)
            account = {} if case.account is None else {"account": case.account}
            return {"due": due, "waits": waits, "host": job.host, **account}
        if instead.step is Step.ASK:
            return {"asks_until": instead.until}
        error = {"error": instead.error} if instead.error else {}
        return {"ended": now, "into": instead.into, **error}

    def successor(self, case: Case) -> tuple[Change, ...]:
        """What the unit adds in which an occurrence leaves the pending states for good (J5)."""
        if case.job.started is not None or not hasattr(case, "trigger"):
            return ()
        if case.successor is not None:
            return case.successor.of(case.job, case.trigger, self._planner, case.now, self._trigger_standing(case))
        cohort = case.cohort if hasattr(case, "cohort") and case.is_planned_alike else None
        if cohort is not None and cohort.following is not None:
            still, first = cohort.following
            return still, Insert(first.like(self._ground.ids(), case.job))
        changes = self._planner.successor(case.trigger, case.job, case.now, self._trigger_standing(case))
        if cohort is not None:
            match changes:
                case Expect() as still, Insert(job, ()):
                    cohort.following = still, job
        return changes

    def _trigger_standing(self, case: Case) -> Standing | None:
        is_own = case.job.via is None
        standing = case.standing if is_own else self._planner.standing(case.trigger.line, case.job.trigger[1])
        return standing if case.changed is None else succeeded(standing, case)

    def stale(self, case: Case) -> Unit:
        """What it was planned for is no more, or is elsewhere: it is planned anew, or ends (R1, R2, R8)."""
        if case.job.kind is Kind.RECOVERY:  # nothing ends it (S4): what is missing may come back
            return self.away(case, Instead(Step.DEFER, Why.MISFIT, case.now + DAY, "its record, task or script is gone"))
        job, vault, case.after = case.job, self._ground.vault, None
        fit = self._fits.fitted(job, lambda name: record_of(vault, name, "reading the record"), anew=True)
        if isinstance(fit, Plan):
            passed = case.successor.passed if case.successor else 0
            planned = self._replans.anew(fit.task, fit.record, job, case.now, after=passed or None)
            fit = Expect("task", fit.task.id, fit.task.revision), *planned
        return given_back(job, case.now + SECOND) if fit is None else fit  # it fits by now

    def bare(self, case: Case, text: str) -> Unit:
        """Where not even its end can be planned: it fails by itself, and nothing else fails with it (J9)."""
        job, case.after = case.job, None
        if job.kind is Kind.RECOVERY:  # the next one decides
            return given_back(job, case.now + _LONGEST_WAIT * MINUTE, Why.MISFIT, text=text)
        step = Step.FAIL if job.state is State.QUEUED else Step.DOUBT
        fields = {"ended": case.now, "why": Why.MISFIT.value, "error": "bad_configuration", "text": text}
        fact = Fact(_FACTS[step], case.now, job.id, job.task, job.line, job.record, None, {"text": text})
        return Move(job.id, step, token=job.token, fields=fields), fact


def expected(case: Case, successor: Unit) -> Unit:
    """The tasks at the revisions for which it was planned; a successor comes with its own. What runs ends as it began."""
    if case.job.state is not State.QUEUED or case.job.kind is Kind.RECOVERY or not hasattr(case, "trigger"):
        return ()
    via = case.job.via
    if via is None and successor:
        return ()
    own = case.kin.still if hasattr(case, "kin") else Expect("task", case.task.id, case.task.revision)
    return (own,) if via is None or successor else (own, Expect("task", case.trigger.id, case.trigger.revision))


def given_back(job: Job, due: Instant, why: Why = Why.RELEASED, *, waits: int = 0, text: str = "") -> Unit:
    """Anybody may try again. What runs stays running, as nobody saw its end: its lease runs out then, and the next one decides (J10).

    A recovery keeps what it has of its account (S4)."""
    fields: dict[str, Any] = {"why": why.value, "waits": waits}
    if job.state is State.RUNNING:
        fields |= {"lease": due, "rescues": job.rescues - 1}  # no worker was lost over this look
        return (Move(job.id, Step.BEAT, token=job.token, fields=fields),)
    fields |= {"due": due, "text": text} if text else {"due": due}
    freed = () if (job.conducts and job.started is not None) or job.kind is Kind.RECOVERY else (Free(job.id),)
    return Move(job.id, Step.RELEASE, token=job.token, fields=fields), *freed


_FACTS = {
    Step.DEFER: "JobDeferred", Step.ASK: "ConsentAsked", Step.MISS: "JobMissed", Step.CANCEL: "JobCanceled",
    Step.SATISFY: "JobSatisfied", Step.MERGE: "JobMerged", Step.FAIL: "JobFailed", Step.DOUBT: "JobUncertain",
}  # fmt: skip
_DETAILS = ("why", "text", "error", "due", "asks_until", "into")


def suspended(changes: Iterable[Change], case: Case, why: str, now: Instant) -> list[Change]:
    """With what makes the task wait, for this record, until somebody resumes it; a unit keeps a standing once."""
    job, id = case.job, standing_id(case.job.line, case.job.record)
    others = [change for change in changes if not (isinstance(change, Keep) and (change.table, change.id) == (STANDINGS, id))]
    kept = next((change for change in changes if isinstance(change, Keep) and (change.table, change.id) == (STANDINGS, id)), None)
    before = standing_of(kept.body or {}, kept.revision) if kept else case.standing or Standing(created=job.created)
    standing = evolve(before, suspended=why, suspended_at=now, suspended_by=None)
    fact = Fact("TaskSuspended", now, job.id, job.task, job.line, job.record, None, {"why": why})
    return [*others, Keep(STANDINGS, id, before.revision, standing.body(), job.line), fact]
