"""Processes are killed, at random moments and at named places: nothing is lost, and nothing that may not be done twice is (J5, J10, J14).

TASKKIT_KILLS says how many in all; a nox session kills a thousand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from taskkit.events.happenings import SessionEnded
from taskkit.states import State
from tests.crash.audits import Audit, sane, settle
from tests.crash.conftest import Places
from tests.crash.fleets import AT_RANDOM, fleet, wait_for
from tests.crash.mortals import OF_POSTGRES, OF_SCRIPTS, OF_STORES
from tests.crash.scripts import found

SOME, ALL = 36, 1_000
KILLS = int(os.environ.get("TASKKIT_KILLS", SOME))
_ROUND = 50


def test_j10_whoever_is_killed_wherever_nothing_is_lost_and_nothing_done_twice(
    places: Places, tmp_path_factory: pytest.TempPathFactory, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    kills, died, jobs, rescues, doubts, wanted = 0, Counter[str](), 0, 0, 0, KILLS // 2
    while kills < wanted:
        with places() as url, fleet(url, tmp_path_factory.mktemp("crash"), seed=kills) as ships:
            with sane(url, ships.ledger) as engine:
                found(engine)
            ships.rage(min(_ROUND, wanted - kills))
            ships.kill_all()
            settle(url, ships.ledger)
            audit = Audit(url, ships.ledger).check()
            kills, died, jobs, rescues = kills + ships.kills, died + ships.died, jobs + len(audit.jobs), rescues + audit.rescues
            doubts += audit.count(State.UNCERTAIN)
            assert audit.count(State.COMPLETED) > audit.count(State.UNCERTAIN)
    named = {place: count for place, count in died.items() if place != AT_RANDOM}
    kind = request.node.callspec.params["places"]
    deaths = f"{died[AT_RANDOM]:,} anywhere, {sum(named.values()):,} at {len(named)} named places"
    record_property("said", f"crashes: {kills:,} of {ALL // 2:,} processes killed on {kind}: {deaths}")
    record_property("said", f"crashes: {jobs:,} jobs on {kind}, {rescues:,} rescued, {doubts:,} uncertain")
    assert rescues
    if wanted >= ALL // 2:
        assert set(named) == {*OF_STORES, *OF_SCRIPTS, *(OF_POSTGRES if kind == "postgresql" else ())}


def test_processes_that_begin_together_make_one_store(url: str, tmp_path: Path) -> None:
    with fleet(url, tmp_path) as ships:
        for _ in range(4):
            ships.start(feeds=None)
        wait_for(lambda: len([*ships.ledger.lines("began", "broken")]) == 4, "all four began")
        assert not [*ships.ledger.lines("broken")]
        with sane(url, ships.ledger) as engine:
            found(engine)
            engine.emit(SessionEnded("r0"))
        wait_for(lambda: [*ships.ledger.lines("performed")], "somebody has worked")
        ships.end_all()
        settle(url, ships.ledger)
        Audit(url, ships.ledger).check()
