"""Engines on stores in databases: what holds on the memory store holds there (J2 to J5, R1, R4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taskkit.storage import Query, Storage
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts import EngineModel
from tests.testing import races
from tests.testing.test_models import SETTINGS


class Handles:
    """Opens handles on one store, and closes them at the end."""

    def __init__(self, make: Callable[[], SqlStorage]) -> None:
        self._make, self._open = make, ExitStack()

    def __call__(self) -> SqlStorage:
        return self._open.enter_context(self._make())

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Handles]:
    handles = Handles(lambda: SqliteStorage(tmp_path / "db", relaxed=True))
    yield handles
    handles.close()


@pytest.fixture
def postgresql(database: str) -> Iterator[Handles]:
    handles = Handles(lambda: PostgresStorage(database, relaxed=True, keeps_time=False))
    yield handles
    handles.close()


@pytest.mark.parametrize("number", range(40))
def test_no_race_on_sqlite_breaks_a_law(number: int, sqlite: Handles) -> None:
    played = races.checked(races.seed(number), sqlite)
    assert played.storage.count(Query()) >= 2


@pytest.mark.parametrize("number", range(40, 48))
def test_no_race_on_postgresql_breaks_a_law(number: int, postgresql: Handles) -> None:
    played = races.checked(races.seed(number), postgresql)
    assert played.storage.count(Query()) >= 2


class SqliteModel(EngineModel):
    def open(self) -> Callable[[], Storage]:
        self._folder = TemporaryDirectory()
        self._handles = Handles(lambda: SqliteStorage(Path(self._folder.name) / "db", relaxed=True))
        return self._handles

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._handles.close()
            self._folder.cleanup()


TestSqliteModel = SqliteModel.TestCase
TestSqliteModel.settings = SETTINGS
