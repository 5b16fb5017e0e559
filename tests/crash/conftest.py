"""Empty stores of both kinds, of which each test of crashes has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

Places = Callable[[], AbstractContextManager[str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where nothing is kept yet, by its URL, as often as asked for."""
    if request.param == "sqlite":
        return partial(_file, tmp_path_factory)
    place: Places = request.getfixturevalue("postgres").database
    return place


@contextmanager
def _file(folders: pytest.TempPathFactory) -> Iterator[str]:
    yield f"sqlite:{folders.mktemp('store') / 'store.db'}"


@pytest.fixture
def url(places: Places) -> Iterator[str]:
    with places() as url:
        yield url


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'store.db'}"
