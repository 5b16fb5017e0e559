"""The pytest plug-in: fixtures for tests of tasks, and reports of the contracts that suites prove.

It is loaded into every session of whoever has taskkit installed, so it imports pytest and nothing else: what a fixture needs is read when
a test asks for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from taskkit.testing._reports import Reports

if TYPE_CHECKING:
    from taskkit.engine import Engine, Settings
    from taskkit.storage import Storage
    from taskkit.testing.clocks import VirtualClock
    from taskkit.testing.executors import FakeExecutor
    from taskkit.testing.houses import House
    from taskkit.testing.vaults import MemoryVault
    from taskkit.vaults import Vault

pytest.register_assert_rewrite("taskkit.testing.contracts")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("taskkit")
    group.addoption("--taskkit-report", metavar="FILE", help="write what became of each clause of each contract, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Reports(config), "taskkit-reports")


# a house for tests


@pytest.fixture
def taskkit_clock() -> VirtualClock:
    """A clock that stands still, on Monday, 2 March 2026, at midnight UTC, until the test moves it."""
    import pendulum

    from taskkit.testing.clocks import VirtualClock

    return VirtualClock(pendulum.datetime(2026, 3, 2, tz="UTC"))


@pytest.fixture
def taskkit_vault(taskkit_clock: VirtualClock) -> MemoryVault:
    """A vault without records; put some, or give one of your own."""
    from taskkit.testing.vaults import MemoryVault

    return MemoryVault(clock=taskkit_clock)


@pytest.fixture
def taskkit_storage() -> Storage:
    """A store in memory, new for each test."""
    from taskkit.storage.memory import MemoryStorage

    return MemoryStorage()


@pytest.fixture
def taskkit_plugins() -> Iterable[object]:
    """Plug-ins to test with, beside those that are installed; none, until you give some."""
    return ()


@pytest.fixture
def taskkit_settings() -> Settings:
    """The settings of the engine."""
    from taskkit.engine import Settings

    return Settings()


@pytest.fixture
def taskkit_hosts(taskkit_clock: VirtualClock) -> FakeExecutor:
    """What record types with `executor="fake"` are reached by: hosts that do as the test says."""
    from taskkit.testing.executors import FakeExecutor

    return FakeExecutor(clock=taskkit_clock)


@pytest.fixture
def taskkit_engine(
    taskkit_vault: Vault,
    taskkit_storage: Storage,
    taskkit_clock: VirtualClock,
    taskkit_plugins: Iterable[object],
    taskkit_settings: Settings,
    taskkit_hosts: FakeExecutor,
) -> Iterator[Engine]:
    """An engine over all of these, whose draws are the same in each test; one that still runs in threads at the end is stopped."""
    from taskkit.engine import Engine
    from taskkit.plugins import hookimpl

    class Hosts:
        @hookimpl
        def taskkit_executors(self) -> Iterable[Any]:
            return (taskkit_hosts,)

    engine = Engine(
        taskkit_vault, taskkit_storage, clock=taskkit_clock, plugins=(Hosts(), *taskkit_plugins), settings=taskkit_settings,
        node="test", rng=random.Random(1),  # noqa: S311  it draws days, not secrets
    )  # fmt: skip
    yield engine
    _stop(engine)


@pytest.fixture
def taskkit_house(taskkit_engine: Engine, taskkit_clock: VirtualClock) -> House:
    """The engine and its clock, for time that passes from event to event."""
    from taskkit.testing.houses import House

    return House(taskkit_engine, taskkit_clock)


_PATIENCE = 10.0


def _stop(engine: Engine) -> None:
    """Nothing of a test works on behind the next one."""
    until = time.monotonic() + _PATIENCE
    while (floor := engine._floor) is not None:
        floor._stop.set()  # once more: one that is just beginning takes the event that it was given
        if time.monotonic() > until:
            pytest.fail(f"the engine of this test was told to stop, and still runs after {_PATIENCE:g} seconds: a script of it hangs")
        time.sleep(0.01)
