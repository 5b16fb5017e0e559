"""What an answer of a script makes of its job (J7, J10): the one place where outcomes become steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pendulum
import pytest

from taskkit.errors import InvalidValue
from taskkit.outcomes import DONE, RETRIED, SUSPENDING, Asks, Done, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.states import TABLE, State, Step
from taskkit.verdicts import verdict

SOON = pendulum.datetime(2026, 3, 2, 12, tz="UTC")
REPEATABLE = {Effect.IDEMPOTENT, Effect.VERIFIABLE}
ALL: list[Outcome] = [DONE, Unknown("?"), NotNow(SOON), Asks("d", "s"), *(NotDone(error) for error in ErrorClass)]


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("outcome", ALL, ids=str)
def test_j01_whatever_a_script_answers_is_a_step_that_a_running_job_takes(outcome: Outcome, effect: Effect) -> None:
    assert verdict(outcome, effect).step in TABLE[State.RUNNING]


@pytest.mark.parametrize("effect", Effect)
def test_j10_done_is_done(effect: Effect) -> None:
    found = verdict(Done({"rows": 3}), effect)
    assert (found.step, found.fields, found.again, found.suspends) == (Step.COMPLETE, {"result": {"rows": 3}}, False, False)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("error", [ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.BUSY])
def test_j07_what_was_not_begun_is_tried_again_whatever_its_effect(error: ErrorClass, effect: Effect) -> None:
    found = verdict(NotDone(error, "later"), effect)
    assert (found.step, found.error, found.again, found.suspends) == (Step.FAIL, error, True, False)
    assert found.fields == {"error": error.value, "text": "later", "result": None}


@pytest.mark.parametrize("effect", Effect)
def test_j07_an_unclassified_error_is_tried_again_where_the_work_may_be_said_twice_or_probed(effect: Effect) -> None:
    found = verdict(NotDone(ErrorClass.FAILED), effect)
    assert (found.step, found.again, found.suspends) == (Step.FAIL, effect in REPEATABLE, False)


_STAYING = [
    ErrorClass.BAD_CONFIGURATION, ErrorClass.PERMISSION, ErrorClass.REFUSED, ErrorClass.MUST_CHANGE, ErrorClass.HOST_CHANGED,
    ErrorClass.NO_SPACE,
]  # fmt: skip


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("error", _STAYING)
def test_j07_what_stays_wrong_is_not_tried_again_and_suspends_nothing(error: ErrorClass, effect: Effect) -> None:
    found = verdict(NotDone(error), effect)
    assert (found.step, found.again, found.suspends) == (Step.FAIL, False, False)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("error", [ErrorClass.WRONG_CREDENTIALS, ErrorClass.ACCOUNT_LOCKED])
def test_j07_what_would_spend_log_ins_suspends_and_is_not_tried_again(error: ErrorClass, effect: Effect) -> None:
    found = verdict(NotDone(error), effect)
    assert (found.step, found.again, found.suspends) == (Step.FAIL, False, True)


@pytest.mark.parametrize("effect", Effect)
def test_j06_what_was_asked_to_stop_is_canceled_and_neither_tried_again_nor_suspended(effect: Effect) -> None:
    found = verdict(NotDone(ErrorClass.STOPPED, "by anna"), effect)
    assert (found.step, found.again, found.suspends) == (Step.STOP, False, False)
    assert TABLE[State.RUNNING][found.step] is State.CANCELED


@pytest.mark.parametrize("effect", sorted(REPEATABLE))
def test_j10_an_unknown_end_of_what_may_be_said_twice_is_an_error_that_is_tried_again(effect: Effect) -> None:
    found = verdict(Unknown("cut off"), effect)
    assert (found.step, found.again, found.suspends) == (Step.FAIL, True, False)
    assert found.fields["error"] == "unknown"


@pytest.mark.parametrize("effect", sorted(set(Effect) - REPEATABLE))
def test_j10_an_unknown_end_of_anything_else_is_uncertain_and_suspends(effect: Effect) -> None:
    found = verdict(Unknown("cut off"), effect)
    assert (found.step, found.again, found.suspends) == (Step.DOUBT, False, True)
    assert TABLE[State.RUNNING][found.step] is State.UNCERTAIN


def test_j01_not_now_waits_and_tells_why() -> None:
    found = verdict(NotNow(SOON, "backup runs"), Effect.BLIND)
    assert (found.step, found.fields) == (Step.DEFER, {"why": "backup runs"})


def test_a08_a_plan_that_is_shown_asks() -> None:
    found = verdict(Asks("d1", "12 records"), Effect.BLIND)
    assert (found.step, found.fields) == (Step.ASK, {"digest": "d1", "summary": "12 records"})


def test_j07_the_classes_of_errors_are_each_in_one_group() -> None:
    """A class that is added later has to be put somewhere, on purpose."""
    kept = {ErrorClass.BAD_CONFIGURATION, ErrorClass.PERMISSION, ErrorClass.REFUSED, ErrorClass.STOPPED}
    kept |= {ErrorClass.MUST_CHANGE, ErrorClass.HOST_CHANGED, ErrorClass.NO_SPACE}
    assert sorted([*RETRIED, *SUSPENDING, *kept]) == sorted(ErrorClass)


# answers that cannot be made

NONSENSE: list[tuple[type[Any], tuple[Any, ...], dict[str, Any]]] = [
    (Done, ("three rows",), {}),
    (Done, ([1, 2],), {}),
    (Done, (None,), {}),
    (NotDone, ("exploded",), {}),
    (NotDone, (ErrorClass.FAILED, "", "a text"), {}),
    (Unknown, ("", 7), {}),
    (NotNow, ("tomorrow",), {}),
    (NotNow, (None,), {}),
    (NotNow, (datetime(2026, 3, 2),), {}),  # noqa: DTZ001  a naive moment names no instant
    (NotNow, (SOON, None), {}),
    (Asks, (7, "s"), {}),
    (Asks, ("d", None), {}),
    (Asks, ("d", "s", "tomorrow"), {}),
    (Asks, ("d", "s", datetime(2026, 3, 2)), {}),  # noqa: DTZ001
]


@pytest.mark.parametrize(("made", "args", "named"), NONSENSE, ids=str)
def test_j10_nonsense_is_refused_where_the_script_says_it(made: type[Any], args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Where the job ends, nobody could mend it any more."""
    with pytest.raises((InvalidValue, ValueError)):
        made(*args, **named)


def test_a_result_is_a_copy() -> None:
    told = {"rows": 3}
    outcome = Done(told)
    told["rows"] = 4
    assert outcome.result == {"rows": 3}


def test_a_text_is_made_of_whatever_was_given() -> None:
    assert NotDone(ErrorClass.FAILED, OSError("no route")).text == "no route"  # an error is often at hand
    assert Unknown(ValueError("half")).text == "half"
