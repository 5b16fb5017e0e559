"""How a product tests its tasks with pytest: no server, no waiting, no real time. Where taskkit is installed, its fixtures are there.

This page is a file of tests as a product has it: `pytest examples/test_a_task.py`.
"""

# ruff: noqa: S101  a page of tests asserts
from __future__ import annotations

import pendulum
import pytest

from taskkit import (
    AfterCheckIn,
    AfterExpire,
    ApprovalExpired,
    CheckedIn,
    Engine,
    ErrorClass,
    Fallback,
    Interval,
    OnDemand,
    Policy,
    Record,
    RecordType,
    Secret,
    Task,
    of_type,
    parse_interval,
)
from taskkit.scripts import Commands, Step
from taskkit.testing import FakeExecutor, House, MemoryVault, Reply, expect

PASSWORD = "correct-horse"  # noqa: S105  a test's


@pytest.fixture
def taskkit_vault() -> MemoryVault:
    """In place of the empty one: the engine of the test has it."""
    records = [Record(f"db-{n}", "unix", fields={"host": f"10.0.0.{n}", "user": "app"}, secret_fields=["password"]) for n in (1, 2)]
    return MemoryVault(records, {record.id: {"password": PASSWORD} for record in records})


@pytest.fixture
def engine(taskkit_engine: Engine) -> Engine:
    """With what the product defines at its start; `fake` are hosts that do as a test says."""
    taskkit_engine.define(RecordType("unix", executor="fake"))
    taskkit_engine.define(Commands("check", Step("check {user}", stdin="{password}"), effect="idempotent"))
    return taskkit_engine


def put(engine: Engine, *policies: Policy | Interval, fallback: Fallback | None = None) -> Task:
    return engine.put(Task("check", "check", policies, fallback=fallback), list=of_type("unix"))


def test_each_night_has_one_run_also_the_one_in_which_the_clock_jumps(engine: Engine, taskkit_house: House) -> None:
    taskkit_house.clock.jump(pendulum.datetime(2026, 3, 28, 12, tz="Europe/Berlin"))
    put(engine, parse_interval("daily 02:30 Europe/Berlin"))
    taskkit_house.pass_time(days=3)
    expect(engine).ran("check", on="db-1", times=3).ran("check", on="db-2", times=3)


def test_check_in_and_expiry_of_one_approval_are_one_run(engine: Engine, taskkit_house: House) -> None:
    put(engine, AfterCheckIn(), AfterExpire())
    taskkit_house.tell(CheckedIn("db-1", approval="a-17"))
    taskkit_house.tell(ApprovalExpired("db-1", approval="a-17"))
    expect(engine).ran("check", on="db-1", times=1).did_not_run("check", on="db-2")


def test_a_host_that_is_down_is_tried_again_and_the_other_is_not_held_up(
    engine: Engine, taskkit_house: House, taskkit_hosts: FakeExecutor
) -> None:
    task = put(engine, OnDemand(), fallback=Fallback(minutes=10))
    taskkit_hosts.down("10.0.0.1")
    for record in ("db-1", "db-2"):
        engine.demand(task.id, record)
    taskkit_house.pass_time(minutes=5)
    expect(engine).failed("check", on="db-1", error=ErrorClass.UNREACHABLE).ran("check", on="db-2")
    taskkit_hosts.up("10.0.0.1")
    taskkit_house.pass_time(minutes=10)
    expect(engine).ran("check", on="db-1", times=1)


def test_a_host_that_repeats_the_password_gives_it_to_nobody(engine: Engine, taskkit_house: House, taskkit_hosts: FakeExecutor) -> None:
    task = put(engine, OnDemand())
    taskkit_hosts.script("10.0.0.1", Reply(repeats=True))
    job = engine.demand(task.id, "db-1")
    taskkit_house.pass_time(minutes=1)
    [said] = taskkit_hosts.said
    assert [part.reveal() for part in said.stdin if isinstance(part, Secret)] == [PASSWORD]
    assert PASSWORD not in str(engine.job(job).document())


def test_a_test_that_fails_tells_what_happened_instead(engine: Engine, taskkit_house: House) -> None:
    put(engine, parse_interval("daily 02:30"))
    taskkit_house.pass_time(days=1)
    with pytest.raises(AssertionError) as failed:
        expect(engine).ran("check", on="db-1", times=2)
    assert str(failed.value).startswith("'check' ran once on db-1, not 2 times\nits jobs, the oldest first, in UTC:\n  1. check on db-1")
