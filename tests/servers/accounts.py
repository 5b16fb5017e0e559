"""The doors of the box by how they ask who is there, and those who are always there. Tests let in others, who go with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.box import Box, visited
from tests.servers.doors import Door

#: Who is always there, and what sudo lets them do.
RESIDENTS = {
    "app": "ALL=(ALL:ALL) ALL",
    "free": "ALL=(ALL:ALL) NOPASSWD: ALL",
    "narrow": "ALL=(root) /usr/sbin/chpasswd, /usr/bin/id",
    "plain": "",
    "aged": "",
    "duty": "",
    "singer": "ALL=(ALL:ALL) ALL",
    "switch": "",
}
#: What the account `switch` has for a shell: it takes lines as they stand, says them, and knows nothing of any other.
CLI = """\
#!/bin/sh
printf '%s' "$2"
"""


@pytest.fixture
def with_pam(box: Box) -> Door:
    return box.door


@pytest.fixture
def with_questions(box: Box) -> Door:
    """By PAM's questions alone."""
    return box.open(password=False)


@pytest.fixture
def without_pam(box: Box) -> Door:
    return box.open(pam=False, questions=False)


@pytest.fixture
def in_two_steps(box: Box) -> Door:
    return box.open("AuthenticationMethods publickey,keyboard-interactive\n")


@pytest.fixture
def walled(settled: Door) -> Iterator[Door]:
    """With the residents."""
    with visited(settled.box):
        yield settled


@pytest.fixture(scope="session")
def settled(standing_box: Box) -> Door:
    door = standing_box.open(questions=False)
    (door.folder / "cli").write_text(CLI)
    (door.folder / "cli").chmod(0o755)
    for name, rule in RESIDENTS.items():
        # each has a password of its own, which no test may find again
        standing_box.account(name, password=f"{name}-horse-battery-staple", sudo=rule)
    standing_box.run('chage --lastday 0 aged; usermod --shell "$1" switch', str(door.folder / "cli"))
    return door
