"""Twenty machines at once: one job for each, one connection for each, one operation for each command."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from taskkit.engine import Engine, Limits, Settings
from taskkit.events.policies import OnDemand
from taskkit.records import Record, RecordType
from taskkit.scripts import Commands, Step
from taskkit.selections import Tagged
from taskkit.states import State
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, Waves
from taskkit.testing import MemoryVault
from tests.servers.sshd import Sshd

MACHINES = [f"web-{number:02}" for number in range(1, 21)]
AT_ONCE = 5
#: Each waits for the others, so that nothing goes on before AT_ONCE of them are there together; it notes how many there were.
TOGETHER = f"""\
name=$1
touch here/$name
until [ "$(ls here arrived | grep -c web)" -ge {AT_ONCE} ]; do sleep 0.02; done
ls here | wc -l >>seen
touch arrived/$name
rm here/$name
"""


@contextmanager
def at_work(sshd: Sshd, place: Path) -> Iterator[Engine]:
    """Ten workers, and a vault with twenty records of machines."""
    fields = {"host": sshd.address, "port": str(sshd.port), "user": sshd.user, "host_key": sshd.host_key}
    records = [Record(name, "unix", fields=fields | {"name": name}, tags=["web"]) for name in MACHINES]
    vault = MemoryVault(records, {name: {"key": sshd.key.reveal()} for name in MACHINES})
    engine = Engine(vault, MemoryStorage(), settings=Settings(workers=10, limits=Limits(host=20)))
    engine.define(RecordType("unix", executor="ssh", settings={"cwd": str(place)}))
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=[stop])
    thread.start()
    try:
        yield engine
    finally:
        stop.set()
        thread.join()


def over(engine: Engine, run: str) -> None:
    """Waits for the whole to have ended."""
    for _ in range(1200):
        if engine.job(run).ended:
            return
        time.sleep(0.05)
    raise AssertionError(f"it has not ended: {engine.execution(run)}")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("here", "arrived"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_r06_twenty_machines_are_worked_on_together_and_no_more_than_are_allowed(sshd: Sshd, place: Path) -> None:
    before = sshd.log.count("Accepted publickey")
    with at_work(sshd, place) as engine:
        engine.define(Commands("patch", [Step("true"), Step("/bin/sh -s -- {name}", script=TOGETHER), Step("echo {name}")]))
        task = engine.put(Task("patch", "patch", OnDemand(), selection=Tagged("web"), at_once=AT_ONCE))
        run = engine.demand(task.id)
        over(engine, run)
        found = engine.execution(run)
        assert found
        assert (found.state, found.of, found.done, found.failed) == (State.COMPLETED, 20, 20, ())
        parts = engine.history(execution=run, limit=100).entries
        assert sorted(part.record or "" for part in parts) == MACHINES
        assert all([one["state"] for one in part.operations] == ["done"] * 3 for part in parts)
        assert {(part.record, part.operations[2]["output"].strip()) for part in parts} == {(name, name) for name in MACHINES}
    assert sshd.log.count("Accepted publickey") == before + 20
    seen = [int(line) for line in (place / "seen").read_text().split()]
    assert (len(seen), max(seen)) == (20, AT_ONCE)


def test_r06_the_canary_goes_first_a_halt_keeps_the_rest_whole_and_a_second_run_takes_what_failed(sshd: Sshd, place: Path) -> None:
    (place / "broken-web-03").touch()
    (place / "broken-web-04").touch()
    with at_work(sshd, place) as engine:
        engine.define(Commands("patch", Step("test ! -e broken-{name} && touch arrived/{name}", shell=True)))  # noqa: S604
        waves = Waves(canary=1, size=4, halt=0.3)
        task = engine.put(Task("patch", "patch", OnDemand(), selection=Tagged("web"), waves=waves))
        run = engine.demand(task.id)
        over(engine, run)
        found = engine.execution(run)
        assert found
        assert (found.state, found.failed, len(found.left)) == (State.ERROR, ("web-03", "web-04"), 15)
        assert sorted(path.name for path in (place / "arrived").iterdir()) == ["web-01", "web-02", "web-05"]
        (place / "broken-web-03").unlink()
        (place / "broken-web-04").unlink()
        again = engine.rerun(run)
        for job in again:
            over(engine, job)
        arrived = {path.name for path in (place / "arrived").iterdir()}
        assert {"web-03", "web-04"} <= arrived
        told = engine.execution(run)
        assert told
        assert told.failed == ()
