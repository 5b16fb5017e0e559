"""The forms in which a secret may come back (S1): a host echoes it quoted, a library puts it into a URL, Windows doubles its bytes.

Each encoding of the secret, each reading of these bytes as text, each spelling of such a text, and what travels as ASCII (base64, hex,
percent). One layer deep, plus base64 inside a URL or JSON; further nesting is not looked for.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

#: A shorter one is found in too many innocent words, and what is left around it would give it away.
SHORTEST = 6

#: What is left alone by quote(safe=""), by quote(), by encodeURIComponent, and by encodeURI and requests.
SAFE = ("", "/", "!*'()", "!#$&'()*+,/:;=?@[]~")
#: What is written as \uXXXX, beside what JSON asks for, by Go, by PowerShell 5 and by .NET.
ESCAPED = ("", "<>&", "<>&'", "<>&'+`")
BASE64_LINES = (64, 76)
#: Nobody lists more bytes as numbers.
_LISTED = 256
#: What stands everywhere as it is, but for ~ in a shell.
_PLAIN = re.compile(rb"[A-Za-z0-9_.~-]+")
#: Before what printf %q of shells writes a backslash: in bash, and in those that are careful.
_QUOTED = re.compile(r"""[ !"$&'()*,;<>?\[\\\]^`{|}]|(?<=[:=])~"""), re.compile(r"[^\w@%+=:,./-]")
#: What is written in octal, where letters beyond ASCII cannot be shown and where they can; and what has a name in C instead.
_NO_ASCII, _CONTROL = re.compile(r"[\0-\x1f\x7f-\xff]+"), re.compile(r"[\0-\x1f\x7f]+")
_NAMED = {char: f"\\{name}" for char, name in zip("\a\b\t\n\v\f\r", "abtnvfr", strict=True)}
#: Printable ASCII in one line, which no reading makes shorter.
_ONE_LINE = re.compile(rb"[!-~](?:[ -~]*[!-~])?")


def is_short(raw: bytes) -> bool:
    """Characters count, and white space around them does not: programs strip it."""
    text = raw.strip().decode(errors="surrogateescape")  # a byte that is no UTF-8 counts as one
    return len(text.strip()) < SHORTEST


def forms_of(raw: bytes) -> set[str]:
    """All that the secret may look like."""
    return _plain_forms(raw) if _PLAIN.fullmatch(raw) else _all_forms(raw)


def rows_of(raw: bytes) -> Iterator[tuple[list[str], bool]]:
    """The ways to write it byte by byte with something between, and whether that is between any two of them."""
    for encoded in {raw, *_encodings(raw.strip())}:
        hexes = encoded.hex(" ")
        yield hexes.split(), False
        if len(encoded) <= _LISTED:
            yield f"0x{hexes.replace(' ', ' 0x')}".split(), True
            yield [*map(str, encoded)], True
    if wide := _encoded(raw, "utf-16-le"):
        yield wide.hex(" ").split(), False
    letters = [char for char in raw.decode(errors="replace") if char.isascii() and char.isalnum()]
    if SHORTEST <= len(letters) <= _LISTED and not all(map(str.isdigit, letters)):  # a row of digits is a row of numbers
        yield letters, True


