"""Machines that are played answer to the executor for SSH as real ones do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest
from attrs import evolve

from taskkit.errors import InvalidValue
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Host, Login, Operation, SecretChange
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing.machines import SshMachine
from taskkit.testing.trials import Trial

OLD, ROOT, NEW = "correct-horse-1", "battery-staple-1", "brand-new-staple-1"


@pytest.fixture
def machine() -> Iterator[SshMachine]:
    with SshMachine({"ada": OLD, "ben": OLD, "root": Secret(ROOT)}, shortest=8) as machine:
        yield machine


def asked(machine: SshMachine, user: str, password: str, ask: Any, **settings: Any) -> Any:
    record = Record("ada", "unix", fields=machine.fields(user))
    host, login = Host(machine.address, machine.port, settings), Login(record, user, Secret(password), by_secret=True)
    executor = Ssh()
    with Trial(executor=executor, record=record).run() as run:
        return ask(executor, host, login, run)


def probed(machine: SshMachine, user: str, password: str) -> ErrorClass | None:
    return asked(machine, user, password, lambda executor, *asked: executor.probe(*asked).error)  # type: ignore[no-any-return]


def changed(machine: SshMachine, by: str, password: str, user: str, new: str = NEW, **settings: Any) -> Done | NotDone | Unknown:
    def change(executor: Ssh, host: Host, login: Login, run: Run) -> Done | NotDone | Unknown:
        return executor.change(host, evolve(login, by_secret=False), SecretChange(user, Secret(new)), run)

    return asked(machine, by, password, change, **settings)  # type: ignore[no-any-return]


def told(outcome: Done | NotDone | Unknown) -> tuple[str, str | None, str | None]:
    return type(outcome).__name__, getattr(outcome, "error", None), outcome.result.get("refusal")


def operations(machine: SshMachine, *commands: Command | str) -> list[Operation]:
    def carry_out(executor: Ssh, host: Host, login: Login, run: Run) -> list[Operation]:
        with executor.connect(host, login, run) as connection:
            return list(connection.commands([one if isinstance(one, Command) else Command(one) for one in commands], run))

    return asked(machine, "ada", OLD, carry_out)  # type: ignore[no-any-return]


def test_it_lets_in_whom_it_knows(machine: SshMachine) -> None:
    assert probed(machine, "ada", OLD) is None
    assert probed(machine, "ada", NEW) is ErrorClass.WRONG_CREDENTIALS
    assert probed(machine, "nobody", OLD) is ErrorClass.WRONG_CREDENTIALS
    assert machine.tried == (("ada", True), ("ada", False), ("nobody", False))
    assert machine.lets_in("ben", Secret(OLD))
    assert not machine.lets_in("ben", Secret(NEW))


@pytest.mark.parametrize(("by", "password", "way"), [("ada", OLD, None), ("root", ROOT, "passwd"), ("root", ROOT, "chpasswd")])
def test_a_password_is_changed_and_the_old_one_is_worth_nothing(machine: SshMachine, by: str, password: str, way: str | None) -> None:
    assert changed(machine, by, password, "ada", change=way) == Done()
    assert machine.password("ada").same_as(Secret(NEW))
    assert machine.lets_in("ada", Secret(NEW))
    assert not machine.lets_in("ada", Secret(OLD))
    assert machine.lets_in("ben", Secret(OLD))


@pytest.mark.parametrize(
    ("by", "password", "user", "new", "expected"),
    [
        ("ada", OLD, "ada", "seven-7", ("NotDone", ErrorClass.REFUSED, "too_short")),
        ("root", ROOT, "ada", "seven-7", ("NotDone", ErrorClass.REFUSED, "too_short")),
        ("root", ROOT, "nobody", NEW, ("NotDone", ErrorClass.BAD_CONFIGURATION, None)),
        ("ada", OLD, "ben", NEW, ("NotDone", ErrorClass.PERMISSION, None)),
        ("ada", NEW, "ada", NEW, ("NotDone", ErrorClass.WRONG_CREDENTIALS, None)),
    ],
)
def test_what_is_refused_changes_nothing(machine: SshMachine, by: str, password: str, user: str, new: str, expected: Any) -> None:
    assert told(changed(machine, by, password, user, new)) == expected
    assert all(machine.password(user).same_as(Secret(OLD)) for user in ("ada", "ben"))


def test_a_wrong_current_password_changes_nothing(machine: SshMachine) -> None:
    def change(executor: Ssh, host: Host, login: Login, run: Run) -> Done | NotDone | Unknown:
        return executor.change(host, login, SecretChange("ada", Secret(NEW), Secret("no-such-password")), run)

    assert told(asked(machine, "ada", OLD, change)) == ("NotDone", ErrorClass.WRONG_CREDENTIALS, None)
    assert machine.password("ada").same_as(Secret(OLD))


def test_whoever_hangs_up_in_the_dialogue_has_changed_nothing(machine: SshMachine) -> None:
    with socket.create_connection((machine.address, machine.port)) as way, paramiko.Transport(way) as transport:
        transport.connect(None, "ada", OLD)
        channel = transport.open_session()
        channel.get_pty()
        channel.exec_command("passwd")
        channel.sendall(f"{OLD}\r{NEW}\r".encode())
        said = b""
        while b"Retype" not in said:
            piece = channel.recv(100)
            assert piece
            said += piece
    transport.join(10)
    assert not machine.lets_in("ada", Secret(NEW))
    assert machine.password("ada").same_as(Secret(OLD))


def test_whoever_does_not_wait_for_the_end_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    with SshMachine({"ada": OLD}) as machine:
        for _ in range(20):
            with socket.create_connection((machine.address, machine.port)) as way:
                transport = paramiko.Transport(way)
                transport.connect(None, "ada", OLD)
                transport.open_session().exec_command("id -u")
                way.shutdown(socket.SHUT_RDWR)
                transport.close()
                transport.join(10)
    assert not {thread.name for thread in set(threading.enumerate()) - before}


def test_it_carries_out_the_few_programs_that_it_has(machine: SshMachine) -> None:
    number, said, missing = operations(machine, "id -u", "echo hello", "uptime")
    [unread] = operations(machine, Command("echo 'hello", shell=True))  # noqa: S604
    assert (str(number.output), str(said.output)) == ("1000\n", "hello\n")
    assert (missing.exit, unread.exit) == (127, 2)


def test_many_come_at_once(machine: SshMachine) -> None:
    found: list[bool] = []
    crowd = [threading.Thread(target=lambda: found.append(machine.lets_in("ada", Secret(OLD)))) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert found == [True] * 8


def test_nothing_is_left_of_it() -> None:
    before = set(threading.enumerate())
    with SshMachine({"ada": OLD}) as machine:
        port = machine.port
        assert machine.lets_in("ada", Secret(OLD))
        half_open = socket.create_connection((machine.address, port))
    with half_open, pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass
    assert not {thread.name for thread in set(threading.enumerate()) - before}


def test_it_says_what_it_lacks() -> None:
    with pytest.raises(InvalidValue, match="it has no account"):
        SshMachine({})
    with pytest.raises(InvalidValue, match="it is not up"):
        _ = SshMachine({"ada": OLD}).port


def test_once_it_is_down_it_says_so_and_may_come_up_again() -> None:
    with SshMachine({"ada": OLD}) as machine:
        pass
    with pytest.raises(InvalidValue, match="it is not up"):
        machine.fields("ada")
    with machine:
        assert machine.lets_in("ada", Secret(OLD))


def test_a_script_without_a_line_does_nothing(machine: SshMachine) -> None:
    assert [operation.exit for operation in operations(machine, "/bin/sh -c ''", "/bin/sh -c")] == [0, 0]


def test_a_machine_has_a_host_key_of_its_own(machine: SshMachine) -> None:
    with SshMachine({"ada": OLD}) as other:
        assert other.host_key != machine.host_key
        stranger = {**machine.fields("ada"), "port": str(other.port)}
        record = Record("ada", "unix", fields=stranger)
        with Trial(executor=Ssh(), record=record).run() as run:
            found = Ssh().probe(Host(other.address, other.port, {}), Login(record, "ada", Secret(OLD)), run)
    assert found.error is ErrorClass.HOST_CHANGED
    assert other.tried == ()
