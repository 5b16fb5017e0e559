"""A box that speaks as a doorman does, on loopback. It opens no door: it notes what it was asked to open."""

from __future__ import annotations

import json
import select
import socketserver
import threading
from types import TracebackType
from typing import Any, Self

from taskkit.plugins import Host

_TRIES = 3


class Box:
    """Lets in one user. `log` is what stands in its log for everybody who looks: lines and users, and nothing that came by stdin."""

    def __init__(self, user: str, secret: str) -> None:
        self.user, self.secret, self.tries = user, secret, 0
        self.connections = 0
        self.opened: list[str] = []
        self.log: list[str] = []
        self.stdin = ""
        self.counting = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> Host:
        address, port = self._server.socket.getsockname()
        return Host(address, port)

    def lets_in(self, user: str, secret: str) -> str | None:
        """Why it does not, or nothing."""
        with self.counting:
            if self.tries == _TRIES:
                return "locked"
            known = (user, secret) == (self.user, self.secret)
            self.tries = 0 if known else self.tries + 1
            return None if known else "wrong"

    def count(self, more: int) -> None:
        with self.counting:
            self.connections += more


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 64

    def __init__(self, box: Box) -> None:
        self.box = box
        super().__init__(("127.0.0.1", 0), _Guest)


class _Guest(socketserver.StreamRequestHandler):
    """Whoever is connected."""

    server: _Server

    def handle(self) -> None:
        box = self.server.box
        box.count(1)
        try:
            self._say(doorman=1)
            who = self._hear()
            if who and self._is_let_in(who["user"], who["secret"]):
                while words := self._hear():
                    box.log.append(f"{who['user']}: {words['line']}")
                    box.stdin = words["stdin"]
                    self._say(exit=self._do(words["line"], words["stdin"]))
        except ConnectionError:
            pass  # it has gone
        finally:
            box.count(-1)

    def _is_let_in(self, user: str, secret: str) -> bool:
        refused = self.server.box.lets_in(user, secret)
        self._say(**({"refused": refused} if refused else {"welcome": user}))
        return refused is None

    def _do(self, line: str, stdin: str) -> int:
        verb, _, what = line.partition(" ")
        match verb:
            case "open":
                self.server.box.opened.append(what)
            case "say":
                self._say(said=f"{what}\n")
            case "cat":
                self._say(said=stdin)
            case "flood":
                for _ in range(int(what) // 4096):
                    self._say(said="x" * 4096)
            case "sleep":
                select.select([self.connection], [], [], float(what))  # or until the guest leaves
            case "exit":
                return int(what)
            case _:
                self._say(said=f"no such command: {verb}\n")
                return 127
        return 0

    def _say(self, **words: Any) -> None:
        self.wfile.write(json.dumps(words).encode() + b"\n")

    def _hear(self) -> Any:
        line = self.rfile.readline()
        return json.loads(line) if line else None
