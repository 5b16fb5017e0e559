"""What a process says to everybody: on its standard streams, in its logs, and by the names of its threads."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


class _Hearing(logging.Handler):
    def __init__(self, to: io.StringIO) -> None:
        super().__init__(level=0)
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        self._to.write(f"{record.getMessage()}\n")


@contextmanager
def heard() -> Iterator[Callable[[], str]]:
    """All that is said in the block."""
    said, root, start = io.StringIO(), logging.getLogger(), threading.Thread.start

    def started(thread: threading.Thread) -> None:
        said.write(f"{thread.name}\n")
        start(thread)

    hearing, level = _Hearing(said), root.level
    root.addHandler(hearing)
    root.setLevel(1)
    threading.Thread.start = started  # type: ignore[assignment, method-assign]
    try:
        with redirect_stdout(said), redirect_stderr(said):
            yield said.getvalue
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        root.removeHandler(hearing)
        root.setLevel(level)
