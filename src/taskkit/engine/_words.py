"""The words of explanations: for each reason why a job waits or ends, and for each kind of fact about jobs and tasks, a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pendulum

from taskkit.engine._explanations import Because, Factor
from taskkit.events.nominals import Nominal
from taskkit.events.zones import Zone, zone
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Why
from taskkit.tasks import Task

F = Factor
#: Why a job waits, or why it ended without running: in words that fit what was, what is and what will be.
WHYS: Mapping[str, tuple[Factor, str]] = {
    Why.WINDOW: (F.WINDOW, "outside its window"),
    Why.SPREAD: (F.SPREAD, "before its place in the spread"),
    Why.SUSPENDED: (F.SUSPENSION, "task suspended"),
    Why.CONSENT: (F.CONSENT, "people have to consent first"),
    Why.SESSION: (F.SESSION, "a session on the account"),
    Why.BUSY: (F.HOLD, "what it needs is held by others: an account, or all places that a limit gives"),
    Why.HOST_PAUSED: (F.PAUSE, "its host stands still"),
    Why.VAULT_AWAY: (F.VAULT, "no answer from the vault"),
    Why.CONDUCTING: (F.PART, "its parts at work"),
    Why.NOT_NOW: (F.SCRIPT, "put off by the script"),
    Why.RELEASED: (F.NODE, "given back by its worker before it began"),
    Why.LATE: (F.MISS, "later than its task accepts"),
    Why.PASSED_OVER: (F.MISS, "passed over by somebody"),
    Why.INACTIVE: (F.ACTIVATION, "task not active"),
    Why.EDITED: (F.EDIT, "task edited"),
    Why.ENDED: (F.END, "rules of the task at their end"),
    Why.MISFIT: (F.SCRIPT, "it cannot be carried out as it is set up"),
    Why.REMOVED: (F.EDIT, "task removed"),
    Why.RECORD_REMOVED: (F.RECORD, "record removed"),
    Why.RIGHTS: (F.RIGHTS, "a right is missing to the person as whom it runs"),
    Why.SATISFIED: (F.SATISFIED, "account changed since it was wanted"),
    Why.GAVE_UP: (F.SESSION, "sessions for longer than it may wait"),
    Why.BY_PERSON: (F.STOP, "canceled by somebody"),
    Why.ASKED_TO_STOP: (F.STOP, "asked to stop by somebody"),
    Why.LIST_CHANGED: (F.EDIT, "other tasks for the record"),
    Why.RESCUES: (F.NODE, "workers lost over it"),
    Why.GUARD: (F.CONSENT, "more than may run before people are asked"),
    Why.MERGED: (F.MERGE, "done by another job"),
    Why.UNCERTAIN: (F.INTENT, "nobody knows which secret is the live one: somebody has to say"),
    Why.NO_CONSENT: (F.CONSENT, "no consent"),
}
#: Why a task did not get a happening that it wants.
PASSED: Mapping[str, tuple[Factor, str]] = {
    "inactive": (F.ACTIVATION, "the task was not active"),
    "suspended": (F.SUSPENSION, "the task was suspended"),
    "own_origin": (F.HAPPENING, "the task itself had led to it"),
    "repeated": (F.HAPPENING, "it was told before"),
    "ended": (F.END, "the policies that want it have ended"),
    "no_record": (F.RECORD, "the vault had no such record"),
}
#: What a fact says, with its details; `why` and `until` are put in words before.
FACTS: Mapping[str, tuple[Factor, str]] = {
    "ConsentAsked": (F.CONSENT, "people were asked to consent{about}"),
    "ConsentExpired": (F.CONSENT, "the consents did not come in time"),
    "Consented": (F.CONSENT, "{who} consented, {given} of {needed}"),
    "Declined": (F.CONSENT, "{who} declined{about}"),
    "Demanded": (F.DEMAND, "{who} asked for a run"),
    "DependentTold": (F.INTENT, "the secret of {account} was told to {dependent}: {state}{about}"),
    "ExecutionRerun": (F.DEMAND, "{who} ran the failed records again"),
    "FallbackEnded": (F.RETRY, "the last of {cycles} retries failed"),
    "HappeningFailed": (F.HAPPENING, "a happening could not be taken in: {text}"),
    "HappeningJoined": (F.JOIN, "{kind} joined it"),
    "HappeningPassed": (F.HAPPENING, "{kind} made no run: {why}"),
    "HostTrusted": (F.SCRIPT, "the host key of {address} was believed at first sight: {key}"),
    "IntentDoubted": (F.INTENT, "no known secret of {account} let in: {text}"),
    "IntentOpened": (F.INTENT, "a new secret for {account} was drawn and kept"),
    "IntentSettled": (F.INTENT, "it was known again which secret of {account} is the live one"),
    "IntentRuled": (F.INTENT, "{who} said what is to be done about the secret of {account}: {ruling}"),
    "JobCanceled": (F.RESULT, "it ended before it ran: {why}"),
    "JobCompleted": (F.RESULT, "it was done"),
    "JobDeferred": (F.JOB, "it waited: {why}{until}"),
    "JobFailed": (F.RESULT, "it was not done: {error}{about}"),
    "JobMade": (F.HAPPENING, "{kind} made it: {policy}"),
    "JobMerged": (F.MERGE, "another job took over its work"),
    "JobMissed": (F.MISS, "it was not run: {why}{about}"),
    "JobRescued": (F.NODE, "its worker was lost; another went on with it"),
    "JobSatisfied": (F.SATISFIED, "it was not needed: the account had been changed since"),
    "JobStarted": (F.JOB, "it began{on}"),
    "JobStopped": (F.STOP, "it stopped, as it was asked to"),
    "JobUncertain": (F.RESULT, "nobody knows whether it was done{about}"),
    "ListMadeUnique": (F.EDIT, "the record got tasks of its own, by {who}"),
    "ListShared": (F.EDIT, "the record went back to the tasks of its type, by {who}"),
    "NextRunSet": (F.NEXT_RUN, "{who} set the next run"),
    "PassedOver": (F.MISS, "{who} passed over what was due until then{about}"),
    "Paused": (F.PAUSE, "{what} stood still from here on, by {who}{about}"),
    "PlanFailed": (F.RULE, "it could not be planned: {text}"),
    "PolicyFailed": (F.RULE, "the policy {policy} failed: {error}"),
    "RestoreNoticed": (F.PAUSE, "vault and store contradict each other: one of them came back from a backup"),
    "Restored": (F.PAUSE, "{who} said that vault or store came back from a backup{about}"),
    "Resumed": (F.PAUSE, "{what} went on, by {who}"),
    "RunAsked": (F.DEMAND, "{who} brought it forward"),
    "StaleWriteRefused": (F.NODE, "a worker that had lost it came back; what it wrote changed nothing"),
    "StopAsked": (F.STOP, "{who} asked it to stop"),
    "TaskEdited": (F.EDIT, "the task was edited by {who}: {changed}"),
    "TaskPut": (F.EDIT, "the task was put there by {who}"),
    "TaskRemoved": (F.EDIT, "the task was removed by {who}"),
    "TaskResumed": (F.SUSPENSION, "{who} let it go on"),
    "TaskSuspended": (F.SUSPENSION, "the task waits for somebody from here on: {why}"),
    "WaveBegan": (F.PART, "{records} parts were made"),
}


class Words:
    """Times in the zone in which the task's rules are told."""

    def __init__(self, task: Task | None) -> None:
        interval, window = (task.interval, task.window) if task is not None else (None, None)
        self._zone: Zone = interval.shown_in if interval is not None else window.shown_in if window is not None else zone("UTC")

    def shown(self, at: Instant) -> pendulum.DateTime:
        return self._zone.show(at // SECOND)

    def when(self, at: Instant) -> str:
        moment = self.shown(at)
        return f"{moment:%a %Y-%m-%d %H:%M}{f':{moment.second:02}' if moment.second else ''} {moment.format('zz') or 'UTC'}"

    def left_out(self, nominal: Nominal, second: int) -> Iterator[Because]:
        """Where a change of the clock leaves a wall time out."""
        if nominal.zone is not None and second + zone(nominal.zone).stretch(second).offset != nominal.wall:
            yield Because(Factor.CLOCK, f"the clock leaves {str(nominal)[11:16]} out on that day", None, {"nominal": str(nominal)})

    def why(self, code: str) -> str:
        return WHYS[code][1] if code in WHYS else code.replace("_", " ")

    def waits(self, details: Mapping[str, Any]) -> str:
        """Why it waits, as details of a fact tell it."""
        blackout = details.get("blackout")
        return f"in a blackout, {blackout}" if blackout else self.why(str(details.get("why", details.get("put_off", ""))))

    def put_off(self, details: Mapping[str, Any]) -> Because:
        """Why it did not begin at the time that its rule told."""
        factor = Factor.BLACKOUT if "blackout" in details else WHYS[details["put_off"]][0]
        told = f"its rule tells {self.when(details['at'])}; put off to {self.when(details['wanted'])}: {self.waits(details)}"
        return Because(factor, told, self.shown(details["wanted"]))

    def told(self, fact: Fact) -> Because:
        """One fact, as people say it."""
        factor, text = FACTS.get(fact.kind, (Factor.LOG, fact.kind))
        details = fact.details
        code = details.get("why")
        if fact.kind == "HappeningPassed":
            factor = PASSED.get(str(code), (factor, ""))[0]
        elif factor in (Factor.JOB, Factor.RESULT, Factor.MISS):
            factor = Factor.BLACKOUT if "blackout" in details else WHYS.get(str(code), (factor, ""))[0]
        return Because(factor, f"{self.when(fact.at)}: {text.format_map(_Details(self._said(fact)))}", self.shown(fact.at), dict(details))

    def _said(self, fact: Fact) -> dict[str, Any]:
        told, why = fact.details, fact.details.get("why")
        about = told.get("text") or told.get("summary") or (why if fact.kind in ("Declined", "PassedOver", "Paused", "Restored") else "")
        said = {
            **told,
            "who": fact.who or "the product",
            "about": f" ({about})" if about else "",
            "until": f"; it is looked at again {self.when(told['due'])}" if "due" in told else "",
            "on": f" on {told['node']}" if "node" in told else "",
        }
        if isinstance(why, str):
            said["why"] = PASSED[why][1] if fact.kind == "HappeningPassed" and why in PASSED else self.waits(told)
        if isinstance(told.get("changed"), list):
            said["changed"] = ", ".join(map(str, told["changed"]))
        if "kind" in told:
            said["kind"] = str(told["kind"]).replace("_", " ")
        return said


class _Details(dict[str, Any]):
    """Facts of older versions may lack a detail."""

    def __missing__(self, name: str) -> str:
        return "?"
