"""The words that go to and from a doorman: one JSON object on each line. Knows neither commands nor jobs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
_LONGEST = 1_048_576
_GOODBYE = 2.0


class NoDoorman(ConnectionError):
    """What answers there speaks another language."""


class Talk:
    """One connection. It is over once an answer did not come in time: whatever came later would be taken for the next one."""

    def __init__(self, address: str, port: int, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._socket = socket.create_connection((address, port), timeout=seconds)
        self._heard = bytearray()
        self.is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Says goodbye and waits for the other side to hang up, so that it holds no place there any more."""
        with self._socket, suppress(OSError):
            self._socket.settimeout(_GOODBYE)
            self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + _GOODBYE  # a command that was left may talk on
            while time.monotonic() < until and self._socket.recv(65_536):
                pass

    def give(self, seconds: float) -> None:
        """From now on, all that is said and heard has so much time together."""
        self._until = time.monotonic() + seconds

    def say(self, words: Mapping[str, Any]) -> None:
        self._wait(lambda: self._socket.sendall(json.dumps(words).encode() + b"\n"))

    def hear(self) -> Mapping[str, Any]:
        while (end := self._heard.find(b"\n")) < 0:
            piece = self._wait(lambda: self._socket.recv(65_536))
            if not piece:
                self.is_over = True
                raise ConnectionError("it hung up")
            self._heard += piece
            if len(self._heard) > _LONGEST:
                raise self._strange()
        line = self._heard[:end]
        del self._heard[: end + 1]
        try:
            words = json.loads(line)
        except ValueError:
            raise self._strange() from None
        if not isinstance(words, dict):
            raise self._strange()
        return words

    def _wait(self, deed: Callable[[], T]) -> T:
        try:
            self._socket.settimeout(max(0.001, self._until - time.monotonic()))
            return deed()
        except OSError:
            self.is_over = True
            raise

    def _strange(self) -> NoDoorman:
        self.is_over = True
        return NoDoorman("what it says is no word of a doorman")
