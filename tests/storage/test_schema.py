"""The tables of a store have a version: old ones are upgraded, newer ones are refused, and a change without a new version is seen."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve

from taskkit.errors import InvalidValue, NotFound, Refused, StorageAway
from taskkit.events.happenings import CheckedIn
from taskkit.facts import START, around
from taskkit.states import FINAL, State
from taskkit.storage import Insert, Query
from taskkit.storage.integrity import check_store
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql import _schema
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._migrations import MIGRATIONS, Migration, NewColumn, NewIndex, NewTable, Run
from taskkit.storage.sql._schema import SCHEMA, Schema
from taskkit.storage.sql._scripts import postgresql_script, sqlite_script
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import JOBS, TABLES, TEXT, WHOLE, Index, Table
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import job, lands
from tests.storage import schemas

COLOURS = Index("taskkit_jobs_of_colours", ("colour",), "colour IS NOT NULL")
EXTRAS = Table("taskkit_extras", {"name": TEXT, "value": WHOLE})
#: Made up: an older taskkit may work on the first, and not on the second.
COLOUR = Migration(
    "jobs have colours",
    (NewColumn("taskkit_jobs", "colour", TEXT), Run("UPDATE taskkit_jobs SET colour = 'blue'"), NewIndex("taskkit_jobs", COLOURS)),
    older_may_work=True,
)
EXTRA = Migration("there are extras", (NewTable(EXTRAS),), older_may_work=False)
COLOURED = (evolve(JOBS, columns={**JOBS.columns, "colour": TEXT}, indexes=(*JOBS.indexes, COLOURS)), *TABLES[1:])
SECOND = Schema(COLOURED, (*MIGRATIONS, COLOUR))
THIRD = Schema((*COLOURED, EXTRAS), (*MIGRATIONS, COLOUR, EXTRA))
FAILS = Schema(TABLES, (*MIGRATIONS, evolve(COLOUR, changes=(*COLOUR.changes, Run("INSERT INTO nowhere VALUES (1)")))))


class Place:
    """Where a store may be, in either database."""

    kind: str

    def open(self, **said: Any) -> SqlStorage:
        raise NotImplementedError

    def say(self, script: str) -> None:
        """Whatever somebody does to the database."""
        raise NotImplementedError

    def shape(self) -> dict[str, Any]:
        raise NotImplementedError

    def script(self, since: int = 0) -> str:
        raise NotImplementedError

    def versions(self) -> dict[str, int]:
        with self.open(makes=False) as storage:
            return dict(storage._ask(lambda line: line.rows("SELECT name, value FROM taskkit_numbers WHERE name <> 'token'")))


class File(Place):
    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, **said: Any) -> SqliteStorage:
        return SqliteStorage(self.path, **said)

    def say(self, script: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            db.executescript(script)

    def shape(self) -> dict[str, Any]:
        return schemas.sqlite_shape(self.path)

    def script(self, since: int = 0) -> str:
        return sqlite_script(since)


class Database(Place):
    kind = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, **said: Any) -> PostgresStorage:
        return PostgresStorage(self.url, keeps_time=False, **said)

    def say(self, script: str) -> None:
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=taskkit") as db:
            db.execute(script)

    def shape(self) -> dict[str, Any]:
        return schemas.postgresql_shape(self.url)

    def script(self, since: int = 0) -> str:
        return postgresql_script("taskkit", since)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return File(tmp_path / "store.db") if request.param == "sqlite" else Database(request.getfixturevalue("database"))


@contextmanager
def known(schema: Schema) -> Iterator[None]:
    """A taskkit that knows this schema."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_schema, "SCHEMA", schema)
        yield


def made(place: Place, schema: Schema = SCHEMA) -> Place:
    with known(schema), place.open() as storage:
        lands(storage, Insert(job("a")))
    return place


# what was released


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_there_is_a_dump_of_each_version(kind: str) -> None:
    assert schemas.released(kind) == list(range(1, SCHEMA.version + 1)), "python -m tests.storage.schemas"


