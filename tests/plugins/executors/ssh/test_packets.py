"""What comes over a socket is handed on as it was asked for, however it came; who waits gives up when it is time to."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko import SSHException
from paramiko.packet import NeedRekeyException

from taskkit.plugins.executors.ssh._packets import Packets

MOMENT = 0.01


@contextmanager
def between() -> Iterator[tuple[Packets, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(MOMENT)
        yield Packets(near), far


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8), st.data())
def test_what_came_in_pieces_is_taken_in_others(pieces: list[bytes], data: st.DataObject) -> None:
    taken, came = b"", 0
    with between() as (packets, far):
        for piece in pieces:
            far.sendall(piece)
            came += len(piece)
            taken += packets.read_all(data.draw(st.integers(0, came - len(taken))))
        assert taken + packets.read_all(came - len(taken)) == b"".join(pieces)


def test_a_packet_that_is_larger_than_any_is_not_waited_for() -> None:
    with between() as (packets, far):
        packets.start_handshake(1)
        far.sendall(struct.pack(">IB", 0x7FFFFFFC, 4) + b"x" * 1000)
        with pytest.raises(SSHException, match="2147483640 bytes"):
            packets.read_message()


def test_what_came_behind_a_line_is_not_lost() -> None:
    with between() as (packets, far):
        far.sendall(b"welcome\nSSH-2.0-one\r\n\0\1\2")
        assert [packets.readline(1), packets.readline(1), packets.read_all(3)] == ["welcome", "SSH-2.0-one", b"\0\1\2"]
        assert packets.lines == ["welcome", "SSH-2.0-one"]


def test_a_line_that_does_not_end_is_waited_for_no_longer_than_was_said() -> None:
    with between() as (packets, far):
        far.sendall(b"SSH-2.0-one")
        with pytest.raises(TimeoutError):
            packets.readline(MOMENT)


def test_a_handshake_that_takes_too_long_ends_who_reads_and_one_that_is_over_does_not() -> None:
    with between() as (packets, far):
        packets.start_handshake(0)
        with pytest.raises(EOFError):
            packets.read_all(1)
        assert packets.handshake_timed_out()
        packets.complete_handshake()
        far.sendall(b"x")
        assert packets.read_all(1) == b"x"


def test_new_keys_are_asked_for_between_packets_and_not_within_one() -> None:
    with between() as (packets, far):
        packets._trigger_rekey()  # type: ignore[attr-defined]
        with pytest.raises(NeedRekeyException):
            packets.read_all(4, check_rekey=True)
        far.sendall(b"ab")
        packets.start_handshake(5 * MOMENT)
        with pytest.raises(EOFError):
            packets.read_all(4, check_rekey=True)


@pytest.mark.parametrize("ours", [False, True])
def test_who_reads_from_what_was_closed_is_told_of_an_end(ours: bool) -> None:
    with between() as (packets, far):
        if ours:
            packets.close()
        else:
            far.close()
        with pytest.raises(EOFError):
            packets.read_all(1)
