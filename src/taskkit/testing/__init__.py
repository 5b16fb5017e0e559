"""What tests of tasks and plug-ins stand on: a clock that moves when told, a vault in memory, an executor that does as scripted, words for
what is expected, and simulations of several processes in an order that a seed decides.

All of it is read when it is first used: the pytest plug-in stands here, too, and is loaded into every session.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskkit.testing.clocks import VirtualClock
    from taskkit.testing.crash_kit import CrashKit
    from taskkit.testing.crash_reports import CrashReport, Finding, Place, Verdict
    from taskkit.testing.executors import FakeExecutor
    from taskkit.testing.expectations import Expectations, expect
    from taskkit.testing.hosts import Reply
    from taskkit.testing.houses import House
    from taskkit.testing.laws import Broken, Laws
    from taskkit.testing.mishaps import MISHAPS, Mishap
    from taskkit.testing.orders import Orders
    from taskkit.testing.simulations import Simulation
    from taskkit.testing.stage import Act, Turn, seeded, turns
    from taskkit.testing.transcripts import Drift, Recording, Remark, Replay, Transcript
    from taskkit.testing.trials import Trial, running
    from taskkit.testing.vaults import MemoryVault
    from taskkit.testing.worlds import RotationWorld, played_world

_ROOMS = {
    "clocks": "VirtualClock",
    "crash_kit": "CrashKit",
    "crash_reports": "CrashReport Finding Place Verdict",
    "executors": "FakeExecutor",
    "expectations": "Expectations expect",
    "hosts": "Reply",
    "houses": "House",
    "laws": "Broken Laws",
    "mishaps": "MISHAPS Mishap",
    "orders": "Orders",
    "simulations": "Simulation",
    "stage": "Act Turn seeded turns",
    "transcripts": "Drift Recording Remark Replay Transcript",
    "trials": "Trial running",
    "vaults": "MemoryVault",
    "worlds": "RotationWorld played_world",
}
_LATE = {name: room for room, names in _ROOMS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "MISHAPS",
    "Act",
    "Broken",
    "CrashKit",
    "CrashReport",
    "Drift",
    "Expectations",
    "FakeExecutor",
    "Finding",
    "House",
    "Laws",
    "MemoryVault",
    "Mishap",
    "Orders",
    "Place",
    "Recording",
    "Remark",
    "Replay",
    "Reply",
    "RotationWorld",
    "Simulation",
    "Transcript",
    "Trial",
    "Turn",
    "Verdict",
    "VirtualClock",
    "expect",
    "played_world",
    "running",
    "seeded",
    "turns",
]
