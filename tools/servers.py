"""Says which servers the tests need, which are there, and which are missing; as root on Debian it installs those. Nothing is started.

    python tools/servers.py

Run by `make test`. A server more is a line more in `SERVERS`. Needs nothing but Python.
"""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEBIAN = Path("/etc/debian_version")  # Ubuntu and the others have it, too
POLICY = Path("/usr/sbin/policy-rc.d")
INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
#: Asked by each package's set-up whether it may start its daemon: 101 is no.
NOTHING_STARTS = "#!/bin/sh\n# taskkit installs servers for its tests: none of them starts as a daemon\nexit 101\n"


@dataclass(frozen=True)
class Server:
    """Files, as patterns, that are all there when the server is; the first is its program. What is not in its place may be on the PATH."""

    name: str
    files: tuple[str, ...]
    packages: tuple[str, ...]
    services: tuple[str, ...] = ()  # that Debian would start when the machine boots

    def found(self) -> Path | None:
        places = [_place(pattern) for pattern in self.files]
        return places[0] if all(places) else None

    def lacking(self) -> str:
        """What was looked for, what is the case, and what would help."""
        sought = [pattern for pattern in self.files if not _place(pattern)]
        return f"{self.name} is not here: no {' and no '.join(sought)}, nor on the PATH; {self._remedy()}"

    def _remedy(self) -> str:
        if on_debian():
            return f"this installs {', '.join(self.packages)}: sudo python3 tools/servers.py"
        return f"install {self.name}, as your system does it, so that the PATH leads to {', '.join(Path(each).name for each in self.files)}"


SERVERS = {
    "postgresql": Server(
        "PostgreSQL",
        files=("/usr/lib/postgresql/*/bin/postgres", "/usr/lib/postgresql/*/bin/initdb"),
        packages=("postgresql",),
        services=("postgresql",),
    ),
    "sshd": Server("OpenSSH", files=("/usr/sbin/sshd", "/usr/bin/ssh-keygen"), packages=("openssh-server",), services=("ssh",)),
    "box": Server(
        "systemd-nspawn",
        files=("/usr/bin/systemd-nspawn", "/usr/bin/dbus-daemon", "/usr/bin/sudo", "/usr/bin/pkill"),
        packages=("systemd-container", "dbus", "sudo", "procps"),
        services=("machines.target",),
    ),
    "dropbear": Server("Dropbear", files=("/usr/sbin/dropbear", "/usr/bin/dropbearkey"), packages=("dropbear-bin",)),
}


def main() -> int:
    """0 when all are there, 1 when one is missing."""
    absent = [server for server in SERVERS.values() if not server.found()]
    if absent and os.geteuid() == 0 and on_debian():
        install(absent)
    for server in SERVERS.values():
        program = server.found()
        say(f"{server.name}: {program}" if program else server.lacking())
    return 0 if all(server.found() for server in SERVERS.values()) else 1


def on_debian() -> bool:
    return DEBIAN.exists() and bool(shutil.which("apt-get"))


def install(servers: Iterable[Server]) -> None:
    with no_daemons():
        absent = [server for server in servers if not server.found()]  # somebody else may have installed it meanwhile
        packages = [package for server in absent for package in server.packages]
        if not packages:
            return
        say(f"the tests need {', '.join(server.name for server in absent)}: installing {' '.join(packages)}; nothing is started")
        run("apt-get", "update", "-qq")  # a new machine has no lists; old ones may still do
        if code := run(*INSTALL, *packages):
            say(f"apt-get ended with {code}")
        for service in [service for server in absent if server.found() for service in server.services]:
            if shutil.which("systemctl"):
                run("systemctl", "--quiet", "disable", service)


def run(*command: str) -> int:
    return subprocess.Popen(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdin=subprocess.DEVNULL).wait()


@contextmanager
def no_daemons() -> Iterator[None]:
    """While it lasts no package starts a daemon; a policy that was there before is back afterwards. One process at a time."""
    folder = os.open(POLICY.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with late_signals():
            _tidy()  # what somebody left who was killed here
            try:
                if os.path.lexists(POLICY):
                    POLICY.rename(_kept())
                POLICY.write_text(NOTHING_STARTS)
                POLICY.chmod(0o755)
                yield
            finally:
                _tidy()
    finally:
        os.close(folder)


@contextmanager
def late_signals() -> Iterator[None]:
    """apt-get is not cut off half-way, nor does it outlive what protects it: who asks us to end waits until it has ended."""
    asked: list[int] = []
    before: dict[int, Callable[..., object] | int | None] = {}
    for asking in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        before[asking] = signal.signal(asking, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        sys.exit(128 + asked[0])


def _kept() -> Path:
    return POLICY.with_name(f"{POLICY.name}.before-taskkit")


def _tidy() -> None:
    if os.path.lexists(_kept()):
        _kept().replace(POLICY)
    elif POLICY.is_file() and POLICY.read_text(errors="replace") == NOTHING_STARTS:
        POLICY.unlink()


def _place(pattern: str) -> Path | None:
    """The newest that is in its place, or the one that the PATH leads to."""
    if places := glob.glob(pattern):  # noqa: PTH207  patterns are absolute
        return Path(max(places, key=_version))
    found = shutil.which(Path(pattern).name)
    return Path(found) if found else None


def _version(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def say(text: str) -> None:
    sys.stderr.write(f"taskkit: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
