"""What a start and an intake look up: many documents in one go, and each of them no longer than it is fresh (J12, P9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from taskkit.engine._glances import Glance
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn
from taskkit.jobs import Job, Why
from taskkit.states import State
from taskkit.storage import Document, Keep
from taskkit.storage.memory import MemoryStorage
from tests.engine.houses import House, hosts


class Asked(MemoryStorage):
    """Notes each time that it is asked, and for what."""

    def __init__(self, of: MemoryStorage) -> None:
        super().__init__(of._tables)
        self.asked: list[str] = []

    def document(self, table: str, id: str) -> Document | None:
        self.asked.append(table)
        return super().document(table, id)

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        self.asked.append(table)
        return super().documents(table, group=group, after=after, limit=limit)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        self.asked.append("jobs")
        return super().open_jobs(line, record)

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        self.asked.append(table)
        return {id: found for id in ids if (found := MemoryStorage.document(self, table, id)) is not None}

    def together(self, wanted: Mapping[str, Sequence[str] | None]) -> Mapping[str, Mapping[str, Document]]:
        before, found = list(self.asked), super().together(wanted)
        self.asked = [*before, "together"]
        return found

    def open_at(self, places: Iterable[tuple[str, str | None]]) -> Mapping[tuple[str, str | None], Sequence[Job]]:
        self.asked.append("jobs")
        return {place: MemoryStorage.open_jobs(self, *place) for place in places}


def test_j12_all_that_the_starts_of_a_known_task_ask_the_store_is_asked_in_one_go() -> None:
    house = House(*hosts(5))
    house.put(Daily(at="02:00"))
    engine = house.enter(storage=(storage := Asked(house.storage)))
    house.clock.advance(days=1)
    engine.drain()  # now the task is known by heart
    house.clock.advance(days=1)
    storage.asked.clear()
    assert engine.work(5) == 5
    assert storage.asked == ["pause", "together"]


def test_p09_for_many_happenings_lists_and_open_jobs_are_looked_up_together() -> None:
    house = House(*hosts(5))
    house.put(AfterCheckIn())
    engine = house.enter(storage=(storage := Asked(house.storage)))
    storage.asked.clear()
    assert len(engine.emit(*(CheckedIn(f"h{number:02}") for number in range(1, 6)))) == 5
    assert storage.asked == ["list", "task", "standing", "jobs", "definition"]


@pytest.mark.parametrize("ask", [lambda glance: glance.one("colour", "sky"), lambda glance: next(iter(glance.all("shape")), None)])
def test_j12_what_was_looked_up_together_is_asked_for_again_after_a_second(ask: Callable[[Glance], Document | None]) -> None:
    house = House(*hosts(1))
    glance = Glance(house.engine._ground, {"colour": ["sky"], "shape": None})
    house.storage.write([(Keep("colour", "sky", 0, {}), Keep("shape", "sky", 0, {}))])
    assert ask(glance) is None
    house.clock.advance(seconds=1)
    assert ask(glance) is not None


def test_j12_what_nobody_looked_up_beforehand_is_asked_for() -> None:
    house = House(*hosts(1))
    glance = Glance(house.engine._ground, {"colour": ["sky"]})
    house.storage.write([(Keep("colour", "sun", 0, {}), Keep("shape", "sky", 0, {}))])
    assert glance.one("colour", "sun") is not None
    assert [kept.id for kept in glance.all("shape")] == ["sky"]


def test_j12_a_host_that_was_paused_before_the_start_is_seen_by_it() -> None:
    house = House(*hosts(2))
    house.put(Daily(at="02:00"))
    house.clock.advance(days=1)
    house.engine.drain()
    house.clock.advance(days=1)
    house.engine.pause("host:host01", why="moves")
    house.engine.drain()
    assert [(entry.record, entry.why) for entry in house.entries(states=State.DEFERRED)] == [("h01", Why.HOST_PAUSED)]
