"""Takes the secrets of a run out of whatever the run says (S1).

A secret seldom comes back as it was sent: a host echoes it quoted, a library puts it into a URL or a header, Windows doubles its bytes.
So the scrubber looks for *forms*: each encoding of the secret, each reading of these bytes as text, each spelling of such a text, and what
travels as ASCII (base64, hex, percent). One layer deep, plus base64 inside a URL or JSON; further nesting is not looked for.
Every character of every occurrence goes, also where occurrences overlap: replacing one after the other would leave the tail of the second.

Forms are sought one by one with `str.find`: the thirty to two hundred of a password take some 20 ms for a megabyte. One regular expression
of as many branches takes twice that on long texts, 5 ms to compile for a password and more than a second for a private key; it wins on
short texts only (2 against 20 µs), and a run does not say so many.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, NoReturn, SupportsIndex
from urllib.parse import quote, quote_plus

from taskkit.errors import InvalidValue
from taskkit.secrets import Secret

REPLACED = "[secret]"
WITHHELD = "[output withheld: it may hold a short secret]"
#: A shorter one is found in too many innocent words, and what is left around it would give it away.
SHORTEST = 6

#: What is left alone by quote(safe=""), by quote(), by encodeURIComponent, and by encodeURI and requests.
SAFE = ("", "/", "!*'()", "!#$&'()*+,/:;=?@[]~")
#: What is written as \uXXXX, beside what JSON asks for, by Go, by PowerShell 5 and by .NET.
ESCAPED = ("", "<>&", "<>&'", "<>&'+`")
BASE64_LINES = (64, 76)


class Scrubber:
    """Holds the secrets of one run; any thread may add one or scrub."""

    __slots__ = ("_forms", "_lock", "_short")

    def __init__(self, *secrets: Secret) -> None:
        self._lock = Lock()
        self._forms: tuple[str, ...] = ()  # longest first; replaced as a whole, so that readers need no lock
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
        if _is_short(secret.reveal_bytes()):
            self._short = True
            return
        new = _forms(secret.reveal_bytes())
        with self._lock:
            self._forms = tuple(sorted(new.union(self._forms), key=len, reverse=True))

    def scrub(self, text: str) -> str:
        """The text without any secret in any form; withheld where the run holds a short one."""
        if self._short:
            return WITHHELD if text else text
        forms = self._forms
        return _hidden(text, forms, len(text))[0] if forms else text

    def scrub_deep(self, value: object) -> Any:
        """A JSON-like value without any secret, in its keys too; what is not JSON-like becomes its scrubbed text."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.scrub(value)
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
            name = new = self.scrub_deep(key if isinstance(key, str | int | float | None) else _said(key))
            while new in scrubbed:  # two keys that differed in their secrets only: neither value is lost
                numbers[name] = numbers.get(name, 1) + 1
                new = f"{name} ({numbers[name]})"
            scrubbed[new] = self.scrub_deep(value)
        return scrubbed

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
        forms = self._scrubber._forms
        return self._say(piece, forms, len(forms[0]) - 1 if forms else 0)

    def finish(self) -> str:
        """What was kept back; no piece follows."""
        return self._say("", self._scrubber._forms, 0)

    def _say(self, piece: str, forms: tuple[str, ...], back: int) -> str:
        text = self._kept + piece
        if self._scrubber._short:
            return self._withhold(text)
        cut = max(0, len(text) - back)
        said, end = _hidden(text, forms, cut, self._covered)
        self._kept, self._covered = text[cut:], max(0, end - cut)
        return said

    def _withhold(self, text: str) -> str:
        said = WITHHELD if text and not self._withheld else ""
        self._kept, self._covered, self._withheld = "", 0, self._withheld or bool(text)
        return said


def told(error: BaseException, scrubber: Scrubber) -> str:
    """All that crosses the border of a foreign error: its type and scrubbed text, no frame, no cause, no context (S1)."""
    name, text = type(error).__name__, _said(error)
    return f"{name}: {scrubber.scrub(text)}" if text else name


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # foreign code: a text that cannot be had is none
        return ""


# Finding and replacing


def _hidden(text: str, forms: Iterable[str], cut: int, covered: int = 0) -> tuple[str, int]:
    """The text up to `cut` with each cover replaced, and where the last one ends; that of the first `covered` has been said."""
    said, at = [], 0
    for start, end in _covers(text, forms, covered):
        if start >= cut:
            break
        if start or not covered:
            said += [text[at:start], REPLACED]
        at = end
    return "".join([*said, text[at:cut]]), at


