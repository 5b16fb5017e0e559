"""A whole rotation on a real machine: an account of an sshd, a file over SFTP and a command that proves that it reads the new password."""

from __future__ import annotations

from typing import Any

from taskkit.events.policies import OnDemand
from taskkit.records import Record, RecordType
from taskkit.scripts import CommandOn, FileOn, PasswordReset, Step
from taskkit.states import State
from taskkit.tasks import Task
from tests.engine.houses import UNIX, House
from tests.servers.doors import Account, Door


def about(id: str, hostel: Door, account: Account) -> Record:
    fields = {"host": hostel.address, "port": str(hostel.port), "user": account.name, "host_key": hostel.host_key}
    return Record(id, "unix", fields=fields, secret_fields=["password"])


def rotated(hostel: Door, *dependents: Any, **settings: Any) -> tuple[House, Any]:
    accounts = {id: hostel.account() for id in ("db", "app")}
    secrets = {id: {"password": account.password.reveal()} for id, account in accounts.items()}
    house = House(*(about(id, hostel, account) for id, account in accounts.items()), secrets=secrets)
    house.engine.define(RecordType("unix", executor="ssh"))
    house.engine.define(PasswordReset("rotate", dependents=dependents, **settings))
    task = house.engine.put(Task("rotation", "rotate", OnDemand()), list=UNIX)
    job = house.engine.demand(task.id, "db")
    house.engine.drain()
    return house, house.engine.job(job)


def test_s02_a_service_on_a_real_machine_reads_the_new_password(with_pam: Door) -> None:
    file = FileOn("app", "shop.conf")
    reads = Step('test "$(sed -n s/^password=//p shop.conf)" = "$(cat)"', stdin="{password}", shell=True)  # noqa: S604  a step
    house, job = rotated(with_pam, file, CommandOn("app", reads), old_refused="fail")
    assert job.state is State.COMPLETED, job
    assert job.result["old"] == "refused"
    assert list(job.result["dependents"].values()) == ["done", "done"]
    kept = house.vault.secrets.of("db")
    assert not kept.current["password"].same_as(kept.previous["password"])
    assert kept.current["password"].reveal() not in str(job)


def test_s02_a_service_that_does_not_come_up_gets_the_old_password_back(with_pam: Door) -> None:
    file, fails = FileOn("app", "shop.conf"), CommandOn("app", Step("false"))
    house, job = rotated(with_pam, file, fails, on_failure="roll_back")
    assert (job.state, job.result["changed"]) == (State.ERROR, False), job
    assert [one["name"] for one in job.operations if one["state"] == "done"].count("file shop.conf of app") == 2
    kept, former = house.vault.secrets.of("db"), house.vault.former("db")
    assert kept.current["password"].same_as(former[-1].secrets["password"])
