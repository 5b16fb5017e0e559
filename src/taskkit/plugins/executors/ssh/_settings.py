"""What a record type may say about reaching machines by SSH."""

from __future__ import annotations

from collections.abc import Mapping
from re import compile as compiled
from re import error as not_a_pattern
from typing import Any, Literal, Self

from attrs import Attribute, evolve, field, frozen
from attrs.validators import optional

from taskkit.checks import a, mapping, named, number, one_of, optional_a, optional_whole, refused, whole
from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.becoming import become_of
from taskkit.plugins.executors.ssh._circumstances import Privileges
from taskkit.plugins.verbs import Host
from taskkit.records import Record

_HOUR = 3600
_LEAST_SECONDS = 0.1


def _timeout(seconds: float) -> Any:
    return field(default=seconds, validator=number(0, _HOUR), kw_only=True)


def _name(default: str) -> Any:
    return field(default=default, validator=named, kw_only=True)


def _answers(instance: object, attribute: Attribute[Any], given: Mapping[object, object]) -> None:
    for pattern, name in given.items():
        named(instance, attribute, name)
        try:
            compiled(str(pattern))
        except not_a_pattern as error:
            raise refused(instance, attribute, str(pattern), f"it is no regular expression: {error}") from None


@frozen
class SshSettings(Privileges):
    """Each time is for its own part of the way; a command's own time is said by the command."""

    #: Which field of a record holds the public host keys that are known for it, as `ssh-keyscan` or a known_hosts file writes them.
    host_key: str = _name("host_key")
    #: A file in the form of OpenSSH's, which is only read.
    known_hosts: str | None = field(default=None, validator=optional_a(str, "give a path"), kw_only=True)
    #: Whether the key that a machine shows first is believed, told and kept in the vault, where none is known of it.
    trust_first: bool = field(default=False, validator=a(bool), kw_only=True)
    #: Which field of a record names the record of the machine over which it is reached.
    jump: str = _name("jump")
    #: Which secret field opens the private key.
    passphrase: str = _name("passphrase")
    #: Which field, secret or not, holds the certificate of the private key.
    certificate: str = _name("certificate")
    #: Secret fields that answer questions of a log-in, by regular expressions that are found in the question.
    answers: Mapping[str, str] = field(factory=dict, converter=mapping, validator=_answers, kw_only=True, hash=False)
    #: Whether the keys of an SSH agent of this process are tried, too.
    agent: bool = field(default=False, validator=a(bool), kw_only=True)
    #: How many connections of this process to one machine there may be at once, jump hosts among them.
    connections: int | None = field(default=None, validator=optional_whole(1), kw_only=True)
    connect_timeout: float = _timeout(10.0)
    banner_timeout: float = _timeout(15.0)
    auth_timeout: float = _timeout(30.0)
    #: After so many seconds of silence the machine is asked whether it is still there; after so many without an answer it is lost.
    keepalive: float = _timeout(15.0)
    idle_timeout: float = _timeout(60.0)
    #: Whether commands have a terminal; their errors come with their output then.
    tty: bool = field(default=False, validator=a(bool), kw_only=True)
    #: How many bytes are kept of the output, and as many of the errors: half from the beginning, half from the end.
    cap: int = field(default=65_536, validator=whole(1024, 16_777_216), kw_only=True)
    #: How many seconds a command has to end when asked.
    grace: float = _timeout(2.0)
    #: How a secret is changed: in a dialogue, by root without one, or by root as a hash that is made here. None: `passwd` for the account
    #: that logs in, `chpasswd` for another.
    change: Literal["passwd", "chpasswd", "hash"] | None = field(
        default=None, validator=optional(one_of("passwd", "chpasswd", "hash")), kw_only=True
    )
    #: How many seconds it is waited for each answer while a secret is changed.
    change_timeout: float = _timeout(60.0)

    def within(self, seconds: float) -> Self:
        """No part of the way takes longer than the job has left."""
        left = max(_LEAST_SECONDS, seconds)
        parts = ("connect_timeout", "banner_timeout", "auth_timeout")
        shorter: dict[str, Any] = {name: left for name in parts if getattr(self, name) > left}
        return evolve(self, **shorter) if shorter else self

    @classmethod
    def of(cls, host: Host) -> Self:
        try:
            found = cls(**host.settings)
        except (InvalidValue, TypeError, ValueError) as error:
            case = str(error)
        else:
            return found._of_record(host.record)
        raise HostRefused("reading the settings for 'ssh'", case, "mend the record type", error=ErrorClass.BAD_CONFIGURATION)

    def _of_record(self, record: Record | None) -> Self:
        """As whom commands run on this one machine, where its record may say so."""
        name = self.become_field
        said = record.fields.get(name, "").strip() if record is not None and name is not None else ""
        if not said:
            return self
        try:
            become = become_of(said)
        except InvalidValue as error:
            case = f"its field {name!r}: {error}"
        else:
            return self if become is None else self.becoming(become)
        raise HostRefused("reading as whom commands run there", case, "mend the record", error=ErrorClass.BAD_CONFIGURATION)
