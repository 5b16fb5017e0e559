"""New passwords for many accounts of one machine: by bare paramiko in threads, and by an engine with its store and vault on a disk."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from paramiko import Channel, Ed25519Key, PKey, Transport

from taskkit.engine import Engine, Limits, Settings
from taskkit.events.policies import OnDemand
from taskkit.keyrings import Keyring
from taskkit.passwords import Passwords
from taskkit.records import Record, RecordType
from taskkit.scripts import PasswordReset
from taskkit.selections import Tagged
from taskkit.sqlite_vault import SqliteVault
from taskkit.sqlite_vault._files import File
from taskkit.states import FINAL, State
from taskkit.storage.sqlite import SqliteStorage
from taskkit.storage.sqlite._lines import SqliteLine
from taskkit.tasks import Task, of_type

if TYPE_CHECKING:
    from tests.servers.doors import Door

CONNECTIONS = 20
WAYS = ("itself", "shadow")
LINE = "env LC_ALL=C"
#: What the policy draws is like this, so that both send as much.
DRAWN = Passwords()


def let_in(door: Door, prefix: str, count: int) -> dict[str, str]:
    """New accounts, with their passwords."""
    made = {f"{prefix}{number}": DRAWN.draw(user="", former=()).reveal() for number in range(count)}
    lines = "".join(f"{name}:{password}\n" for name, password in made.items())
    door.box.run('for name in "$@"; do useradd --no-create-home --shell /bin/sh "$name"; done', *made)
    door.box.run("chpasswd", stdin=lines)
    return made


class Bare:
    """By hand: the same log-ins, the same commands, and nothing else."""

    def __init__(self, door: Door, accounts: dict[str, str]) -> None:
        self._door, self.accounts, self._key = door, accounts, door.key.reveal()
        kind, text = door.host_key.split()[:2]
        self._host_key = PKey.from_type_string(kind, base64.b64decode(text))

    def rotate(self, way: str) -> None:
        change = self._itself if way == "itself" else self._by_root
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            list(threads.map(change, list(self.accounts)))

    def _itself(self, user: str) -> None:
        old, new = self.accounts[user], DRAWN.draw(user=user, former=()).reveal()
        self._try(user, old)
        with self._connected(user, old) as transport, transport.open_session() as channel:
            channel.get_pty("vt100", 500, 500)
            channel.exec_command(f"{LINE} passwd")
            for asked, answer in (("Current password: ", old), ("New password: ", new), ("Retype new password: ", new)):
                _heard(channel, asked)
                channel.sendall(f"{answer}\n".encode())
            _heard(channel, "updated successfully")
            _ended(channel)
        self.accounts[user] = new
        self._try(user, new)

    def _by_root(self, user: str) -> None:
        new = DRAWN.draw(user=user, former=()).reveal()
        with self._connected("root") as transport:
            self._said(transport, f"{LINE} id -u {user}")
            self._said(transport, "/bin/sh -c 'LC_ALL=C exec chpasswd'", f"{user}:{new}\n")
        self.accounts[user] = new
        self._try(user, new)

    def _try(self, user: str, password: str) -> None:
        with self._connected(user, password) as transport:
            self._said(transport, "exit")

    def _said(self, transport: Transport, line: str, stdin: str = "") -> None:
        with transport.open_session() as channel:
            channel.exec_command(line)
            if stdin:
                channel.sendall(stdin.encode())
            channel.shutdown_write()
            _ended(channel)

    @contextmanager
    def _connected(self, user: str, password: str | None = None) -> Iterator[Transport]:
        made = socket.create_connection((self._door.address, self._door.port), 30)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = Transport(made)
        try:
            transport.start_client(timeout=30)
            if transport.get_remote_server_key() != self._host_key:
                raise ValueError("it is another machine")
            if password is None:
                transport.auth_publickey(user, Ed25519Key.from_private_key(StringIO(self._key)))
            else:
                transport.auth_password(user, password)
            yield transport
        finally:
            transport.close()


def _heard(channel: Channel, wanted: str) -> None:
    said = b""
    while wanted.encode() not in said:
        piece = channel.recv(65_536)
        if not piece:
            raise ValueError(f"it says {said!r}, and not {wanted!r}")
        said += piece


def _ended(channel: Channel) -> None:
    while channel.recv(65_536):
        pass
    if code := channel.recv_exit_status():
        raise ValueError(f"it ended with {code}")


class Writes(Counter[str]):
    """What was committed to the disk, by whom, apart from what this thread does: it demands."""

    def __init__(self) -> None:
        super().__init__()
        self._pen, self._thread = threading.Lock(), threading.get_ident()

    def add(self, whose: str) -> None:
        if threading.get_ident() != self._thread:
            with self._pen:
                self[whose] += 1

    @contextmanager
    def counted(self) -> Iterator[None]:
        store, vault = SqliteLine.writing, File.writing

        def of_store(line: SqliteLine, *, durable: bool) -> Any:
            self.add("store" if durable else "store, not forced")
            return store(line, durable=durable)

        def of_vault(file: File) -> Any:
            if not file._deeds:
                self.add("vault")
            return vault(file)

        SqliteLine.writing, File.writing = of_store, of_vault  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            SqliteLine.writing, File.writing = store, vault  # type: ignore[method-assign]


class Ours:
    """An engine at work, with twenty workers."""

    def __init__(self, door: Door, accounts: dict[str, str], folder: Path, *, workers: int = CONNECTIONS) -> None:
        self._stack, self._count = ExitStack(), len(accounts)
        self.vault = self._stack.enter_context(SqliteVault(folder / "vault.db", Keyring.generate("bench")))
        self._storage = storage = self._stack.enter_context(SqliteStorage(folder / "store.db"))
        settings = Settings(workers=workers, limits=Limits(host=2 * self._count), lease=3600)
        self.engine = Engine(self.vault, storage, settings=settings)
        self._furnish(door, accounts)
        stop = threading.Event()
        thread = threading.Thread(target=self.engine.run, args=[stop])
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(stop.set)

    def close(self) -> None:
        self._stack.close()

    def _furnish(self, door: Door, accounts: dict[str, str]) -> None:
        fields = {"host": door.address, "port": str(door.port), "host_key": door.host_key}
        with self.vault.together():
            for name, password in accounts.items():
                self.vault.put(Record(name, "unix", fields={**fields, "user": name}, secret_fields=["password"], tags=["rotated"]))
                self.vault.change_secret(name, "password", password, at=pendulum.now("UTC"))
            self.vault.put(Record("root", "unix", fields={**fields, "user": "root"}, secret_fields=["key"]))
            self.vault.change_secret("root", "key", door.key, at=pendulum.now("UTC"))
        self.engine.define(RecordType("unix", executor="ssh"))
        self._tasks, self._alone = {}, {}
        for way in WAYS:
            self.engine.define(PasswordReset(way, passwords=DRAWN))
            shadow = "root" if way == "shadow" else None
            task = Task(way, way, OnDemand(), selection=Tagged("rotated"), at_once=self._count, shadow=shadow)
            self._tasks[way] = self.engine.put(task).id
            self._alone[way] = self.engine.put(Task(f"{way}, alone", way, OnDemand(), shadow=shadow), list=of_type("unix")).id

    def rotate(self, way: str) -> None:
        """ValueError where one of them was not changed."""
        run = self._ended(self.engine.demand(self._tasks[way]))
        found = self.engine.execution(run)
        if found is None or (found.state, found.done) != (State.COMPLETED, self._count):
            raise ValueError(f"not all were changed: {found}")

    def rotate_one(self, way: str, name: str) -> None:
        """By a job of its own."""
        found = self.engine.job(self._ended(self.engine.demand(self._alone[way], name)))
        if found.state is not State.COMPLETED:
            raise ValueError(f"it was not changed: {found.text}")

    def _ended(self, job: str) -> str:
        """Asked of the store: what `engine.job` finds out takes 1 ms, and twenty of these a second would be taken for rotations."""
        while (kept := self._storage.job(job)) is None or kept.state not in FINAL:
            time.sleep(0.05)
        return job
