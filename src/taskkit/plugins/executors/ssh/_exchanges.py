"""What paramiko has no call for: signals both ways, a request that does not wait for ever, and a bell for whoever waits for a channel.

What a command says is kept here as it came, without paramiko's buffers, which wake their reader for each packet and copy it three times.
Only this file touches what paramiko keeps for itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event
from typing import Any, cast

from attrs import define, field
from paramiko import Channel, ChannelException, Message, SSHException, Transport
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    cMSG_CHANNEL_REQUEST,
    cMSG_CHANNEL_WINDOW_ADJUST,
)

from taskkit.plugins.executors.ssh._packets import Said

#: What a machine gives as the reason why it opens no channel (RFC 4254, 5.1): who has too many of them says 2 or 4.
TOO_MANY = frozenset({2, 4})
#: For so many seconds a machine may count a channel that was closed, and how often it is asked again.
_LINGERS, _AGAIN = 2.0, 0.02
#: The only kind of extended data that there is (RFC 4254, 5.2).
_ERRORS = 1
_Handler = Callable[[Channel, Message], None]


class Bell(Event):
    """Rings from the connection's thread for what happens in one channel, where it is worth a look."""

    def __init__(self) -> None:
        super().__init__()
        #: None: everything is.
        self.worth: Callable[[], bool] | None = None

    def set(self) -> None:
        worth = self.worth  # which may be forgotten meanwhile
        if worth is None or worth():
            super().set()

    def wait(self, timeout: float | None = None) -> bool:
        rang = super().wait(timeout)
        self.clear()
        return rang


@define(eq=False)
class Line:
    """What one channel has told so far."""

    bell: Bell = field(factory=Bell)
    #: What was said and not taken yet, as it came, each with whether it stands on the errors; None where paramiko's buffers keep it.
    pieces: deque[tuple[bool, bytes]] | None = None
    #: How many bytes, since the beginning; each is counted by one thread alone.
    came: int = 0
    taken: int = 0
    #: The signal that ended the command, as the machine calls it.
    signal: str | None = None
    #: Whether the machine has closed it.
    closed: bool = False

    @property
    def waiting(self) -> int:
        return self.came - self.taken

    def keep(self, piece: bytes, *, errors: bool) -> None:
        assert self.pieces is not None  # noqa: S101
        self.pieces.append((errors, piece))
        self.came += len(piece)


class NotSaid(Exception):
    """Nothing could be said any more: the connection was lost before."""


