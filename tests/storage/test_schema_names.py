"""A schema may have a name as long as PostgreSQL takes it."""

from __future__ import annotations

import pytest

from taskkit.storage import Insert
from taskkit.storage.postgresql import PostgresStorage
from taskkit.testing.contracts.storage._makings import job, lands


@pytest.mark.parametrize("length", [55, 56, 63])
def test_what_is_due_lands_in_a_schema_with_a_long_name(database: str, length: int) -> None:
    with PostgresStorage(database, schema="s" * length, keeps_time=False) as store:
        lands(store, Insert(job("a", due=1)))
        assert store.job("a") is not None
