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

    __slots__ = ("_found", "_raw", "least")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        #: No form is shorter.
        self.least = least_of(raw)
        self._found: _Found | None = None

    def is_of(self, raw: bytes) -> bool:
        return self._raw == raw

    def within(self, size: int) -> tuple[str, ...]:
        """Those for which a text of so many characters has room."""
        if size < self.least:
            return ()
        found = self._all()
        return found.forms[: bisect_right(found.sizes, size)]

    @property
    def longest(self) -> int:
        """How many characters the longest has."""
        return self._all().sizes[-1]

    def _all(self) -> _Found:
        found = self._found
        if found is None:
            found = self._found = _shared(self._raw)
        return found


class _Found:
    """Worked out, for all who hold the secret."""

    __slots__ = ("__weakref__", "forms", "sizes")

    def __init__(self, raw: bytes) -> None:
        self.forms = tuple(sorted(forms_of(raw), key=len))
        self.sizes = tuple(map(len, self.forms))


#: By a hash that means nothing outside this process.
_SHARED: WeakValueDictionary[bytes, _Found] = WeakValueDictionary()
_KEY = os.urandom(32)


def _shared(raw: bytes) -> _Found:
    """The same object for the same secret, as long as anybody has it; nobody waits for another one's secret to be worked out."""
    name = blake2b(raw, key=_KEY).digest()
    with _SHARING:
        found = _SHARED.get(name)
    if found is None:
        made = _Found(raw)  # two threads that make them at once make the same
        with _SHARING:
            found = _SHARED.setdefault(name, made)
    return found
