"""What a claimed job passes before it starts, in this order (J12). A gate answers None, or what becomes of the job instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.engine._border import account_of, asked
from taskkit.engine._cases import Case
from taskkit.engine._ground import MOST_RESCUES, VAULT_AWAY_LOOK
from taskkit.engine._intents import read
from taskkit.engine._occurrences import lateness, starts_at
from taskkit.engine._passings import is_passed
from taskkit.engine._situations import is_rerun, quiet, suspensions, wished
from taskkit.errors import StorageAway, TaskkitError, VaultAway
from taskkit.events._wording import counted
from taskkit.events.windows import Window
from taskkit.instants import DAY, MINUTE, SECOND, Instant, instant
from taskkit.intents import TABLE
from taskkit.jobs import OF_HAPPENINGS, Kind, Why
from taskkit.standings import TABLE as STANDINGS
from taskkit.states import Step
from taskkit.storage import Expect

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._lookups import Kin
    from taskkit.engine._passings import Passings
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._rights import RightsDesk


@frozen
class Instead:
    """What becomes of a job that may not start."""

    step: Step
    why: Why
    until: Instant | None = None
    text: str = ""
    #: Whether the task waits for somebody from now on.
    suspends: bool = False
    #: The job whose work made this one needless.
    into: str | None = None
    error: str = ""
    #: What it waits for stands as it was seen: else whoever lets it go on has woken those that waited already, and not this one.
    still: Expect | None = None


class Gates:
    def __init__(self, ground: Ground, rights: RightsDesk, pauses: Pauses, passings: Passings) -> None:
        self._ground, self._rights, self._pauses, self._passings = ground, rights, pauses, passings
        #: They say the same of all that are alike.
        self._of_all = frozenset({self._rescues, self._stop, self._window})

    def _of(self, kind: Kind, kin: Kin) -> tuple[Callable[[Case], Instead | None], ...]:
        """Those that may refuse such a job of this task, in their order."""
        task, consents = kin.task, kin.task.consent or kin.trigger.consent
        again = (task.fallback or self._ground.settings.fallback) if kind is Kind.FALLBACK else None
        windows = kin.trigger.window if kind is Kind.PART else task.window or (again.window if again is not None else None)
        lines = {task.line, kin.trigger.line} if kind is Kind.OCCURRENCE else {task.line}  # others may have joined what happened (R2)
        kin.passed = max(self._passings.until(line, kin.glance) for line in lines)
        is_active = kind is Kind.RECOVERY or (task.active and kin.trigger.active)
        gates: tuple[tuple[Callable[[Case], Instead | None], bool], ...] = (
            (self._intent, kind is Kind.RECOVERY), (self._rescues, True), (self._stop, True), (self._active, not is_active),
            (self._suspension, True), (self._passing, kin.passed > 0), (self._lateness, task.max_lateness is not None),
            (self._window, windows is not None), (self._spread, task.spread is not None), (self._right, task.runs_as is not None),
            (self._consent, consents is not None), (self._session, kind in OF_HAPPENINGS),
            (self._host, self._pauses.is_a_host_paused(kin.glance)), (self._satisfied, kin.script.changes_secret),
        )  # fmt: skip
        return tuple(gate for gate, may_refuse in gates if may_refuse)

    def refusal(self, case: Case) -> Instead | None:
        cohort = case.cohort
        try:
            for gate in self._asked(case.job.kind, case.kin) if cohort.gates is None else cohort.gates:
                if (instead := gate(case)) is not None:
                    return instead
        except VaultAway as error:
            return Instead(Step.DEFER, Why.VAULT_AWAY, case.now + VAULT_AWAY_LOOK, str(error))
        except StorageAway:
            raise
        except TaskkitError as error:
            return Instead(Step.FAIL, Why.MISFIT, text=str(error), error="bad_configuration")
        cohort.gates = case.kin.gates_of_each
        return None

    def _asked(self, kind: Kind, kin: Kin) -> tuple[Callable[[Case], Instead | None], ...]:
        """All of them, of the first."""
        if kin.gates is None:
            kin.gates = self._of(kind, kin)
            kin.gates_of_each = tuple(gate for gate in kin.gates if gate not in self._of_all)
        return kin.gates

    def _intent(self, case: Case) -> Instead | None:
        """A recovery job is for an intent that is open, and where nobody knows the secret it waits for a person (S3, S4)."""
        account = case.job.account
        if case.job.memo:  # it has resolved it, and goes on with what follows from that
            return None
        intent = None if account is None else read(self._ground.storage, account)
        if intent is None or intent.recovery != case.job.id:
            return Instead(Step.MERGE, Why.MERGED, text="the account's intent is resolved")
        if not intent.is_uncertain:
            return None
        still = Expect(TABLE, intent.account, intent.revision)
        return Instead(Step.DEFER, Why.UNCERTAIN, case.now + DAY, intent.doubt, still=still)

    def _rescues(self, case: Case) -> Instead | None:
        if case.job.rescues <= MOST_RESCUES:
            return None
        return Instead(Step.DOUBT, Why.RESCUES, text=f"{case.job.rescues} workers were lost over it", suspends=True)

    def _stop(self, case: Case) -> Instead | None:
        """Somebody asked it to stop before it began (J6)."""
        if case.job.stop is None or case.job.started is not None:
            return None
        return Instead(Step.CANCEL, Why.ASKED_TO_STOP)

    def _active(self, case: Case) -> Instead:
        """Asked only where the task does not stand active, or the one that wants it."""
        return Instead(Step.CANCEL, Why.INACTIVE)

    def _suspension(self, case: Case) -> Instead | None:
        """It waits until somebody resumes the task that runs, or the one that wants it: the release wakes it, the timer is the net."""
        job = case.job
        if job.kind is Kind.RECOVERY or job.is_conducting:
            return None
        if case.standing is None and case.whole is None and job.via is None and job.execution is None:  # as most stand
            return None
        for record, id, standing in suspensions(case, self._ground.storage):
            if job.execution is not None and not (record is None and is_rerun(case, self._ground.storage)):
                return Instead(Step.CANCEL, Why.SUSPENDED, text=f"suspended: {standing.suspended}")
            return Instead(Step.DEFER, Why.SUSPENDED, case.now + DAY, still=Expect(STANDINGS, id, standing.revision))
        return None

    def _passing(self, case: Case) -> Instead | None:
        """Somebody said that what was due up to a moment is not wanted any more."""
        job, until = case.job, case.kin.passed
        if not is_passed(job, case.causes, until):
            return None
        if case.now - lateness(case.trigger, case.task, job, case.causes, case.now) > until:  # it stands for what came due since, too (T15)
            return None
        return Instead(Step.MISS, Why.PASSED_OVER, text="somebody passed it over")

    def _lateness(self, case: Case) -> Instead | None:
        job, most = case.job, case.task.max_lateness
        if most is None or job.started is not None or job.kind not in (Kind.OCCURRENCE, Kind.FIRED) or job.manual:
            return None
        late = lateness(case.trigger, case.task, job, case.causes, case.now) if case.now - job.wanted > most * MINUTE else 0
        return Instead(Step.MISS, Why.LATE, text=f"{counted(late // MINUTE, 'minute')} late") if late > most * MINUTE else None

    def _window(self, case: Case) -> Instead | None:
        job, task = case.job, case.task
        if job.forced or job.kind is Kind.RECOVERY or case.job.is_conducting:
            return None
        second = case.now // SECOND
        for window in self._windows(case):
            if window is not None and (opens := window.open_from(second)) != second:
                if opens is None:
                    return Instead(Step.CANCEL, Why.WINDOW, text="its window does not open any more")
                place = starts_at(task, job.trigger[1], second) if window is task.window and job.kind is Kind.OCCURRENCE else opens
                return Instead(Step.DEFER, Why.WINDOW, (place or opens) * SECOND)
        return None

    def _windows(self, case: Case) -> tuple[Window | None, ...]:
        """Whose wave let a part pass it asks nothing more; once more after the end of all, each part begins inside the window (R6)."""
        job, task = case.job, case.task
        if job.kind is Kind.PART:
            return (case.trigger.window,) if is_rerun(case, self._ground.storage) else ()
        if job.kind is Kind.FALLBACK and (fallback := task.fallback or self._ground.settings.fallback):
            return task.window, fallback.window
        return (task.window,)

    def _spread(self, case: Case) -> Instead | None:
        """After a downtime all are late at once: each gets its place in a span from now on, unless that is too late for it (T17)."""
        job, task, record = case.job, case.task, case.job.trigger[1]
        if record is None or task.spread is None or job.kind is not Kind.OCCURRENCE or job.manual or job.why is not None:
            return None
        starts = starts_at(task, record, case.now // SECOND) if case.now - job.wanted >= MINUTE and job.started is None else None
        wait = 0 if starts is None else starts * SECOND - case.now
        if task.max_lateness is not None:
            left = task.max_lateness * MINUTE - lateness(case.trigger, task, job, case.causes, case.now)
            wait = min(wait, int(task.spread.share(record) * left))
        return Instead(Step.DEFER, Why.SPREAD, case.now + wait) if wait > SECOND else None

    def _right(self, case: Case) -> Instead | None:
        if case.job.kind is Kind.RECOVERY or case.task.runs_as is None:
            return None
        shadow = case.shadow.id if case.shadow is not None else None
        lost = self._rights.lost(case.task, case.job.record, case.script, shadow)
        if lost is None:
            return None
        return Instead(Step.CANCEL, Why.RIGHTS, text=lost, suspends=True)

    def _consent(self, case: Case) -> Instead | None:
        job = case.job
        if job.execution is not None:
            return self._consent_of_conductor(case, job.execution)
        if case.task.consent is None or not job.is_demanded or job.consented is not None or job.forced or case.job.is_conducting:
            return None
        return Instead(Step.ASK, Why.CONSENT, case.now + case.task.consent.minutes * MINUTE)

    def _consent_of_conductor(self, case: Case, execution: str) -> Instead | None:
        """A part that was made before an edit waits for the consent that its conductor has to gather anew (A5, R6)."""
        conductor = self._ground.storage.job(execution) if case.trigger.consent is not None and not case.job.forced else None
        if conductor is None or not conductor.is_demanded or conductor.forced:
            return None
        if conductor.consented is not None and conductor.planned_for == case.trigger.revision:
            return None
        if conductor.ended is not None:
            return Instead(Step.CANCEL, Why.NO_CONSENT)
        return Instead(Step.DEFER, Why.CONSENT, case.now + self._ground.settings.look_length)

    def _session(self, case: Case) -> Instead | None:
        """Only where every reason that is ready waits for quiet; one that has waited as long as it may runs, or counts no more (P2)."""
        job, vault, record = case.job, self._ground.vault, case.record
        if record is None or job.manual or not (reasons := quiet(case, self._ground.storage)):
            return None
        account = account_of(vault, record)
        if not asked(lambda: vault.sessions.active(account), "asking the vault for active sessions"):
            return None
        case.account = account
        over = [cause for cause in reasons if cause.give_up_at is not None and cause.give_up_at <= case.now]
        case.given_up = any(cause.then == "run" for cause in over)
        if case.given_up:
            return None
        patient = [cause for cause in reasons if cause not in over]
        later = [cause.due for cause in case.causes if cause.due > case.now]
        if not patient and not later:
            return Instead(Step.CANCEL, Why.GAVE_UP, text="sessions went on for longer than it may wait")
        later += [cause.give_up_at for cause in patient if cause.give_up_at is not None]
        return Instead(Step.DEFER, Why.SESSION, min([case.now + self._ground.settings.look_length, *later]))

    def _host(self, case: Case) -> Instead | None:
        still = self._pauses.paused_still(f"host:{case.job.host}") if case.job.host is not None else None
        return Instead(Step.DEFER, Why.HOST_PAUSED, case.now + DAY, still=still) if still is not None else None

    def _satisfied(self, case: Case) -> Instead | None:
        """Somebody has changed the account's secret since every cause of this job (R4)."""
        job = case.job
        if case.record is None or job.started is not None:
            return None
        wishes = wished(case, self._ground.storage)
        if not wishes:
            return None
        vault, record = self._ground.vault, case.record
        account = account_of(vault, record)
        kept = self._ground.storage.document("account", account)
        told = asked(lambda: vault.secrets.changed_at(account), "asking the vault when the secret was changed")
        at = (instant(told) if told else 0, kept.body["changed"] if kept else 0)
        changed = max(one if one <= case.now else 0 for one in at)  # a clock that was ahead says nothing of before and after
        if not changed or any(wish >= changed for wish in wishes):
            return None
        case.changed = changed
        by = kept.body["job"] if kept and changed <= kept.body["ended"] else None  # the vault took it after it was chosen, before the end
        return Instead(Step.SATISFY, Why.SATISFIED, into=by, text="the account was changed since")
