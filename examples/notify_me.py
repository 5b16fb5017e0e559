"""A plug-in that tells people what somebody has to look at: here it prints; yours sends a mail or writes to a chat.

A notifier reads facts from a mark of its own. Raise where nothing can be delivered now: the same facts come again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pendulum

from taskkit import Engine, ErrorClass, Fact, OnDemand, Record, RecordType, State, Task, of_type
from taskkit.plugins import Executor, Notifier, hookimpl
from taskkit.scripts import Commands, Step
from taskkit.testing import FakeExecutor, MemoryVault, VirtualClock


class Printed(Notifier):
    name = "printed"
    wants = frozenset({"JobFailed", "JobUncertain", "TaskSuspended"})

    def notify(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            about = fact.details.get("text") or fact.details.get("why")
            print(f"{fact.kind:14} {fact.record}: {about}")


class OurPlugin:
    def __init__(self) -> None:
        self.hosts = FakeExecutor()

    @hookimpl
    def taskkit_notifiers(self) -> Iterable[Notifier]:
        return [Printed()]

    @hookimpl
    def taskkit_executors(self) -> Iterable[Executor]:
        return [self.hosts]


def main() -> None:
    ours = OurPlugin()
    vault = MemoryVault([Record(f"db-{n}", "unix", fields={"host": f"10.0.0.{n}", "user": "app"}) for n in (1, 2, 3)])
    engine = Engine(vault, plugins=[ours], clock=VirtualClock(pendulum.datetime(2026, 3, 2, 9, tz="UTC")))
    engine.define(RecordType("unix", executor="fake"))
    engine.define(Commands("status", Step("status")))
    task = engine.put(Task("status", "status", OnDemand()), list=of_type("unix"))

    ours.hosts.down("10.0.0.1")
    ours.hosts.down("10.0.0.2", ErrorClass.ACCOUNT_LOCKED)
    for number in (1, 2, 3):
        engine.demand(task.id, f"db-{number}")
    engine.drain()
    print(f"{len(engine.history(states=State.COMPLETED).entries)} of 3 completed")


if __name__ == "__main__":
    main()
