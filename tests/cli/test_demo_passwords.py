"""The demo's passwords change over SSH: what is shown is what happens, nothing secret is shown, and nothing is left behind."""

from __future__ import annotations

import os
import re
import socket
import threading
from io import StringIO
from pathlib import Path

import pytest
from attrs import define
from rich.console import Console

from taskkit.cli import _demo, _rotation, _ssh_worker, main
from taskkit.cli._ssh_house import ACCOUNTS, SshHouse, engine_of
from taskkit.errors import Refused
from taskkit.secrets import Secret

STEP = re.compile(r"^  (\w*) +", re.MULTILINE)


@define
class Shown:
    """What one act has said, and the house in which it was played."""

    text: str
    house: SshHouse
    processes: list[int]
    ports: list[int]
    threads: set[threading.Thread]

    def part(self, begin: str, end: str) -> list[str]:
        """The names of the steps between two lines."""
        return [name for name in STEP.findall(self.text.partition(begin)[2].partition(end)[0]) if name]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One act for all that is asked of it."""
    houses, workers, before = [], [], set(threading.enumerate())

    class House(SshHouse):
        def __enter__(self) -> House:
            entered = super().__enter__()
            houses.append((entered, [machine.port for machine in entered.machines.values()]))
            return entered

    class Worker(_ssh_worker.Worker):
        def __enter__(self) -> Worker:
            entered = super().__enter__()
            workers.append(entered._process.pid)
            return entered

    console = Console(file=StringIO(), width=100, highlight=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rotation, "SshHouse", House)
        patch.setattr(_rotation, "Worker", Worker)
        _rotation.show(console, tmp_path_factory.mktemp("act") / "ssh")
    [(house, ports)] = houses
    assert isinstance(console.file, StringIO)
    return Shown(console.file.getvalue(), house, workers, ports, set(threading.enumerate()) - before)


def test_s02_each_step_is_told_in_the_order_of_the_protocol(shown: Shown) -> None:
    assert shown.part("ada on north", "All six") == ["plan", "intent", "probe", "apply", "verify", "commit", "settle"]


def test_all_accounts_change_at_once(shown: Shown) -> None:
    assert sorted(shown.part("All six at once", "once more")) == sorted(account.user for account in ACCOUNTS)


def test_s03_what_a_killed_process_has_changed_is_found_out_by_the_next(shown: Shown) -> None:
    assert shown.part("once more", "A second process") == ["plan", "intent", "probe", "apply", "killed", "north", "vault", "store"]
    assert shown.part("A second process", "What an auditor") == ["plan", "intent", "probe", "commit", "settle"]
    told = re.findall(r"(killed|second)  (\w+)", shown.text.partition("What an auditor")[2])
    assert told[:3] == [("second", "Demanded"), ("killed", "JobStarted"), ("killed", "IntentOpened")]
    assert ("second", "JobRescued") in told
    assert told[-1] == ("second", "JobCompleted")


def test_every_account_lets_in_with_what_the_vault_keeps(shown: Shown) -> None:
    assert shown.text.rstrip().endswith("6 of 6 let in with what the vault keeps; no log-in was refused on the way.")


def test_s01_no_password_and_no_key_is_shown_or_kept_in_plain(shown: Shown) -> None:
    vault, engine = engine_of(shown.house.folder, shown.house.key, lambda point, job: None)
    with vault, engine:
        secrets = [former.secret for account in ACCOUNTS for former in vault.history(account.user)]
        secrets += [found for account in ACCOUNTS for found in shown.house.machine(account)._logins._passwords.values()]
    secrets.append(Secret(shown.house.key.reveal_bytes().hex()))
    assert len(secrets) > len(ACCOUNTS) * 2
    kept = b"".join(path.read_bytes() for path in shown.house.folder.iterdir())
    for secret in secrets:
        assert secret.reveal() not in shown.text
        assert secret.reveal_bytes() not in kept


def test_nothing_is_left_behind_but_the_vault_and_the_store(shown: Shown) -> None:
    assert {path.name for path in shown.house.folder.iterdir()} == {"vault.db", "jobs.db"}
    for port in shown.ports:
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            pass
    for process in shown.processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    for thread in shown.threads:
        thread.join(30)  # that of the leases notices by itself that there are none any more
        assert not thread.is_alive(), thread.name


def test_no_line_is_too_long_for_eighty_columns(shown: Shown) -> None:
    assert [line for line in shown.text.splitlines() if len(line) > 80] == []


# when it goes wrong


def test_the_demo_fails_where_the_process_was_not_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_rotation, "_LAST", "no such step")
    monkeypatch.setattr(_rotation, "_one", lambda *_: None)
    monkeypatch.setattr(_rotation, "_all", lambda *_: None)
    assert main(["demo", "--days", "1", "--folder", str(tmp_path / "shown")]) == 1
    said = capsys.readouterr()
    assert "the process that was to be killed ended by itself" in said.err
    assert "let in with what the vault keeps" not in said.out


def test_an_account_that_does_not_let_in_is_no_success(tmp_path: Path) -> None:
    console = Console(file=StringIO())
    with SshHouse(tmp_path / "ssh") as house:
        house.machine(ACCOUNTS[5])._logins.change(ACCOUNTS[5].user, "somebody else set it")
        with pytest.raises(Refused, match=r"5 of 6 let in .* 1 log-in"):
            _rotation.count(console, house)


def test_without_paramiko_the_demo_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_demo, "find_spec", lambda name: None)
    assert main(["demo", "--days", "1", "--folder", str(tmp_path / "shown")]) == 0
    out = capsys.readouterr().out
    assert "Left out: it needs paramiko" in out
    assert "their chain is whole" in out
