"""The SQLite store keeps the contract of stores, and carries the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from taskkit.facts import decoded
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
    """What somebody does who has the database: all of it fits together afterwards, but for the hashes."""
    rows = edit(line.rows("SELECT position, told, hash FROM taskkit_facts WHERE chain = ? ORDER BY position", chain))
    line.run("DELETE FROM taskkit_facts WHERE chain = ?", chain)
    if rows is None:
        line.run("DELETE FROM taskkit_chains WHERE chain = ?", chain)
    line.add(FACTS, [(chain, position, *filed(told), told, hash) for position, told, hash in rows or ()])
    if rows is not None:
        [base] = line.rows("SELECT first, first_hash FROM taskkit_chains WHERE chain = ?", chain)
        position, hash = (rows[-1][0], rows[-1][2]) if rows else base
        line.run("UPDATE taskkit_chains SET position = ?, hash = ? WHERE chain = ?", position, hash, chain)


def filed(told: str) -> tuple[int, str, str | None, str | None]:
    try:
        fact = decoded(told, "", 0, "")
    except (ValueError, TypeError):
        return 0, "", None, None
    return fact.at, fact.kind, fact.record, fact.line
