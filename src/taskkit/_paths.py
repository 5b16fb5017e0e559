"""Names of files, as somebody gives them."""

from __future__ import annotations

import os
from pathlib import Path

from taskkit.errors import InvalidValue


def real(path: str | os.PathLike[str], tried: str) -> Path:
    """Where a name leads, behind all links."""
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # half a character
        is_name = False
    if not is_name:
        raise InvalidValue(tried, "no file can have this name", "look whether its name is right")
    return Path(os.path.realpath(path))
