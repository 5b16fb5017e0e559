"""A store whose name is relative stays where it was opened, wherever the process goes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from taskkit.storage import Insert, Keep
from taskkit.storage.sqlite import SqliteStorage, _disks
from taskkit.testing.contracts.storage._makings import job, lands


def test_a_store_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a service goes to `/` once it has begun: else what comes next would be in another file, which is made for it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with SqliteStorage("db") as store:
        monkeypatch.chdir(tmp_path / "there")
        lands(store, Insert(job("a")))
        with store.join() as other:
            assert other.job("a") == store.job("a")
    assert list((tmp_path / "there").iterdir()) == []


def test_j14_what_is_written_is_forced_to_the_disk_wherever_the_process_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = list[int]()
    monkeypatch.setattr(_disks, "_force", forced.append)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    SqliteStorage("db").close()
    before = len(forced)
    with SqliteStorage("db") as store:
        store.write([(Keep("colour", "sky", 0, {}),)], durable=False)
        monkeypatch.chdir(tmp_path / "there")
        lands(store, Insert(job("a")))
        assert len(forced) == before + 1


@pytest.mark.parametrize("mode", [None, 0o660])
def test_s01_a_new_store_is_for_its_account_alone_and_one_that_is_there_keeps_its_mode(tmp_path: Path, mode: int | None) -> None:
    path, before = tmp_path / "store.db", os.umask(0)
    try:
        if mode is not None:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, mode))
        with SqliteStorage(path) as storage:
            lands(storage, Insert(job("a")))
            modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["store.db", "store.db-shm", "store.db-wal"], mode or 0o600)
