"""Ways to ask for a machine in these tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Command, Host, Login
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial


def record(host_key: str = "", **fields: str) -> Record:
    return Record("db-1", "trial", fields={"host_key": host_key, **fields})


@contextmanager
def reached(
    port: int | None,
    user: str,
    *,
    host_key: str = "",
    address: str = "127.0.0.1",
    password: Secret | None = None,
    key: Secret | None = None,
    secrets: Mapping[str, Secret] | None = None,
    fields: Mapping[str, str] | None = None,
    trial: Trial | None = None,
    **settings: Any,
) -> Iterator[Any]:
    """Logged in, with the run."""
    about = record(host_key, **fields or {})
    login = Login(about, user, password, key, secrets=secrets or {})
    trial = trial or Trial(executor=Ssh(), record=about)
    with trial.run() as run, Ssh().connect(Host(address, port, settings), login, run) as connection:
        yield connection, run


def says(*given: Any, **named: Any) -> str:
    """What the machine answers to who logs in so."""
    with reached(*given, **named) as (connection, run):
        [told] = connection.commands([Command("echo in as $LOGNAME", shell=True)], run)  # noqa: S604
    return str(told.output).strip()


def refused(*given: Any, **named: Any) -> HostRefused:
    """How one who logs in so is refused; nobody is let in, and nothing else is told of what was tried."""
    with pytest.raises(HostRefused) as caught, reached(*given, **named):
        pass
    secrets = [named.get("password"), named.get("key"), *(named.get("secrets") or {}).values()]
    assert not [secret for secret in secrets if secret is not None and secret.reveal_bytes().decode("latin-1") in str(caught.value)]
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value
