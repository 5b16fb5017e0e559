"""The most that this process came to while something was done: megabytes and threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_LOOK = 0.02


@define
class Peak:
    """What is known after the block; no megabytes where the system does not tell them."""

    megabytes: float | None = None
    grown: float | None = None
    threads: int = 0


@contextmanager
def peak() -> Iterator[Peak]:
    found, over = Peak(), threading.Event()
    before = _megabytes("VmRSS")
    if before is not None:
        _FORGET.write_text("5")  # the highest so far is the present one again

    def look() -> None:
        while not over.wait(_LOOK):
            found.threads = max(found.threads, threading.active_count() - 1)  # without this one

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()
        found.megabytes = _megabytes("VmHWM")
        if found.megabytes is not None and before is not None:
            found.grown = found.megabytes - before


def _megabytes(name: str) -> float | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), None)
