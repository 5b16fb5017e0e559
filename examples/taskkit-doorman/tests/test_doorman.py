"""The executor keeps what every executor keeps, and what a doorman has of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve

from boxes import Box
from taskkit import Engine, ErrorClass, HostRefused, OnDemand, Record, RecordType, Secret, State, Task, of_type
from taskkit.plugins import Command, Executor, Host, Login, Plugins
from taskkit.scripts import Commands, Step
from taskkit.testing import MemoryVault, Trial
from taskkit.testing.contracts import ExecutorContract
from taskkit_doorman import Doorman

RIGHT = "correct-horse-battery-staple"  # the suite's own


@pytest.fixture
def box() -> Iterator[Box]:
    with Box("app", RIGHT) as box:
        yield box


class TestDoorman(ExecutorContract):
    @pytest.fixture(autouse=True)
    def given(self, box: Box) -> None:
        self.box = box

    def executor(self) -> Executor:
        return Doorman()

    def host(self) -> Host:
        return self.box.host

    def wrong_login(self) -> Login:
        return evolve(self.login(), secret=Secret("wrong"))

    def host_that_is_down(self) -> Host:
        return Host("127.0.0.1", 1)

    def open_connections(self, executor: Executor) -> int:
        return self.box.connections

    def says(self, text: str) -> Command:
        return Command(f"say {text}")

    def floods(self, size: int) -> Command:
        return Command(f"flood {size}")

    def leaves(self, name: str) -> Command:
        return Command(f"open {name}")

    def left(self) -> list[str]:
        return self.box.opened

    def spies(self, stdin: Secret) -> Command:
        return Command("cat", stdin=stdin)

    def spied(self) -> tuple[str, str]:
        return self.box.stdin, str(self.box.log)


def login(secret: str | None) -> Login:
    return Login(Record("gate-1", "door"), "app", Secret(secret) if secret else None)


def refusal(host: Host, who: Login) -> HostRefused:
    trial = Trial(executor=Doorman())
    with trial.run() as run, pytest.raises(HostRefused) as caught, trial.executor.connect(host, who, run):
        pass
    return caught.value


def test_it_is_found_by_its_entry_point() -> None:
    found = [offer for offer in Plugins(discover="doorman").offered() if offer.name == "doorman"]
    assert [(offer.kind, offer.plugin, offer.distribution, offer.version) for offer in found] == [
        ("executor", "doorman", "taskkit-doorman", "1.0")
    ]


def test_scripts_that_nobody_wrote_for_it_work_on_its_doors(box: Box) -> None:
    gate = Record("gate-1", "door", fields={"host": "127.0.0.1", "port": str(box.host.port), "user": "app"}, secret_fields=["password"])
    vault = MemoryVault([gate], {"gate-1": {"password": RIGHT}})
    engine = Engine(vault)
    engine.define(RecordType("door", executor="doorman"))
    engine.define(Commands("let in", [Step("open gate-1"), Step("say 3 guests", capture={"guests": r"(\d+) guests"})]))
    task = engine.put(Task("let in", "let in", OnDemand()), list=of_type("door"))
    job = engine.demand(task.id, "gate-1")
    engine.drain()
    assert (engine.job(job).state, engine.job(job).result["captured"]) == (State.COMPLETED, {"guests": "3"})
    assert (box.opened, box.connections) == (["gate-1"], 0)


def test_an_account_that_is_locked_is_told_apart_from_a_wrong_secret(box: Box) -> None:
    told = [refusal(box.host, login("wrong-horse")).error for _ in range(4)]
    assert told == [ErrorClass.WRONG_CREDENTIALS] * 3 + [ErrorClass.ACCOUNT_LOCKED]


def test_without_a_secret_nobody_is_called(box: Box) -> None:
    assert "there is no secret for 'app'" in str(refusal(box.host, login(None)))
    assert box.tries == 0


def test_after_a_command_that_was_left_none_begins(box: Box) -> None:
    """What it says later would be taken for an answer to the next one."""
    trial = Trial(executor=Doorman())
    with trial.run() as run, trial.executor.connect(box.host, login(RIGHT), run) as connection:
        operations = list(connection.commands([Command("sleep 300", timeout=0.1), Command("open gate-1")], run))
    assert [(one.state, one.error) for one in operations] == [("unknown", ErrorClass.TIMEOUT), ("not_done", ErrorClass.UNREACHABLE)]
    assert box.opened == []


@pytest.mark.parametrize("pattern", ["(", "[a"])
def test_a_pattern_that_is_none_is_told_before_anything_is_said(box: Box, pattern: str) -> None:
    trial = Trial(executor=Doorman())
    with trial.run() as run, trial.executor.connect(box.host, login(RIGHT), run) as connection:
        [operation] = connection.commands([Command("open gate-1", expect=pattern)], run)
    assert (operation.state, operation.error, box.opened) == ("not_done", ErrorClass.BAD_CONFIGURATION, [])
