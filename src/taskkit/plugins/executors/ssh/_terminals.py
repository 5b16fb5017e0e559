"""A shell on the machine, or a command, in a terminal: for dialogues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from paramiko import Channel, SSHException, Transport

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._ptys import COLUMNS, ROWS, TERM, typed
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.secrets import Secret

_CHUNK = 65_536
#: For so many seconds it is waited for the code with which a command ended, once nothing more comes from it.
_LATE = 5.0


@contextmanager
def opened(transport: Transport, settings: SshSettings, line: str | None = None) -> Iterator[SshTerminal]:
    """A channel of its own, with a shell where no command is named; HostRefused where the machine gives none."""
    tried = "opening a terminal"
    try:
        channel = transport.open_session(timeout=settings.connect_timeout)
    except (SSHException, EOFError, OSError) as error:
        raise HostRefused(tried, str(error) or type(error).__name__, error=ErrorClass.UNREACHABLE) from None
    with channel:
        channel.settimeout(settings.connect_timeout)
        try:
            channel.get_pty(TERM, COLUMNS, ROWS)
            if line is None:
                channel.invoke_shell()
            else:
                channel.exec_command(line)
        except TimeoutError:
            case = f"the machine did not say within {settings.connect_timeout:g} s whether it gives one"
            raise HostRefused(tried, case, "is it overloaded?", error=ErrorClass.TIMEOUT) from None
        except (SSHException, EOFError, OSError) as error:
            case = f"the machine refused it: {str(error) or type(error).__name__}"
            raise HostRefused(tried, case, "allow a terminal and a shell there", error=ErrorClass.PERMISSION) from None
        yield SshTerminal(channel, settings.connect_timeout)


class SshTerminal:
    """Implements the port `Terminal`."""

    def __init__(self, channel: Channel, patience: float) -> None:
        self._channel, self._patience = channel, patience

    def send(self, *parts: Secret | str) -> None:
        self._channel.settimeout(self._patience)
        self._channel.sendall(typed(parts))

    def receive(self, seconds: float) -> bytes | None:
        self._channel.settimeout(seconds)
        try:
            return self._channel.recv(_CHUNK) or None
        except TimeoutError:
            return b""
        except (SSHException, EOFError, OSError):
            return None

    def ended(self) -> int | None:
        """With which code, where anybody saw it."""
        self._channel.status_event.wait(_LATE)
        return self._channel.exit_status if self._channel.exit_status >= 0 else None
