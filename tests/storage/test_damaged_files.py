"""A file that is damaged is told as what it is: the store is away, and nobody's job has failed for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import StorageAway
from taskkit.facts import START
from taskkit.storage import Insert, Query
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import claim, job, told

_PAGE = 4096
_ROOTS = "SELECT rootpage FROM sqlite_master WHERE name LIKE '%jobs%' OR name LIKE '%facts%'"


@pytest.mark.parametrize(
    "does",
    [
        lambda store: store.write([(Insert(job("new")), told())]),
        lambda store: store.jobs(Query()),
        lambda store: store.check(),
        lambda store: store.facts(START),
        claim,
    ],
    ids=["write", "jobs", "check", "facts", "claim"],
)
def test_j14_a_damaged_file_is_a_store_that_is_away(tmp_path: Path, does: Callable[[SqliteStorage], Any]) -> None:
    path = tmp_path / "db"
    with SqliteStorage(path) as store:
        store.write([(Insert(job(f"j{number}")), told()) for number in range(300)])
        roots = store._ask(lambda line: line.rows(_ROOTS))
    with path.open("r+b") as file:
        for (root,) in roots:
            file.seek((root - 1) * _PAGE)
            file.write(os.urandom(_PAGE))
    with SqliteStorage(path) as store, pytest.raises(StorageAway, match="malformed"):
        does(store)
