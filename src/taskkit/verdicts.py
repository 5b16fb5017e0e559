"""What an answer of a script makes of its job: the one place where outcomes become steps (J7, J10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from taskkit.outcomes import RETRIED, SUSPENDING, Asks, Done, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.records import EMPTY
from taskkit.states import Step

#: What may be done again though nobody saw its end: it is said once more, or looked at first (J10).
REPEATABLE = (Effect.IDEMPOTENT, Effect.VERIFIABLE)


class Verdict(NamedTuple):
    """What an outcome makes of a running job."""

    step: Step
    fields: Mapping[str, Any]
    error: ErrorClass | None = None
    #: Whether another try is worth it (J7).
    again: bool = False
    #: Whether the task waits, for this record, until somebody resumes it (J7).
    suspends: bool = False


#: Of most.
DONE = Verdict(Step.COMPLETE, EMPTY)


def verdict(outcome: Outcome, effect: Effect) -> Verdict:
    """The one place where what a script answers becomes a step."""
    if isinstance(outcome, Done):
        return Verdict(Step.COMPLETE, {"result": outcome.result}) if outcome.result else DONE
    if isinstance(outcome, NotDone):
        return _not_done(outcome, effect)
    if isinstance(outcome, Unknown):
        return _unknown(outcome, effect)
    if isinstance(outcome, NotNow):
        return Verdict(Step.DEFER, {"why": outcome.reason, **({"result": outcome.result} if outcome.result else {})})
    return _asks(outcome)


def _not_done(outcome: NotDone, effect: Effect) -> Verdict:
    told = {"error": outcome.error.value, "text": outcome.text, "result": outcome.result or None}
    if outcome.error is ErrorClass.STOPPED:
        return Verdict(Step.STOP, told, outcome.error)
    may_repeat = outcome.error is not ErrorClass.FAILED or effect in REPEATABLE
    again = outcome.error in RETRIED and may_repeat
    return Verdict(Step.FAIL, told, outcome.error, again, outcome.error in SUSPENDING)


def _unknown(outcome: Unknown, effect: Effect) -> Verdict:
    told = {"text": outcome.text, "result": outcome.result or None}
    if effect in REPEATABLE:  # said again, or looked at first, by the next run
        return Verdict(Step.FAIL, told | {"error": "unknown"}, ErrorClass.FAILED, again=True)
    return Verdict(Step.DOUBT, told | {"error": "unknown"}, suspends=True)


def _asks(outcome: Asks) -> Verdict:
    return Verdict(Step.ASK, {"digest": outcome.digest, "summary": outcome.summary})
