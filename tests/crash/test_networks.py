"""The network between workers and PostgreSQL stands still without closing a connection, is slow, forgets connections, and heals (J14).

TASKKIT_KILLS also says how often it is cut: a twentieth of it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.audits import Audit, sane, settle
from tests.crash.fleets import Fleet, fleet, wait_for
from tests.crash.networks import Network, network
from tests.crash.scripts import found
from tests.crash.test_kills import ALL, KILLS
from tests.servers.postgresql import Postgres

_CUTS = max(3, KILLS // 20)


@pytest.fixture
def net(postgres: Postgres) -> Iterator[Network]:
    with network(postgres.port) as net:
        yield net


@pytest.fixture
def ships(net: Network, database: str, tmp_path: Path) -> Iterator[Fleet]:
    """Three processes at work behind the network; whoever looks after them stands before it."""
    with fleet(net.url(database), tmp_path) as ships:
        ships.hurried = True
        with sane(database, ships.ledger) as engine:
            found(engine)
        for number in range(3):
            ships.start(alone=number == 2)
        ships.wait_until_all_go_on()
        yield ships


def test_a_network_that_is_cut_without_a_word_loses_nothing(
    ships: Fleet, net: Network, database: str, record_property: Callable[[str, Any], None]
) -> None:
    """Until all have noticed, or for a moment; both ways, or the answers alone; then it goes on, or has forgotten its connections."""
    seen = Counter[str]()
    for number in range(_CUTS):
        is_long, answers_only, forgets = number % 4 in (0, 3), number % 3 == 1, number % 2 == 1
        seen.update(["long" if is_long else "short", "answers" if answers_only else "both", "forgotten" if forgets else "went on"])
        net.delay = random.choice((0.0, 0.002, 0.02))
        time.sleep(random.uniform(0.05, 0.5))
        cut(ships, net, is_long=is_long, answers_only=answers_only)
        if forgets:
            net.reset()
        net.heal()
        ships.wait_until_all_go_on()
    net.delay = 0.0
    ships.end_all()
    settle(database, ships.ledger)
    audit = Audit(database, ships.ledger, away=True).check()
    told = f"{seen['long']:,} until all had noticed, {seen['answers']:,} of answers alone, {seen['forgotten']:,} with connections forgotten"
    record_property("said", f"crashes: a network cut {_CUTS:,} of {ALL // 20:,} times: {told}; {len(audit.jobs):,} jobs")


def cut(ships: Fleet, net: Network, *, is_long: bool, answers_only: bool) -> None:
    mark = ships.ledger.mark()
    net.cut(answers_only=answers_only)
    if not is_long:
        time.sleep(random.uniform(0, 1))
        return
    pids = {worker.pid for worker in ships.workers}
    wait_for(lambda: pids <= refused(ships, mark), "all have noticed")


def refused(ships: Fleet, mark: int) -> set[int]:
    """The processes that were told that the store is away."""
    return {line["pid"] for line in ships.ledger.lines("refused", after=mark) if line["error"] == "StorageAway"}
