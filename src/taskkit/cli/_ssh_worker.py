"""A process that works in the demo's house with SSH and is killed there: it tells each step, and at a certain one it ends itself.

What it is told comes by its stdin, the key of the house with it: arguments and environments can be read by others.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from taskkit.cli._ssh_house import SshHouse, engine_of
from taskkit.jobs import Job
from taskkit.secrets import Secret


class Worker:
    """Begins early, as reading what it needs takes a moment; works when it is told to, and is gone when its `with` is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "taskkit.cli._ssh_worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def steps(self, house: SshHouse, last: str) -> Iterator[str]:
        """Each as it is taken; all that it says, where it says anything else."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018
        hangs = threading.Timer(self._seconds, self._process.terminate)
        hangs.start()
        try:
            order = {"folder": str(house.folder), "key": house.key.reveal_bytes().hex(), "last": last}
            with suppress(OSError):  # it is gone already: what it said comes all the same
                stdin.write(f"{json.dumps(order)}\n")
                stdin.flush()
            for line in stdout:
                yield line.rstrip()
            self._process.wait()
        finally:
            hangs.cancel()

    @property
    def was_killed(self) -> bool:
        return self._process.returncode == -signal.SIGKILL


def _work(folder: Path, key: Secret, last: str) -> None:
    def step(point: str, job: Job) -> None:
        sys.stdout.write(f"{point}\n")
        sys.stdout.flush()
        if point == last:
            os.kill(os.getpid(), signal.SIGKILL)

    vault, engine = engine_of(folder, key, step)
    with vault, engine:
        engine.drain()


if __name__ == "__main__" and (line := sys.stdin.readline()):
    told = json.loads(line)
    _work(Path(told["folder"]), Secret(bytes.fromhex(told["key"])), told["last"])
