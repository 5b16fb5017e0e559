"""The SSH agent of this process: one that hangs, that says nonsense, or that has a key and makes no signature with it."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from paramiko import Message, PKey
from paramiko.common import AUTH_SUCCESSFUL

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.secrets import Secret
from tests.plugins.executors.ssh.reaching import reached, refused
from tests.servers.odd import Odd, odd
from tests.servers.sshd import keygen

RIGHT = Secret("correct horse")
FAILURE = b"\5"


class TakesKeys(Odd):
    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        return AUTH_SUCCESSFUL


@contextmanager
def agent(folder: Path, monkeypatch: pytest.MonkeyPatch, talk: Callable[[socket.socket], object]) -> Iterator[None]:
    """One that talks so with whoever comes, once."""
    path = str(folder / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", path)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()

        def serve() -> None:
            with suppress(OSError), door.accept()[0] as made:
                talk(made)
                while made.recv(4096):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
    thread.join(5)


def says(*answers: bytes) -> Callable[[socket.socket], None]:
    """One after the other, each to one question."""

    def talk(made: socket.socket) -> None:
        for answer in answers:
            made.recv(4096)
            made.sendall(len(answer).to_bytes(4, "big") + answer)

    return talk


def keys(folder: Path, *comments: bytes, count: int | None = None) -> bytes:
    """What an agent tells of one key under several names."""
    keygen(folder / "key")
    told = Message()
    told.add_byte(b"\x0c")
    told.add_int(len(comments) if count is None else count)
    for comment in comments:
        told.add_string(base64.b64decode((folder / "key.pub").read_text().split()[1]))
        told.add_string(comment)
    return told.asbytes()


@pytest.mark.parametrize(
    ("talk", "error", "case"),
    [
        (lambda made: None, ErrorClass.TIMEOUT, "it did not answer within 0.5 s"),
        (lambda made: made.shutdown(socket.SHUT_RDWR), ErrorClass.BAD_CONFIGURATION, "it says what no agent says"),
        (says(FAILURE), ErrorClass.BAD_CONFIGURATION, "it says what no agent says"),
    ],
    ids=["hangs", "hangs up", "refuses"],
)
def test_an_agent_that_tells_no_keys_is_named_and_waited_for_no_longer_than_was_said(
    talk: Callable[[socket.socket], object], error: ErrorClass, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Odd(("password", RIGHT.reveal()))
    with agent(tmp_path, monkeypatch, talk), odd(server) as port:
        found = refused(port, "ops", host_key=server.host_key, password=RIGHT, agent=True, auth_timeout=0.5)
    assert (found.tried, found.error, found.case) == ("asking the SSH agent of this process for its keys", error, case)


def test_an_agent_that_hangs_and_has_no_room_for_who_comes_next_is_waited_for_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who gave up stand in its door until it takes them in."""
    path, server = str(tmp_path / "agent"), Odd(("password", RIGHT.reveal()))
    monkeypatch.setenv("SSH_AUTH_SOCK", path)
    found: list[HostRefused] = []

    def ask() -> None:
        found.append(refused(port, "ops", host_key=server.host_key, password=RIGHT, agent=True, auth_timeout=0.5))

    with socket.socket(socket.AF_UNIX) as door, socket.socket(socket.AF_UNIX) as before, odd(server) as port:
        door.bind(path)
        door.listen(0)
        before.connect(path)
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(10)
    assert [(one.error, one.case) for one in found] == [(ErrorClass.TIMEOUT, "it did not answer within 0.5 s")]


@pytest.mark.parametrize("comments", [[b"Schl\xfcssel"], [b"one", b"two", b"three", b"four"]], ids=["in Latin-1", "many"])
def test_keys_of_an_agent_are_offered_whatever_it_calls_them(
    comments: Sequence[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, told = TakesKeys(), keys(tmp_path, *comments)
    with agent(tmp_path, monkeypatch, says(told, FAILURE)), odd(server) as port:
        found = refused(port, "ops", host_key=server.host_key, agent=True)
    assert (found.error, found.case) == (
        ErrorClass.BAD_CONFIGURATION,
        "the SSH agent of this process makes no signature with a key that it has",
    )


def test_an_agent_that_tells_of_more_keys_than_anybody_has_is_not_listened_to_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, told = Odd(("password", RIGHT.reveal())), keys(tmp_path, b"one", b"two", b"three", count=0xFFFFFFFF)
    with (
        agent(tmp_path, monkeypatch, says(told)),
        odd(server) as port,
        reached(port, "ops", host_key=server.host_key, password=RIGHT, agent=True) as (connection, _),
    ):
        assert connection
