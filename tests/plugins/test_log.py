"""Facts in the program's log: a line for people, and fields for programs."""

from __future__ import annotations

import json
import logging

import pytest

from taskkit.engine import Engine
from taskkit.events.policies import OnDemand
from taskkit.facts import KINDS
from taskkit.outcomes import ErrorClass, NotDone
from taskkit.plugins.notifiers import log
from taskkit.plugins.notifiers.log import Log
from taskkit.tasks import Task
from taskkit.testing import MemoryVault
from tests.engine.houses import UNIX, House, hosts


def run(house: House) -> None:
    task = house.engine.put(Task("t", "work", OnDemand()), list=UNIX)
    house.engine.demand(task.id, "h01")
    house.engine.drain()


def test_facts_are_logged_with_their_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="taskkit")
    house = House(*hosts(1), notifiers=[Log()])
    house.play.says("h01", NotDone(ErrorClass.FAILED, "two\nlines"))
    run(house)
    levels = {record.message.split()[0]: record.levelno for record in caplog.records}
    assert levels["JobStarted"] == logging.INFO
    assert levels["JobFailed"] == logging.WARNING
    [failed] = [record for record in caplog.records if record.message.startswith("JobFailed")]
    assert "record='h01'" in failed.message
    assert "\n" not in failed.message
    fields = failed.__dict__["taskkit"]
    assert json.loads(json.dumps(fields))["details"]["error"] == "failed"
    assert (fields["kind"], fields["record"]) == ("JobFailed", "h01")


def test_what_nobody_logs_costs_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="taskkit")
    run(House(*hosts(1), notifiers=[Log()]))
    assert caplog.records == []


def test_the_module_is_a_plug_in() -> None:
    engine = Engine(MemoryVault(), plugins=[log])
    assert engine.plugins.notifier("log").wants < KINDS
    assert Log({"JobFailed"}).wants == {"JobFailed"}
