"""A text as others read it: with the characters that escapes stand for, nothing in the place of colours, one column of a dump.

Each character stays in its place: what a reading leaves out is filled up, so that what is found in it is found in the text. The end of
a reading is the reading of the end of the text, so that pieces are read as the whole is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

#: Stands where nothing is.
FILLER = "\x1b"
_MARKS = (FILLER, "&", "\\", "%", "=", "<br")
_BREAK = re.compile(r"\\r\\n|\\[nr]|%0[dD]%0[aA]|%0[aAdD]|<br ?/?>")
#: What says one byte; a soft break may stand between two of quoted-printable.
_BYTE = re.compile(r"\\x([0-9a-fA-F]{2})|\\([0-3][0-7]{2})|\\([0-9a-fA-F]{2})|(?:=\r?\n)?[%=]([0-9a-fA-F]{2})")
_WIDE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
#: Of one character first, which is found quickly.
_ESCAPE = re.compile(
    r"[\x1b&\\%=<](?:(?<=\x1b)\[[0-?]{0,24}[ -/]{0,4}[@-~]"
    r"|(?<=&)(?:#[0-9]{1,12}|#[xX][0-9a-fA-F]{1,12}|[A-Za-z][A-Za-z0-9]{1,31});?"
    r"|(?<=\\)(?:u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*|r\\n|[nr]|x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2})*"
    r"|[0-3][0-7]{2}(?:\\[0-3][0-7]{2})*|[0-9a-fA-F]{2}(?:\\[0-9a-fA-F]{2})*)"
    r"|(?<=[%=])[0-9a-fA-F]{2}(?:(?:=\r?\n)?[%=][0-9a-fA-F]{2})*|(?<=<)br ?/?>)"
)

#: An offset, bytes, and what they look like, as hexdump -C and od -z, or as xxd and PowerShell write it; or bytes alone, or characters.
_DUMP = re.compile(
    r"^[ \t]*(?:0x)?000[0-9a-fA-F]{1,13}:?[ \t]+(?:"
    r"((?:[0-9a-fA-F]{2} {1,2}){1,16}) *[|>](.{1,16})[|<]"
    r"|((?:[0-9a-fA-F]{2,8} ){1,16}) +(.{1,18})"
    r"|([0-9a-fA-F]{2,8}(?: [0-9a-fA-F]{2,8}){0,15})"
    r"|(\S{1,3}(?: {1,3}\S{1,3}){0,15})"
    r") *\r?$",
    re.MULTILINE,
)


def readings(text: str) -> Sequence[str]:
    """The text itself, and what else it may be taken for."""
    found = [text]
    if any(map(text.__contains__, _MARKS)):
        known: dict[str, str] = {}
        decoded = _ESCAPE.sub(lambda escape: known.get(escape[0]) or known.setdefault(escape[0], _decoded(escape[0])), text)
        if decoded != text:
            found.append(decoded)
    if "000" in text and _DUMP.search(text):
        found += [_DUMP.sub(lambda line, columns=columns: _column(line, columns), text) for columns in ((1, 3, 5), (2, 4, 6))]  # type: ignore[misc]
    return found


def _decoded(escape: str) -> str:
    if escape[0] == FILLER:
        return FILLER * len(escape)
    if escape[0] == "&":
        plain = html.unescape(escape)
        return escape if plain == escape else plain.rjust(len(escape), FILLER)
    if _BREAK.fullmatch(escape):
        return "\n".rjust(len(escape), FILLER)
    if _WIDE.fullmatch(escape):
        return _wide(escape)
    return _bytes([*_BYTE.finditer(escape)])


def _bytes(said: Sequence[re.Match[str]]) -> str:
    """A byte that is no UTF-8 is a character of Western hosts."""
    raw = bytes(int(byte[byte.lastindex or 0], 8 if byte.lastindex == 2 else 16) for byte in said)
    decoded, at = [], 0
    for char in raw.decode(errors="surrogateescape"):
        end = at + len(char.encode(errors="surrogateescape"))
        plain = chr(ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else char
        decoded.append(plain.rjust(said[end - 1].end() - said[at].start(), FILLER))
        at = end
    return "".join(decoded)


def _wide(escape: str) -> str:
    raw = b"".join(int(escape[at + 2 : at + 6], 16).to_bytes(2, "little") for at in range(0, len(escape), 6))
    return "".join(char.rjust(12 if char > "\uffff" else 6, FILLER) for char in raw.decode("utf-16-le", "surrogatepass"))


def _column(found: re.Match[str], columns: tuple[int, ...]) -> str:
    """A line of a dump with nothing but one column of it."""
    start, end = next((found.span(number) for number in columns if found[number] is not None), (found.end(), found.end()))
    return " " * (start - found.start()) + found.string[start:end] + " " * (found.end() - end)
