"""Finds a form whose characters stand apart: wrapped into lines, indented, quoted in another way, coloured, listed byte by byte (S1).

A form and a text are *squeezed* to their letters and digits of ASCII, in lower case. However the form stands in the text, it then stands in
one piece there; and hardly any does. Only for those it is asked what stands between their characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from taskkit._readings import FILLER

_LOWER = bytes(range(256)).lower()
_LEFT_OUT = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))
#: What has fewer of them than this stands in too many texts by chance.
_FEWEST = 4
_STEP = re.compile(r"([^0-9A-Za-z]*)([0-9A-Za-z])")
_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
#: The end of a line with what programs put around it: quotes, marks of continuation, indentation, marks of diff, of comments, of mail.
_BREAK = re.compile(rf"[ \t\"'`]*[+.,&\\=^_|$]?[ \t]*(?:[{_ENDS}][ \t]*)+[#>|+*/;.&-]*[ \t]*[\"'`]*")
#: What programs quote by.
_QUOTES = str.maketrans("", "", "\\'\"^`")
_LOOSE = frozenset(f"\\'\"^` \t={FILLER}{_ENDS}")
#: More than that stands between two characters for other reasons.
_WIDEST = 256
_BLOCK = 256
#: How much further apart than in one piece characters may stand: each a little, all together no more than that.
_EACH, _ALL, _ONE = 7, 4096, 160


def squeezed(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").translate(_LOWER, _LEFT_OUT).decode("ascii")


def each_squeezed(texts: Iterable[str]) -> list[str]:
    """All of them at once: a byte that no text has stands between them."""
    joined = b"\xff".join(text.encode("utf-8", "surrogatepass") for text in texts)
    return joined.translate(_LOWER, _LEFT_OUT.replace(b"\xff", b"")).decode("latin-1").split("\xff")


class Joined:
    """One reading of a text, and where what is found in it squeezed stands."""

    def __init__(self, text: str, squeezed: str) -> None:
        self.text = text
        self._squeezed = squeezed
        self._found: dict[str, Sequence[tuple[int, int]]] = {}
        self._block = -1, list[int]()

    def apart(self, key: str) -> Sequence[tuple[int, int]]:
        """Where all that squeezes to it begins and ends, but for what is nothing but this."""
        found = self._found.get(key)
        if found is None:
            squeezed, whole = [*found_in(self._squeezed, key)], [*found_in(self._lower, key)]
            places = [(self._where(start), self._where(end - 1) + 1) for start, end in squeezed] if len(squeezed) > len(whole) else ()
            found = self._found[key] = [(start, end) for start, end in places if end - start > len(key)]
        return found

    @cached_property
    def _lower(self) -> str:
        return self.text.lower()

    def _where(self, index: int) -> int:
        number = bisect_right(self._starts, index) - 1
        if self._block[0] != number:
            start = number * _BLOCK
            block = self.text[start : start + _BLOCK]
            self._block = number, [at for at, char in enumerate(block, start) if char.isascii() and char.isalnum()]
        return self._block[1][index - self._starts[number]]

    @cached_property
    def _starts(self) -> list[int]:
        sizes = (len(squeezed(self.text[at : at + _BLOCK])) for at in range(0, len(self.text), _BLOCK))
        return [0, *accumulate(sizes)]


class Form:
    """One form of a secret, in one piece or apart."""

    __slots__ = ("_text", "key")

    def __init__(self, text: str, key: str) -> None:
        self._text, self.key = text, key

    def places(self, joined: Joined) -> Iterator[tuple[int, int]]:
        yield from found_in(joined.text, self._text)
        if len(self.key) >= _FEWEST and (apart := joined.apart(self.key)):
            yield from self._apart(joined.text, apart)

    def _apart(self, text: str, places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        lead, core, trail = self._cut()
        own, most = _STEP.findall(core), span(len(self._text))
        for start, end in places:
            if end - start > most or (len(core) == end - start and text.startswith(core, start)):
                continue
            if all(map(_follows, own, _STEP.findall(text, start, end))):
                before, after = _beside(lead[::-1], text[max(0, start - most) : start][::-1]), _beside(trail, text[end : end + most])
                if before is not None and after is not None and before + end - start + after <= most:
                    yield start - before, end + after

    def _cut(self) -> tuple[str, str, str]:
        """What it has before its first letter or digit of ASCII, and behind the last."""
        found = [match.end() - 1 for match in _STEP.finditer(self._text)]
        first, last = found[0], found[-1] + 1
        return self._text[:first], self._text[first:last], self._text[last:]


class Row:
    """The bytes of a secret one by one, each written so, with something between any two of them, or where it does not say `every` some."""

    __slots__ = ("_every", "_written", "key")

    def __init__(self, written: Sequence[str], *, every: bool) -> None:
        self._written, self._every = written, every
        self.key = "".join(written).lower()

    def places(self, joined: Joined) -> Iterator[tuple[int, int]]:
        most = span(len(self.key))
        return ((start, end) for start, end in joined.apart(self.key) if end - start <= most and self._stands(joined.text[start:end]))

    def _stands(self, text: str) -> bool:
        at, steps = 0, _STEP.findall(text)
        for number, written in enumerate(self._written):
            gaps = [gap for gap, _ in steps[at : at + len(written)]]
            if any(gaps[1:]) or (self._every and number and not gaps[0]):
                return False
            at += len(written)
        return True


def found_in(text: str, form: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def span(size: int) -> int:
    """How many characters a form of so many takes at most."""
    return size + min(_EACH * size, _ALL) + _ONE


def _follows(own: tuple[str, str], found: tuple[str, str]) -> bool:
    return own == found or (own[1] == found[1] and _fits(own[0], found[0].replace(FILLER, "")))


def _beside(own: str, found: str) -> int | None:
    """How much of what stands beside them is the form's; None where it is another. What programs quote by may be there or not."""
    at = taken = 0
    for char in own:
        if char in _LOOSE:
            continue
        while found[at : at + 1] not in ("", char) and found[at] in _LOOSE:
            at += 1
        if found[at : at + 1] != char:
            return None
        at = taken = at + 1
    return taken


def _fits(own: str, gap: str) -> bool:
    """Whether what stands between two characters may stand for what stands there in the form."""
    if gap == own or (own and gap.translate(_QUOTES) == own.translate(_QUOTES)):
        return True
    if own and _BREAK.fullmatch(own):
        return not gap or (len(gap) <= _WIDEST and _BREAK.fullmatch(gap) is not None)
    if len(gap) > _WIDEST or not any(end in gap for end in _ENDS):
        return False
    for at in range(len(own) + 1):
        before, after = own[:at].rstrip(), own[at:].lstrip()
        if gap.startswith(before) and gap.endswith(after) and _BREAK.fullmatch(gap, len(before), len(gap) - len(after)):
            return True
    return False
