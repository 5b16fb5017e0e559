"""The texts of facts, which are kept and hashed (A6)."""

from __future__ import annotations

import pytest

from taskkit.facts import Fact, Refrain, all_encoded, encoded
from taskkit.records import EMPTY

SHARED = {"wanted": 5, "said": "as a host says: \u00fc"}
HALF = {"said": "\ud800"}
FACTS = [
    Fact("JobStarted", 1, "j-1", "t", "t", "r-1", None, SHARED),
    Fact("JobStarted", 2, "j-2", "t", "t", "r-2", "ann", SHARED),
    Fact("JobStarted", 2, "j-3", "t", "t", None, None, dict(SHARED)),
    Fact("JobCompleted", 3, "j-1", "t", "t", "r-1"),
    Fact("JobCompleted", 3, "j-1", "t", "t", "r-1", None, {}),
    Fact("JobFailed", 4, "j-2", None, None, "half \udfff", None, HALF),
    Fact("JobFailed", 4, "j-3", None, None, "r-3", None, HALF),
    Fact("Paused", 5, details=EMPTY),
]


def test_a06_a_fact_has_one_text_whoever_is_told_of_with_it() -> None:
    assert all_encoded(FACTS) == [encoded(fact) for fact in FACTS]
    assert all_encoded(reversed(FACTS)) == [encoded(fact) for fact in reversed(FACTS)]


def test_a06_details_that_are_alike_by_name_alone_are_told_apart() -> None:
    facts = [Fact("Painted", 1, details={"is": number}) for number in range(100)]
    assert len(set(all_encoded(facts))) == 100
    assert all_encoded(Fact("Painted", 1, details={"is": number}) for number in range(100)) == [encoded(fact) for fact in facts]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.kind)
@pytest.mark.parametrize("record", [None, "r", "ä\n", '"\ud800'], ids=ascii)
def test_a06_a_fact_that_differs_in_job_and_record_alone_is_encoded_as_any_other(fact: Fact, record: str | None) -> None:
    told = fact._replace(job="j-1", record=record)
    assert Refrain(fact, ["j-1"] * 2, [record] * 2).texts == [encoded(told)] * 2
    assert Refrain(fact, ["j-1"], [record]).facts == [told]


def test_a06_a_refrain_is_not_encoded_before_somebody_asks() -> None:
    told = Refrain(FACTS[0], ["j-1", "j-2"], ["r", None])
    together: list[Fact | Refrain] = [*FACTS, told]
    assert all_encoded(together) == [*(encoded(fact) for fact in FACTS), told]


def test_a06_a_refrain_that_cannot_be_told_is_refused_when_it_is_made() -> None:
    with pytest.raises(TypeError):
        Refrain(Fact("Painted", 1, details={"is": object()}), ["j-1"], ["r"])
