"""Jobs of the memory store on which nobody works come back as they were, and the collector lets go of them."""

from __future__ import annotations

import gc
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.jobs import Job, Kind, Why
from taskkit.states import FINAL, State
from taskkit.storage import Query
from taskkit.storage._queries import matcher
from taskkit.storage._rows import job_of, row
from taskkit.storage.sql._changes import cells_of
from taskkit.storage.sql._rows import job_row
from taskkit.storage.sql._tables import JOBS
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
    for _ in range(2):  # first of what it has in common with others, then of itself
        gc.collect()
    assert not gc.is_tracked(kept)


@given(jobs(), queries())
def test_a_query_finds_what_it_says(one: Job, query: Query) -> None:
    assert matcher(query)(row(one)) == wanted(query, one)


# rows of a database


@st.composite
def steps(draw: st.DrawFn) -> tuple[Job, Job]:
    """A job that has not ended, before and after a change of some of its fields."""
    memos = st.none() | st.dictionaries(st.text(), st.integers())  # no infinity, which is no JSON
    before, after = (draw(jobs()).with_({"memo": draw(memos), "operations": ()}) for _ in range(2))
    before = before.with_({"state": State.DEFERRED}) if before.state in FINAL else before
    told = dict(zip(Job._fields, after, strict=True))
    told |= {
        "revision": 2,
        "due": draw(INSTANTS),
        "lease": draw(MAYBE),
        "token": draw(MAYBE),
        "waits": draw(st.integers(0, 2)),
        "pool": "p",
    }
    fields = draw(st.sets(st.sampled_from([name for name in Job._fields if name != "id"])))
    return before, before.with_({name: told[name] for name in fields})


@given(steps())
def test_the_cells_of_a_step_are_all_that_its_row_has_other_than_before(step: tuple[Job, Job]) -> None:
    before, after = step
    cells = cells_of(before, after)
    stood = dict(zip(JOBS.names, job_row(before), strict=True))
    id, *values = cells.row(after)
    assert id == after.id
    assert stood | dict(zip(cells.columns, values, strict=True)) == dict(zip(JOBS.names, job_row(after), strict=True))


@pytest.mark.parametrize(("state", "fields"), [
    (State.RUNNING, {"started": NOW, "turned_at": NOW, "version": 1, "node": "here", "why": None}),
    (State.COMPLETED, {"ended": NOW, "token": None, "lease": None, "worker": None}),
])  # fmt: skip
def test_the_steps_of_every_job_write_no_column_by_which_lines_and_records_are_found(state: State, fields: dict[str, Any]) -> None:
    before = job("a", state=State.QUEUED, token=1, lease=NOW, worker="here/1")
    cells = cells_of(before, before.after(state, fields))
    assert not {"line", "record", "place", "trigger", "pool", "due", "rest"} & set(cells.columns)
