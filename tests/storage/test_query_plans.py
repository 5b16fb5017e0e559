"""What is asked of a large store all day is found by an index, whatever the number of jobs: each statement is explained by its database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from attrs import frozen

from taskkit.facts import Fact
from taskkit.instants import DAY, MINUTE
from taskkit.jobs import Cause, Job, Kind, Why
from taskkit.states import CLAIMED, FINAL, State, Step
from taskkit.storage import Absorb, Expect, Free, Hold, Insert, Join, Keep, Move, Name, Query, Storage, Unit, Wait
from taskkit.storage._alike import Start, Starts
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql._known import ALL_HOLDS
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._rows import cause_row, hold_rows, job_row, plain_text
from taskkit.storage.sql._tables import CAUSES, CHAINS, DOCUMENTS, FACTS, FIRES, HOLDS, JOBS
from taskkit.storage.sqlite import SqliteStorage
from tests.servers.postgresql import Postgres

T = TypeVar("T")
COUNT, LINES, PARTS = 6000, 60, 20
NOW = 1_700_000_000_000_000
#: The tables that grow with the jobs, or with what is kept of them.
LARGE = frozenset(table.name for table in (JOBS, FIRES, CAUSES, HOLDS, DOCUMENTS, FACTS))
#: The one of them that PostgreSQL, which knows how large each is, finds too large here to read all of.
LARGE_HERE = frozenset({JOBS.name})
#: A partial index of which a single row is asked for: it is empty unless somebody waits.
FIRST_OF = "taskkit_holds_waiting"


class Spy:
    """A connection that notes what it is asked, with the values of the first row."""

    def __init__(self, db: Any, told: dict[str, Sequence[Any]]) -> None:
        self._db, self._told = db, told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        self._told.setdefault(sql, values)
        return self._db.execute(sql, values)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Any:
        self._told.setdefault(sql, rows[0])
        return self._db.executemany(sql, rows)


@frozen
class Found:
    """How rows of a table are found: by which index; `key` is that of its key, and none is all rows, one after the other."""

    table: str
    index: str | None
    searched: bool = True


class Told:
    """The statements that a store was asked."""

    def __init__(self) -> None:
        self.statements: dict[str, Sequence[Any]] = {}

    def spied(self, line: Any) -> Any:
        line._db = Spy(line._db, self.statements)
        return line


class SpiedSqlite(SqliteStorage):
    large = LARGE

    def __init__(self, path: Path) -> None:
        self.told = Told()
        super().__init__(path, relaxed=True)

    def line(self) -> Line:
        return self.told.spied(super().line())  # type: ignore[no-any-return]

    def explained(self) -> Iterator[tuple[str, list[Found]]]:
        with closing(sqlite3.connect(self.path)) as db:
            for sql, values in _questions(self.told):
                yield sql, [found for *_, told in db.execute(f"EXPLAIN QUERY PLAN {sql}", values) for found in _found(told)]

    def analyse(self) -> None:
        """SQLite is asked without statistics, as the store leaves it."""


class SpiedPostgres(PostgresStorage):
    large = LARGE_HERE

    def __init__(self, url: str) -> None:
        self.told, self.url = Told(), url
        super().__init__(url, relaxed=True, keeps_time=False)

    def line(self) -> Line:
        return self.told.spied(super().line())  # type: ignore[no-any-return]

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, options="-c search_path=taskkit")

    def explained(self) -> Iterator[tuple[str, list[Found]]]:
        with self._connected() as db:
            for sql, values in _questions(self.told):
                [(told,)] = db.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode(), values).fetchall()
                yield sql, [found for plan in told for found in _nodes(plan["Plan"])]

    def analyse(self) -> None:
        with self._connected() as db:
            db.execute("VACUUM ANALYZE")


Spied = SpiedSqlite | SpiedPostgres


def _questions(told: Told) -> Iterator[tuple[str, Sequence[Any]]]:
    for sql, values in told.statements.items():
        if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE")) and "taskkit_" in sql:
            yield sql, values


def _found(told: str) -> Iterator[Found]:
    """A line of SQLite's plan: `SEARCH taskkit_jobs USING INDEX taskkit_jobs_due (pool=? AND due<?)`."""
    if match := re.match(r"(SEARCH|SCAN) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|(?:INTEGER )?(PRIMARY KEY)))?", told):
        how, table, index, is_key = match.groups()
        yield Found(table, "key" if is_key else _named(index), how == "SEARCH")


