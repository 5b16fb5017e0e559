"""Tasks and definitions as they stood before: kept while a job may go by them, and forgotten with the last of these (J8, R10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Settings
from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.instants import DAY
from taskkit.outcomes import ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.states import FINAL, State
from taskkit.storage import Document, Insert, Query, Slice
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from tests.engine.houses import Crash, House, does, hosts

UNIX = of_type("unix")
DAYS = 5
SHORT = Settings(retention=dict.fromkeys(FINAL - {State.UNCERTAIN}, DAYS), lease=3600)
MIXED = Settings(retention={State.COMPLETED: 2, State.ERROR: DAYS, State.CANCELED: 1}, lease=3600)


def house_of(count: int = 1, settings: Settings = SHORT) -> tuple[House, Task]:
    house = House(*hosts(count), settings=settings)
    return house, house.engine.put(Task("rotate", "work", [OnDemand()]), list=UNIX)


def ids(house: House, table: str) -> list[str]:
    return [kept.id for kept in house.storage.documents(table)]


def edited(house: House, task: str, **changes: Any) -> Task:
    return house.engine.edit(evolve(house.engine.task(task), **changes))


def days(house: House, count: int) -> None:
    for _ in range(count):
        house.clock.advance(days=1)
        house.engine.tick()


def test_j08_what_stood_before_is_forgotten_with_the_last_job_that_may_have_gone_by_it() -> None:
    house, task = house_of()
    house.engine.demand(task.id, "h01")
    house.engine.drain()
    edited(house, task.id, deadline=60)
    house.engine.define(house.Scripted("work", says="louder"))
    days(house, DAYS + 1)
    assert (len(ids(house, "past")), ids(house, "version")) == (2, ["work@1"])  # the second by the script, which its task chose
    days(house, 1)
    assert (ids(house, "past"), ids(house, "version"), house.entries()) == ([], [], [])
    assert house.engine.task(task.id).revision == 3
    assert house.engine.definition("work").says == "louder"


def test_j08_what_a_job_went_by_is_kept_as_long_as_its_series() -> None:
    """Longer than any state is: a later job of it has ended later."""
    house, task = house_of()
    first = house.engine.demand(task.id, "h01")
    house.engine.drain()
    edited(house, task.id, deadline=60)
    job = house.storage.job(first)
    assert job is not None
    assert job.ended is not None
    fields = {"id": "later", "series": first, "state": State.COMPLETED, "planned_for": 2, "ended": job.ended + 4 * DAY}
    house.storage.write([(Insert(job.with_(fields)),)])
    days(house, DAYS + 4)
    assert (len(house.entries()), ids(house, "past")) == (2, [f"{task.id}@1"])
    days(house, 3 * DAYS)
    assert (house.entries(), ids(house, "past")) == ([], [])


def test_j08_days_after_a_downtime_are_made_up_for() -> None:
    house, task = house_of()
    for _ in range(3):
        edited(house, task.id, deadline=house.engine.task(task.id).deadline - 1)
        house.clock.advance(days=1)  # nobody works
    house.clock.advance(days=100)
    house.enter().tick()
    assert ids(house, "past") == []


def test_j08_the_longest_retention_counts() -> None:
    house, task = house_of(settings=MIXED)
    edited(house, task.id, deadline=60)
    days(house, DAYS)
    assert len(ids(house, "past")) == 1
    days(house, 2)
    assert ids(house, "past") == []


def test_j08_without_a_retention_nothing_is_forgotten() -> None:
    house, task = house_of(settings=Settings(retention={}))
    edited(house, task.id, deadline=60)
    days(house, 3)
    house.clock.advance(days=4000)
    house.engine.tick()
    assert len(ids(house, "past")) == 1


def waiting_on(house: House, task: str) -> str:
    """A job that has begun, and was lost by its worker; nobody takes it over until its pool is resumed."""

    def crash(run: Run) -> Outcome:
        raise Crash

    house.play.says("h01", crash)
    job = house.engine.demand(task, "h01")
    with pytest.raises(Crash):
        house.engine.drain()
    house.engine.pause("pool:local")
    return job


@pytest.mark.parametrize("far", [DAYS, 10 * DAYS])
def test_r10_a_job_that_began_goes_on_as_it_began_however_long_that_takes(far: int) -> None:
    house, task = house_of()
    job = waiting_on(house, task.id)
    house.engine.define(house.Scripted("work", says="louder"))
    edited(house, task.id, deadline=60)
    house.engine.remove(task.id)
    days(house, far)
    said: list[Any] = []
    house.play.says("h01", does(lambda run: said.append(run.task.deadline)))
    house.engine.resume("pool:local")
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    assert said == [3600]
    days(house, DAYS)
    assert (ids(house, "version"), ids(house, "removed"), len(ids(house, "past"))) == (["work@1"], [task.id], 1)
    days(house, 2)
    assert (ids(house, "version"), ids(house, "past"), ids(house, "removed")) == ([], [], [])


def test_j08_what_a_job_ran_that_is_kept_for_ever_is_kept_with_it() -> None:
    house, task = house_of(2, settings=Settings(retention=dict.fromkeys(FINAL - {State.ERROR}, DAYS)))
    house.play.says("h01", NotDone(ErrorClass.PERMISSION, "no"))
    for record in ("h01", "h02"):
        house.engine.demand(task.id, record)
    house.engine.drain()
    edited(house, task.id, deadline=60)
    house.engine.define(house.Scripted("work", says="louder"))
    house.engine.remove(task.id)
    days(house, 4 * DAYS)
    assert [entry.state for entry in house.entries()] == [State.ERROR]
    assert ids(house, "past") == [f"{task.id}@1"]
    assert (ids(house, "version"), ids(house, "removed")) == (["work@1"], [task.id])
    assert house.engine.history(task=task.id).entries[0].state is State.ERROR


def test_r10_a_removed_definition_goes_on_where_its_versions_ended() -> None:
    house, _ = house_of()
    house.engine.define(house.Scripted("other"))
    house.engine.undefine("other")
    assert ids(house, "version") == ["other@1"]
    days(house, DAYS + 2)
    assert ids(house, "version") == []
    assert house.engine.define(house.Scripted("other")) == 3


def test_j08_of_a_removed_task_nothing_is_left_in_the_end() -> None:
    house = House(*hosts(1), settings=SHORT)
    task = house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX)
    days(house, 1)
    house.engine.drain()
    days(house, DAYS + 1)
    assert ids(house, "runs") == [task.id]  # noted before the job was forgotten
    house.engine.suspend_task(task.id, "h01")
    house.engine.remove(task.id)
    days(house, DAYS + 1)
    assert (ids(house, "removed"), ids(house, "runs"), ids(house, "standing")) == ([task.id], [task.id], [f"{task.line}/h01"])
    days(house, 1)
    assert (ids(house, "removed"), ids(house, "runs"), ids(house, "standing")) == ([], [], [])


def test_r01_how_a_line_stands_is_kept_while_a_task_of_the_line_is() -> None:
    """A copy goes, the task of the type stays, and what was suspended is suspended."""
    house, task = house_of()
    house.engine.suspend_task(task.id, "h01")
    house.engine.make_unique("h01")
    house.engine.share_again("h01")
    days(house, DAYS + 2)
    assert ids(house, "removed") == []
    assert ids(house, "standing") == [f"{task.line}/h01"]


def test_t13_first_and_last_run_stay_as_long_as_the_task() -> None:
    house, task = house_of()
    house.engine.demand(task.id, "h01")
    house.engine.drain()
    edited(house, task.id, deadline=60)
    days(house, 4 * DAYS)
    assert ids(house, "runs") == [task.id]


class Counting(MemoryStorage):
    """How often jobs and documents are looked through."""

    def __init__(self, of: MemoryStorage) -> None:
        super().__init__(of._tables)
        self.looks: list[Query] = []
        self.pages = 0

    def jobs(self, query: Query, **said: Any) -> Slice:
        self.looks.append(query)
        return super().jobs(query, **said)

    def documents(self, *what: Any, **said: Any) -> Sequence[Document]:
        self.pages += 1
        return super().documents(*what, **said)


def test_j08_the_days_before_the_first_change_are_not_looked_through() -> None:
    house, task = house_of()
    edited(house, task.id, deadline=60)
    counting = Counting(house.storage)
    house.enter(storage=counting).tick()
    assert counting.pages < 50


def test_j08_the_jobs_are_looked_through_once_a_day_for_all_and_only_where_something_was_replaced() -> None:
    house, _ = house_of()
    for number in range(20):
        task = house.engine.put(Task(f"t{number}", "work"))
        edited(house, task.id, deadline=60)
    house.clock.advance(days=1)
    looks: list[int] = []
    for _ in range(4):
        counting = Counting(house.storage)
        house.enter(storage=counting).tick()
        looks.append(len([query for query in counting.looks if query.states and query.states.isdisjoint(FINAL)]))
        house.clock.advance(days=1)
    assert looks == [looks[1] + 1] + [looks[1]] * 3
