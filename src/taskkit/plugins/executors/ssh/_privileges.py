"""As whom commands run, and how a password gets to sudo or su: by stdin, once, and never to the command.

Whether sudo asks is up to its rules. A password that is written to its stdin unasked would reach the command, and a wrong one would
make it ask again, with the command's own input for an answer. So it is asked nothing there: its password helper is `cat`, and the prompt
that `cat` is handed is the path of a FIFO, in which our shell has the password for the first who asks, and nothing for the second. The
command's stdin is its own, rules that allow this one command are enough, and nobody depends on how long sudo remembers.

su reads its stdin, up to the end of a line. Behind it a shell of the other account reads on to a mark of ours, which nobody can know
before, says that it has come so far, and only then begins the command.
"""

from __future__ import annotations

import re
import shlex
from secrets import token_hex
from typing import ClassVar, Protocol

from attrs import evolve, field, frozen

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors.ssh._circumstances import Privileges
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Login
from taskkit.secrets import Secret

#: Words that stand quoted as they stand here.
_PLAIN = re.compile(r"[\w@%+=:,./-]+(?: [\w@%+=:,./-]+)*", re.ASCII)
#: $1 is the mark, the rest are sudo's own. printf has to be the shell's own: the arguments of a program can be read by everybody.
_ASKED = r"""umask 077
mark=$1
shift
ask=${TMPDIR:-/tmp}/$mark
case $(command -v printf) in */* | '') echo "the shell has no printf of its own" >&2; exit 126 ;; esac
mkdir "$ask" && mkfifo "$ask/ask" || exit 126
trap 'rm -rf "$ask"' EXIT
trap 'exit 143' HUP INT TERM
IFS= read -r secret || exit 126
{
    exec 3>"$ask/ask"
    rm "$ask/ask"
    mkfifo "$ask/ask"
    printf '%s\n' "$secret" >&3
    exec 3>&-
    while exec 3>"$ask/ask"; do
        : >"$ask/again"
        exec 3>&-
        sleep 1
    done
} </dev/null >/dev/null 2>&1 &
unset secret
SUDO_ASKPASS=$(command -v cat) LC_ALL=C sudo -A -p "$ask/ask" "$@"
code=$?
kill "$!" 2>/dev/null
[ ! -e "$ask/again" ] || echo "$mark" >&2
exit "$code"
"""
_BEHIND = """while IFS= read -r {name} && [ "${name}" != {mark} ]; do :; done
[ "${name}" = {mark} ] || exit 126
unset {name} LC_ALL
echo {mark} >&2
"""

#: What it says before it begins. Of much else it only warns: that it does not know its own host, say.
_SAID_BY_SUDO = (
    (r"^sudo: \d+ incorrect password attempt", ErrorClass.WRONG_CREDENTIALS, "sudo did not take the password"),
    (r"^sudo: a (password|terminal) is required", ErrorClass.BAD_CONFIGURATION, "sudo wants a password, and the vault has none for it"),
    (r"is not in the sudoers file|^Sorry, user .* (is not allowed to|may not)", ErrorClass.PERMISSION, "sudo does not allow it"),
    (r"^sudo: account validation failure", ErrorClass.ACCOUNT_LOCKED, "sudo finds the account locked"),
    (r"^sudo: Account or password is expired", ErrorClass.MUST_CHANGE, "sudo finds the account or its password expired"),
    (
        r"^sudo: .*must have a tty",
        ErrorClass.BAD_CONFIGURATION,
        "sudo's rules want a terminal (requiretty); say tty=True in the record type, or let them say 'Defaults:<account> !requiretty'",
    ),
    (
        r"^sudo: (unknown (user|group)|\S+: command not found|unable to execute|no valid|effective uid|.*must be owned)",
        ErrorClass.BAD_CONFIGURATION,
        "sudo did not begin it",
    ),
)
_SAID_BY_SU = (
    (r"Authentication failure|incorrect password|^su: Sorry", ErrorClass.WRONG_CREDENTIALS, "su did not take the password"),
    (r"required to change your password|token manipulation|expired", ErrorClass.MUST_CHANGE, "su finds the password expired"),
    (r"Permission denied", ErrorClass.PERMISSION, "su does not allow it"),
)


@frozen
class Spoken:
    """What is said to the machine for one command, and the mark that may come back on the errors."""

    line: str
    stdin: bytes | None = field(repr=False)
    mark: bytes | None = None
    #: Whether what comes before the mark is not the command's.
    holds: bool = False


class Standing(Protocol):
    """As whom commands are carried out."""

    def spoken(self, command: Command, stdin: bytes | None) -> Spoken: ...
    def judge(self, judgement: Judgement, exit: int | None, said: str, marked: bool) -> Judgement:
        """What the end means, where it was not the command's own; `said` are its errors, or what came instead of the mark."""
        ...


