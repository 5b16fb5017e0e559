"""C12: every field of a query, both orders, and pages that neither repeat nor hide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from taskkit.errors import InvalidValue
from taskkit.jobs import Job, Kind
from taskkit.states import FINAL, PENDING, State, Step
from taskkit.storage import Insert, Move, Order, Query, Storage
from taskkit.testing.contracts._contract import rounds
from taskkit.testing.contracts.storage._makings import HOUR, NOW, Kit, job, kept, lands, move, pages, to_final

JOBS = [
    job("j0", due=NOW + 5),
    job("j1", kind=Kind.OCCURRENCE, record="r1", due=NOW + 4, host="h1", account="a1"),
    job("j2", kind=Kind.FIRED, record="r1", due=NOW + 4, state=State.DEFERRED, why="busy", host="h2"),
    job("j3", kind=Kind.PART, record="r2", due=NOW + 3, execution="j0", state=State.DEFERRED, why="session", account="a1"),
    job("j4", kind=Kind.PART, record="r1", due=NOW + 9, execution="j0", created=NOW + HOUR),
    job("j5", task="t2", line="l2", record="r1", due=NOW + 2, via=("t9", "r9", 1), created=NOW + HOUR),
    job("j6", task="t2", line="l2", record="r2", due=NOW + 1, state=State.AWAITING_CONSENT, why="consent", created=NOW + 2 * HOUR),
    job("j7", line="l3", record="r1", due=NOW, state=State.CANCELED, why="by_person", ended=NOW + 3 * HOUR),
    job("j8", line="l3", record=None, due=NOW + 4, state=State.MISSED, ended=NOW + HOUR, created=NOW - HOUR),
]

WANTED: list[tuple[Query, Callable[[Job], bool]]] = [
    (Query(), lambda one: True),
    (Query(states=State.DEFERRED), lambda one: one.state is State.DEFERRED),
    (Query(states="deferred"), lambda one: one.state is State.DEFERRED),
    (Query(states=FINAL), lambda one: one.state in FINAL),
    (Query(states=PENDING), lambda one: one.state in PENDING),
    (Query(states=PENDING | {State.CANCELED}), lambda one: one.state in PENDING or one.state is State.CANCELED),
    (Query(states=()), lambda one: False),
    (Query(kinds=Kind.PART), lambda one: one.kind is Kind.PART),
    (Query(kinds=[Kind.PART, Kind.FIRED]), lambda one: one.kind in (Kind.PART, Kind.FIRED)),
    (Query(record="r1"), lambda one: one.record == "r1"),
    (Query(record="none"), lambda one: False),
    (Query(line="l2"), lambda one: one.line == "l2"),
    (Query(line="none"), lambda one: False),
    (Query(line="none", states=PENDING), lambda one: False),
    (Query(task="t2"), lambda one: one.task == "t2"),
    (Query(trigger="t2"), lambda one: one.task == "t2" and one.via is None),
    (Query(trigger="t9"), lambda one: one.via is not None),
    (Query(execution="j0"), lambda one: one.execution == "j0"),
    (Query(execution="none"), lambda one: False),
    (Query(why="busy"), lambda one: one.why == "busy"),
    (Query(host="h1"), lambda one: one.host == "h1"),
    (Query(account="a1"), lambda one: one.account == "a1"),
    (Query(since=NOW), lambda one: one.created >= NOW),
    (Query(since=NOW + 1), lambda one: one.created > NOW),
    (Query(until=NOW + HOUR), lambda one: (one.ended or one.created) < NOW + HOUR),
    (Query(until=NOW + HOUR + 1), lambda one: (one.ended or one.created) <= NOW + HOUR),
    (Query(record="r1", line="l"), lambda one: one.record == "r1" and one.line == "l"),
    (Query(record="r1", states=PENDING, kinds=Kind.PART), lambda one: one.record == "r1" and one.kind is Kind.PART),
    (Query(line="l", states=[State.SCHEDULED]), lambda one: one.line == "l" and one.state is State.SCHEDULED),
    (Query(line="l3", states=FINAL, until=NOW + 2 * HOUR), lambda one: one.id == "j8"),
    (Query(execution="j0", record="r2", states=PENDING), lambda one: one.id == "j3"),
]  # fmt: skip


def peopled(store: Storage) -> Storage:
    lands(store, *(Insert(one) for one in JOBS))
    return store


class Queries(Kit):
    """Pending jobs, history, the parts of an execution: all are queries."""

    @pytest.mark.parametrize(("query", "wanted"), WANTED, ids=[f"{number}" for number in range(len(WANTED))])
    def test_c12_a_query_finds_what_it_names_and_nothing_else(self, query: Query, wanted: Callable[[Job], bool]) -> None:
        store, ids = peopled(self.store()), [one.id for one in JOBS if wanted(one)]
        assert pages(store, query) == pages(store, query, limit=100) == sorted(ids, reverse=True)
        by_due = sorted(ids, key=lambda id: (next(one.due for one in JOBS if one.id == id), id))
        assert pages(store, query, "due") == pages(store, query, "due", limit=100) == by_due
        assert store.count(query) == len(ids)

    def test_c12_a_query_finds_jobs_where_they_stand_now(self) -> None:
        store = peopled(self.store())
        told: dict[str, Any] = {"line": "l9", "record": "r9", "task": "t9", "why": "busy", "host": "h9", "account": "a9"}
        lands(store, Move("j1", Step.REPLAN, 1, fields=told))
        for name, value in told.items():
            assert "j1" in pages(store, Query(**{name: value})), name
        for query in (Query(line="l"), Query(record="r1"), Query(task="t"), Query(host="h1"), Query(line="l", states=PENDING)):
            assert "j1" not in pages(store, query)
        lands(store, move(kept(store, "j1"), Step.CANCEL, ended=NOW))
        assert "j1" in pages(store, Query(record="r9", states=State.CANCELED))
        assert "j1" not in pages(store, Query(line="l9", states=PENDING))
        assert pages(store, Query(line="l9"))[0] == "j1"

    @pytest.mark.parametrize("limit", [1, 2, 4, 8, 9, 10])
    @pytest.mark.parametrize("order", ["due", "newest"])
    def test_c12_every_job_stands_on_one_page(self, order: Order, limit: int) -> None:
        store = peopled(self.store())
        found = pages(store, Query(), order, limit)
        assert sorted(found) == [one.id for one in JOBS]
        assert found == pages(store, Query(), order, 100)

    @pytest.mark.parametrize("order", ["newest", "due", "first_started", "last_started"])
    @pytest.mark.parametrize("page", ["x", "?", ":", "a:b", "\ud800"])
    def test_c12_a_page_that_is_none_is_refused(self, order: Order, page: str) -> None:
        """It comes from a URL, and anybody may write one; how a page is told is the store's own affair."""
        with pytest.raises(InvalidValue):
            peopled(self.store()).jobs(Query(), order=order, page=page)

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_c12_by_their_start_come_those_that_have_one(self, limit: int) -> None:
        store, starts = self.store(), {"a": 5, "b": 1, "c": None, "d": 3, "e": 3, "f": 2}
        ends = {"started": None, "state": State.CANCELED, "ended": NOW + HOUR}
        lands(store, *(Insert(job(id, **{**ends, "started": None if start is None else NOW + start})) for id, start in starts.items()))
        assert pages(store, Query(), "first_started", limit) == ["b", "f", "d", "e", "a"]
        assert pages(store, Query(line="l"), "last_started", limit) == ["a", "e", "d", "f", "b"]
        assert pages(store, Query(line="none"), "last_started", limit) == []
        store.write([(Insert(job(f"j{number}", **ends)),) for number in range(1500)])
        store.write([(Insert(job(f"k{number}")), to_final(job(f"k{number}"))) for number in range(600)])
        assert pages(store, Query(states=State.CANCELED), "last_started", limit) == ["a", "e", "d", "f", "b"]

    def test_c12_the_last_page_says_that_it_is_the_last(self) -> None:
        store = peopled(self.store())
        assert store.jobs(Query(), limit=9).next is None
        assert store.jobs(Query(), limit=8).next is not None
        assert store.jobs(Query(record="none")).next is None

    @pytest.mark.parametrize(
        "query", [Query(), Query(line="l"), Query(record="r"), Query(execution="x"), Query(states=PENDING), Query(states=PENDING, line="l")]
    )
    @pytest.mark.parametrize("order", ["due", "newest"])
    def test_c12_what_is_added_or_ends_between_pages_neither_repeats_nor_hides(self, order: Order, query: Query) -> None:
        store = self.store()
        store.write([(Insert(_one(number)),) for number in range(40)])
        found: list[str] = []
        page = None
        for turn in rounds():
            some = store.jobs(query, order=order, page=page, limit=4)
            found += [one.id for one in some.jobs]
            lands(store, Insert(_one(100 + turn)), to_final(kept(store, f"j{turn}")), to_final(kept(store, f"j{39 - turn}")))
            page = some.next
            if page is None:
                break
        assert len(found) == len(set(found))
        gone = {f"j{number}" for number in range(40) if kept(store, f"j{number}").ended is not None}
        assert {f"j{number}" for number in range(40)} - gone <= set(found)
        if query.states is None:
            assert gone <= set(found)
        if order == "newest":
            assert not any(int(id[1:]) >= 100 for id in found)

    def test_c12_a_page_holds_jobs_as_they_stand_when_it_is_read(self) -> None:
        store = peopled(self.store())
        first = store.jobs(Query(states=PENDING), limit=3)
        lands(store, move(kept(store, "j0"), Step.CANCEL, ended=NOW), move(kept(store, "j1"), Step.ADVANCE, due=NOW - HOUR))
        second = store.jobs(Query(states=PENDING), page=first.next, limit=9)
        assert [one.id for one in (*first.jobs, *second.jobs)] == ["j6", "j5", "j4", "j3", "j2", "j1"]
        assert second.jobs[-1].due == NOW - HOUR

    def test_c12_the_open_jobs_of_a_line_and_record_come_as_they_were_put(self) -> None:
        store = peopled(self.store())
        assert [one.id for one in store.open_jobs("l", "r1")] == ["j1", "j2", "j4"]
        assert [one.id for one in store.open_jobs("l", None)] == ["j0"]
        places = [("l", "r1"), ("l", None), ("l", "nowhere")]
        assert {place: list(jobs) for place, jobs in store.open_at(places).items()} == {
            place: list(store.open_jobs(*place)) for place in places
        }  # fmt: skip
        assert not store.open_at([])
        assert list(store.open_jobs("l3", "r1")) == list(store.open_jobs("none", None)) == list(store.open_jobs("l", "none")) == []
        one = next(
            one.job for one in store.claim(NOW + HOUR, worker="a", node="a", pools=["local"], limit=99, lease=NOW) if one.job.id == "j1"
        )
        assert [one.id for one in store.open_jobs("l", "r1")] == ["j1", "j2", "j4"]
        lands(store, to_final(one))
        assert [one.id for one in store.open_jobs("l", "r1")] == ["j2", "j4"]

    def test_c12_history_is_found_however_much_came_after(self) -> None:
        store = self.store()
        store.write([(Insert(_one(number)),) for number in range(700)])
        store.write([(to_final(kept(store, f"j{number}")),) for number in range(690)])
        assert pages(store, Query(), limit=250) == [f"j{number}" for number in reversed(range(700))]
        assert pages(store, Query(states=PENDING), limit=250) == [f"j{number}" for number in reversed(range(690, 700))]
        assert store.count(Query(record="r", states=State.CANCELED)) == 690
        assert store.count(Query(line="l", until=NOW + 1)) == 700


def _one(number: int, **fields: Any) -> Job:
    return job(f"j{number}", record="r", execution="x", due=NOW + number % 7, **fields)