def _nodes(plan: Mapping[str, Any], table: str = "", *, is_limited: bool = False) -> Iterator[Found]:
    """What reads an index from one end, and takes the first rows as they come, has searched it, too."""
    table = plan.get("Relation Name", table)
    kind = plan["Node Type"]
    if kind == "Seq Scan":
        yield Found(table, None, searched=False)
    elif "Index Name" in plan:
        yield Found(table, _named(plan["Index Name"]), "Index Cond" in plan or (is_limited and "Filter" not in plan))
    for part in plan.get("Plans", ()):
        yield from _nodes(part, table, is_limited=kind == "Limit")


def _named(index: str | None) -> str | None:
    return "key" if index and re.search(r"autoindex|_pkey$|_key$", index) else index


# a store with some thousand jobs


def job(number: int) -> Job:
    """Most have ended, as after some weeks; of each hundred, three are claimed, two wait for an account, and ten for their time."""
    place = number % 100
    state = State.RUNNING if place < 3 else State.DEFERRED if place < 5 else State.SCHEDULED if place < 15 else State.COMPLETED
    at = NOW - (COUNT - number) * MINUTE
    ended = at + MINUTE if state in FINAL else None
    told: dict[str, Any] = {"worker": "here/1", "node": "here", "token": number, "lease": at + DAY} if state in CLAIMED else {}
    return Job(
        id=f"job-{number:06}", kind=Kind.OCCURRENCE, task=f"task-{number % LINES}", line=f"task-{number % LINES}", planned_for=1,
        record=f"r{number}", due=at, wanted=at, created=at - DAY, state=state, fire=f"fire {number}", nominal=f"fire {number}",
        started=at if state in FINAL or state in CLAIMED else None, ended=ended, why=Why.BUSY.value if state is State.DEFERRED else None,
        execution=f"run-{number // PARTS}" if number % 2 else None, **told,
    )  # fmt: skip


def cause(number: int) -> Cause:
    return Cause(f"job-{number:06}", f"cause {number}", "checked_in", "after", NOW, NOW, happening=f"h{number}")


def hold(number: int) -> Hold:
    return Hold(f"job-{number:06}", NOW, (f"account {number}",), (), ((f"host {number % 50}", 4),))


def fill(line: Line) -> None:
    numbers = range(COUNT)
    line.add(JOBS, [job_row(job(number)) for number in numbers])
    line.add(FIRES, [(f"task-{number % LINES}\nr{number}\nfire {number}", None) for number in numbers])
    line.add(CAUSES, [cause_row(0, cause(number)) for number in numbers])
    line.add(HOLDS, [row for number in numbers if number % 100 < 5 for row in hold_rows(hold(number), waits=number % 100 > 2)])
    line.add(
        DOCUMENTS, [("standing", f"task-{number % LINES}/r{number}", 1, plain_text({}), f"task-{number % LINES}") for number in numbers]
    )
    chain = {"chain": "0", "position": COUNT, "hash": "", "first": 0, "first_hash": "", "absorbed": "[]"}
    line.add(CHAINS, [tuple(map(chain.get, CHAINS.names))])
    line.add(FACTS, [("0", number, NOW + number, "JobCompleted", f"r{number}", f"task-{number % LINES}", "[]", "") for number in numbers])


def filled(store: Spied) -> Spied:
    store._do(fill)
    store.analyse()
    return store


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spied]:
    with SpiedSqlite(tmp_path_factory.mktemp("plans") / "store.db") as store:
        yield filled(store)


