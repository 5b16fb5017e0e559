"""What is known of machines' keys, in the form of OpenSSH's known_hosts files. Nothing here asks a machine or the vault."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from binascii import Error as NotBase64
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Self

from attrs import field, frozen

REVOKED, AUTHORITY = "@revoked", "@cert-authority"
_KIND = re.compile(r"[a-z][\w.@-]+")


@frozen
class HostKey:
    """A public key, as it goes over the wire."""

    kind: str
    blob: bytes = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The kind and the key in base64, as they stand in a line; None where they are not."""
        kind, _, rest = text.strip().partition(" ")
        try:
            blob = base64.b64decode((rest.split() or [""])[0], validate=True)
        except (NotBase64, ValueError):
            return None
        return cls(kind, blob) if _KIND.fullmatch(kind) and blob[4 : 4 + len(kind)] == kind.encode() else None

    @property
    def fingerprint(self) -> str:
        """As OpenSSH writes it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.kind})"


@frozen
class Line:
    key: HostKey
    marker: str = ""


class BadLine(Exception):
    """It is no line of a known_hosts file."""


def lines_of(text: str, name: str, *, bare: bool = False) -> Iterator[Line]:
    """The lines about a machine. `bare` are those that may leave the name away, since they stand in its own record."""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        marker = line.split()[0] if line.startswith("@") else ""
        rest = line[len(marker) :].strip()
        key = HostKey.read(rest) if bare else None
        if key is None:
            names, _, said = re.sub(r"\s+", " ", rest).partition(" ")
            key = HostKey.read(said)
            if key is None or marker not in ("", REVOKED, AUTHORITY):
                raise BadLine(f"line {number} is none of a known_hosts file")
            if not _names(names, name):
                continue
        yield Line(key, marker)


def _names(patterns: str, name: str) -> bool:
    """One that begins with an exclamation mark keeps the machine out, whatever the others say."""
    found = False
    for pattern in patterns.split(","):
        wanted, negated = pattern.removeprefix("!"), pattern.startswith("!")
        if _hashed(wanted, name) if wanted.startswith("|1|") else fnmatchcase(name, _escaped(wanted.lower())):
            if negated:
                return False
            found = True
    return found


def _escaped(pattern: str) -> str:
    """Brackets are those of a port; only * and ? stand for others."""
    return pattern.replace("[", "[[]")


def _hashed(pattern: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in pattern.split("|")[2:4])
    except (NotBase64, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
