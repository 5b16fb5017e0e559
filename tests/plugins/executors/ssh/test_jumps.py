"""Machines that are reached over others: each hop with a log-in and a host key of its own, both out of the vault."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.kinds import Command
from taskkit.records import Record
from taskkit.testing.trials import Trial
from tests import servers
from tests.servers.sshd import Sshd, keygen, running


@pytest.fixture(scope="module")
def gate() -> Iterator[Sshd]:
    with running(servers.program("sshd")) as server:
        yield server


def record(id: str, server: Sshd, **fields: str) -> Record:
    said = {"host": server.address, "port": str(server.port), "user": server.user, "host_key": server.host_key}
    return Record(id, "unix", fields=said | fields, secret_fields=["key"])


def trial_of(*way: tuple[Record, Sshd], **settings: Any) -> Trial:
    """About the last of them."""
    secrets = {record.id: {"key": server.key.reveal()} for record, server in way}
    trial = Trial(record=way[-1][0], executor=Ssh(), secrets=secrets, settings=settings)
    trial.vault.put(*(record for record, _ in way))
    return trial


def says(trial: Trial, line: str = "echo ${SSH_CONNECTION##* }") -> str:
    """By default the port at which the machine was reached."""
    with trial.run() as run, run.connect() as connection:
        [told] = connection.commands([Command(line, shell=True)], run)  # noqa: S604
    return str(told.output).strip()


def refused(trial: Trial) -> HostRefused:
    with pytest.raises(HostRefused) as caught, trial.run() as run, run.connect():
        pass
    return caught.value


def test_a_machine_is_reached_over_its_jump_host(sshd: Sshd, gate: Sshd) -> None:
    before = len(gate.log)
    assert says(trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate"), sshd))) == str(sshd.port)
    assert gate.log[before:].count("Accepted publickey") == 1


def test_a_chain_of_jump_hosts_is_gone_in_order(sshd: Sshd, gate: Sshd) -> None:
    way = (record("outer", gate), gate), (record("inner", sshd, jump="outer"), sshd), (record("db", gate, jump="inner"), gate)
    before = len(gate.log), len(sshd.log)
    assert says(trial_of(*way)) == str(gate.port)
    assert gate.log[before[0] :].count("Accepted publickey") == 2
    assert sshd.log[before[1] :].count("Accepted publickey") == 1


def test_another_field_may_name_the_jump_host(sshd: Sshd, gate: Sshd) -> None:
    assert says(trial_of((record("gate", gate), gate), (record("db", sshd, over="gate"), sshd), jump="over")) == str(sshd.port)


def test_what_is_known_of_a_jump_host_is_asked_for_its_own_record(sshd: Sshd, gate: Sshd, tmp_path: Path) -> None:
    keygen(tmp_path / "other")
    strange = record("gate", gate, host_key=(tmp_path / "other.pub").read_text())
    error = refused(trial_of((strange, gate), (record("db", sshd, jump="gate"), sshd)))
    name, target = f"[127.0.0.1]:{gate.port}", f"[127.0.0.1]:{sshd.port}"
    assert (error.error, error.tried) == (
        ErrorClass.HOST_CHANGED, f"checking the host key of the jump host {name!r} on the way to {target!r}",
    )  # fmt: skip


def test_what_stands_behind_a_jump_host_has_a_host_key_to_show_too(sshd: Sshd, gate: Sshd) -> None:
    error = refused(trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate", host_key=gate.host_key), sshd)))
    assert (error.error, error.tried) == (ErrorClass.HOST_CHANGED, f"checking the host key of '[127.0.0.1]:{sshd.port}'")


def test_a_jump_host_that_is_down_is_named(sshd: Sshd, gate: Sshd) -> None:
    down = record("gate", gate, port=str(servers.free_port()))
    error = refused(trial_of((down, gate), (record("db", sshd, jump="gate"), sshd)))
    assert error.error == ErrorClass.UNREACHABLE
    assert error.tried == f"connecting to the jump host '[127.0.0.1]:{down.fields['port']}' on the way to '[127.0.0.1]:{sshd.port}'"


def test_a_machine_that_its_jump_host_does_not_reach_is_told(sshd: Sshd, gate: Sshd) -> None:
    error = refused(trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate", port=str(servers.free_port())), sshd)))
    assert error.error == ErrorClass.UNREACHABLE
    assert error.case.startswith("the jump host cannot reach it: ")


def test_a_jump_host_that_leads_nowhere_on_purpose_is_told(sshd: Sshd) -> None:
    with running(servers.program("sshd"), config="AllowTcpForwarding no\n") as closed:
        error = refused(trial_of((record("gate", closed), closed), (record("db", sshd, jump="gate"), sshd)))
    assert (error.error, error.case.partition(":")[0]) == (ErrorClass.REFUSED, "the jump host does not lead on")
    assert error.help.startswith("its AllowTcpForwarding")


def test_jump_hosts_that_go_in_a_circle_are_refused_before_anything_is_reached(sshd: Sshd, gate: Sshd) -> None:
    def came() -> int:
        return (gate.log + sshd.log).count("Connection from")

    before = came()
    error = refused(trial_of((record("gate", gate, jump="db"), gate), (record("db", sshd, jump="gate"), sshd)))
    assert (error.error, error.case) == (ErrorClass.BAD_CONFIGURATION, "its jump hosts go in a circle: db ← gate ← db")
    error = refused(trial_of((record("db", sshd, jump="db"), sshd)))
    assert error.case == "its jump hosts go in a circle: db ← db"
    assert came() == before


def test_a_jump_host_without_a_record_is_told(sshd: Sshd) -> None:
    error = refused(trial_of((record("db", sshd, jump="gate"), sshd)))
    assert (error.error, error.case) == (
        ErrorClass.BAD_CONFIGURATION, "the record 'db' names the jump host 'gate', and there is no such record",
    )  # fmt: skip


def test_nothing_stays_open_on_a_jump_host(sshd: Sshd, gate: Sshd) -> None:
    def open_here() -> int:
        said = subprocess.run(["ss", "-Htn", "state", "established", f"dport = :{gate.port}"], capture_output=True, text=True)  # noqa: S607
        return len(said.stdout.splitlines())

    trial = trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate"), sshd))
    with trial.run() as run, run.connect():
        assert open_here() == 1
    assert open_here() == 0
    refused(trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate", user="nobody-here"), sshd)))
    assert open_here() == 0


def test_a_chain_of_three_jump_hosts_carries_much_and_its_end_leaves_nothing(sshd: Sshd, gate: Sshd) -> None:
    stops = [("outer", gate), ("middle", sshd), ("inner", gate), ("db", sshd)]
    way = [(record(id, server, **({"jump": stops[at - 1][0]} if at else {})), server) for at, (id, server) in enumerate(stops)]
    before = threading.active_count(), len(gate.log), len(sshd.log)
    assert says(trial_of(*way), "cat /dev/zero | head -c 3000000 | wc -c; echo $SSH_CONNECTION >&2") == "3000000"
    assert (gate.log[before[1] :] + sshd.log[before[2] :]).count("Accepted publickey") == 4
    assert threading.active_count() == before[0]
