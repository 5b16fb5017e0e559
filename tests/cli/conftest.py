"""A store that many of these tests have."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskkit.storage.sqlite import SqliteStorage
from tests.storage import schemas


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """After two nights, in a file."""
    with SqliteStorage(tmp_path / "vault.db") as storage:
        schemas.tell(storage)
    return tmp_path / "vault.db"
