"""What a process says to everybody: on its standard streams, in its logs and warnings, by its threads, their names and what they die of."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any


class _Hearing(logging.Handler):
    def __init__(self, to: io.StringIO) -> None:
        super().__init__(level=0)
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        self._to.write(f"{record.getMessage()}\n")


@contextmanager
def heard() -> Iterator[Callable[[], str]]:
    """All that is said in the block."""
    said, root = io.StringIO(), logging.getLogger()
    hearing, level = _Hearing(said), root.level
    root.addHandler(hearing)
    root.setLevel(1)
    try:
        with ExitStack() as ears:
            for ear in (redirect_stdout(said), redirect_stderr(said), *_hooks(said)):
                ears.enter_context(ear)
            yield said.getvalue
    finally:
        root.removeHandler(hearing)
        root.setLevel(level)


def _hooks(said: io.StringIO) -> Iterator[Any]:
    """A test framework may keep to itself what Python would write on the error stream."""
    yield _overheard(threading.Thread, "start", lambda thread: said.write(f"{thread.name}\n"))
    yield _overheard(threading, "excepthook", lambda end: said.write(f"{end.exc_value}\n"))
    yield _overheard(warnings, "showwarning", lambda message, *_: said.write(f"{message}\n"))


@contextmanager
def _overheard(place: Any, name: str, hear: Callable[..., object]) -> Iterator[None]:
    """What is handed to this function is heard before."""
    before = getattr(place, name)

    def hook(*given: Any, **named: Any) -> Any:
        hear(*given)
        return before(*given, **named)

    setattr(place, name, hook)
    try:
        yield
    finally:
        setattr(place, name, before)
