"""A nightly task on two hosts, and what tests look at: how jobs wait, and a vault that does not always answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum

from taskkit.events import Daily
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job
from taskkit.outcomes import DONE, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.states import PENDING
from taskkit.storage import Query
from taskkit.tasks import Task
from taskkit.vaults import Records
from tests.engine.houses import UNIX, House, hosts

NIGHTLY = Task("nightly", "work", Daily(at="02:30"))


def waiting(house: House, **query: Any) -> list[Job]:
    return sorted(house.storage.jobs(Query(states=PENDING, **query), limit=100_000).jobs, key=lambda job: (job.record or "", job.due))


def at(text: str) -> Instant:
    moment = pendulum.parse(text)
    assert isinstance(moment, pendulum.DateTime)
    return int(moment.timestamp()) * SECOND


def after(then: Callable[[], object], answer: Outcome = DONE) -> Callable[[Run], Outcome]:
    """What a script answers after it has done something else to the engine."""

    def perform(run: Run) -> Outcome:
        then()
        return answer

    return perform


def with_task(*records: Record, task: Task = NIGHTLY, **said: Any) -> tuple[House, Task]:
    house = House(*(records or hosts(2)), **said)
    return house, house.engine.put(task, list=UNIX)


class Moody(Records):
    """The vault's records; sometimes the vault does not answer."""

    def __init__(self, records: Records) -> None:
        self.records, self.away = records, False

    def _there(self) -> Records:
        if self.away:
            raise ConnectionError("no route")
        return self.records

    def get(self, id: str) -> Record | None:
        return self._there().get(id)

    def all(self) -> Any:
        return self._there().all()


def moody(house: House) -> Moody:
    records = Moody(house.vault.records)
    object.__setattr__(house.vault, "records", records)
    return records
