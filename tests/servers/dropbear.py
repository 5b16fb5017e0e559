"""A private Dropbear: the other SSH server that small machines have. It knows accounts by their homes, so it has accounts of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.servers.box import Box
from tests.servers.doors import Door
from tests.servers.sshd import wait


@pytest.fixture
def dropbear(box: Box, running_dropbear: Door) -> Door:
    assert running_dropbear.box is box  # who is let in goes with the test
    return running_dropbear


@pytest.fixture(scope="session")
def running_dropbear(standing_box: Box) -> Door:
    program = servers.program("dropbear")
    door = Door(standing_box, "dropbear")
    keygen: list[str | Path] = [program.parent.parent / "bin" / "dropbearkey", "-t", "ed25519", "-f", door.folder / "key"]
    made = subprocess.run(keygen, capture_output=True, text=True, check=True)
    [public] = [line for line in made.stdout.splitlines() if line.startswith("ssh-ed25519 ")]
    (door.folder / "host_ed25519.pub").write_text(public)
    place, key = f"{door.address}:{door.port}", str(door.folder / "key")
    standing_box.start("dropbear", door.folder / "log", str(program), "-F", "-E", "-p", place, "-r", key)
    wait(door)
    return door
