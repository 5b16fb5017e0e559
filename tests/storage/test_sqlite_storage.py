"""The SQLite store keeps the contract of stores, and carries the engine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from taskkit.storage import Storage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows


class TestSqliteStorage(StorageContract):
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder, self.numbers = tmp_path, count()

    def store(self) -> SqliteStorage:
        return SqliteStorage(self.folder / f"{next(self.numbers)}.db")

    def second_handle(self, store: Storage) -> SqliteStorage:
        assert isinstance(store, SqliteStorage)
        return store.join()

    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
        assert isinstance(store, SqliteStorage)
        with store._writing() as line:
            rows = edit(line.rows("SELECT position, told, hash FROM taskkit_facts WHERE chain = ? ORDER BY position", chain))
            line.run("DELETE FROM taskkit_facts WHERE chain = ?", chain)
            if rows is None:
                line.run("DELETE FROM taskkit_chains WHERE chain = ?", chain)
            for position, told, hash in rows or ():
                line.run("INSERT INTO taskkit_facts VALUES (?, ?, 0, '', NULL, ?, ?)", chain, position, told, hash)
