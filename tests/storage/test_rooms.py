"""What only the memory store promises: nothing is left of what was taken back, and history weighs on nobody."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from taskkit.errors import InvalidValue
from taskkit.instants import DAY
from taskkit.states import Step
from taskkit.storage import Insert, Move, Query
from taskkit.storage._journal import Journal
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.contracts.storage._changes import CHANGES, furnished
from taskkit.testing.contracts.storage._makings import HOUR, NOW, POISON, ended, fired, job, lands, occurrence, told
from taskkit.testing.contracts.storage._makings import cause as cause_of
from taskkit.testing.contracts.storage._walks import Walker

#: Entries of heaps are passed over where they fit no job, leases are a bound, and numbers may have gaps.
PASSED_OVER = {"_heaps", "_most", "_ended", "_first_lease", "_token", "_numbers", "lock", "freed", "_like"}


def deep(value: Any) -> Any:
    """All that a room holds, without what is empty."""
    if isinstance(value, dict):
        return {key: held for key, one in value.items() if (held := deep(one)) not in ({}, [], ())}
    if isinstance(value, list):
        return [deep(one) for one in value]
    if type(value).__module__.startswith("taskkit.storage._"):
        return deep({name: one for name, one in vars(value).items() if name not in PASSED_OVER} if hasattr(value, "__dict__") else {})
    return value if not callable(value) else None


def rooms(store: MemoryStorage) -> Any:
    for chain in store._tables.chains._chains.values():
        assert len(chain.texts) == chain.last - chain.base.position  # written down
    found = {name: deep(getattr(store._rooms, name)) for name in ("jobs", "fires", "dues", "holds", "documents", "blobs")}
    return found | {"chains": deep(store._tables.chains)}


def order(value: Any) -> Any:
    """The order of what dictionaries hold, too, where somebody sees it."""
    return [list(several) for several in value.of_jobs.values()]


@pytest.mark.parametrize("name", CHANGES)
def test_c01_taking_back_leaves_every_room_as_it_was(name: str) -> None:
    one = furnished(MemoryStorage())
    assert isinstance(one.store, MemoryStorage)
    changes, before, causes = CHANGES[name](one), rooms(one.store), order(one.store._rooms.fires)
    assert not one.store.write([(*changes, POISON)])[0]
    assert rooms(one.store) == before
    assert order(one.store._rooms.fires) == causes
    assert one.store._rooms.journal.log == []


@pytest.mark.parametrize("seed", range(20, 40))
def test_c01_a_random_unit_that_is_refused_leaves_every_room_as_it_was(seed: int) -> None:
    store = MemoryStorage()
    walker = Walker(store, seed)
    for turn in range(150):
        unit, before = walker.unit(), rooms(store)
        place = walker.rng.randint(0, len(unit))
        assert not store.write([(*unit[:place], POISON, *unit[place:])])[0]
        assert rooms(store) == before
        landed = store.write([unit])[0]
        assert landed or rooms(store) == before
        if turn % 7 == 0:
            store.claim(walker.now, worker="w", node="n", pools=["local", "dmz"], limit=2, lease=walker.now + 3)


def test_a_journal_takes_back_the_last_change_first() -> None:
    journal, table = Journal(), {"a": 1}
    journal.put(table, "a", 2)
    mark = len(journal.log)
    journal.drop(table, "a")
    journal.put(table, "a", 3)
    journal.put(table, "b", 4)
    journal.drop(table, "none")
    journal.take_back(mark)
    assert table == {"a": 2}
    journal.take_back()
    assert (table, journal.log) == ({"a": 1}, [])


def test_what_was_noted_and_not_done_can_be_taken_back() -> None:
    """An interrupt may come between the two."""
    journal, table = Journal(), dict[str, int]()
    journal.put(table, "a", 1)
    del table["a"]
    journal.take_back()
    assert table == {}


def test_what_grows_with_history_is_nothing_that_the_collector_looks_into() -> None:
    store = MemoryStorage()
    for number in range(3000):
        lands(store, Insert(occurrence("j" + str(number), f"f{number}", record=f"r{number}")), told())
        lands(store, Move(f"j{number}", Step.CANCEL, 1, fields={"ended": NOW}))
    for _ in range(3):  # of a row, then of those that hold it
        gc.collect()
    tables = store._rooms
    (chain,) = store._tables.chains._chains.values()
    history: list[Any] = [tables.fires.kept, tables.jobs.number, chain.texts, chain.hashes, tables.jobs._lines["l"]]
    assert [len(one) >= 3000 for one in history] == [True] * len(history)
    ended = tables.jobs._ended.values()
    assert sum(map(len, ended)) == 3000
    assert not any(map(gc.is_tracked, (*history, *ended)))
    assert (tables.jobs.in_hand, tables.jobs.resting, tables.jobs.lent) == ({}, {}, {})


def test_a_job_that_is_moved_again_and_again_does_not_fill_the_heap() -> None:
    store = MemoryStorage()
    lands(store, *(Insert(job(f"j{number}", due=NOW + HOUR)) for number in range(10)))
    for revision in range(1, 1001):
        store.write([(Move(f"j{number}", Step.REPLAN, revision, fields={"due": NOW + HOUR + revision % 9}),) for number in range(10)])
    assert len(store._rooms.dues._heaps["local"]) < 2100
    assert store.next_due(["local"]) == NOW + HOUR + 1000 % 9


def test_j03_a_job_that_came_back_to_the_same_time_is_claimed_once() -> None:
    """Its queue holds two entries for it, both of which would count."""
    store = MemoryStorage()
    lands(store, Insert(job("a", due=NOW)))
    for revision, due in enumerate((NOW + HOUR, NOW), 1):
        lands(store, Move("a", Step.REPLAN, revision, fields={"due": due}))
    claimed = store.claim(NOW, worker="w", node="n", pools=["local"], limit=9, lease=NOW + HOUR)
    assert [one.job.id for one in claimed] == ["a"]
    assert store.claim(NOW, worker="w", node="n", pools=["local"], limit=9, lease=NOW + HOUR) == []


def test_beats_and_ended_jobs_leave_no_leases_behind() -> None:
    store = MemoryStorage()
    for number in range(50):
        lands(store, Insert(job(f"j{number}")))
        (one,) = store.claim(NOW, worker="w", node="n", pools=["local"], limit=1, lease=NOW + HOUR)
        for _ in range(20):
            lands(store, Move(one.job.id, Step.BEAT, token=one.job.token, fields={"lease": NOW + HOUR}))
        lands(store, Move(one.job.id, Step.CANCEL, token=one.job.token, fields={"ended": NOW}))
    assert store._rooms.jobs.lent == {}


def test_joins_of_one_handle_share_the_store_and_not_the_chain() -> None:
    store = MemoryStorage()
    ended(store, fired("a"))
    lands(store, Insert(fired("b"), (cause_of("b", "h"),)))
    assert store.join().job("a") == store.job("a")
    assert store.join().chain != store.join().chain


def test_fires_of_purged_jobs_are_forgotten_in_the_end() -> None:
    store, end = MemoryStorage(), NOW + 400 * DAY
    lands(store, Insert(occurrence("a", "f", due=end), (cause_of("a", "h"),)))
    lands(store, Move("a", Step.CANCEL, 1, fields={"ended": end}))
    ended(store, job("later", created=end), end + 91 * DAY)
    assert store.purge([Query()]) == [2]
    lands(store, Insert(occurrence("b", "f")), Insert(fired("c"), (cause_of("c", "h"),)))


def test_a_page_without_its_second_half_is_none() -> None:
    for page in ("1", "1:"):
        with pytest.raises(InvalidValue):
            MemoryStorage().jobs(Query(), page=page)
