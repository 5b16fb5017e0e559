"""What a job writes in pieces: all that any of its runs wrote is its own, seen as soon as its memo may speak of it, and gone with it."""

from __future__ import annotations

import pytest

from taskkit.engine import Settings
from taskkit.errors import NotFound
from taskkit.events.policies import OnDemand
from taskkit.outcomes import DONE, Asks, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.runs import Run
from taskkit.states import State
from taskkit.tasks import Fallback, Task, of_type
from tests.engine.houses import Crash, House, does, hosts

LEASE = Settings().lease


def demanded() -> tuple[House, str]:
    house = House(*hosts(1))
    task = house.engine.put(Task("export", "work", [OnDemand()], fallback=Fallback(cycles=1)), list=of_type("unix"))
    return house, house.engine.demand(task.id, "h01", by="eve")


def read(house: House, id: str) -> list[bytes]:
    return [b"".join(house.engine.storage.open_blob(blob)) for blob in house.engine.job(id).blobs]


@pytest.mark.parametrize("again", ["later", "asks"])
def test_j13_what_an_earlier_run_of_the_job_wrote_is_still_its_own(again: str) -> None:
    house, id = demanded()
    outcome = NotNow(house.clock.moment.add(minutes=1)) if again == "later" else Asks("digest", "a plan")
    house.play.says("h01", does(lambda run: run.blob([b"one"]), outcome), does(lambda run: run.blob([b"two"])))
    house.engine.drain()
    assert read(house, id) == [b"one"]
    house.clock.advance(minutes=1)
    if again == "asks":
        house.engine.consent(id, by="bert")
    house.engine.drain()
    assert (house.engine.job(id).state, read(house, id)) == (State.COMPLETED, [b"one", b"two"])


def test_j13_what_was_written_before_a_memo_outlives_the_worker() -> None:
    """The memo may hold the blob's id: whoever is called again must be able to open it, and no sweep takes it."""
    house, id = demanded()
    opened: list[bytes] = []

    def dies(run: Run) -> Outcome:
        run.save({"blob": run.blob([b"one"])})
        run.blob([b"seen by nobody"])
        raise Crash

    def goes_on(run: Run) -> Outcome:
        opened.extend(house.engine.storage.open_blob(run.memo["blob"]))
        run.blob([b"two"])
        return DONE

    house.play.says("h01", dies, goes_on)
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=LEASE + 1)
    house.enter().drain()
    assert (opened, read(house, id)) == ([b"one"], [b"one", b"two"])
    assert house.storage.sweep_blobs() == 1
    assert read(house, id) == [b"one", b"two"]


def test_j13_what_the_store_has_lost_is_not_named_and_the_memo_is_kept() -> None:
    house, id = demanded()

    def perform(run: Run) -> Outcome:
        lost = run.blob([b"lost"])
        del house.storage._rooms.blobs._pieces[lost]
        run.blob([b"one"])
        run.save({"page": 1})
        assert run.memo == {"page": 1}
        return DONE

    house.play.says("h01", perform)
    house.engine.drain()
    assert (house.engine.job(id).state, read(house, id)) == (State.COMPLETED, [b"one"])


def test_j07_a_retry_begins_with_none_of_what_the_first_try_wrote() -> None:
    house, _ = demanded()
    house.play.says("h01", does(lambda run: run.blob([b"one"]), NotDone(ErrorClass.TIMEOUT)), does(lambda run: run.blob([b"two"])))
    house.engine.drain()
    house.clock.advance(hours=2)
    house.engine.drain()
    assert [read(house, entry.id) for entry in house.entries()] == [[b"one"], [b"two"]]


def test_j08_with_a_job_that_is_purged_its_blobs_leave_the_store() -> None:
    house, id = demanded()
    house.play.says("h01", does(lambda run: run.blob([b"one"])))
    house.engine.drain()
    (blob,) = house.engine.job(id).blobs
    house.clock.advance(days=400)
    house.engine.tick()
    with pytest.raises(NotFound):
        house.engine.storage.open_blob(blob)
    assert house.storage.sweep_blobs() == 0
    assert not house.storage._rooms.blobs._pieces


def test_j08_what_nobody_named_leaves_the_store_once_a_day_also_where_nothing_is_purged() -> None:
    house, _ = demanded()

    def dies(run: Run) -> Outcome:
        run.blob([b"seen by nobody"])
        raise Crash

    house.play.says("h01", dies)
    with pytest.raises(Crash):
        house.enter().work()
    house.engine.tick()
    assert len(house.storage._rooms.blobs._pieces) == 1  # its job may still name it
    house.clock.advance(days=1)
    other = house.enter(settings=Settings(retention={}))
    other.drain()
    house.clock.advance(days=1)
    other.tick()
    assert not house.storage._rooms.blobs._pieces
