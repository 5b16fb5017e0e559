"""Where output goes: a reader may leave, a disk be full, standard output be closed; no command fails with a traceback for that."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Of the system where something has no place to be written to.
_NO_PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def prepare() -> None:
    """Streams that are there, and print what their encoding has no sign for as a question mark."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  for as long as the process lives
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def leads_nowhere(error: OSError) -> bool:
    """Whether it tells that output could not be written: no file is named."""
    return error.filename is None and error.errno in _NO_PLACE


def to_nobody() -> None:
    """What waits to be written, and all that follows: Python would fail at its end, with an exit code of its own, for what waits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def heard_or_not() -> Iterator[None]:
    """Whoever listens may leave: what the exit code says is so all the same."""
    try:
        yield
    except BrokenPipeError:
        to_nobody()


@contextmanager
def whatever_is_written() -> Iterator[None]:
    """A machine that is in the middle of something is not left there because nobody reads on, or nothing more can be written."""
    try:
        yield
    except OSError as error:
        to_nobody()
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"taskkit: nothing more is written, it goes on: {error.strerror}\n")