@pytest.fixture(scope="module")
def postgres_store(postgres: Postgres) -> Iterator[Spied]:
    with postgres.database() as url, SpiedPostgres(url) as store:
        yield filled(store)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Spied:
    found: Spied = request.getfixturevalue(f"{request.param}_store")
    found.told.statements.clear()
    return found


# what is asked all day


@frozen
class Ask:
    """A call of the store, and the indexes by which its statements find what they look for."""

    ask: Callable[[Storage], object]
    by: frozenset[tuple[str, str]]


def asks(ask: Callable[[Storage], object], **by: str) -> Ask:
    return Ask(ask, frozenset((f"taskkit_{table}", index) for table, indexes in by.items() for index in indexes.split()))


def written(*changes: Any) -> Callable[[Storage], object]:
    """After another process has written: nothing is known by heart then."""
    unit: Unit = changes

    def ask(store: Storage) -> object:
        with store.join() as other:  # type: ignore[attr-defined]
            other.write([(Fact("Told", NOW),)], durable=False)
        return store.write([unit], durable=False)

    return ask


def claim(store: Storage) -> object:
    found = store.claim(NOW, worker="here/2", node="here", pools=["local"], limit=10, lease=NOW + DAY)
    assert len(found) == 10
    return found


def begin_alike(store: Storage) -> object:
    """After another process has written since they were claimed."""
    found = store.claim(NOW, worker="here/2", node="here", pools=["local"], limit=10, lease=NOW + DAY)
    starts = Starts(Expect("standing", "task-8/r8", 1), {"started": NOW}, NOW, {})
    with store.join() as other:  # type: ignore[attr-defined]
        other.write([(Fact("Told", NOW),)], durable=False)
    return store.write([Start(starts, one.job, f"line:{one.job.id}") for one in found], durable=False)


def following_page(query: Query) -> Callable[[Storage], object]:
    """The second page."""

    def ask(store: Storage) -> object:
        first = store.jobs(query, limit=2)
        assert first.next is not None
        return store.jobs(query, page=first.next, limit=2)

    return ask


def fresh(number: int) -> Job:
    return job(number).afresh(
        {"id": f"new-{number}", "line": f"task-{number % LINES}", "record": f"new {number}", "fire": "new", "nominal": "new"}
    )


