"""How a secret may come back, written down here once more: a form that the library forgets is found."""

from __future__ import annotations

import base64
import html
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def in_lines(text: str, width: int = 16) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "backwards": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "HTML": html.escape,
    "Latin-1": lambda text: text.encode().decode("latin-1"),
    "UTF-16 read as UTF-8": lambda text: text.encode("utf-16-le").decode(errors="replace").strip("\0"),
    "octal": lambda text: "".join(chr(byte) if byte < 128 else f"\\{byte:o}" for byte in text.encode()),
    "base64 in lines": lambda text: in_lines(base64.b64encode(text.encode()).decode()),
    "hex in lines": lambda text: in_lines(text.encode().hex(), 18),
    "hex of a dump": lambda text: text.encode().hex(" ", -2),
    "numbers": lambda text: str([*text.encode()]),
    "entities": lambda text: "".join(f"&#{ord(char):03};" for char in text),
    "percents": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode().rstrip("="),
    "broken": lambda text: in_lines(text, 9),
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
}
