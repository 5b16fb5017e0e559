"""A private Dropbear: the other SSH server that small machines have. It knows accounts by their homes, so it has accounts of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.servers.accounts import BEFORE, Hostel, lacking
from tests.servers.sshd import PATIENCE, Sshd


@pytest.fixture(scope="session")
def dropbear() -> Iterator[Hostel]:
    program = servers.program("dropbear")
    if why := lacking():
        pytest.skip(why)
    with servers.folder("dropbear") as folder:
        keygen: list[str | Path] = [program.parent.parent / "bin" / "dropbearkey", "-t", "ed25519", "-f", folder / "key"]
        made = subprocess.run(keygen, capture_output=True, text=True, check=True)
        [public] = [line for line in made.stdout.splitlines() if line.startswith("ssh-ed25519 ")]
        (folder / "host_ed25519.pub").write_text(public)
        server = Sshd(folder, servers.free_port())
        place = f"{server.address}:{server.port}"
        command: list[str | Path] = [program, "-F", "-E", "-p", place, "-r", folder / "key", "-P", folder / "pid"]
        apart = [part.format(folder=folder) for part in BEFORE]
        with (folder / "log").open("ab") as log, subprocess.Popen([*apart, *command], cwd=folder, stderr=log) as process:
            server.pid = process.pid
            try:
                _wait(server, process)
                yield Hostel(server)
            finally:
                process.terminate()


def _wait(server: Sshd, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection((server.address, server.port), 1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"Dropbear did not start: {server.log}")
