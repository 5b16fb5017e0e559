"""A network that fails while a command is carried out: every cut has the outcome that is true, and leaves nothing behind.

TASKKIT_CUTS says after how many bytes of each way the connection is cut; a nox session cuts it after every one.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from taskkit.outcomes import RETRIED, Done, ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._exchanges import Exchange
from taskkit.plugins.verbs import Command
from taskkit.records import Record
from taskkit.scripts import Commands, Step
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests.plugins.executors.ssh.reach import shell, there
from tests.plugins.executors.ssh.reaching import reached, refused
from tests.servers.faults import Fault, Way, road
from tests.servers.odd import listening
from tests.servers.sshd import Sshd

SOME = 12
CUTS = int(os.environ.get("TASKKIT_CUTS", SOME))
WAYS: tuple[Way, ...] = ("to", "back")
PATIENCE = 30.0
#: What the machine has for who was cut off is short, so that a silent one is noticed while the test waits.
SHORT = {"banner_timeout": 2.0, "auth_timeout": 2.0, "connect_timeout": 2.0, "keepalive": 0.2, "idle_timeout": 1.0}
SAYS, SAID = "head -c 1000 /dev/zero | tr '\\0' x", "x" * 1000


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def sockets() -> set[str]:
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{path.name} {path.readlink()}")
        except FileNotFoundError:  # what the listing itself was read by
            continue
    return {one for one in found if "socket:" in one}


def eventually(found: Any) -> bool:
    until = time.monotonic() + PATIENCE
    while not found() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(found())


def remote(sshd: Sshd, file: Path) -> list[str]:
    """Halves of connections that the server has, and processes of the command, which may have lost their parent."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            said = (path / "cmdline").read_bytes()
            if state not in "ZX" and (int(parent) == sshd.pid or str(file).encode() in said):
                found.append(f"{path.name} {said!r}")
    return found


@contextmanager
def nothing_stays(sshd: Sshd, file: Path) -> Iterator[None]:
    before, opened = threads(), sockets()
    yield
    assert eventually(lambda: threads() == before), threads() - before
    assert sockets() == opened
    assert eventually(lambda: not remote(sshd, file)), remote(sshd, file)


class Trip:
    """One job over a road with a fault. Its command leaves a file when it begins, and a second line in it when it ends."""

    def __init__(self, sshd: Sshd, place: Path, fault: Fault | None = None, stdin: str | None = None, **given: Any) -> None:
        self._file = place / "left"
        self._file.unlink(missing_ok=True)
        with nothing_stays(sshd, self._file):
            with road(sshd.port, fault) as way:
                line = f"echo begun >{self._file}; cat; {SAYS}; echo ended >>{self._file}; exit 0"
                self.outcome = self._perform(sshd, way.port, Step(line, stdin=stdin, shell=True, **given))  # noqa: S604
            self.passed = way.passed

    def _perform(self, sshd: Sshd, port: int, step: Step) -> Outcome:
        fields = {"host": sshd.address, "port": str(port), "user": sshd.user, "host_key": sshd.host_key}
        record = Record("db-1", "machine", fields=fields)
        trial = Trial(Commands("leave", step), record, executor=Ssh(), settings=SHORT, secrets={"db-1": {"key": sshd.key.reveal()}})
        outcome = trial.perform()
        self.operations = list(trial.entry.operations)
        assert outcome is not None
        return outcome

    @property
    def left(self) -> list[str]:
        """After the last process of the machine has ended."""
        return self._file.read_text().split() if self._file.exists() else []

    def check(self) -> str:
        """That what is said of it is true; how it ended."""
        if isinstance(self.outcome, Done):
            assert self.left == ["begun", "ended"]
            [told] = self.operations
            assert SAID in told.get("output", "")
            return "done"
        if isinstance(self.outcome, NotDone):
            assert self.outcome.error in RETRIED, self.outcome
            assert self.outcome.error != "failed", self.outcome
            assert self.left == []
            return "not done"
        assert isinstance(self.outcome, Unknown), self.outcome
        return "unknown"


def spread(of: int, count: int) -> list[int]:
    """So many numbers below `of`, half of them in its last third, where commands begin and end; all, where there are no more."""
    if count >= of:
        return list(range(of))
    half, last = count // 2, of - of // 3
    return [number * last // half for number in range(half)] + [
        last + number * (of - last) // (count - half) for number in range(count - half)
    ]


def told(ends: Counter[str]) -> str:
    return ", ".join(f"{end} {count:,}" for end, count in sorted(ends.items()))


