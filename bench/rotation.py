"""What a rotation costs over bare paramiko that logs in as often and says the same, on a machine in a box; and what it writes.

python bench/rotation.py [--quick] [--json] [--only itself]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from _changes import CONNECTIONS, Bare, Ours, Writes, let_in
from _houses import Clock, folder
from harness import Goal, Middle, Row, Run, command, gauge

if TYPE_CHECKING:
    from tests.servers.doors import Door

OURS, BARE = "taskkit", "paramiko"
ACCOUNTS, FEW_ACCOUNTS = 200, 20
ROUNDS, FEW_ROUNDS = 5, 2
#: How many times as long as bare paramiko.
AS_LONG = Goal("≤", 1.3)
#: Of a rotation alone, store and vault together.
DURABLE = Goal("≤", 9)
#: Milliseconds of the processor for each rotation, less what bare paramiko takes.
OURS_ALONE = Goal("≤", 5)
CLOCKS: dict[str, Clock] = {"processor": time.process_time, "wall": time.perf_counter}


def itself(run: Run) -> Iterator[Row]:
    """Each account changes its own password: three log-ins, and a dialogue with passwd."""
    yield from _compared("itself", run)


def shadow(run: Run) -> Iterator[Row]:
    """Root changes it by chpasswd: two log-ins, and two commands."""
    yield from _compared("shadow", run)


def writes(run: Run) -> Iterator[Row]:
    """One account, one worker: nobody shares a write."""
    with opened() as door, folder() as place, ExitStack() as stack:
        if door is None:
            return
        ours = Ours(door, let_in(door, "single", 1), place, workers=1)
        stack.callback(ours.close)
        for way in ("itself", "shadow"):
            found = Writes()
            ours.rotate(way)  # which makes connections and statements ready
            with found.counted():
                ours.rotate(way)
            total = float(found["store"] + found["vault"])
            section = f"one rotation, {way}"
            yield Row(section, OURS, "durable writes", _once(total), "", DURABLE)
            for whose in ("store", "vault", "store, not forced"):
                yield Row(section, OURS, f"writes: {whose}", _once(float(found[whose])), "")


def _compared(way: str, run: Run) -> Iterator[Row]:
    count, rounds = (ACCOUNTS, ROUNDS) if run.is_full else (FEW_ACCOUNTS, FEW_ROUNDS)
    with opened() as door, folder() as place, ExitStack() as stack:
        if door is None:
            return
        bare, ours = Bare(door, let_in(door, f"bare-{way}-", count)), Ours(door, let_in(door, f"ours-{way}-", count), place)
        stack.callback(ours.close)
        peers, seconds = {OURS: ours, BARE: bare}, {clock: {OURS: list[float](), BARE: list[float]()} for clock in CLOCKS}
        for number in range(-1, rounds):
            for name in list(peers)[:: 1 if number % 2 else -1]:
                began = {clock: read() for clock, read in CLOCKS.items()}
                peers[name].rotate(way)
                if number >= 0:
                    for clock, read in CLOCKS.items():
                        seconds[clock][name].append((read() - began[clock]) / count)
            run.gauges.append(gauge())
    yield from _rows(f"{count} accounts, {CONNECTIONS} connections, {way}", seconds)


def _rows(section: str, seconds: dict[str, dict[str, list[float]]]) -> Iterator[Row]:
    for clock, found in seconds.items():
        pairs = list(zip(found[OURS], found[BARE], strict=True))
        yield Row(section, f"{OURS} : {BARE}", f"seconds of the {clock}", Middle.of([ours / bare for ours, bare in pairs]), "x", AS_LONG)
        for name, each in found.items():
            yield Row(section, name, f"milliseconds of the {clock}", Middle.of([1000 * one for one in each]), "ms")
        if clock == "processor":
            yield Row(section, OURS, "above paramiko, each", Middle.of([1000 * (ours - bare) for ours, bare in pairs]), "ms", OURS_ALONE)


def _once(value: float) -> Middle:
    return Middle.of([value])


@contextmanager
def opened() -> Iterator[Door | None]:
    """The door of a box; none where no box can be."""
    if lacking():
        yield None
        return
    from tests import servers
    from tests.servers.box import Box

    with servers.folder("box", owner="root") as place, Box(place) as box:
        yield box.door


def lacking() -> str:
    """Why there can be none."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    try:
        from tools.servers import SERVERS
    except ImportError:  # a copy of the benchmarks without the tools
        return "the tests' servers"
    missing = next((SERVERS[name].lacking() for name in ("sshd", "box") if not SERVERS[name].found()), "")
    return missing or ("" if not os.geteuid() else "root, without whom no machine starts in a box")


SECTIONS = (itself, shadow, writes)


def main(arguments: Sequence[str] | None = None) -> None:
    why = lacking()
    command("What a rotation costs over bare paramiko.", SECTIONS, arguments, absent=[why] if why else [])


if __name__ == "__main__":
    main()
