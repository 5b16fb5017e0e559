"""Which host keys are known of a machine, and whether it has shown one of them (S7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from paramiko import PKey

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._certificates import fault_of
from taskkit.plugins.executors.ssh._known_hosts import AUTHORITY, REVOKED, BadLine, HostKey, Line, lines_of
from taskkit.plugins.executors.ssh._stops import Stop
from taskkit.plugins.runs import Run

_SIGNED = "-cert-v01@openssh.com"
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_COMPARE = "compare it on the machine itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub)"
_CHANGED = "was it set up anew? if nobody can say so, somebody may stand in between: it was told no secret"


class KnownKeys:
    """Of one machine: from its record, the file and the vault."""

    def __init__(self, stop: Stop, lines: Sequence[Line]) -> None:
        self._stop = stop
        self._keys = [line.key for line in lines if not line.marker]
        self._revoked = [line.key for line in lines if line.marker == REVOKED]
        self._authorities = [line.key for line in lines if line.marker == AUTHORITY]

    @classmethod
    def of(cls, stop: Stop, run: Run) -> Self:
        return cls(stop, [*_of_record(stop), *_of_file(stop), *_of_vault(stop, run)])

    def wanted(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """In which order kinds are asked for: one that is known first, so that a machine with several shows it (S7)."""
        known = {kind for key in self._keys for kind in (_RSA if key.kind == "ssh-rsa" else (key.kind,))}
        plain = sorted(kinds, key=lambda kind: kind not in known)
        signed = [f"{kind}{_SIGNED}" for kind in plain] if self._authorities else []
        return (*plain, *signed) if known else (*signed, *plain)

    def check(self, shown: PKey, run: Run) -> None:
        """HostRefused unless it is known, or vouched for, or may be believed."""
        key = HostKey(shown.get_name(), shown.asbytes())
        if key in self._revoked:
            raise self._refusal(f"it shows {key}, which is revoked", "nobody may use this key any more", ErrorClass.REFUSED)
        if key in self._keys:
            return
        fault = self._fault_of_certificate(shown, run)
        if fault is None:
            return
        if self._keys:
            known = ", ".join(map(str, self._keys))
            raise self._refusal(f"it shows {key}, and known is {known}", _CHANGED, ErrorClass.HOST_CHANGED)
        if self._authorities or not self._stop.settings.trust_first:
            case = f"it shows {key}, and {fault}"
            raise self._refusal(case, f"{_COMPARE}, and {self._keep(key)}", ErrorClass.BAD_CONFIGURATION)
        self._believe(key, run)

    def _believe(self, key: HostKey, run: Run) -> None:
        name = self._stop.name
        if not run.vault.hosts.trust(name, key.line):
            case = f"it shows {key} for the first time, and the vault has not kept it"
            advice = "a vault that keeps none needs keys in records; one that has just learnt another has to be looked at"
            raise self._refusal(case, advice, ErrorClass.BAD_CONFIGURATION)
        run.trusted(name, str(key))

    def _fault_of_certificate(self, shown: PKey, run: Run) -> str | None:
        blob = getattr(shown, "public_blob", None)
        if not self._authorities:
            return "none is known"
        if blob is None:
            return "it has no certificate, where one of a known authority is wanted"
        if (fault := fault_of(blob.key_blob, self._stop.host.address, self._authorities, self._revoked, run.now())) is None:
            return None
        return f"its certificate does not do: {fault}"

    def _keep(self, key: HostKey) -> str:
        return f"keep {key.line!r} in the record's field {self._stop.settings.host_key!r}"

    def _refusal(self, case: str, help: str, error: ErrorClass) -> HostRefused:
        return self._stop.refusal("checking the host key of", case, help, error=error)


def _of_record(stop: Stop) -> Iterator[Line]:
    settings = stop.settings
    text = stop.record.fields.get(settings.host_key, "") if stop.record else ""
    yield from _read(stop, text, f"the field {settings.host_key!r}", bare=True)


def _of_file(stop: Stop) -> Iterator[Line]:
    path = stop.settings.known_hosts
    if path is None:
        return
    try:
        text = Path(path).read_text(errors="replace")
    except OSError as error:
        case = f"the file {path!r} cannot be read: {error.strerror}"
    else:
        yield from _read(stop, text, f"the file {path!r}", bare=False)
        return
    raise stop.refusal("looking for the host keys of", case, "mend the setting known_hosts", error=ErrorClass.BAD_CONFIGURATION)


def _of_vault(stop: Stop, run: Run) -> Iterator[Line]:
    for text in run.vault.hosts.known(stop.name):
        yield from _read(stop, text, "what the vault keeps", bare=True)


def _read(stop: Stop, text: str, where: str, *, bare: bool) -> Iterator[Line]:
    """A line that nobody can read might be the one that revokes a key: it is refused, and not passed over."""
    try:
        yield from lines_of(text, stop.name, bare=bare)
    except BadLine as error:
        case = f"{where}: {error}"
    else:
        return
    raise stop.refusal("looking for the host keys of", case, "mend it: [name] kind base64", error=ErrorClass.BAD_CONFIGURATION)
