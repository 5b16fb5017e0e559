"""The SQLite store keeps the contract of stores, and carries the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from taskkit.storage import Storage
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._tables import FACTS
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows


class TestSqliteStorage(StorageContract):
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> Iterator[None]:
        self.folder, self.numbers = tmp_path, count()
        with ExitStack() as self.open:
            yield

    def store(self) -> SqliteStorage:
        return self.open.enter_context(SqliteStorage(self.folder / f"{next(self.numbers)}.db", relaxed=True))

    def second_handle(self, store: Storage) -> SqliteStorage:
        assert isinstance(store, SqliteStorage)
        return self.open.enter_context(store.join())

    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
        assert isinstance(store, SqliteStorage)
        store._do(partial(rewritten, chain=chain, edit=edit))


def rewritten(line: Line, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
    """What somebody does who has the database."""
    rows = edit(line.rows("SELECT position, told, hash FROM taskkit_facts WHERE chain = ? ORDER BY position", chain))
    line.run("DELETE FROM taskkit_facts WHERE chain = ?", chain)
    if rows is None:
        line.run("DELETE FROM taskkit_chains WHERE chain = ?", chain)
    line.add(FACTS, [(chain, position, 0, "", None, None, told, hash) for position, told, hash in rows or ()])
