"""What is to come of a job that waits: the very gates that it will pass are asked, beforehand and without effect (J12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

from taskkit.engine._cases import Case
from taskkit.engine._explanations import Because, Factor
from taskkit.engine._gates import Gates, Instead
from taskkit.engine._lookups import Lookups
from taskkit.engine._occurrences import in_blackout
from taskkit.engine._runs import JobRun
from taskkit.engine._words import WHYS, Words
from taskkit.errors import StorageAway, TaskkitError, VaultAway
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.states import State, Step
from taskkit.storage import Claimed

if TYPE_CHECKING:
    from taskkit.engine._consents import Consents
    from taskkit.engine._ground import Ground

#: So often a job may be put off to a time that the rules tell.
_LOOKS = 8
_BY_RULE = (Why.WINDOW, Why.SPREAD)


@frozen
class Outlook:
    """What is to come of one job."""

    job: Job
    told: Because
    #: When it begins if nothing comes between; none where that hangs on somebody or something.
    run: Instant | None = None
    #: When it waits no more, as it begins or ends.
    leaves: Instant | None = None


@frozen
class _Judged:
    """What the gates would say."""

    run: Instant | None
    parts: tuple[Because, ...] = ()
    leaves: Instant | None = field(default=Factory(lambda self: self.run, takes_self=True))


class Prospects:
    def __init__(self, ground: Ground, lookups: Lookups, gates: Gates, consents: Consents) -> None:
        self._ground, self._lookups, self._gates, self._consents = ground, lookups, gates, consents
        self._storage = ground.storage

    def outlook(self, job: Job, now: Instant, words: Words) -> Outlook:
        causes = tuple(self._storage.causes(job.id))
        reasons = list(_reasons(job, causes, words))
        details = {"job": job.id, "state": job.state.value}
        if job.is_at_work:
            since, where = (job.started, f" on {job.node}" if job.node else "") if job.started is not None else (now, "")
            text = f"a job runs{where} since {words.when(since)}" if job.started is not None else f"a job was claimed by {job.worker}"
            parts = (*reasons, *self._waits(job, words))
            return Outlook(job, Because(Factor.JOB, text, words.shown(since), details, parts), since, since)
        if job.state is State.AWAITING_CONSENT:
            told = Because(Factor.JOB, "a job waits for people", None, details, (*reasons, *self._consent(job, words)))
            return Outlook(job, told)
        judged = self.judged(job, causes, max(now, job.due), words)
        parts = (*reasons, *self._waits(job, words), *judged.parts)
        run = judged.run
        text = f"a job waits for {words.when(run)}" if run is not None else f"a job waits, and is looked at again {words.when(job.due)}"
        return Outlook(job, Because(Factor.JOB, text, words.shown(job.due), details, parts), run, judged.leaves)

    def judged(self, job: Job, causes: Sequence[Cause], at: Instant, words: Words) -> _Judged:
        """When it begins, if nobody and nothing changes: what the rules put off is asked again at that time."""
        parts = list[Because]()
        for _ in range(_LOOKS):
            case = Case(Claimed(job, tuple(causes)), at)
            try:
                if not self._lookups.fill(case, self._lookups.unseen()):
                    return _Judged(
                        None, (*parts, Because(Factor.EDIT, "it is planned anew first: its task, its list or its record changed"))
                    )
                if (instead := self._gates.refusal(case)) is None:
                    held = tuple(self._held(case, words))
                    return _Judged(None if held else at, (*parts, *held))
            except VaultAway as error:
                return _Judged(None, (*parts, Because(Factor.VAULT, str(error))))
            except StorageAway:
                raise
            except TaskkitError as error:
                return _Judged(None, (*parts, Because(Factor.SCRIPT, f"it cannot be carried out: {error}")), at)
            if instead.why is Why.VAULT_AWAY:
                tried = instead.text.partition(": it answered")[0]
                text = f"it is due {words.when(at)}, and then hangs on the vault, which gives no answer: {tried}"
                return _Judged(None, (*parts, Because(Factor.VAULT, text, words.shown(at))))
            parts.append(_refused(instead, case, words))
            if instead.step is not Step.DEFER or instead.why not in _BY_RULE or instead.until is None:
                ends = instead.step is not Step.DEFER and instead.step is not Step.ASK and not instead.suspends
                return _Judged(None, tuple(parts), at if ends else None)
            at, job = instead.until, job.with_({"why": instead.why.value})
        return _Judged(None, tuple(parts))

    def _held(self, case: Case, words: Words) -> Iterator[Because]:
        """Who holds what it needs, if it would begin now or waits for that already (R4)."""
        case.run = JobRun(self._ground, case)
        hold = self._lookups.hold(case)
        if case.now > self._ground.now() and case.job.why != Why.BUSY:
            return
        places = [(key, 1) for key in (*hold.writes, *hold.uses)] + list(hold.slots)
        for key, most in places:
            holders = [id for id in self._storage.holders(key) if id != case.job.id]
            jobs = [job for id in holders if (job := self._storage.job(id)) is not None]
            if key in hold.uses:
                jobs = [job for job in jobs if f"account:{job.account}" == key and job.kind is Kind.RECOVERY]
            if len(jobs) >= most:
                by = ", ".join(f"job {job.id} since {words.when(job.started or job.created)}" for job in jobs[:3])
                yield Because(Factor.HOLD, f"{key} is held by {by}", None, {"key": key, "jobs": [job.id for job in jobs]})

    def _consent(self, job: Job, words: Words) -> Iterator[Because]:
        found = self._consents.gathering(job.id)
        given = f"{len(found.given)} of {found.needed} consents were given"
        until = f", the others may come until {words.when(job.asks_until)}" if job.asks_until is not None else ""
        about = f"; {found.summary}" if found.summary else ""
        yield Because(Factor.CONSENT, f"{given}{until}{about}", None, {"given": list(found.given), "needed": found.needed})

    @staticmethod
    def _waits(job: Job, words: Words) -> Iterator[Because]:
        """Why it waits since it was looked at last."""
        if job.state is State.DEFERRED and job.why is not None:
            factor = WHYS[job.why][0] if job.why in WHYS else Factor.SCRIPT
            again = f", {job.waits + 1} times" if job.waits else ""
            about = f" ({job.text})" if job.text else ""
            yield Because(factor, f"as it was looked at last: {words.why(job.why)}{about}{again}", None, {"why": job.why})


def _refused(instead: Instead, case: Case, words: Words) -> Because:
    details = {"why": instead.why.value, "step": instead.step.value}
    if instead.why is Why.WINDOW:
        details |= in_blackout(case.task.window, case.now // SECOND)
    factor = Factor.BLACKOUT if "blackout" in details else WHYS[instead.why][0]
    about = f" ({instead.text})" if instead.text else ""
    again = f"it is looked at again {words.when(instead.until)}" if instead.until is not None else f"it ends: {_ENDS[instead.step]}"
    return Because(factor, f"{words.when(case.now)}: {words.waits(details)}{about}; {again}", words.shown(case.now), details)


#: What becomes of a job that a gate sends away for good.
_ENDS = {Step.CANCEL: "canceled", Step.MISS: "missed", Step.SATISFY: "not needed", Step.FAIL: "failed", Step.DOUBT: "uncertain"}


def _reasons(job: Job, causes: Sequence[Cause], words: Words) -> Iterator[Because]:
    """Why it is there."""
    if job.policy:
        yield Because(Factor.RULE, f"by the rule: {job.policy}; its time is {job.nominal}", None, {"nominal": job.nominal})
    for cause in causes:
        if cause.kind == "demanded":
            yield Because(Factor.DEMAND, f"{cause.who or 'the product'} asked for it {words.when(cause.at)}", words.shown(cause.at))
        else:
            on = f" on {cause.via[1]}" if cause.via else ""
            said = f"{cause.kind.replace('_', ' ')}{on} {words.when(cause.at)}: {cause.policy}"
            told = {"happening": cause.happening, "due": cause.due, **({"via": list(cause.via)} if cause.via else {})}
            yield Because(Factor.HAPPENING, said, words.shown(cause.at), told)
    if job.via is not None:
        yield Because(Factor.TARGET, f"the task {job.via[0]} on {job.via[1]} leads to it", None, {"via": list(job.via[:2])})
    if job.target_fallback:
        yield Because(Factor.TARGET, "its target is not there, so it is for the record itself")
    if job.kind is Kind.FALLBACK:
        yield Because(Factor.RETRY, f"it is try {job.cycle + 1} of {job.series}", None, {"series": job.series})
    if job.execution is not None:
        yield Because(Factor.PART, f"it is a part of {job.execution}", None, {"execution": job.execution})
