"""One lease race: a few jobs, several processes that want them, and a world that kills, delays and loses, then lets everything settle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import ClassVar

import pendulum
from attrs import frozen

from taskkit.engine import Settings
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins import hookimpl
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import FINAL
from taskkit.storage import Query, Storage
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault
from taskkit.testing.simulations import Simulation
from taskkit.testing.stage import Turn, seeded

START = pendulum.datetime(2026, 3, 2, 2, 29, tz="UTC")
TURNS = 25


@frozen
class Touch(Script):
    """Says where it is, and keeps how far it came."""

    kind = "touch"
    effect = Effect.IDEMPOTENT
    name: str
    spends: ClassVar[Callable[[], None]] = lambda: None

    def perform(self, run: Run) -> Outcome:
        run.point("begin")
        type(self).spends()
        run.save({"reached": 1 + run.memo.get("reached", 0)})
        run.point("end")
        return DONE


class Offers:
    @hookimpl
    def taskkit_scripts(self) -> list[type[Script]]:
        return [Touch]


PLUGINS = Plugins([Offers()], discover=False)


def race(turns: Iterable[Turn], records: int = 2, handles: Callable[[], Storage] | None = None) -> Simulation:
    """Played to its end; the caller looks whether the laws held, and closes it."""
    vault = MemoryVault([Record(f"r{number}", "unix") for number in range(records)])
    simulation = Simulation(turns=turns, vault=vault, plugins=PLUGINS, start=START, settings=Settings(lease=180), handles=handles)
    engine = simulation.engine
    engine.define(RecordType("unix"))
    engine.define(Touch("touch"))
    engine.put(Task("nightly", "touch", [Daily(at="02:30"), AfterCheckIn()]), list=of_type("unix"))
    for minute in range(6):
        simulation.tell(CheckedIn(f"r{minute % records}"), minutes=minute / 2)
    simulation.run(minutes=20)
    for _ in range(30):  # until nobody steps in any more, and all leases have run out
        if not settled(simulation):
            break
        simulation.run(minutes=5)
    return simulation


def settled(simulation: Simulation) -> list[str]:
    """What has not ended although nothing holds it up any more."""
    due = simulation.clock.now()
    return [
        f"{job.id} is {job.state}" for job in simulation.storage.jobs(Query(), limit=1000).jobs if job.state not in FINAL and job.due <= due
    ]


def checked(turns: Iterable[Turn], handles: Callable[[], Storage] | None = None) -> Simulation:
    with race(turns, handles=handles) as simulation:
        simulation.check()
        assert settled(simulation) == [], simulation.story
    return simulation


def seed(number: int) -> Iterable[Turn]:
    return islice(seeded(number, 6), TURNS)
