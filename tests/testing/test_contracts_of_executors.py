"""The executors that are shipped keep what every executor keeps."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from io import StringIO
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve
from paramiko import ECDSAKey

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.local import Local
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.kinds import Executor
from taskkit.plugins.verbs import Command, Host, Login
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing import FakeExecutor, Reply
from taskkit.testing.contracts import ExecutorContract
from taskkit.testing.contracts._words import PASSWORD
from tests.servers import free_port
from tests.servers.doors import Door
from tests.servers.sshd import Sshd

HOST = "10.0.0.5"


class TestFakeExecutor(ExecutorContract):
    """What a fake host needs to be told, for every test of the suite."""

    closed: ClassVar = {"E2": "it has no settings"}
    accounts = 0

    def setup_method(self) -> None:
        self.made = FakeExecutor()
        self.made.guard(HOST, "app", "correct-horse-battery-staple", locks_after=2)

    def executor(self) -> Executor:
        return self.made

    def host(self) -> Host:
        return Host(HOST)

    def wrong_login(self) -> Login:
        return evolve(self.login(), secret=Secret("wrong-horse"))

    def host_that_is_down(self) -> Host:
        self.made.down("10.0.0.6")
        return Host("10.0.0.6")

    def open_connections(self, executor: Any) -> int:
        return self.made.connections

    def says(self, text: str) -> Command:
        return self._scripted(Reply(text))

    def exits(self, code: int, **given: Any) -> Command:
        return self._scripted(Reply(exit=code, does=False), **given)

    def repeats(self, stdin: str) -> Command:
        return self._scripted(Reply(repeats=True), stdin=stdin)

    def floods(self, size: int) -> Command:
        return self._scripted(Reply("x" * size))

    def hangs(self) -> Command:
        return self._scripted(Reply(takes=inf), timeout=0.1)

    def leaves(self, name: str) -> Command:
        return Command(f"leave {name}")

    def left(self) -> Collection[str]:
        return {line.removeprefix("leave ") for line in self.made.deeds(HOST) if line.startswith("leave ")}

    def spies(self, stdin: Secret) -> Command:
        return Command("spy", stdin=stdin)

    def spied(self) -> tuple[str, str]:
        [said] = self.made.said
        stdin = "".join(part.reveal() if isinstance(part, Secret) else part for part in said.stdin)
        return stdin, f"{said.user} {said.line} {said!r}"

    def account(self) -> Login:
        self.accounts += 1
        self.made.guard(HOST, f"guest{self.accounts}", PASSWORD)
        return evolve(self.login(), user=f"guest{self.accounts}")

    def refused_secret(self) -> Secret:
        self.made.script_changes(HOST, "too_simple")
        return Secret("too-simple-horse")

    def host_that_loses_the_answer(self) -> Host:
        self.made.script_changes(HOST, Reply(seen=False))
        return Host(HOST)

    def path(self, name: str) -> str:
        return f"/etc/{name}"

    def path_of_nothing(self) -> str:
        self.made.script_files(HOST, ErrorClass.BAD_CONFIGURATION)
        return "/nowhere/file"

    def _scripted(self, reply: Reply, **given: Any) -> Command:
        self.made.script(HOST, reply)
        return Command("as told", **given)


class RealShell:
    """Commands of a real machine, in a folder of their own."""

    def setup_method(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.place = Path(self._folder.name)

    def teardown_method(self) -> None:
        self._folder.cleanup()

    def leaves(self, name: str) -> Command:
        return Command(f"touch {shlex.quote(name)}")

    def left(self) -> Collection[str]:
        return [path.name for path in self.place.iterdir()]

    def path(self, name: str) -> str:
        return str(self.place / name)

    def spies(self, stdin: Secret) -> Command:
        return Command("cat >stdin; tr '\\0' ' ' </proc/$$/cmdline >seen; tr '\\0' ' ' </proc/$$/environ >>seen", shell=True, stdin=stdin)  # noqa: S604

    def spied(self) -> tuple[str, str]:
        return (self.place / "stdin").read_text(), (self.place / "seen").read_text()


class TestLocal(RealShell, ExecutorContract):
    closed: ClassVar = {
        "E3": "it is this machine, which is always there",
        "E4": "nobody logs in",
        "E5": "it holds no connection",
    }

    def executor(self) -> Executor:
        return Local()

    def host(self) -> Host:
        return Host("localhost", settings={"cwd": str(self.place), "grace": 0.1})


class TestSsh(RealShell, ExecutorContract):
    """The same, over a connection to OpenSSH."""

    @pytest.fixture(autouse=True)
    def _server(self, sshd: Sshd, request: pytest.FixtureRequest) -> Iterator[None]:
        self.sshd = sshd
        self.known = sshd.folder / "known_hosts"
        self.known.write_text(f"[{sshd.address}]:{sshd.port} {sshd.host_key}\n")
        self._request = request
        with ExitStack() as self._rules:
            yield

    def executor(self) -> Executor:
        return Ssh()

    def host(self) -> Host:
        return Host(self.sshd.address, self.sshd.port, settings={"cwd": str(self.place), "grace": 0.1, "known_hosts": str(self.known)})

    def host_that_is_down(self) -> Host:
        return evolve(self.host(), port=free_port())

    def login(self) -> Login:
        """A password beside it, which the server does not ask for."""
        return Login(Record("db-1", "trial"), self.sshd.user, Secret(PASSWORD), self.sshd.key)

    def wrong_login(self) -> Login:
        text = StringIO()
        ECDSAKey.generate().write_private_key(text)
        return evolve(self.login(), key=Secret(text.getvalue()))

    @property
    def hostel(self) -> Door:
        """Only its accounts have their secrets changed."""
        found: Door = self._request.getfixturevalue("with_pam")
        return found

    def account(self) -> Login:
        made = self.hostel.account()
        return Login(Record("db-1", "trial"), made.name, made.password)

    def host_of_accounts(self) -> Host:
        server = self.hostel
        known = server.folder / "known_hosts"
        known.write_text(f"[{server.address}]:{server.port} {server.host_key}\n")
        return Host(server.address, server.port, settings={"known_hosts": str(known), "change_timeout": 2.0})

    def refused_secret(self) -> Secret:
        self._rules.enter_context(self.hostel.box.passwords("required pam_unix.so minlen=20 sha512 nodelay"))
        return Secret("Nine-lives-1")

    def host_that_loses_the_answer(self) -> Host:
        slow = "optional pam_exec.so quiet /bin/sleep 5"
        self._rules.enter_context(self.hostel.box.passwords("required pam_unix.so sha512 nodelay", slow))
        return self.host_of_accounts()

    def open_connections(self, executor: Any) -> int:
        """As the network sees them."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(f":{self.sshd.port:04X}") and row[3] == "01" for row in rows)
