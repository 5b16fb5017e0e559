"""What tests of tasks and plug-ins stand on: a clock that moves when told, a vault in memory, an executor that does as scripted."""

from taskkit.testing.clocks import VirtualClock
from taskkit.testing.executors import FakeExecutor
from taskkit.testing.vaults import MemoryVault

__all__ = ["FakeExecutor", "MemoryVault", "VirtualClock"]
