"""Machines that behave oddly: plain sockets that say little, and SSH servers of paramiko's that are told what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
from paramiko import Message, ServerInterface, Transport
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.server import InteractiveQuery

from taskkit.plugins.executors.ssh._known_hosts import HostKey


@contextmanager
def listening(talk: Callable[[socket.socket], object], family: int = socket.AF_INET) -> Iterator[int]:
    """The port of one that talks so with each who comes; what it said stays said until the block is over."""
    came: list[socket.socket] = []
    with socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    made, _ = server.accept()
                    came.append(made)
                    talk(made)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for made in came:
                made.close()


class Odd(ServerInterface):
    """Notes what was tried. A way in is the next of `steps`, each a method and what is right for it."""

    def __init__(self, *steps: tuple[str, Any], questions: Sequence[str] = ("Password: ",), asks_new: bool = False) -> None:
        self.steps, self.questions, self.asks_new = list(steps), list(questions), asks_new
        self.tried: list[tuple[str, Any]] = []
        self.key = paramiko.RSAKey.generate(2048)
        self.transports: list[Transport] = []
        #: Those that it takes of keys; none where it takes all that there are.
        self.signatures: tuple[str, ...] = ()

    @property
    def host_key(self) -> str:
        return HostKey("ssh-rsa", self.key.asbytes()).line

    def serve(self, made: socket.socket) -> None:
        transport = Transport(made)
        transport.add_server_key(self.key)
        transport._preferred_pubkeys = self.signatures or transport._preferred_pubkeys  # type: ignore[attr-defined]
        self.transports.append(transport)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=self)

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(dict.fromkeys(method for method, _ in self.steps[:1])) if self.steps else "password"

    def check_auth_none(self, username: str) -> int:
        return AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        if self.asks_new:
            asked = Message()
            asked.add_byte(bytes([60]))
            asked.add_string("Your password has to be changed")
            asked.add_string("")
            self.transports[-1]._send_message(asked)  # type: ignore[attr-defined]
        return self._judged("password", password)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._judged("publickey", key.get_base64())

    def check_auth_interactive(self, username: str, submethods: str) -> int | InteractiveQuery:
        return InteractiveQuery("", "", *((question, False) for question in self.questions))

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        return self._judged("keyboard-interactive", tuple(responses))

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def _judged(self, method: str, value: Any) -> int:
        self.tried.append((method, value))
        if not self.steps or self.steps[0] != (method, value):
            return AUTH_FAILED
        del self.steps[0]
        return AUTH_PARTIALLY_SUCCESSFUL if self.steps else AUTH_SUCCESSFUL


@contextmanager
def odd(server: Odd) -> Iterator[int]:
    """The port of one that does as it was told."""
    with listening(server.serve) as port:
        try:
            yield port
        finally:
            for transport in server.transports:
                transport.close()
