"""What is a key, and what is an id of one. Errors are answered and not raised, since the frames here hold keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

from taskkit.errors import InvalidValue
from taskkit.secrets import Secret

Key = bytes | bytearray | memoryview | Secret
MAKING = "making a Keyring"
KEY_BYTES = 32
#: Shorter than any key as text, so that a key in the place of an id is refused.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
NO_ID = "an id is 1 to 40 letters, digits, dots, hyphens and underscores, and begins with a letter or digit"


def held(keys: Mapping[str, Key], current: str) -> dict[str, Secret] | InvalidValue:
    if not isinstance(keys, Mapping):
        return InvalidValue(MAKING, f"its keys are a {type(keys).__name__}", "give a mapping from ids to keys")
    if not all(isinstance(id, str) and ID.fullmatch(id) for id in keys):
        return InvalidValue(MAKING, "one of its ids is none, and is not shown, as it may be a key", NO_ID)
    found = {id: secret for id, key in keys.items() if (secret := secret_of(key)) is not None}
    if len(found) < len(keys):
        wrong = next(id for id in keys if id not in found)
        return InvalidValue(MAKING, f"the key {wrong!r} is not {KEY_BYTES} bytes", "give the bytes of Keyring.new_key(), not their text")
    if not isinstance(current, str) or current not in found:
        return InvalidValue(MAKING, "there is no key of the id that is to be current", f"there are {', '.join(sorted(found)) or 'none'}")
    return _twins(found) or found


def _twins(held: Mapping[str, Secret]) -> InvalidValue | None:
    for id, key in held.items():
        other = next((name for name in held if name < id and held[name].same_as(key)), None)
        if other is not None:
            return InvalidValue(MAKING, f"{other!r} and {id!r} are the same key", "a key has one id, and another id another key")
    return None


def secret_of(key: Key) -> Secret | None:
    if isinstance(key, Secret):
        return key if len(key.reveal_bytes()) == KEY_BYTES else None
    if not isinstance(key, bytes | bytearray | memoryview):
        return None
    raw = bytes(key)
    return Secret(raw) if len(raw) == KEY_BYTES else None
