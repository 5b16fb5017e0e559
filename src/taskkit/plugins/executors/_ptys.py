"""A terminal on this machine: a program of its own session behind a pseudo-terminal, as somebody at a keyboard has it."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from taskkit.plugins.executors._processes import CHUNK, TICK, NotStarted
from taskkit.secrets import Secret

#: So wide that no line is broken, and so high that hardly anything is paged.
TERM, COLUMNS, ROWS = "vt100", 500, 500
#: A session leader that has no terminal yet gets the first that it opens: so programs find theirs by /dev/tty, too.
_WITH_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'


@contextmanager
def opened(argv: Sequence[str], grace: float, *, env: Mapping[str, str], cwd: str | None) -> Iterator[Pty]:
    """Start the program, or raise NotStarted from the reason; at the end of the block it has ended."""
    keyboard, screen = os.openpty()
    try:
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        command = ["/bin/sh", "-c", _WITH_TERMINAL, os.ttyname(screen), *argv]
        try:
            _check_program(argv, env, cwd)
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True, env={**env, "TERM": TERM}, cwd=cwd,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise NotStarted from error
        pty = Pty(process, keyboard, grace)
        try:
            yield pty
        finally:
            pty.close()
            keyboard = -1
    finally:
        for one in (keyboard, screen):  # the screen's other end stays open until here, or what was said last would be lost
            if one >= 0:
                os.close(one)


def _check_program(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> None:
    """The shell that gives it the terminal would begin, and say in there that it finds nothing."""
    name = argv[0] if argv else ""
    wanted = str(Path(cwd or "").absolute() / name) if "/" in name else name
    if shutil.which(wanted, path=env.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, "no such program", name or "(none)")


class Pty:
    """Implements the port `Terminal`."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: int, grace: float) -> None:
        self._process, self._keyboard, self._grace = process, keyboard, grace
        os.set_blocking(keyboard, False)

    def send(self, *parts: Secret | str) -> None:
        if self._ended():  # the terminal itself would take it, and nobody read it
            raise BrokenPipeError(errno.EPIPE, "the program has ended")
        unsaid = typed(parts)
        until = time.monotonic() + self._grace
        while unsaid:
            try:
                unsaid = unsaid[os.write(self._keyboard, unsaid) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("the program reads nothing") from None
                select.select([], [self._keyboard], [], TICK)

    def receive(self, seconds: float) -> bytes | None:
        until = time.monotonic() + seconds
        while True:
            ended = self._ended()  # asked before what it said last is looked for
            left = max(0.0, until - time.monotonic())
            if select.select([self._keyboard], [], [], 0 if ended else min(left, TICK))[0]:
                return os.read(self._keyboard, CHUNK)
            if ended:
                return None
            if not left:
                return b""

    def close(self) -> None:
        """Hang up: whoever does not end by that is ended."""
        os.close(self._keyboard)
        self._signal(signal.SIGHUP)
        until = time.monotonic() + self._grace
        while not self._ended() and time.monotonic() < until:
            time.sleep(0.01)
        self._signal(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # who hangs in the kernel is left to it
            self._process.wait(self._grace)

    def _ended(self) -> bool:
        """It is not reaped by that: as long as its number is taken, a signal reaches nobody else."""
        if self._process.returncode is not None:
            return True
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # the product around us reaps every child
            return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def typed(parts: Sequence[Secret | str]) -> bytes:
    """What the keys send: Enter is a carriage return, as on every keyboard."""
    return b"".join(part.reveal_bytes() if isinstance(part, Secret) else part.encode() for part in parts).replace(b"\n", b"\r")