class Exchange:
    """Hears what a connection tells of its channels, and tells it what else is to be told."""

    def __init__(self, transport: Transport) -> None:
        self._transport = cast(Any, transport)
        self._lines: dict[int, Line] = {}
        self._left_at = float("-inf")
        before: dict[int, _Handler] = self._transport._channel_handler_table
        changed = {
            MSG_CHANNEL_DATA: self._hearing,
            MSG_CHANNEL_EXTENDED_DATA: self._hearing_errors,
            MSG_CHANNEL_REQUEST: self._heeding,
            MSG_CHANNEL_EOF: self._ringing,
            MSG_CHANNEL_CLOSE: self._closing,
            MSG_CHANNEL_WINDOW_ADJUST: self._ringing,
        }
        self._transport._channel_handler_table = {**before, **{kind: made(before[kind]) for kind, made in changed.items()}}

    @property
    def alive(self) -> bool:
        return bool(self._transport.is_active())

    def opened(self, seconds: float) -> Channel:
        """A channel that rings when something happens in it."""
        channel = self._open(seconds)
        channel.event = self._lines.setdefault(channel.chanid, Line()).bell
        return channel

    def _open(self, seconds: float) -> Channel:
        """Where a session is all that a machine gives (`MaxSessions 1`), the one before has to be gone there, too."""
        while True:
            try:
                return cast(Channel, self._transport.open_session(timeout=seconds))
            except ChannelException as error:
                if error.code not in TOO_MANY or self._lines or time.monotonic() >= self._left_at + _LINGERS:
                    raise
            time.sleep(_AGAIN)

    def forget(self, channel: Channel) -> None:
        channel.close()
        self._left_at = time.monotonic()
        if line := self._lines.pop(channel.chanid, None):
            line.bell.worth = None  # or what has been said lies about until the collector comes

    def line(self, channel: Channel) -> Line:
        return self._lines[channel.chanid]

    def listen(self, channel: Channel) -> Line:
        """From now on what it says can be had by `heard`."""
        line = self.line(channel)
        line.pieces = deque()
        return line

    def heard(self, channel: Channel) -> Iterator[tuple[bool, bytes]]:
        """What it has said meanwhile, for which the machine gets room anew: each piece with whether it stands on the errors."""
        line = self.line(channel)
        if not line.pieces:
            return
        before = line.taken
        while line.pieces:
            errors, piece = line.pieces.popleft()
            line.taken += len(piece)
            yield errors, piece
        self._make_room(channel, line.taken - before)

    def is_whole(self, channel: Channel) -> bool:
        """Whether the machine has said that no more comes."""
        return bool(channel.eof_received) or self.line(channel).closed

    def begin(self, channel: Channel, what: str, kind: str = "exec") -> None:
        """Ask for a command or a subsystem; whether the machine begins it is told by `accepted`."""
        if not self.alive:
            raise NotSaid
        channel.event_ready = False
        self._request(channel, kind, what, answer=True)

    def give_terminal(self, channel: Channel, term: str, columns: int, rows: int, modes: bytes) -> None:
        """Ask for one (RFC 4254, 6.2); whether the machine gives it, only the command can find out."""
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("pty-req")
        message.add_boolean(False)
        message.add_string(term)
        for number in (columns, rows, 0, 0):
            message.add_int(number)
        message.add_string(modes)
        self._transport._send_user_message(message)

    def send_signal(self, channel: Channel, name: str) -> None:
        """Nobody answers (RFC 4254, 6.9), and some machines do not even look: only the command's end tells."""
        with suppress(SSHException, OSError):
            self._request(channel, "signal", name, answer=False)

    def _request(self, channel: Channel, kind: str, text: str, *, answer: bool) -> None:
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string(kind)
        message.add_boolean(answer)
        message.add_string(text)
        self._transport._send_user_message(message)

    def _make_room(self, channel: Any, size: int) -> None:
        if room := channel._check_add_window(size):
            message = Message()
            message.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
            message.add_int(channel.remote_chanid)
            message.add_int(room)
            self._transport._send_user_message(message)

    # in the connection's thread

    def _hearing(self, handler: _Handler) -> _Handler:
        def hear(channel: Channel, message: Message) -> None:
            line = self._lines.get(channel.chanid)
            if line is None or line.pieces is None:
                handler(channel, message)
            else:
                line.keep(message.get_binary(), errors=False)
                line.bell.set()

        return hear

    def _hearing_errors(self, handler: _Handler) -> _Handler:
        def hear(channel: Channel, message: Message) -> None:
            line = self._lines.get(channel.chanid)
            if line is None or line.pieces is None:
                handler(channel, message)
            elif message.get_int() == _ERRORS:
                line.keep(message.get_binary(), errors=True)
                line.bell.set()

        return hear

    def _heeding(self, handler: _Handler) -> _Handler:
        def heed(channel: Channel, message: Message) -> None:
            told = Said(message.get_remainder())
            if told.get_text() == "exit-signal" and (line := self._lines.get(channel.chanid)):
                told.get_boolean()
                line.signal = told.get_text()
            handler(channel, message)

        return self._ringing(heed)

    def _closing(self, handler: _Handler) -> _Handler:
        def close(channel: Channel, message: Message) -> None:
            if line := self._lines.get(channel.chanid):
                line.closed = True
            handler(channel, message)

        return close

    def _ringing(self, handler: _Handler) -> _Handler:
        def ring(channel: Channel, message: Message) -> None:
            handler(channel, message)
            if line := self._lines.get(channel.chanid):
                line.bell.set()

        return ring


def accepted(channel: Channel) -> bool:
    return bool(channel.event_ready)
