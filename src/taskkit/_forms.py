"""The forms of one secret, worked out no sooner than a text has room for one of them, and once for all who hold the secret meanwhile.

Most of what a run says is shorter than any form of what it knows, and one private key logs in for hundreds of runs. What is shared goes
with the last who holds it: nothing here keeps a secret for longer than they do.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from hashlib import blake2b
from threading import Lock
from weakref import WeakValueDictionary

from taskkit.disguises import forms_of, least_of

_SHARING = Lock()


class Forms:
    """Of one secret, the shortest first."""

    __slots__ = ("__weakref__", "_made", "_raw", "least")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        #: No form is shorter.
        self.least = least_of(raw)
        self._made: tuple[tuple[str, ...], tuple[int, ...]] | None = None  # two threads that make them at once make the same

    def is_of(self, raw: bytes) -> bool:
        return self._raw == raw

    def within(self, size: int) -> tuple[str, ...]:
        """Those for which a text of so many characters has room."""
        if size < self.least:
            return ()
        forms, sizes = self._all()
        return forms[: bisect_right(sizes, size)]

    @property
    def longest(self) -> int:
        """How many characters the longest has."""
        return self._all()[1][-1]

    def _all(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        made = self._made
        if made is None:
            forms = tuple(sorted(forms_of(self._raw), key=len))
            made = self._made = forms, tuple(map(len, forms))
        return made


#: By a hash that means nothing outside this process.
_SHARED: WeakValueDictionary[bytes, Forms] = WeakValueDictionary()
_KEY = os.urandom(32)


def shared_forms(raw: bytes) -> Forms:
    """The same object for the same secret, as long as anybody has it."""
    name = blake2b(raw, key=_KEY).digest()
    with _SHARING:
        found = _SHARED.get(name)
        if found is None:
            found = _SHARED[name] = Forms(raw)
    return found
