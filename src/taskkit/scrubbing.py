"""Takes the secrets of a run out of whatever the run says (S1).

A secret seldom comes back as it was sent, so the scrubber looks for all forms that `disguises` knows. Every character of every
occurrence goes, also where occurrences overlap: replacing one after the other would leave the tail of the second.

Forms are sought one by one with `str.find`: the thirty to two hundred of a password take some 20 ms for a megabyte. One regular expression
of as many branches takes twice that on long texts, 5 ms to compile for a password and more than a second for a private key. It wins on
short texts only, and for most of these no form is short enough.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NoReturn, SupportsIndex

from taskkit._forms import Forms
from taskkit._joins import Joined, squeezed
from taskkit._readings import FILLER, readings
from taskkit.disguises import is_short
from taskkit.errors import InvalidValue
from taskkit.secrets import Secret

REPLACED = "[secret]"
WITHHELD = "[output withheld: it may hold a short secret]"
_ADDING = Lock()
#: Longer lines are no lines of a dump.
_LINE = 160


class Scrubber:
    """Holds the secrets of one run; any thread may add one or scrub."""

    __slots__ = ("_held", "_known", "_least", "_short")

    def __init__(self, *secrets: Secret) -> None:
        self._held: tuple[Forms, ...] = ()  # replaced as a whole, so that readers need no lock
        #: The same by a hash of the secret: most that are added are there already, as each reading of the vault brings them again.
        self._known: dict[int, Forms] = {}
        #: A shorter text has nothing to be looked for.
        self._least = sys.maxsize
        self._short = False
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return "Scrubber(…)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("pickling a Scrubber: it holds secrets, which are never written down")

    def add(self, secret: Secret) -> None:
        """Scrub this one too from now on; what a stream has already given out stays out."""
        if not isinstance(secret, Secret):
            raise InvalidValue("adding to a Scrubber", f"it was given a {type(secret).__name__}", "make a Secret of it")
        raw = secret.reveal_bytes()
        known = self._known.get(hash(raw))
        if known is None or not known.is_of(raw):
            self._add(raw)

    def _add(self, raw: bytes) -> None:
        forms = None if is_short(raw) else Forms(raw)
        with _ADDING:
            if forms is None:
                self._short, self._least = True, 1
            elif not any(one.is_of(raw) for one in self._held):
                self._held += (forms,)
                self._least = min(self._least, forms.least)
                self._known[hash(raw)] = forms  # last: from here on nobody else adds it

    @property
    def knows(self) -> int:
        """How many secrets it looks for; of short ones, which withhold all, one."""
        return len(self._held) + self._short

    def scrub(self, text: str) -> str:
        """The text without any secret in any form; withheld where the run holds a short one."""
        if len(text) < self._least:
            return text
        return WITHHELD if self._short else _hidden(text, self._held, len(text))[0]

    def scrub_deep(self, value: object) -> Any:
        """A JSON-like value without any secret, in its keys too; what is not JSON-like becomes its scrubbed text."""
        if isinstance(value, str):
            return self.scrub(value)
        if value is None or isinstance(value, bool):
            return value
        if type(value) is dict:  # as most are; the kinds are asked for one by one otherwise
            return self._scrub_items(value)
        if isinstance(value, bytes | bytearray):  # latin-1: a character is a byte, so that no neighbour swallows a secret's first
            return self.scrub(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, Mapping):
            return self._scrub_items(value)
        if isinstance(value, list | tuple):
            return [*map(self.scrub_deep, value)] if isinstance(value, list) else tuple(map(self.scrub_deep, value))
        return self._scrub_other(value)

    def _scrub_other(self, value: object) -> Any:
        text = _said(value)
        scrubbed = self.scrub(text)
        # A number stays one, unless its digits are a secret: a PIN is often read as a number.
        return value if isinstance(value, int | float) and scrubbed == text else scrubbed or type(value).__name__

    def _scrub_items(self, items: Mapping[Any, Any]) -> dict[Any, Any]:
        scrubbed: dict[Any, Any] = {}
        numbers: dict[Any, int] = {}
        for key, value in items.items():
            name = new = self.scrub(key) if type(key) is str else self._scrub_key(key)
            while new in scrubbed:  # two keys that differed in their secrets only: neither value is lost
                numbers[name] = numbers.get(name, 1) + 1
                new = f"{name} ({numbers[name]})"
            scrubbed[new] = self.scrub_deep(value)
        return scrubbed

    def _scrub_key(self, key: object) -> Any:
        return self.scrub_deep(key if isinstance(key, str | int | float | None) else _said(key))

    def stream(self) -> Stream:
        """For output that comes in pieces."""
        return Stream(self)


class Stream:
    """Scrubs output that comes in pieces; together they say what `scrub` says of the whole."""

    __slots__ = ("_covered", "_kept", "_scrubber", "_withheld")

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._kept = ""  # may be the beginning of a secret
        self._covered = 0  # so much of `_kept` belongs to a secret that has been replaced already
        self._withheld = False

    def feed(self, piece: str) -> str:
        """What can be said by now; the rest is kept back, less than the longest form."""
        return self._say(piece, is_last=False)

    @property
    def back(self) -> int:
        """How many characters a secret may stand before the last one that is looked at."""
        return max((forms.span for forms in self._scrubber._held), default=1) - 1

    def leap(self, text: str) -> int:
        """Go on with `text` after a gap; so many characters of its beginning may be the end of a secret, and are not said."""
        self._kept, self._covered = text, min(len(text), self.back)
        return self._covered

    def forget(self) -> None:
        """Begin anew: what was fed so far is not said any more."""
        self._kept, self._covered, self._withheld = "", 0, False

    def finish(self, last: str = "") -> str:
        """What was kept back, and a last piece; none follows."""
        return self._say(last, is_last=True)

    def _say(self, piece: str, *, is_last: bool) -> str:
        text = self._kept + piece
        if not text:
            return text
        if self._scrubber._short:
            return self._withhold(text)
        held = self._scrubber._held
        cut = len(text) if is_last else self._cut(text, held)
        said, end = _hidden(text, held, cut, self._covered) if cut else ("", 0)
        self._kept, self._covered = text[cut:], max(0, end - cut, self._covered - cut)
        return said

    def _ready(self, size: int, held: Sequence[Forms]) -> int:
        """Up to where it can be said what is secret; of less than any form that is nothing, and takes no forms to say."""
        return 0 if any(size < forms.least for forms in held) else max(0, size - self.back)

    def _cut(self, text: str, held: Sequence[Forms]) -> int:
        """The same, at the end of a line, as some are read as a whole."""
        ready = self._ready(len(text), held)
        return text.rfind("\n", max(0, ready - _LINE), ready) + 1 or ready if held else ready

    def _withhold(self, text: str) -> str:
        said = WITHHELD if text and not self._withheld else ""
        self._kept, self._covered, self._withheld = "", 0, self._withheld or bool(text)
        return said


def told(error: BaseException, scrubber: Scrubber) -> str:
    """All that crosses the border of a foreign error: its type and scrubbed text, no frame, no cause, no context (S1)."""
    name, text = type(error).__name__, _said(error)
    return f"{name}: {writable(scrubber.scrub(text))}" if text else name


def writable(text: str) -> str:
    """Without what no store takes: NUL, and halves of characters."""
    text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # foreign code: a text that cannot be had is none
        return ""


# Finding and replacing


def _hidden(text: str, held: Sequence[Forms], cut: int, covered: int = 0) -> tuple[str, int]:
    """The text up to `cut` with each cover replaced, and where the last one ends; that of the first `covered` has been said."""
    said, at = [], 0
    for start, end in _covers(text, held, covered):
        if start >= cut:
            break
        if start or not covered:
            said += [text[at:start], REPLACED]
        at = end
    return "".join([*said, text[at:cut]]), at


def _covers(text: str, held: Sequence[Forms], covered: int) -> list[tuple[int, int]]:
    """What the occurrences of all forms cover, in order; those that overlap are one."""
    joined = [(0, covered)] if covered else []
    places = [place for reading in readings(text) for place in _places(reading, held, reading is text)] if held else []
    for start, end in sorted(places):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _places(text: str, held: Sequence[Forms], is_text: bool) -> Sequence[tuple[int, int]]:
    size, short = len(text), squeezed(text)
    there = [form for forms in held if size >= forms.least for form in forms.within(short)]
    if not there:
        return ()
    joined = Joined(text, short)
    places = [place for form in there for place in form.places(joined)]
    return places if is_text else [(_begin(text, start), end) for start, end in places]


def _begin(reading: str, start: int) -> int:
    """Of the escape that says the first character."""
    while start and reading[start - 1] == FILLER:
        start -= 1
    return start
