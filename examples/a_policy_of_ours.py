"""A happening and a policy of a product's own: when a secret was found where it has no business, something runs at once.

Neither needs a change in taskkit. The policy is offered by a plug-in, so that stored tasks can be read again.
"""

from __future__ import annotations

from collections.abc import Iterable

import pendulum
from attrs import field, frozen

from taskkit import AfterUnlock, Due, Engine, Happening, Policy, Record, RecordType, Task, Unlocked, of_type
from taskkit.plugins import hookimpl
from taskkit.scripts import Commands, Step
from taskkit.testing import MemoryVault, VirtualClock


@frozen
class LeakReported(Happening):
    """A secret was found in a place where it has no business."""

    kind = "leak_reported"
    where: str = field(default="", kw_only=True)


@frozen
class AfterLeak(Policy):
    """After a leak; leaks in `ignored` places do not count."""

    kind = "after_leak"
    ignored: str = ""

    def wants(self, happening: Happening) -> Due | None:
        return Due() if isinstance(happening, LeakReported) and happening.where != self.ignored else None

    def __str__(self) -> str:
        return "after a leak"


class OurPlugin:
    @hookimpl
    def taskkit_policies(self) -> Iterable[type[Policy]]:
        return [AfterLeak]


def show(engine: Engine, job: str) -> None:
    entry = engine.job(job)
    print(f"{entry.state}, due {entry.due.to_time_string()}: {', '.join(entry.reasons)}")


def main() -> None:
    clock = VirtualClock(pendulum.datetime(2026, 3, 2, 9, tz="UTC"))
    engine = Engine(MemoryVault([Record("db-1", "unix")]), plugins=[OurPlugin()], clock=clock)
    engine.define(RecordType("unix", executor="local"))
    engine.define(Commands("react", Step("true")))
    engine.put(Task("react", "react", [AfterUnlock(60), AfterLeak(ignored="the test house")]), list=of_type("unix"))

    [job] = engine.emit(Unlocked("db-1", user="bob"))  # bob saw it: in an hour
    show(engine, job)
    print(f"a leak in the test house: {len(engine.emit(LeakReported('db-1', where='the test house')))} jobs")
    engine.emit(LeakReported("db-1", where="a chat"))  # it joins the job that waits, which is due at once now
    show(engine, job)
    engine.drain()
    show(engine, job)


if __name__ == "__main__":
    main()
