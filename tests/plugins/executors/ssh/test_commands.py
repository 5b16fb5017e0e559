"""Commands on a real sshd."""

from __future__ import annotations

from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Command, Host, Login
from taskkit.records import Record
from taskkit.testing.trials import Trial
from tests.servers.sshd import Sshd


def test_a_command_is_carried_out_on_the_machine(sshd: Sshd) -> None:
    record = Record("db-1", "unix", fields={"host": sshd.address, "host_key": sshd.host_key})
    trial = Trial(executor=Ssh(), record=record)
    host, login = Host(sshd.address, sshd.port), Login(record, sshd.user, key=sshd.key)
    with trial.run() as run, Ssh().connect(host, login, run) as connection:
        [told] = connection.commands([Command("cat", stdin="hello")], run)
    assert (told.state, told.output, told.exit) == ("done", "hello", 0)
