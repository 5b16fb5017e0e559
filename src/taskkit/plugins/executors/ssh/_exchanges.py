"""What paramiko has no call for: signals both ways, a request that does not wait for ever, and a bell for whoever waits for a channel.

Only this file touches what paramiko keeps for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import Any, cast

from paramiko import Channel, ChannelException, Message, SSHException, Transport
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_REQUEST, MSG_CHANNEL_WINDOW_ADJUST, cMSG_CHANNEL_REQUEST

#: What a machine gives as the reason why it opens no channel (RFC 4254, 5.1): who has too many of them says 2 or 4.
TOO_MANY = frozenset({2, 4})
#: For so many seconds a machine may count a channel that was closed, and how often it is asked again.
_LINGERS, _AGAIN = 2.0, 0.02
_Handler = Callable[[Channel, Message], None]


class Bell(Event):
    """Rings for all that happens in one channel, from the connection's thread."""

    def clear(self) -> None:
        """A buffer that was emptied says this; the other one may just have been filled, so only `wait` forgets."""

    def wait(self, timeout: float | None = None) -> bool:
        rang = super().wait(timeout)
        super().clear()
        return rang


class NotSaid(Exception):
    """Nothing could be said any more: the connection was lost before."""


class Exchange:
    """Hears what a connection tells of its channels, and tells it what else is to be told."""

    def __init__(self, transport: Transport) -> None:
        self._transport = cast(Any, transport)
        self._bells: dict[int, Bell] = {}
        self._signals: dict[int, str] = {}
        self._closed: set[int] = set()
        self._left_at = float("-inf")
        before: dict[int, _Handler] = self._transport._channel_handler_table
        self._transport._channel_handler_table = {
            **before,
            MSG_CHANNEL_CLOSE: self._closing(before[MSG_CHANNEL_CLOSE]),
            MSG_CHANNEL_REQUEST: self._heeding(before[MSG_CHANNEL_REQUEST]),
            MSG_CHANNEL_WINDOW_ADJUST: self._ringing(before[MSG_CHANNEL_WINDOW_ADJUST]),
        }

    @property
    def alive(self) -> bool:
        return bool(self._transport.is_active())

    def opened(self, seconds: float) -> Channel:
        """A channel that rings when something happens in it."""
        channel = self._open(seconds)
        bell = self._bells[channel.chanid] = Bell()
        channel.in_buffer.set_event(bell)
        channel.in_stderr_buffer.set_event(bell)
        channel.event = bell
        return channel

    def _open(self, seconds: float) -> Channel:
        """Where a session is all that a machine gives (`MaxSessions 1`), the one before has to be gone there, too."""
        while True:
            try:
                return cast(Channel, self._transport.open_session(timeout=seconds))
            except ChannelException as error:
                if error.code not in TOO_MANY or self._bells or time.monotonic() >= self._left_at + _LINGERS:
                    raise
            time.sleep(_AGAIN)

    def forget(self, channel: Channel) -> None:
        channel.close()
        self._left_at = time.monotonic()
        self._bells.pop(channel.chanid, None)
        self._signals.pop(channel.chanid, None)
        self._closed.discard(channel.chanid)

    def bell(self, channel: Channel) -> Bell:
        return self._bells[channel.chanid]

    def signal_of(self, channel: Channel) -> str | None:
        """By which signal the command ended, as the machine calls it."""
        return self._signals.get(channel.chanid)

    def is_whole(self, channel: Channel) -> bool:
        """Whether the machine has said that no more comes."""
        return bool(channel.eof_received) or channel.chanid in self._closed

    def begin(self, channel: Channel, what: str, kind: str = "exec") -> None:
        """Ask for a command or a subsystem; whether the machine begins it is told by `accepted`."""
        if not self.alive:
            raise NotSaid
        channel.event_ready = False
        self._request(channel, kind, what, answer=True)

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

    def _heeding(self, handler: _Handler) -> _Handler:
        def heed(channel: Channel, message: Message) -> None:
            told = Message(message.get_remainder())
            if told.get_text() == "exit-signal":
                told.get_boolean()
                self._signals[channel.chanid] = told.get_text()
            handler(channel, message)

        return self._ringing(heed)

    def _closing(self, handler: _Handler) -> _Handler:
        def close(channel: Channel, message: Message) -> None:
            self._closed.add(channel.chanid)
            handler(channel, message)

        return close

    def _ringing(self, handler: _Handler) -> _Handler:
        def ring(channel: Channel, message: Message) -> None:
            handler(channel, message)
            if bell := self._bells.get(channel.chanid):
                bell.set()

        return ring


def accepted(channel: Channel) -> bool:
    return bool(channel.event_ready)
