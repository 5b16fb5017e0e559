"""One command as a process group of its own: started, fed, read, ended and reaped. What counts as a success is decided elsewhere.

A command may leave children behind, ignore the request to end, close its input early or say more than anybody can keep, and none of
that may hang the worker. So one loop, in the thread that asks, feeds and reads all pipes, blocks on none of them, and asks between two
looks whether it is enough. The command stays a zombie until its group has had the last signal: while its number is taken, that
signal can reach nobody else.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from math import inf
from typing import IO, Any, TypeVar

from attrs import evolve

from taskkit.plugins.executors._endings import End, Sink

CHUNK = 65_536
#: How often it is asked whether it is enough while the pipes are silent.
TICK = 0.05
EXITED = "exited"
T = TypeVar("T")


class NotStarted(Exception):
    """The machine did not start it: nothing has run."""


@contextmanager
def started(argv: Sequence[str], out: Sink, err: Sink, *, stdin: bytes | None, grace: float, **how: Any) -> Iterator[Group]:
    """Start the command, or raise NotStarted from the reason; what still runs when the `with` is left by an error is killed."""
    with ExitStack() as stack:
        try:
            selector = stack.enter_context(selectors.DefaultSelector())  # first: where there is none, nothing may run yet
            given, pipe = subprocess.DEVNULL if stdin is None else subprocess.PIPE, subprocess.PIPE
            process = subprocess.Popen(argv, bufsize=0, stdin=given, stdout=pipe, stderr=pipe, start_new_session=True, **how)
        except (OSError, ValueError) as error:
            raise NotStarted from error
        group = Group(process, selector, grace)
        try:
            group.listen(out, err)
            group.feed(stdin)
            yield group
        except BaseException:
            group.send(signal.SIGKILL)
            raise
        finally:
            group.close()


class Group:
    """A running command and all that it starts and that stays with it."""

    def __init__(self, process: subprocess.Popen[bytes], selector: selectors.BaseSelector, grace: float) -> None:
        self._process, self._selector, self._grace = process, selector, grace
        self._outputs: set[IO[bytes]] = set()
        self._unsaid = memoryview(b"")
        self._end: End | None = None
        self._door: int | None = None

    def run(self, cut: Callable[[], str | None]) -> End:
        """Feed and read until the command ends, or until `cut` says why it has to."""
        found = self._pump(lambda: EXITED if self._exited() else cut())
        reason = None if found == EXITED else found
        if reason:
            self.send(signal.SIGTERM)
        over = self._pump(self._over, self._grace)
        if reason or not over:  # also where the command has ended: those of its group that still work on have had their time
            self.send(signal.SIGKILL)
            self._pump(self._over, self._grace)
        left = "" if reason or over else "it left processes behind that held its output: its group was ended"
        return evolve(self._end or End(seen=False), cut=reason, left=left)

    def listen(self, out: Sink, err: Sink) -> None:
        for pipe, sink in ((self._process.stdout, out), (self._process.stderr, err)):
            if pipe:
                self._outputs.add(pipe)
                self._selector.register(pipe, selectors.EVENT_READ, partial(self._read, pipe, sink))
        self._door = _door(self._process.pid)
        if self._door is not None:
            self._selector.register(self._door, selectors.EVENT_READ, self._close_door)

    def feed(self, stdin: bytes | None) -> None:
        if (pipe := self._process.stdin) and stdin is not None:
            self._unsaid = memoryview(stdin)
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_WRITE, partial(self._write, pipe))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, as long as the command's number is its own."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):  # all gone, or all somebody else's (a sudo): then nobody sees the end
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        with suppress(subprocess.TimeoutExpired):  # who hangs in the kernel, on a dead disk perhaps, is left to it
            self._process.wait(self._grace)
        self._close_door()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _pump(self, enough: Callable[[], T], seconds: float = inf) -> T:
        until = time.monotonic() + seconds
        while not (found := enough()) and time.monotonic() < until:
            for key, _ in self._selector.select(TICK):
                key.data()
        return found

    def _exited(self) -> bool:
        self._end = self._end or _end(self._process.pid)
        return self._end is not None

    def _over(self) -> bool:
        return not self._outputs and self._exited()

    def _read(self, pipe: IO[bytes], sink: Sink) -> None:
        if piece := os.read(pipe.fileno(), CHUNK):
            sink(piece)
        else:
            self._outputs.discard(pipe)
            self._selector.unregister(pipe)

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            self._unsaid = self._unsaid[os.write(pipe.fileno(), self._unsaid[:CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it wants no more, which is its right: how it ends decides
            self._unsaid = self._unsaid[:0]
        if not self._unsaid:
            self._selector.unregister(pipe)
            pipe.close()

    def _close_door(self) -> None:
        if self._door is not None:
            self._selector.unregister(self._door)
            os.close(self._door)
            self._door = None


def _door(pid: int) -> int | None:
    """What wakes the loop at the moment the command ends."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or an old one: the next tick sees the end
        return None


def _end(pid: int) -> End | None:
    """How it ended, if it has; it is not reaped yet."""
    try:
        told = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # the product around us reaps every child (SIGCHLD ignored): how this one ended is lost
        return End(seen=False)
    if told is None:
        return None
    return End(exit=told.si_status) if told.si_code == os.CLD_EXITED else End(signal=told.si_status)