_OVER = Query(states=State.COMPLETED, until=NOW - (COUNT - 30) * MINUTE)
ASKS: dict[str, Ask] = {
    "next_due": asks(lambda store: store.next_due(["local"]), jobs="taskkit_jobs_due taskkit_jobs_lent"),
    "claim": asks(claim, jobs="taskkit_jobs_due taskkit_jobs_lent taskkit_jobs_open key", causes="key"),
    "a job": asks(lambda store: store.job("job-000077"), jobs="key"),
    "the causes of a job": asks(lambda store: store.causes("job-000077"), causes="key"),
    "who sits there": asks(lambda store: store.seated(("occurrence", "task-7", "r7")), jobs="taskkit_jobs_open"),
    "a new job": asks(written(Insert(fresh(77), (cause(77)._replace(job="new-77"),))), jobs="key taskkit_jobs_open", fires="key"),
    "a step": asks(written(Move("job-000011", Step.CANCEL, 1, None, {"ended": NOW, "fire": None})), jobs="key", fires="key", holds="key"),
    "a replanning": asks(written(Move("job-000012", Step.REPLAN, 1, None, {"due": NOW, "fire": "x"})), jobs="key taskkit_jobs_open"),
    "a cause more": asks(
        written(Join(cause(13)._replace(fire="again"))), jobs="key taskkit_jobs_open", fires="key", causes="key"
    ),
    "causes that move": asks(written(Absorb("job-000111", "job-000112")), jobs="key", causes="key"),
    "a hold": asks(written(Hold("job-000201", NOW, ("account 201",), (), (("host 1", 4),))), holds=f"key taskkit_holds_of_keys {FIRST_OF}"),
    "a wait": asks(written(Wait(hold(203))), holds=f"key taskkit_holds_of_keys {FIRST_OF}"),
    "starts that are alike": asks(
        begin_alike, jobs="key taskkit_jobs_open", holds="key taskkit_holds_of_keys taskkit_holds_waiting", documents="key"
    ),
    "what is free": asks(written(Free("job-000301")), holds="key"),
    "a document": asks(written(Keep("standing", "task-7/r7", 1, {}, "task-7")), documents="key"),
    "a guard": asks(written(Expect("standing", "task-8/r8", 1)), documents="key"),
    "a name": asks(written(Name("blob", "job-000301"))),
    "a fact": asks(written(Fact("Told", NOW))),
    "who fits": asks(lambda store: store.fitting(["host 3"]), holds="taskkit_holds_of_keys", jobs="key"),
    "who holds": asks(lambda store: store.holders("host 3"), holds="taskkit_holds_of_keys"),
    "the story of a line and record": asks(lambda store: store.story(NOW, line="task-7", record="r77"), facts="taskkit_facts_stories"),
    "the story of a line": asks(lambda store: store.story(NOW, line="task-7", record=None), facts="taskkit_facts_stories"),
    "the story of the engine": asks(lambda store: store.story(NOW, line=None, record=None), facts="taskkit_facts_stories"),
    "the history of a record": asks(lambda store: store.jobs(Query(record="r77")), jobs="taskkit_jobs_of_records"),
    "the history of a line": asks(lambda store: store.jobs(Query(line="task-7"), limit=10), jobs="taskkit_jobs_of_lines"),
    "its next page": asks(following_page(Query(line="task-7")), jobs="taskkit_jobs_of_lines"),
    "what has ended of a line": asks(following_page(Query(line="task-7", states=FINAL)), jobs="taskkit_jobs_of_lines"),
    "the parts of a run": asks(lambda store: store.jobs(Query(execution="run-7")), jobs="taskkit_jobs_of_executions"),
    "how many are open of a run": asks(
        lambda store: store.count(Query(execution="run-7", states=frozenset({State.SCHEDULED, State.DEFERRED}))),
        jobs="taskkit_jobs_of_executions",
    ),
    "what is over for long": asks(lambda store: store.count(_OVER), jobs="taskkit_jobs_over"),
    "a purge": asks(
        lambda store: store.purge([_OVER]),
        jobs="taskkit_jobs_over key taskkit_jobs_of_series taskkit_jobs_of_executions",
        causes="key",
        fires="key taskkit_fires_left",
    ),
}  # fmt: skip


@pytest.mark.parametrize("ask", ASKS.values(), ids=list(ASKS))
def test_what_is_asked_all_day_is_searched_by_an_index(store: Spied, ask: Ask) -> None:
    ask.ask(store)
    found = {one: sql for sql, several in store.explained() for one in several if one.table in store.large}
    for one, sql in found.items():
        if sql == ALL_HOLDS:  # a few thousand at most
            continue
        assert one.index is not None, f"all of {one.table} is read by: {sql}"
        assert one.searched or one.index == FIRST_OF, f"all of {one.index} is read by: {sql}"
    assert {by for by in ask.by if by[0] in store.large} <= {(one.table, one.index) for one in found}


def test_a_page_of_a_history_comes_in_the_order_of_its_index(sqlite_store: Spied) -> None:
    """So that a page is as quick on a line with a million jobs."""
    told = sqlite_store.told.statements
    for query in (Query(record="r77"), Query(line="task-7"), Query(execution="run-7"), Query(line="task-7", states=FINAL)):
        told.clear()
        sqlite_store.jobs(query, limit=2)
        with closing(sqlite3.connect(sqlite_store.path)) as db:  # type: ignore[union-attr]
            [(sql, values)] = told.items()
            assert not [told for *_, told in db.execute(f"EXPLAIN QUERY PLAN {sql}", values) if "TEMP B-TREE" in told]
