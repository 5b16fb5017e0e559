"""One command in a channel: begun, fed, read and ended. What counts as a success is decided elsewhere.

Nothing here waits for the machine longer than a tick without asking whether it is enough: not for its word that it begins, not for room
for more input, not for its end.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from attrs import frozen
from paramiko import Channel

from taskkit.plugins.executors._endings import End, Patience, Sink
from taskkit.plugins.executors.ssh._exchanges import Exchange, accepted

#: How often it is looked whether anything has come and whether it is enough. An end, room for more input and much output are seen at once.
_TICK = 0.25
_CHUNK = 65_536
#: So many bytes are much.
_MUCH = 262_144
_TOLD = "told"
T = TypeVar("T")


class Keeper(Protocol):
    """Takes what is said, and forgets it where it turns out to be nobody's."""

    def feed(self, piece: bytes) -> object: ...
    def forget(self) -> None: ...


class Sieve:
    """Takes a mark out of a stream, wherever its pieces end; what came before it is forgotten where it is not the command's."""

    def __init__(self, mark: bytes | None, keeper: Keeper, *, forgets: bool) -> None:
        self._mark, self._keeper, self._forgets = mark, keeper, forgets
        self.forget()

    def forget(self) -> None:
        self._kept, self.found = b"", False
        self._keeper.forget()

    def feed(self, piece: bytes) -> None:
        if self._mark is None or self.found:
            self._keeper.feed(piece)
            return
        before, mark, after = (self._kept + piece).partition(self._mark)
        sure = len(before) if mark else len(before) - _begun(before, self._mark)
        self._kept = before[sure:]
        self._say(before[:sure])
        if mark:
            self.found = True
            if self._forgets:
                self._keeper.forget()
            self._say(after)

    def finish(self) -> None:
        self._say(self._kept)
        self._kept = b""

    def _say(self, piece: bytes) -> None:
        if piece:
            self._keeper.feed(piece)


@frozen
class Told:
    """How a talk ended."""

    end: End
    refused: bool = False  #: the machine would not begin it
    lost: str = ""  #: why nobody saw its end, or all that it said, where the channel was closed before
    unnamed: str = ""  #: a signal that has no number here


class Talk:
    def __init__(self, exchange: Exchange, channel: Channel, patience: Patience, unsaid: bytes, out: Sink, err: Sink) -> None:
        self._exchange, self._channel, self._line = exchange, channel, exchange.listen(channel)
        self._patience, self._unsaid = patience, memoryview(unsaid)
        self._out, self._err = patience.listening(out), patience.listening(err)
        self._ended_at = 0.0
        self._line.bell.worth = lambda: bool(self._unsaid) or self._line.waiting >= _MUCH or self._is_silent()

    def hold(self, line: str, grace: float) -> Told:
        patience = self._patience
        self._exchange.begin(self._channel, line)
        if not self._unsaid:
            self._channel.shutdown_write()
        found = self._pump(lambda: _TOLD if self._has_told() else patience.over())
        cut = None if found == _TOLD else found
        if cut:
            self._end(grace)
        else:
            self._ended_at = time.monotonic()
            self._pump(lambda: self._is_over() or self._is_quiet(patience, grace) or patience.over())
        return self._told(cut, left=not cut and not self._is_over())

    def _end(self, grace: float) -> None:
        for name in ("TERM", "KILL"):
            self._exchange.send_signal(self._channel, name)
            if self._pump(self._is_over, grace):
                return

    def _told(self, cut: str | None, *, left: bool) -> Told:
        named, status, accepts = self._line.signal, self._channel.exit_status, accepted(self._channel)
        number: int | None = getattr(signal, f"SIG{named}", None) if named else None
        seen = status >= 0 or named is not None
        note = "it left processes behind that held its output: they may still run" if left else ""
        # What was cut short may have left somebody who goes on: its child, or sudo. Who holds the output is one of them.
        end = End(status if status >= 0 else None, number, cut, seen and (not cut or self._is_over()), note)
        return Told(
            end,
            not (accepts or seen or cut) and self._exchange.alive,
            "" if cut else self._loss(seen=seen),
            named if named and number is None else "",
        )

    def _loss(self, *, seen: bool) -> str:
        alive = self._exchange.alive
        if not seen:
            return f"{'the channel was closed before its end' if alive else 'the connection was lost'}: nobody saw how it ended"
        return "" if alive or self._exchange.is_whole(self._channel) else "the connection was lost: nobody saw all that it said"

    def _has_told(self) -> bool:
        return self._has_ended() or self._is_over()

    def _has_ended(self) -> bool:
        return self._channel.exit_status >= 0 or self._line.signal is not None

    def _is_over(self) -> bool:
        return self._is_silent() and not self._line.waiting

    def _is_silent(self) -> bool:
        """Nothing more comes."""
        channel = self._channel
        return bool(channel.closed or (channel.eof_received and self._has_ended()))

    def _is_quiet(self, patience: Patience, grace: float) -> bool:
        return time.monotonic() >= max(patience.heard, self._ended_at) + grace

    def _pump(self, enough: Callable[[], T], seconds: float = float("inf")) -> T:
        until = time.monotonic() + seconds
        while True:
            moved = self._turn()  # first: what has come and was not looked at yet counts, too
            if (found := enough()) or time.monotonic() >= until:
                return found
            if not moved:
                self._line.bell.wait(min(_TICK, self._patience.left or _TICK, seconds))

    def _turn(self) -> bool:
        """Whether anything moved."""
        moved = self._feed()
        for errors, piece in self._exchange.heard(self._channel):
            (self._err if errors else self._out)(piece)
            moved = True
        return moved

    def _feed(self) -> bool:
        channel = self._channel
        if channel.closed or channel.eof_sent or not accepted(channel):
            return False
        try:
            if self._unsaid and channel.send_ready():
                self._unsaid = self._unsaid[channel.send(bytes(self._unsaid[:_CHUNK])) :]
                return True
            if not self._unsaid:
                channel.shutdown_write()
        except OSError:  # it was closed meanwhile: how the command ended decides
            self._unsaid = self._unsaid[:0]
        return False


def _begun(text: bytes, mark: bytes) -> int:
    """How much of the end of the text may be the beginning of the mark."""
    return next((size for size in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:size])), 0)