def _covers(text: str, forms: Iterable[str], covered: int) -> list[tuple[int, int]]:
    """What the occurrences of all forms cover, in order; those that overlap are one."""
    joined = [(0, covered)] if covered else []
    for start, end in sorted(place for form in forms for place in _places(text, form)):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _places(text: str, form: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


# Forms


def _is_short(raw: bytes) -> bool:
    """Characters count, and white space around them does not: programs strip it."""
    text = raw.strip().decode(errors="surrogateescape")  # a byte that is no UTF-8 counts as one
    return len(text.strip()) < SHORTEST


def _forms(raw: bytes) -> set[str]:
    """All that the secret may look like."""
    found = set(_lines(raw.decode(errors="surrogateescape")))
    for held in {raw, raw.strip()}:  # a file's last newline is seldom printed with it
        for encoded in _encodings(held):
            found.update(*map(_spellings, _readings(encoded)), _wires(encoded), _base64(encoded))
        found.update(_wide(held))
    return {form for form in found if len(form) >= SHORTEST}  # what lines, chunks and lossy readings leave may be less


def _lines(text: str) -> Iterator[str]:
    """The lines of a key: much output is scrubbed line by line, and may be indented."""
    return (line.strip() for line in text.splitlines())


def _encodings(raw: bytes) -> set[bytes]:
    """The bytes that hosts make of it: as given, and those of Western hosts that know no UTF-8."""
    return {raw, *(encoded for name in ("cp1252", "cp850") if (encoded := _encoded(raw, name)))}


def _wide(raw: bytes) -> Iterator[str]:
    """What Windows makes of it, in PowerShell's encoded commands and directories' passwords."""
    if encoded := _encoded(raw, "utf-16-le"):
        yield encoded.decode("latin-1").strip("\0")  # read byte by byte; without its ends it is the big-endian one too
        yield from _base64(encoded)


def _encoded(raw: bytes, encoding: str) -> bytes | None:
    """The text of the bytes in another encoding, if it can say all of it."""
    text = raw.decode(errors="surrogateescape")
    encoded = text.encode(encoding, errors="ignore")
    return encoded if encoded.decode(encoding) == text else None


def _readings(raw: bytes) -> set[str]:
    """The texts that a reader makes of the bytes, rightly or wrongly."""
    exact = {raw.decode(errors=errors) for errors in ("surrogateescape", "backslashreplace")}
    lossy = {raw.decode(encoding, errors="replace") for encoding in ("utf-8", "cp1252")}
    return {*exact, raw.decode("latin-1"), *(text for text in lossy if text.strip("\ufffd"))}  # nothing but question marks says nothing


def _spellings(text: str) -> Iterator[str]:
    """The text as programs print it: in source, JSON, a shell, XML, from a terminal."""
    yield from (text, text[::-1], repr(text)[1:-1])
    lines = text.replace("\r\n", "\n")
    yield from (lines, lines.replace("\n", "\r\n"))
    yield from (text.replace("'", other) for other in ("'\"'\"'", "'\\''", "''", "\\'"))  # shlex, bash, SQL and PowerShell, C
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)  # printf %q
    for escaped in (html.escape(text), html.escape(text, quote=False)):
        yield from (escaped, escaped.replace("&#x27;", "&#39;"), escaped.replace("&#x27;", "&apos;"))
    yield from _json_spellings(text)


def _json_spellings(text: str) -> Iterator[str]:
    for written in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        for marks in ESCAPED:
            escaped = written.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in marks})
            for form in (escaped, escaped.replace("/", "\\/"), escaped.replace('\\"', "\\u0022")):
                yield from (form, _upper(form))


def _wires(raw: bytes) -> Iterator[str]:
    """The bytes as they travel in ASCII."""
    yield repr(raw)[2:-1]
    for between in ("", ":", " ", "-"):
        dumped = raw.hex(between) if between else raw.hex()
        yield from (dumped, dumped.upper())
    for safe in SAFE:
        for quoted in (quote(raw, safe), quote_plus(raw, safe)):
            yield from (quoted, _lower(quoted))


def _base64(raw: bytes) -> Iterator[str]:
    """As it stands, for URLs, inside a URL and inside JSON."""
    for form in _base64_cuts(raw):
        quoted = quote(form, safe="")
        yield from (form, form.translate({ord("+"): "-", ord("/"): "_"}), quoted, _lower(quoted), form.replace("/", "\\/"))


def _base64_cuts(raw: bytes) -> Iterator[str]:
    """The secret alone, and inside a longer text at its three alignments: there, the characters that are made of its bits only."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()[(8 * before + 5) // 6 :]
        bare = whole.rstrip("=")
        yield from (whole, bare, bare[:-1] if bare != whole else bare)
        if not before:
            yield from (whole[at : at + width] for width in BASE64_LINES for at in range(0, len(whole), width))


def _lower(quoted: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)


def _upper(escaped: str) -> str:
    return re.sub(r"(?<!\\)(?:\\\\)*\\u[0-9a-f]{4}", lambda found: found[0][:-4] + found[0][-4:].upper(), escaped)
