"""Private keys and their certificates, out of texts that the vault keeps."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_identity,
)
from paramiko import AgentKey, ECDSAKey, Message, PKey, RSAKey, SSHException
from paramiko.agent import AgentSSH, get_agent_connection
from paramiko.pkey import PublicBlob

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._stops import Stop
from taskkit.plugins.runs import Run
from taskkit.secrets import Secret

#: Each is a try: a server hangs up after six of them, as a rule.
_MOST_OF_AGENT = 3
#: What an agent is asked, and what it answers (draft-miller-ssh-agent, 5.1).
_WHICH, _THESE = b"\x0b", 12


class Ed25519Key(PKey):
    """paramiko's own is read from a file alone."""

    name = "ssh-ed25519"

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key, self.public_blob = key, None

    def get_name(self) -> str:
        return self.name

    def can_sign(self) -> bool:
        return True

    def asbytes(self) -> bytes:
        return self._named(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).asbytes()

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Message:
        return self._named(self._key.sign(data))

    def _named(self, value: bytes) -> Message:
        message = Message()
        message.add_string(self.name)
        message.add_string(value)
        return message


def key_of(stop: Stop, run: Run) -> PKey | None:
    """The account's private key, with its certificate where there is one."""
    text, settings = stop.login.key, stop.settings
    if text is None:
        return None
    passphrase = stop.login.secrets.get(settings.passphrase)
    for secret in filter(None, (text, passphrase)):
        run.keep(secret)
    made = _opened(text, passphrase)
    if isinstance(made, str):
        raise _refusal(stop, made, f"look at the fields of the key and of its passphrase, {settings.passphrase!r}")
    certificate = _certificate(stop, run)
    if certificate and not _signed(made, certificate):
        raise _refusal(stop, "its certificate is none of this key", f"look at the field {settings.certificate!r}")
    return made


class Unsigned(SSHException):
    """The agent has the key, and makes no signature with it."""


class _KeyOfAgent(AgentKey):
    def sign_ssh_data(self, data: Any, algorithm: Any = None) -> Any:
        try:
            return super().sign_ssh_data(data, algorithm)
        except Exception:  # whatever paramiko made of what it was sent
            raise Unsigned from None


class _Agent(AgentSSH):
    """paramiko's own waits for ever, and takes no comment that is not in UTF-8."""

    def keys(self, seconds: float) -> Iterator[PKey]:
        connection, plain = _connection(seconds), cast(Any, self)
        if connection is None:
            return
        plain._conn = connection
        kind, told = plain._send_message(_WHICH)
        if kind != _THESE:
            raise SSHException
        for _ in range(min(told.get_int(), _MOST_OF_AGENT)):
            blob, _comment = told.get_binary(), told.get_binary()
            yield _KeyOfAgent(plain, blob)

    def close(self) -> None:
        cast(Any, self)._close()


def _connection(seconds: float) -> Any:
    """None where there is no agent. One that hangs lets some come, and the next would wait for ever."""
    path = os.environ.get("SSH_AUTH_SOCK")
    if path is None or sys.platform == "win32":
        return get_agent_connection()
    made = socket.socket(socket.AF_UNIX)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))
    try:
        made.connect(path)
    except OSError as error:
        made.close()
        if isinstance(error, BlockingIOError):
            raise TimeoutError from None
        return None
    made.settimeout(seconds)
    return made


@contextmanager
def keys_of_agent(stop: Stop) -> Iterator[Sequence[PKey]]:
    """The first of those that the agent of this process holds; none where there is no agent."""
    agent, seconds, found = _Agent(), stop.settings.auth_timeout, list[PKey]()
    try:
        late = _asked(agent, seconds, found)
        if late is not None:
            case = f"it did not answer within {seconds:g} s" if late else "it says what no agent says"
            tried, error = "asking the SSH agent of this process for its keys", ErrorClass.TIMEOUT if late else ErrorClass.BAD_CONFIGURATION
            raise HostRefused(tried, case, "start it anew, or leave the setting 'agent' away", error=error)
        yield found
    finally:
        agent.close()


def _asked(agent: _Agent, seconds: float, found: list[PKey]) -> bool | None:
    """Whether it was too late, where it does not tell them."""
    try:
        found.extend(agent.keys(seconds))
    except TimeoutError:
        return True
    except Exception:  # paramiko reads what it is sent, whatever that is
        return False
    return None


def _opened(text: Secret, passphrase: Secret | None) -> PKey | str:
    """The key, or why it does not open. No error gets out of here: one would show the frames in which the key lies in plain."""
    plain = text.reveal_bytes().strip() + b"\n"
    load = load_ssh_private_key if b"BEGIN OPENSSH" in plain else load_pem_private_key
    try:
        try:
            found = load(plain, None)
        except TypeError:
            if passphrase is None:
                return "it is locked by a passphrase, and the vault has none"
            found = load(plain, passphrase.reveal_bytes())
    except (ValueError, NotImplementedError):
        return "it cannot be read, or its passphrase is another one"
    except UnsupportedAlgorithm:
        return "it is of a kind that is not known here"
    return _made(found) or "it is of a kind that nobody takes any more"


def _made(found: Any) -> PKey | None:
    if isinstance(found, Ed25519PrivateKey):
        return Ed25519Key(found)
    if isinstance(found, EllipticCurvePrivateKey):
        return ECDSAKey(vals=(found, found.public_key()))
    return RSAKey(key=found) if isinstance(found, RSAPrivateKey) else None


def _certificate(stop: Stop, run: Run) -> bytes:
    """Whatever it is: what is no text is none of the key, either."""
    name, secrets = stop.settings.certificate, stop.login.secrets
    if name in secrets:
        return run.keep(secrets[name]).reveal_bytes()
    return stop.login.record.fields.get(name, "").encode(errors="replace")


def _signed(key: PKey, certificate: bytes) -> bool:
    """Whether it is the key's; then the key is shown with it from now on."""
    try:
        found = load_ssh_public_identity(certificate.strip())
        blob = PublicBlob.from_string(certificate.decode())
    except (ValueError, UnsupportedAlgorithm, SSHException):
        return False
    if not isinstance(found, SSHCertificate):
        return False
    key.public_blob = blob
    return found.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1].decode() == key.get_base64()


def _refusal(stop: Stop, case: str, help: str) -> HostRefused:
    return stop.refusal(f"reading the private key of {stop.login.user!r} for", case, help, error=ErrorClass.BAD_CONFIGURATION)
