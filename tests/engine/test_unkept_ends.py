"""One end that a store in a database cannot keep blocks no other, and none of the node's work."""

from __future__ import annotations

import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Engine, Settings
from taskkit.errors import HostRefused, InvalidValue
from taskkit.events.policies import OnDemand
from taskkit.jobs import Why
from taskkit.outcomes import DONE, Done, Effect, ErrorClass, NotDone
from taskkit.plugins.runs import Run
from taskkit.records import RecordType
from taskkit.states import State
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Task
from taskkit.testing import MemoryVault
from tests.engine.houses import UNIX, Offer, Play, hosts, scripted
from tests.engine.test_threads import running, until


def huge(run: Run) -> Any:
    return Done({"bytes": 10**5000})


def progress_decimal(run: Run) -> Any:
    with suppress(TypeError):
        run.progress(Decimal(1), 2)  # type: ignore[arg-type]
    return DONE


def progress_nan(run: Run) -> Any:
    with suppress(ValueError):
        run.progress(float("nan"), 2)  # type: ignore[arg-type]
    return DONE


def progress_huge(run: Run) -> Any:
    with suppress(ValueError):
        run.progress(10**5000, 2)
    return DONE


def progress_half(run: Run) -> Any:
    """A file name as `os.fsdecode` gives it."""
    run.progress(1, 2, "/home/\udce4")
    return DONE


def notdone_huge(run: Run) -> Any:
    return NotDone(ErrorClass.FAILED, "x", {"n": 10**5000})


def raises_half(run: Run) -> Any:
    raise ValueError("no /home/\udce4")


def refuses_half(run: Run) -> Any:
    raise HostRefused("logging in", "the host says \udce4", error="failed")


@pytest.mark.parametrize(
    "odd", [huge, progress_decimal, progress_nan, progress_huge, progress_half, notdone_huge, raises_half, refuses_half]
)
def test_one_jobs_end_that_cannot_be_kept_keeps_no_other_from_its_end(tmp_path: Path, odd: Any) -> None:
    play = Play()
    kind = scripted(play, "touchy", effect=Effect.IDEMPOTENT)
    with SqliteStorage(tmp_path / "s.db") as storage:
        engine = Engine(MemoryVault(hosts(3)), storage, plugins=[Offer([kind])], settings=Settings(workers=2, poll=0.05))
        engine.define(RecordType("unix"))
        engine.define(kind("touch"))
        task = engine.put(Task("touch", "touch", [OnDemand()]), list=UNIX)
        play.says("h01", odd)
        with running(engine):
            first = engine.demand(task.id, "h01")
            until(lambda: play.count("h01"))
            second = engine.demand(task.id, "h02")
            end = time.monotonic() + 4
            while time.monotonic() < end and not (engine.job(second).ended and engine.job(first).ended):
                time.sleep(0.05)
            assert engine.job(second).state is State.COMPLETED
            assert engine.job(first).ended


def test_an_end_whose_words_the_store_refuses_lands_by_itself(tmp_path: Path) -> None:
    """Whatever slips through: the store says TypeError over one of a group."""
    play = Play()
    kind = scripted(play, "touchy", effect=Effect.IDEMPOTENT)
    with SqliteStorage(tmp_path / "s.db") as storage:
        write = storage.write

        def refuses(units: Any, **said: Any) -> Any:
            if any("poison" in repr(unit) for unit in units):
                raise TypeError("it is no JSON")
            return write(units, **said)

        storage.write = refuses  # type: ignore[method-assign]
        engine = Engine(MemoryVault(hosts(3)), storage, plugins=[Offer([kind])])
        engine.define(RecordType("unix"))
        engine.define(kind("touch"))
        task = engine.put(Task("touch", "touch", [OnDemand()]), list=UNIX)
        play.says("h02", Done({"said": "poison"}))
        jobs = [engine.demand(task.id, name) for name in ("h01", "h02", "h03")]
        engine.drain()
        assert [engine.job(job).state for job in jobs] == [State.COMPLETED] * 3
        assert [fact.job for fact in engine.facts(kinds=["EngineFailed"])] == [jobs[1]]
        assert engine.check() == []


@pytest.mark.parametrize("error", [ValueError("no /home/\udce4"), InvalidValue("looking for the account", "no /home/\udce4")])
def test_j10_a_job_that_is_refused_in_words_that_no_store_takes_ends(tmp_path: Path, error: Exception) -> None:
    def accounts(self: object, run: Run) -> Any:
        raise error

    kind = scripted(Play(), "touchy", accounts=accounts)
    with SqliteStorage(tmp_path / "s.db") as storage:
        engine = Engine(MemoryVault(hosts(1)), storage, plugins=[Offer([kind])])
        engine.define(RecordType("unix"))
        engine.define(kind("touch"))
        job = engine.demand(engine.put(Task("touch", "touch", [OnDemand()]), list=UNIX).id, "h01")
        engine.drain()
        assert (engine.job(job).state, engine.job(job).why) == (State.ERROR, Why.MISFIT)
        assert "no /home/?" in engine.job(job).text
