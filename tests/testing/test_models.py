"""Engines on a store, driven against a model that is small enough to be believed (P4, P9, R1, R7, J2 to J5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from taskkit.storage import Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.contracts import EngineModel
from tests.testing.test_simulations import Forgetful

SETTINGS = settings(max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))


class MemoryModel(EngineModel):
    def open(self) -> Callable[[], Storage]:
        return MemoryStorage().join


TestMemoryModel = MemoryModel.TestCase
TestMemoryModel.settings = SETTINGS


class ForgetfulModel(EngineModel):
    """A late writer is let in."""

    def open(self) -> Callable[[], Storage]:
        store = Forgetful()
        return lambda: Forgetful(store._tables)


class LosesCauses(MemoryStorage):
    """Forgets why a job is there when somebody claims it."""

    def causes(self, job: str) -> tuple[()]:
        return ()


class LosingModel(EngineModel):
    def open(self) -> Callable[[], Storage]:
        store = MemoryStorage()
        return lambda: LosesCauses(store._tables)


@pytest.mark.parametrize("wrong", [ForgetfulModel, LosingModel])
def test_a_store_that_is_wrong_is_found(wrong: type[EngineModel]) -> None:
    found = settings(SETTINGS, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(wrong, settings=found)
