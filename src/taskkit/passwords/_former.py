"""Passwords that were: what a new one is compared with, as secrets or as keyed hashes of which nobody reads them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, final

from taskkit.errors import InvalidValue, Refused
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from taskkit.keyrings import Keyring

MAKING = "making FormerPasswords"
#: For this the hashes get a key of their own.
PURPOSE = "former passwords"
_PRINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}:[0-9a-f]{64}", re.ASCII)


@final
class FormerPasswords:
    """Of an account, the newest first: Secrets, or hashes that `print_of` made with a keyring. It shows none of them."""

    __slots__ = ("_account", "_keyring", "_passwords")
    _passwords: tuple[Secret | str, ...]

    def __init__(self, passwords: Iterable[Secret | str] | Secret = (), *, keyring: Keyring | None = None, account: str = "") -> None:
        self._passwords, self._keyring, self._account = _several(passwords), keyring, account
        trouble = _trouble(self._passwords, keyring, account)
        if trouble is not None:
            del passwords, keyring  # who dumps the locals of this frame shows none
            raise trouble

    def print_of(self, secret: Secret) -> str:
        """A hash to keep: with the key that is current, whose id stands in front."""
        if self._keyring is None:
            raise Refused(
                "hashing a password", "there is no keyring", "give FormerPasswords(…, keyring=…): nothing is hashed without a key"
            )
        return f"{self._keyring.current}:{self._hash(self._keyring, self._keyring.current, secret)}"

    def holds(self, secret: Secret, last: int) -> bool:
        """Whether it is one of the newest so many; MissingKey where a hash needs a key that is not there."""
        hashes: dict[str, str] = {}
        return any(self._is(secret, one, hashes) for one in self._passwords[:last])

    def _behind(self, secrets: Iterable[Secret]) -> FormerPasswords:
        """With these in front, newer than all; hashes of them go, as none is to count twice."""
        newer, rest = tuple(secrets), self._passwords
        for secret in newer:
            hashes: dict[str, str] = {}
            rest = tuple(one for one in rest if not self._is(secret, one, hashes))
        return FormerPasswords((*newer, *rest), keyring=self._keyring, account=self._account)

    def _is(self, secret: Secret, former: Secret | str, hashes: dict[str, str]) -> bool:
        if isinstance(former, Secret):
            return former.same_as(secret)
        id, _, kept = former.partition(":")
        if id not in hashes and self._keyring is not None:
            hashes[id] = self._hash(self._keyring, id, secret)
        return hmac.compare_digest(hashes[id], kept)

    def _hash(self, keyring: Keyring, id: str, secret: Secret) -> str:
        """The account goes into it: who reads the hashes does not see which accounts have the same password."""
        account = self._account.encode("utf-8", "surrogatepass")
        key = Secret(keyring.derived(PURPOSE, id))
        place = len(account).to_bytes(4, "big") + account
        return hmac.new(key.reveal_bytes(), place + secret.reveal_bytes(), hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return f"FormerPasswords(<{len(self._passwords)}>)"


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes) else (given,)


# Both answer an error instead of raising it: what is no hash may be a password, and no frame that an error shows may hold one.


def former_of(given: object) -> FormerPasswords | InvalidValue:
    if isinstance(given, FormerPasswords):
        return given
    found = _several(given)
    return _trouble(found, None, "") or FormerPasswords(found)


def _trouble(passwords: tuple[object, ...], keyring: object, account: object) -> InvalidValue | None:
    if not isinstance(account, str):
        return InvalidValue(MAKING, f"the account is a {type(account).__name__}", "give the text by which the vault knows it")
    if keyring is not None and not _is_keyring(keyring):
        return InvalidValue(MAKING, f"the keyring is a {type(keyring).__name__}", "give the Keyring of your engine")
    hashes = [one for one in passwords if not isinstance(one, Secret)]
    if not all(isinstance(one, str) and _PRINT.fullmatch(one) for one in hashes):
        return InvalidValue(MAKING, "one is neither a Secret nor a hash, and is not shown", "make a Secret of it, or give print_of(…)")
    if hashes and keyring is None:
        return InvalidValue(MAKING, "there are hashes and no keyring", "give the keyring that made them: FormerPasswords(…, keyring=…)")
    return None


def _is_keyring(given: object) -> bool:
    from taskkit.keyrings import Keyring  # it loads what only a product with a keyring needs

    return isinstance(given, Keyring)
