"""What a child of a fork was answered is kept, whatever its parent does with its own vault (S3)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from taskkit.sqlite_vault import SqliteVault
from tests.vaults.test_sqlite_vault import KEYS, current

CLOSES = """
import os, sys
import pendulum
from taskkit import Keyring, SqliteVault
AT = pendulum.datetime(2026, 3, 2, tz="UTC")
vault = SqliteVault(sys.argv[1], Keyring.from_file(sys.argv[2]), timeout=2)
vault.change_secret("root", "password", "of the parent", at=AT)
here, there = os.pipe(), os.pipe()
child = os.fork()
if not child:
    vault.change_secret("root", "password", "first of the child", at=AT)
    os.write(there[1], b"x")
    os.read(here[0], 1)
    vault.change_secret("root", "password", "second of the child", at=AT)
    vault.close()
    os._exit(0)
os.read(there[0], 1)
vault.close()
os.write(here[1], b"x")
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
"""

WRITES = """
import os, sys, threading
import pendulum
from taskkit import Keyring, SqliteVault
AT = pendulum.datetime(2026, 3, 2, tz="UTC")
vault = SqliteVault(sys.argv[1], Keyring.from_file(sys.argv[2]), timeout=5)
held = threading.Event()
def hold():
    with vault.together():
        vault.change_secret("root", "password", "of the parent", at=AT)
        held.set()
        threading.Event().wait(0.5)
thread = threading.Thread(target=hold)
thread.start()
held.wait(30)
there = os.pipe()
child = os.fork()
if not child:
    os.read(there[0], 1)  # the deed of the parent is over
    vault.change_secret("root", "password", "of the child", at=AT)
    os._exit(0)
thread.join()
os.write(there[1], b"x")
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
"""


@pytest.mark.parametrize(("program", "left"), [(CLOSES, "second of the child"), (WRITES, "of the child")], ids=["closes", "writes"])
def test_s03_what_a_child_was_answered_is_kept_whatever_its_parent_does(program: str, left: str, tmp_path: Path) -> None:
    KEYS.write_file(tmp_path / "keys")
    command = [sys.executable, "-c", program, str(tmp_path / "vault.db"), str(tmp_path / "keys")]
    done = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        assert current(vault) == {"password": left}
