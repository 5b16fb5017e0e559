"""What a claimed job passes before it starts, in this order (J12). A gate answers None, or what becomes of the job instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.engine._border import asked
from taskkit.engine._cases import Case
from taskkit.engine._ground import MOST_RESCUES, VAULT_AWAY_LOOK
from taskkit.errors import NotFound, TaskkitError, VaultAway
from taskkit.instants import DAY, MINUTE, SECOND, Instant, instant
from taskkit.jobs import Kind, Why
from taskkit.states import Step

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._rights import RightsDesk


@frozen(slots=False)
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


class Gates:
    def __init__(self, ground: Ground, rights: RightsDesk, pauses: Pauses) -> None:
        self._ground, self._rights, self._pauses = ground, rights, pauses
        self._gates: tuple[Callable[[Case], Instead | None], ...] = (
            self._rescues, self._active, self._suspension, self._lateness, self._window, self._right, self._consent, self._session,
            self._host, self._satisfied,
        )  # fmt: skip

    def refusal(self, case: Case) -> Instead | None:
        try:
            for gate in self._gates:
                if (instead := gate(case)) is not None:
                    return instead
        except VaultAway as error:
            return Instead(Step.DEFER, Why.VAULT_AWAY, case.now + VAULT_AWAY_LOOK, str(error))
        except (NotFound, TaskkitError) as error:
            return Instead(Step.FAIL, Why.NOT_NOW, text=str(error))
        return None

    def _rescues(self, case: Case) -> Instead | None:
        if case.job.rescues <= MOST_RESCUES:
            return None
        return Instead(Step.DOUBT, Why.RESCUES, text=f"{case.job.rescues} workers were lost over it", suspends=True)

    def _active(self, case: Case) -> Instead | None:
        if case.job.kind is Kind.RECOVERY or (case.task.active and case.trigger.active):
            return None
        return Instead(Step.CANCEL, Why.INACTIVE)

    def _suspension(self, case: Case) -> Instead | None:
        """It waits until somebody resumes the task: the release wakes it, the timer is the net."""
        if case.standing is None or case.standing.suspended is None or case.job.kind is Kind.RECOVERY:
            return None
        if case.job.kind is Kind.PART:
            return Instead(Step.CANCEL, Why.SUSPENDED, text=f"suspended: {case.standing.suspended}")
        return Instead(Step.DEFER, Why.SUSPENDED, case.now + DAY)

    def _lateness(self, case: Case) -> Instead | None:
        job, most = case.job, case.trigger.max_lateness
        if most is None or job.started is not None or job.kind not in (Kind.OCCURRENCE, Kind.FIRED) or job.manual:
            return None
        late = case.now - job.wanted
        return Instead(Step.MISS, Why.LATE, text=f"{late // MINUTE} minutes late") if late > most * MINUTE else None

    def _window(self, case: Case) -> Instead | None:
        job, task = case.job, case.task
        if job.forced or job.kind in (Kind.RECOVERY, Kind.PART):
            return None
        windows = [task.window]
        if job.kind is Kind.FALLBACK and (fallback := task.fallback or self._ground.settings.fallback):
            windows.append(fallback.window)
        second = case.now // SECOND
        for window in windows:
            if window is not None and (opens := window.open_from(second)) != second:
                if opens is None:
                    return Instead(Step.CANCEL, Why.WINDOW, text="its window does not open any more")
                return Instead(Step.DEFER, Why.WINDOW, opens * SECOND)
        return None

    def _right(self, case: Case) -> Instead | None:
        if case.job.kind is Kind.RECOVERY or case.task.runs_as is None:
            return None
        lost = self._rights.lost(case.task, case.job.record, case.script)
        if lost is None:
            return None
        return Instead(Step.CANCEL, Why.RIGHTS, text=f"{case.task.runs_as!r}, as whom it runs, lacks the right {lost!r}", suspends=True)

    def _consent(self, case: Case) -> Instead | None:
        job = case.job
        if case.task.consent is None or not job.is_demanded or job.consented is not None:
            return None
        return Instead(Step.ASK, Why.CONSENT, case.now + case.task.consent.minutes * MINUTE)

    def _session(self, case: Case) -> Instead | None:
        """Only where every cause that is ready waits for quiet (P2)."""
        ready = [cause for cause in case.causes if cause.due <= case.now]
        if not ready or case.job.kind is not Kind.FIRED or not all(cause.quiet for cause in ready) or case.job.manual:
            return None
        vault, record = self._ground.vault, case.record
        if record is None:
            return None
        account = asked(lambda: vault.records.account(record), "asking the vault for the account")
        if not asked(lambda: vault.sessions.active(account), "asking the vault for active sessions"):
            return None
        case.account = account
        until = min([case.now + self._ground.settings.look_length, *(cause.give_up_at for cause in ready if cause.give_up_at)])
        if until > case.now:
            return Instead(Step.DEFER, Why.SESSION, until)
        if all(cause.then == "give_up" for cause in ready if cause.give_up_at):
            return Instead(Step.CANCEL, Why.GAVE_UP, text="sessions went on for longer than it may wait")
        case.given_up = True
        return None

    def _host(self, case: Case) -> Instead | None:
        if case.job.host is None or not self._pauses.is_paused(f"host:{case.job.host}"):
            return None
        return Instead(Step.DEFER, Why.HOST_PAUSED, case.now + DAY)

    def _satisfied(self, case: Case) -> Instead | None:
        """Somebody has changed the account's secret since every cause of this job (R4)."""
        job = case.job
        if not case.script.changes_secret or job.is_demanded or job.kind in (Kind.RECOVERY, Kind.PART) or case.record is None:
            return None
        vault, record = self._ground.vault, case.record
        account = asked(lambda: vault.records.account(record), "asking the vault for the account")
        kept = self._ground.storage.document("account", account)
        told = asked(lambda: vault.secrets.changed_at(account), "asking the vault when the secret was changed")
        changed = max(instant(told) if told else 0, kept.body["changed"] if kept else 0)
        wishes = [cause.at for cause in case.causes]
        if job.kind is Kind.OCCURRENCE and job.at is not None:
            wishes.append(job.at * SECOND)
        if not changed or any(at >= changed for at in wishes) or not wishes:
            return None
        by = kept.body.get("job") if kept and kept.body["changed"] == changed else None
        return Instead(Step.SATISFY, Why.SATISFIED, into=by, text="the account was changed since")
