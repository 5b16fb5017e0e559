"""What must not be told: a secret lives for one run and opens only with `.reveal()`, which one can grep for (S1).

Nothing here hides a secret from code that wants it; it keeps one from getting out by accident: by a log line, a dump, a comparison.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, NoReturn, Self, SupportsIndex, final

from taskkit.errors import InvalidValue

MAKING = "making a Secret"
_GIVEN = (str, bytes)  # `str | bytes` would be made anew for each of them


@final
class Secret:
    """A password or key that shows nothing of itself, is never written down and never changes.

    `==` and `hash` go by identity, so that no set, dict or assertion compares contents in passing: `same_as` does, in constant time.
    It is always true, as an empty one is refused; copies of it are itself.
    """

    __slots__ = ("_open",)
    #: A function that holds the bytes, not the bytes: who dumps every slot of an object shows a function.
    _open: Callable[[], bytes]

    def __new__(cls, value: str | bytes) -> Self:
        raw = _raw(value) if isinstance(value, _GIVEN) else None
        if not raw:
            trouble = _trouble(value)
            del value  # who dumps the locals of this frame shows none
            raise trouble
        made = super().__new__(cls)
        object.__setattr__(made, "_open", lambda: raw)
        return made

    def reveal(self) -> str:
        """The secret in plain."""
        text = _text(self._open())
        if text is None:
            raise InvalidValue("revealing a Secret", "its bytes are no UTF-8", "use reveal_bytes()")
        return text

    def reveal_bytes(self) -> bytes:
        """The secret in plain bytes; what was given as text comes in UTF-8."""
        return self._open()

    def same_as(self, other: Secret) -> bool:
        """Whether both hold the same, in a time that does not tell where they differ."""
        if not isinstance(other, Secret):
            raise InvalidValue("comparing a Secret", f"the other is a {type(other).__name__}", "make a Secret of it")
        return hmac.compare_digest(self._open(), other._open())

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("pickling a Secret: it lives for one run and is never written down; keep a reference to its record")


def _trouble(value: object) -> InvalidValue:
    """Why it is no secret; raised where nothing holds it any more."""
    if not isinstance(value, _GIVEN):
        return InvalidValue(MAKING, f"it was given a {type(value).__name__}", "give str or bytes")
    if value:
        return InvalidValue(MAKING, "the text holds half a character (a lone surrogate)", "give the bytes instead")
    return InvalidValue(MAKING, "it is empty", "give None where there is no secret")


# Both answer None instead of raising: a Unicode error carries the whole secret as its `object`, and `from None` would only hide it.


def _raw(value: str | bytes) -> bytes | None:
    try:
        return bytes(value) if isinstance(value, bytes) else str.encode(value)
    except UnicodeEncodeError:
        return None


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
