"""A socket to a machine: every address of its name is tried, of both families, within one time for all."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._stops import Stop

_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_LEAST_SECONDS = 0.1
_WORDS = {
    errno.ECONNREFUSED: ("nothing listens there", "is the machine's SSH server up, and is the port right?"),
    errno.EHOSTUNREACH: ("there is no way to it", "look at the network between"),
    errno.ENETUNREACH: ("there is no way to its network", "look at the network between"),
    errno.EACCES: ("this machine forbids it", "look at the firewall"),
    errno.EPERM: ("this machine forbids it", "look at the firewall"),
}
_LATE = "it is not there, or a firewall keeps silent"


def connected(stop: Stop) -> socket.socket:
    """HostRefused with what each address said, where none answers."""
    until, found, failures = time.monotonic() + stop.settings.connect_timeout, _addresses(stop), list[OSError]()
    for number, (family, kind, protocol, _, address) in enumerate(found):
        left = max(_LEAST_SECONDS, (until - time.monotonic()) / (len(found) - number))
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(left)
            made.connect(address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a log-in is a talk of short messages: without this each waits
        except OSError as error:
            made.close()
            failures.append(error)
        else:
            return made
    told = "; ".join(f"{address[0]}: {_case(error, stop)}" for (*_, address), error in zip(found, failures, strict=True))
    late = all(isinstance(error, TimeoutError) for error in failures)
    advice = next((_WORDS[error.errno][1] for error in failures if error.errno in _WORDS), _LATE if late else "")
    raise stop.refusal("connecting to", told, advice, error=ErrorClass.TIMEOUT if late else ErrorClass.UNREACHABLE)


def _addresses(stop: Stop) -> list[Any]:
    address = stop.host.address
    if not address:
        raise stop.refusal("connecting to", "its record names no address", "fill its field", error=ErrorClass.BAD_CONFIGURATION)
    found = _resolved(address, stop.port)
    if isinstance(found, list):
        return found
    if not isinstance(found, socket.gaierror):
        raise stop.refusal("connecting to", "it is no address", "mend the record", error=ErrorClass.BAD_CONFIGURATION)
    if found.errno in _NO_SUCH_NAME:
        raise stop.refusal("connecting to", "there is no such name", "mend the record, or the DNS", error=ErrorClass.UNREACHABLE)
    case = "just now" if found.errno == socket.EAI_AGAIN else f"({found.strerror})"
    raise stop.refusal("connecting to", f"its name cannot be looked up {case}", "is the DNS server up?", error=ErrorClass.UNREACHABLE)


def _resolved(address: str, port: int) -> list[Any] | Exception:
    try:
        return list(dict.fromkeys(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError, OverflowError) as error:
        return error


def _case(error: OSError, stop: Stop) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {stop.settings.connect_timeout:g} s"
    return _WORDS[error.errno][0] if error.errno in _WORDS else error.strerror or type(error).__name__
