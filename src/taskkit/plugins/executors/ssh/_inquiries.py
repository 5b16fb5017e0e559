"""How it is asked to be let in: the service for that is asked for once, and not before each try, which would be a round trip more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from paramiko import Message, SSHException, Transport
from paramiko.auth_handler import AuthHandler

_SERVICE = "ssh-userauth"
#: What is asked, with what tells that there is an answer.
Question = Callable[[AuthHandler, Event], None]


class Inquiry(AuthHandler):
    """All tries over one connection."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._is_open = False

    def ask(self, question: Question) -> Sequence[str]:
        """What is wanted besides; raises where it was refused."""
        transport: Any = self.transport
        if not (transport.is_active() and transport.initial_kex_done):
            raise SSHException("No existing session")
        answered = Event()
        question(self, answered)
        return self.wait_for_response(answered)

    def _request_auth(self) -> None:
        if self._is_open:
            self._parse_service_accept(_told(_SERVICE))
        else:
            super()._request_auth()  # type: ignore[misc]

    def _parse_service_accept(self, m: Message) -> None:
        self._is_open = True
        super()._parse_service_accept(m)  # type: ignore[misc]

    def _parse_userauth_info_request(self, m: Message) -> None:
        refuse_more(m, 3, 5)
        super()._parse_userauth_info_request(m)  # type: ignore[misc]


def refuse_more(message: Message, before: int, least: int) -> None:
    """SSHException where it says, behind so many texts, that more follows than stands in it: paramiko would read on, and fill all memory.

    `least` are the bytes that each of what follows takes.
    """
    told = Message(message.get_remainder())
    for _ in range(before):
        told.get_string()
    if told.get_int() * least > len(told.get_remainder()):
        raise SSHException("a message that is shorter than it says")


def _told(text: str) -> Message:
    told = Message()
    told.add_string(text)
    return Message(told.asbytes())
