"""The way to a server, on loopback, with one fault: cut or silent after a byte, late, or no more than some bytes at a time."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Literal

from attrs import frozen

Way = Literal["to", "back"]
#: A close that tells of a reset.
_AT_ONCE = struct.pack("ii", 1, 0)
_PATIENCE = 20.0
#: Bytes that wait here unread, so that who writes to a silent one soon has to wait.
_ROOM = 16_384


@frozen
class Fault:
    way: Way = "back"
    at: int | None = None  #: after so many bytes of the way; None: never
    how: Literal["ended", "reset", "silent"] = "ended"
    piece: int = 65_536  #: how much passes at once
    delay: float = 0.0  #: seconds by which each piece is late


class Road:
    """One connection after the other, in one thread. Silent means half-open: nothing passes, and nobody is told."""

    def __init__(self, port: int, fault: Fault) -> None:
        self._there, self._fault = ("127.0.0.1", port), fault
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        self._rope, self._bell = socket.socketpair()
        self.port = int(self._door.getsockname()[1])
        #: How many bytes went which way.
        self.passed: Counter[Way] = Counter()
        self._thread = threading.Thread(target=self._let_in, name="road", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._rope.close()
        self._thread.join(_PATIENCE)
        self._door.close()
        self._bell.close()

    @property
    def _is_cut(self) -> bool:
        return self._fault.at is not None and self.passed[self._fault.way] >= self._fault.at

    def _let_in(self) -> None:
        while self._bell not in select.select([self._door, self._bell], [], [])[0]:
            with ExitStack() as stack, suppress(OSError):
                client = stack.enter_context(self._door.accept()[0])
                server = stack.enter_context(socket.create_connection(self._there, _PATIENCE))
                for end in (client, server):
                    end.settimeout(_PATIENCE)
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._carry(client, server)
                self._end(client, server)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        ways: dict[socket.socket, tuple[Way, socket.socket]] = {client: ("to", server), server: ("back", client)}
        while ways and not self._is_cut:
            ready = select.select([*ways, self._bell], [], [])[0]
            if self._bell in ready:
                return
            for source in ready:
                if not self._is_cut and not self._pass(source, *ways[source]):
                    del ways[source]

    def _pass(self, source: socket.socket, way: Way, sink: socket.socket) -> bool:
        """Whether there may be more."""
        fault = self._fault
        most = fault.piece if fault.at is None or way != fault.way else min(fault.piece, fault.at - self.passed[way])
        piece = source.recv(most)
        time.sleep(fault.delay)
        if piece:
            sink.sendall(piece)
        else:
            sink.shutdown(socket.SHUT_WR)
        self.passed[way] += len(piece)
        return bool(piece)

    def _end(self, *ends: socket.socket) -> None:
        if self._is_cut and self._fault.how == "silent":
            select.select([self._bell], [], [])
        for end in ends:
            if self._fault.how == "reset":
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            else:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@contextmanager
def road(port: int, fault: Fault | None = None) -> Iterator[Road]:
    made = Road(port, fault or Fault())
    try:
        yield made
    finally:
        made.close()
