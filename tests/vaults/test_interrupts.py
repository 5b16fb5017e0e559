"""An interrupt may come at any line of a deed: it leaves the vault to the next one, which is kept (S3)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from taskkit.errors import VaultAway
from taskkit.sqlite_vault import SqliteVault
from tests.interrupts import each_moment
from tests.vaults.test_sqlite_vault import AT, KEYS, LONE, ROOT, current


def two(vault: SqliteVault) -> None:
    with vault.together():
        vault.put(ROOT)
        vault.put(LONE)


DEEDS: dict[str, Callable[[SqliteVault], object]] = {
    "two": two,
    "one statement": lambda vault: vault.hide("root", "ann"),
    "secret": lambda vault: vault.change_secret("root", "password", "horse", at=AT),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_s03_wherever_a_deed_is_interrupted_the_next_is_kept_and_nobody_waits_for_it(
    deed: Callable[[SqliteVault], object], tmp_path: Path
) -> None:
    vaults: list[SqliteVault] = []

    def begin(at: int) -> Callable[[], object]:
        for vault in vaults:
            vault.close()
        vaults[:] = (SqliteVault(tmp_path / f"{at}.db", KEYS, timeout=seconds) for seconds in (10, 0.05))
        return partial(deed, vaults[0])

    for where in each_moment(begin, "_files.py", "contextlib.py"):
        vault, other = vaults
        other.change_secret("a", "password", "of another process", at=AT)
        vault.change_secret("b", "password", "next", at=AT)
        assert current(other, "b") == {"password": "next"}, where
        assert len(list(other.records.all())) in (0, 2), where
        thread = threading.Thread(target=partial(vault.hide, "root", "bea"), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), where


def closed_between(vault: SqliteVault) -> None:
    with vault.together():
        vault.put(ROOT)
        vault.close()
        vault.put(LONE)


def test_what_is_closed_in_the_midst_of_a_deed_is_undone_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(VaultAway, match="it was closed"):
        closed_between(SqliteVault(tmp_path / "vault.db", KEYS))
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        assert list(vault.records.all()) == []
