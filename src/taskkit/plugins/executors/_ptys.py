"""A terminal on this machine: a program of its own session behind a pseudo-terminal, as somebody at a keyboard has it."""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
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
    with ExitStack() as stack:
        try:
            # The screen's end stays open for as long as the keyboard's, or what was said last would be lost.
            keyboard, screen = (stack.enter_context(FileIO(end, "r+")) for end in os.openpty())
            # It asks the terminal itself: epoll waits to be told, and under load the kernel tells after the program has ended.
            selector = stack.enter_context(selectors.PollSelector())
            process = _started(argv, screen.fileno(), env, cwd)
        except (OSError, ValueError) as error:
            raise NotStarted from error
        pty = Pty(process, keyboard, selector, grace)
        try:
            yield pty
        finally:
            pty.close()


def _started(argv: Sequence[str], screen: int, env: Mapping[str, str], cwd: str | None) -> subprocess.Popen[bytes]:
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    _check_program(argv, env, cwd)
    return subprocess.Popen(
        ["/bin/sh", "-c", _WITH_TERMINAL, os.ttyname(screen), *argv],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**env, "TERM": TERM}, cwd=cwd,
    )  # fmt: skip


def _check_program(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> None:
    """The shell that gives it the terminal would begin, and say in there that it finds nothing."""
    name = argv[0] if argv else ""
    wanted = str(Path(cwd or "").absolute() / name) if "/" in name else name
    if shutil.which(wanted, path=env.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, "no such program", name or "(none)")


class Pty:
    """Implements the port `Terminal`."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: FileIO, selector: selectors.BaseSelector, grace: float) -> None:
        self._process, self._keyboard, self._selector, self._grace = process, keyboard, selector, grace
        os.set_blocking(keyboard.fileno(), False)
        selector.register(keyboard, selectors.EVENT_READ)

    def send(self, *parts: Secret | str) -> None:
        if self._ended():  # the terminal itself would take it, and nobody read it
            raise BrokenPipeError(errno.EPIPE, "the program has ended")
        unsaid = typed(parts)
        until = time.monotonic() + self._grace
        while unsaid:
            try:
                unsaid = unsaid[os.write(self._keyboard.fileno(), unsaid) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("the program reads nothing") from None
                self._waits(selectors.EVENT_WRITE, TICK)

    def receive(self, seconds: float) -> bytes | None:
        until = time.monotonic() + seconds
        while True:
            ended = self._ended()  # asked before what it said last is looked for
            left = max(0.0, until - time.monotonic())
            if self._waits(selectors.EVENT_READ, 0 if ended else min(left, TICK)):
                return os.read(self._keyboard.fileno(), CHUNK)
            if ended:
                return None
            if not left:
                return b""

    def close(self) -> None:
        """Hang up: whoever does not end by that is ended."""
        self._keyboard.close()
        self._signal(signal.SIGHUP)
        until = time.monotonic() + self._grace
        try:
            while not self._ended() and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            self._signal(signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # who hangs in the kernel is left to it
                self._process.wait(self._grace)

    def _waits(self, event: int, seconds: float) -> bool:
        self._selector.modify(self._keyboard, event)
        return bool(self._selector.select(seconds))

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
