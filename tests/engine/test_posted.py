"""Happenings that a product leaves in its own transaction, beside its own rows (P9)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import frozen

from taskkit.engine import Engine
from taskkit.engine._intake import Sifted
from taskkit.errors import InvalidValue, Refused
from taskkit.events._tellings import all_kinds, read
from taskkit.events.happenings import CheckedIn, Demanded, Happening
from taskkit.events.policies import AfterCheckIn
from taskkit.storage import Query
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Task
from tests.engine.houses import UNIX, House, hosts


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "product.db"


@pytest.fixture
def engine(file: Path) -> Iterator[Engine]:
    house = House(*hosts(2))
    with SqliteStorage(file, relaxed=True) as storage:
        engine = house.enter(storage=storage)
        house.furnish(engine)
        engine.put(Task("work it", "work", [AfterCheckIn()]), list=UNIX)
        yield engine


@pytest.fixture
def product(file: Path, engine: Engine) -> Iterator[sqlite3.Connection]:
    """The product's own connection to the same file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE tickets (record TEXT)")
        yield connection


def records(engine: Engine) -> list[str]:
    return sorted(str(job.record) for job in engine.storage.jobs(Query()).jobs)


def test_p09_what_lands_with_the_products_rows_is_taken_in(engine: Engine, product: sqlite3.Connection) -> None:
    with product:
        product.execute("INSERT INTO tickets VALUES ('h01')")
        assert engine.emit(CheckedIn("h01"), CheckedIn("h02"), connection=product) == []
        assert records(engine) == []
    assert engine.tick() >= 2
    assert records(engine) == ["h01", "h02"]
    assert engine.storage.posted(10) == []


def test_p09_what_is_rolled_back_has_not_happened(engine: Engine, product: sqlite3.Connection) -> None:
    product.execute("INSERT INTO tickets VALUES ('h01')")
    engine.emit(CheckedIn("h01"), connection=product)
    product.rollback()
    engine.tick()
    assert records(engine) == []


