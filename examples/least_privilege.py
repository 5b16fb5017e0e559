"""Who may run a rotation, and must not see the password: the effect and a scrubbed result, and nothing more (A4).

A service desk resets passwords all day. It may execute tasks on a record; it may neither read the record's password nor change the task.
"""

from __future__ import annotations

import pendulum

from taskkit import Engine, Entry, NotAllowed, OnDemand, Record, RecordType, Task, of_type
from taskkit.plugins import Executor, hookimpl
from taskkit.scripts import CommandOn, PasswordReset, Step
from taskkit.testing import FakeExecutor, MemoryVault, Reply, VirtualClock

MACHINES = FakeExecutor()
DB = Record("db", "unix", fields={"host": "10.0.0.5", "user": "shop"}, secret_fields=["password"])
WEB = Record("web", "unix", fields={"host": "10.0.0.7", "user": "www"}, secret_fields=["password"])
#: A command that says what it was told: what the person who asked will see of that is scrubbed.
RELOAD = CommandOn("web", Step("reload-shop --read-password", stdin="{password}"), effect="idempotent")


class Machines:
    @hookimpl
    def taskkit_executors(self) -> list[Executor]:
        return [MACHINES]


def house() -> tuple[Engine, MemoryVault, str]:
    clock = VirtualClock(pendulum.datetime(2026, 3, 2, 9, tz="Europe/Berlin"))
    vault = MemoryVault([DB, WEB], {"db": {"password": "winter-2025"}, "web": {"password": "spring-2026"}}, clock=clock)
    MACHINES.guard("10.0.0.5", "shop", "winter-2025")
    MACHINES.script("10.0.0.7", Reply(repeats=True))
    engine = Engine(vault, clock=clock, plugins=[Machines()])
    engine.define(RecordType("unix", executor="fake"))
    engine.define(PasswordReset("reset", dependents=RELOAD))
    task = engine.put(Task("reset the password", "reset", OnDemand(), runs_as="vault-service"), list=of_type("unix"))
    for right in ("task_manage", "task_review", "system_administrator"):
        vault.deny("desk", right)  # what is left is task_execute
    return engine, vault, task.id


def seen(entry: Entry) -> None:
    print(f"{entry.state.value}: {entry.result}")
    for operation in entry.operations:
        print(f"  {operation['name']}: {operation['state']} {operation.get('output', '')}".rstrip())


def main() -> None:
    engine, _, task = house()
    job = engine.demand(task, "db", by="desk")
    engine.drain()

    entry = engine.job(job, user="desk")
    seen(entry)
    new = MACHINES.secret("10.0.0.5", "shop")
    print("the password is another one:", new is not None and new.reveal() != "winter-2025")
    print("it stands in what the desk sees:", new is not None and new.reveal() in str(entry))
    try:
        engine.remove(task, by="desk")
    except NotAllowed:
        print("the desk may not change the task")


if __name__ == "__main__":
    main()
