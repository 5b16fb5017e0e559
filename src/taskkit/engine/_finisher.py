"""From running to whatever the outcome makes of it: one unit ends the job, and what follows from its end follows here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._cases import Case
from taskkit.engine._pauses import woken_by
from taskkit.engine._planner import FRESH, Planner
from taskkit.engine._starter import suspension
from taskkit.facts import Fact
from taskkit.instants import DAY, MINUTE, SECOND, Instant, instant
from taskkit.jobs import Kind
from taskkit.outcomes import Asks, NotNow, Outcome
from taskkit.standings import Standing
from taskkit.states import CLAIMED, PENDING, State, Step
from taskkit.storage import Change, Free, Insert, Keep, Landed, Move, Query, Refusal, Tell, Unit
from taskkit.tasks import Fallback
from taskkit.verdicts import Verdict, verdict

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 6
_DONE_DETAILS: dict[str, Any] = {}


class Finisher:
    def __init__(self, ground: Ground, planner: Planner) -> None:
        self._ground, self._planner, self._storage = ground, planner, ground.storage

    def finish(self, ended: Sequence[tuple[Case, Outcome]]) -> list[Case]:
        """Write the ends of several jobs at once; those whose end was refused, because another owns the job now."""
        waiting = [(case, outcome, self._unit(case, outcome)) for case, outcome in ended]
        lost: list[Case] = []
        for _ in range(_TRIES):
            answers = self._storage.write([unit for _, _, unit in waiting], durable=any(_is_grave(unit) for _, _, unit in waiting))
            waiting = [
                again for one, answer in zip(waiting, answers, strict=True) if not answer and (again := self._again(one, answer, lost))
            ]
            if not waiting:
                break
        self._follow(case for case, _ in ended if case not in lost)
        return lost

    # the unit

    def _unit(self, case: Case, outcome: Outcome) -> Unit:
        now, job = self._ground.now(), case.job
        case.now = now
        found = verdict(outcome, case.effect)
        fields = {**found.fields, **case.run.ending()}
        changes: list[Change] = [Move(job.id, found.step, token=job.token, fields=fields)]
        if found.step is Step.DEFER:
            fields |= {"due": self._later(outcome, now), "waits": job.waits + 1}
            changes.append(Free(job.id))
        elif found.step is Step.ASK:
            fields["asks_until"] = self._asks_until(outcome, now)
            changes.append(Free(job.id))
        else:
            fields["ended"] = now
        changes += case.run.names()
        changes += self._learned(case, found)
        if retry := self._retry(case, found):
            changes.append(retry)
        changes += self._told(case, found, retried=retry is not None)
        return tuple(changes)

    @staticmethod
    def _later(outcome: Outcome, now: Instant) -> Instant:
        """Deferral never leaves a job due at once: that would be a hot loop (J12)."""
        return max(instant(outcome.until), now + SECOND) if isinstance(outcome, NotNow) else now + MINUTE

    @staticmethod
    def _asks_until(outcome: Outcome, now: Instant) -> Instant:
        return instant(outcome.until) if isinstance(outcome, Asks) and outcome.until else now + DAY

    def _learned(self, case: Case, found: Verdict) -> tuple[Change, ...]:
        """What account and standing remember of it."""
        changes: tuple[Change, ...] = ()
        if found.step is Step.COMPLETE and case.script.changes_secret and case.accounts:
            changes = tuple(self._changed(account, case) for account in sorted(case.accounts.writes))
        if found.suspends:
            return (*changes, *suspension(self._with_standing(case), found.error.value if found.error else "unknown", case.now))
        interval = case.task.interval
        if found.step is Step.COMPLETE and interval is not None and interval.relative:
            before = self._planner.standing(case.task.line, case.job.record) or Standing(created=case.job.created)
            changes += (self._planner.keep(case.task, case.job.record, evolve(before, last_success=case.now)),)
        return changes

    def _with_standing(self, case: Case) -> Case:
        case.standing = self._planner.standing(case.job.line, case.job.record)
        return case

    def _changed(self, account: str, case: Case) -> Keep:
        kept = self._storage.document("account", account)
        return Keep("account", account, kept.revision if kept else 0, {"changed": case.now, "job": case.job.id})

    def _fallback(self, case: Case) -> Fallback | None:
        """A part is tried again only where its task says so: a run over many is re-run as a whole (R6)."""
        return case.task.fallback or (None if case.job.kind is Kind.PART else self._ground.settings.fallback)

    def _retry(self, case: Case, found: Verdict) -> Insert | None:
        job, fallback = case.job, self._fallback(case)
        if not found.again or fallback is None or job.cycle >= fallback.cycles or job.manual or case.job.conducts:
            return None
        due = case.now + fallback.minutes * MINUTE
        if fallback.window is not None and (opens := fallback.window.open_from(-(-due // SECOND))) is not None:
            due = max(due, opens * SECOND)
        again = job.with_(_AGAIN).with_(
            {
                "id": self._ground.ids(),
                "due": due,
                "wanted": due,
                "created": case.now,
                "series": job.series or job.id,
                "cycle": job.cycle + 1,
            }
        )
        return Insert(again)

    def _told(self, case: Case, found: Verdict, *, retried: bool) -> Iterable[Tell]:
        job, kind = case.job, _FACTS[found.step]
        about = (job.id, job.task, job.line, job.record)
        told = {name: found.fields[name] for name in ("error", "text", "why", "digest", "summary") if found.fields.get(name)}
        yield Tell(Fact(kind, case.now, *about, None, told or _DONE_DETAILS))
        if found.again and not retried and job.cycle:
            yield Tell(Fact("FallbackEnded", case.now, *about, None, {"series": job.series, "cycles": job.cycle}))

    # refusals

    def _again(self, one: tuple[Case, Outcome, Unit], answer: Landed, lost: list[Case]) -> tuple[Case, Outcome, Unit] | None:
        case, outcome, unit = one
        if isinstance(answer.change, Move) and answer.change.job == case.job.id:
            lost.append(case)
            return None
        if answer.refusal is Refusal.SEAT:  # a follow-up waits already: it is the next cycle (J7)
            return case, outcome, self._handed_on(case, unit)
        return case, outcome, self._unit(case, outcome)

    def _handed_on(self, case: Case, unit: Unit) -> Unit:
        waiting = self._storage.seated(("fired", case.job.line, case.job.record or ""))
        if waiting is None:
            return unit
        series = {"series": case.job.series or case.job.id, "cycle": case.job.cycle + 1}
        move = Move(waiting.id, Step.REPLAN, waiting.revision, fields=series)
        return tuple(move if isinstance(change, Insert) else change for change in unit)

    # what follows

    def _follow(self, cases: Iterable[Case]) -> None:
        freed: dict[str, None] = {}
        executions: dict[str, None] = {}
        for case in cases:
            if case.hold is not None:
                freed.update(dict.fromkeys(case.hold.keys))
            if case.job.execution is not None:
                executions[case.job.execution] = None
            if case.task.interval is not None and case.task.interval.relative:
                self._replan(case)
        self.wake(freed)
        for execution in executions:
            self._wake_conductor(execution)

    def wake(self, keys: Iterable[str]) -> None:
        """As many of the waiting as fit, in order of due (R4)."""
        if fitting := self._storage.fitting(keys):
            self._storage.write([woken_by(job, self._ground.now()) for job in fitting])

    def _wake_conductor(self, execution: str) -> None:
        if self._storage.count(Query(execution=execution, states=_OPEN)):
            return
        conductor = self._storage.job(execution)
        if conductor is not None and conductor.is_pending:
            self._storage.write([woken_by(conductor, self._ground.now())])

    def _replan(self, case: Case) -> None:
        """A success counts the age anew: the occurrence that waits is planned by it (T11)."""
        for _ in range(_TRIES):
            waiting = self._storage.seated(("occurrence", case.task.line, case.job.record or ""))
            if waiting is None or self._storage.write([self._planner.replanned(case.task, case.record, waiting, self._ground.now())])[0]:
                return


_OPEN = PENDING | CLAIMED
#: What a retry does not take over from the attempt before it.
_AGAIN: dict[str, Any] = FRESH | {"kind": Kind.FALLBACK, "state": State.SCHEDULED, "via": None}
_FACTS = {
    Step.COMPLETE: "JobCompleted", Step.FAIL: "JobFailed", Step.DOUBT: "JobUncertain", Step.STOP: "JobStopped",
    Step.DEFER: "JobDeferred", Step.ASK: "ConsentAsked",
}  # fmt: skip


def _is_grave(unit: Unit) -> bool:
    """What must not be lost to a relaxed disk (J14)."""
    return any(isinstance(change, Move) and change.step is Step.DOUBT for change in unit)
