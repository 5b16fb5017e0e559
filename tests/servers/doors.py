"""The servers of a box that let its accounts in: each its own sshd, or another program, on the loopback of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.secrets import Secret
from tests import servers
from tests.servers.sshd import Sshd

if TYPE_CHECKING:
    from tests.servers.box import Box

CONFIG = """\
UsePAM {pam}
PasswordAuthentication {password}
KbdInteractiveAuthentication {questions}
AuthorizedKeysFile {{folder}}/authorized_keys .ssh/authorized_keys
"""


@frozen
class Account:
    name: str
    password: Secret


class Door(Sshd):
    """A server that lets the accounts of its box in; `key` opens each of them."""

    def __init__(self, box: Box, name: str) -> None:
        super().__init__(box.shared / name, servers.free_port())
        self.box = box
        self.folder.mkdir()
        self.folder.chmod(0o711)
        self.shared.mkdir()
        self.shared.chmod(0o777)

    @property
    def shared(self) -> Path:
        """Where both the accounts and the tests may write; /tmp is the box's own."""
        return self.folder / "shared"

    def account(self, name: str = "", **given: Any) -> Account:
        return self.box.account(name, **given)

    def password(self, user: str) -> Secret:
        return self.box.accounts[user].password

    def secrets(self, user: str) -> dict[str, Secret]:
        return {"password": self.password(user)} if user in self.box.accounts else super().secrets(user)
