"""sshd with accounts of its own: its /etc lies over that of the machine, and goes with it. The machine's own accounts stay as they are."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count

import pytest
from attrs import frozen

from taskkit.secrets import Secret
from tests import servers
from tests.servers.sshd import Sshd, running

#: Begins the server in a mount namespace, in which /etc is written to a file system in memory.
APART = """\
set -e
mkdir -p "$1/over"
mount -t tmpfs tmpfs "$1/over"
mkdir "$1/over/upper" "$1/over/work" "$1/faillock" "$1/home"
chmod 711 "$1" "$1/home"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/over/upper,workdir=$1/over/work" /etc
rules="deny=3 unlock_time=600 nodelay dir=$1/faillock"
cat >/etc/pam.d/sshd <<END
auth required pam_faillock.so preauth $rules
auth sufficient pam_unix.so nodelay
auth [default=die] pam_faillock.so authfail $rules
account required pam_faillock.so
account required pam_unix.so
password required pam_unix.so
session required pam_unix.so
END
echo "password required pam_unix.so sha512 rounds=1000 nodelay" >/etc/pam.d/common-password
shift
exec "$@"
"""
BEFORE = ("unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", APART, "apart", "{folder}")
#: How a password is changed where a test says nothing else; nobody waits after a wrong one.
PASSWORDS = ("required pam_unix.so sha512 rounds=1000 nodelay",)
CONFIG = """\
UsePAM {pam}
PasswordAuthentication {password}
KbdInteractiveAuthentication {questions}
AuthorizedKeysFile {{folder}}/authorized_keys {{folder}}/home/%u/.ssh/authorized_keys
"""


@frozen
class Account:
    name: str
    password: Secret


class Hostel:
    """One sshd, and whoever is let in there."""

    def __init__(self, server: Sshd) -> None:
        self.server, self._numbers = server, count(1)

    def account(self, *deeds: str, key: str = "", sudo: str = "") -> Account:
        """A new one; `deeds` are commands about it: `chage -d 0`, `usermod -L`. `key` is a public key that lets it in, too.

        `sudo` is a rule such as `ALL=(root) NOPASSWD: /usr/sbin/chpasswd`.
        """
        made = Account(f"guest{next(self._numbers)}", Secret(secrets.token_hex(12)))
        home = self.server.folder / "home" / made.name
        self.say("useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/sh", made.name)
        self.say("chpasswd", stdin=f"{made.name}:{made.password.reveal()}")
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "authorized_keys").write_text(key)
        if sudo:
            self.write(f"/etc/sudoers.d/{made.name}", f"Defaults:{made.name} timestamp_timeout=0, lecture=never\n{made.name} {sudo}\n")
        for deed in deeds:
            self.say(*deed.split(), made.name)
        return made

    @contextmanager
    def passwords(self, *rules: str) -> Iterator[None]:
        """While it lasts a new password goes through these lines of PAM: `requisite pam_pwhistory.so remember=3`, …"""
        self._set_passwords(*rules)
        try:
            yield
        finally:
            self._set_passwords(*PASSWORDS)

    def _set_passwords(self, *rules: str) -> None:
        self.write("/etc/pam.d/common-password", "".join(f"password {rule}\n" for rule in rules))

    def write(self, path: str, text: str) -> None:
        """A file there, which only its /etc has."""
        if not path.startswith("/etc/"):
            raise ValueError(f"{path} is no file of its own")
        self.say("tee", path, stdin=text)

    def say(self, *command: str, stdin: str = "") -> None:
        """As root, where the accounts are."""
        enter = ("nsenter", "--mount", f"--target={self.server.pid}")
        subprocess.run([*enter, *command], input=stdin, text=True, check=True, capture_output=True)


@cache
def lacking() -> str:
    """Why no server can have accounts of its own here."""
    if os.geteuid():
        return "accounts of its own need root"
    try:
        tried = subprocess.run([*BEFORE[:4], "true"], capture_output=True)
    except FileNotFoundError:
        return "accounts of its own need util-linux (unshare, nsenter)"
    return "" if tried.returncode == 0 else "accounts of its own need a mount namespace, which this machine does not give"


@contextmanager
def hostel(*, pam: bool = True, password: bool = True, questions: bool = True, config: str = "") -> Iterator[Hostel]:
    program = servers.program("sshd")
    if why := lacking():
        pytest.skip(why)
    words = {name: "yes" if value else "no" for name, value in (("pam", pam), ("password", password), ("questions", questions))}
    with running(program, config=config + CONFIG.format(**words), before=BEFORE) as server:
        yield Hostel(server)


@pytest.fixture(scope="session")
def with_pam() -> Iterator[Hostel]:
    with hostel() as found:
        yield found


@pytest.fixture(scope="session")
def with_questions() -> Iterator[Hostel]:
    """By PAM's questions alone."""
    with hostel(password=False) as found:
        yield found


@pytest.fixture(scope="session")
def without_pam() -> Iterator[Hostel]:
    with hostel(pam=False, questions=False) as found:
        yield found


@pytest.fixture(scope="session")
def in_two_steps() -> Iterator[Hostel]:
    with hostel(config="AuthenticationMethods publickey,keyboard-interactive\n") as found:
        yield found
