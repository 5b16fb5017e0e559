"""What the command line tells of real stores, and that it neither makes nor changes one, nor prints a password."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taskkit.cli import main
from taskkit.cli._arguments import BACKUP_EXAMPLES, CHECK_EXAMPLES, JOBS_EXAMPLES, RESTORED_EXAMPLES, SQL_EXAMPLES
from taskkit.cli._shows import lines, plain
from taskkit.facts import Fact
from taskkit.instants import instant
from taskkit.jobs import Job
from taskkit.states import State
from taskkit.storage import Insert, Query
from taskkit.storage.sql._schema import SCHEMA
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import NOW, job, lands
from tests.storage import schemas

LATER = instant(schemas.START.add(hours=2, minutes=59))
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("told") / "vault.db"
    with SqliteStorage(path) as storage:
        schemas.tell(storage)
    return path


@pytest.fixture
def store(told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store after two nights, in the folder where the command is typed."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(told, tmp_path / "vault.db"))


@pytest.fixture
def elsewhere(database: str) -> str:
    """The same in PostgreSQL."""
    from taskkit.storage.postgresql import PostgresStorage

    with PostgresStorage(database, keeps_time=False) as storage:
        schemas.tell(storage)
    return database


def said(capsys: Capsys, *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    found = capsys.readouterr()
    return found.out + found.err


def objects(capsys: Capsys, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(capsys, *arguments, "--json").splitlines()]


# jobs


@pytest.mark.usefixtures("store")
def test_jobs_are_shown_the_newest_first_with_the_names_of_their_tasks(capsys: Capsys) -> None:
    head, *rows = [re.split(r" {2,}", line) for line in said(capsys, "jobs", "sqlite:vault.db").splitlines()]
    assert head[0] == "made"
    assert len(rows) == 6
    made = [row[0] for row in rows]
    assert made == sorted(made, reverse=True)
    assert all(re.fullmatch(r"2026-03-0\d \d\d:\d\d:\d\d", one) for one in made)
    assert {"running", "completed", "merged"} <= {word for row in rows for word in row}
    assert sum("nightly" in row for row in rows) == 6


FILTERS: dict[str, Callable[[Job], bool]] = {
    "--state running": lambda job: job.state is State.RUNNING,
    "--state completed,merged": lambda job: job.state in (State.COMPLETED, State.MERGED),
    "--record r2": lambda job: job.record == "r2",
    "--record r1 --state running": lambda job: job.record == "r1" and job.state is State.RUNNING,
    "--since 2026-03-02T02:59": lambda job: job.created >= LATER,
    "--since 2026-03-02T03:59+01:00": lambda job: job.created >= LATER,
    "--task nightly --record r1": lambda job: job.record == "r1",
    "--task nightly --since 2026-03-02T02:59": lambda job: job.created >= LATER,
    "--since 2027-01-01": lambda _: False,
}


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.usefixtures("store")
def test_jobs_are_filtered(filters: str, capsys: Capsys) -> None:
    with SqliteStorage("vault.db") as storage:
        wanted = [one.id for one in storage.jobs(Query(), limit=100).jobs if FILTERS[filters](one)]
    assert len(wanted) < 6
    assert [one["id"] for one in objects(capsys, "jobs", "sqlite:vault.db", *filters.split())] == wanted


@pytest.mark.usefixtures("store")
def test_no_more_than_the_limit_are_shown(capsys: Capsys) -> None:
    every = objects(capsys, "jobs", "sqlite:vault.db")
    assert objects(capsys, "jobs", "sqlite:vault.db", "--limit", "4") == every[:4]


@pytest.mark.usefixtures("store")
def test_a_line_and_an_id_of_a_task_are_filters_too(capsys: Capsys) -> None:
    [one, *_] = objects(capsys, "jobs", "sqlite:vault.db")
    assert one["task_name"] == "nightly"
    assert len(objects(capsys, "jobs", "sqlite:vault.db", "--line", one["line"])) == 6
    assert len(objects(capsys, "jobs", "sqlite:vault.db", "--task", one["task"])) == 6
    assert "no job is like that" in said(capsys, "jobs", "sqlite:vault.db", "--line", "none")
    assert "there is none of this id or name" in said(capsys, "jobs", "sqlite:vault.db", "--task", "none", code=1)


@pytest.mark.usefixtures("store")
def test_json_has_times_and_neither_memo_nor_result(capsys: Capsys) -> None:
    [one] = objects(capsys, "jobs", "sqlite:vault.db", "--state", "running", "--limit", "1")
    assert one["started"].startswith("2026-03-03T02:31:00")
    assert {"memo", "result", "operations"}.isdisjoint(one)


def test_jobs_in_postgresql_are_shown(elsewhere: str, capsys: Capsys) -> None:
    assert len(objects(capsys, "jobs", elsewhere)) == 6
    assert "running" in said(capsys, "jobs", elsewhere, "--record", "r1")


def followed(monkeypatch: pytest.MonkeyPatch, *happens: Any) -> None:
    """While it waits: one thing after the other, then Ctrl-C."""
    waiting = list(happens)

    def sleep(_: float) -> None:
        if not waiting:
            raise KeyboardInterrupt
        waiting.pop(0)()

    monkeypatch.setattr("taskkit.cli._jobs.time.sleep", sleep)


@pytest.mark.usefixtures("store")
def test_what_happens_is_followed_until_somebody_interrupts(monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    def land(id: str, record: str) -> None:
        with SqliteStorage("vault.db") as storage:
            lands(storage, Insert(job(id, record=record)), Fact("JobMade", NOW, id, "t", "l", record))

    followed(monkeypatch, lambda: land("one", "r1"), lambda: land("two", "r2"))
    lines = said(capsys, "jobs", "sqlite:vault.db", "--follow", "--record", "r2").splitlines()
    assert [re.split(r" {2,}", line)[1:] for line in lines] == [["JobMade", "scheduled", "t", "r2", "two"]]
    followed(monkeypatch, lambda: land("three", "r3"))
    found = objects(capsys, "jobs", "sqlite:vault.db", "--follow", "--state", "scheduled")
    assert [(one["kind"], one["job"], one["state"]) for one in found] == [("JobMade", "three", "scheduled")]
    followed(monkeypatch, lambda: land("four", "r4"))
    assert said(capsys, "jobs", "sqlite:vault.db", "--follow", "--state", "running") == ""


def test_following_ends_well_on_an_interrupt(store: Path) -> None:
    command = [sys.executable, "-m", "taskkit", "jobs", f"sqlite:{store}", "--follow"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        seen: list[str] = []
        reader = threading.Thread(target=lambda: seen.extend(iter(following.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
        reader.start()
        with SqliteStorage(store) as storage:
            for _ in range(60):  # fewer than would fill what a pipe holds back
                if not seen:
                    lands(storage, Fact("Paused", NOW))
                    time.sleep(0.5)
        assert seen
        following.send_signal(2)
        assert following.wait(30) == 0
        reader.join(30)
        assert "Paused" in seen[0]
        assert following.stderr.read() == ""


# check


@pytest.mark.usefixtures("store")
def test_a_store_without_faults_is_0(capsys: Capsys) -> None:
    with SqliteStorage("vault.db") as storage:  # the worker that died long ago is a fault by now
        storage._do(lambda line: line.run("UPDATE taskkit_jobs SET lease = ? WHERE lease IS NOT NULL", 4_000_000_000_000_000))
    assert said(capsys, "check", "sqlite:vault.db") == "no faults in a store of 6 jobs\n"
    assert json.loads(said(capsys, "check", "sqlite:vault.db", "--json")) == {"jobs": 6, "faults": [], "unchecked": []}


@pytest.mark.usefixtures("store")
def test_a_store_with_faults_is_1_with_a_line_for_each(capsys: Capsys) -> None:
    with closing(sqlite3.connect("vault.db", isolation_level=None)) as db:
        db.execute("UPDATE taskkit_jobs SET phase = 0 WHERE state = 'completed'")
    *lines, last = said(capsys, "check", "sqlite:vault.db", code=1).splitlines()
    assert last == "3 faults in a store of 6 jobs"
    assert sum(line.endswith("its column 'phase' is 0 and has to be 3; set it so") for line in lines) == 1
    assert sum(line.endswith("start a node that serves the pool 'local'") for line in lines) == 2
    found = json.loads(said(capsys, "check", "sqlite:vault.db", "--json", code=1))
    assert {fault["kind"] for fault in found["faults"]} == {"column", "lease"}


def test_a_store_in_postgresql_is_checked(elsewhere: str, capsys: Capsys) -> None:
    assert "2 faults in a store of 6 jobs" in said(capsys, "check", elsewhere, code=1)


def test_of_a_store_of_another_kind_the_chains_are_checked(capsys: Capsys) -> None:
    assert said(capsys, "check", "memory:") == "no faults in a store of 0 jobs\n"


# backup, sql


@pytest.mark.usefixtures("store")
def test_a_backup_is_made_and_can_be_checked(tmp_path: Path, capsys: Capsys) -> None:
    assert re.fullmatch(r"copy\.db: 0\.\d MB, read again and whole\n", said(capsys, "store", "backup", "sqlite:vault.db", "copy.db"))
    assert len(objects(capsys, "jobs", "sqlite:copy.db")) == 6
    assert "there is a file of this name" in said(capsys, "store", "backup", "sqlite:vault.db", "copy.db", code=1)
    assert "pg_dump" in said(capsys, "store", "backup", "postgresql://host/db", "copy2.db", code=1)
    assert not (tmp_path / "copy2.db").exists()


def test_a_backup_comes_before_the_upgrade_of_what_it_is_of(tmp_path: Path, capsys: Capsys) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.executescript((Path(schemas.__file__).parent / "1.sqlite.sql").read_text(encoding="utf-8"))
    said(capsys, "store", "backup", f"sqlite:{tmp_path / 'old.db'}", str(tmp_path / "copy.db"))
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        assert db.execute("SELECT value FROM taskkit_numbers WHERE name = 'schema'").fetchone() == (1,)
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE theirs (a)")
    told = said(capsys, "store", "backup", f"sqlite:{tmp_path / 'other.db'}", str(tmp_path / "copy2.db"), code=1)
    assert "it is no store of taskkit's" in told
    assert "there is no such file" in said(capsys, "store", "backup", f"sqlite:{tmp_path / 'none.db'}", "copy3.db", code=1)
    assert sorted(path.name for path in tmp_path.glob("*")) == ["copy.db", "old.db", "other.db"]


@pytest.mark.usefixtures("store")
def test_where_a_terminal_is_too_narrow_for_a_table_there_are_lines(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ids = [job["id"] for job in objects(capsys, "jobs", "sqlite:vault.db")]
    for columns in ("20", "80", "100", "120", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        told = said(capsys, "jobs", "sqlite:vault.db")
        assert all(id in told for id in ids), columns


def test_the_sql_is_printed_without_opening_anything(tmp_path: Path, capsys: Capsys) -> None:
    with closing(sqlite3.connect(tmp_path / "made.db")) as db:
        db.executescript(said(capsys, "store", "sql", "sqlite"))
    assert "no faults in a store of 0 jobs" in said(capsys, "check", f"sqlite:{tmp_path / 'made.db'}")
    assert 'CREATE SCHEMA "jobs"' in said(capsys, "store", "sql", "postgresql://user:secret@nowhere/db?schema=jobs&sslmode=require")
    assert "nothing is to be done" in said(capsys, "store", "sql", "postgresql", "--from", str(SCHEMA.version))
    assert "taskkit_jobs_of_series" in said(capsys, "store", "sql", "postgresql", "--from", "1")
    assert "there is no such step" in said(capsys, "store", "sql", "postgresql", "--from", "99", code=2)
    assert "there is no SQL for 'memory'" in said(capsys, "store", "sql", "memory", code=2)


# what is there, and what is not


@pytest.mark.parametrize("command", ["jobs", "check"])
def test_no_command_makes_a_store(command: str, tmp_path: Path, database: str, capsys: Capsys) -> None:
    assert "there is no such file" in said(capsys, command, f"sqlite:{tmp_path / 'typo.db'}", code=1)
    assert list(tmp_path.iterdir()) == []
    assert "there is no store" in said(capsys, command, database, code=1)
    (tmp_path / "empty.db").touch()
    assert "there is no store" in said(capsys, command, f"sqlite:{tmp_path / 'empty.db'}", code=1)
    assert (tmp_path / "empty.db").read_bytes() == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs", "sqlite:x", "--state", "napping"],
        ["jobs", "sqlite:x", "--since", "soon"],
        ["jobs", "sqlite:x", "--limit", "0"],
        ["jobs"],
        ["check"],
        ["store"],
        ["store", "backup", "sqlite:x"],
        ["store", "sql", "sqlite", "--from", "one"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_read_is_2(arguments: list[str], capsys: Capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err


URLS = [
    "postgresql://vault:hunter2@127.0.0.1:1/jobs",
    "postgresql://vault@127.0.0.1:1/jobs?password=hunter2",
    "postgresql://vault:hunter2@[127.0.0.1/jobs",
    "postgresql://vault:hunter2%ZZ@127.0.0.1:1/jobs",
    "postgresql://127.0.0.1:1/jobs?hunter2=hunter2",
    "mystery://vault:hunter2@x/y",
    "//vault:hunter2@x/y",
    "host=127.0.0.1 password=hunter2",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "arguments",
    [["jobs", "URL"], ["check", "URL"], ["store", "backup", "URL", "copy"], ["store", "URL"], ["check", "x", "URL"], ["URL"]],
    ids=" ".join,
)
def test_no_password_is_printed(arguments: list[str], url: str, capsys: Capsys) -> None:
    """Also what cannot be read is a message, and no traceback."""
    try:
        code: object = main([url if word == "URL" else word for word in arguments])
    except SystemExit as stopped:
        code = stopped.code
    found = capsys.readouterr()
    assert code in (1, 2)
    assert "hunter2" not in found.out + found.err


# help


def examples() -> Iterator[str]:
    for text in (JOBS_EXAMPLES, CHECK_EXAMPLES, BACKUP_EXAMPLES, RESTORED_EXAMPLES, SQL_EXAMPLES):
        found = [line.strip() for line in text.splitlines() if line.strip().startswith("taskkit ")]
        assert found
        yield from found


@pytest.mark.parametrize("line", list(examples()))
@pytest.mark.usefixtures("store")
def test_every_example_of_the_help_runs(line: str, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> None:
    followed(monkeypatch)
    code = 1 if " check " in line else 0  # two workers died long ago
    if " resume " in line:
        said(capsys, "store", "restored", "sqlite:vault.db", "--by", "ada")
    assert main(shlex.split(line)[1:]) == code
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "command", ["jobs", "check", "store", "store backup", "store restored", "store aftermath", "store resume", "store sql"]
)
def test_every_help_has_an_example(command: str, capsys: Capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command.split(), "--help"])
    assert stopped.value.code == 0
    assert f"  taskkit {command}" in capsys.readouterr().out


# how it is shown


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert lines([["a", "bb"], ["aaa", ""]]) == "a    bb\naaa"


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert plain("red \x1b[31m\nand \x07") == "red \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}and \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("module", ["rich", "psycopg"])
@pytest.mark.usefixtures("store")
def test_neither_rich_nor_psycopg_is_needed_for_sqlite(module: str) -> None:
    for command in (["jobs", "sqlite:vault.db"], ["store", "sql", "postgresql"]):
        code = f"import sys; sys.modules[{module!r}] = None; from taskkit.cli import main; sys.exit(main({command!r}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_without_psycopg_a_message_names_what_is_missing() -> None:
    code = "import sys; sys.modules['psycopg'] = None; from taskkit.cli import main; sys.exit(main(['jobs', 'postgresql://h/d']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "extra 'postgresql'" in done.stderr


@pytest.mark.usefixtures("store")
def test_on_a_terminal_there_is_a_table(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    parent, child = pty.openpty()
    env = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    command = [sys.executable, "-m", "taskkit", "jobs", "sqlite:vault.db", "--state", State.RUNNING]
    with subprocess.Popen(command, stdout=child, stderr=child, env=env) as shown:
        os.close(child)
        seen = b""
        while True:
            try:
                some = os.read(parent, 4096)
            except OSError:
                break
            if not some:
                break
            seen += some
    os.close(parent)
    assert shown.returncode == 0
    assert seen.count(b"nightly") == 2
    assert b"\x1b[2m" in seen
