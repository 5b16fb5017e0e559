"""What errors say of the work: one table, whoever turns them into an outcome (J10)."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from taskkit import errors
from taskkit.engine._border import performed
from taskkit.errors import HostRefused, TaskkitError
from taskkit.jobs import Why
from taskkit.outcomes import ErrorClass, NotDone, NotNow, Unknown, class_of
from taskkit.records import Record
from taskkit.scripts._steps import answer
from tests.runs import WatchedRun

#: Nobody did wrong, or a plug-in's author did: of the work they say nothing.
SILENT = {"TaskkitError", "StaleToken", "StorageAway", "UnknownMark", "BrokenPlugin"}
KINDS = [made for made in vars(errors).values() if isinstance(made, type) and issubclass(made, TaskkitError)]
CLASSES = {
    "StopAsked": ErrorClass.STOPPED, "VaultAway": ErrorClass.TIMEOUT, "NotAllowed": ErrorClass.PERMISSION, "HostRefused": ErrorClass.FAILED,
    "TriesSpared": ErrorClass.BUSY,
}  # fmt: skip
UNTIL = pendulum.datetime(2026, 3, 2, tz="UTC")


def made(kind: type[TaskkitError]) -> TaskkitError:
    if kind is errors.UnreadableText:
        return errors.UnreadableText("every", 0, 1, "no")
    return errors.TriesSpared("trying", UNTIL) if kind is errors.TriesSpared else kind("trying", "no")


class Run(WatchedRun):
    touched = False


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_j10_each_error_has_its_class_or_says_nothing(kind: type[TaskkitError]) -> None:
    wanted = None if kind.__name__ in SILENT else CLASSES.get(kind.__name__, ErrorClass.BAD_CONFIGURATION)
    assert class_of(made(kind)) is wanted


def test_j10_a_host_that_refuses_says_its_class_itself() -> None:
    found = [class_of(HostRefused("logging in", "no", error=word)) for word in (*ErrorClass, "unheard of", "")]
    assert found == [*ErrorClass, ErrorClass.FAILED, ErrorClass.FAILED]


@pytest.mark.parametrize("error", [*map(made, KINDS), KeyError("x"), OSError()], ids=lambda error: type(error).__name__)
def test_j10_a_script_of_steps_and_the_border_say_the_same_of_an_error(error: Exception) -> None:
    """Where nothing was touched; what says nothing is a failure of a step that has not begun, and unknown of any other script."""
    if isinstance(error, errors.StaleToken | errors.StorageAway):
        return  # passes by both

    def perform(run: Any) -> Any:
        raise error

    outcome, told = performed(perform, Run(Record("h01", "unix"))), answer(error, WatchedRun(Record("h01", "unix")))
    if isinstance(error, errors.TriesSpared):  # nothing was begun: it waits by itself
        assert (outcome, told.error) == (NotNow(UNTIL, "tries_spared"), ErrorClass.BUSY)
    elif class_of(error) is None:
        assert (type(outcome), told.error) == (Unknown, ErrorClass.FAILED)
    else:
        assert isinstance(outcome, NotDone)
        assert outcome.error is told.error is class_of(error)


@pytest.mark.parametrize("error", [*map(made, KINDS), KeyError("x")], ids=lambda error: type(error).__name__)
def test_j10_after_something_was_touched_only_those_who_know_are_certain(error: Exception) -> None:
    if isinstance(error, errors.StaleToken | errors.StorageAway):
        return

    def perform(run: Run) -> Any:
        run.touched = True
        raise error

    certain = isinstance(error, errors.StopAsked | HostRefused)
    assert isinstance(performed(perform, Run(Record("h01", "unix"))), NotDone if certain else Unknown)


@pytest.mark.parametrize("kind", [errors.StaleToken, errors.StorageAway])
def test_j10_what_takes_the_job_away_is_no_outcome(kind: type[TaskkitError]) -> None:
    """Another worker has it, or will: who resumes goes on where its memo says, and what may not be said again is uncertain then."""

    def perform(run: Run) -> Any:
        raise made(kind)

    with pytest.raises(kind):
        performed(perform, Run(Record("h01", "unix")))


def test_j12_not_now_has_its_word_from_the_table_of_reasons() -> None:
    assert NotNow(pendulum.datetime(2026, 3, 2)).reason == Why.NOT_NOW
