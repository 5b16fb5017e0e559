"""The PostgreSQL store keeps the contract of stores, on a real server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import psycopg
import pytest

from taskkit.storage import Storage
from taskkit.storage.postgresql import PostgresStorage
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows
from tests.storage.test_sqlite_storage import rewritten


class TestPostgresStorage(StorageContract):
    @pytest.fixture(autouse=True)
    def _in_a_database(self, database: str) -> Iterator[None]:
        self.url, self.numbers, self.open = database, count(), deque[PostgresStorage]()
        with psycopg.connect(database, autocommit=True) as db:  # nothing here pulls the plug, so no write waits for the disk
            db.execute(f"ALTER DATABASE {db.info.dbname} SET synchronous_commit = off")
        yield
        self._close(0)

    def _close(self, most: int) -> None:
        """All but the newest: a walk makes more stores than a server has connections."""
        while len(self.open) > most:
            self.open.popleft().close()

    def _opened(self, store: PostgresStorage) -> PostgresStorage:
        self.open.append(store)
        self._close(16)
        return store

    def store(self) -> PostgresStorage:
        return self._opened(PostgresStorage(self.url, schema=f"store{next(self.numbers)}", relaxed=True, keeps_time=False))

    def second_handle(self, store: Storage) -> PostgresStorage:
        assert isinstance(store, PostgresStorage)
        return self._opened(store.join())

    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
        assert isinstance(store, PostgresStorage)
        store._do(partial(rewritten, chain=chain, edit=edit))
