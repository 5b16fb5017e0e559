"""Jobs of the memory store on which nobody works come back as they were, and the collector lets go of them."""

from __future__ import annotations

import gc
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.jobs import Job, Kind, Why
from taskkit.states import State
from taskkit.storage import Query
from taskkit.storage._queries import matcher
from taskkit.storage._rows import job_of, row
from taskkit.testing.contracts.storage._makings import NOW, job
from taskkit.testing.contracts.storage._units import full_job

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
        "kind": draw(st.sampled_from(Kind)), "state": draw(st.sampled_from(list(State))), "created": draw(INSTANTS),
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


def wanted(query: Query, job: Job) -> bool:
    """What a query says, in plain words."""
    return (
        (query.states is None or job.state in query.states)
        and (query.kinds is None or job.kind in query.kinds)
        and (query.since is None or job.created >= query.since)
        and (query.until is None or (job.ended or job.created) < query.until)
    )


@given(jobs())
def test_a_job_comes_back_as_it_was(one: Job) -> None:
    again = job_of(row(one))
    assert again == one
    assert [type(value) for value in again] == [type(value) for value in one]


def test_a_job_with_all_that_it_can_hold_comes_back() -> None:
    assert job_of(row(full_job())) == full_job()


def test_a_job_comes_back_with_changes() -> None:
    assert job_of(row(job("a")), {"state": State.QUEUED, "token": 7}) == job("a").with_({"state": State.QUEUED, "token": 7})


@pytest.mark.parametrize(
    "fields", [{"memo": MappingProxyType({})}, {"why": Why.BUSY}, {"result": {"is": object()}}], ids=["view", "enum", "object"]
)
def test_what_is_no_plain_value_comes_back_too(fields: dict[str, Any]) -> None:
    assert job_of(row(job("a", **fields))) == job("a", **fields)


@given(jobs())
def test_what_is_kept_is_nobody_elses(one: Job) -> None:
    """A worker that goes on with what it handed in changes nothing in the store."""
    kept, before = row(one), repr(one)
    if one.memo is not None:
        one.memo["changed"] = 1  # type: ignore[index]
    for operation in one.operations:
        operation["changed"] = 1  # type: ignore[index]
    assert repr(job_of(kept)) == before


def test_the_collector_lets_go_of_a_row() -> None:
    kept = row(full_job())
    gc.collect()
    assert not gc.is_tracked(kept)


@given(jobs(), queries())
def test_a_query_finds_what_it_says(one: Job, query: Query) -> None:
    assert matcher(query)(row(one)) == wanted(query, one)
