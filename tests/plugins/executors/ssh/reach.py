"""Runs of jobs on a machine that is reached by SSH, and what one command there comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Command, Operation
from taskkit.records import Record
from taskkit.secrets import Secret
from tests.runs import WatchedRun
from tests.servers.sshd import Sshd


def there(server: Sshd, user: str | None = None, secrets: Mapping[str, Secret] | None = None, **given: Any) -> WatchedRun:
    """The run of a job there: by the server's key, or by the secrets that are named, or as one of its accounts by its password."""
    user = user or server.user
    fields = {"host": server.address, "port": str(server.port), "user": user, "host_key": server.host_key}
    if secrets is None:
        secrets = server.secrets(user)
    record = Record("db-1", "machine", fields=fields)
    return WatchedRun(record, executor=Ssh(), secrets={"db-1": secrets}, **given)


def carried_out(run: WatchedRun, *commands: Command | str) -> list[Operation]:
    with run.connect() as connection:
        return list(connection.commands([one if isinstance(one, Command) else Command(one) for one in commands], run))


def carry_out(run: WatchedRun, command: Command | str) -> Operation:
    [operation] = carried_out(run, command)
    return operation


def shell(run: WatchedRun, line: str, **given: Any) -> Operation:
    return carry_out(run, Command(line, shell=True, **given))  # noqa: S604  what a shell does is what is tested
