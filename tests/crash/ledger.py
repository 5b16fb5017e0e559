"""The outside world of a crash test: a file to which every process appends what it really did, so that nobody's memory is believed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Ledger:
    """One `write` for each line. A kill may tear it where a page of memory ends: who reads passes over that, and the next line is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, what: str, **told: object) -> None:
        os.write(self._file, b"\n" + json.dumps({"what": what, "pid": os.getpid(), **told}).encode() + b"\n")

    def mark(self) -> int:
        """Behind the last line that is there as a whole."""
        return self.path.read_bytes().rfind(b"\n") + 1

    def lines(self, *what: str, after: int = 0) -> Iterator[Line]:
        """In the order in which they were written, whoever wrote them; those after a mark."""
        with self.path.open("rb") as file:
            file.seek(after)
            for text in file.read().splitlines():
                line = _read(text)
                if line and (not what or line["what"] in what):
                    yield line

    def close(self) -> None:
        os.close(self._file)


def _read(text: bytes) -> Line:
    try:
        line: Line = json.loads(text)
    except ValueError:
        return {}
    return line
