"""The forms of one secret, worked out no sooner than a text has room for one of them, and once for all who hold the secret meanwhile.

Most of what a run says is shorter than any form of what it knows, and one private key logs in for hundreds of runs. What is shared goes
with the last who holds it: nothing here keeps a secret for longer than they do.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock
from weakref import WeakValueDictionary

from taskkit._joins import Form, Row, each_squeezed, span
from taskkit.disguises import forms_of, least_of, rows_of

_SHARING = Lock()
#: So many are compared with each other.
_MANY = 64


class Forms:
    """Of one secret."""

    __slots__ = ("_found", "_raw", "least")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        #: No form is shorter.
        self.least = least_of(raw)
        self._found: _Found | None = None

    def is_of(self, raw: bytes) -> bool:
        return self._raw == raw

    def within(self, squeezed: str) -> Sequence[Form | Row]:
        """Those that a text may hold that squeezes to this: mostly none, of hundreds."""
        found, size = self._all(), len(squeezed)
        keys = found.keys if size >= found.longest_key else found.keys[: bisect_right(found.keys, size, key=len)]
        there = [key for key in keys if key in squeezed]
        return [form for key in there for form in found.of[key]] if there else ()

    @property
    def span(self) -> int:
        """How many characters the longest takes, however far apart they stand."""
        return self._all().span

    def _all(self) -> _Found:
        found = self._found
        if found is None:
            found = self._found = _shared(self._raw)
        return found


class _Found:
    """Worked out, for all who hold the secret. `of` has the forms by a part of what they squeeze to: where that is not, none of them is."""

    __slots__ = ("__weakref__", "keys", "longest_key", "of", "span")

    def __init__(self, raw: bytes) -> None:
        texts = [*forms_of(raw)]
        forms: list[Form | Row] = [*map(Form, texts, each_squeezed(texts)), *(Row(written, every=every) for written, every in rows_of(raw))]
        forms.sort(key=lambda form: len(form.key))
        self.of: dict[str, list[Form | Row]] = {}
        for form in forms:
            self.of.setdefault(self._part(form.key), []).append(form)
        self.keys = [*self.of]
        self.longest_key = len(self.keys[-1])
        self.span = span(max(len(forms[-1].key), *map(len, texts)))

    def _part(self, key: str) -> str:
        for part in self.of if len(self.of) < _MANY else ():
            if part in key:
                return part
        return key


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
