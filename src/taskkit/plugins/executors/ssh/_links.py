"""The way to a machine: a socket or a channel of the stop before, the handshake over it, and the host key that has to be the right one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from paramiko import ChannelException, PKey, SSHException
from paramiko.ssh_exception import IncompatiblePeer

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._host_keys import KnownKeys
from taskkit.plugins.executors.ssh._packets import TooMuch
from taskkit.plugins.executors.ssh._sockets import connected
from taskkit.plugins.executors.ssh._stops import Stop
from taskkit.plugins.executors.ssh._wires import Wire
from taskkit.plugins.runs import Run

_CONNECTING = "connecting to"
_FORBIDDEN, _NOT_REACHED = 1, 2
#: What OpenSSH says in place of its banner to those whom it lets in later; newer ones say the second for both.
_LATER = ("MaxStartups", "Not allowed at this time")
_WHY_LATER = "it has too many log-ins at once (MaxStartups), or some from here failed or broke off (PerSourcePenalties)"
_UPDATE = "update the older of the two"
_TOO_OLD = (
    "SHA-1 is gone from the library that speaks SSH here, and nothing can permit it: let the machine have diffie-hellman-group14-sha256 or"
    " ecdh-sha2-nistp256, and an ECDSA or Ed25519 key or rsa-sha2-256, by its settings or by newer software"
)
_FAREWELL_SECONDS = 2.0


@contextmanager
def linked(stop: Stop, before: Wire | None, run: Run) -> Iterator[Wire]:
    """A link whose host key is the right one, over which nobody has logged in yet."""
    known = KnownKeys.of(stop, run)
    connection = connected(stop) if before is None else _through(before, stop, run)
    wire = Wire(connection, known.wanted)
    try:
        known.check(_shake_hands(wire, stop, run), run)
        yield wire
    finally:
        _cut(wire, connection)


def _cut(wire: Wire, connection: Any) -> None:
    """paramiko's thread reads on until it notices; as long as it does, the machine has us as a guest."""
    with suppress(OSError, EOFError, SSHException):
        connection.shutdown(socket.SHUT_RDWR)
    wire.close()
    connection.close()
    if wire.ident is not None:
        wire.join(_FAREWELL_SECONDS)
    wire.saved_exception = None  # its frames hold the wire


def _through(before: Wire, stop: Stop, run: Run) -> Any:
    """A channel of the jump host that leads on."""
    try:
        return before.open_channel("direct-tcpip", (stop.host.address, stop.port), ("127.0.0.1", 0), timeout=stop.settings.connect_timeout)
    except ChannelException as error:
        code, case = error.code, run.scrub(error.text)
    except Exception:  # whatever paramiko made of what it was sent
        code, case = None, f"the jump host did not say within {stop.settings.connect_timeout:g} s whether it can"
    if code == _FORBIDDEN:
        advice = "its AllowTcpForwarding, PermitOpen or the options of the key say so"
        raise stop.refusal(_CONNECTING, f"the jump host does not lead on: {case}", advice, error=ErrorClass.REFUSED)
    if code == _NOT_REACHED:
        case = f"the jump host cannot reach it: {case}"
    raise stop.refusal(_CONNECTING, case, "try it from there", error=ErrorClass.TIMEOUT if code is None else ErrorClass.UNREACHABLE)


def _shake_hands(wire: Wire, stop: Stop, run: Run) -> PKey:
    """The host key that it shows."""
    settings = stop.settings
    wire.banner_timeout = wire.handshake_timeout = settings.banner_timeout
    wire.auth_timeout, wire.channel_timeout = settings.auth_timeout, settings.connect_timeout
    try:
        wire.start_client(timeout=2 * settings.banner_timeout)
    except Exception as error:  # paramiko reads what it is sent, whatever that is
        refusal = _told(error, wire, stop, run)
    else:
        if wire.initial_kex_done and (shown := wire.host_key) is not None:
            wire.watch(settings.keepalive, settings.idle_timeout)
            return shown
        refusal = _late(wire, stop)
    raise refusal


def _told(error: BaseException, wire: Wire, stop: Stop, run: Run) -> HostRefused:
    """Out of what paramiko knows, as its texts tell little."""
    if isinstance(error, IncompatiblePeer):
        case = "; ".join(wire.disagreements) or str(error)
        return stop.refusal(_CONNECTING, case, _TOO_OLD if wire.is_too_old else _UPDATE, error=ErrorClass.BAD_CONFIGURATION)
    if wire.packetizer.handshake_timed_out():
        return _late(wire, stop)
    if not wire.remote_version:
        return _without_banner(error, wire, stop, run)
    if not isinstance(error, SSHException | EOFError | OSError):
        case = f"it says what is no SSH ({type(error).__name__})"
        return stop.refusal(_CONNECTING, case, "look at its log", error=ErrorClass.UNREACHABLE)
    if isinstance(error, SSHException) and str(error):
        return stop.refusal(_CONNECTING, run.scrub(str(error)), "look at its log", error=ErrorClass.UNREACHABLE)
    return stop.refusal(_CONNECTING, "it hung up during the handshake", "look at its log", error=ErrorClass.UNREACHABLE)


def _without_banner(error: BaseException, wire: Wire, stop: Stop, run: Run) -> HostRefused:
    if said := wire.said:
        text = run.scrub(said[0])
        if any(words in text for words in _LATER):
            return stop.refusal(_CONNECTING, f"it says {text!r}", _WHY_LATER, error=ErrorClass.BUSY)
        advice = "is the port right?"
        return stop.refusal(_CONNECTING, f"it is no SSH server: it says {text!r}", advice, error=ErrorClass.BAD_CONFIGURATION)
    if isinstance(error.__context__, TimeoutError):
        return _late(wire, stop)
    if isinstance(error.__context__, UnicodeDecodeError | TooMuch):
        return stop.refusal(_CONNECTING, "it is no SSH server", "is the port right?", error=ErrorClass.BAD_CONFIGURATION)
    case, advice = "it hung up before it said a word", "it may have too many log-ins at once, or let nobody in from here"
    return stop.refusal(_CONNECTING, case, advice, error=ErrorClass.UNREACHABLE)


def _late(wire: Wire, stop: Stop) -> HostRefused:
    said = "said that it speaks SSH, and no more" if wire.remote_version else "took the connection, and said nothing"
    case = f"it {said} within {stop.settings.banner_timeout:g} s"
    return stop.refusal(_CONNECTING, case, "is it overloaded, or the port that of something else?", error=ErrorClass.TIMEOUT)
