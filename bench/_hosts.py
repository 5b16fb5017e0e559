"""Many records of machines, worked on in one execution: each a log-in and a command, at one server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from taskkit.engine import Engine, Limits, Settings
from taskkit.events.policies import OnDemand
from taskkit.records import Record, RecordType
from taskkit.scripts import Commands, Step
from taskkit.selections import Tagged
from taskkit.states import State
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task
from taskkit.testing import MemoryVault

if TYPE_CHECKING:
    from tests.servers.sshd import Sshd

WORKERS = 20


def visit(server: Sshd, count: int) -> None:
    """ValueError where one of them was not reached."""
    with _at_work(server, count) as engine:
        engine.define(Commands("look", Step("echo {name}")))
        task = engine.put(Task("look", "look", OnDemand(), selection=Tagged("web"), at_once=count))
        run = engine.demand(task.id)
        while not engine.job(run).ended:
            time.sleep(0.05)
        found = engine.execution(run)
    if found is None or (found.state, found.done) != (State.COMPLETED, count):
        raise ValueError(f"not all were visited: {found}")


@contextmanager
def _at_work(server: Sshd, count: int) -> Iterator[Engine]:
    fields = {"host": server.address, "port": str(server.port), "user": server.user, "host_key": server.host_key}
    names = [f"web-{number:03}" for number in range(count)]
    records, key = [Record(name, "unix", fields=fields | {"name": name}, tags=["web"]) for name in names], server.key.reveal()
    vault = MemoryVault(records, {name: {"key": key} for name in names})
    engine = Engine(vault, MemoryStorage(), settings=Settings(workers=WORKERS, limits=Limits(host=count)))
    engine.define(RecordType("unix", executor="ssh"))
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=[stop])
    thread.start()
    try:
        yield engine
    finally:
        stop.set()
        thread.join()
