"""Happenings that a product leaves in a transaction of Django's, with Django's own connection or the raw one below it (P9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Engine
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.storage import Query
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Task
from tests.engine.houses import UNIX, House, hosts

pytest.importorskip("django", reason="django is not here: `make test` installs it")

Connection = Any
Shape = Callable[[Connection], Connection]
SHAPES: dict[str, Shape] = {"Django's own": lambda connection: connection, "the raw one": lambda connection: connection.connection}


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Connection]]:
    """Django over a database, as a project with these settings has it."""
    import django
    from django.conf import settings
    from django.db.utils import ConnectionHandler

    if not settings.configured:
        settings.configure(USE_TZ=True, LOGGING_CONFIG=None)  # what other tests log is theirs
        django.setup()
    made: list[ConnectionHandler] = []

    def connect(**database: Any) -> Connection:
        made.append(ConnectionHandler({"default": database}))
        monkeypatch.setattr("django.db.transaction.connections", made[-1])
        return made[-1]["default"]

    yield connect
    for handler in made:
        handler.close_all()


class Rollback(Exception):
    pass


def tells(engine: Engine, connection: Connection, shape: Shape) -> None:
    """One that is committed, one that is rolled back, one that is rolled back to a savepoint in what is committed."""
    from django.db.transaction import atomic

    with atomic():
        engine.emit(CheckedIn("h01"), CheckedIn("h02"), connection=shape(connection))
        engine.tick() if connection.vendor == "postgresql" else None  # SQLite has one turn to write, which is ours just now
        assert records(engine) == []
        with suppress(Rollback), atomic():
            engine.emit(CheckedIn("h03"), connection=shape(connection))
            raise Rollback
    with suppress(Rollback), atomic():
        engine.emit(CheckedIn("h04"), connection=shape(connection))
        raise Rollback
    engine.tick()


def furnished(house: House, storage: Any) -> Engine:
    engine = house.enter(storage=storage)
    house.furnish(engine)
    engine.put(Task("work it", "work", [AfterCheckIn()]), list=UNIX)
    return engine


def records(engine: Engine) -> list[str]:
    return sorted(str(job.record) for job in engine.storage.jobs(Query()).jobs)


def test_p09_what_a_transaction_of_django_commits_is_taken_in_and_nothing_else(
    tmp_path: Path, connected: Callable[..., Connection], shape: Shape
) -> None:
    with SqliteStorage(tmp_path / "product.db") as storage:
        engine = furnished(House(*hosts(4)), storage)
        tells(engine, connected(ENGINE="django.db.backends.sqlite3", NAME=str(tmp_path / "product.db")), shape)
        assert records(engine) == ["h01", "h02"]


@pytest.mark.parametrize("options", [{}, {"server_side_binding": True}], ids=["bound by the client", "bound by the server"])
def test_p09_the_same_in_postgresql(database: str, connected: Callable[..., Connection], shape: Shape, options: dict[str, Any]) -> None:
    from psycopg.conninfo import conninfo_to_dict

    from taskkit.storage.postgresql import PostgresStorage

    where = conninfo_to_dict(database)
    place = {"NAME": where["dbname"], "USER": where["user"], "HOST": where["host"], "PORT": where["port"], "OPTIONS": options}
    with PostgresStorage(database, schema="jobs", keeps_time=False) as storage:
        engine = furnished(House(*hosts(4)), storage)
        tells(engine, connected(ENGINE="django.db.backends.postgresql", **place), shape)
        assert records(engine) == ["h01", "h02"]
