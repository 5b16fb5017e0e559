"""A machine in a box: a systemd of its own boots over a copy of this machine's files that is kept in memory; of it nothing is left.

Its processes, accounts, services and network are its own. Its sshd alone listens on the loopback of this machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import pytest
from attrs import define, field

from taskkit.secrets import Secret
from tests import servers
from tests.servers import sshd
from tests.servers.box_files import BOOT, LAST, PASSWORDS, PROGRAMS
from tests.servers.doors import CONFIG, Account, Door

PATIENCE = 60.0
#: A PID namespace around all of it: when its first process ends, in whatever way, all of them do, and with them the mounts.
APART = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc")


class BoxRefused(Exception):
    """No box can start on this machine."""


@pytest.fixture(scope="session")
def standing_box() -> Iterator[Box]:
    """For the whole run, or for the whole of an xdist worker."""
    with boxed() as found:
        yield found


@pytest.fixture
def box(standing_box: Box) -> Iterator[Box]:
    """Whoever a test lets in there goes with it."""
    with visited(standing_box):
        yield standing_box


@contextmanager
def visited(box: Box) -> Iterator[Box]:
    before = set(box.accounts)
    yield box
    for name in set(box.accounts) - before:
        box.drop(box.accounts[name])


@contextmanager
def boxed() -> Iterator[Box]:
    servers.program("box")
    if os.geteuid():
        pytest.skip("a machine in a box takes root")
    with servers.folder("box", owner="root") as folder, ExitStack() as stack:
        try:
            box = stack.enter_context(Box(folder))
        except BoxRefused as why:
            pytest.skip(str(why))
        yield box


@define
class Box:
    """`folder` is empty, and known to a warden (`tests.servers.folder`)."""

    folder: Path
    accounts: dict[str, Account] = field(factory=dict, init=False)
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _leader: int = field(init=False)
    _doors: dict[str, Door] = field(factory=dict, init=False)

    def __enter__(self) -> Self:
        self.folder.chmod(0o711)
        self.shared.mkdir()
        self.shared.chmod(0o711)
        (self.folder / "boot").write_text(BOOT)
        (self.folder / "last").write_text(LAST.format(name=self.folder.name))
        with (self.folder / "out").open("wb") as out:
            command = [*APART, "/bin/sh", str(self.folder / "boot"), str(self.folder)]
            # a session of its own: Ctrl-C is for the tests, which end it when they have ended
            self._process = subprocess.Popen(
                command, cwd=self.folder, env={"PATH": PROGRAMS}, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        (self.folder / "pid").write_text(str(self._process.pid))
        try:
            self._wait()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in children(self._process.pid):
            os.kill(child, signal.SIGKILL)
        self._process.wait()
        subprocess.run(["/bin/sh", self.folder / "last"], cwd="/", check=True)
        (self.folder / "last").unlink()

    @property
    def shared(self) -> Path:
        """The same folder inside and outside."""
        return self.folder / "shared"

    @property
    def pid(self) -> int:
        """Of its systemd, as this machine counts."""
        return self._leader

    # commands

    def run(self, line: str, *arguments: str, stdin: str = "", check: bool = True) -> str:
        """What a shell of root says there; `arguments` are its $1, $2 …"""
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        ran = subprocess.run(
            [*enter, "/bin/sh", "-c", line, "box", *arguments], input=stdin, text=True, capture_output=True, check=False,
            env={"PATH": PROGRAMS, "LANG": "C.UTF-8"},
        )  # fmt: skip
        if check and ran.returncode:
            raise RuntimeError(f"{line!r} ended with {ran.returncode} in the box: {ran.stderr or ran.stdout}")
        return ran.stdout

    def start(self, name: str, log: Path, *command: str) -> None:
        """A service that sees the loopback of this machine, and is there until the box ends or `systemctl stop`s it."""
        words = (f"--unit={name}", "--property=NetworkNamespacePath=/etc/outside", "--property=KillMode=process")
        self.run('exec systemd-run --quiet --collect "$@"', *words, f"--property=StandardError=append:{log}", "--", *command)

    @contextmanager
    def unit(self, name: str, text: str) -> Iterator[str]:
        """A service from its unit file, started; its name."""
        self.run('cat >"/etc/systemd/system/$1.service" && systemctl daemon-reload && systemctl start "$1"', name, stdin=text)
        try:
            yield f"{name}.service"
        finally:
            self.run('systemctl stop "$1"; rm "/etc/systemd/system/$1.service"; systemctl daemon-reload', name)

    # doors

    @property
    def door(self) -> Door:
        """The sshd that takes passwords, by PAM, and keys."""
        return self.open()

    @property
    def port(self) -> int:
        return self.door.port

    @property
    def host_key(self) -> str:
        return self.door.host_key

    @property
    def key(self) -> Secret:
        return self.door.key

    def open(self, config: str = "", *, pam: bool = True, password: bool = True, questions: bool = True) -> Door:
        """The sshd that lets in so, for all accounts; `config` goes before what is said otherwise, and in its place."""
        words = {word: "yes" if value else "no" for word, value in (("pam", pam), ("password", password), ("questions", questions))}
        config += CONFIG.format(**words)
        if config not in self._doors:
            door = Door(self, f"door{next(self._numbers)}")
            sshd.settle(door, config)
            self.run("mkdir -p /run/sshd")
            self.start(door.folder.name, door.folder / "log", str(servers.program("sshd")), "-D", "-e", "-f", str(door.folder / "config"))
            sshd.wait(door)
            self._doors[config] = door
        return self._doors[config]

    # accounts

    def account(
        self,
        name: str = "",
        *,
        password: str = "",
        sudo: str = "",
        key: str = "",
        shell: str = "/bin/sh",
        groups: Sequence[str] = (),
        deeds: Sequence[str] = (),
    ) -> Account:
        """A new one. `sudo` is a rule such as `ALL=(root) NOPASSWD: /usr/bin/id`, `key` a public key that lets it in, too.

        In the group `lockable`, three wrong passwords lock it. `deeds` are commands about it: `chage -d 0`, `usermod -L`.
        """
        made = Account(name or f"guest{next(self._numbers)}", Secret(password or f"Horse-{next(self._numbers)}-battery-Staple"))
        self.run('useradd --create-home --shell "$2" --groups "$3" "$1"', made.name, shell, ",".join(groups))
        self.accounts[made.name] = made
        self.run("chpasswd", stdin=f"{made.name}:{made.password.reveal()}")
        if key:
            self.run('cd "/home/$1"; mkdir -m 700 .ssh; cat >.ssh/authorized_keys; chown -R "$1:" .ssh', made.name, stdin=key)
        if sudo:
            self.run('umask 227; cat >"/etc/sudoers.d/$1"', made.name, stdin=f"{made.name} {sudo}\n")
        for deed in deeds:
            self.run(f'{deed} "$1"', made.name)
        return made

    def drop(self, account: Account) -> None:
        """Away with it, its home, its processes and what is known of its wrong passwords."""
        self.run('pkill -KILL -u "$1"; rm -f "/etc/sudoers.d/$1" "/run/faillock/$1"; userdel --remove --force "$1" 2>&1', account.name)
        del self.accounts[account.name]

    @contextmanager
    def passwords(self, *rules: str) -> Iterator[None]:
        """While it lasts a new password goes through these lines of PAM: `requisite pam_pwhistory.so remember=3`, …

        `nodelay` lets pam_unix refuse at once.
        """
        self._set_passwords(*rules)
        try:
            yield
        finally:
            self._set_passwords(*PASSWORDS)

    def _set_passwords(self, *rules: str) -> None:
        self.run("cat >/etc/pam.d/common-password", stdin="".join(f"password {rule}\n" for rule in rules))

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while not (self.shared / "ready").exists():
            if self._process.poll() is not None:
                raise BoxRefused(f"no systemd-nspawn here: {(self.folder / 'out').read_text().strip() or self._process.returncode}")
            if time.monotonic() > until:
                raise RuntimeError(f"the box did not start: {(self.folder / 'out').read_text()}")
            time.sleep(0.01)
        [nspawn] = children(self._process.pid)
        [self._leader] = children(nspawn)


def children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in told.read_text().split()] if told.exists() else []
