"""Jobs that are alike start as one alone would: what they share is found out once, and what is their own for each (J5, J12)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from taskkit.events import Daily, TimeWindow
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.facts import START as BEGIN
from taskkit.facts import Fact
from taskkit.jobs import Job
from taskkit.records import Record
from taskkit.storage import Landed, Move, Query, Unit
from tests.engine.houses import House, hosts


class Nights:
    """Six records, a task, and what makes some of its jobs unlike the others."""

    def __init__(self, **said: Any) -> None:
        other = Record("other", "unix", fields={"host": "10.9.9.9"})
        self.house = House(*hosts(5), other, rng=random.Random(1))
        self.task = self.house.put(Daily(at="02:00"), AfterCheckIn(), **said)

    def pass_by(self) -> None:
        house, engine = self.house, self.house.engine
        for day in range(5):
            house.clock.advance(hours=12)
            if day == 1:
                engine.suspend_task(self.task.id, "h02")
                engine.set_next_run(self.task.id, house.clock.moment.add(hours=20), "h03")
            if day == 2:
                house.vault.put(Record("h04", "unix", fields={"host": "10.1.1.1"}))
                engine.resume_task(self.task.id, "h02")
            house.emit(CheckedIn("h01", id=f"c-{day}"))
            house.clock.advance(hours=14 if day == 3 else 2)  # the check-in waits beside the occurrence, or has had its run
            while engine.work():
                pass
            house.clock.advance(hours=0 if day == 3 else 12)
            while engine.work():
                pass

    def left(self) -> tuple[list[Job], list[tuple[Any, ...]]]:
        facts = self.house.storage.facts(BEGIN)[0]
        return list(self.house.storage.jobs(Query(), limit=1000).jobs), [fact[: Fact._fields.index("chain")] for fact in facts]


@pytest.mark.parametrize("window", [None, TimeWindow("* 1-5 * * *")], ids=["always", "window"])
def test_j05_jobs_that_are_alike_start_as_each_would_alone(window: TimeWindow | None, monkeypatch: pytest.MonkeyPatch) -> None:
    together, alone = Nights(window=window), Nights(window=window)
    together.pass_by()
    monkeypatch.setattr("taskkit.engine._lookups.likeness", lambda job: (object(),))
    alone.pass_by()
    jobs, facts = together.left()
    assert (jobs, facts) == alone.left()
    assert len(jobs) > 15
    assert len(facts) > 40


def test_j05_what_starts_and_ends_a_job_is_written_as_the_store_decides_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory store knows such units by the order of their changes: one that changes its order is as right as before, and slower."""
    nights = Nights()
    nights.pass_by()
    apart = list[Unit]()
    rooms = nights.house.engine._ground.storage._rooms  # type: ignore[attr-defined]
    by_change: Callable[[Unit], Landed] = rooms._land

    def land(unit: Unit) -> Landed:
        apart.append(unit)
        return by_change(unit)

    monkeypatch.setattr(rooms, "_land", land)
    nights.house.clock.advance(days=1)
    assert nights.house.engine.work() == 6
    assert not [unit for unit in apart for change in unit if isinstance(change, Move)]
