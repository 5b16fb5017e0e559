"""Machines that are reached by SSH: a connection for each job and host, checked against the host key that is known (S7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from paramiko import Transport

from taskkit.plugins.executors._sequences import in_order
from taskkit.plugins.executors.ssh._channels import Channels
from taskkit.plugins.executors.ssh._links import linked
from taskkit.plugins.executors.ssh._logins import let_in
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._terminals import opened
from taskkit.plugins.kinds import Command, Executor, Host, Login, Operation, Run, Terminal, Verb

__all__ = ["Ssh", "SshSettings"]


class Ssh(Executor):
    """Runs commands on the machine that a record names, as the account of the record or its shadow."""

    name = "ssh"
    verbs = frozenset({Verb.COMMANDS, Verb.DIALOGUE})
    settings = SshSettings

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[SshConnection]:
        for secret in filter(None, (login.secret, login.key)):
            run.keep(secret)
        settings = SshSettings.of(host)
        with linked(host, settings, run) as transport:
            let_in(transport, host, login, settings)
            yield SshConnection(transport, settings)


class SshConnection:
    """What `Ssh.connect` gives."""

    def __init__(self, transport: Transport, settings: SshSettings) -> None:
        self._transport, self._settings = transport, settings
        self._channels = Channels(transport, settings)

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """Run one after the other; the first that may not begin any more is told, and is the last."""
        return in_order(sequence, run, self._channels.carry_out)

    def terminal(self, run: Run) -> AbstractContextManager[Terminal]:
        """A shell of its own."""
        return opened(self._transport, self._settings)
