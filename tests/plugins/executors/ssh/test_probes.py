"""What a secret is worth, found out by a fresh log-in; and the heartbeat that is made of it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._sessions import _read
from taskkit.plugins.verbs import Host, Login, Probe
from taskkit.records import Record
from taskkit.scripts import Check, CheckStatus
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests import servers
from tests.plugins.executors.ssh.reaching import record
from tests.servers.doors import Account, Door
from tests.servers.odd import Odd, odd
from tests.servers.sshd import Sshd, keygen


def about(server: Sshd, user: str, **fields: str) -> Record:
    said = {"host": server.address, "port": str(server.port), "user": user, "host_key": server.host_key, **fields}
    return Record("db-1", "unix", fields=said, secret_fields=["password", "key"])


def probed(server: Sshd, user: str, secret: str | None = None, **secrets: str) -> Probe:
    """What a run finds out of the secrets that the vault has, or of another one in the place of its password."""
    trial = Trial(record=about(server, user), executor=Ssh(), secrets={"db-1": secrets})
    with trial.run() as run:
        return run.probe(secret=None if secret is None else Secret(secret))


def status(record: Record, **secrets: str) -> tuple[Any, Trial]:
    trial = Trial(CheckStatus("heartbeat"), record, executor=Ssh(), secrets={"db-1": secrets})
    return trial.perform(), trial


def password(account: Account) -> str:
    return account.password.reveal()


@pytest.mark.parametrize("kept", ["with_pam", "with_questions", "without_pam"])
def test_a_probe_tells_a_right_secret_from_a_wrong_one(kept: str, request: pytest.FixtureRequest) -> None:
    hostel: Door = request.getfixturevalue(kept)
    account = hostel.account()
    assert probed(hostel, account.name, password=password(account)) == Probe()
    assert probed(hostel, account.name, "no-such-horse", password=password(account)).error == ErrorClass.WRONG_CREDENTIALS
    assert probed(hostel, account.name, password(account), password="no-such-horse").works  # noqa: S106


@pytest.mark.parametrize("kept", ["with_pam", "with_questions", "without_pam"])
def test_a_probe_tells_a_secret_that_is_right_and_must_be_changed(kept: str, request: pytest.FixtureRequest) -> None:
    """Where it is asked by `password`, the log-in alone does not tell."""
    hostel: Door = request.getfixturevalue(kept)
    account = hostel.account(deeds=["chage -d 0"])
    assert probed(hostel, account.name, password=password(account)).error == ErrorClass.MUST_CHANGE
    if kept != "without_pam":
        wrong = probed(hostel, account.name, password="no-such-horse")  # noqa: S106
        assert wrong.error == ErrorClass.WRONG_CREDENTIALS


@pytest.mark.parametrize("rule", ["Your account is locked after 5 wrong passwords.", "Your password must be changed every 90 days."])
def test_s03_rules_that_a_session_tells_everybody_say_nothing_of_the_account(with_pam: Door, rule: str) -> None:
    account = with_pam.account()
    with_pam.box.run('mkdir "/home/$1/.ssh"; echo "echo $2" >"/home/$1/.ssh/rc"', account.name, rule)
    assert probed(with_pam, account.name, password=password(account)) == Probe()


def test_a_probe_of_a_secret_is_not_answered_by_a_key(with_pam: Door, tmp_path: Path) -> None:
    keygen(tmp_path / "key")
    key, public = (tmp_path / "key").read_text(), (tmp_path / "key.pub").read_text()
    account = with_pam.account(key=public)
    assert probed(with_pam, account.name, key=key).works
    assert probed(with_pam, account.name, "no-such-horse", key=key).error == ErrorClass.WRONG_CREDENTIALS
    assert probed(with_pam, account.name, password(account), key=key).works


def test_a_probe_where_both_are_wanted_says_both(in_two_steps: Door, tmp_path: Path) -> None:
    keygen(tmp_path / "key")
    key, public = (tmp_path / "key").read_text(), (tmp_path / "key.pub").read_text()
    account = in_two_steps.account(key=public)
    assert probed(in_two_steps, account.name, password(account), key=key).works
    assert probed(in_two_steps, account.name, "no-such-horse", key=key).error == ErrorClass.WRONG_CREDENTIALS


def test_a_probe_where_the_secret_is_never_asked_for_says_so(sshd: Sshd) -> None:
    found = probed(sshd, sshd.user, "whatever-it-is", key=sshd.key.reveal())
    assert (found.error, "it let in without asking for the password" in found.text) == (ErrorClass.BAD_CONFIGURATION, True)


# the heartbeat


def test_a_heartbeat_tells_each_way_in_which_a_log_in_ends(with_questions: Door, tmp_path: Path) -> None:
    server, fine = with_questions, with_questions.account()
    due, gone = with_questions.account(deeds=["chage -d 0"]), with_questions.account(deeds=["chage -E 0"])
    keygen(tmp_path / "other")
    silent = about(server, fine.name, port=str(servers.free_port()))
    changed = about(server, fine.name, host_key=(tmp_path / "other.pub").read_text())
    cases = {
        "ok": status(about(server, fine.name), password=password(fine)),
        "must_change": status(about(server, due.name), password=password(due)),
        "account_locked": status(about(server, gone.name), password=password(gone)),
        "wrong_credentials": status(about(server, fine.name), password="no-such-horse"),  # noqa: S106
        "unreachable": status(silent, password=password(fine)),
        "host_changed": status(changed, password=password(fine)),
    }
    assert {outcome.result["login"] for outcome, _ in cases.values()} == set(cases)
    for login, (outcome, trial) in cases.items():
        assert outcome.result["login"] == login
        assert isinstance(outcome, Done if login == "ok" else NotDone)
        assert trial.entry.error == (None if login == "ok" else login)
        assert "horse" not in repr(trial.entry)


@pytest.mark.parametrize("level", ["error", "warning"])
def test_checks_tell_a_secret_that_must_be_changed_as_the_heartbeat_does(without_pam: Door, level: Any) -> None:
    """The log-in alone does not tell: each command is answered so."""
    account, server = without_pam.account(deeds=["chage -d 0"]), without_pam
    checks = [Check("true", name="first", level=level), Check("true", name="second")]
    trial = Trial(
        CheckStatus("look", checks), about(server, account.name), executor=Ssh(), secrets={"db-1": {"password": password(account)}}
    )
    outcome = trial.perform()
    assert isinstance(outcome, NotDone)
    assert (outcome.error, outcome.result["login"]) == ("must_change", "must_change")
    assert [one["name"] for one in trial.entry.operations] == ["first"]


@pytest.mark.parametrize("port", ["ssh", "-1", "0", "65536", "22.0", "9" * 5000, "٢٢"])
def test_what_is_no_port_is_not_taken_for_the_usual_one(port: str) -> None:
    """Somebody else may listen there, and would be told the secret."""
    record = Record("db-1", "unix", fields={"host": "127.0.0.1", "port": port, "user": "ops"}, secret_fields=["password"])
    gated = Record("db-2", "unix", fields={"host": "127.0.0.1", "user": "ops", "jump": "db-1"}, secret_fields=["password"])
    for about_it in (record, gated):
        trial = Trial(CheckStatus("heartbeat"), about_it, executor=Ssh(), secrets={about_it.id: {"password": "no-such-horse"}})
        trial.vault.put(record)
        outcome = trial.perform()
        assert isinstance(outcome, NotDone)
        assert outcome.error is ErrorClass.BAD_CONFIGURATION
        assert "its field 'port' says" in outcome.text


def test_a_port_with_spaces_around_it_is_that_port(sshd: Sshd) -> None:
    record = about(sshd, sshd.user, port=f" {sshd.port} ")
    outcome, _ = status(record, key=sshd.key.reveal())
    assert isinstance(outcome, Done)


def test_a_jump_host_that_lets_nobody_in_says_nothing_of_the_account(with_pam: Door, sshd: Sshd) -> None:
    account = with_pam.account()
    gate = evolve(about(with_pam, account.name), id="gate")
    record = about(sshd, sshd.user, jump="gate")
    trial = Trial(record=record, executor=Ssh(), secrets={"db-1": {"key": sshd.key.reveal()}, "gate": {"password": "no-such-horse"}})
    trial.vault.put(gate)
    with trial.run() as run:
        found = run.probe()
    assert found.error == ErrorClass.BAD_CONFIGURATION
    assert "the jump host" in found.text
    with pytest.raises(HostRefused), trial.again().run() as run, run.connect():
        pass


def test_what_is_said_at_the_very_end_of_a_session_is_read() -> None:
    class Ending:
        """Says its word just when somebody looks whether it is over."""

        unsaid, said = [b"Your password has expired."], b""

        @property
        def closed(self) -> bool:
            self.said = self.unsaid.pop() if self.unsaid else b""
            return True

        def recv_stderr_ready(self) -> bool:
            return bool(self.said)

        def recv_stderr(self, size: int) -> bytes:
            return self.said

        def recv_ready(self) -> bool:
            return False

    assert _read(cast(Any, Ending()), float("inf")) == "Your password has expired."


@pytest.mark.parametrize(("status", "most"), [(0, 1.5), (1, 30.0)])
def test_a_session_that_leaves_its_output_open_is_waited_for_as_long_as_its_words_count(status: int, most: float) -> None:
    """And not by asking again and again: somebody else has work for the processor."""

    class Leaves(Odd):
        def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
            self.held = channel  # or it would be closed
            threading.Timer(0.1, channel.send_exit_status, [status]).start()
            return True

    server = Leaves(("password", "right"))
    login = Login(record(server.host_key), "ops", Secret("right"), secrets={})
    with odd(server) as port, Trial(executor=Ssh(), record=login.record).run() as run:
        began, worked = time.monotonic(), time.thread_time()
        assert Ssh().probe(Host("127.0.0.1", port, {"connect_timeout": 3}), login, run) == Probe()
        assert time.monotonic() - began < most
        assert time.thread_time() - worked < 0.5
