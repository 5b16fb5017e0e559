"""How a secret may come back, written down here once more: a form that the library forgets is found."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

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
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
}
