"""Machines that are reached over others: each hop with a log-in and a host key of its own, both out of the vault."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._refusals import Refusals
from taskkit.plugins.executors.ssh._stops import Stop, way_to
from taskkit.plugins.verbs import Command
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


def trial_of(*way: tuple[Record, Sshd], executor: Ssh | None = None, wrong: Sequence[str] = (), **settings: Any) -> Trial:
    """About the last of them; `wrong` are those of which the vault has a key that opens nothing."""
    secrets = {record.id: {"key": strange_key() if record.id in wrong else server.key.reveal()} for record, server in way}
    trial = Trial(record=way[-1][0], executor=executor or Ssh(), secrets=secrets, settings=settings)
    trial.vault.put(*(record for record, _ in way))
    return trial


def strange_key() -> str:
    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


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


# the account of a jump host


def test_r04_the_accounts_of_all_jump_hosts_on_the_way_are_used(sshd: Sshd, gate: Sshd) -> None:
    trial = trial_of((record("outer", gate), gate), (record("inner", sshd, jump="outer"), sshd), (record("db", gate, jump="inner"), gate))
    trial.vault.records.logins = {"inner": "one-login-for-two"}
    with trial.run():
        for account in ("outer", "one-login-for-two", "db"):
            assert list(trial.engine.storage.holders(f"account:{account}")) == [trial.job]
    assert list(trial.engine.storage.holders("account:outer")) == []


def test_r04_what_is_wrong_with_the_way_is_told_when_it_is_gone_and_not_by_the_start(sshd: Sshd, gate: Sshd) -> None:
    trial = trial_of((record("gate", gate, jump="away"), gate), (record("db", sshd, jump="gate"), sshd))
    with trial.run() as run:
        assert list(trial.engine.storage.holders("account:gate")) == [trial.job]
        with pytest.raises(HostRefused, match="there is no such record"), run.connect():
            pass


def failed(server: Sshd, before: int = 0) -> int:
    return server.log[before:].count("Failed publickey")


def test_s05_what_a_jump_host_has_refused_is_not_said_again_by_the_next_jobs(sshd: Sshd, gate: Sshd) -> None:
    trial = trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate"), sshd), wrong=["gate"])
    before = len(gate.log)
    first, second = refused(trial), refused(trial.again())
    assert (first.error, second.error) == (ErrorClass.BAD_CONFIGURATION, ErrorClass.BAD_CONFIGURATION)
    assert (failed(gate, before), gate.log[before:].count("Connection from")) == (1, 1)
    assert first.case.startswith("the key was refused")
    assert second.tried == first.tried
    assert second.case.startswith(f"{first.case}; that was ")
    assert second.case.endswith(" s ago, and the same was not said again")
    assert "have the vault hold what is right" in second.help


def test_s05_another_value_for_a_jump_host_is_tried_at_once(sshd: Sshd, gate: Sshd) -> None:
    trial = trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate"), sshd), wrong=["gate"])
    before = len(gate.log)
    refused(trial)
    trial.vault.change_secret("gate", "key", strange_key(), at=trial.clock.now())
    refused(trial.again())
    assert failed(gate, before) == 2
    trial.vault.change_secret("gate", "key", gate.key.reveal(), at=trial.clock.now())
    assert says(trial.again()) == str(sshd.port)


def test_s05_many_jobs_behind_one_jump_host_at_once_are_one_try(sshd: Sshd, gate: Sshd) -> None:
    executor, wrong = Ssh(), strange_key()
    trials = [trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate"), sshd), executor=executor) for _ in range(8)]
    for trial in trials:
        trial.vault.change_secret("gate", "key", wrong, at=trial.clock.now())
    before = len(gate.log)
    with ThreadPoolExecutor(len(trials)) as threads:
        errors = {error.error for error in threads.map(refused, trials)}
    assert (errors, failed(gate, before)) == ({ErrorClass.BAD_CONFIGURATION}, 1)


@pytest.fixture
def stop(sshd: Sshd, gate: Sshd) -> Iterator[tuple[Stop, Any]]:
    """A jump host, as a run comes to it."""
    trial = trial_of((record("gate", gate), gate), (record("db", sshd, jump="gate"), sshd), auth_timeout=0.2)
    with trial.run() as run:
        assert run.record
        yield way_to(run.host(run.record), run.login(run.record), run)[0], run


def refuse(refusals: Refusals, stop: Stop, run: Any, error: ErrorClass = ErrorClass.WRONG_CREDENTIALS) -> HostRefused:
    def enter() -> None:
        raise stop.refusal("logging in to", "it will not", error=error)

    with pytest.raises(HostRefused) as caught:
        refusals.log_in(stop, run, enter)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


def test_s05_a_refusal_is_remembered_for_a_while_only(stop: tuple[Stop, Any]) -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    refuse(refusals, *stop)
    now[0] = 599.0
    with pytest.raises(HostRefused, match=r"599 s ago, and the same was not said again; .* tried again in 1 s"):
        refusals.check(*stop)
    now[0] = 600.0
    refusals.check(*stop)
    refusals.log_in(*stop, bool)
    now[0] = 601.0
    refusals.check(*stop)


@pytest.mark.parametrize("error", [ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.MUST_CHANGE])
def test_what_cost_no_try_is_not_remembered(stop: tuple[Stop, Any], error: ErrorClass) -> None:
    refusals = Refusals()
    told = refuse(refusals, *stop, error)
    assert told.error == (ErrorClass.BAD_CONFIGURATION if error is ErrorClass.MUST_CHANGE else error)
    refusals.check(*stop)


def test_s05_who_is_proven_logs_in_beside_others_and_who_is_not_waits_for_its_turn(stop: tuple[Stop, Any]) -> None:
    refusals = Refusals()
    again = partial(refusals.log_in, *stop, bool)

    def wait() -> None:
        with pytest.raises(HostRefused, match="another job tries the same log-in") as caught:
            again()
        assert caught.value.error == ErrorClass.BUSY

    refusals.log_in(*stop, wait)
    refusals.log_in(*stop, again)
    refuse(refusals, *stop)
    with pytest.raises(HostRefused, match="not said again"):
        again()


def test_an_error_of_ours_while_somebody_logs_in_is_neither_in_nor_refused(stop: tuple[Stop, Any]) -> None:
    refusals = Refusals()
    with pytest.raises(ZeroDivisionError):
        refusals.log_in(*stop, lambda: 1 / 0)
    with pytest.raises(HostRefused, match="another job tries the same log-in"):
        refusals.log_in(*stop, lambda: refusals.log_in(*stop, bool))


def test_s01_nothing_of_a_secret_is_kept_of_a_refusal(stop: tuple[Stop, Any]) -> None:
    one, other = Refusals(), Refusals()
    for refusals in (one, other):
        refuse(refusals, *stop)
    secret = stop[0].login.key
    assert secret
    assert secret.reveal() not in repr(one._known)
    assert repr(one._known) != repr(other._known)  # each process has a key of its own
