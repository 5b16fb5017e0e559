"""Sabotage: whatever breaks a promise is caught by its suite, and by the clause that makes the promise."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskkit.testing.contracts import Contract
from tests.testing import (
    broken_executors,
    broken_policies,
    broken_readers,
    broken_scripts,
    broken_slots,
    broken_vaults,
    test_contracts_of_executors,
    test_contracts_of_policies,
    test_contracts_of_readers,
    test_contracts_of_scripts,
    test_contracts_of_vaults,
)

BROKEN: tuple[tuple[str, type[Contract]], ...] = (
    *broken_vaults.BROKEN, *broken_slots.BROKEN, *broken_executors.BROKEN, *broken_scripts.BROKEN, *broken_readers.BROKEN,
    *broken_policies.BROKEN,
)  # fmt: skip
SOUND = (*broken_vaults.SOUND, *broken_executors.SOUND, *broken_scripts.SOUND, *broken_readers.SOUND, *broken_policies.SOUND)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "contracts.md"
SUITES = ("V", "E", "SC", "X", "N", "PC")


def complaints(suite: type[Contract], clause: str) -> Iterator[str]:
    """What each test of a clause says of a subject; a test that was not written, or a mistake of the suite, is no complaint."""
    for name in suite.clauses()[clause]:
        test = suite()
        for before in filter(None, [getattr(test, "setup_method", None)]):
            before()
        try:
            getattr(test, name)()
        except (NotImplementedError, AttributeError, NameError):
            raise
        except (Exception, pytest.fail.Exception) as error:
            yield f"{type(error).__name__}: {error}"
        finally:
            for after in filter(None, [getattr(test, "teardown_method", None)]):
                after()


@pytest.mark.tells
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("clause", "broken"), [pytest.param(*one, id=f"{one[0]}-{one[1].__name__}") for one in BROKEN])
def test_what_is_broken_is_caught_by_its_clause(clause: str, broken: type[Contract]) -> None:
    with broken_executors.LEFT_OPEN, warnings.catch_warnings(record=True):
        warnings.simplefilter("always", UserWarning)
        said = list(complaints(broken, clause))
    assert said, f"{broken.__name__} keeps {clause}, as far as its tests can see"


def test_nothing_is_broken_twice_under_one_name() -> None:
    names = [(clause, made.__name__) for clause, made in BROKEN]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("sound", SOUND, ids=lambda sound: sound.__name__)
def test_what_the_broken_ones_are_made_of_keeps_every_clause(sound: type[Contract]) -> None:
    assert {clause: said for clause in sound.clauses().keys() - sound.closed.keys() if (said := list(complaints(sound, clause)))} == {}


def test_what_a_third_party_writes_is_small() -> None:
    """Less than 1 KB each; the fixture that starts its peer stands apart."""
    subjects = (
        test_contracts_of_vaults.TestMemoryVault, test_contracts_of_executors.TestLocal, test_contracts_of_scripts.TestCommands,
        test_contracts_of_readers.TestJsonLines, test_contracts_of_readers.TestInbox, test_contracts_of_policies.TestOurPolicies,
    )  # fmt: skip
    for subject in subjects:
        peer = [getattr(subject, name) for name in ("setup_method", "teardown_method") if hasattr(subject, name)]
        assert len(inspect.getsource(subject)) - sum(len(inspect.getsource(one)) for one in peer) < 1024, subject.__name__


def test_each_clause_is_documented_and_nothing_else_is() -> None:
    told = re.findall(r"^- \*\*([A-Z]+\d+)\. ", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert told == list(dict.fromkeys(told))
    assert set(told) == {clause for _, suite in BROKEN for clause in suite.clauses()}


def test_each_clause_has_a_subject_that_breaks_it() -> None:
    clauses = {clause for _, suite in BROKEN for clause in suite.clauses()}
    assert {clause for clause, _ in BROKEN} == clauses
    assert {clause.rstrip("0123456789") for clause in clauses} == set(SUITES)