@pytest.mark.parametrize("number", range(1, SCHEMA.version + 1))
def test_a_store_of_each_version_is_upgraded_and_worked_on(place: Place, number: int) -> None:
    place.say(schemas.text(number, place.kind))
    with place.open() as storage:
        assert not check_store(storage, now=0)
        died = {found.id for found in storage.jobs(Query(states=State.RUNNING)).jobs}
        engine, clock = schemas.entered(storage, schemas.LEFT)
        assert died
        made = storage.count(Query())
        engine.emit(schemas.TOLD)  # twice is once, also before and after
        assert storage.count(Query()) == made
        clock.advance(days=2)
        engine.drain()
        states = {found.id: found.state for found in storage.jobs(Query(), limit=1000).jobs}
        assert {states[id] for id in died} == {State.COMPLETED}
        [rescued] = [found for found in storage.jobs(Query(states=FINAL), limit=1000).jobs if found.id in died and found.record == "r1"]
        assert [b"".join(storage.open_blob(blob)) for blob in rescued.blobs] == [b"pages"] * 2
        assert engine.emit(CheckedIn("r2", id="new"))
        engine.drain()
        assert storage.count(Query(record="r2", states=State.COMPLETED)) >= 2
        assert not check_store(storage, now=0)
        assert not engine.check()


@pytest.mark.parametrize("number", range(1, SCHEMA.version + 1))
def test_what_an_older_version_told_of_a_line_and_record_is_found_after_the_upgrade(place: Place, number: int) -> None:
    place.say(schemas.text(number, place.kind))
    with place.open() as storage:
        facts = storage.facts(START, limit=10_000)[0]
        lines = {(fact.line, fact.record) for fact in facts}
        assert {line is None for line, _ in lines} == {record is None for _, record in lines} == {True, False}
        for line, record in lines:
            told = storage.story(0, line=line, record=record, limit=1000)
            assert list(told) == around([fact for fact in facts if (fact.line, fact.record) == (line, record)], 0, 1000)


def test_a_change_of_the_tables_without_a_new_version_is_seen(place: Place, tmp_path: Path) -> None:
    """If no version with these tables was released yet: `python -m tests.storage.schemas`. Else it takes a migration."""
    place.say(schemas.text(SCHEMA.version, place.kind))
    dumped = place.shape()
    other: Place = File(tmp_path / "other.db")
    if isinstance(place, Database):
        place.say("DROP SCHEMA taskkit CASCADE")
        other = place
    assert made(other).shape() == dumped


# older and newer


def test_a_store_is_made_at_the_version_that_is_known(place: Place) -> None:
    assert made(place).versions() == {"schema": SCHEMA.version, "schema_least": SCHEMA.least}


@pytest.mark.parametrize("schema", [SECOND, THIRD], ids=["second", "third"])
def test_an_upgraded_store_is_what_a_new_one_is(place: Place, tmp_path: Path, schema: Schema) -> None:
    made(place)
    with known(schema), place.open() as storage:
        assert storage.job("a") is not None
        assert storage._ask(lambda line: line.rows("SELECT colour FROM taskkit_jobs")) == [("blue",)]
        assert place.versions() == {"schema": schema.version, "schema_least": schema.least}
    upgraded = place.shape()
    other: Place = File(tmp_path / "other.db")
    if isinstance(place, Database):
        place.say("DROP SCHEMA taskkit CASCADE")
        other = place
    assert made(other, schema).shape() == upgraded


def test_only_the_steps_that_a_store_lacks_are_taken(place: Place) -> None:
    made(place, SECOND)
    with known(THIRD), place.open():
        assert place.versions() == {"schema": THIRD.version, "schema_least": THIRD.least}
        assert THIRD.tables[-1].name in str(place.shape())


def test_which_version_is_the_least() -> None:
    assert [Schema(TABLES, steps).least for steps in ((), (COLOUR,), (EXTRA,), (COLOUR, EXTRA), (EXTRA, COLOUR))] == [1, 1, 2, 3, 2]


def test_an_older_taskkit_goes_on_with_a_store_that_lets_it(place: Place) -> None:
    made(place, SECOND)
    before = place.shape()
    with place.open() as storage:
        lands(storage, Insert(job("b")))
        assert storage.count(Query()) == 2
    assert place.shape() == before
    assert place.versions()["schema"] == SECOND.version


def test_a_newer_store_is_refused_and_not_touched(place: Place) -> None:
    made(place, THIRD)
    before = place.shape()
    with pytest.raises(Refused, match=f"at version {THIRD.version}, .* know version {THIRD.least}; this one knows {SCHEMA.version}; work"):
        place.open()
    assert place.shape() == before
    with known(THIRD):
        assert place.versions()["schema"] == THIRD.version


def test_a_step_that_fails_leaves_the_store_as_it_was(place: Place) -> None:
    made(place)
    before = place.shape()
    with known(FAILS), pytest.raises((Refused, StorageAway), match=r"no such table|could not be made or upgraded"):
        place.open()
    assert place.shape() == before
    assert place.versions() == {"schema": SCHEMA.version, "schema_least": SCHEMA.least}


