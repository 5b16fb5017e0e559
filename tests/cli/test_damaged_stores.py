"""Files that a disk has damaged, rows that somebody has changed, and stores that this account may not reach."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from taskkit import Engine
from taskkit.cli import main
from taskkit.errors import StorageAway
from taskkit.testing import MemoryVault
from tests.cli.test_hidden_facts import change

Capsys = pytest.CaptureFixture[str]
_EMPTY_LEAF = bytes([0x0A, 0, 0, 0, 0, 0x10, 0, 0])


def overwrite(store: Path, name: str, with_what: bytes) -> None:
    """The first page of a table or an index."""
    with closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        [(page,)] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name]).fetchall()
        [(size,)] = db.execute("PRAGMA page_size").fetchall()
    with store.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(with_what)


def test_an_index_that_lacks_rows_is_a_fault(store: Path, capsys: Capsys) -> None:
    """By it due jobs are found: they would never run."""
    overwrite(store, "taskkit_jobs_due", _EMPTY_LEAF)
    assert main(["check", f"sqlite:{store}"]) == 1
    assert "missing from index taskkit_jobs_due; it is damaged: restore a backup" in capsys.readouterr().out


def test_where_the_file_is_damaged_nobody_is_told_to_remove_rows(store: Path, capsys: Capsys) -> None:
    overwrite(store, "sqlite_autoindex_taskkit_jobs_1", _EMPTY_LEAF)
    assert main(["check", f"sqlite:{store}"]) == 1
    assert "remove the row" not in capsys.readouterr().out


@pytest.mark.parametrize("words", ["jobs", "next", "check"])
def test_a_damaged_page_is_told_in_words(store: Path, words: str, capsys: Capsys) -> None:
    overwrite(store, "taskkit_jobs", os.urandom(4096))
    assert main([words, f"sqlite:{store}"]) == 1
    told = capsys.readouterr()
    assert "restore a backup" in told.out + told.err


def test_an_engine_takes_a_damaged_page_for_a_store_that_is_away(store: Path) -> None:
    plain = store.with_name("plain.db")
    Engine(MemoryVault(), f"sqlite:{plain}").close()
    overwrite(plain, "taskkit_jobs", os.urandom(4096))
    engine = Engine(MemoryVault(), f"sqlite:{plain}")
    try:
        with pytest.raises(StorageAway, match="restore a backup"):
            engine.history()
    finally:
        engine.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("taskkit")]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE taskkit_jobs SET rest = '[1]' WHERE number = 1",
        "UPDATE taskkit_jobs SET due = NULL WHERE number = 1",
        "UPDATE taskkit_jobs SET due = 'soon' WHERE number = 1",
        "UPDATE taskkit_jobs SET phase = 2, lease = -9000000000000000000 WHERE number = 1",
        "INSERT INTO taskkit_documents VALUES ('task', 'x', 1, '{bad', '')",
        "INSERT INTO taskkit_documents VALUES ('intent', 'root@db-1', 1, '{bad', '')",
        "INSERT INTO taskkit_documents VALUES ('intent', 'root@db-1', 1, '[]', '')",
    ],
)
def test_each_row_that_cannot_be_read_is_a_fault_and_no_more(store: Path, sql: str, capsys: Capsys) -> None:
    main(["check", f"sqlite:{store}"])
    before = set(capsys.readouterr().out.splitlines()[:-1])
    change(store, sql)
    assert main(["check", f"sqlite:{store}"]) == 1
    assert set(capsys.readouterr().out.splitlines()[:-1]) - before


def test_what_could_not_be_read_is_not_shown(store: Path, capsys: Capsys) -> None:
    change(store, "UPDATE taskkit_jobs SET rest = CAST(x'67656865696d20ff' AS TEXT)")
    assert main(["jobs", f"sqlite:{store}"]) == 1
    told = capsys.readouterr().err
    assert "geheim" not in told
    assert "UTF-8" in told


def test_a_folder_that_this_account_may_not_enter(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    def refuses(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuses)  # root, as whom tests may run, may enter all
    assert main(["jobs", f"sqlite:{store}"]) == 1
    assert "Permission denied; this account must be allowed to look into its folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", [".", "", "/"])
def test_a_backup_that_names_no_file(store: Path, name: str, capsys: Capsys) -> None:
    assert main(["store", "backup", f"sqlite:{store}", name]) == 1
    assert "that is a folder; name the file" in capsys.readouterr().err
