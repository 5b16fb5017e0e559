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

from _changes import CONNECTIONS, WAYS, Bare, Ours, Writes, let_in
from _houses import Clock, folder
from harness import Goal, Middle, Row, Run, command, gauge

if TYPE_CHECKING:
    from tests.servers.doors import Door

OURS, BARE = "taskkit", "paramiko"
ACCOUNTS, FEW_ACCOUNTS = 200, 20
ROUNDS, FEW_ROUNDS = 5, 2
#: How many times as long as bare paramiko, by the wall.
AS_LONG = Goal("≤", 1.3)
#: Of a rotation alone, store and vault together.
DURABLE = Goal("≤", 9)
#: Milliseconds of the processor for each rotation, less what bare paramiko takes.
OURS_ALONE = Goal("≤", 5)
Peer = Bare | Ours
CLOCKS: dict[str, Clock] = {"processor": time.process_time, "wall": time.perf_counter}


def itself(run: Run) -> Iterator[Row]:
    """Each account changes its own password: three log-ins, and a dialogue with passwd."""
    yield from _compared("itself", run)


def shadow(run: Run) -> Iterator[Row]:
    """Root changes it by chpasswd: two log-ins, and two commands."""
    yield from _compared("shadow", run)


def writes(run: Run) -> Iterator[Row]:
    """One account, one worker: nobody shares a write. With them counts what is written while it waits for work."""
    rounds = ROUNDS if run.is_full else FEW_ROUNDS
    with opened() as door, folder() as place, ExitStack() as stack:
        if door is None:
            return
        ours = Ours(door, let_in(door, "single", 1), place, workers=1)
        stack.callback(ours.close)
        for way in WAYS:
            ours.rotate_one(way, "single0")  # which makes connections and statements ready
            found = [_written(ours, way) for _ in range(rounds)]
            section = f"one rotation, {way}"
            yield Row(section, OURS, "durable writes", Middle.of([one["store"] + one["vault"] for one in found]), "", DURABLE)
            for whose in ("store", "vault", "store, not forced"):
                yield Row(section, OURS, f"writes: {whose}", Middle.of([one[whose] for one in found]), "")


def _written(ours: Ours, way: str) -> Writes:
    found = Writes()
    with found.counted():
        ours.rotate_one(way, "single0")
    return found


def _compared(way: str, run: Run) -> Iterator[Row]:
    count, rounds = (ACCOUNTS, ROUNDS) if run.is_full else (FEW_ACCOUNTS, FEW_ROUNDS)
    with opened() as door, folder() as place, ExitStack() as stack:
        if door is None:
            return
        bare, ours = Bare(door, let_in(door, f"bare-{way}-", count)), Ours(door, let_in(door, f"ours-{way}-", count), place)
        stack.callback(ours.close)
        peers: dict[str, Peer] = {OURS: ours, BARE: bare}
        seconds = {clock: {OURS: list[float](), BARE: list[float]()} for clock in CLOCKS}
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
        goal = AS_LONG if clock == "wall" else None
        yield Row(section, f"{OURS} : {BARE}", f"seconds of the {clock}", Middle.of([ours / bare for ours, bare in pairs]), "x", goal)
        for name, each in found.items():
            yield Row(section, name, f"milliseconds of the {clock}", Middle.of([1000 * one for one in each]), "ms")
        if clock == "processor":
            yield Row(section, OURS, "above paramiko, each", Middle.of([1000 * (ours - bare) for ours, bare in pairs]), "ms", OURS_ALONE)


@contextmanager
def opened() -> Iterator[Door | None]:
    """The door of a box; none where no box can be."""
    if lacking():
        yield None
        return
    from tests import servers
    from tests.servers.box import Box, BoxRefused

    with servers.folder("box", owner="root") as place, ExitStack() as stack:
        try:
            box = stack.enter_context(Box(place))
        except BoxRefused as why:
            raise SystemExit(f"nothing is measured: {why}") from None
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
