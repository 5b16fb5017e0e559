"""What holds at OpenSSH's server holds at Dropbear, too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Probe
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests.plugins.executors.ssh.reaching import reached, refused, says
from tests.servers.doors import Door
from tests.servers.sshd import Sshd, keygen

WRONG = Secret("not-the-right-horse")


def test_a_password_and_a_key_let_in(dropbear: Door, tmp_path: Path) -> None:
    keygen(tmp_path / "key")
    account, server = dropbear.account(key=(tmp_path / "key.pub").read_text()), dropbear
    assert says(server.port, account.name, host_key=server.host_key, password=account.password) == f"in as {account.name}"
    assert says(server.port, account.name, host_key=server.host_key, key=Secret((tmp_path / "key").read_text())) == f"in as {account.name}"


def test_s05_a_wrong_password_is_told_as_one_and_is_tried_once(dropbear: Door) -> None:
    account, server = dropbear.account(), dropbear
    before = len(server.log)
    error = refused(server.port, account.name, host_key=server.host_key, password=WRONG)
    assert error.error == ErrorClass.WRONG_CREDENTIALS
    assert server.log[before:].count("Bad password attempt") == 1


def test_s07_its_host_key_is_checked(dropbear: Door, sshd: Sshd) -> None:
    account, server = dropbear.account(), dropbear
    given = {"password": account.password}
    assert refused(server.port, account.name, **given).error == ErrorClass.BAD_CONFIGURATION
    assert refused(server.port, account.name, host_key=sshd.host_key, **given).error == ErrorClass.HOST_CHANGED


def test_it_answers_whether_it_is_still_there(dropbear: Door) -> None:
    account, server = dropbear.account(), dropbear
    given: dict[str, Any] = {"host_key": server.host_key, "keepalive": 0.2, "idle_timeout": 2.0}
    with reached(server.port, account.name, password=account.password, **given) as (connection, _):
        time.sleep(2.5)
        assert connection._wire.is_active()


def test_a_probe_tells_what_a_secret_is_worth(dropbear: Door) -> None:
    account, server = dropbear.account(), dropbear
    fields = {"host": server.address, "port": str(server.port), "user": account.name, "host_key": server.host_key}
    trial = Trial(record=Record("db-1", "unix", fields=fields), executor=Ssh(), secrets={"db-1": {"password": account.password.reveal()}})
    with trial.run() as run:
        assert run.probe() == Probe()
        assert run.probe(secret=WRONG).error == ErrorClass.WRONG_CREDENTIALS