@frozen
class Itself:
    """As the account that has logged in."""

    privileges: Privileges

    def spoken(self, command: Command, stdin: bytes | None) -> Spoken:
        return Spoken(self.privileges.prelude(command) + words(command), stdin)

    def judge(self, judgement: Judgement, exit: int | None, said: str, marked: bool) -> Judgement:
        return judgement


@frozen
class Sudo:
    privileges: Privileges
    secret: Secret | None

    #: With this a sudo that did not begin the command ends.
    _REFUSED: ClassVar[int] = 1

    def spoken(self, command: Command, stdin: bytes | None) -> Spoken:
        argv = ["/bin/sh", "-c", command.line] if command.shell else shlex.split(command.line)
        mark, prelude = new_mark(), self.privileges.prelude(command)
        asked = ["-u", self.privileges.become_user, "--", *argv]
        if self.secret is None:
            return Spoken(prelude + "LC_ALL=C " + shlex.join(["sudo", "-n", *asked]), stdin)
        line = prelude + shlex.join(["/bin/sh", "-c", _ASKED, "sh", mark, *asked])
        return Spoken(line, _typed(self.secret) + (stdin or b""), f"{mark}\n".encode())

    def judge(self, judgement: Judgement, exit: int | None, said: str, marked: bool) -> Judgement:
        if marked:
            case = "sudo did not take the password; it was said once"
            return evolve(judgement, state="not_done", error=ErrorClass.WRONG_CREDENTIALS, text=case)
        return _refused(judgement, said, _SAID_BY_SUDO) if exit == self._REFUSED else judgement


@frozen
class Su:
    privileges: Privileges
    secret: Secret | None

    def spoken(self, command: Command, stdin: bytes | None) -> Spoken:
        mark = new_mark()
        behind = _BEHIND.format(mark=mark, name="taskkit") + self.privileges.prelude(command) + words(command)
        typed = _typed(self.secret) if self.secret else b""
        line = "LC_ALL=C " + shlex.join(["su", self.privileges.become_user, "-c", behind])
        return Spoken(line, typed + f"{mark}\n".encode() + (stdin or b""), f"{mark}\n".encode(), holds=True)

    def judge(self, judgement: Judgement, exit: int | None, said: str, marked: bool) -> Judgement:
        if marked or exit is None:
            return judgement
        found = _refused(judgement, said, _SAID_BY_SU)
        if found is not judgement:
            return found
        case = f"su did not begin it: {_last_line(said)}"
        return evolve(judgement, state="not_done", error=ErrorClass.BAD_CONFIGURATION, text=case)


def standing(privileges: Privileges, login: Login, run: Run) -> Standing:
    """HostRefused where su would have to be told a password and there is none: a guess would be a wrong try (S5)."""
    if privileges.become is None:
        return Itself(privileges)
    secret = _secret(privileges, login, run)
    if login.user == "root":  # who is asked nothing
        secret = None
    elif secret is None and privileges.become == "su":
        case = f"the vault has no secret {privileges.become_secret!r} for it"
        raise HostRefused(f"becoming {privileges.become_user!r} by su", case, "say which with become_secret", error=_BAD)
    if secret is not None and not set(secret.reveal_bytes()).isdisjoint(b"\n\0"):
        case = "the secret holds a line end or a NUL, which nobody can type"
        raise HostRefused(f"becoming {privileges.become_user!r}", case, error=_BAD)
    return (Sudo if privileges.become == "sudo" else Su)(privileges, secret)


_BAD = ErrorClass.BAD_CONFIGURATION


def _secret(privileges: Privileges, login: Login, run: Run) -> Secret | None:
    """The log-in's own, unless another one of its account is named."""
    if privileges.become_secret is None:
        return login.secret if privileges.become == "sudo" else None
    vault = run.vault
    found = vault.secrets.values(vault.records.account(login.record), run).current.get(privileges.become_secret)
    return found and run.keep(found)


def words(command: Command) -> str:
    """As it stands where a shell, or whatever the machine has in its place, is to read it; else each word quoted."""
    return command.line if command.shell or _PLAIN.fullmatch(command.line) else shlex.join(shlex.split(command.line))


def new_mark() -> str:
    return f"taskkit-{token_hex(8)}"


def _typed(secret: Secret) -> bytes:
    return secret.reveal_bytes() + b"\n"


def _refused(judgement: Judgement, said: str, cases: tuple[tuple[str, ErrorClass, str], ...]) -> Judgement:
    for pattern, error, case in cases:
        if line := next((line for line in said.splitlines() if re.search(pattern, line)), None):
            return evolve(judgement, state="not_done", error=error, text=f"{case}: {line[:200]}", captured={})
    return judgement


def _last_line(said: str) -> str:
    return said.strip().rpartition("\n")[2][:200]
