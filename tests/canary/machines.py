"""Ways in by SSH: a real sshd that is told the secret and echoes it, and servers that repeat what they were answered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paramiko.server import InteractiveQuery

from taskkit.scripts import CheckStatus, Commands, Step
from tests import servers
from tests.canary.nests import CANARY, OPEN, Nest
from tests.canary.says import Way
from tests.engine.houses import START
from tests.servers.odd import Odd, odd
from tests.servers.sshd import keygen, running


def nested(place: Path, port: int, user: str, host_key: str, **reach: Any) -> Nest:
    nest = Nest(place, executor="ssh", reach=reach)
    fields = {"host": "127.0.0.1", "port": str(port), "user": user, "host_key": host_key}
    nest.vault.change("h01", fields=fields)
    return nest


def by_key(place: Path) -> Nest:
    """The canary is the passphrase of the key, and goes by stdin to a command that says it again."""
    with running(servers.program("sshd")) as server:
        locked = server.folder / "locked"
        keygen(locked, passphrase=CANARY)
        with (server.folder / "authorized_keys").open("a") as known:
            known.write(locked.with_suffix(".pub").read_text())
        nest = nested(place, server.port, server.user, server.host_key, passphrase="password")  # noqa: S106
        nest.vault.change_secret("h01", "key", locked.read_text(), at=START)
        nest.work(Commands("look", Step("tee /dev/stderr", stdin=f"{OPEN} {{password}}\n"), effect="idempotent"))
    nest.sung += [str(told) for entry in nest.entries() for told in entry.operations]
    return nest


class Parrot(Odd):
    """Repeats what it was answered in its next question."""

    def check_auth_interactive_response(self, responses: list[str]) -> InteractiveQuery:
        self.tried.append(("keyboard-interactive", tuple(responses)))
        return InteractiveQuery("", f"{OPEN} {responses[0]}", (f"Is it {responses[0]}? ", False))


def by_question(place: Path) -> Nest:
    server = Parrot(("keyboard-interactive", ()))
    with odd(server) as port:
        nest = nested(place, port, "app", server.host_key, answers={"^Pass": "password"})
        nest.work(CheckStatus("heartbeat"))
    nest.sung += [answer for _, answers in server.tried for answer in answers]
    return nest


def by_password(place: Path) -> Nest:
    """It is refused, and nothing is said of it."""
    server = Odd(("password", "another"))
    with odd(server) as port:
        nest = nested(place, port, "app", server.host_key)
        nest.work(CheckStatus("heartbeat"))
    nest.sung += [value for _, value in server.tried]
    return nest


ECHOED: Mapping[str, Way] = {
    "what a machine prints that is reached by SSH": by_key,
    "what a machine asks that is reached by SSH": by_question,
}
DROPPED: Mapping[str, Way] = {"a password that a machine refuses": by_password}
