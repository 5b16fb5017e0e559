"""Certificates of hosts: what an authority that is known for a machine has signed vouches for the key (S7)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from taskkit.plugins.executors.ssh._known_hosts import HostKey


def fault_of(blob: bytes, address: str, authorities: Sequence[HostKey], revoked: Sequence[HostKey], now: datetime) -> str | None:
    """Why a certificate does not vouch for a machine; None where it does."""
    length = int.from_bytes(blob[:4], "big")
    try:
        found = load_ssh_public_identity(blob[4 : 4 + length] + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"it cannot be read: {error}"
    if not isinstance(found, SSHCertificate):
        return "it is none"
    return _fault_of_signature(found, authorities, revoked) or _fault_of_terms(found, address.lower(), now.timestamp())


def _fault_of_signature(found: SSHCertificate, authorities: Sequence[HostKey], revoked: Sequence[HostKey]) -> str | None:
    signer = HostKey.read(found.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
    if signer is None or signer not in authorities or signer in revoked:
        return f"it is signed by {signer}, and known is {', '.join(map(str, authorities))}"
    try:
        found.verify_cert_signature()
    except (InvalidSignature, UnsupportedAlgorithm):
        return "its signature is wrong"
    return None


def _fault_of_terms(found: SSHCertificate, address: str, now: float) -> str | None:
    if found.type is not SSHCertificateType.HOST:
        return "it is that of a user"
    if found.critical_options:
        return "it has options that nobody here knows"
    if not found.valid_after <= now < found.valid_before:
        return "it is not valid now"
    names = [name.decode(errors="replace").lower() for name in found.valid_principals]
    if not any(fnmatchcase(address, name.replace("[", "[[]")) for name in names):
        return f"it is for {', '.join(names) or 'nobody'}"
    return None
