"""The script `CheckStatus`: the worst of its checks is its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import InvalidValue
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone
from taskkit.plugins.verbs import Verb
from taskkit.records import Record
from taskkit.scripts import Check, CheckStatus
from taskkit.scrubbing import REPLACED
from taskkit.secrets import Secret
from tests.runs import WatchedRun

RECORD = Record("db", "database", fields={"disk": "/data"}, secret_fields=["password"])
NUMBER = {"used": r"(\S+)"}


def check(said: str, name: str = "disk", **given: Any) -> Check:
    return Check(f"echo {said}", name=name, **{"capture": NUMBER, **given})


def perform(*checks: Check, **given: Any) -> Done | NotDone:
    outcome = CheckStatus("status", checks).perform(WatchedRun(RECORD, **given))
    assert isinstance(outcome, (Done, NotDone))
    return outcome


@pytest.mark.parametrize(
    ("said", "limits", "state", "text"),
    [
        ("80", {"warn_above": 80, "error_above": 95}, "ok", ""),
        ("81", {"warn_above": 80, "error_above": 95}, "warning", "disk: used is 81, above 80"),
        ("95.5", {"warn_above": 80, "error_above": 95}, "error", "disk: used is 95.5, above 95"),
        ("10", {"warn_below": 10, "error_below": 5}, "ok", ""),
        ("9", {"warn_below": 10, "error_below": 5}, "warning", "disk: used is 9, below 10"),
        ("-1", {"warn_below": 10, "error_below": 0}, "error", "disk: used is -1, below 0"),
        ("7", {"error_above": 5}, "error", "disk: used is 7, above 5"),
        ("1048577", {"error_above": 1_048_576}, "error", "disk: used is 1048577, above 1048576"),
        ("80.0000001", {"error_above": 80}, "error", "disk: used is 80.0000001, above 80"),
        ("many", {"warn_above": 80}, "error", "disk: used is no number"),
        ("nan", {"warn_above": 80}, "error", "disk: used is no number"),
        ("many", {}, "ok", ""),
    ],
)
def test_a_number_is_held_against_its_limits(said: str, limits: dict[str, Any], state: str, text: str) -> None:
    outcome = perform(check(said, **limits))
    assert outcome.result["state"] == state
    assert outcome.result["captured"] == {"disk": {"used": said}}
    if state == "error":
        assert outcome == NotDone(ErrorClass.FAILED, text, outcome.result)
    else:
        assert outcome == Done(outcome.result)
        assert outcome.result["warnings"] == ([text] if text else [])


def test_the_worst_of_all_checks_is_the_answer_and_all_are_made() -> None:
    run = WatchedRun(RECORD)
    checks = [check("1", "good", error_above=5), check("9", "bad", error_above=5), check("3", "so so", warn_above=2)]
    outcome = CheckStatus("status", checks).perform(run)
    assert isinstance(outcome, NotDone)
    assert outcome.text == "bad: used is 9, above 5"
    assert outcome.result["state"] == "error"
    assert outcome.result["checks"] == {"good": "ok", "bad": "error", "so so": "warning"}
    assert outcome.result["warnings"] == ["so so: used is 3, above 2"]
    assert [(operation.name, operation.state, operation.error) for operation in run.operations] == [
        ("good", "done", None),
        ("bad", "not_done", "failed"),
        ("so so", "done", None),
    ]
    assert run.told == [(1, 3), (2, 3), (3, 3)]


def test_ends_and_patterns_count_as_the_level_of_the_check() -> None:
    assert perform(Check("false", name="ping")) == NotDone(
        ErrorClass.FAILED,
        "ping: it ended with 1 instead of 0",
        {"login": "ok", "state": "error", "checks": {"ping": "error"}, "captured": {}, "warnings": []},
    )
    outcome = perform(Check("echo degraded", name="raid", forbid="degraded", level="warning"), Check("false", name="ok", exits=1))
    assert isinstance(outcome, Done)
    assert outcome.result["warnings"] == ["raid: 'degraded' was found"]
    assert outcome.result["checks"] == {"raid": "warning", "ok": "ok"}


def test_the_limits_are_about_the_number_that_is_named() -> None:
    given = Check("echo 1 99", name="two", capture={"a": r"^(\d+)", "b": r"(\d+)$"}, number="b", error_above=5)
    outcome = perform(given)
    assert isinstance(outcome, NotDone)
    assert outcome.text == "two: b is 99, above 5"


def test_a_check_that_does_not_end_is_an_error_and_no_doubt() -> None:
    outcome = perform(Check("sleep 300", name="hangs", timeout=0.1))
    assert isinstance(outcome, NotDone)
    assert (outcome.error, outcome.result["state"]) == (ErrorClass.TIMEOUT, "error")


def test_a_check_that_cannot_be_started_says_so() -> None:
    outcome = perform(Check("no-such-command-anywhere", name="tool"))
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.BAD_CONFIGURATION


def test_fields_and_secrets_are_filled_in_as_in_other_scripts() -> None:
    secrets = {"db": {"password": Secret("correct-horse-battery")}}
    given = Check("sh -c 'echo $0; cat' {disk}", name="df", stdin="{password}", capture={"path": "^(/.*)", "all": r"\n(.*)"})
    outcome = perform(given, secrets=secrets)
    assert outcome.result["captured"] == {"df": {"path": "/data", "all": REPLACED}}
    run = WatchedRun(RECORD, Record("root", "machine"))
    assert CheckStatus("status", given).accounts(run).uses == {"root", "db"}


def test_a_place_without_a_value_is_named_and_nothing_runs(tmp_path: Path) -> None:
    outcome = perform(Check("touch begun", name="one"), Check("echo {nowhere}", name="two"), settings={"cwd": str(tmp_path)})
    assert isinstance(outcome, NotDone)
    assert (outcome.error, "{nowhere}" in outcome.text, list(tmp_path.iterdir())) == (ErrorClass.BAD_CONFIGURATION, True, [])


def test_j06_a_stop_is_honoured_between_checks() -> None:
    between = WatchedRun(RECORD, stop=lambda: bool(between.operations))
    outcome = CheckStatus("status", [check("1", "one"), check("2", "two")]).perform(between)
    assert isinstance(outcome, NotDone)
    assert (outcome.error, outcome.result["checks"], len(between.operations)) == (ErrorClass.STOPPED, {"one": "ok"}, 1)


def test_what_a_host_raises_becomes_an_outcome_with_what_was_found() -> None:
    outcome = perform(check("1"), settings={"unknown": 1})
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.BAD_CONFIGURATION


def test_checks_change_nothing_and_may_be_said_again() -> None:
    assert (CheckStatus.kind, CheckStatus.effect, CheckStatus.needs) == ("check_status", Effect.IDEMPOTENT, frozenset({Verb.COMMANDS}))
    assert CheckStatus("status", check("1")).effect is Effect.IDEMPOTENT


@pytest.mark.parametrize(
    "given",
    [
        {"capture": {}, "warn_above": 1},
        {"capture": {"a": "(.)", "b": "(.)"}, "warn_above": 1},
        {"number": "other", "warn_above": 1},
        {"warn_above": 9, "error_above": 8},
        {"warn_below": 8, "error_below": 9},
        {"warn_above": float("nan")},
        {"warn_above": 10**400},
        {"warn_above": "80"},
        {"name": ""},
        {"expect": "("},
    ],
)
def test_a_check_with_a_mistake_is_refused_when_it_is_made(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        check("1", **given)


def test_a_status_with_a_mistake_is_refused_when_it_is_made() -> None:
    for checks in (["df"], [check("1"), check("2")]):
        with pytest.raises(InvalidValue):
            CheckStatus("status", checks)  # type: ignore[arg-type]
