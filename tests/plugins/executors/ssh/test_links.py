"""What stands between here and a machine, each told as what it is, with a class that fits: at real sockets and servers."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._wires import Wire
from taskkit.plugins.verbs import Host, Login
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests import servers
from tests.plugins.executors.ssh.reaching import reached, record, refused, says
from tests.servers.odd import listening
from tests.servers.sshd import Sshd, keygen, punishes, running

PASSWORD = Secret("a-horse-that-nobody-asks-for")


def told(port: int | None, **given: Any) -> HostRefused:
    return refused(port, "app", password=PASSWORD, **given)


# names and addresses


@pytest.mark.parametrize(
    ("code", "case"),
    [(socket.EAI_NONAME, "there is no such name"), (socket.EAI_AGAIN, "its name cannot be looked up just now")],
)
def test_a_name_that_is_not_found_is_told_apart_from_one_that_is_not_found_now(
    monkeypatch: pytest.MonkeyPatch, code: int, case: str
) -> None:
    def resolve(*given: Any, **named: Any) -> Any:
        raise socket.gaierror(code, "the resolver's own words")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error = told(None, address="db.example.org")
    assert (error.tried, error.case, error.error) == ("connecting to 'db.example.org'", case, ErrorClass.UNREACHABLE)


@pytest.mark.parametrize("address", ["", "a" * 64 + ".example.org"])
def test_what_is_no_address_is_a_bad_configuration(address: str) -> None:
    assert told(22, address=address).error == ErrorClass.BAD_CONFIGURATION


def test_every_address_of_a_name_is_tried_in_both_families(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    four, six = (socket.AF_INET, ("127.0.0.1", sshd.port)), (socket.AF_INET6, ("::1", sshd.port, 0, 0))
    found: list[Any] = [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for family, address in (six, four)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: found)
    assert says(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key) == f"in as {sshd.user}"
    closed = servers.free_port()
    found[:] = [(*one, (address[0], closed, *address[2:])) for *one, address in found]
    error = told(closed, address="db.example.org")
    assert error.case == "::1: nothing listens there; 127.0.0.1: nothing listens there"


def test_a_machine_is_reached_by_its_address_of_the_sixth_version() -> None:
    with running(servers.program("sshd"), config="ListenAddress ::1\n") as server:
        assert says(server.port, server.user, address="::1", key=server.key, host_key=server.host_key) == f"in as {server.user}"


def test_where_nothing_listens_that_is_told() -> None:
    error = told(servers.free_port())
    assert (error.case, error.error) == ("127.0.0.1: nothing listens there", ErrorClass.UNREACHABLE)
    assert error.help == "is the machine's SSH server up, and is the port right?"


def test_where_no_way_leads_that_is_told() -> None:
    """In a network of its own, in which there is nothing."""
    code = """
from taskkit.plugins.executors.ssh._sockets import connected
from taskkit.plugins.executors.ssh._stops import Stop
from taskkit.plugins.verbs import Host, Login
from taskkit.records import Record
record = Record("db-1", "unix")
try:
    connected(Stop.of(Host("192.0.2.1"), Login(record), record, 10))
except Exception as error:
    print(error.error, error, sep="|")
