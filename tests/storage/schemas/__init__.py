"""A dump of a small store for each version of the tables that was released, to be upgraded by every later taskkit.

`python -m tests.storage.schemas` writes those of the present version: once, before the version is released. They are never written anew
afterwards. The same story makes the rows for both databases: two nights, a happening, a purge, and a worker that dies in the second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar

import pendulum
from attrs import frozen

from taskkit.engine import Engine
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.instants import instant
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import FINAL
from taskkit.storage import Query, Storage
from taskkit.storage.sql._schema import SCHEMA
from taskkit.storage.sql._scripts import postgresql_script, sqlite_script
from taskkit.storage.sql._statements import named
from taskkit.storage.sql._tables import TABLES, Table
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import Crash, Offer, _mortal

FOLDER = Path(__file__).parent
START = pendulum.datetime(2026, 3, 2, tz="UTC")
#: When the dump was taken: a worker has just died.
LEFT = START.add(days=1, hours=2, minutes=31)
#: It was told before the dump, and may be told again afterwards.
TOLD = CheckedIn("r1", id="told-once", approval="a-17")


@frozen
class Report(Script):
    """Writes a large result, and dies where it is told to."""

    kind = "report"
    effect = Effect.IDEMPOTENT
    name: str
    dies: ClassVar[bool] = False

    def perform(self, run: Run) -> Outcome:
        run.save({"blob": run.blob([b"pages"])})
        if type(self).dies:
            run.blob([b"seen by nobody"])
            raise Crash
        return DONE


def entered(storage: Storage, at: pendulum.DateTime) -> tuple[Engine, VirtualClock]:
    """A process on the store, at this moment."""
    clock, vault = VirtualClock(at), MemoryVault([Record(name, "unix") for name in ("r1", "r2")])
    return _mortal(Engine(vault, storage, clock=clock, plugins=[Offer([Report])])), clock


def tell(storage: Storage) -> Engine:
    """The story: what a store holds after two nights."""
    engine, clock = entered(storage, START)
    engine.define(RecordType("unix"))
    engine.define(Report("report"))
    engine.put(Task("nightly", "report", [Daily(at="02:30"), AfterCheckIn()]), list=of_type("unix"))
    clock.jump(START.add(hours=3))
    engine.emit(TOLD)
    engine.drain()
    storage.purge([Query(states=FINAL, record="r2", until=instant(LEFT))])
    clock.jump(LEFT)
    Report.dies = True
    try:
        with suppress(Crash):
            engine.work()
    finally:
        Report.dies = False
    return engine


def dumps(folder: Path) -> dict[str, str]:
    """The text of both dumps, of a store that is made in a folder."""
    path = folder / "told.db"
    with SqliteStorage(path) as storage, closing(sqlite3.connect(path)) as db:
        tell(storage).emit(CheckedIn("r2", id="left"), connection=db)
        rows = [sql for table in TABLES for sql in _rows(db, table)]
    sqlite = sqlite_script().replace("COMMIT;\n", "".join(rows) + "COMMIT;\n")
    rows = [sql.replace("X'", "'\\x") for sql in rows]
    return {"sqlite": sqlite, "postgresql": postgresql_script("taskkit").replace("COMMIT;\n", "".join(rows) + "COMMIT;\n")}


def _rows(db: sqlite3.Connection, table: Table) -> Iterator[str]:
    """Numbers are given anew; the versions stand in what makes the tables."""
    quoted = " || ', ' || ".join(f'quote("{name}")' for name in table.names)
    which, order = ("WHERE name = 'token'", "1") if table.name == "taskkit_numbers" else ("", "number" if table.counted else "1")
    for (values,) in db.execute(f'SELECT {quoted} FROM "{table.name}" {which} ORDER BY {order}'):  # noqa: S608
        yield f'INSERT INTO "{table.name}" ({named(table.names)}) VALUES ({values});\n'  # noqa: S608


def released(kind: str) -> list[int]:
    """The versions of which there is a dump."""
    return sorted(int(path.name.split(".")[0]) for path in FOLDER.glob(f"*.{kind}.sql"))


def text(version: int, kind: str) -> str:
    return (FOLDER / f"{version}.{kind}.sql").read_text(encoding="utf-8")


def write(folder: Path) -> None:
    for kind, said in dumps(folder).items():
        (FOLDER / f"{SCHEMA.version}.{kind}.sql").write_text(said, encoding="utf-8")


# what tables are, as the database itself says


def sqlite_shape(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'taskkit%'")]
        columns = {name: sorted(row[1:] for row in db.execute(f'PRAGMA table_info("{name}")')) for name in names}
        kinds = {row[1]: row[2:] for row in db.execute("PRAGMA table_list") if row[1] in names}
        indexes = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
    return {"columns": columns, "kinds": {name: kind[0::2] for name, kind in kinds.items()}, "indexes": indexes}


def postgresql_shape(url: str) -> dict[str, Any]:
    import psycopg

    columns = """SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull, attidentity::text,
        attcollation::regcollation::text FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN
        (SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'taskkit'::regnamespace)"""
    indexes = "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'taskkit'"
    with psycopg.connect(url) as db:
        return {"columns": sorted(db.execute(columns).fetchall()), "indexes": sorted(db.execute(indexes).fetchall())}
