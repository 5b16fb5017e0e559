"""Which host keys are known of a machine, and whether it has shown one of them (S7)."""

from __future__ import annotations

import base64
from typing import Self

from paramiko import HostKeys, PKey

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.kinds import Host, Run


class KnownKeys:
    def __init__(self, host: Host, keys: tuple[PKey, ...]) -> None:
        self._host, self._keys = host, keys

    @classmethod
    def of(cls, host: Host, settings: SshSettings, run: Run) -> Self:
        record = run.record
        lines = (record.fields.get(settings.host_key, "") if record else "").splitlines()
        keys = [PKey.from_type_string(*_typed(line)) for line in lines if line.strip()]
        if settings.known_hosts:
            keys += list((HostKeys(settings.known_hosts).lookup(_name(host)) or {}).values())
        return cls(host, tuple(keys))

    def check(self, shown: PKey) -> None:
        if shown in self._keys:
            return
        known = ", ".join(key.fingerprint for key in self._keys)
        case = f"it shows {shown.fingerprint}, and known is {known}" if known else f"it shows {shown.fingerprint}, and none is known"
        error = ErrorClass.REFUSED if known else ErrorClass.BAD_CONFIGURATION
        raise HostRefused(f"checking the host key of {self._host.address!r}", case, error=error)


def _name(host: Host) -> str:
    return host.address if host.port in (None, 22) else f"[{host.address}]:{host.port}"


def _typed(line: str) -> tuple[str, bytes]:
    kind, text = line.split()[:2]
    return kind, base64.b64decode(text)
