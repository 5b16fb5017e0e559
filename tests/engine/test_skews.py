"""How far a node's clock is from the store's: known, and told once (J4)."""

from __future__ import annotations

import pytest
from attrs import define, field

from taskkit.engine import Engine
from taskkit.facts import Fact
from taskkit.instants import SECOND
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.storage.memory import MemoryStorage
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import START


@define
class Nodes:
    """A store that has a clock, and nodes on machines with clocks of their own."""

    time: VirtualClock = field(factory=lambda: VirtualClock(START))
    storage: MemoryStorage = field(factory=MemoryStorage)

    def __attrs_post_init__(self) -> None:
        self.storage.clock = self.time

    def enter(self, node: str, own: VirtualClock) -> Engine:
        handle = self.storage.join()
        handle.clock = self.time
        return Engine(MemoryVault(), handle, clock=own, node=node)

    def look(self, *engines: Engine, times: int = 2) -> None:
        """So often, and each time after a while."""
        for _ in range(times):
            self.time.advance(seconds=20)
            for engine in engines:
                engine.tick()

    def told(self) -> list[Fact]:
        return [fact for fact in self.storage.facts({})[0] if fact.kind.startswith("Clock")]


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


def off(nodes: Nodes, seconds: float) -> VirtualClock:
    """A clock of a machine; it stands still, so that it is so far off after the next two looks."""
    own = VirtualClock(START)
    own.jump(nodes.time.moment.add(seconds=seconds + 40))
    return own


def keep_off(nodes: Nodes, own: VirtualClock, engine: Engine, seconds: float, times: int = 2) -> None:
    for _ in range(times):
        nodes.time.advance(seconds=20)
        own.jump(nodes.time.moment.add(seconds=seconds))
        engine.tick()


def test_j04_how_far_a_node_is_from_the_store_is_known(nodes: Nodes) -> None:
    own = VirtualClock(START)
    engine = nodes.enter("east", own)
    own.jump(START.add(seconds=7))
    assert engine.skew() == 7
    own.jump(START.subtract(seconds=90))
    assert engine.skew() == -90


def test_j04_where_the_engine_goes_by_its_own_clock_there_is_nothing_to_compare() -> None:
    engine = Engine(MemoryVault(), clock=VirtualClock(START))
    engine.tick()
    assert engine.skew() is None


def test_j04_a_node_that_is_off_is_told_of_once_and_once_more_when_it_is_right(nodes: Nodes) -> None:
    own = VirtualClock(START)
    engine = nodes.enter("east", own)
    inbox = engine.plugins.notifiers["inbox"]
    assert isinstance(inbox, Inbox)
    keep_off(nodes, own, engine, 4.9, times=5)
    assert not nodes.told()
    keep_off(nodes, own, engine, -6, times=5)
    [fact] = nodes.told()
    assert (fact.kind, fact.details) == ("ClockSkewed", {"node": "east", "ahead": -6.0})
    assert [notice.kind for notice in inbox.take()] == ["ClockSkewed"]
    keep_off(nodes, own, engine, 3600, times=5)  # still off
    keep_off(nodes, own, engine, 4, times=5)  # not so near that it would not be off again soon
    assert len(nodes.told()) == 1
    keep_off(nodes, own, engine, 1, times=5)
    assert [fact.kind for fact in nodes.told()] == ["ClockSkewed", "ClockRighted"]
    keep_off(nodes, own, engine, 60)
    assert [fact.kind for fact in nodes.told()] == ["ClockSkewed", "ClockRighted", "ClockSkewed"]


def test_j04_one_look_alone_proves_nothing(nodes: Nodes) -> None:
    own = VirtualClock(START)
    engine = nodes.enter("east", own)
    for seconds in (60, 0, 60, 0):
        keep_off(nodes, own, engine, seconds, times=1)
    assert not nodes.told()


def test_j04_nobody_looks_more_often_than_every_few_seconds(nodes: Nodes) -> None:
    own = VirtualClock(START.add(hours=1))
    engine = nodes.enter("east", own)
    for _ in range(10):
        nodes.time.advance(seconds=1)
        engine.tick()
    assert not nodes.told()


def test_j04_each_node_is_told_of_by_itself_and_processes_of_one_node_together(nodes: Nodes) -> None:
    west, first, second = (nodes.enter(node, off(nodes, 60)) for node in ("west", "east", "east"))
    nodes.look(west, first, second)
    assert sorted(fact.details["node"] for fact in nodes.told()) == ["east", "west"]


def test_j04_a_node_that_starts_anew_is_not_told_of_again_but_when_it_is_right(nodes: Nodes) -> None:
    nodes.look(nodes.enter("east", off(nodes, 60)))
    nodes.look(nodes.enter("east", off(nodes, 70)), times=3)
    assert len(nodes.told()) == 1
    nodes.look(nodes.enter("east", nodes.time))
    assert [fact.kind for fact in nodes.told()] == ["ClockSkewed", "ClockRighted"]
    assert nodes.told()[-1].at == nodes.time.now()


def test_j04_work_goes_by_the_store_whatever_the_own_clock_does(nodes: Nodes) -> None:
    own = VirtualClock(START)
    engine = nodes.enter("east", own)
    own.jump(START.add(years=10))
    assert engine._ground.now() == nodes.time.now() == own.now() - round(engine.skew() or 0) * SECOND
