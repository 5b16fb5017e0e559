"""What a person proposes while a job is at work on what they proposed before never comes into force in its place (S2, S4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from taskkit.sqlite_vault import SqliteVault
from taskkit.states import State
from taskkit.testing import MemoryVault
from taskkit.testing.hosts import Reply
from tests.engine import houses
from tests.scripts.rotations import RotationHouse
from tests.vaults.test_sqlite_vault import AT, KEYS


@pytest.fixture(params=["memory", "file"])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RotationHouse]:
    if request.param == "memory":
        yield RotationHouse()
        return

    def made(records: Any, secrets: Any, *, clock: Any, **_: Any) -> SqliteVault:
        vault = SqliteVault(tmp_path / "vault.db", KEYS, clock=clock)
        vault.put(*records)
        for account, values in secrets.items():
            for name, value in values.items():
                vault.change_secret(account, name, value, at=AT)
        return vault

    monkeypatch.setattr(houses, "MemoryVault", made)
    house = RotationHouse()
    with house.vault:  # type: ignore[attr-defined]
        yield house


def meanwhile(deed: Callable[[], object]) -> Callable[[], Reply]:
    """The host takes it, and a person does something before anybody looks."""

    def reply() -> Reply:
        deed()
        return Reply()

    return reply


def test_s02_what_a_person_proposes_meanwhile_is_not_put_in_force_for_what_was_sent(house: RotationHouse) -> None:
    house.vault.propose_secret("ops", "password", "first-by-hand")
    house.box.script_changes("box", meanwhile(lambda: house.vault.propose_secret("ops", "password", "second-by-hand")))
    job = house.rotated(house.rotates())
    assert house.live == "first-by-hand"
    assert house.kept() != "second-by-hand", f"it is in force, and no host has heard of it; the job is {job.state}"
    house.pass_time(hours=3)
    assert house.kept() == house.live or house.engine.intents.all(uncertain=True), "nobody is told"


def test_s04_what_a_person_gave_up_is_not_taken_for_what_they_had_proposed_before(house: RotationHouse) -> None:
    task = house.rotates()
    house.vault.propose_secret("ops", "password", "first-by-hand")
    assert house.rotated(task).state is State.COMPLETED
    house.vault.propose_secret("ops", "password", "second-by-hand")
    house.goes_away_after_a_change()
    house.rotated(task)
    assert (house.live, house.kept()) == ("second-by-hand", "first-by-hand")
    if isinstance(house.vault, MemoryVault):
        house.vault.secrets.of("ops").drop()
    else:
        house.vault.discard_secret("ops", "password", at=AT)
    house.box.up("box")
    house.pass_time(hours=3)
    assert house.kept() == house.live or house.engine.intents.all(uncertain=True), "the recovery says changed, and nobody is told"


def test_s04_what_is_discarded_is_not_said_to_be_in_force_as_another_by_hand_is(house: RotationHouse) -> None:
    slots = house.vault.slots
    assert slots is not None
    for number in (1, 2):
        house.vault.propose_secret("ops", "password", f"by-hand-{number}")
        slot = slots.adopt("ops", 1)
        assert slot is not None
        end = slots.promote if number == 1 else slots.discard
        assert end("ops", slot.attempt, 1)
    assert house.kept() == "by-hand-1"
    assert house.kept("pending") is None