@pytest.fixture(scope="module")
def whole(sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Counter[Way]:
    """How many bytes go which way where nothing fails."""
    trip = Trip(sshd, tmp_path_factory.mktemp("whole"))
    assert trip.check() == "done"
    return trip.passed


@pytest.mark.parametrize("how", ["ended", "reset"])
@pytest.mark.parametrize("way", WAYS)
def test_j10_a_connection_that_is_cut_after_any_byte_ends_as_what_is_true(
    sshd: Sshd, tmp_path: Path, whole: Counter[Way], way: Way, how: Any, record_property: Any
) -> None:
    ends = Counter(Trip(sshd, tmp_path, Fault(way, at, how)).check() for at in spread(whole[way], CUTS))
    record_property("said", f"faults: {way} {how} at {ends.total():,} of {whole[way]:,} bytes: {told(ends)}")
    assert ends["not done"]


@pytest.mark.parametrize("way", WAYS)
def test_j10_a_connection_that_falls_silent_after_any_byte_is_given_up_and_ends_as_what_is_true(
    sshd: Sshd, tmp_path: Path, whole: Counter[Way], way: Way, record_property: Any
) -> None:
    ends = Counter(Trip(sshd, tmp_path, Fault(way, at, "silent")).check() for at in spread(whole[way], min(CUTS // 2, 100)))
    record_property("said", f"faults: {way} silent at {ends.total():,} of {whole[way]:,} bytes: {told(ends)}")
    assert ends["not done"]
    assert ends["unknown"] or (way == "to" and ends.total() < SOME)  # the command is said in few of the bytes: so few cuts may miss them


@pytest.mark.parametrize("how", ["ended", "reset", "silent"])
def test_j10_a_machine_that_is_gone_while_much_is_written_to_a_command_leaves_it_unknown(sshd: Sshd, tmp_path: Path, how: Any) -> None:
    """It reads no more, so that after some of it there is no room for the rest."""
    assert Trip(sshd, tmp_path, Fault("to", 150_000, how), stdin="y" * 8_000_000).check() == "unknown"


def test_j10_a_wire_on_which_nothing_moves_does_not_hold_who_writes(sshd: Sshd) -> None:
    given: dict[str, Any] = SHORT | {"key": sshd.key, "host_key": sshd.host_key}
    with road(sshd.port, Fault("to", 100_000, "silent")) as way, reached(way.port, sshd.user, **given) as (connection, run):
        connection._wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        [told] = connection.commands([Command("cat", stdin="y" * 8_000_000)], run)
    assert (told.state, told.error) == ("unknown", "unreachable")


def test_j10_a_wire_that_takes_no_more_words_in_mid_command_leaves_it_unknown(sshd: Sshd, tmp_path: Path) -> None:
    """Who writes notices before who reads."""
    wires: list[Any] = []

    def cut() -> bool:
        if wires and (tmp_path / "begun").exists():
            wires.pop().sock.shutdown(socket.SHUT_WR)
        return False

    run = there(sshd, late=cut)
    with run.connect() as connection:
        wires.append(connection._wire)
        line = f"touch {tmp_path}/begun; sleep 0.5; cat"
        [told] = connection.commands([Command(line, stdin="y" * 8_000_000, shell=True)], run)  # noqa: S604
    assert (told.state, told.error) == ("unknown", "unreachable")


def test_j10_a_command_of_which_not_all_was_read_is_no_success_and_no_failure_by_its_output(sshd: Sshd) -> None:
    """Its end is told before its output is, where it left somebody behind who goes on talking."""
    for given in ({}, {"expect": "late"}):
        told = shell(there(sshd), "half=$PPID; (sleep 0.3; kill -9 $half) & echo early", **given)
        assert (told.state, told.error, told.output) == ("unknown", "unreachable", "early\n")
        assert told.text == "the connection was lost: nobody saw all that it said"
    assert shell(there(sshd), "half=$PPID; (sleep 0.3; kill -9 $half) & exit 3").state == "not_done"


def test_j10_a_wire_that_is_cut_before_a_command_was_said_leaves_it_not_done(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    run, opened = there(sshd), Exchange.opened
    with run.connect() as connection:

        def cut(exchange: Exchange, seconds: float) -> Any:
            channel = opened(exchange, seconds)
            connection._wire.close()
            return channel

        monkeypatch.setattr(Exchange, "opened", cut)
        [told] = connection.commands([Command("true")], run)
    assert (told.state, told.error) == ("not_done", "unreachable")


def test_a_machine_that_is_late_with_everything_is_only_late(sshd: Sshd, tmp_path: Path) -> None:
    assert Trip(sshd, tmp_path, Fault(delay=0.02)).check() == "done"


def test_a_connection_over_which_only_one_byte_passes_at_a_time_is_only_slow(sshd: Sshd, tmp_path: Path) -> None:
    assert Trip(sshd, tmp_path, Fault(piece=1)).check() == "done"


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-x\r\n" + bytes(range(256)) * 40, b"SSH-9.9-\r\n", b"\x00" * 300 + b"\n", b"HTTP/1.1 400\r\n\r\n"]
)
def test_a_machine_whose_banner_is_garbage_is_refused_and_leaves_nothing(sshd: Sshd, tmp_path: Path, said: bytes) -> None:
    def talk(made: socket.socket) -> None:
        with suppress(OSError):
            made.sendall(said)
            made.shutdown(socket.SHUT_WR)

    with nothing_stays(sshd, tmp_path), listening(talk) as port:
        assert refused(port, "app", password=Secret("a-horse-that-nobody-asks-for")).error in (
            ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.BAD_CONFIGURATION,
        )  # fmt: skip
