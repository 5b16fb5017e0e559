"""One SSH connection: paramiko's, that says nothing to logs, asks for the keys that are known, and notices when nobody is there any more.

What paramiko would log holds stacks of ours, and texts of the machine.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from paramiko import Message, SSHException, Transport
from paramiko.common import cMSG_GLOBAL_REQUEST
from paramiko.packet import Packetizer

#: Without a dot, so that it is nobody's child: whoever sets up logs anew wakes up those, and what was disabled, but leaves filters alone.
_QUIET = "taskkit-ssh-wire"
logging.getLogger(_QUIET).addFilter(lambda record: False)
_LONGEST_LINE = 200
_MOST_BEFORE_BANNER = 65_536
#: How many bytes are asked for at once.
_AHEAD = 65_536
_PATIENCE = 15.0
#: What both sides have to have in common, in the words of the protocol's lists.
_LISTS = {
    "kex_algo_list": ("key exchanges", "preferred_kex"),
    "server_key_algo_list": ("host keys", "preferred_keys"),
    "client_encrypt_algo_list": ("ciphers", "preferred_ciphers"),
    "client_mac_algo_list": ("MACs", "preferred_macs"),
}


class TooMuch(Exception):
    """It talks and talks, and never says that it speaks SSH."""


class _Ahead:
    """A socket of which all is taken that has come: paramiko asks for the head and the rest of each packet apart."""

    def __init__(self, sock: Any) -> None:
        self._sock, self._piece, self._at = sock, b"", 0

    def recv(self, size: int) -> bytes:
        if self._at >= len(self._piece):
            self._piece, self._at = self._sock.recv(max(size, _AHEAD)), 0
        taken = self._piece[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Reader(Packetizer):
    """Remembers what stood before the banner: a web server is known by it."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.lines: list[str] = []
        #: For how many seconds the machine may take nothing of what is written.
        self.patience = _PATIENCE
        self._sock, self._heard = sock, 0

    def _read_timeout(self, timeout: float) -> bytes:
        piece: bytes = super()._read_timeout(timeout)  # type: ignore[misc]
        self._heard += len(piece)
        if self._heard > _MOST_BEFORE_BANNER:
            raise TooMuch
        return piece

    def readline(self, timeout: float) -> str:
        line: str = super().readline(timeout)
        if len(self.lines) < 3:
            self.lines.append(line[:_LONGEST_LINE])
        return line

    def write_all(self, out: Any) -> None:
        """paramiko's own waits for ever, and nobody can ask whether the machine is there as long as somebody writes."""
        super().write_all(b"")  # it notes when something was said last
        rest, until = memoryview(out), time.monotonic() + self.patience
        while rest:
            if sent := self._sent(rest):
                rest, until = rest[sent:], time.monotonic() + self.patience
            elif self.closed or time.monotonic() >= until:
                raise EOFError

    def _sent(self, rest: memoryview) -> int:
        try:
            return int(self._sock.send(rest))
        except (TimeoutError, BlockingIOError):
            return 0
        except Exception:
            raise EOFError from None


class Wire(Transport):
    """`wanted` says in which order kinds of host keys are asked for."""

    packetizer: _Reader

    def __init__(self, sock: Any, wanted: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._wanted = wanted
        super().__init__(cast(Any, _Ahead(sock)), packetizer_class=_Reader)
        self.set_log_channel(_QUIET)
        self.offered: Mapping[str, Sequence[str]] = {}
        self._unanswered = 0

    @property
    def preferred_keys(self) -> Sequence[str]:
        return self._wanted(self._filter_algorithm("keys"))  # type: ignore[attr-defined]

    def _really_parse_kex_init(self, m: Message, ignore_first_byte: bool = False) -> Any:
        self.offered = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        return self.offered

    @property
    def said(self) -> Sequence[str]:
        """Its first lines."""
        return [line for line in self.packetizer.lines if line.isprintable()]

    @property
    def greeting(self) -> str:
        """What it told whoever wants to log in; of an end, too, when the wire is cut already."""
        banner = getattr(self.auth_handler, "banner", None)
        return banner.decode(errors="replace") if isinstance(banner, bytes) else str(banner or "")

    def forget(self) -> None:
        """With what somebody logged in: nothing needs it any more."""
        for name in ("password", "private_key", "interactive_handler"):
            setattr(self.auth_handler, name, None)

    @property
    def disagreements(self) -> Sequence[str]:
        """Of what they have nothing in common, with both lists."""
        found = []
        for name, (words, ours) in _LISTS.items():
            theirs, known = self.offered.get(name, ()), getattr(self, ours)
            if theirs and not set(theirs) & set(known):
                found.append(f"no common {words}: it has {', '.join(theirs)}, and here are {', '.join(known)}")
        return found

    # whether anybody is there

    def _send_user_message(self, data: Message) -> None:
        """What did not get through has cut the wire: who reads from it learns that, and tells."""
        try:
            super()._send_user_message(data)  # type: ignore[misc]
        except (EOFError, SSHException):
            with suppress(OSError, EOFError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def watch(self, every: float, most: float) -> None:
        """Ask after so many seconds of silence; the wire is cut where it stays silent for so long."""

        def ask() -> None:
            if self._unanswered * every >= most:
                raise EOFError
            self._unanswered += 1
            asked = Message()
            asked.add_byte(cMSG_GLOBAL_REQUEST)
            asked.add_string("keepalive@openssh.com")
            asked.add_boolean(True)
            self._send_user_message(asked)

        self.packetizer.patience = most
        self.packetizer.set_keepalive(every, ask)

    def _parse_request_success(self, m: Message) -> None:
        self._unanswered = 0

    def _parse_request_failure(self, m: Message) -> None:
        """Which is an answer, too."""
        self._unanswered = 0
