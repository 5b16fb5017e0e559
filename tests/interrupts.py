"""Interrupts at each moment at which Python looks for signals: where a function of its own begins, and where one in C is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

_LOOKS = ("call", "c_return")


class Interrupt(KeyboardInterrupt):
    """Not the one from a keyboard that would end the tests."""


def interrupted(deed: Callable[[], object], at: int, files: frozenset[str]) -> str | None:
    """The so many-th time that one may come while the code of these files does the deed; answers where, or None behind the last."""
    left, where = at, None

    def look(frame: FrameType, event: str, what: Any) -> None:
        nonlocal left, where
        if event in _LOOKS and Path(frame.f_code.co_filename).name in files:
            left -= 1
            if not left:
                where = f"{frame.f_code.co_qualname}:{frame.f_lineno}, {event} {what}"
                raise Interrupt

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        deed()
    except Interrupt:
        pass
    finally:
        sys.setprofile(before)
    return where


def each_moment(begin: Callable[[int], Callable[[], object]], *files: str) -> Iterator[str]:
    """Begun anew each time, the deed is interrupted at one moment after the other; answers each, and where it was."""
    for at in count(1):
        where = interrupted(begin(at), at, frozenset(files))
        if where is None:
            assert at > 4, "it is looked for in other files"
            return
        yield f"{at}: {where}"
