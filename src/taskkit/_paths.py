"""Names of files, as somebody gives them."""

from __future__ import annotations

import os
from pathlib import Path

from taskkit.errors import InvalidValue

#: Of a file, whatever its name is: its device, and its number there.
Identity = tuple[int, int]


def real(path: str | os.PathLike[str], tried: str) -> Path:
    """Where a name leads, behind all links."""
    if (trouble := unfit(path, tried)) is not None:
        raise trouble
    return Path(os.path.realpath(path))


def unfit(path: object, tried: str) -> InvalidValue | None:
    """What is wrong with a name that somebody gives, whether a file has it or not."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        return InvalidValue(tried, f"a {type(path).__name__} is no name of a file", "give a text or a Path")
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # half a character
        is_name = False
    return None if is_name else InvalidValue(tried, "no file can have this name", "look whether its name is right")


def identity(path: str | os.PathLike[str]) -> Identity | None:
    """Of the file that has this name just now; none where it cannot be seen."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