def least_of(raw: bytes) -> int:
    """How many characters each of its forms has at least, in a fraction of the time that it takes to find them."""
    if not _ONE_LINE.fullmatch(raw):
        return SHORTEST
    encoded = [(size + 2) // 3 * 4 for size in (len(raw), 2 * len(raw))]  # in base64, which is cut into lines
    rests = [size % width for size in encoded for width in BASE64_LINES if size > width]
    return max(SHORTEST, min((len(raw), *filter(None, rests))))


def _plain_forms(raw: bytes) -> set[str]:
    """The same for what no program quotes and all read alike, as most passwords are that are drawn: in a fraction of the time."""
    text = raw.decode()
    found = {text, text[::-1], text.replace("~", "\\~"), *_hexes(raw), *_base32(raw), *_base64(raw), *_wide(raw)}
    return {form for form in found if len(form) >= SHORTEST}


def _all_forms(raw: bytes) -> set[str]:
    found = set(_lines(raw.decode(errors="surrogateescape")))
    for held in {raw, raw.strip()}:  # a file's last newline is seldom printed with it
        for encoded in _encodings(held):
            found.update(*map(_spellings, _readings(encoded)), _wires(encoded), _base64(encoded))
        found.update(_wide(held), _composed(held))
    return {form for form in found if len(form) >= SHORTEST}  # what lines, chunks and lossy readings leave may be less


def _lines(text: str) -> Iterator[str]:
    """The lines of a key: much output is scrubbed line by line, and may be indented."""
    return (line.strip() for line in text.splitlines())


def _encodings(raw: bytes) -> set[bytes]:
    """The bytes that hosts make of it: as given, and those of Western hosts that know no UTF-8."""
    return {raw, *(encoded for name in ("cp1252", "cp850") if (encoded := _encoded(raw, name)))}


def _composed(raw: bytes) -> Iterator[str]:
    """With letters and their marks taken together or apart, as macOS and some directories have it."""
    text = raw.decode(errors="surrogateescape")
    for other in {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} - {text}:
        yield from (
            other,
            *_json_spellings(other),
            *_wires(other.encode(errors="surrogateescape")),
            *_base64(other.encode(errors="surrogateescape")),
        )


def _wide(raw: bytes) -> Iterator[str]:
    """What Windows makes of it, in PowerShell's encoded commands and directories' passwords."""
    if encoded := _encoded(raw, "utf-16-le"):
        yield encoded.decode("latin-1").strip("\0")  # read byte by byte; without its ends it is the big-endian one too
        yield from (*_hexes(encoded), *_base64(encoded))
    if not raw.isascii():
        yield from _wide_readings(raw)


def _wide_readings(raw: bytes) -> Iterator[str]:
    """Byte by byte, or as the UTF-8 that it is not, as executors read all that comes; of ASCII all these are one."""
    for encoded in filter(None, (_encoded(raw, name) for name in ("utf-16-le", "utf-16-be"))):
        readings = (encoded.decode("latin-1"), encoded.decode(errors="replace"))
        yield from (text.strip("\0") for text in readings if text.strip("\0\ufffd"))


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
    yield from (text, text[::-1], repr(text)[1:-1], repr('"' + text)[2:-1])  # the last as part of a text with both quotes
    lines = text.replace("\r\n", "\n")
    yield from (lines, lines.replace("\n", "\r\n"))
    yield from (text.replace("'", other) for other in ("'\"'\"'", "'\\''", "''", "\\'"))  # shlex, bash, SQL and PowerShell, C
    yield from (text.replace('"', other) for other in ('""', '\\"'))  # CSV, a command line of Windows
    yield from (mark.sub(r"\\\g<0>", text) for mark in _QUOTED)
    for escaped in (html.escape(text), html.escape(text, quote=False)):
        yield from (escaped, escaped.replace("&#x27;", "&#39;"), escaped.replace("&#x27;", "&apos;"))
    yield from _json_spellings(text)
    if not text.isascii():  # Python where only ASCII may be said, and XML
        yield from (ascii(text)[1:-1], text.encode("ascii", "backslashreplace").decode())
        yield html.escape(text, quote=False).encode("ascii", "xmlcharrefreplace").decode()


def _json_spellings(text: str) -> Iterator[str]:
    for written in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        for marks in ESCAPED:
            escaped = written.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in marks})
            for form in (escaped, escaped.replace("/", "\\/"), escaped.replace('\\"', "\\u0022")):
                yield from (form, _upper(form))


def _wires(raw: bytes) -> Iterator[str]:
    """The bytes as they travel in ASCII."""
    yield from (repr(raw)[2:-1], repr(b'"' + raw)[3:-1], *_hexes(raw), *_base32(raw))
    for safe in SAFE:
        quoted = quote(raw, safe)
        for form in (quoted, quoted.replace("%20", "+")):
            yield from (form, _lower(form))
    if not _ONE_LINE.fullmatch(raw):
        yield from _octals(raw)


def _octals(raw: bytes) -> Iterator[str]:
    """Where not all of it can be shown: as sed lists it, bash between $' and ', git in its quotes, and ls and cat piece by piece."""
    for hidden, text in ((_NO_ASCII, raw.decode("latin-1")), (_CONTROL, raw.decode(errors="surrogateescape"))):
        listed = hidden.sub(_octal, text.replace("\\", "\\\\"))
        yield from (listed, listed.replace("'", "\\'").replace("\\033", "\\E"), listed.replace('"', '\\"'))
        yield hidden.sub(lambda found: f"'$'{_octal(found)}''", text.replace("'", "'\\''")).removesuffix("'")


def _octal(found: re.Match[str]) -> str:
    return "".join(_NAMED.get(char) or f"\\{ord(char):03o}" for char in found[0])


def _hexes(raw: bytes) -> tuple[str, str]:
    return raw.hex(), raw.hex().upper()


def _base32(raw: bytes) -> tuple[str, str]:
    """The secret alone, and with more behind it: there, without the character that holds bits of both."""
    bare = base64.b32encode(raw).decode().rstrip("=")
    return bare, bare[: len(raw) * 8 // 5]


def _base64(raw: bytes) -> Iterator[str]:
    """As it stands, for URLs, inside a URL and inside JSON."""
    for form in {*_base64_cuts(raw)}:
        yield form
        if form.isalnum():  # so that nobody writes it otherwise
            continue
        yield from (form.replace("+", "-").replace("/", "_"), form.replace("/", "\\/"))
        for plus, slash, equals in (("%2B", "%2F", "%3D"), ("%2b", "%2f", "%3d")):  # what quote() gives, ten times as fast
            yield form.replace("+", plus).replace("/", slash).replace("=", equals)


def _base64_cuts(raw: bytes) -> Iterator[str]:
    """The secret alone, and inside a longer text at its three alignments: there, the characters that are made of its bits only."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()[(8 * before + 5) // 6 :]
        bare = whole.rstrip("=")
        yield from (whole, bare, bare[:-1] if bare != whole else bare)
        if not before:
            yield from (whole[at : at + width] for width in BASE64_LINES for at in range(0, len(whole), width))


def _lower(quoted: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted) if "%" in quoted else quoted


def _upper(escaped: str) -> str:
    return re.sub(r"(?<!\\)(?:\\\\)*\\u[0-9a-f]{4}", lambda found: found[0][:-4] + found[0][-4:].upper(), escaped)
