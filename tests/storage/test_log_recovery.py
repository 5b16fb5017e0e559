"""Another process brings the log's index in order, after one was killed while it wrote it: who writes waits for that, and then writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from taskkit.storage import Insert
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import job, lands

#: As SQLite locks it for that (walIndexRecover): the byte of who writes, and that of who recovers.
_RECOVERS = """
import fcntl, os, sys, time
shm = os.open(sys.argv[1] + "-shm", os.O_RDWR)
fcntl.lockf(shm, fcntl.LOCK_EX, 3, 120)
os.pwrite(shm, b"\\0" * 8, 0)  # one of the two copies of its head was written, as by who was killed between them
print("recovers", flush=True)
time.sleep(1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it takes the locks that SQLite has there")
def test_who_writes_while_another_recovers_the_log_waits_for_it(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "db") as store:
        lands(store, Insert(job("a")))
        with subprocess.Popen([sys.executable, "-c", _RECOVERS, str(store.path)], stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "recovers\n"
            lands(store, Insert(job("b")))
        assert store.job("b") is not None
