"""One run over many servers: a first one alone, the rest in waves, a halt when too many fail, and only the failed ones again."""

from __future__ import annotations

from collections.abc import Iterable

import pendulum

from taskkit import Engine, Execution, Record, RecordType, Settings, Tagged, Task, Waves
from taskkit.plugins import Executor, hookimpl
from taskkit.scripts import Commands, Step
from taskkit.testing import FakeExecutor, MemoryVault, VirtualClock

SERVERS = [Record(f"web-{n:02}", "unix", fields={"host": f"10.0.0.{n}", "user": "root"}, tags=["web"]) for n in range(1, 21)]


class Hosts:
    """In place of twenty servers. A product has an executor that reaches them."""

    def __init__(self) -> None:
        self.fake = FakeExecutor()

    @hookimpl
    def taskkit_executors(self) -> Iterable[Executor]:
        return [self.fake]


def show(found: Execution | None) -> None:
    assert found is not None  # noqa: S101  the run has begun
    told = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    print(f"{told} of {found.of}; failed: {', '.join(found.failed) or 'none'}")


def main() -> None:
    hosts, clock = Hosts(), VirtualClock(pendulum.datetime(2026, 3, 2, 22, tz="UTC"))
    engine = Engine(MemoryVault(SERVERS), plugins=[hosts], clock=clock, settings=Settings(workers=4))
    engine.define(RecordType("unix", executor="fake"))
    engine.define(Commands("patch", [Step("apply-patches"), Step("restart web")], effect="idempotent"))
    patch = engine.put(Task("patch the web", "patch", selection=Tagged("web"), waves=Waves(canary=1, size=5, halt=0.25)))

    hosts.fake.down("10.0.0.1")  # the canary
    run = engine.demand(patch.id, by="ada")
    engine.drain()
    print(engine.job(run).text)
    show(engine.execution(run))  # nothing else was touched

    hosts.fake.up("10.0.0.1")
    hosts.fake.down("10.0.0.7")
    run = engine.demand(patch.id, by="ada")
    engine.drain()
    show(engine.execution(run))

    hosts.fake.up("10.0.0.7")
    engine.rerun(run, by="ada")
    engine.drain()
    show(engine.execution(run))


if __name__ == "__main__":
    main()
