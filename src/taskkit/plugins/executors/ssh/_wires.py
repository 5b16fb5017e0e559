"""One SSH connection: paramiko's, that says nothing to logs, asks for the keys that are known, and notices when nobody is there any more.

What paramiko would log holds stacks of ours, and texts of the machine.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from paramiko import Channel, Message, SSHException, Transport
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, cMSG_GLOBAL_REQUEST

from taskkit.plugins.executors.ssh._inquiries import Inquiry, Question, refuse_more
from taskkit.plugins.executors.ssh._packets import Packets

#: Without a dot, so that it is nobody's child: whoever sets up logs anew wakes up those, and what was disabled, but leaves filters alone.
_QUIET = "taskkit-ssh-wire"
logging.getLogger(_QUIET).addFilter(lambda record: False)
#: What both sides have to have in common, in the words of the protocol's lists.
_LISTS = {
    "kex_algo_list": ("key exchanges", "preferred_kex"),
    "server_key_algo_list": ("host keys", "preferred_keys"),
    "client_encrypt_algo_list": ("ciphers", "preferred_ciphers"),
    "client_mac_algo_list": ("MACs", "preferred_macs"),
}
#: Kinds of host keys that sign by SHA-1, beside those that say so.
_BY_SHA1 = frozenset({"ssh-rsa", "ssh-dss"})
#: How what stands among the key exchanges begins and is none.
_NO_ALGORITHM = ("kex-strict-", "ext-info-")


class Answer(Event):
    """Of what is asked for in a channel: a terminal, a command. paramiko would wait for it for ever."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def wait(self, timeout: float | None = None) -> bool:
        if not super().wait(self._seconds if timeout is None else timeout):
            raise TimeoutError
        return True


def _within_window(handler: Callable[[Channel, Message], None]) -> Callable[[Channel, Message], None]:
    """For what waits to be read. paramiko counts how much a machine may say, and takes more all the same, until all memory is full."""

    def feed(channel: Any, message: Message) -> None:
        if len(channel.in_buffer) + len(channel.in_stderr_buffer) > channel.in_window_size:
            raise SSHException("it says more than it may")
        handler(channel, message)

    return feed


class Wire(Transport):
    """`wanted` says in which order kinds of host keys are asked for."""

    packetizer: Packets
    auth_handler: Inquiry | None

    def __init__(self, sock: Any, wanted: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._wanted = wanted
        super().__init__(sock, packetizer_class=Packets)
        self.set_log_channel(_QUIET)
        table: dict[int, Callable[[Channel, Message], None]] = vars(Transport)["_channel_handler_table"]
        bounded = {kind: _within_window(table[kind]) for kind in (MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA)}
        self._channel_handler_table = {**table, **bounded}
        self.offered: Mapping[str, Sequence[str]] = {}
        self._unanswered = self._heard = 0

    @property
    def preferred_keys(self) -> Sequence[str]:
        return self._wanted(self._filter_algorithm("keys"))  # type: ignore[attr-defined]

    @property
    def preferred_ciphers(self) -> Sequence[str]:
        """Those first that need no MAC: one costs paramiko as much as all else that it does with a packet."""
        return sorted(super().preferred_ciphers, key=lambda name: not name.endswith("-gcm@openssh.com"))

    def _log(self, level: int, msg: object, *args: object) -> None:
        """Nobody would read it."""

    def _parse_debug(self, m: Message) -> None:
        """For people who look for mistakes; paramiko makes it readable, letter by letter, and logs it."""

    def _really_parse_kex_init(self, m: Message, ignore_first_byte: bool = False) -> Any:
        self.offered = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        return self.offered

    def _parse_ext_info(self, msg: Message) -> None:
        """Before the host key was checked, so that anybody may say it."""
        refuse_more(msg, 0, 8)
        super()._parse_ext_info(msg)  # type: ignore[misc]

    @property
    def said(self) -> Sequence[str]:
        """Its first lines."""
        return [line for line in self.packetizer.lines if line.isprintable()]

    def ask(self, question: Question) -> Sequence[str]:
        """To be let in: what is wanted besides; raises where it was refused."""
        self.auth_handler = self.auth_handler or Inquiry(self)
        return self.auth_handler.ask(question)

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

    def _parse_global_request(self, m: Message) -> None:
        """sshd tells its keys after a log-in, unasked, and holds back what is asked next until it knows that they have come: for 40 ms."""
        if isinstance(self.sock, socket.socket) and hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super()._parse_global_request(m)  # type: ignore[misc]

    @property
    def is_too_old(self) -> bool:
        """Whether a key exchange or a host key fails as it has none without SHA-1, of which paramiko has none any more."""
        for name in ("kex_algo_list", "server_key_algo_list"):
            theirs = [one for one in self.offered.get(name, ()) if not one.startswith(_NO_ALGORITHM)]
            if theirs and all("sha1" in one or one in _BY_SHA1 for one in theirs):
                return True
        return False

    # whether anybody is there

    def open_channel(self, *given: Any, **named: Any) -> Channel:
        channel = super().open_channel(*given, **named)
        channel.event = Answer(self.channel_timeout)
        return channel

    def _send_user_message(self, data: Message) -> None:
        """What did not get through has cut the wire: who reads from it learns that, and tells."""
        try:
            super()._send_user_message(data)  # type: ignore[misc]
        except (EOFError, SSHException):
            with suppress(OSError, EOFError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def watch(self, every: float, most: float) -> None:
        """Ask after so many seconds of silence; the wire is cut where it stays silent for so long. Whatever comes is a sign of life:
        there are machines that do not know this question, or do not answer it, and work all the same."""

        def ask() -> None:
            if self.packetizer.heard != self._heard:
                self._unanswered, self._heard = 0, self.packetizer.heard
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
        """That it came is all that is wanted."""

    def _parse_request_failure(self, m: Message) -> None:
        """Which is an answer, too."""
