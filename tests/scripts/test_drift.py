"""Drift: the secret of the vault lets nobody in any more, and other tasks hear of it (P5, P9)."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.events.happenings import Drifted
from taskkit.events.policies import AfterDrift, OnDemand
from taskkit.outcomes import Done, ErrorClass, NotDone
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import RecordType
from taskkit.scripts import Check, CheckStatus
from taskkit.states import State
from taskkit.tasks import Task
from taskkit.testing import FakeExecutor
from tests.engine.houses import UNIX, House, hosts


@pytest.fixture
def fake() -> FakeExecutor:
    made = FakeExecutor()
    made.guard("host01", "root", "known-to-the-host")
    return made


def house_of(fake: FakeExecutor, *, secret: str, **given: Any) -> House:
    """A heartbeat on demand, and a task that reacts to drift."""
    house = House(*hosts(1), executors=[fake], secrets={"h01": {"password": secret}}, **given)
    house.engine.define(RecordType("unix", executor="fake"))
    house.engine.define(CheckStatus("heartbeat"))
    house.engine.put(Task("beats", "heartbeat", [OnDemand(), AfterDrift()]), list=UNIX)
    house.engine.put(Task("reacts", "work", AfterDrift()), list=UNIX)
    return house


def beats(house: House) -> str:
    [task] = [one for one in house.engine.tasks(list=UNIX) if one.name == "beats"]
    job = house.engine.demand(task.id, "h01")
    house.engine.drain()
    return job


def test_a_secret_that_works_is_no_drift(fake: FakeExecutor) -> None:
    house = house_of(fake, secret="known-to-the-host")  # noqa: S106
    entry = house.engine.job(beats(house))
    assert (entry.state, entry.result["login"], entry.result["state"]) == (State.COMPLETED, "ok", "ok")
    assert house.play.count("h01") == 0


def test_p05_drift_sets_off_tasks_that_want_it_but_not_the_one_that_found_it(fake: FakeExecutor) -> None:
    house = house_of(fake, secret="out-of-date")  # noqa: S106
    job = beats(house)
    entry = house.engine.job(job)
    assert (entry.state, entry.error, entry.result["login"]) == (State.ERROR, "wrong_credentials", "wrong_credentials")
    assert entry.result["state"] == "error"
    assert house.play.count("h01") == 1
    [made] = [fact for fact in house.engine.facts(kinds=["JobMade"]) if fact.details.get("kind") == "drifted"]
    assert made.details["happening"] == f"drift:{job}"
    assert {fact.details["why"] for fact in house.engine.facts(kinds=["HappeningPassed"])} <= {"own_origin"}
    assert len(fake.said) == 0


@pytest.mark.parametrize("error", [ErrorClass.UNREACHABLE, ErrorClass.ACCOUNT_LOCKED, ErrorClass.MUST_CHANGE, ErrorClass.HOST_CHANGED])
def test_what_tells_nothing_of_the_secret_is_no_drift(fake: FakeExecutor, error: ErrorClass) -> None:
    house = house_of(fake, secret="known-to-the-host")  # noqa: S106
    fake.down("host01", error)
    assert house.engine.job(beats(house)).result["login"] == error
    assert house.play.count("h01") == 0


def test_p09_drift_that_is_told_twice_by_one_job_is_once(fake: FakeExecutor) -> None:
    house = House(*hosts(1), executors=[fake])
    house.engine.define(RecordType("unix", executor="fake"))
    house.engine.define(house.Scripted("react"))

    def tells(run: Run) -> Done:
        for _ in range(2):
            run.happened(Drifted("h01", id=f"drift:{run.job.id}"))
        return Done()

    house.play.says("h01", tells)
    teller = house.engine.put(Task("tells", "work", OnDemand()), list=UNIX)
    house.engine.put(Task("reacts", "react", AfterDrift()), list=UNIX)
    house.engine.demand(teller.id, "h01")
    house.engine.drain()
    assert house.play.count("h01") == 2
    assert [fact.details["why"] for fact in house.engine.facts(kinds=["HappeningPassed"])] == ["repeated"]


def test_a_check_that_is_let_in_says_so_and_one_that_is_not_tells_drift_too(fake: FakeExecutor) -> None:
    for secret, login, reactions in (("known-to-the-host", "ok", 0), ("out-of-date", "wrong_credentials", 1)):
        house = house_of(fake, secret=secret)
        house.engine.define(CheckStatus("heartbeat", Check("uptime", name="up")))
        assert house.engine.job(beats(house)).result["login"] == login
        assert house.play.count("h01") == reactions


def test_a_heartbeat_needs_a_probe_and_checks_need_commands() -> None:
    assert CheckStatus("heartbeat").needs == {Verb.PROBE}
    assert CheckStatus("look", Check("uptime", name="up")).needs == CheckStatus.needs == {Verb.COMMANDS}


def test_an_outcome_of_a_heartbeat_that_fails_tells_why(fake: FakeExecutor) -> None:
    house = house_of(fake, secret="out-of-date")  # noqa: S106
    entry = house.engine.job(beats(house))
    assert entry.text == "trying the log-in: connecting to 'host01': wrong credentials; look at the secret"
    assert NotDone(entry.error or "", entry.text).error is ErrorClass.WRONG_CREDENTIALS
