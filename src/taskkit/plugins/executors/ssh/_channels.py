"""One command in a channel of its own: begun, fed, read and ended."""

from __future__ import annotations

import shlex
import time

from paramiko import Channel, SSHException, Transport

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._outputs import Recorder
from taskkit.plugins.executors._sequences import Ready, Result, refuse_secrets
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.kinds import Command, Run

_TICK = 0.05
_CHUNK = 65_536


class Channels:
    def __init__(self, transport: Transport, settings: SshSettings) -> None:
        self._transport, self._settings = transport, settings

    def carry_out(self, command: Command, run: Run) -> Result:
        try:
            ready = Ready.of(command, run)
            line = command.line if command.shell else shlex.join(shlex.split(command.line))
            refuse_secrets(run, line)
        except ValueError as error:  # shlex raises them too
            return Result.misfit(error)
        try:
            channel = self._transport.open_session(timeout=self._settings.connect_timeout)
        except (SSHException, EOFError) as error:
            return Result(Judgement("not_done", ErrorClass.UNREACHABLE, f"no channel could be opened: {error}"))
        with channel:
            return self._talk(channel, line, ready, run)

    def _talk(self, channel: Channel, line: str, ready: Ready, run: Run) -> Result:
        out, err = (Recorder(run.scrub_stream(), self._settings.cap) for _ in range(2))
        until = time.monotonic() + ready.seconds
        channel.exec_command(line)
        unsaid = ready.written or b""
        while not (over := _is_over(channel)) and time.monotonic() < until:
            if unsaid and channel.send_ready():
                unsaid = unsaid[channel.send(unsaid[:_CHUNK]) :]
            if not unsaid and not channel.eof_sent:
                channel.shutdown_write()
            if channel.recv_ready():
                out.feed(channel.recv(_CHUNK))
            elif channel.recv_stderr_ready():
                err.feed(channel.recv_stderr(_CHUNK))
            else:
                channel.status_event.wait(_TICK)
        output, errors = out.finish(), err.finish()
        if not over:
            return Result(Judgement("unknown", ErrorClass.TIMEOUT, "nobody saw it end: it may still run"), None, None, output, errors)
        status = channel.recv_exit_status()
        end = None if status < 0 else status
        return Result(ready.expectations.judge(end, None, output, errors), end, None, output, errors)


def _is_over(channel: Channel) -> bool:
    ended = channel.closed or (channel.exit_status_ready() and bool(channel.eof_received))
    return ended and not channel.recv_ready() and not channel.recv_stderr_ready()
