"""The way to a machine: a socket, the handshake over it, and the host key that has to be the one that is known (S7)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from paramiko import SSHException, Transport

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._host_keys import KnownKeys
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.kinds import Host, Run

PORT = 22


@contextmanager
def linked(host: Host, settings: SshSettings, run: Run) -> Iterator[Transport]:
    """A link whose host key is the right one, over which nobody has logged in yet."""
    known = KnownKeys.of(host, settings, run)
    transport = Transport(_socket(host, settings))
    try:
        transport.banner_timeout, transport.auth_timeout = settings.banner_timeout, settings.auth_timeout
        try:
            transport.start_client(timeout=settings.banner_timeout)
        except (SSHException, EOFError, OSError) as error:
            raise HostRefused(f"connecting to {host.address!r}", str(error) or type(error).__name__, error=ErrorClass.UNREACHABLE) from None
        known.check(transport.get_remote_server_key())
        yield transport
    finally:
        with suppress(OSError):  # the thread that reads would keep the connection open for a moment longer
            transport.sock.shutdown(socket.SHUT_RDWR)
        transport.close()


def _socket(host: Host, settings: SshSettings) -> socket.socket:
    try:
        made = socket.create_connection((host.address, host.port or PORT), settings.connect_timeout)
    except TimeoutError:
        case = f"it did not answer within {settings.connect_timeout:g} s"
        raise HostRefused(f"connecting to {host.address!r}", case, error=ErrorClass.TIMEOUT) from None
    except OSError as error:
        raise HostRefused(f"connecting to {host.address!r}", error.strerror or str(error), error=ErrorClass.UNREACHABLE) from None
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a log-in is a talk of short messages: without this each waits
    return made
