"""SQLite notes for each process which locks it has on a file; a child takes over what its parent noted, and not the locks (J2)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork there")

_BEGIN = """
import os, sys
from taskkit.errors import Refused
from taskkit.storage import Insert
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import job, lands

path = sys.argv[1]
store = SqliteStorage(path)
lands(store, Insert(job("a")))
"""
_OPEN = """
child = os.fork()
if child == 0:
    for name in (path, os.path.relpath(path)):
        try:
            SqliteStorage(name)
        except Refused as error:
            print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
store.close()
"""
_CLOSED = """
store.close()
child = os.fork()
if child == 0:
    with SqliteStorage(path) as own:
        lands(own, Insert(job("b")))
    os._exit(0)
os.waitpid(child, 0)
with SqliteStorage(path) as store:
    print(store.job("a").id, store.job("b").id)
"""


def said(program: str, path: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_who_was_forked_while_a_store_was_open_is_not_let_in_without_locks(tmp_path: Path) -> None:
    """It would read what others write just then, and write to a log that they have removed."""
    lines = said(_BEGIN + _OPEN, tmp_path / "db")
    assert len(lines) == 2
    assert all("forked while its parent had it open" in line and "spawn" in line for line in lines)


def test_who_was_forked_after_the_store_was_closed_opens_it_as_any_process(tmp_path: Path) -> None:
    assert said(_BEGIN + _CLOSED, tmp_path / "db") == ["a b"]
