"""The audit can fail: processes that make a mistake are killed, and it sees which rule they broke."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from taskkit.events.happenings import SessionEnded
from taskkit.states import FINAL
from tests.crash.audits import Audit, sane, settle
from tests.crash.fleets import Fleet, fleet, wait_for
from tests.crash.harms import AGAIN, HARMS, LATE
from tests.crash.mortals import Fate
from tests.crash.scripts import found

_ROUNDS = 5


@pytest.mark.sweep
@pytest.mark.parametrize("harm", HARMS)
def test_a_fleet_that_makes_a_mistake_is_found_out(harm: str, url: str, tmp_path: Path) -> None:
    _, told, place = HARMS[harm]
    with fleet(url, tmp_path) as ships:
        with sane(url, ships.ledger) as engine:
            found(engine)
        ships.harm, ships.places = harm, (place,)
        seen: list[str] = []
        for _ in range(_ROUNDS):
            with suppress(AssertionError):
                ships.rage(6)
            ships.close()
            with suppress(AssertionError):
                settle(url, ships.ledger)
            seen = Audit(url, ships.ledger).wrong
            if any(wrong.startswith(told) for wrong in seen):
                return
        pytest.fail(f"it was not seen; what was seen: {seen[:5]}")


@pytest.mark.sweep
@pytest.mark.parametrize("harm", [None, LATE])
def test_j03_a_late_writer_that_is_let_in_is_found_out(harm: str | None, url: str, tmp_path: Path) -> None:
    """Two stand still over one job; the one that has lost it comes back first."""
    with fleet(url, tmp_path) as ships:
        ships.harm = harm
        with sane(url, ships.ledger) as engine:
            found(engine, cadence=False)
            engine.emit(SessionEnded("r0"))
        first = ships.stopped(Fate("after", signal="STOP"))
        ships.stopped(Fate("after", signal="STOP"))
        os.kill(first.pid, signal.SIGCONT)
        wait_for(lambda: [line for line in ships.ledger.lines("saving") if line["pid"] == first.pid], "it writes")
        os.kill(first.pid, signal.SIGTERM)
        assert first.process.wait(30) == 0
        judge(ships, "J3")


@pytest.mark.sweep
@pytest.mark.parametrize("harm", [None, AGAIN])
def test_j10_who_does_blind_work_a_second_time_is_found_out(harm: str | None, url: str, tmp_path: Path) -> None:
    """One is killed when it has done its work, and another one takes over what it had."""
    with fleet(url, tmp_path) as ships:
        ships.harm = harm
        with sane(url, ships.ledger) as engine:
            found(engine, cadence=False)
            [once] = (task.id for task in engine.tasks() if task.name == "once")
            job = engine.demand(once, "r0")
            killed = ships.start(fate=Fate("after"), feeds=None, alone=True)
            assert killed.process.wait(30) == -signal.SIGKILL
            ships.start(feeds=None)
            wait_for(lambda: engine.job(job).state in FINAL, "another one takes it over")
        judge(ships, "J10")


def judge(ships: Fleet, rule: str) -> None:
    """An audit sees that this rule was broken where the fleet makes a mistake, and nothing where it makes none."""
    ships.close()
    settle(ships.url, ships.ledger)
    seen = Audit(ships.url, ships.ledger).wrong
    assert any(wrong.startswith(rule) for wrong in seen) if ships.harm else not seen, seen
