"""Selections in the engine: the vault evaluates them when the job runs, as the person behind the task (R9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskkit.errors import InvalidValue
from taskkit.events.policies import OnDemand
from taskkit.records import Record
from taskkit.selections import Everything, FieldIs, Listed, OfType, OfVault, Selection, Tagged
from taskkit.states import State
from taskkit.tasks import Task, of_record, of_type
from tests.engine.houses import House, kept

RECORDS = [
    Record("u1", "unix", fields={"zone": "dmz"}, tags="prod"),
    Record("u2", "unix", tags="test"),
    Record("w1", "windows", fields={"zone": "dmz"}, tags="prod"),
]


def run(house: House, selection: Selection, by: str | None = None) -> list[str | None]:
    task = house.engine.put(Task("t", "work", OnDemand(), selection=selection), by=by)
    house.engine.demand(task.id)
    house.engine.drain()
    return sorted((record for _, record in house.play.performed), key=str)


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Everything(), ["u1", "u2", "w1"]),
        (OfType("unix") & Tagged("prod"), ["u1"]),
        (FieldIs("zone", "dmz") & ~Listed("u1"), ["w1"]),
        (Tagged("nothing"), []),
    ],
)
def test_r09_a_task_runs_on_what_its_filter_finds(selection: Selection, found: list[str]) -> None:
    assert run(House(*RECORDS), selection) == found


def test_r09_the_filter_is_evaluated_when_the_job_runs_and_not_before() -> None:
    house = House(*RECORDS)
    task = house.engine.put(Task("t", "work", OnDemand(), selection=Tagged("prod")))
    house.engine.demand(task.id)
    house.vault.put(Record("u3", "unix", tags="prod"))
    house.vault.change("u1", tags={"test"})
    house.engine.drain()
    assert sorted(house.play.performed) == [("work", "u3"), ("work", "w1")]


def test_a01_the_vault_is_asked_as_the_person_behind_the_task() -> None:
    house = House(*RECORDS)
    run(house, Everything(), by="anna")
    assert "anna" in house.vault.records.read_by


class _Reading:
    """A vault that reads words of its own."""

    def __init__(self, house: House) -> None:
        self.records = house.vault.records
        self.asked: list[Selection] = []

    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        self.asked.append(selection)
        words = selection.words if isinstance(selection, OfVault) else {}
        return (record for record in self.records.all() if record.id.startswith(str(words.get("begins", ""))))


def test_r09_a_filter_in_the_vaults_own_words_is_handed_to_it_as_it_is() -> None:
    house = House(*RECORDS)
    reading = _Reading(house)
    house.vault.records.find = reading.find  # type: ignore[method-assign]
    assert run(house, OfVault({"begins": "u"})) == ["u1", "u2"]
    assert reading.asked == [OfVault({"begins": "u"})]


def test_r09_a_vault_that_cannot_read_its_words_fails_the_job_and_touches_nothing() -> None:
    house = House(*RECORDS)
    assert run(house, OfVault({"begins": "u"})) == []
    (entry,) = house.entries()
    assert entry.state is State.ERROR
    assert "only the vault can read it" in entry.text


@pytest.mark.parametrize("list", [of_type("unix"), of_record("u1")])
def test_r09_a_task_of_a_type_or_record_has_no_filter(list: str) -> None:
    house = House(*RECORDS)
    house.engine.make_unique("u1")
    before = kept(house.storage)
    with pytest.raises(InvalidValue, match="has no selection; put it on the system's list"):
        house.engine.put(Task("t", "work", selection=Everything()), list=list)
    assert kept(house.storage) == before
