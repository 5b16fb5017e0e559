"""A server that has come back as one that only follows another takes no writes: for who writes, the store is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskkit.errors import StorageAway
from taskkit.storage import Insert
from taskkit.storage.postgresql import PostgresStorage
from taskkit.testing.contracts.storage._makings import claim, job, kept, lands, told
from tests.servers.postgresql import Postgres


@pytest.fixture
def store(database: str) -> Iterator[PostgresStorage]:
    with PostgresStorage(database, schema="store", keeps_time=False) as opened:
        yield opened


@pytest.fixture
def follows(postgres: Postgres, store: PostgresStorage) -> Iterator[Postgres]:
    lands(store, Insert(job("a")), told())
    sign = postgres._data / "standby.signal"
    postgres.stop("fast")
    sign.touch()
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop("fast")
        sign.unlink(missing_ok=True)
        postgres.start()


def test_j14_a_server_that_only_follows_is_a_store_that_is_away_until_it_leads(store: PostgresStorage, follows: Postgres) -> None:
    for _ in range(2):
        with pytest.raises(StorageAway, match="connects anew"):
            store.write([(told(),)])
        with pytest.raises(StorageAway, match="connects anew"):
            claim(store)
    assert kept(store, "a")
    follows.stop("fast")
    (follows._data / "standby.signal").unlink()
    follows.start()
    lands(store, told())
    assert claim(store)