def test_of_several_that_open_at_once_one_upgrades(place: Place) -> None:
    made(place)
    upgrades, barrier, look = list[int](), threading.Barrier(4), THIRD.upgrading

    class Counting(Schema):
        def upgrading(self, *said: Any) -> list[str]:
            upgrades.append(1)
            return look(*said)

    def opened(_: int) -> int:
        barrier.wait(20)
        with place.open() as storage:
            return storage.count(Query())

    with known(Counting(THIRD.tables, THIRD.migrations)), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [1] * 4
        assert place.versions()["schema"] == THIRD.version
    assert upgrades == [1]


def test_of_several_that_make_a_store_at_once_one_makes_it(place: Place) -> None:
    barrier = threading.Barrier(4)

    def opened(number: int) -> None:
        barrier.wait(20)
        with place.open() as storage:
            lands(storage, Insert(job(f"j{number}")))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opened, range(4)))
    with place.open(makes=False) as storage:
        assert storage.count(Query()) == 4


def test_who_opens_a_file_that_another_is_just_making_waits_for_it(tmp_path: Path) -> None:
    """To turn it to WAL, SQLite itself does not wait for who writes."""
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        later = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        later.start()
        with SqliteStorage(tmp_path / "store.db") as storage:
            lands(storage, Insert(job("a")))
        later.join()


# what is no store


@pytest.mark.parametrize("table", ["taskkit_jobs (a text)", "taskkit_numbers (a text)", "taskkit_numbers (name text, value bigint)"])
def test_what_has_tables_of_these_names_and_is_no_store_is_refused_and_not_touched(place: Place, table: str) -> None:
    if isinstance(place, Database):
        place.say("CREATE SCHEMA taskkit")
    place.say(f"CREATE TABLE {table}")
    before = place.shape()
    with pytest.raises(Refused, match="it is no store of taskkit's; give the store a place of its own"):
        place.open()
    assert place.shape() == before


def test_a_store_of_which_somebody_took_a_table_or_a_column_is_refused(place: Place) -> None:
    made(place).say("DROP TABLE taskkit_causes; ALTER TABLE taskkit_holds DROP COLUMN wanted")
    with pytest.raises(Refused, match=r"not whole: taskkit_causes, taskkit_holds\.wanted is missing"):
        place.open()


