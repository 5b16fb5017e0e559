"""A machine that is reached by SSH and stands in this process alone: real connections, played accounts. Needs paramiko."""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from paramiko import Channel, ECDSAKey, Message, ServerInterface, SSHException, Transport
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED

from taskkit.errors import InvalidValue
from taskkit.secrets import Secret
from taskkit.testing._logins import Logins, carry_out

__all__ = ["SshMachine"]

_ADDRESS = "127.0.0.1"
_QUIET = "taskkit-played-machine"
logging.getLogger(_QUIET).addFilter(lambda record: False)
_FAREWELL_SECONDS = 5.0
_CHUNK = 4096


class SshMachine:
    """Listens on a free port of 127.0.0.1 as long as its `with` lasts, with a host key of its own.

    It knows the accounts that it is given, by their passwords; one that is called `root` may change all others. There is no shell, no file
    and no process: lines are carried out for `passwd`, `chpasswd`, `id`, `echo` and `true`.
    """

    address = _ADDRESS

    def __init__(self, passwords: Mapping[str, str | Secret], *, shortest: int = 1) -> None:
        if not passwords:
            raise InvalidValue("making an SshMachine", "it has no account", "give names with passwords: {'ada': 'correct horse'}")
        self._logins = Logins(passwords, shortest)
        self._key = ECDSAKey.generate()
        self._wires: list[_Wire] = []
        self._server: socket.socket | None = None

    def __enter__(self) -> Self:
        self._server = server = socket.create_server((_ADDRESS, 0))
        self._doorman = threading.Thread(target=self._receive, args=(server,), daemon=True, name="played machine")
        self._doorman.start()
        return self

    def __exit__(self, *_: object) -> None:
        if (server := self._server) is not None:
            self._server = None
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            self._doorman.join(_FAREWELL_SECONDS)
        for wire in self._wires:
            wire.close()
        for wire in self._wires:
            wire.join(_FAREWELL_SECONDS)
            for program in wire.begun:
                program.join(_FAREWELL_SECONDS)

    # what is known of it

    @property
    def port(self) -> int:
        if self._server is None:
            raise InvalidValue("asking a machine for its port", "it is not up", "with SshMachine(…) as machine: …")
        return int(self._server.getsockname()[1])

    @property
    def host_key(self) -> str:
        """As a record keeps it."""
        return f"{self._key.get_name()} {self._key.get_base64()}"

    def fields(self, user: str) -> dict[str, str]:
        """What a record of this account says of where it is."""
        return {"host": self.address, "port": str(self.port), "user": user, "host_key": self.host_key}

    def password(self, user: str) -> Secret:
        """What it takes for the password now."""
        return self._logins.password(user)

    @property
    def tried(self) -> Sequence[tuple[str, bool]]:
        """Each log-in, in order: as whom, and whether it was let in (S5)."""
        return self._logins.tried

    def lets_in(self, user: str, secret: Secret) -> bool:
        """By a log-in over the network, as anybody's would be."""
        with socket.create_connection((self.address, self.port)) as way, Transport(way) as transport:
            transport.set_log_channel(_QUIET)
            with suppress(SSHException):
                transport.connect(self._key, user, secret.reveal())
            is_in = transport.is_authenticated()
        transport.join(_FAREWELL_SECONDS)
        return is_in

    # who comes

    def _receive(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                made, _ = server.accept()
                wire = _Wire(made, self._key)
                self._wires = [*(one for one in self._wires if one.is_at_work), wire]
                wire.start_server(event=threading.Event(), server=_Guest(self._logins, wire))


class _Wire(Transport):
    """Begins a program only once its guest was told that it begins: what ends before that is never heard of."""

    def __init__(self, sock: socket.socket, key: ECDSAKey) -> None:
        super().__init__(sock)
        self.set_log_channel(_QUIET)
        self.add_server_key(key)
        self.waiting, self.begun = deque[threading.Thread](), list[threading.Thread]()

    @property
    def is_at_work(self) -> bool:
        return self.is_alive() or any(program.is_alive() for program in self.begun)

    def _send_user_message(self, data: Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        while self.waiting and threading.current_thread() is self:
            program = self.waiting.popleft()
            program.start()
            self.begun.append(program)


class _Guest(ServerInterface):
    """One connection."""

    def __init__(self, logins: Logins, wire: _Wire) -> None:
        self._logins, self._wire = logins, wire
        self._user = ""
        self._on_terminal: set[int] = set()

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        self._user = username
        return AUTH_SUCCESSFUL if self._logins.let_in(username, password) else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_pty_request(self, channel: Channel, *_: Any) -> bool:
        self._on_terminal.add(channel.chanid)
        return True

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        console = _Line(channel, self._user, on_terminal=channel.chanid in self._on_terminal)
        begun = threading.Thread(target=self._perform, args=(command.decode(errors="replace"), console), daemon=True)
        self._wire.waiting.append(begun)
        return True

    def _perform(self, line: str, console: _Line) -> None:
        with suppress(OSError, EOFError, SSHException), console.channel:  # whoever has gone is told nothing
            console.channel.send_exit_status(carry_out(line, self._logins, console))


class _Line:
    """A channel, as programs see it. On a terminal nothing that is typed is echoed but the end of a line."""

    def __init__(self, channel: Channel, user: str, *, on_terminal: bool) -> None:
        self.channel, self.user, self._on_terminal = channel, user, on_terminal
        self._read = b""

    def say(self, text: str) -> None:
        self.channel.sendall((text.replace("\n", "\r\n") if self._on_terminal else text).encode())

    def complain(self, text: str) -> None:
        if self._on_terminal:
            self.say(text)
        else:
            self.channel.sendall_stderr(text.encode())

    def ask(self, prompt: str) -> str:
        self.say(prompt)
        while b"\n" not in self._read:
            piece = self.channel.recv(_CHUNK)
            if not piece:
                raise EOFError
            self._read += piece.replace(b"\r", b"\n")
        line, _, self._read = self._read.partition(b"\n")
        self.say("\n")
        return line.decode(errors="replace")

    def lines(self) -> Sequence[str]:
        while piece := self.channel.recv(_CHUNK):
            self._read += piece
        return self._read.decode(errors="replace").splitlines()
