"""A PostgreSQL store that is dumped while it is written to, dropped and restored: the steps of the documentation, as they stand there."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pendulum
import psycopg
import pytest

from taskkit.cli import main
from taskkit.engine import Engine
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.records import RecordType
from taskkit.states import State
from taskkit.storage import Query
from taskkit.storage.integrity import check_store
from taskkit.storage.postgresql import PostgresStorage
from taskkit.tasks import Task
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import UNIX, Offer, Play, does, hosts, scripted
from tests.servers.postgresql import Postgres


class Nights:
    """An engine on PostgreSQL that looks at each host in the night, and after each check-in."""

    def __init__(self, database: str) -> None:
        self.database, self.play = database, Play()
        self.clock = VirtualClock(pendulum.datetime(2026, 3, 2, tz="UTC"))
        self.vault, self._kind = MemoryVault(hosts(3)), scripted(self.play)
        self.tokens = list[int]()
        self.play.always = {name: does(lambda run: self.tokens.append(run.token)) for name in ("h01", "h02", "h03")}
        self.start()
        self.engine.define(RecordType("unix"))
        self.engine.define(self._kind("work"))
        self.task = self.engine.put(Task("nightly", "work", [Daily(at="02:00"), AfterCheckIn()]), list=UNIX)

    def start(self) -> None:
        self.storage = PostgresStorage(self.database, keeps_time=False)
        self.engine = Engine(self.vault, self.storage, clock=self.clock, plugins=[Offer((self._kind,))])

    def live(self, hours: float = 0) -> int:
        before = len(self.play.performed)
        self.clock.advance(hours=hours)
        self.engine.drain()
        return len(self.play.performed) - before


@pytest.fixture
def nights(database: str) -> Iterator[Nights]:
    made = Nights(database)
    yield made
    made.storage.close()


def run(postgres: Postgres, program: str, *arguments: str) -> None:
    subprocess.run([str(postgres.program.with_name(program)), *arguments], check=True, capture_output=True, timeout=120)


def test_t15_a_dump_under_load_is_of_one_moment_and_is_restored_as_documented(
    nights: Nights, postgres: Postgres, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nights.live(hours=3) == 3
    stop, busy, dump = threading.Event(), threading.Event(), str(tmp_path / "taskkit.dump")

    def load() -> None:
        while not stop.is_set():
            nights.vault.tell(CheckedIn("h01", at=nights.clock.moment), CheckedIn("h02", at=nights.clock.moment))
            nights.clock.advance(seconds=1)
            nights.engine.drain()
            busy.set()

    worker = threading.Thread(target=load)
    worker.start()
    busy.wait(60)
    try:
        run(postgres, "pg_dump", "--schema=taskkit", "--format=custom", f"--file={dump}", f"--dbname={database}")
    finally:
        stop.set()
        worker.join()
    assert nights.live(hours=24) == 3
    before = nights.tokens.copy()
    nights.storage.close()  # all processes are stopped

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute('DROP SCHEMA "taskkit" CASCADE')
    run(postgres, "pg_restore", "--single-transaction", f"--dbname={database}", dump)
    assert main(["store", "restored", database, "--by", "ada"]) == 0
    assert "the engine stands still" in capsys.readouterr().out

    nights.start()
    assert not [flaw for flaw in check_store(nights.storage) if flaw.kind != "lease"]
    assert nights.live() == 0
    assert main(["store", "resume", database, "--by", "ada"]) == 0
    assert nights.live(hours=1) >= 3
    ran = nights.storage.jobs(Query(states=State.COMPLETED), limit=100_000).jobs
    assert sorted(job.record or "" for job in ran if job.nominal == "2026-03-03T02:00 UTC") == ["h01", "h02", "h03"]
    assert min(nights.tokens[len(before) :]) > max(before)
    assert not nights.engine.check()
