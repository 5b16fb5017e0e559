"""Ended jobs of the memory store come back from their packing as they were, and no query misses one for it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.jobs import Job, Kind, Why
from taskkit.states import FINAL, State
from taskkit.storage import Query
from taskkit.storage._packed import packed, peeker, started, unpacked
from taskkit.storage._queries import matcher
from tests.storage.contracts.makings import NOW, job
from tests.storage.contracts.units import full_job

INSTANTS = st.integers(NOW, NOW + 9)
MAYBE = st.none() | INSTANTS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.text(), JSON)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    fields = {
        "kind": draw(st.sampled_from(Kind)), "state": draw(st.sampled_from(sorted(FINAL))), "created": draw(INSTANTS),
        "started": draw(MAYBE), "ended": draw(MAYBE), "record": draw(st.none() | st.text()), "memo": draw(st.none() | DOCUMENTS),
        "operations": tuple(draw(st.lists(DOCUMENTS, max_size=2))), "via": draw(st.sampled_from([None, ("t", None, 3)])),
        "origin": tuple(draw(st.lists(st.text(), max_size=2))), "progress": draw(st.sampled_from([None, (1, 2, "half")])),
        "text": draw(st.text()),
    }  # fmt: skip
    return job("a", **fields)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    several: Any = {
        "states": draw(st.none() | st.sets(st.sampled_from(State))), "kinds": draw(st.none() | st.sets(st.sampled_from(Kind))),
        "since": draw(MAYBE), "until": draw(MAYBE),
    }  # fmt: skip
    return Query(**several)


@given(jobs())
def test_a_job_comes_back_from_its_packing_as_it_was(one: Job) -> None:
    kept = packed(one)
    assert kept is not None
    again = unpacked(kept)
    assert again == one
    assert [type(value) for value in again] == [type(value) for value in one]
    assert started(kept) == one.started


def test_a_job_with_all_that_it_can_hold_comes_back() -> None:
    kept = packed(full_job())
    assert kept is not None
    assert unpacked(kept) == full_job()


@pytest.mark.parametrize(
    "fields", [{"memo": MappingProxyType({})}, {"why": Why.BUSY}, {"result": {"is": object()}}], ids=["view", "enum", "object"]
)
def test_what_is_no_plain_value_is_not_packed(fields: dict[str, Any]) -> None:
    assert packed(job("a", **fields)) is None


@given(jobs(), queries())
def test_what_stands_in_front_says_of_a_job_whether_it_may_be_wanted(one: Job, query: Query) -> None:
    kept = packed(one)
    assert kept is not None
    assert peeker(query)(kept) == matcher(query)(one)