def test_who_only_looks_makes_nothing_and_upgrades_nothing(place: Place, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no"):
        place.open(makes=False)
    assert list(tmp_path.iterdir()) == []
    made(place)
    now = SCHEMA.version
    with known(SECOND), pytest.raises(Refused, match=rf"at version {now}, .* works with version {now + 1}"):
        place.open(makes=False)
    assert place.versions()["schema"] == SCHEMA.version


def test_who_opens_a_store_that_is_as_it_should_be_waits_for_nobody_who_writes(place: Place) -> None:
    def opened(line: Line) -> None:
        line.rows("SELECT 1")  # from here on it has the turn
        place.open().close()

    with made(place).open() as writes:
        writes._do(opened)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("something else, and long enough to be looked at" * 100)
    with pytest.raises(StorageAway, match="look whether the name is right"):
        SqliteStorage(tmp_path / "store.db")


def test_a_file_that_cannot_be_used_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", connected)
    (tmp_path / "store.db").write_text("something else, and long enough to be looked at" * 100)
    with pytest.raises(StorageAway):
        SqliteStorage(tmp_path / "store.db")
    [left] = opened
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        left.execute("SELECT 1")


# as a script


def test_what_is_printed_makes_a_store(place: Place) -> None:
    place.say(place.script())
    printed = place.shape()
    with place.open(makes=False) as storage:
        lands(storage, Insert(job("a")))
    place.say("DROP SCHEMA taskkit CASCADE" if isinstance(place, Database) else "".join(f"DROP TABLE {table.name};" for table in TABLES))
    assert made(place).shape() == printed


def test_what_is_printed_upgrades_a_store_of_that_version_and_no_other(place: Place) -> None:
    made(place)
    with known(THIRD):
        script = place.script(SCHEMA.version)
        place.say(script)
        assert place.versions() == {"schema": THIRD.version, "schema_least": THIRD.least}
        before = place.shape()
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
            place.say(script)
        assert place.shape() == before


def test_there_is_nothing_to_print_for_the_version_that_is_known(place: Place) -> None:
    assert "-- nothing is to be done" in place.script(SCHEMA.version)
    for since in (-1, SCHEMA.version + 1):
        with pytest.raises(InvalidValue, match="no such step"):
            place.script(since)


# rights in PostgreSQL


@contextmanager
def account(url: str) -> Iterator[tuple[str, Callable[[str], object]]]:
    """An account without any right, its URL, and how it is given some."""
    with psycopg.connect(url, autocommit=True) as db:
        name = f"worker_{db.info.dbname}"
        db.execute(f"CREATE ROLE {name} LOGIN")
        db.execute(f"REVOKE CREATE ON DATABASE {db.info.dbname} FROM PUBLIC")
        try:
            yield url.replace("postgres@", f"{name}@"), lambda sql: db.execute(sql.replace("account", name))
        finally:
            db.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_store_that_is_there_and_right_needs_no_right_to_make_tables(database: str) -> None:
    made(Database(database))
    with account(database) as (url, say):
        for line in re.findall(r"--   (GRANT .*;)", postgresql_script("taskkit")):
            say(line)
        with psycopg.connect(url) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("CREATE TABLE taskkit.another (a text)")
        with PostgresStorage(url) as storage:
            schemas.tell(storage)
            assert storage.count(Query()) > 2
            assert storage.sweep_blobs() == 0


def test_an_account_that_may_only_read_is_told_what_it_lacks_as_it_writes(database: str) -> None:
    made(Database(database))
    with account(database) as (url, say):
        say("GRANT USAGE ON SCHEMA taskkit TO account; GRANT SELECT ON ALL TABLES IN SCHEMA taskkit TO account")
        with PostgresStorage(url) as storage:
            assert storage.count(Query()) == 1
            with pytest.raises(Refused, match=r"using the store in the schema 'taskkit': this account lacks a right.*`taskkit store sql`"):
                lands(storage, Insert(job("a")))


def test_in_a_schema_that_is_there_tables_are_made_without_a_right_to_make_schemas(database: str) -> None:
    with account(database) as (url, say):
        say("CREATE SCHEMA taskkit AUTHORIZATION account")
        made(Database(url))
        with known(SECOND), Database(url).open() as upgraded:
            assert upgraded.count(Query()) == 1


@pytest.mark.parametrize("rights", ["", "GRANT USAGE ON SCHEMA taskkit TO account"], ids=["none", "usage"])
@pytest.mark.parametrize("case", ["make", "use", "upgrade"])
def test_who_lacks_a_right_is_told_of_the_command_that_prints_the_sql(database: str, case: str, rights: str) -> None:
    if case != "make":
        made(Database(database))
    before = Database(database).shape() if case != "make" else None
    with account(database) as (url, say), known(SECOND if case == "upgrade" else SCHEMA):
        if rights and case != "make":
            say(rights)
        if case == "upgrade" and rights:
            say("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA taskkit TO account")
        with pytest.raises(Refused, match=r"lacks a right .*`taskkit store sql` prints"):
            PostgresStorage(url)
    assert before is None or Database(database).shape() == before


@pytest.mark.parametrize("value", ["abc", None])
def test_a_store_whose_version_cannot_be_read_is_refused(tmp_path: Path, value: str | None) -> None:
    SqliteStorage(tmp_path / "db").close()
    with closing(sqlite3.connect(tmp_path / "db")) as db:
        db.execute("UPDATE taskkit_numbers SET value = ? WHERE name = 'schema'", [value])
        db.commit()
    with pytest.raises(Refused, match="its version cannot be read"):
        SqliteStorage(tmp_path / "db")


@pytest.mark.parametrize(
    ("user", "place", "why"),
    [
        ("nobody-known", "", "it knows no such user"),
        ("", "no-such-place", "it has no such database"),
        ("", "?port=1", "nobody listens there"),
        ("", "?host=nowhere.invalid", "there is no such host"),
    ],
)
def test_a_database_that_lets_nobody_in_says_why_and_shows_no_url(database: str, user: str, place: str, why: str) -> None:
    told: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(database)
    told |= {"user": user} if user else {}
    told |= {"dbname": place} if place and not place.startswith("?") else {}
    told |= dict([place[1:].split("=")]) if place.startswith("?") else {}
    with pytest.raises(StorageAway, match=rf"the database did not take us \({why}\)") as caught:
        PostgresStorage(psycopg.conninfo.make_conninfo(**told))
    assert not any(word in str(caught.value) for word in ("nobody-known", "no-such-place", "nowhere"))
