"""A process that is stopped for longer than its lease, and goes on then: what it still writes changes nothing (J3)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from taskkit.engine import Engine
from taskkit.events.happenings import SessionEnded
from taskkit.facts import START
from taskkit.states import FINAL, State
from tests.crash.audits import Audit, sane, settle
from tests.crash.fleets import fleet, wait_for
from tests.crash.mortals import Fate
from tests.crash.scripts import found
from tests.crash.test_kills import ALL, KILLS


@pytest.mark.parametrize("place", ["claimed", "after", "saved"] if KILLS >= ALL else ["after"])
def test_j03_who_slept_longer_than_its_lease_changes_nothing(url: str, place: str, tmp_path: Path) -> None:
    with fleet(url, tmp_path) as ships, sane(url, ships.ledger) as engine:
        found(engine, cadence=False)  # at the turn of a minute, an occurrence would take the job with it
        [job] = engine.emit(SessionEnded("r0"))
        sleeper = ships.stopped(Fate(place, signal="STOP"))
        claims = [*ships.ledger.lines("claimed")]
        assert job in claims[0]["tokens"]
        ships.start(feeds=None)
        wait_for(lambda: engine.job(job).state in FINAL, "another has done it")
        before = engine.storage.job(job), engine.storage.causes(job), ends_of(engine, job)
        os.kill(sleeper.pid, signal.SIGCONT)
        wait_for(lambda: tells_of(engine, job, "StaleWriteRefused"), "that it came late is told")
        ships.end_all()
        assert (engine.storage.job(job), engine.storage.causes(job), ends_of(engine, job)) == before
        kept = engine.storage.job(job)
        assert kept is not None
        assert kept.state is State.COMPLETED
        assert not kept.token
        old = claims[0]["tokens"][job]
        assert len([line for line in ships.ledger.lines("saved") if line["token"] == old]) <= (place == "saved")
        settle(url, ships.ledger)
        Audit(url, ships.ledger).check()


def test_who_stops_in_the_middle_of_a_write_holds_up_a_database_for_some_seconds_only(database: str, tmp_path: Path) -> None:
    """A file's lock is its process's as long as that is there; a server takes it away."""
    with fleet(database, tmp_path) as ships:
        with sane(database, ships.ledger) as engine:
            found(engine)
            engine.emit(SessionEnded("r0"))
        sleeper = ships.stopped(Fate("commit", 3, signal="STOP"))
        other = ships.start(feeds=None)
        wait_for(lambda: other.pid in {line["pid"] for line in ships.ledger.lines("performed")}, "another works", 30)
        assert sleeper.is_stopped
        os.kill(sleeper.pid, signal.SIGCONT)
        ships.end_all()
        settle(database, ships.ledger)
        Audit(database, ships.ledger, away=True).check()


def tells_of(engine: Engine, job: str, *kinds: str) -> list[str]:
    return [fact.kind for fact in engine.storage.facts(START, kinds=frozenset(kinds), limit=100_000)[0] if fact.job == job]


def ends_of(engine: Engine, job: str) -> list[str]:
    return tells_of(engine, job, "JobStarted", "JobCompleted", "JobFailed", "JobUncertain")
