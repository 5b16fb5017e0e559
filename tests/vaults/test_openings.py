"""A vault is opened by several at once, touched by nobody who lacks its keys, and is after a restore what it was before (S6)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from taskkit.errors import BadSeal, InvalidValue, MissingKey, Refused, VaultAway
from taskkit.events.happenings import CheckedIn, Happening
from taskkit.keyrings import Keyring
from taskkit.sqlite_vault import SqliteVault, _files
from tests.vaults.test_slots import _NUMBERED
from tests.vaults.test_sqlite_vault import AT, KEYS, current, sql


def test_who_opens_a_file_that_somebody_else_is_just_making_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one makes it between two looks at its head."""
    real, looks, others = _files.File._connection, list[Any](), list[threading.Thread]()
    trouble = list[BaseException]()

    def other() -> None:
        try:
            SqliteVault(tmp_path / "vault.db", KEYS).close()
        except BaseException as error:
            trouble.append(error)

    class Look:
        def __init__(self, db: Any) -> None:
            self._db = db

        def execute(self, sql: str, *values: Any) -> Any:
            found = self._db.execute(sql, *values)
            if sql == "PRAGMA application_id":
                found = found.fetchall()
                monkeypatch.setattr(_files.File, "_connection", real)
                others.append(threading.Thread(target=other))
                others[0].start()
                others[0].join(1)
                return Answered(found)
            return found

    class Answered:
        def __init__(self, rows: list[Any]) -> None:
            self._rows = rows

        def fetchone(self) -> Any:
            return self._rows[0]

    def looking(self: Any) -> Any:
        looks.append(self)
        return Look(real(self))

    monkeypatch.setattr(_files.File, "_connection", looking)
    SqliteVault(tmp_path / "vault.db", KEYS).close()
    others[0].join()
    assert trouble == []


@pytest.mark.parametrize(
    ("keyring", "error"),
    [(Keyring({"two": bytes(range(1, 33))}, "two"), MissingKey), (Keyring({"one": bytes(range(1, 33))}, "one"), BadSeal)],
    ids=["missing", "wrong"],
)
def test_s06_a_file_of_an_older_release_is_not_touched_without_its_keys(keyring: Keyring, error: type[Exception], tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        vault.change_secret("root", "password", "first-horse", at=AT)
    sql(tmp_path / "vault.db", *_NUMBERED)
    before = (tmp_path / "vault.db").read_bytes()
    with pytest.raises(error):
        SqliteVault(tmp_path / "vault.db", keyring)
    assert sql(tmp_path / "vault.db", "PRAGMA user_version") == [(4,)]
    assert (tmp_path / "vault.db").read_bytes() == before
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        assert current(vault) == {"password": "first-horse"}


def test_a_vault_that_came_back_from_a_backup_is_written_to_while_others_read(tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        vault.change_secret("root", "password", "first-horse", at=AT)
        vault.back_up(tmp_path / "copy.db")
    with SqliteVault(tmp_path / "copy.db", KEYS, timeout=0.2) as restored, closing(sqlite3.connect(tmp_path / "copy.db")) as reader:
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()  # as a backup does for as long as it takes
        restored.change_secret("root", "password", "second-horse", at=AT)
        assert current(restored) == {"password": "second-horse"}


def test_a_deed_of_several_parts_on_a_full_disk_is_all_or_nothing(tmp_path: Path) -> None:
    """SQLite undoes all of a transaction where the disk is full in its midst, and not the one statement."""
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        vault._file.rows("PRAGMA max_page_count = 600")
        vault._file.rows("PRAGMA cache_size = 10")

        def deed() -> None:
            with vault.together():
                vault.change_secret("root", "password", "of the deed", at=AT)
                with suppress(VaultAway):
                    for number in range(100):
                        vault.change_secret(f"large-{number}", "password", b"x" * 100_000, at=AT)
                vault.change_secret("lone", "password", "after it", at=AT)

        with pytest.raises(VaultAway):
            deed()
        kept = [current(vault, account) for account in ("root", "lone", "large-0")]
        assert kept == [{}, {}, {}], "a part of the deed is kept, and another one is not"
        vault._file.rows("PRAGMA max_page_count = 60000")
        vault.change_secret("root", "password", "again", at=AT)
        assert current(vault) == {"password": "again"}


@pytest.mark.parametrize(
    "deed",
    [
        lambda vault: vault.change_secret("half \ud800", "password", "horse", at=AT),
        lambda vault: vault.change_secret("root", "half \ud800", "horse", at=AT),
        lambda vault: vault.login("root", "half \ud800"),
    ],
    ids=["account", "field", "login"],
)
def test_half_a_character_in_a_name_is_told_as_that(deed: Callable[[SqliteVault], object], tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault, pytest.raises(InvalidValue, match="half a character"):
        deed(vault)


def test_what_is_written_as_a_keyring_can_be_read(tmp_path: Path) -> None:
    keyring = KEYS
    keyring = Keyring({f"key-of-a-day-{number}": number.to_bytes(32, "big") for number in range(1, 1200)}, "key-of-a-day-1")
    KEYS.write_file(tmp_path / "keys")
    try:
        keyring.write_file(tmp_path / "keys", replace=True)
    except Refused:
        keyring = KEYS  # it says so, and what was there stays
    assert Keyring.from_file(tmp_path / "keys").ids == keyring.ids


@frozen
class _Moved(CheckedIn):
    """Of the kind that it has inherited."""


class _Nameless(Happening):
    pass


@pytest.mark.parametrize(("made", "case"), [(int, "no class of"), ("moved", "no class of"), (_Nameless, "no kind"), (_Moved, "CheckedIn")])
def test_a_happening_that_is_none_makes_no_file(tmp_path: Path, made: Any, case: str) -> None:
    with pytest.raises(InvalidValue, match=case):
        SqliteVault(tmp_path / "vault.db", KEYS, happenings=[made])
    assert list(tmp_path.iterdir()) == []
