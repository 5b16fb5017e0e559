"""The network between processes and a server, on loopback: it may stand still without a word, be slow, forget its connections, and heal."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict

_PIECE = 65_536
#: A close that tells of a reset.
_AT_ONCE = struct.pack("ii", 1, 0)
_LOOK = 0.05


class Network:
    """Two threads for each connection, one for each way. What is under way when a way is cut arrives when it heals."""

    def __init__(self, port: int) -> None:
        self._there = ("127.0.0.1", port)
        self._door = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._door.getsockname()[1])
        #: Whether words go to the server, and answers back.
        self._to, self._back = threading.Event(), threading.Event()
        #: Seconds by which each piece is late.
        self.delay = 0.0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock, self._is_over = threading.Lock(), False
        self.heal()
        threading.Thread(target=self._let_in, name="network", daemon=True).start()

    def url(self, direct: str) -> str:
        """The same database, on the way through here."""
        return direct.replace(f":{conninfo_to_dict(direct)['port']}/", f":{self.port}/")

    def cut(self, *, answers_only: bool = False) -> None:
        """Nobody hears of it: no connection is closed."""
        self._back.clear()
        if not answers_only:
            self._to.clear()

    def heal(self) -> None:
        self._to.set()
        self._back.set()

    def reset(self) -> int:
        """All connections of now are forgotten, with what is under way in them; how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _break(end)
        return len(pairs)

    def close(self) -> None:
        self._is_over = True
        self._door.close()
        self.reset()
        self.heal()

    def _let_in(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._connect, args=(client,), name="network", daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._to.wait()
        try:
            server = socket.create_connection(self._there)
        except OSError:
            _break(client)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.append((client, server))
        if self._is_over:
            self.reset()
        ways = (client, server, self._to), (server, client, self._back)
        threads = [threading.Thread(target=self._carry, args=way, name="network", daemon=True) for way in ways]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self._lock:
            self._pairs = [pair for pair in self._pairs if pair != (client, server)]
        client.close()
        server.close()

    def _carry(self, source: socket.socket, sink: socket.socket, flows: threading.Event) -> None:
        with suppress(OSError):  # one of them is gone, and the other learns it below
            while piece := source.recv(_PIECE):
                time.sleep(self.delay)
                flows.wait()
                sink.sendall(piece)
        flows.wait()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def _break(end: socket.socket) -> None:
    """Also whoever reads from it just now is told."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        end.shutdown(socket.SHUT_RD)
    end.close()


@contextmanager
def network(port: int) -> Iterator[Network]:
    made = Network(port)
    try:
        yield made
    finally:
        made.close()
