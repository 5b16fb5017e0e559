"""Slots and kept secrets as a run sees them: deeds that touch, secrets that are scrubbed, late ones that end nothing (S1, S4, J3, J10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from taskkit.engine._border import guarded
from taskkit.errors import StaleToken
from taskkit.outcomes import Done, Effect, Outcome
from taskkit.plugins.runs import Run
from taskkit.scrubbing import REPLACED
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.testing import MemoryVault, Trial
from taskkit.vaults import Slots, Vault
from tests.engine.test_outcomes import ended, house_of

CANDIDATE = "a-candidate-of-a-horse"
NEW = {"password": Secret(CANDIDATE)}


def slots_of(run: Any) -> Slots:
    found: Vault = run.vault
    assert found.slots is not None
    return found.slots


DEEDS: Mapping[str, Callable[[Any], object]] = {
    "propose": lambda run: slots_of(run).propose("h01", NEW, "attempt-1", run.token),
    "adopt": lambda run: slots_of(run).adopt("h01", run.token),
    "promote": lambda run: slots_of(run).promote("h01", "attempt-1", run.token),
    "discard": lambda run: slots_of(run).discard("h01", "attempt-1", run.token),
    "keep": lambda run: run.vault.secrets.keep("h01", NEW, "attempt-1", run.token),
}
FACETS = {name: "secrets" if name == "keep" else "slots" for name in DEEDS}


@pytest.mark.parametrize("name", DEEDS)
def test_j10_whatever_a_run_does_to_a_candidate_is_a_touch(name: str) -> None:
    with Trial().run() as run:
        seen: Any = run
        slots_of(run)
        assert not seen.touched
        DEEDS[name](run)
        assert seen.touched


@pytest.mark.parametrize("name", DEEDS)
def test_j10_a_vault_that_is_away_in_the_middle_of_it_leaves_it_unknown(name: str) -> None:
    house = house_of(Effect.BLIND)

    def fails(*asked: object) -> Any:
        raise ConnectionError(CANDIDATE)

    setattr(getattr(house.vault, FACETS[name]), name, fails)
    house.play.says("h01", lambda run: Done({"answer": DEEDS[name](run)}))
    house.engine.drain()
    assert ended(house).state is State.UNCERTAIN
    assert CANDIDATE not in str(ended(house))


@pytest.mark.parametrize("name", DEEDS)
def test_j03_a_stale_token_of_the_vault_passes_as_it_is_and_the_job_is_left_to_the_newer_one(name: str) -> None:
    house = house_of(Effect.BLIND)
    raised: list[StaleToken] = []
    assert house.vault.slots is not None
    house.vault.slots.adopt("h01", 2**62)

    def late(run: Run) -> Outcome:
        try:
            DEEDS[name](run)
        except StaleToken as error:
            raised.append(error)
            raise
        return Done()

    house.play.says("h01", late)
    house.engine.drain()
    assert "is lower than" in str(raised)
    lost = ended(house)
    assert lost.state is State.RUNNING
    assert [fact.kind for fact in house.engine.facts() if fact.job == lost.id] == ["JobStarted"], "it tells an end"


def test_s01_what_a_slot_gives_is_scrubbed_from_whatever_the_run_says() -> None:
    house = house_of()
    assert house.vault.slots is not None
    house.vault.slots.propose("h01", NEW, "attempt-1", 1)

    def says(run: Run) -> Outcome:
        found = slots_of(run).adopt("h01", run.token)
        assert found is not None
        return Done({"said": found.secrets["password"].reveal()})

    house.play.says("h01", says)
    house.engine.drain()
    assert ended(house).result == {"said": REPLACED}


@pytest.mark.parametrize("name", ["propose", "keep"])
def test_s01_what_a_run_gives_to_the_vault_is_scrubbed_as_well(name: str) -> None:
    """It made the candidate itself, and a host says it back."""
    house = house_of()

    def says(run: Run) -> Outcome:
        assert DEEDS[name](run)
        return Done({"said": CANDIDATE})

    house.play.says("h01", says)
    house.engine.drain()
    assert ended(house).result == {"said": REPLACED}


def test_s01_so_it_is_where_it_is_given_by_name() -> None:
    kept: list[Secret] = []
    vault = guarded(MemoryVault(), lambda: None, kept.append)
    assert vault.slots is not None
    vault.slots.propose("h01", secrets=NEW, attempt="attempt-1", token=1)
    assert kept == [*NEW.values()]


def test_s02_a_vault_without_slots_has_none_in_a_run_either() -> None:
    vault = guarded(MemoryVault(slots=False), lambda: None, lambda secret: None)
    assert vault.slots is None
