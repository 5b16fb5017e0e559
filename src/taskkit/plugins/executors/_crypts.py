"""SHA-512 crypt (`$6$`), as the public specification of 2008 says it: what Linux, the BSDs and BusyBox take in the place of a password.

Python has no `crypt` of its own any more.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator

from taskkit.secrets import Secret

_ROUNDS = 5000
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT = 16


def sha512_crypt(secret: Secret, salt: str = "", rounds: int = _ROUNDS) -> Secret:
    """With a salt of its own where none is given. The usual number of rounds is not said in it, as every `crypt` knows it."""
    salt = (salt or "".join(secrets.choice(_ALPHABET) for _ in range(_SALT)))[:_SALT]
    key, grain = secret.reveal_bytes(), salt.encode()
    told = "" if rounds == _ROUNDS else f"rounds={rounds}$"
    return Secret(f"$6${told}{salt}${_encoded(_stretched(key, grain, rounds))}")


def _stretched(key: bytes, salt: bytes, rounds: int) -> bytes:
    digest = _first(key, salt)
    p = _filled(_sha(key * len(key)), len(key))
    s = _filled(_sha(salt * (16 + digest[0])), len(salt))
    for turn in range(rounds):
        said = p if turn & 1 else digest
        said += s if turn % 3 else b""
        said += p if turn % 7 else b""
        digest = _sha(said + (digest if turn & 1 else p))
    return digest


def _first(key: bytes, salt: bytes) -> bytes:
    other = _sha(key + salt + key)
    said = key + salt + _filled(other, len(key))
    bits = len(key)
    while bits:
        said += other if bits & 1 else key
        bits >>= 1
    return _sha(said)


def _sha(said: bytes) -> bytes:
    return hashlib.sha512(said).digest()


def _filled(digest: bytes, size: int) -> bytes:
    return (digest * (size // len(digest) + 1))[:size]


def _encoded(digest: bytes) -> str:
    """Three bytes from three thirds at a time, whose places go round; the last stands alone."""
    places = [(number, number + 21, number + 42) for number in range(21)]
    groups = [(digest[a], digest[b], digest[c]) for a, b, c in (_turned(place, number % 3) for number, place in enumerate(places))]
    return "".join(letter for a, b, c in groups for letter in _letters(a << 16 | b << 8 | c, 4)) + "".join(_letters(digest[63], 2))


def _turned(place: tuple[int, int, int], by: int) -> tuple[int, int, int]:
    a, b, c = place[by:] + place[:by]
    return a, b, c


def _letters(number: int, how_many: int) -> Iterator[str]:
    for _ in range(how_many):
        yield _ALPHABET[number & 63]
        number >>= 6
