"""Services of a real systemd, looked at and restarted by jobs of an engine over SSH, as an account with a rule of sudo or without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pendulum
import pytest

from taskkit.engine import Engine, Entry
from taskkit.events.policies import OnDemand
from taskkit.outcomes import Effect
from taskkit.plugins.kinds import Script
from taskkit.records import Record, RecordType
from taskkit.scripts import Check, CheckStatus, Commands, Step
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault, VirtualClock
from tests.servers.box import Box
from tests.servers.doors import Account

SHOP = """\
[Unit]
Description=The shop
[Service]
User=nobody
ExecStart=/bin/sh -c 'echo open for business; exec sleep infinity'
[Install]
WantedBy=multi-user.target
"""
RULE = "ALL=(root) {}/usr/bin/systemctl restart shop.service"
PID = {"pid": r"MainPID=(\d+)"}
RESTART = Commands(
    "restart",
    [
        Step("systemctl show --property=MainPID {service}", capture=PID),
        Step("sudo -n systemctl restart {service}"),
        Step("systemctl show --property=MainPID,ActiveState {service}", capture={"new": PID["pid"]}, expect="ActiveState=active"),
    ],
)
LOOK = CheckStatus(
    "look",
    [
        Check("systemctl is-active {service}", name="runs", expect="^active$"),
        Check("systemctl show --property=NRestarts {service}", name="restarts", capture={"times": r"NRestarts=(\d+)"}, warn_above=0),
        Check("systemctl is-enabled {service}", name="at boot", level="warning"),
    ],
)
Work = Callable[..., Entry]


@pytest.fixture
def shop(box: Box) -> Iterator[Box]:
    with box.unit("shop", SHOP):
        yield box


@pytest.fixture
def work(shop: Box) -> Work:
    """What a job comes to that performs a script on the box as one of its accounts."""

    def work(script: Script, account: Account, **settings: Any) -> Entry:
        fields = {"host": "127.0.0.1", "port": str(shop.port), "user": account.name, "host_key": shop.host_key, "service": "shop.service"}
        web = Record("web-1", "linux", fields=fields, secret_fields=["password"])
        vault = MemoryVault([web], {"web-1": {"password": account.password.reveal()}})
        engine = Engine(vault, clock=VirtualClock(pendulum.datetime(2026, 3, 2, tz="UTC")))
        engine.define(RecordType("linux", executor="ssh", settings=settings))
        engine.define(script)
        task = engine.put(Task("do it", script.name, OnDemand()), list=of_type("linux"))
        job = engine.demand(task.id, "web-1")
        engine.drain()
        return engine.job(job)

    return work


def main_pid(box: Box) -> str:
    return box.run("systemctl show --property=MainPID --value shop").strip()


def test_a_restart_is_a_new_process_and_told_as_one(shop: Box, work: Work) -> None:
    before = main_pid(shop)
    entry = work(RESTART, shop.account("ops", sudo=RULE.format("NOPASSWD: ")))
    assert (entry.state, entry.error) == ("completed", None)
    assert entry.result["captured"] == {"pid": before, "new": main_pid(shop)}
    assert main_pid(shop) not in (before, "0")
    assert [operation["state"] for operation in entry.operations] == ["done"] * 3


def test_sudo_of_the_type_restarts_with_the_password_of_the_record(shop: Box, work: Work) -> None:
    before = main_pid(shop)
    restart = Commands("restart", Step("/usr/bin/systemctl restart {service}"))
    entry = work(restart, shop.account("ops", sudo=RULE.format("")), become="sudo")
    assert (entry.state, main_pid(shop) != before) == ("completed", True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("systemctl restart {service}", "Interactive authentication required|Access denied"),  # the second without polkit
        ("sudo -n systemctl restart {service}", "a password is required"),
    ],
    ids=["without sudo", "without a rule"],
)
def test_who_may_not_restart_is_refused_and_nothing_is_restarted(shop: Box, work: Work, line: str, why: str) -> None:
    before = main_pid(shop)
    entry = work(Commands("restart", Step(line)), shop.account())
    assert entry.state == "error"
    assert re.search(why, str(entry.operations[0]))
    assert main_pid(shop) == before


def test_a_rule_of_sudo_for_one_service_is_none_for_another(shop: Box, work: Work) -> None:
    other = Commands("restart", Step("/usr/bin/systemctl restart dbus.service"))
    before = shop.run("systemctl show --property=MainPID --value dbus")
    entry = work(other, shop.account(sudo=RULE.format("")), become="sudo")
    assert (entry.state, entry.error) == ("error", "permission")
    assert shop.run("systemctl show --property=MainPID --value dbus") == before


def test_a_service_that_is_not_there_is_told_in_the_words_of_systemctl(shop: Box, work: Work) -> None:
    restart = Commands("restart", Step("/usr/bin/systemctl restart no-such-shop.service"), effect=Effect.IDEMPOTENT)
    entry = work(restart, shop.account(sudo="ALL=(root) NOPASSWD: ALL"), become="sudo")
    assert entry.state == "error"
    assert "no-such-shop.service" in entry.operations[0]["text"]


def test_what_a_service_says_is_captured(shop: Box, work: Work) -> None:
    look = Commands("look", Step("journalctl --unit={service} --output=cat", capture={"said": r"(open for \w+)"}))
    entry = work(look, shop.account(deeds=["usermod --append --groups systemd-journal"]))
    assert entry.result["captured"] == {"said": "open for business"}


def test_a_look_at_a_service_tells_how_it_is(shop: Box, work: Work) -> None:
    ops = shop.account("ops", sudo=RULE.format("NOPASSWD: "))
    well = work(LOOK, ops)
    assert (well.state, well.result["login"], well.result["state"]) == ("completed", "ok", "warning")
    assert well.result["checks"] == {"runs": "ok", "restarts": "ok", "at boot": "warning"}
    assert well.result["captured"] == {"restarts": {"times": "0"}}
    shop.run("systemctl kill --signal=KILL shop; while systemctl --quiet is-active shop; do sleep 0.01; done")
    ill = work(LOOK, ops)
    assert (ill.state, ill.result["state"], ill.result["checks"]["runs"]) == ("error", "error", "error")
    assert work(RESTART, ops).state == "completed"
    assert work(LOOK, ops).result["checks"]["runs"] == "ok"
