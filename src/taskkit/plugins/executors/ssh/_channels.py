"""Commands on a machine, each in a channel of its own."""

from __future__ import annotations

from attrs import evolve
from paramiko import Channel, ChannelException, SSHException

from taskkit.checks import is_whole
from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._endings import with_end
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._outputs import SILENCE, Output, Recorder
from taskkit.plugins.executors._sequences import Ready, Result, refuse_secrets
from taskkit.plugins.executors.ssh._exchanges import TOO_MANY, Exchange, NotSaid
from taskkit.plugins.executors.ssh._privileges import Spoken, Standing, standing
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._talks import Sieve, Talk, Told
from taskkit.plugins.executors.ssh._ttys import TerminalTalk, not_begun
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Login

#: What sshd says in place of the command, which it ends with 1.
_WANTS_CHANGE = ("Password change required but no TTY available", "You must change your password now")


class Channels:
    def __init__(self, exchange: Exchange, settings: SshSettings, standing: Standing, login: Login | None = None) -> None:
        self._exchange, self._settings, self._standing, self._login = exchange, settings, standing, login

    def carry_out(self, command: Command, run: Run) -> Result:
        try:
            ready = Ready.of(command, run, by_shell=True, becomes=self._login is not None)
            as_whom = self._as_whom(command, run)
            spoken = as_whom.spoken(command, ready.written)
            refuse_secrets(run, command.line, spoken.line)
            if not is_whole(spoken.line):
                raise InvalidValue("saying a command", "its line, or a setting, holds half a character (a lone surrogate)", "mend it")
        except (ValueError, HostRefused) as error:  # shlex raises them too
            return Result.misfit(error)
        try:
            channel = self._exchange.opened(self._settings.connect_timeout)
        except (SSHException, EOFError, OSError) as error:
            return Result(not_opened(error))
        try:
            return self._talk(channel, spoken, as_whom, ready, run)
        except NotSaid:
            return Result(Judgement("not_done", ErrorClass.UNREACHABLE, "the connection was lost before it was begun"))
        except BaseException:
            self._exchange.send_signal(channel, "KILL")
            raise
        finally:
            self._exchange.forget(channel)

    def _as_whom(self, command: Command, run: Run) -> Standing:
        if command.become is None or self._login is None:
            return self._standing
        return standing(self._settings.becoming(command.become), self._login, run)

    def _talk(self, channel: Channel, spoken: Spoken, as_whom: Standing, ready: Ready, run: Run) -> Result:
        if self._settings.tty:
            return self._talk_in_terminal(channel, spoken, as_whom, ready, run)
        out, err = (Recorder(run.scrub_stream(), self._settings.cap) for _ in range(2))
        sieve = Sieve(spoken.mark, err, forgets=spoken.holds)
        talk = Talk(self._exchange, channel, ready.patience(run), spoken.stdin or b"", out.feed, sieve.feed)
        told = talk.hold(spoken.line, self._settings.grace)
        sieve.finish()
        return self._result(told, out.finish(), err.finish(), as_whom, ready, marked=sieve.found)

    def _talk_in_terminal(self, channel: Channel, spoken: Spoken, as_whom: Standing, ready: Ready, run: Run) -> Result:
        out = Recorder(run.scrub_stream(), self._settings.cap)
        sieve = Sieve(spoken.mark, out, forgets=spoken.holds)
        talk = TerminalTalk(self._exchange, channel, ready.patience(run), spoken, sieve)
        told = talk.hold(talk.line, self._settings.grace)
        begun = talk.finish()
        sieve.finish()
        output = out.finish()
        if not begun and (judgement := not_begun(told, str(output))) is not None:
            return Result(judgement, output=output, together=True)
        return self._result(told, output, None, as_whom, ready, marked=sieve.found)

    def _result(self, told: Told, output: Output, errors: Output | None, as_whom: Standing, ready: Ready, *, marked: bool) -> Result:
        """Without errors of their own they stand in the output."""
        end, said = told.end, str(output if errors is None else errors)
        judgement = ready.expectations.judge(end.exit, end.signal, *(one for one in (output, errors) if one is not None))
        judgement = as_whom.judge(judgement, end.exit, said, marked)
        judgement = with_end(judgement, end)
        if told.lost and end.signal is None and end.exit in (None, *ready.expectations.exits):
            judgement = _lost(judgement, told.lost)
        return Result(_seen(judgement, told, said), end.exit, end.signal, output, errors or SILENCE, together=errors is None)


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
