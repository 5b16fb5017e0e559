"""What the executor `ssh` costs over bare paramiko, on a private sshd: log-ins, commands, much output; and many hosts in one execution.

The goals are for the processor's clock. The clock on the wall is there to be read: a log-in waits for the server most of the time.

python bench/ssh.py [--quick] [--json] [--only log_in]
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _hosts import WORKERS, visit
from _houses import Clock, Doer, in_turns, ready, timed
from _peaks import peak
from harness import Goal, Middle, Row, Run, command
from paramiko import Ed25519Key, PKey, Transport

from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Command, Host, Login
from taskkit.records import Record
from taskkit.testing.trials import Trial

if TYPE_CHECKING:
    from tests.servers.sshd import Sshd

OURS, BARE, OPENSSH = "taskkit", "paramiko", "OpenSSH's client"
#: How many times as long as by bare paramiko, which checks the host key and sends at once (TCP_NODELAY), too.
LOGGED_IN, SAID = Goal("≤", 1.2), Goal("≤", 1.3)
#: How much of the rate at which a bare channel is read, where the output is large.
AS_MUCH = Goal("≥", 0.8)
#: Megabytes: what a channel has under way, and what is kept of the output, but not the output.
GROWN, WHOLE = Goal("≤", 32), Goal("≤", 250)
#: Each worker has a thread, and each connection one.
THREADS = Goal("≤", 2 * WORKERS + 10)
MEGABYTE = 1_000_000
#: How many of them a command says, and to how many hosts one execution goes; in short runs, fewer.
SIZE, SHORT_SIZE = 1000, 64
HOSTS, FEW_HOSTS = 500, 50
SAYS = "echo ok"
AT_ONCE = 20
PROCESSOR, WALL = "processor", "wall"
CLOCKS: dict[str, Clock] = {PROCESSOR: time.process_time, WALL: time.perf_counter}


class Bare:
    """By hand: no more than it takes."""

    def __init__(self, server: Sshd) -> None:
        self._server, self._key = server, server.key.reveal()
        self._host_key = PKey.from_type_string(*_typed(server.host_key))

    @contextmanager
    def connected(self) -> Iterator[Transport]:
        made = socket.create_connection((self._server.address, self._server.port), 10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = Transport(made)
        try:
            transport.start_client(timeout=10)
            _alike(transport.get_remote_server_key(), self._host_key)
            transport.auth_publickey(self._server.user, Ed25519Key.from_private_key(StringIO(self._key)))
            yield transport
        finally:
            transport.close()

    def command(self, transport: Transport) -> None:
        with transport.open_session() as channel:
            channel.exec_command(SAYS)
            _alike((channel.makefile("rb").read(), channel.recv_exit_status()), (b"ok\n", 0))

    def much(self, transport: Transport, size: int) -> None:
        with transport.open_session() as channel:
            channel.exec_command(_much(size))
            read = 0
            while piece := channel.recv(65_536):
                read += len(piece)
            _alike((read, channel.recv_exit_status()), (size, 0))


class Ours:
    """As the engine does it, in the run of a job."""

    def __init__(self, server: Sshd) -> None:
        record = Record("web-1", "trial", fields={"host": server.address, "host_key": server.host_key})
        self._host, self._login = Host(server.address, server.port), Login(record, server.user, key=server.key)
        self._executor = Ssh()
        self.run: Any = ExitStack().enter_context(Trial(executor=self._executor, record=record).run())

    @contextmanager
    def connected(self) -> Iterator[Any]:
        with self._executor.connect(self._host, self._login, self.run) as connection:
            yield connection

    def command(self, connection: Any) -> None:
        [told] = connection.commands([Command(SAYS)], self.run)
        _alike((told.state, told.output), ("done", "ok\n"))

    def much(self, connection: Any, size: int) -> None:
        [told] = connection.commands([Command(_much(size), shell=True, timeout=3600)], self.run)  # noqa: S604
        _alike((told.state, told.truncated), ("done", True))


Peer = Bare | Ours


def peers(server: Sshd) -> dict[str, Peer]:
    return {OURS: Ours(server), BARE: Bare(server)}


def log_in(run: Run) -> Iterator[Row]:
    """Each operation connects, logs in, has a command carried out, and leaves."""
    with served() as server:
        if server:
            cases = {name: _log_ins(peer) for name, peer in peers(server).items()}
            yield from _rows("a log-in and a command", run, cases, LOGGED_IN, each=5)
            yield from _client(server, run)


def command_more(run: Run) -> Iterator[Row]:
    with served() as server, ExitStack() as stack:
        if server:
            cases = {name: _commands(peer, stack.enter_context(peer.connected())) for name, peer in peers(server).items()}
            yield from _rows("a command over a connection that is there", run, cases, SAID, each=20)


def at_once(run: Run) -> Iterator[Row]:
    with served() as server, ThreadPoolExecutor(AT_ONCE) as threads:
        if server:
            cases = {name: _at_once(_log_ins(peer), threads) for name, peer in peers(server).items()}
            yield from _rows(f"{AT_ONCE} log-ins and commands at once", run, cases, LOGGED_IN, each=AT_ONCE)


def much(run: Run) -> Iterator[Row]:
    """A gigabyte of output, of which the executor keeps what its setting `cap` says."""
    size = (SIZE if run.is_full else SHORT_SIZE) * MEGABYTE
    with served() as server, ExitStack() as stack:
        if not server:
            return
        cases = {name: _reads(peer, stack.enter_context(peer.connected()), size) for name, peer in peers(server).items()}
        section, rounds = f"{size // MEGABYTE:,} MB of output", 1 if run.is_full else 2
        turns = {case: ready(do, 1) for case, do in cases.items()}
        found = in_turns(turns, rounds=rounds, each=1, gauges=run.gauges, clock=time.process_time)
        yield Row(section, f"{OURS} : {BARE}", "rate by the processor", found.ratio(OURS, BARE), "x", AS_MUCH)
        for case, do in cases.items():
            yield Row(section, case, "seconds of the processor", _once(found.micros(case).value / 1e6), "s")
            with peak() as most:
                do(1)
            if most.grown is not None:
                yield Row(section, case, "grown by", _once(most.grown), "MB", GROWN if case == OURS else None)


def hosts(run: Run) -> Iterator[Row]:
    """One execution over many records, each of which is the same server."""
    count = HOSTS if run.is_full else FEW_HOSTS
    with served() as server:
        if not server:
            return
        section = f"{count} hosts in one execution, {WORKERS} workers"
        with peak() as most:
            processor = timed(lambda: visit(server, count), time.process_time)
        yield Row(section, OURS, "threads at most", _once(most.threads), "", THREADS)
        if most.megabytes is not None:
            yield Row(section, OURS, "memory at most", _once(most.megabytes), "MB", WHOLE)
        yield Row(section, OURS, "milliseconds of the processor for each", _once(1000 * processor / count), "ms")


def _once(value: float) -> Middle:
    return Middle.of([value])


def _much(size: int) -> str:
    return f"yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c {size}"


def _reads(peer: Peer, connection: Any, size: int) -> Doer:
    def do(count: int) -> None:
        for _ in range(count):
            peer.much(connection, size)

    return do


def _log_ins(peer: Peer) -> Doer:
    def do(count: int) -> None:
        for _ in range(count):
            with peer.connected() as connection:
                peer.command(connection)

    return do


def _commands(peer: Peer, connection: Any) -> Doer:
    def do(count: int) -> None:
        for _ in range(count):
            peer.command(connection)

    return do


def _at_once(do: Doer, threads: ThreadPoolExecutor) -> Doer:
    return lambda count: list(threads.map(lambda _: do(1), range(count)))


def _rows(section: str, run: Run, cases: dict[str, Doer], goal: Goal, each: int) -> Iterator[Row]:
    rounds = max(5, run.rounds // 2)
    for name, clock in CLOCKS.items():
        turns = {case: ready(do, each) for case, do in cases.items()}
        found = in_turns(turns, rounds=rounds, each=each, gauges=run.gauges, clock=clock)
        yield Row(section, f"{OURS} : {BARE}", f"seconds of the {name}", found.ratio(BARE, OURS), "x", goal if name == PROCESSOR else None)
        for case in cases:
            yield Row(section, case, f"microseconds of the {name}", found.micros(case), "us")


def _client(server: Sshd, run: Run) -> Iterator[Row]:
    """A process for each log-in; only the clock on the wall sees what it takes."""
    if not (ssh := shutil.which("ssh")):
        return
    known = server.folder / "known_hosts_of_bench"
    known.write_text(f"[{server.address}]:{server.port} {server.host_key}\n")
    options = ["BatchMode=yes", f"UserKnownHostsFile={known}", "IdentitiesOnly=yes"]
    said = [ssh, "-F", "none", "-p", str(server.port), "-i", str(server.folder / "user_ed25519")]
    said += [word for option in options for word in ("-o", option)] + [f"{server.user}@{server.address}", SAYS]

    def do(count: int) -> None:
        for _ in range(count):
            _alike(subprocess.run(said, capture_output=True, check=True).stdout, b"ok\n")

    found = in_turns({OPENSSH: ready(do, 2)}, rounds=max(2, run.rounds // 10), each=2, gauges=run.gauges)
    yield Row("a log-in and a command", OPENSSH, f"microseconds of the {WALL}", found.micros(OPENSSH), "us")


@contextmanager
def served() -> Iterator[Sshd | None]:
    """A private server; none where there is none."""
    program = _program()
    if program is None:
        yield None
        return
    from tests.servers.sshd import running

    with running(program) as server:
        yield server


@cache
def _program() -> Path | None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    try:
        from tools.servers import SERVERS
    except ImportError:  # a copy of the benchmarks without the tools
        return None
    return SERVERS["sshd"].found()


def _alike(found: object, wanted: object) -> None:
    """Who compares has to see that all do the same."""
    if found != wanted:
        raise ValueError(f"it is {found!r} and not {wanted!r}")


def _typed(line: str) -> tuple[str, bytes]:
    kind, text = line.split()[:2]
    return kind, base64.b64decode(text)


SECTIONS = (log_in, command_more, at_once, much, hosts)


def main(arguments: Sequence[str] | None = None) -> None:
    absent = ([] if _program() else ["sshd, without which nothing is measured"]) + ([] if shutil.which("ssh") else [OPENSSH])
    command("What the executor ssh costs over bare paramiko.", SECTIONS, arguments, absent=absent)


if __name__ == "__main__":
    main()
