"""Packets as they come in and go out: paramiko's, but all is taken that has come, no time-out is a thread, and nobody writes for ever."""

from __future__ import annotations

import time
from typing import Any

from paramiko import Message, SSHException
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA
from paramiko.packet import NeedRekeyException, Packetizer

_LONGEST_LINE = 200
_MOST_BEFORE_BANNER = 65_536
#: How many bytes are asked for at once: paramiko would ask for the head, the rest and the MAC of each packet apart.
_AHEAD = 65_536
_PATIENCE = 15.0
#: As much as OpenSSH takes; paramiko would read up to 4 GB, before it knows who says that.
_LARGEST = 262_144


class TooMuch(Exception):
    """It talks and talks, and never says that it speaks SSH."""


#: What commands say, and much of it: nothing in there is a text of the protocol.
_NO_TEXT = frozenset({MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA})


class Said(Message):
    """A question in another alphabet than UTF-8 is a question all the same, and no reason to hang up."""

    def get_text(self) -> str:
        return self.get_string().decode(errors="replace")


class Packets(Packetizer):
    """Remembers what stood before the banner: a web server is known by it."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.lines: list[str] = []
        #: For how many seconds the machine may take nothing of what is written.
        self.patience = _PATIENCE
        #: What has come, and up to where it was taken.
        self._come, self._at = b"", 0
        self._sock = sock
        #: How many bytes have come.
        self.heard = 0
        self._late_at = float("inf")

    # how long a handshake may take

    def start_handshake(self, timeout: float) -> None:
        self._late_at = time.monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        return time.monotonic() >= self._late_at

    def complete_handshake(self) -> None:
        self._late_at = float("inf")

    # what comes in

    def readline(self, timeout: float) -> str:
        until = time.monotonic() + timeout
        while (end := self._come.find(b"\n", self._at)) < 0:
            if self._hears():
                until = time.monotonic() + timeout
            elif time.monotonic() >= until:
                raise TimeoutError
            if self.heard > _MOST_BEFORE_BANNER:
                raise TooMuch
        line = self._come[self._at : end].removesuffix(b"\r").decode()
        self._at = end + 1
        if len(self.lines) < 3:
            self.lines.append(line[:_LONGEST_LINE])
        return line

    def read_message(self) -> tuple[int, Message]:
        kind, message = super().read_message()
        if kind in _NO_TEXT:
            return kind, message
        said = Said(message.asbytes())
        said.seqno = message.seqno
        return kind, said

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > _LARGEST:
            raise SSHException(f"it says that a packet of {n} bytes comes, and none is larger than {_LARGEST}")
        while len(self._come) < self._at + n:
            if self.handshake_timed_out():
                raise EOFError
            if not self._hears():
                if check_rekey and self._at == len(self._come) and self.need_rekey():
                    raise NeedRekeyException
                self._check_keepalive()  # type: ignore[attr-defined]
        taken = self._come[self._at : self._at + n]
        self._at += n
        return taken

    def _hears(self) -> bool:
        """Whether anything came; the socket gives up after a moment, so that whoever waits looks up."""
        try:
            piece = self._sock.recv(_AHEAD)
        except (TimeoutError, BlockingIOError):
            piece = None
        except OSError:
            if not self.closed:
                raise
            piece = b""
        if piece:
            self._come, self._at = self._come[self._at :] + piece, 0
            self.heard += len(piece)
        elif piece is not None or self.closed:
            raise EOFError
        return bool(piece)

    # what goes out

    def write_all(self, out: Any) -> None:
        """paramiko's own waits for ever, and nobody can ask whether the machine is there as long as somebody writes."""
        super().write_all(b"")  # it notes when something was said last
        if (sent := self._sent(out)) < len(out):
            self._write_on(memoryview(out)[sent:])

    def _write_on(self, rest: memoryview) -> None:
        until = time.monotonic() + self.patience
        while rest:
            if sent := self._sent(rest):
                rest, until = rest[sent:], time.monotonic() + self.patience
            elif self.closed or time.monotonic() >= until:
                raise EOFError

    def _sent(self, rest: bytes | memoryview) -> int:
        try:
            return int(self._sock.send(rest))
        except (TimeoutError, BlockingIOError):
            return 0
        except Exception:
            raise EOFError from None
