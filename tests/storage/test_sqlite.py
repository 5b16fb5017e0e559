"""The contract of stores is one of databases: a plain one keeps it, too, and carries the engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from taskkit.engine import Engine
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.records import Record, RecordType
from taskkit.states import State
from taskkit.storage import Insert, Query, Storage
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault, VirtualClock
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows
from taskkit.testing.contracts.storage._makings import job, kept, lands
from tests.storage.sqlite_store import SqliteStorage
from tests.testing import races

ROOT = Path(__file__).parent.parent.parent
#: Nothing here pulls the plug, so no write waits for the disk.
DISK = "OFF"


class TestSqliteStorage(StorageContract):
    closed: ClassVar = {"C17": "it takes no keys: whoever has the file could write its chains anew"}

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder, self.numbers = tmp_path, count()

    def store(self) -> SqliteStorage:
        return SqliteStorage(self.folder / f"{next(self.numbers)}.db", disk=DISK)

    def second_handle(self, store: Storage) -> SqliteStorage:
        assert isinstance(store, SqliteStorage)
        return store.join()

    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
        assert isinstance(store, SqliteStorage)
        rows = edit(list(store._db.execute("SELECT position, text, hash FROM facts WHERE chain = ? ORDER BY position", (chain,))))
        store._db.execute("DELETE FROM facts WHERE chain = ?", (chain,))
        if rows is None:
            store._db.execute("DELETE FROM chains WHERE name = ?", (chain,))
        else:
            store._db.executemany("INSERT INTO facts VALUES (?, ?, ?, ?)", [(chain, *row) for row in rows])


# the rest of C1 and C3: what is kept outlives its process, and nothing else does

_DIES = """
import os, sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from taskkit.storage import Insert, Keep
from taskkit.testing.contracts.storage._makings import job, told
from tests.storage.sqlite_store import SqliteStorage

class Deadly(Mapping):
    def __len__(self): return 1
    def __iter__(self): os._exit(9)
    def __getitem__(self, key): return 1

store = SqliteStorage(Path(sys.argv[1]))
assert store.write([(Insert(job("landed")), Keep("colour", "sky", 0, {"is": "blue"}), told())])[0]
store.claim(10**18, worker="w", node="n", pools=["local"], limit=1, lease=10**18)
store.put_blob([b"ab"], job="landed")
store.write([(Insert(job("never")), told()), (Keep("colour", "sky", 1, None), Keep("colour", "moon", 0, Deadly()))])
"""


def test_c03_what_landed_outlives_its_process_and_what_did_not_is_not_there(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", _DIES, str(tmp_path / "db")], cwd=ROOT, check=False)
    assert died.returncode == 9
    store = SqliteStorage(tmp_path / "db", disk=DISK)
    sky = store.document("colour", "sky")
    assert (store.job("never"), store.document("colour", "moon")) == (None, None)
    assert (sky is not None and sky.body, kept(store, "landed").state) == ({"is": "blue"}, State.QUEUED)
    assert [fact.kind for fact in store.facts({})[0]] == ["ChainBegan", "Painted"]
    assert not store.check()
    lands(store, Insert(job("never")))


# the engine on it


def test_the_engine_works_on_it_from_two_processes(tmp_path: Path) -> None:
    clock, vault = VirtualClock(races.START), MemoryVault([Record(f"r{number}", "unix") for number in range(3)])
    store = SqliteStorage(tmp_path / "db", disk=DISK)
    one, other = (
        Engine(vault, handle, clock=clock, plugins=races.PLUGINS, node=name) for name, handle in (("a", store), ("b", store.join()))
    )
    one.define(RecordType("unix"))
    one.define(races.Touch("touch"))
    one.put(Task("nightly", "touch", [Daily(at="02:30"), AfterCheckIn()]), list=of_type("unix"))
    clock.advance(minutes=2)
    other.emit(CheckedIn("r1"))
    other.drain()
    one.drain()
    done = one.history(states=State.COMPLETED).entries
    assert {entry.record for entry in done} == {"r0", "r1", "r2"}
    clock.advance(days=1)
    one.drain()
    assert store.count(Query(states=State.COMPLETED)) == len(done) + 3
    assert not store.check()


@pytest.mark.parametrize("number", range(40))
def test_no_race_on_it_breaks_a_law(number: int, tmp_path: Path) -> None:
    races.checked(races.seed(number), lambda: SqliteStorage(tmp_path / "db", disk=DISK))
    with closing(SqliteStorage(tmp_path / "db", disk=DISK)) as store:
        assert store.count(Query()) >= 2