def test_p09_while_the_vault_is_away_what_came_before_is_done_with_and_the_rest_waits_in_order(
    engine: Engine, product: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with product:
        engine.emit(CheckedIn("h01"), Demanded("h01", task="none"), CheckedIn("h02"), CheckedIn("h01"), connection=product)
    known, asked = engine._ground.vault.records.get, list[str]()

    def away(id: str) -> Any:
        asked.append(id)
        if id == "h02":
            raise ConnectionError
        return known(id)

    with monkeypatch.context() as patched:
        patched.setattr(engine._ground.vault.records, "get", away)
        engine._staff.upkeep.fetch_posted()
    assert asked == ["h01", "h02"]  # who does not answer is not asked for the rest
    assert records(engine) == ["h01"]
    left = [read(0, text, all_kinds()) for _, text in engine.storage.posted(10)]
    assert [one.record for one in left if isinstance(one, Happening)] == ["h02", "h01"]
    engine._staff.upkeep.fetch_posted()
    assert records(engine) == ["h01", "h02"]
    assert engine.storage.posted(10) == []
    assert [fact.details["error"] for fact in engine.facts(kinds=["HappeningFailed"])] == ["NotFound"]


def test_p09_an_error_that_nobody_knows_is_raised_and_nothing_is_taken_away(
    engine: Engine, product: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with product:
        engine.emit(CheckedIn("h01"), CheckedIn("h02"), connection=product)

    def fail(*_: Any) -> Any:
        raise AttributeError("a mistake")

    with monkeypatch.context() as patched:
        patched.setattr(engine._ground.catalog, "tasks_in", fail)
        with pytest.raises(AttributeError, match="a mistake"):
            engine._staff.upkeep.fetch_posted()
    assert len(engine.storage.posted(10)) == 2
    engine.tick()
    assert records(engine) == ["h01", "h02"]


def test_p09_taken_in_by_one_that_dies_before_it_says_so_is_twice_and_so_once(
    engine: Engine, product: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with product:
        engine.emit(CheckedIn("h01"), connection=product)
    with monkeypatch.context() as patched:
        patched.setattr(engine.storage, "take_away", lambda ids: None)
        engine.tick()
    assert records(engine) == ["h01"]
    engine.tick()
    assert records(engine) == ["h01"]
    assert [fact.kind for fact in engine.facts(kinds=["HappeningFailed"])] == []


def test_p09_it_happened_when_it_was_told_and_not_when_it_was_taken_in(engine: Engine, product: sqlite3.Connection) -> None:
    told = engine._ground.now()
    with product:
        engine.emit(CheckedIn("h01"), connection=product)
    engine._ground.clock.advance(hours=2)  # type: ignore[attr-defined]
    engine.tick()
    (job,) = engine.storage.jobs(Query()).jobs
    assert [cause.at for cause in engine.storage.causes(job.id)] == [told]


def test_p09_a_happening_of_ones_own_comes_through(engine: Engine, product: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    @frozen
    class Rung(Happening):
        kind = "rung"
        times: int = 1

    with product:
        engine.emit(Rung("h01", times=3), connection=product)
    seen: list[object] = []

    def sift(happenings: Iterable[object], holds_up: object) -> Sifted:
        seen.extend(happenings)
        return Sifted(lambda error: False)

    monkeypatch.setattr(engine._staff.upkeep._intake, "sift", sift)
    engine.tick()
    assert [(type(one), getattr(one, "times", None)) for one in seen] == [(Rung, 3)]


def test_p09_a_field_that_no_document_holds_is_refused_before_it_comes_back_as_something_else(
    engine: Engine, product: sqlite3.Connection
) -> None:
    @frozen
    class Lent(Happening):
        kind = "lent"
        until: datetime | None = None

    with pytest.raises(InvalidValue, match="it holds what no document can"):
        engine.emit(Lent("h01", until=datetime(2026, 3, 2, tzinfo=UTC)), connection=product)
    assert engine.storage.posted(10) == []


@pytest.mark.parametrize("connection", ["product.db", 7, object(), sqlite3], ids=["a text", "a number", "an object", "a module"])
def test_p09_what_is_no_connection_says_so(engine: Engine, connection: Any) -> None:
    with pytest.raises(InvalidValue, match="is no connection that answers at once"):
        engine.emit(CheckedIn("h01"), connection=connection)


def test_p09_what_is_no_happening_is_refused_before_anything_is_left(engine: Engine, product: sqlite3.Connection) -> None:
    with pytest.raises(InvalidValue, match="its kind is not known here"), product:
        engine.emit(CheckedIn("h01"), "h02", connection=product)  # type: ignore[arg-type]
    assert engine.storage.posted(10) == []


def test_p09_a_store_that_is_in_no_database_says_so() -> None:
    house = House(*hosts(1))
    assert isinstance(house.storage, MemoryStorage)
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(Refused, match="a MemoryStorage is in no database of the product's"),
    ):
        house.engine.emit(CheckedIn("h01"), connection=connection)


@pytest.mark.filterwarnings("error")
def test_p09_an_asynchronous_connection_is_refused_and_nothing_lost_without_a_word(database: str) -> None:
    from taskkit.storage.postgresql import PostgresStorage

    async def tell(engine: Engine) -> None:
        async with await psycopg.AsyncConnection.connect(database) as product:
            with pytest.raises(InvalidValue, match="a AsyncConnection is no connection that answers at once"):
                engine.emit(CheckedIn("h01"), connection=product)

    with PostgresStorage(database, schema="jobs", keeps_time=False) as storage:
        asyncio.run(tell(House(*hosts(1)).enter(storage=storage)))


def test_p09_the_same_in_postgresql(database: str) -> None:
    from taskkit.storage.postgresql import PostgresStorage

    house = House(*hosts(2))
    with PostgresStorage(database, schema="jobs", keeps_time=False) as storage, psycopg.connect(database) as product:
        engine = house.enter(storage=storage)
        house.furnish(engine)
        engine.put(Task("work it", "work", [AfterCheckIn()]), list=UNIX)
        with product.transaction():
            engine.emit(CheckedIn("h01"), connection=product)
            engine.tick()
            assert records(engine) == []
        with product.transaction(force_rollback=True):
            engine.emit(CheckedIn("h02"), connection=product)
        engine.tick()
        assert records(engine) == ["h01"]
