"""Commands on a machine, each in a channel of its own."""

from __future__ import annotations

from attrs import evolve
from paramiko import Channel, ChannelException, SSHException

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._endings import with_end
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._outputs import Output, Recorder
from taskkit.plugins.executors._sequences import Ready, Result, refuse_secrets
from taskkit.plugins.executors.ssh._exchanges import TOO_MANY, Exchange, NotSaid
from taskkit.plugins.executors.ssh._privileges import Spoken, Standing
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._talks import Sieve, Talk, Told
from taskkit.plugins.kinds import Command, Run

#: What sshd says in place of the command, which it ends with 1.
_WANTS_CHANGE = ("Password change required but no TTY available", "You must change your password now")


class Channels:
    def __init__(self, exchange: Exchange, settings: SshSettings, standing: Standing) -> None:
        self._exchange, self._settings, self._standing = exchange, settings, standing

    def carry_out(self, command: Command, run: Run) -> Result:
        try:
            ready = Ready.of(command, run, by_shell=True)
            spoken = self._standing.spoken(command, ready.written)
            refuse_secrets(run, command.line, spoken.line)
        except ValueError as error:  # shlex raises them too
            return Result.misfit(error)
        try:
            channel = self._exchange.opened(self._settings.connect_timeout)
        except (SSHException, EOFError, OSError) as error:
            return Result(not_opened(error))
        try:
            return self._talk(channel, spoken, ready, run)
        except NotSaid:
            return Result(Judgement("not_done", ErrorClass.UNREACHABLE, "the connection was lost before it was begun"))
        except BaseException:
            self._exchange.send_signal(channel, "KILL")
            raise
        finally:
            self._exchange.forget(channel)

    def _talk(self, channel: Channel, spoken: Spoken, ready: Ready, run: Run) -> Result:
        out, err = (Recorder(run.scrub_stream(), self._settings.cap) for _ in range(2))
        sieve = Sieve(spoken.mark, err.feed, holds=spoken.holds)
        talk = Talk(self._exchange, channel, ready.patience(run), spoken.stdin or b"", out.feed, sieve.feed)
        told = talk.hold(spoken.line, self._settings.grace)
        sieve.finish()
        return self._result(told, out.finish(), err.finish(), ready, marked=sieve.found)

    def _result(self, told: Told, output: Output, errors: Output, ready: Ready, *, marked: bool) -> Result:
        end = told.end
        judgement = ready.expectations.judge(end.exit, end.signal, output, errors)
        judgement = self._standing.judge(judgement, end.exit, str(errors), marked)
        judgement = with_end(judgement, end)
        if told.lost and end.signal is None and end.exit in (None, *ready.expectations.exits):
            judgement = _lost(judgement, told.lost)
        return Result(_seen(judgement, told, str(errors)), end.exit, end.signal, output, errors)


def _lost(judgement: Judgement, text: str) -> Judgement:
    """Neither a success nor a failure by its output, unless it is known that it was never begun."""
    if judgement.error is ErrorClass.WRONG_CREDENTIALS:
        return judgement
    return evolve(judgement, state="unknown", error=ErrorClass.UNREACHABLE, text=text)


def _seen(judgement: Judgement, told: Told, errors: str) -> Judgement:
    """Where it was not the command that decided."""
    if told.refused:
        return Judgement("not_done", ErrorClass.REFUSED, "the machine would not begin it: it takes no commands this way")
    if told.unnamed:
        return evolve(judgement, state="not_done", text=f"it was ended by a signal that the machine calls {told.unnamed!r}")
    if told.end.exit == 1 and any(said in errors for said in _WANTS_CHANGE):
        return Judgement("not_done", ErrorClass.MUST_CHANGE, "the password of the account has expired: change it first, nothing was begun")
    return judgement


def not_opened(error: Exception) -> Judgement:
    if not isinstance(error, ChannelException):
        return Judgement("not_done", ErrorClass.UNREACHABLE, f"no channel could be opened: {error or type(error).__name__}")
    if error.code in TOO_MANY:
        case = "the machine opens no further channel for now: its limit may be MaxSessions"
        return Judgement("not_done", ErrorClass.BUSY, f"{case} ({error.text})")
    return Judgement("not_done", ErrorClass.REFUSED, f"the machine opens no channel for commands: {error.text}")
