"""Stores that many of these tests have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sqlite import SqliteStorage


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqliteStorage | PostgresStorage]:
    """One in a file, and one in a database of its own."""
    if request.param == "sqlite":
        opened: SqliteStorage | PostgresStorage = SqliteStorage(request.getfixturevalue("tmp_path") / "db", relaxed=True)
    else:
        opened = PostgresStorage(request.getfixturevalue("database"), schema="store", relaxed=True, keeps_time=False)
    with opened:
        yield opened
