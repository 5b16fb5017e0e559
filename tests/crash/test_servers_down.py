"""The database goes down under load, and connections break in mid-transaction: workers come back by themselves, and nothing is lost (J14).

TASKKIT_KILLS also says how many connections are broken: a third of it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from taskkit.engine import Engine
from taskkit.errors import StorageAway
from taskkit.events.happenings import CheckedIn
from taskkit.facts import START, Fact
from taskkit.storage import Insert, Keep, Unit
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.postgresql._lines import PostgresLine
from taskkit.storage.sql._lines import Line, LineLost
from taskkit.testing.contracts.storage._makings import job
from tests.crash.audits import Audit, sane, settle
from tests.crash.fleets import Fleet, fleet, wait_for
from tests.crash.ledger import Ledger
from tests.crash.scripts import SETTINGS, Offers, found, vault
from tests.crash.test_kills import ALL, KILLS
from tests.servers.postgresql import Mode, Postgres


@pytest.fixture
def ships(database: str, tmp_path: Path) -> Iterator[Fleet]:
    """Three processes at work, each a different one of the two ways."""
    with fleet(database, tmp_path) as ships:
        with sane(database, ships.ledger) as engine:
            found(engine)
        for number in range(3):
            ships.start(alone=number == 2)
        ships.wait_until_all_go_on()
        yield ships


def check(ships: Fleet) -> Audit:
    ships.end_all()
    settle(ships.url, ships.ledger)
    return Audit(ships.url, ships.ledger, away=True).check()


def test_a_server_that_crashes_under_load_loses_nothing(
    ships: Fleet, postgres: Postgres, record_property: Callable[[str, Any], None]
) -> None:
    modes: tuple[Mode, ...] = ("immediate", "kill", "fast") * 10 if KILLS >= ALL else ("immediate", "kill")
    for mode in modes:
        time.sleep(random.uniform(0.05, 0.3))
        postgres.stop(mode)
        time.sleep(random.uniform(0, 1.5))
        postgres.start()
        ships.wait_until_all_go_on()
    audit = check(ships)
    record_property("said", f"crashes: a server stopped {len(modes)} times under load, {len(audit.jobs):,} jobs")


def test_connections_that_break_in_mid_transaction_lose_nothing(
    ships: Fleet, postgres: Postgres, record_property: Callable[[str, Any], None]
) -> None:
    broken, wanted = 0, max(30, KILLS // 3)
    with psycopg.connect(postgres.url, autocommit=True) as db:
        while broken < wanted:
            time.sleep(random.uniform(0, 0.1))
            broken += broke_one(db, ships.url)
    ships.wait_until_all_go_on()
    audit = check(ships)
    record_property("said", f"crashes: {broken:,} of {ALL // 3:,} connections broken, {len(audit.jobs):,} jobs")


def broke_one(db: psycopg.Connection[Any], url: str) -> int:
    """One that is in a transaction, where there is one."""
    sql = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'
        ORDER BY state <> 'idle' DESC, random() LIMIT 1"""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    return len(db.execute(sql, [name]).fetchall())


# a commit whose answer is lost: nobody knows, and whoever looks finds it there


class LossyLine(PostgresLine):
    """Breaks right after the nth commit from now."""

    def __init__(self, url: str, schema: str, storage: LossyStorage) -> None:
        self._storage = storage
        super().__init__(url, schema)

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[None]:
        with super().writing(durable=durable):
            yield
        self._storage.commits_left -= 1
        if self._storage.commits_left == 0:
            self._db.close()
            raise LineLost("OperationalError", at_commit=True)


class LossyStorage(PostgresStorage):
    commits_left = 0

    def line(self) -> Line:
        return LossyLine(self._url, self._schema, self)


@pytest.fixture
def lossy(database: str) -> Iterator[LossyStorage]:
    with LossyStorage(database, keeps_time=False) as storage:
        yield storage


def told(text: str) -> Fact:
    return Fact("Painted", 1, details={"text": text})


def test_a_commit_whose_answer_was_lost_is_an_error_and_the_next_write_goes_on(lossy: LossyStorage) -> None:
    assert lossy.write([(Insert(job("first")), told("first"))])[0]
    lossy.commits_left = 1
    with pytest.raises(StorageAway):
        lossy.write([(Insert(job("second")), told("second"))])
    assert lossy.job("second") is not None
    assert lossy.write([(Insert(job("third")), told("third"))])[0]
    assert [fact.details.get("text") for fact in lossy.facts(START)[0][1:]] == ["first", "second", "third"]
    assert not lossy.check()


def test_nobody_is_told_that_a_unit_was_refused_which_may_have_landed(lossy: LossyStorage) -> None:
    """Several callers share a transaction: where its answer was lost, each hears that nobody knows."""
    lossy.commits_left = 1
    units: list[Unit] = [(Keep("colour", name, 0, {"is": name}),) for name in ("red", "blue")]
    answers: list[object] = []
    with lossy._scribe.pen:
        threads = [writer(lossy, unit, answers) for unit in units]
        wait_for(lambda: len(lossy._scribe._waiting) == 2, "both wait for the pen")
    for thread in threads:
        thread.join()
    assert {document.id for document in lossy.documents("colour")} == {"red", "blue"}
    assert [type(answer) for answer in answers] == [StorageAway] * 2


def writer(storage: PostgresStorage, unit: Unit, answers: list[object]) -> threading.Thread:
    def write() -> None:
        try:
            answers.append(storage.write([unit])[0])
        except StorageAway as error:
            answers.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("commit", range(1, 7))
def test_an_engine_whose_nth_commit_loses_its_answer_does_its_work_once(lossy: LossyStorage, commit: int, tmp_path: Path) -> None:
    """A happening's way through the engine: it is taken in, claimed, started and ended."""
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        engine = Engine(vault(), lossy, settings=SETTINGS, plugins=[Offers(ledger)])
        found(engine)
        ledger.note("telling", kind="checked_in", record="r2", id="one")
        lossy.commits_left = commit
        for _ in range(3):
            with suppress(StorageAway):
                engine.emit(CheckedIn("r2", id="one"))
                engine.drain()
        assert lossy.commits_left <= 0
        settle(lossy._url, ledger)
        Audit(lossy._url, ledger, away=True).check()
