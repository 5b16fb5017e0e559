"""New secrets for the accounts of a machine: in a dialogue with `passwd`, or by `chpasswd`, whose stdin alone has them (S1)."""

from __future__ import annotations

import shlex

from attrs import frozen

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown, class_of
from taskkit.plugins.executors._changes import may_go_on, refused_by
from taskkit.plugins.executors._crypts import sha512_crypt
from taskkit.plugins.executors._sequences import Result, in_one_line
from taskkit.plugins.executors.ssh._channels import Channels
from taskkit.plugins.executors.ssh._ears import Ears
from taskkit.plugins.executors.ssh._exchanges import Exchange
from taskkit.plugins.executors.ssh._passwd import Passwd
from taskkit.plugins.executors.ssh._privileges import Itself, standing
from taskkit.plugins.executors.ssh._rules import is_busy, is_forbidden, is_obeyed, names_nobody, rule_of
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._terminals import opened
from taskkit.plugins.executors.ssh._wires import Wire
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Login, SecretChange
from taskkit.secrets import Secret

#: Whoever becomes root by su, or is root in a session without a shell of its own, may look for programs in the places of users only.
_AS_ROOT = """PATH=$PATH:/usr/sbin:/sbin; export PATH
[ "$(id -u)" = 0 ] || {{ echo "{name}: only root" >&2; exit 126; }}
LC_ALL=C exec {line}"""
#: What was found out before the program began.
_BEFORE = frozenset(ErrorClass) - {ErrorClass.FAILED, ErrorClass.NO_SPACE, ErrorClass.TIMEOUT}
_MOST_TOLD = 300


@frozen
class Changes:
    _wire: Wire
    _settings: SshSettings
    _login: Login

    def carry_out(self, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        itself = change.user == self._login.user
        way = self._settings.change or ("passwd" if itself else "chpasswd")
        try:
            return self._by_dialogue(change, run) if way == "passwd" else self._by_stdin(change, run, hashed=way == "hash")
        except HostRefused as refused:  # before anything was said
            return NotDone(class_of(refused) or ErrorClass.FAILED, run.scrub(str(refused)))

    # passwd

    def _by_dialogue(self, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        itself = change.user == self._login.user
        if not itself and self._login.user != "root":
            case = f"changing the password of {change.user!r} by passwd: only root does that for another account"
            return NotDone(ErrorClass.BAD_CONFIGURATION, f"{case}; log in as root, or say change='chpasswd' and how to become root")
        line = "env LC_ALL=C passwd" if itself else f"env LC_ALL=C passwd {shlex.quote(change.user)}"
        with opened(self._wire, self._settings, line) as terminal:
            return Passwd(terminal, run, change.old or self._login.secret, change.new, self._settings.change_timeout).hold()

    # chpasswd

    def _by_stdin(self, change: SecretChange, run: Run, *, hashed: bool) -> Done | NotDone | Unknown:
        if self._settings.become == "sudo" and self._settings.become_user != "root":
            case = f"changing the password of {change.user!r} by chpasswd: it has to be root"
            return NotDone(ErrorClass.BAD_CONFIGURATION, f"{case}, and the record type's become_user is {self._settings.become_user!r}")
        as_whom, exchange = standing(self._settings, self._login, run), Exchange(self._wire)
        if (refusal := self._unknown_user(exchange, change.user, run) or may_go_on(run)) is not None:
            return refusal
        value = run.keep(sha512_crypt(change.new)) if hashed else change.new
        line = "chpasswd -e" if hashed else "chpasswd"
        by_sudo = self._settings.become == "sudo"  # whose rules may allow this one program, and which finds it
        said = line if by_sudo else shlex.join(["/bin/sh", "-c", _AS_ROOT.format(name="chpasswd", line=line)])
        stdin: tuple[Secret | str, ...] = (f"{change.user}:", value, "\n")
        command = Command(said, stdin=stdin, timeout=self._settings.change_timeout)
        ears = Ears(run, *filter(None, (change.new, change.old, self._login.secret)))
        result = Channels(exchange, self._settings, as_whom).carry_out(command, ears.run)
        return _outcome(result, ears.text, run)

    def _unknown_user(self, exchange: Exchange, user: str, run: Run) -> NotDone | None:
        """Some `chpasswd` say of nobody what they say of a disk that fails."""
        command = Command(shlex.join(["env", "LC_ALL=C", "id", "-u", user]), timeout=self._settings.change_timeout)
        found = Channels(exchange, self._settings, Itself(self._settings)).carry_out(command, run)
        if found.exit is None or found.judgement.error is ErrorClass.MUST_CHANGE:
            return NotDone(found.judgement.error or ErrorClass.FAILED, _told(found.judgement.text, run))
        if found.exit and names_nobody(f"{found.errors}{found.output}"):
            return NotDone(ErrorClass.BAD_CONFIGURATION, _told(f"the machine knows no account {user!r}", run))
        return None


def _outcome(result: Result, said: str, run: Run) -> Done | NotDone | Unknown:
    """What the end of `chpasswd` means: it is root, whom rules may only warn, so that a rule counts with the error that follows it."""
    judgement = result.judgement
    if judgement.state == "done":
        return Done()
    text = _told(judgement.text, run, f"{result.errors}\n{result.output}")
    if judgement.state == "not_done" and judgement.error in _BEFORE:
        forbidden = judgement.error is ErrorClass.BAD_CONFIGURATION and is_forbidden(said)
        return NotDone(ErrorClass.PERMISSION if forbidden else judgement.error, text)
    if judgement.state == "unknown" or result.exit is None:
        return Unknown(text)
    if is_busy(said):
        return NotDone(ErrorClass.BUSY, text)
    if (rule := rule_of(said)) is not None and is_obeyed(said):
        return refused_by(rule, text)
    return Unknown(text)


def _told(case: str, run: Run, said: str = "") -> str:
    said = in_one_line(said, run)[-_MOST_TOLD:]
    return f"changing the password by chpasswd: {run.scrub(case)}" + (f"; it says {said!r}" if said else "")
