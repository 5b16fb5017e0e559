"""A store whose name is relative stays where it was opened, wherever the process goes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from taskkit.errors import InvalidValue, StorageAway
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


def test_j14_what_is_written_is_forced_to_the_disk_where_a_link_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite keeps its log beside the file, and not beside the link."""
    forced = list[int]()
    monkeypatch.setattr(_disks, "_force", lambda file: forced.append(os.fstat(file).st_ino))
    (tmp_path / "disk").mkdir()
    (tmp_path / "store.db").symlink_to(tmp_path / "disk" / "vault.db")
    with SqliteStorage(tmp_path / "store.db") as store:
        lands(store, Insert(job("a")))
        assert set(forced) == {(tmp_path / "disk" / "vault.db-wal").stat().st_ino}


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


def test_s01_a_new_store_behind_a_link_is_for_its_account_alone(tmp_path: Path) -> None:
    """As where the store lies on another disk: SQLite follows the link, and makes the file where it leads."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "store.db").symlink_to(tmp_path / "disk" / "vault.db")
    before = os.umask(0)
    try:
        with SqliteStorage(tmp_path / "store.db") as storage:
            lands(storage, Insert(job("a")))
            modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in (tmp_path / "disk").iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["vault.db", "vault.db-shm", "vault.db-wal"], 0o600)


@pytest.mark.parametrize("url", ["sqlite:///nowhere/a%00b", "sqlite:///nowhere/\ud800"])
def test_a_name_that_no_file_can_have_is_told_as_that(url: str) -> None:
    with pytest.raises(InvalidValue, match="no file can have this name"):
        SqliteStorage.at(url)


def test_what_cannot_be_opened_is_told_with_all_rights_that_it_takes(tmp_path: Path) -> None:
    """SQLite says of a folder and of a file that is closed to this account: unable to open."""
    with pytest.raises(StorageAway, match="write in it, and to read and write the file"):
        SqliteStorage(tmp_path)
