"""What breaks in the middle of a write or a look leaves the connection, and whoever comes next, as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from taskkit.errors import StorageAway
from taskkit.facts import START
from taskkit.storage import Insert, Query
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.postgresql._lines import PostgresLine
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import NUMBERS
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import job, lands, told

Store = SqliteStorage | PostgresStorage


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStorage]:
    make: dict[str, Callable[[], Store]] = {
        "sqlite": lambda: SqliteStorage(tmp_path / "db", relaxed=True),
        "postgresql": lambda: PostgresStorage(request.getfixturevalue("database"), schema="store", relaxed=True, keeps_time=False),
    }
    with make[request.param]() as opened:
        lands(opened, Insert(job("there")), told())
        yield opened


class Trouble(BaseException):
    """As an interrupt is none of the usual errors."""


def twice_the_same(line: Line) -> None:
    line.add(NUMBERS, [("a", 1)])
    line.add(NUMBERS, [("a", 1)])


def no_such_table(line: Line) -> None:
    line.add(NUMBERS, [("a", 1)])
    line.run("SELECT * FROM nowhere")


def beyond_64_bits(line: Line) -> None:
    line.add(NUMBERS, [("a", 2**70)])


def half_a_character(line: Line) -> None:
    line.run("DELETE FROM taskkit_jobs")
    line.add(NUMBERS, [("\ud800", 1)])


def trouble(line: Line) -> None:
    line.run("DELETE FROM taskkit_jobs")
    raise Trouble


@pytest.mark.parametrize("deed", [twice_the_same, no_such_table, beyond_64_bits, half_a_character, trouble])
def test_c01_what_breaks_a_write_leaves_nothing_behind_and_the_next_lands(store: SqlStorage, deed: Callable[[Line], None]) -> None:
    writer = store._lines._writer
    for _ in range(3):
        with pytest.raises(BaseException):  # noqa: B017, PT011  each database says it in its own way
            store._do(deed)
    lands(store, Insert(job("next")), told())
    assert store._ask(lambda line: line.rows("SELECT count(*) FROM taskkit_numbers WHERE name = 'a'")) == [(0,)]
    assert {one.id for one in store.jobs(Query()).jobs} == {"there", "next"}
    assert store._lines._writer is writer
    assert not store.check(store.heads())


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "single"])
@pytest.mark.parametrize("question", [no_such_table, trouble])
def test_c01_what_breaks_a_look_leaves_no_transaction_open(store: SqlStorage, question: Callable[[Line], None], *, whole: bool) -> None:
    """Else its reader would look at the store as it was then, and no log could be cut."""

    def broken(line: Line) -> None:
        line.rows("SELECT count(*) FROM taskkit_jobs")
        if question is trouble:
            raise Trouble
        line.rows("SELECT * FROM nowhere")

    for _ in range(3):
        with pytest.raises(BaseException):  # noqa: B017, PT011
            store._lines.read(broken, whole=whole)
    lands(store, Insert(job("next")))
    assert store.count(Query()) == 2
    assert store._look(lambda line: line.rows("SELECT count(*) FROM taskkit_jobs")) == [(2,)]
    assert len(store._lines._readers) == 1


# PostgreSQL


@pytest.fixture
def served(database: str) -> Iterator[PostgresStorage]:
    with PostgresStorage(database, schema="store", relaxed=True, keeps_time=False) as opened:
        lands(opened, Insert(job("there")), told())
        yield opened


def killed(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE application_name = 'taskkit' AND datname = current_database()"""
        )


def test_j2_a_write_whose_connection_breaks_before_the_commit_lands_once_all_the_same(served: PostgresStorage, database: str) -> None:
    tries: list[int] = []

    def deed(line: Line) -> None:
        line.add(NUMBERS, [(f"a{len(tries)}", 1)])
        line.rows("SELECT 1")
        tries.append(1)
        if len(tries) == 1:
            killed(database)
        line.rows("SELECT 1")

    served._do(deed)
    assert served._ask(lambda line: line.rows("SELECT name FROM taskkit_numbers WHERE name < 'b'")) == [("a1",)]


def test_a_write_and_a_look_find_another_connection_after_a_server_has_closed_theirs(served: PostgresStorage, database: str) -> None:
    for number in range(3):
        assert served.count(Query()) == 1 + number
        killed(database)
        lands(served, Insert(job(f"j{number}")), told())
        killed(database)
        assert served.job(f"j{number}") is not None
    assert len(served.facts(START)[0]) == 5
    assert not served.check(served.heads())


def test_readers_that_were_broken_all_at_once_are_closed(served: PostgresStorage, database: str) -> None:
    """A connection that nobody closes is a warning, and open until somebody collects it."""
    served._lines.read(lambda _: served.count(Query()), whole=True)
    left = [reader for reader in served._lines._readers if isinstance(reader, PostgresLine)]
    assert len(left) == 2
    killed(database)
    assert served.count(Query()) == 1
    assert all(reader._db.closed for reader in left)


def test_j14_who_waits_for_its_turn_too_long_hears_it_and_comes_again(served: PostgresStorage) -> None:
    with served.join() as other:
        other._do(lambda line: line.run("SET statement_timeout = '300ms'"))

        def hold(line: Line) -> None:
            line.rows("SELECT 1")
            with pytest.raises(StorageAway):
                lands(other, Insert(job("late")))

        served._do(hold)
        lands(other, Insert(job("late")))


# values that mean something to a database


STRANGE = ['"', "\\", '\\"', "{}", "{a,b}", "NULL", "null", "", " ", "'", "\n\t", "a,b", "?", "%s", "ü\U0001f511"]


def test_c01_text_that_means_something_to_a_database_comes_back_as_it_was(store: SqlStorage) -> None:
    rows = [(text, 2**63 - 1 if place else None) for place, text in enumerate(STRANGE)]
    store._do(lambda line: line.add(NUMBERS, rows))
    for some in (STRANGE, STRANGE[:2]):
        found = store._ask(lambda line, some=some: line.among("SELECT name, value FROM taskkit_numbers WHERE name IN {these}", some))  # type: ignore[misc]
        assert set(found) == set(rows[: len(some)])
    store._do(lambda line: line.change(NUMBERS, ("value",), [(text, -place) for place, text in enumerate(STRANGE)]))
    store._do(lambda line: line.drop(NUMBERS, [(text,) for text in STRANGE[1:]]))
    assert store._ask(lambda line: line.among("SELECT name, value FROM taskkit_numbers WHERE name IN {these}", STRANGE)) == [('"', 0)]
