"""What a record type may say about reaching machines by SSH."""

from __future__ import annotations

from typing import Any, Self

from attrs import Attribute, field, frozen

from taskkit.checks import named, optional_a, refused, whole
from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._circumstances import Privileges
from taskkit.plugins.kinds import Host


def _seconds(instance: object, attribute: Attribute[Any], given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 3600:
        raise refused(instance, attribute, given, "these are no seconds", "give a number above 0 and up to 3600")


def _timeout(seconds: float) -> Any:
    return field(default=seconds, validator=_seconds, kw_only=True)


@frozen
class SshSettings(Privileges):
    """Each time is for its own part of the way; a command's own time is said by the command."""

    #: Which field of a record holds the public host keys that are known for it, as lines of a known_hosts file have them.
    host_key: str = field(default="host_key", validator=named, kw_only=True)
    #: A file in the form of OpenSSH's.
    known_hosts: str | None = field(default=None, validator=optional_a(str, "give a path"), kw_only=True)
    connect_timeout: float = _timeout(10.0)
    banner_timeout: float = _timeout(15.0)
    auth_timeout: float = _timeout(30.0)
    #: How many bytes are kept of the output, and as many of the errors: half from the beginning, half from the end.
    cap: int = field(default=65_536, validator=whole(1024, 16_777_216), kw_only=True)
    #: How many seconds a command has to end when asked.
    grace: float = _timeout(2.0)

    @classmethod
    def of(cls, host: Host) -> Self:
        try:
            return cls(**host.settings)
        except (InvalidValue, TypeError, ValueError) as error:
            raise HostRefused("reading the settings for 'ssh'", str(error), error=ErrorClass.BAD_CONFIGURATION) from None
