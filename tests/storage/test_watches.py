"""News of other processes come at once where the store can tell, and at the next poll where it cannot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from taskkit.engine import Engine, Settings
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.instants import SECOND, SystemClock
from taskkit.outcomes import DONE, Outcome
from taskkit.plugins.runs import Run
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.storage.units import Insert
from taskkit.tasks import Task
from taskkit.testing.contracts.storage._makings import fired, lands
from tests.engine.houses import UNIX, House, hosts

Make = Callable[[], SqlStorage]


@pytest.fixture(params=["sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Opens handles on one store."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield lambda: stack.enter_context(SqliteStorage(tmp_path / "db", relaxed=True))
        else:
            url = request.getfixturevalue("database")
            yield lambda: stack.enter_context(PostgresStorage(url, relaxed=True))


def test_what_another_handle_writes_wakes_those_who_watch(make: Make) -> None:
    here, there, woken = make(), make(), threading.Semaphore(0)
    end = here.watch(woken.release)
    try:
        assert woken.acquire(timeout=10)  # once at the begin: what was written before is not overlooked
        lands(there, Insert(fired("a")))
        assert woken.acquire(timeout=10)
    finally:
        end()


def test_nothing_wakes_them_where_nothing_happens(make: Make) -> None:
    here, woken = make(), list[float]()
    end = here.watch(lambda: woken.append(time.monotonic()))
    time.sleep(0.6)
    end()
    assert len(woken) == 1


def test_a_running_engine_starts_at_once_what_another_process_told(make: Make) -> None:
    """Without the hint it would be found after `settings.poll`, here ten minutes."""
    house, began = House(*hosts(1)), threading.Event()

    def rings(run: Run) -> Outcome:
        began.set()
        return DONE

    house.play.says("h01", rings)

    def process(storage: SqlStorage) -> Engine:
        return Engine(house.vault, storage, plugins=[house._offer], clock=SystemClock(), settings=Settings(poll=600))

    worker, teller, stop = process(make()), process(make()), threading.Event()
    house.furnish(worker)
    worker.put(Task("work it", "work", [AfterCheckIn()]), list=UNIX)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        time.sleep(0.5)
        teller.emit(CheckedIn("h01"))
        assert began.wait(20)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(("seconds", "told"), [(0, ["woken", "forced"]), (60, ["forced"])])
def test_j14_what_is_due_wakes_this_process_before_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, told: list[str]
) -> None:
    """Who told of it waits for the disk, and who claims it does not wait with them; the thread that looks after others sees it later."""
    here, order, me = SqliteStorage(tmp_path / "db"), list[str](), threading.get_ident()
    with here:
        end = here.watch(lambda: order.append("woken") if threading.get_ident() == me else None)
        monkeypatch.setattr(here, "_force", lambda: order.append("forced"))
        job = fired("a")
        lands(here, Insert(job.with_({"due": job.created + seconds * SECOND})))
        end()
        assert order == told
        lands(here, Insert(fired("b", record="s")))
        assert order == [*told, "forced"]


def test_what_was_refused_wakes_nobody(make: Make) -> None:
    here, woken, me = make(), list[str](), threading.get_ident()
    end = here.watch(lambda: woken.append("here") if threading.get_ident() == me else None)
    lands(here, Insert(fired("a")))
    assert woken == ["here"]
    assert not here.write([(Insert(fired("a")),)])[0]
    end()
    assert woken == ["here"]


def test_a_store_that_cannot_tell_says_nothing() -> None:
    end = MemoryStorage().watch(lambda: pytest.fail("it cannot know"))
    end()
