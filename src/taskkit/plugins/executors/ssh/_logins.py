"""How somebody is let in."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO

from paramiko import AuthenticationException, ECDSAKey, Ed25519Key, PKey, RSAKey, SSHException, Transport

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.kinds import Host, Login
from taskkit.secrets import Secret

_KINDS: tuple[type[PKey], ...] = (Ed25519Key, ECDSAKey, RSAKey)


def let_in(transport: Transport, host: Host, login: Login, settings: SshSettings) -> None:
    """One way, once: each wrong try brings the account nearer to being locked (S5)."""
    tried = f"logging in to {host.address!r} as {login.user!r}"
    try:
        if login.key is not None:
            transport.auth_publickey(login.user, _key(login.key))
        elif login.secret is not None:
            transport.auth_password(login.user, login.secret.reveal())
        else:
            raise HostRefused(tried, "the vault has neither password nor key for it", error=ErrorClass.BAD_CONFIGURATION)
    except AuthenticationException:
        raise HostRefused(tried, "it was refused", "look at the secret", error=ErrorClass.WRONG_CREDENTIALS) from None
    except (SSHException, EOFError, OSError) as error:
        raise HostRefused(tried, str(error) or type(error).__name__, error=ErrorClass.UNREACHABLE) from None


def _key(text: Secret) -> PKey:
    for kind in _KINDS:
        with suppress(SSHException):
            return kind.from_private_key(StringIO(text.reveal()))
    raise HostRefused("reading the private key", "it is none that is known here", error=ErrorClass.BAD_CONFIGURATION)
