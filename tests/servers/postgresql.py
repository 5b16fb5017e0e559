"""A private PostgreSQL, which a test may crash, and a fresh database for each test that asks for one."""

from __future__ import annotations

import itertools
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from psycopg import sql

from tests import servers

Mode = Literal["smart", "fast", "immediate", "kill"]
SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
#: No Unix socket: there is one way in. All else, fsync above all, is as PostgreSQL has it.
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "100"}
#: Said at a start that may go well the next time: the second by processes that have not yet noticed that their parent was killed.
PASSING = ("Address already in use", "pre-existing shared memory block")
PATIENCE = 60.0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the whole run, or for the whole of an xdist worker."""
    with running(servers.program("postgresql")) as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of a database that is empty, and gone afterwards."""
    with postgres.database() as url:
        yield url


@contextmanager
def running(program: Path) -> Iterator[Postgres]:
    account = _account()
    with servers.folder("postgresql", owner=account) as folder:
        server = Postgres(program.resolve(), folder, account)  # initdb stands beside it
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.close()


class Postgres:
    """One server; it keeps its port and what was committed through every stop and start."""

    def __init__(self, program: Path, folder: Path, account: str | None) -> None:
        self.program, self.folder, self.account = program, folder, account
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        return self._url("postgres")

    @property
    def pids(self) -> list[int]:
        """The server's process and then its children; none when it is stopped."""
        if not self._process or self._process.poll() is not None:
            return []
        pid = self._process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except (FileNotFoundError, ProcessLookupError):  # it ends just now
            return []
        return [pid, *map(int, children.split())]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def make(self) -> None:
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        with (self.folder / "log").open("ab") as log:
            code = self._popen("initdb", "-D", str(self._data), *options, log=log).wait()
        if code:
            raise RuntimeError(f"initdb ended with {code}:\n{self.log}")

    def start(self) -> None:
        """Back when it takes connections, after a crash when it has recovered. Nothing, when it runs."""
        deadline = time.monotonic() + PATIENCE
        while not self.pids:
            port = self.port or servers.free_port()
            before = len(self.log)
            if self._started(port, deadline):
                self.port = port
            elif time.monotonic() > deadline or not any(words in self.log[before:] for words in PASSING):
                self.close()
                raise RuntimeError(f"PostgreSQL did not start on port {port}:\n{self.log[before:]}")
            elif self.port:
                time.sleep(0.1)  # its own port, or memory, is to become free

    def stop(self, mode: Mode = "fast") -> None:
        """`immediate` and `kill` are crashes: the next start recovers. `kill` gives not even the server's processes a word."""
        if not (pids := self.pids) or not self._process:
            return
        if mode == "kill":
            self._process.send_signal(signal.SIGSTOP)  # no child more
            pids = self.pids
        for pid in pids if mode == "kill" else pids[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, SIGNALS[mode])
        self._process.wait(PATIENCE)

    def restart(self, mode: Mode = "immediate") -> None:
        self.stop(mode)
        self.start()

    def close(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.stop("immediate")  # nothing has to be written any more
        self.stop("kill")

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh one; afterwards it is gone, whoever is connected to it, and the server runs, whatever was done to it."""
        name = f"test_{next(self._numbers)}"
        self._say(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self._url(name)
        finally:
            self.start()
            self._say(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def connections(self, url: str) -> list[int]:
        """The process ids of all connections to one database, oldest first."""
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        question = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' ORDER BY backend_start, pid"
        with psycopg.connect(self.url) as connection:
            return [pid for (pid,) in connection.execute(question, [name]) if pid != connection.info.backend_pid]

    def kill_connection(self, which: int | psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        """From the server's side, by its process id there; its client learns it at the next word. Back when it is gone."""
        pid = which if isinstance(which, int) else which.info.backend_pid
        with psycopg.connect(self.url) as connection:
            gone = connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone()
        if gone != (True,):
            raise RuntimeError(f"no connection {pid} was ended: {gone}")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _say(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def _started(self, port: int, deadline: float) -> bool:
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = self._popen("postgres", "-D", str(self._data), *options, log=log)
        (self.folder / "pid").write_text(str(self._process.pid))
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._ready(self._process.pid):
                return True
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.01)
        return False

    def _ready(self, pid: int) -> bool:
        """As pg_ctl knows it: the server writes its process id first, and how far it is in the eighth line."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(pid)] and lines[7:8] != [] and lines[7].strip() == "ready"

    def _popen(self, name: str, *arguments: str, log: Any) -> subprocess.Popen[bytes]:
        """In a session of its own: who interrupts the tests does not interrupt it. Nothing of our environment reaches it."""
        return subprocess.Popen(
            [self.program.with_name(name), *arguments],
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **_identity(self.account),
        )


def _account() -> str | None:
    """PostgreSQL refuses to run as root: then it is the account that Debian makes for it, or one that everybody has."""
    if os.geteuid():
        return None
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


def _identity(account: str | None) -> dict[str, Any]:
    return {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []} if account else {}
