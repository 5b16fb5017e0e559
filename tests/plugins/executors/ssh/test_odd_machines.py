"""Machines that speak SSH, let in, and then do what no program does that anybody knows: they cost no more than the time that was said."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import pytest
from paramiko import Channel, Message
from paramiko.common import AUTH_FAILED, MSG_CHANNEL_DATA, MSG_CHANNEL_REQUEST, MSG_GLOBAL_REQUEST
from paramiko.server import InteractiveQuery

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass, NotDone
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._sftp import Fault, Sftp
from taskkit.plugins.executors.ssh._wires import Wire
from taskkit.plugins.verbs import Command, Host, Login, SecretChange
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests.plugins.executors.ssh.reaching import reached, record
from tests.servers.odd import Odd, odd

LET_IN = ("password", "correct horse")
SHORT = {"connect_timeout": 0.5, "auth_timeout": 2.0, "keepalive": 0.2, "idle_timeout": 0.6}
LONG = 8.0
MOST = 0xFFFFFFFF


def words(*parts: str | int | bytes) -> bytes:
    """As both protocols write them."""
    told = Message()
    for part in parts:
        told.add_int(part) if isinstance(part, int) else told.add_string(part)
    return told.asbytes()


@contextmanager
def let_in(server: Odd, **settings: Any) -> Iterator[tuple[Any, Any]]:
    with odd(server) as port:
        given = {**SHORT, **settings}
        with reached(port, "ops", host_key=server.host_key, password=Secret(LET_IN[1]), **given) as found:
            yield found


def in_time(ask: Callable[[], Any]) -> Any:
    """What comes of it; a test that waits for ever would stop all others."""
    found: list[object] = []
    asking = threading.Thread(target=lambda: found.append(ask()), daemon=True)
    asking.start()
    asking.join(LONG)
    [answer] = found or ["nothing came"]
    return answer


class Deaf(Odd):
    """Hears no message of one kind, but does the rest."""

    unheard = MSG_CHANNEL_REQUEST

    def serve(self, made: socket.socket) -> None:
        super().serve(made)
        transport: Any = self.transports[-1]
        name = "_handler_table" if self.unheard == MSG_GLOBAL_REQUEST else "_channel_handler_table"
        setattr(transport, name, {**getattr(transport, name), self.unheard: lambda *heard: None})


# what is asked for in a channel


def begin_a_talk(host: Host, login: Login, run: Any) -> object:
    with pytest.raises(HostRefused) as caught, Ssh().connect(host, login, run) as connection, connection.terminal(run):
        pass
    return caught.value.error


def change(host: Host, login: Login, run: Any) -> object:
    outcome = Ssh().change(host, login, SecretChange("ops", Secret("battery staple"), login.secret), run)
    assert isinstance(outcome, NotDone)
    return outcome.error


def probe(host: Host, login: Login, run: Any) -> object:
    """No session says nothing of the secret."""
    return Ssh().probe(host, login, run).error


@pytest.mark.parametrize(
    ("ask", "error"),
    [(probe, None), (change, ErrorClass.TIMEOUT), (begin_a_talk, ErrorClass.TIMEOUT)],
)
def test_a_machine_that_does_not_answer_what_is_asked_in_a_channel_is_waited_for_no_longer_than_was_said(
    ask: Callable[..., object], error: ErrorClass | None
) -> None:
    server = Deaf(LET_IN)
    with odd(server) as port:
        about = record(server.host_key)
        login, host = Login(about, "ops", Secret(LET_IN[1])), Host("127.0.0.1", port, SHORT)
        with Trial(executor=Ssh(), record=about).run() as run:
            assert in_time(lambda: ask(host, login, run)) == error


# whether it is there


class Busy(Deaf):
    """Says something now and then while it works, and does not know the question whether it is there."""

    unheard = MSG_GLOBAL_REQUEST

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        def work() -> None:
            for _ in range(10):
                time.sleep(0.2)
                channel.sendall(b"still here\n")
            channel.send_exit_status(0)
            channel.close()

        threading.Thread(target=work, daemon=True).start()
        return True


def test_a_machine_that_says_something_is_there_also_where_it_does_not_answer_whether_it_is() -> None:
    with let_in(Busy(LET_IN)) as (connection, run):
        [told] = connection.commands([Command("work")], run)
    assert (told.state, told.output) == ("done", "still here\n" * 10)


# alphabets


class Western(Odd):
    """Asks in ISO 8859-1, as a server does whose own environment speaks it."""

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
        said, asked = cast(Any, (b"Zugang f\xfcr Berechtigte", b"Mot de passe\xa0: "))
        return InteractiveQuery("", said, (asked, False))


def test_a_question_in_another_alphabet_is_answered() -> None:
    server = Western(("keyboard-interactive", (LET_IN[1],)))
    with let_in(server) as (connection, _):
        assert connection is not None
    assert server.tried == [("keyboard-interactive", (LET_IN[1],))]


# numbers that are not true


class Boaster(Odd):
    """Tells of more questions, or of more that it can do, than its message holds."""

    def __init__(self, kind: int, said: bytes) -> None:
        super().__init__(LET_IN)
        self._said = bytes([kind]) + said

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(self, username: str, submethods: str) -> int:
        transport: Any = self.transports[-1]
        transport._send_message(Message(self._said))
        return AUTH_FAILED


@pytest.mark.parametrize(("kind", "said"), [(7, words(MOST)), (60, words("", "", "", MOST))], ids=["extensions", "questions"])
def test_a_machine_that_tells_of_more_than_it_says_is_not_listened_to(kind: int, said: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(HostRefused) as caught, let_in(Boaster(kind, said), auth_timeout=LONG):
        pass
    assert (caught.value.error, caught.value.case) == (ErrorClass.UNREACHABLE, "it hung up")
    assert time.monotonic() < began + LONG
    assert not [thread for thread in threading.enumerate() if isinstance(thread, Wire)]


# SFTP

_VERSION, _STATUS, _ATTRIBUTES = 2, 101, 105


class Files(Odd):
    """Says its version in SFTP, and to the first question what it was told to say: pieces, with so many seconds before each."""

    def __init__(self, pieces: Callable[[int], Iterator[bytes]], delay: float = 0.0) -> None:
        super().__init__(LET_IN)
        self._pieces, self._delay = pieces, delay

    def check_channel_subsystem_request(self, channel: Channel, name: str) -> bool:
        threading.Thread(target=self._talk, args=(channel,), daemon=True).start()
        return True

    def _talk(self, channel: Channel) -> None:
        with suppress(OSError, EOFError):
            self._asked(channel)
            channel.sendall(packet(_VERSION, words(3, "posix-rename@openssh.com", "1")))
            number = int.from_bytes(self._asked(channel)[1:5], "big")
            for piece in self._pieces(number):
                channel.sendall(piece)
                time.sleep(self._delay)

    def _asked(self, channel: Channel) -> bytes:
        size, said = int.from_bytes(channel.recv(4), "big"), b""
        while len(said) < size:
            said += channel.recv(size - len(said))
        return said


def packet(kind: int, said: bytes) -> bytes:
    return struct.pack(">IB", len(said) + 1, kind) + said


def drip(number: int) -> Iterator[bytes]:
    yield struct.pack(">IB", 60_000, _ATTRIBUTES)
    while True:
        yield b"x"


def chatter(number: int) -> Iterator[bytes]:
    """Answers to what nobody asked."""
    while True:
        yield packet(_STATUS, words(number + 1000, 0, "", ""))


def many_attributes(number: int) -> Iterator[bytes]:
    yield packet(_ATTRIBUTES, words(number, 0x80000000, MOST))


def gossip(number: int) -> Iterator[bytes]:
    yield packet(_STATUS, words(number, 4, "x" * 1_000_000, ""))


def test_a_machine_that_says_more_than_it_may_is_not_listened_to() -> None:
    """Nobody reads as fast as it talks, and all that was not read yet was kept."""

    class Flooding(Odd):
        def check_channel_pty_request(self, *given: Any) -> bool:
            return True

        def check_channel_shell_request(self, channel: Channel) -> bool:
            threading.Timer(0.3, self.flood, [channel]).start()  # once it is there
            return True

        def flood(self, channel: Any) -> None:
            said = bytes([MSG_CHANNEL_DATA]) + words(channel.remote_chanid, b"y" * 30_000)
            with suppress(Exception):
                while True:
                    channel.transport._send_user_message(Message(said))

    with let_in(Flooding(LET_IN)) as (connection, run), connection.terminal(run) as terminal:
        until, heard = time.monotonic() + LONG, 0
        while connection._wire.is_active() and time.monotonic() < until:
            time.sleep(0.05)
        while heard < 10_000_000 and (piece := terminal.receive(LONG)):
            heard += len(piece)
        assert (piece, heard < 3_000_000) == (None, True)


def test_a_server_that_gives_its_reasons_without_an_end_is_told_in_short() -> None:
    with let_in(Files(gossip)) as (connection, run), pytest.raises(HostRefused) as caught:
        connection.get("/srv/file", run)
    with let_in(Files(gossip)) as (connection, run):
        put = connection.put("/srv/file", b"content", run)
    assert (caught.value.error, put.error) == (ErrorClass.FAILED, ErrorClass.FAILED)
    assert max(len(str(caught.value)), len(put.text)) < 3_000


def test_a_machine_that_takes_very_many_ways_in_is_told_in_short() -> None:
    class Open(Odd):
        def get_allowed_auths(self, username: str) -> str:
            return ",".join(f"way-{number}" for number in range(2_000))

    with pytest.raises(HostRefused) as caught, let_in(Open(LET_IN)):
        pass
    assert caught.value.error == ErrorClass.BAD_CONFIGURATION
    assert len(str(caught.value)) < 3_000


def fetch(pieces: Callable[[int], Iterator[bytes]], delay: float) -> object:
    with pytest.raises(HostRefused) as caught, let_in(Files(pieces, delay)) as (connection, run):
        connection.get("/srv/file", run, timeout=0.5)
    return caught.value.error


@pytest.mark.parametrize(("pieces", "delay"), [(drip, 0.02), (chatter, 0.001)])
def test_j10_a_server_that_always_says_something_and_never_answers_is_waited_for_no_longer_than_was_said(
    pieces: Callable[[int], Iterator[bytes]], delay: float
) -> None:
    assert in_time(lambda: fetch(pieces, delay)) == ErrorClass.TIMEOUT


def test_a_server_that_tells_of_more_attributes_than_it_says_is_not_listened_to() -> None:
    assert in_time(lambda: fetch(many_attributes, 0)) == ErrorClass.REFUSED


def test_j10_a_server_that_takes_a_byte_at_a_time_is_waited_for_no_longer_than_was_said() -> None:
    class Sipping:
        closed = False
        said = packet(_VERSION, words(3))

        def settimeout(self, seconds: float) -> None:
            pass

        def recv(self, size: int) -> bytes:
            piece, self.said = self.said[:size], self.said[size:]
            return piece

        def send(self, out: bytes) -> int:
            return 1

    asked: list[None] = []

    def over() -> str | None:
        asked.append(None)
        return "it took longer than 1 s" if len(asked) > 20 else None

    with pytest.raises(Fault) as caught:
        Sftp(cast(Any, Sipping()), over).ask("writing", 6, b"handle", b"x" * 1000)
    assert (caught.value.error, caught.value.case) == (ErrorClass.TIMEOUT, "writing: it took longer than 1 s")
