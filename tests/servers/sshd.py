"""A private sshd: OpenSSH on loopback, host keys and log-ins of its own. Who logs in is the user who runs the tests."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from taskkit.secrets import Secret
from tests import servers

PATIENCE = 20.0
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_ed25519
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 200
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv SHLVL=2
"""


class Sshd:
    """One server; `key` opens it for `user`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.address, self.user = folder, port, "127.0.0.1", getpass.getuser()
        self.pid = 0

    @property
    def host_key(self) -> str:
        """As a record's field holds it."""
        return (self.folder / "host_ed25519.pub").read_text().strip()

    @property
    def key(self) -> Secret:
        return Secret((self.folder / "user_ed25519").read_text())

    def secrets(self, user: str) -> dict[str, Secret]:
        """What lets this user in."""
        return {"key": self.key}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def refusals(self, user: str) -> list[str]:
        """What the log says of the tries of somebody who has gone without being let in: it is written after the answer."""
        until = time.monotonic() + PATIENCE
        while f" by authenticating user {user} " not in self.log:
            assert time.monotonic() < until, self.log
            time.sleep(0.01)
        return [line for line in self.log.splitlines() if line.startswith("Failed ") and f" for {user} " in line]


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    """A server for the whole run, or for the whole of an xdist worker."""
    with running(servers.program("sshd")) as server:
        yield server


@contextmanager
def running(program: Path, *, config: str = "", before: Sequence[str] = ()) -> Iterator[Sshd]:
    """`before` is a command that begins the server in a place of its own."""
    with servers.folder("sshd") as folder:
        server = Sshd(folder, servers.free_port())
        settle(server, config)
        if not os.geteuid():
            Path("/run/sshd").mkdir(parents=True, exist_ok=True)
        started: list[str | Path] = [part.format(folder=folder) for part in before]
        started += [program, "-D", "-f", folder / "config", "-E", folder / "log"]
        with subprocess.Popen(started, cwd=folder, stdin=subprocess.DEVNULL) as process:
            server.pid = process.pid
            try:
                wait(server, process)
                yield server
            finally:
                process.terminate()


def settle(server: Sshd, config: str = "") -> None:
    """Its keys and its configuration; `config` goes before what is said above, and in its place."""
    for name in ("host_ed25519", "user_ed25519"):
        keygen(server.folder / name)
    (server.folder / "authorized_keys").write_text((server.folder / "user_ed25519.pub").read_text())
    said = {line.split()[0] for line in config.splitlines()} - {"HostKey", "ListenAddress"}
    usual = [*CONFIG.splitlines(), *(["PerSourcePenalties no"] if punishes() else [])]
    rest = [line for line in usual if line.split()[0] not in said]  # of some words the last counts, of most the first
    (server.folder / "config").write_text((config + "\n".join(rest)).format(folder=server.folder, port=server.port) + "\n")


@cache
def punishes() -> bool:
    """Whether it shuts an address out for a while after log-ins that failed, as OpenSSH does from 9.8 on."""
    asked = [str(servers.program("sshd")), "-t", "-f", "/dev/null", "-o", "PerSourcePenalties=no"]
    return "Bad configuration option" not in subprocess.run(asked, capture_output=True, text=True, check=False).stderr


def keygen(path: Path, *options: str, kind: str = "ed25519", passphrase: str = "") -> None:
    """A pair of keys; with `-s`, a certificate of one that is there."""
    made = [] if "-s" in options else ["-t", kind, "-N", passphrase, "-f"]
    subprocess.run(["ssh-keygen", "-q", *options, *made, str(path)], check=True)  # noqa: S607


def wait(server: Sshd, process: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and (process is None or process.poll() is None):
        try:
            with socket.create_connection((server.address, server.port), 1) as tried:
                if tried.recv(8).startswith(b"SSH-2.0-"):
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"sshd did not start: {server.log}")