"""
    done = subprocess.run(["unshare", "--user", "--net", sys.executable, "-c", code], capture_output=True, text=True)  # noqa: S607
    if "unshare" in done.stderr:
        pytest.skip(f"a network of its own is not to be had: {done.stderr}")
    assert done.stdout.strip() == (
        "unreachable|connecting to '192.0.2.1': 192.0.2.1: there is no way to its network; look at the network between"
    ), done.stderr


def test_a_machine_that_does_not_answer_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        for _ in range(8):  # nobody accepts them: for the next ones there is no place
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        error = told(full.getsockname()[1], connect_timeout=0.3)
    assert (error.case, error.error) == ("127.0.0.1: no answer within 0.3 s", ErrorClass.TIMEOUT)


# before and while they agree


def test_a_socket_that_says_nothing_is_a_timeout() -> None:
    with listening(lambda made: None) as port:
        error = told(port, banner_timeout=0.3)
    assert (error.case, error.error) == ("it took the connection, and said nothing within 0.3 s", ErrorClass.TIMEOUT)


def test_no_part_of_the_way_takes_longer_than_the_job_has_left() -> None:
    with listening(lambda made: None) as port:
        error = told(port, trial=Trial(executor=Ssh(), record=record(), deadline=1))
    assert (error.case, error.error) == ("it took the connection, and said nothing within 1 s", ErrorClass.TIMEOUT)


def test_a_socket_that_says_its_name_and_no_more_is_a_timeout() -> None:
    with listening(lambda made: made.sendall(b"SSH-2.0-slow\r\n")) as port:
        error = told(port, banner_timeout=0.3)
    assert (error.case, error.error) == ("it said that it speaks SSH, and no more within 0.3 s", ErrorClass.TIMEOUT)


def test_a_web_server_is_known_as_no_ssh_server() -> None:
    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *given: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        error = told(server.server_address[1])
        server.shutdown()
    assert error.error == ErrorClass.BAD_CONFIGURATION
    assert error.case.startswith("it is no SSH server: it says ")
    assert error.help == "is the port right?"


@pytest.mark.parametrize(
    ("said", "case"),
    [
        (b"220 mail.example.org ESMTP\r\n", "it is no SSH server: it says '220 mail.example.org ESMTP'"),
        (b"\xff\xfe\r\n", "it is no SSH server"),
    ],
)
def test_what_speaks_something_else_is_known_by_what_it_says(said: bytes, case: str) -> None:
    def talk(made: socket.socket) -> None:
        made.sendall(said)
        made.shutdown(socket.SHUT_WR)

    with listening(talk) as port:
        error = told(port)
    assert (error.case, error.error) == (case, ErrorClass.BAD_CONFIGURATION)


def test_one_that_talks_without_an_end_is_not_listened_to_for_ever() -> None:
    def talk(made: socket.socket) -> None:
        with suppress(OSError):
            while True:
                made.sendall(b"x" * 4096)

    with listening(talk) as port:
        error = told(port)
    assert (error.case, error.error) == ("it is no SSH server", ErrorClass.BAD_CONFIGURATION)


NONSENSE = {
    "noise": random.Random(7).randbytes(4096),
    "a packet without an end": b"\x7f\xff\xff\xff" + bytes(2000),
    "an empty packet": b"\x00\x00\x00\x0c\x0a" + bytes(11),
    "keys to agree on that are cut off": b"\x00\x00\x00\x1c\x04\x14" + bytes(16) + b"\x00\x00\x00\xff" + bytes(6),
    "names that are no text": b"\x00\x00\x00\x2c\x04\x14" + bytes(16) + b"\x00\x00\x00\x04\xff\xfe\xfd\xfc" + bytes(18),
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_one_that_says_nonsense_after_its_name_is_refused_like_the_others(said: bytes) -> None:
    def talk(made: socket.socket) -> None:
        made.sendall(b"SSH-2.0-odd\r\n" + said)

    with listening(talk) as port:
        error = told(port, banner_timeout=0.5)
    assert error.error in (ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.BAD_CONFIGURATION)


def test_one_that_hangs_up_at_once_is_unreachable() -> None:
    with listening(lambda made: made.shutdown(socket.SHUT_RDWR)) as port:
        error = told(port)
    assert (error.case, error.error) == ("it hung up before it said a word", ErrorClass.UNREACHABLE)


def test_a_machine_with_too_many_log_ins_is_busy() -> None:
    with running(servers.program("sshd"), config="MaxStartups 1\n") as server, ExitStack() as stack:
        while True:  # who looked whether it is up may still count
            first = stack.enter_context(socket.create_connection((server.address, server.port)))
            if first.recv(4) == b"SSH-":
                break
            first.close()
        error = told(server.port, host_key=server.host_key)
    words = "Not allowed at this time" if punishes() else "Exceeded MaxStartups"
    assert (error.error, error.case) == (ErrorClass.BUSY, f"it says '{words}'")


def test_a_machine_that_shuts_this_address_out_for_a_while_is_busy() -> None:
    def talk(made: socket.socket) -> None:
        made.sendall(b"Not allowed at this time\r\n")
        made.shutdown(socket.SHUT_WR)

    with listening(talk) as port:
        error = told(port)
    assert (error.error, error.case) == (ErrorClass.BUSY, "it says 'Not allowed at this time'")
    assert "PerSourcePenalties" in error.help


def test_s05_after_a_refused_log_in_an_openssh_that_punishes_is_busy_and_another_refuses_again(tmp_path: Path) -> None:
    """It does so from version 9.8 on. No try is spent on what it does not look at."""
    keygen(tmp_path / "key")
    wrong = Secret((tmp_path / "key").read_text())
    config = "PerSourcePenalties authfail:30s min:1s\n" if punishes() else ""
    with running(servers.program("sshd"), config=config) as server:
        error = refused(server.port, server.user, key=wrong, host_key=server.host_key)
        assert error.error == ErrorClass.WRONG_CREDENTIALS
        error = refused(server.port, server.user, key=wrong, host_key=server.host_key)
    assert error.error == (ErrorClass.BUSY if punishes() else ErrorClass.WRONG_CREDENTIALS)


@pytest.mark.parametrize(
    ("config", "words", "one"),
    [
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com\n", "key exchanges", "sntrup761x25519-sha512@openssh.com"),
        ("Ciphers chacha20-poly1305@openssh.com\n", "ciphers", "chacha20-poly1305@openssh.com"),
        ("Ciphers aes128-ctr\nMACs umac-64@openssh.com\n", "MACs", "umac-64@openssh.com"),
    ],
    ids=["kex", "cipher", "mac"],
)
def test_where_they_have_nothing_in_common_both_lists_are_told(config: str, words: str, one: str) -> None:
    makes = 'ssh-keygen -q -t rsa -N "" -f "$1/rsa"; shift; exec "$@"'
    with running(servers.program("sshd"), config=config, before=("/bin/sh", "-c", makes, "keys", "{folder}")) as server:
        error = told(server.port, host_key=server.host_key)
    assert error.error == ErrorClass.BAD_CONFIGURATION
    assert error.case.startswith(f"no common {words}: it has {one}, and here are ")
    assert error.help == "update the older of the two"


@pytest.mark.parametrize(
    ("config", "words", "one"),
    [
        ("KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1\n", "key exchanges", "diffie-hellman-group14-sha1"),
        ("HostKeyAlgorithms ssh-rsa\nHostKey {folder}/rsa\n", "host keys", "ssh-rsa"),
    ],
    ids=["kex", "host key"],
)
def test_a_machine_that_knows_sha1_alone_is_told_what_it_lacks(config: str, words: str, one: str) -> None:
    makes = 'ssh-keygen -q -t rsa -N "" -f "$1/rsa"; shift; exec "$@"'
    with running(servers.program("sshd"), config=config, before=("/bin/sh", "-c", makes, "keys", "{folder}")) as server:
        error = told(server.port, host_key=server.host_key)
    assert error.error == ErrorClass.BAD_CONFIGURATION
    assert error.case.startswith(f"no common {words}: it has {one}")
    assert error.help.startswith("SHA-1 is gone from the library that speaks SSH here, and nothing can permit it: let the machine have ")


def test_what_the_docs_say_of_old_algorithms_is_what_the_library_has() -> None:
    """A later paramiko may drop more of them, or bring some back: then the page and the errors are to be looked at."""
    from paramiko import Transport

    has = {name: set(getattr(Transport, f"_preferred_{name}")) for name in ("kex", "keys", "pubkeys", "ciphers", "macs")}
    assert not [one for name in ("kex", "keys", "pubkeys") for one in has[name] if "sha1" in one or one in ("ssh-rsa", "ssh-dss")]
    assert {"aes128-cbc", "3des-cbc"} <= has["ciphers"]
    assert {"hmac-sha1", "hmac-md5"} <= has["macs"]


# afterwards


def descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


@contextmanager
def asleep(server: Sshd) -> Iterator[None]:
    stopped = list(descendants(server.pid))
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)


def test_a_machine_that_falls_silent_is_noticed() -> None:
    with running(servers.program("sshd")) as server:
        given: dict[str, Any] = {"key": server.key, "host_key": server.host_key, "keepalive": 0.2, "idle_timeout": 2.0}
        with reached(server.port, server.user, **given) as (connection, _):
            wire = connection._wire
            time.sleep(2.5)
            assert wire.is_active()
            with asleep(server):
                until = time.monotonic() + 20
                while wire.is_active() and time.monotonic() < until:
                    time.sleep(0.05)
            assert not wire.is_active()


def test_short_messages_do_not_wait_for_longer_ones(sshd: Sshd) -> None:
    with reached(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key) as (connection, _):
        assert connection._wire.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_sshd_says_unasked_is_acknowledged_at_once(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it holds back what it is asked next, the first channel of each connection, for as long as an acknowledgement may wait."""
    said: list[int] = []

    class Noted(socket.socket):
        def setsockopt(self, *given: Any) -> None:
            said.append(given[1])
            super().setsockopt(*given)

    monkeypatch.setattr(socket, "socket", Noted)
    assert says(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key) == f"in as {sshd.user}"
    assert socket.TCP_QUICKACK in said


def test_a_connection_is_one_thread(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """paramiko's clock of a handshake is another one."""
    started, start = [], threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        started.append(type(thread))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    assert says(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key) == f"in as {sshd.user}"
    assert started == [Wire]


def test_each_connection_is_closed_at_the_end_also_where_it_was_refused(sshd: Sshd) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        told(sshd.port, host_key=sshd.host_key)
        told(sshd.port)
        says(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_no_more_connections_to_one_machine_than_were_said(sshd: Sshd) -> None:
    about, executor = record(sshd.host_key), Ssh()
    host = Host(sshd.address, sshd.port, {"connections": 2, "connect_timeout": 0.3})
    with Trial(executor=executor, record=about).run() as run, ExitStack() as stack:
        login = Login(about, sshd.user, key=sshd.key)
        for _ in range(2):
            stack.enter_context(executor.connect(host, login, run))
        with pytest.raises(HostRefused) as caught, executor.connect(host, login, run):
            pass
        assert caught.value.error == ErrorClass.BUSY
        stack.close()
        with executor.connect(host, login, run):
            pass
