"""What taskkit keeps of its own that is secret, sealed so that only its key opens it, and only in the place it belongs to (S6).

A sealed value is `tks`, a byte for the form, the length of the key's id, the id, a nonce and the ciphertext of AES-256-GCM with its tag.
All before the nonce, and the place behind it, is associated data. The key that seals is drawn from the key of the ring by HKDF, as all
derived keys are, so no key has two uses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self, SupportsIndex, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from taskkit._key_files import contents_of, lines_of, placed, read_lines
from taskkit._keys import ID, KEY_BYTES, NO_ID, Key, held, secret_of
from taskkit._paths import unfit
from taskkit.errors import BadSeal, InvalidValue, MissingKey, Refused
from taskkit.secrets import Secret

NONCE_BYTES = 12
TAG_BYTES = 16
#: Name and form of what is sealed: a later form has another last byte.
_FORM = b"tks\x01"
_NAMED = len(_FORM)


def place_of(*parts: str | int) -> str:
    """One place of several parts: other parts are another place, wherever one ends and the next begins."""
    return f"[{','.join([_quoted(part) if type(part) is str else json.dumps(part) for part in parts])}]"


#: As `json.dumps` writes a text, without the encoder that it makes for each.
_quoted = json.encoder.encode_basestring_ascii


@final
class Keyring:
    """Keys by id, one of which seals while all open. It shows none of them, never changes and is not written down but by `write_file`.

    `==` goes by identity, as that of a `Secret` does; copies are itself.
    """

    __slots__ = ("_ciphers", "_keys", "current")
    #: The id of the key that seals.
    current: str
    _keys: Mapping[str, Secret]
    #: Of keys that were used: to draw one takes as long as to open a value with it.
    _ciphers: dict[str, AESGCM]

    def __new__(cls, keys: Mapping[str, Key], current: str) -> Self:
        found = held(keys, current)
        if isinstance(found, InvalidValue):
            del keys, current  # who dumps the locals of this frame shows none
            raise found
        made = super().__new__(cls)
        object.__setattr__(made, "_keys", MappingProxyType(found))
        object.__setattr__(made, "_ciphers", {})
        object.__setattr__(made, "current", current)
        return made

    @staticmethod
    def new_key() -> Secret:
        """A new key, from the system's secure source."""
        return Secret(os.urandom(KEY_BYTES))

    @classmethod
    def generate(cls, id: str) -> Self:
        """A keyring of one new key."""
        return cls({id: cls.new_key()}, id)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all keys, in order."""
        return tuple(sorted(self._keys))

    # other keyrings

    def add(self, id: str, key: Key, *, current: bool = True) -> Keyring:
        """With a further key, which seals from now on; with `current=False` it only opens, until every process has it."""
        secret = secret_of(key) or b""
        del key  # as above
        if id in self._keys:
            raise Refused(f"adding the key {id!r}", "there is one of this id, and what it sealed would be lost", "choose another id")
        return Keyring({**self._keys, id: secret}, id if current else self.current)

    def with_current(self, id: str) -> Keyring:
        """With another one of its keys to seal."""
        self._key(id, "making another key the current one")
        return Keyring(self._keys, id)

    def retired(self, id: str) -> Keyring:
        """Without a key: what it sealed and nobody has sealed anew is lost."""
        self._key(id, "retiring a key")
        if id == self.current:
            raise Refused(f"retiring the key {id!r}", "it is the current one", "make another one current, and seal all anew, first")
        return Keyring({name: key for name, key in self._keys.items() if name != id}, self.current)

    # sealing

    def seal(self, plain: bytes, place: str) -> bytes:
        """Sealed with the current key; the same never looks the same twice."""
        is_placed = isinstance(place, str) and place
        if not is_placed or not isinstance(plain, bytes):
            trouble = _misplaced() if isinstance(plain, bytes) else _unsealable(plain)
            del plain
            raise trouble
        head = _FORM + bytes([len(self.current)]) + self.current.encode()
        nonce, beside = os.urandom(NONCE_BYTES), head + _encoded(place)
        return head + nonce + self._cipher(self.current).encrypt(nonce, plain, beside)

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed, where the value lies in the place it was sealed for."""
        head, id = _headed(sealed)
        if id not in self._keys:
            raise MissingKey("opening a sealed value", id, self.ids)
        if not isinstance(place, str) or not place:
            raise _misplaced()
        plain = self._opened(id, sealed, len(head), head + _encoded(place))
        if plain is None:
            case = f"it was damaged, moved from another place, or sealed with another key {id!r}"
            raise BadSeal(f"opening a sealed value at {place}", case, "look for who changed it, or bring it back from a copy")
        return plain

    def key_of(self, sealed: bytes) -> str:
        """The id of the key that opens it."""
        return _headed(sealed)[1]

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the key that seals now."""
        return self.key_of(sealed) == self.current

    def resealed(self, sealed: bytes, place: str) -> bytes:
        """The same under the current key."""
        return self.seal(self.open(sealed, place), place)

    def derived(self, purpose: str, id: str | None = None) -> bytes:
        """A key of 32 bytes for one purpose, always the same for the same key; by default of the current one."""
        if not isinstance(purpose, str) or not purpose:
            raise InvalidValue("deriving a key", "it has no purpose", "give a text that nothing else uses, such as 'facts'")
        return self._drawn(self._key(self.current if id is None else id, f"deriving a key for {purpose!r}"), b"for:" + _encoded(purpose))

    def _opened(self, id: str, sealed: bytes, start: int, beside: bytes) -> bytes | None:
        """None instead of an error: that one would be chained to what is raised, with all that its frame holds."""
        try:
            return self._cipher(id).decrypt(sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :], beside)
        except InvalidTag:
            return None

    def _cipher(self, id: str) -> AESGCM:
        found = self._ciphers.get(id)
        if found is None:
            found = self._ciphers[id] = AESGCM(self._drawn(self._keys[id], b"seal"))
        return found

    @staticmethod
    def _drawn(key: Secret, info: bytes) -> bytes:
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"taskkit keyring 1:" + info).derive(key.reveal_bytes())

    def _key(self, id: str, tried: str) -> Secret:
        if not isinstance(id, str) or not ID.fullmatch(id):
            raise InvalidValue(tried, "what it was given is no id, and is not shown, as it may be a key", NO_ID)
        if id not in self._keys:
            raise MissingKey(tried, id, self.ids)
        return self._keys[id]

    # files

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Keyring:
        """The keys of a file that nobody else can read: a line for each, with its id, the key in base64, and `current` behind one."""
        found = unfit(path, "reading a keyring") or _in_file(Path(path))
        if not isinstance(found, Keyring):
            raise found
        return found

    def write_file(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        """As `from_file` reads it, at no moment open to others, and whole or not at all.

        What is there already is kept, as its keys may be nowhere else, unless it is to be replaced.
        """
        trouble = unfit(path, "writing a keyring") or placed(Path(path), lambda: lines_of(self._keys, self.current), replace=replace)
        if trouble is not None:
            raise trouble

    # what it does not show

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.ids)}; current {self.current})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Keyring does not change: add and retired answer another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Keyring does not change: add and retired answer another one")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("pickling a Keyring: keys are written by write_file alone")


# These answer an error, or None, instead of raising it: no frame that an error shows may hold a key.


def _in_file(path: Path) -> Keyring | Refused | InvalidValue:
    text = contents_of(path)
    if not isinstance(text, bytes):
        return text
    found = read_lines(path, text)
    if not isinstance(found, tuple):
        return found
    keys = held(*found)
    if isinstance(keys, InvalidValue):
        return InvalidValue(f"reading the keyring {str(path)!r}", keys.case, keys.help)
    return Keyring(keys, found[1])


def _headed(sealed: object) -> tuple[bytes, str]:
    """What stands before the nonce, and the id in it."""
    if isinstance(sealed, bytes) and sealed[:_NAMED] == _FORM and len(sealed) > _NAMED:
        head = sealed[: _NAMED + 1 + sealed[_NAMED]]
        id = _id_of(head)
        if id is not None and len(sealed) >= len(head) + NONCE_BYTES + TAG_BYTES:
            return head, id
    raise BadSeal("reading a sealed value", "it has not the form of one", "it was damaged, or written by a newer version")


@lru_cache(maxsize=64)
def _id_of(head: bytes) -> str | None:
    """Read once: thousands of values were sealed with one key."""
    id = head[_NAMED + 1 :].decode("ascii", "replace")
    return id if len(head) == _NAMED + 1 + head[_NAMED] and ID.fullmatch(id) else None


def _unsealable(plain: object) -> InvalidValue:
    return InvalidValue("sealing a value", f"it is a {type(plain).__name__}", "give bytes")


def _misplaced() -> InvalidValue:
    return InvalidValue("naming the place of a sealed value", "it is none", "give a text, such as place_of('memo', job)")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
