"""What a machine says when a session begins, to who only wants to know whether it does."""

from __future__ import annotations

import time

from paramiko import Channel

from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._wires import Wire

_MOST, _PIECE = 65_536, 4096
_TICK = 0.05


def first_words(wire: Wire, settings: SshSettings) -> str:
    """Of a command that does nothing; none where the machine gives no session, which is no fault of the secret, and none where the command
    ended well: what is said to whoever gets in are rules of the house."""
    try:
        with wire.open_session(timeout=settings.connect_timeout) as channel:
            channel.exec_command("exit")
            said = _read(channel, time.monotonic() + settings.connect_timeout)
            return "" if channel.exit_status == 0 else said
    except Exception:  # whatever paramiko made of what it was sent
        return ""


def _read(channel: Channel, until: float) -> str:
    said = b""
    while len(said) < _MOST and time.monotonic() < until:
        # First: what has come by then is read yet. Where it ended well, nothing of that counts, and somebody may hold its output for long.
        over = channel.closed or channel.exit_status == 0 or (channel.exit_status_ready() and channel.eof_received)
        if channel.recv_stderr_ready():
            said += channel.recv_stderr(_PIECE)
        elif channel.recv_ready():
            said += channel.recv(_PIECE)
        elif over:
            break
        elif not channel.status_event.is_set():
            channel.status_event.wait(_TICK)
        else:
            time.sleep(_TICK)
    return said.decode(errors="replace")
