"""Where, with which variables and as whom commands run on a machine that is reached by SSH."""

from __future__ import annotations

import shlex
from typing import Any, Literal

from attrs import Attribute, field, frozen
from attrs.validators import optional

from taskkit.checks import named, one_of, optional_a, refused
from taskkit.plugins.executors._circumstances import Circumstances
from taskkit.plugins.kinds import Command

#: With these a shell says that it could not begin something.
_NOT_BEGUN = (126, 127)


def _user(instance: object, attribute: Attribute[Any], given: str) -> None:
    named(instance, attribute, given)
    if given.startswith("-"):
        raise refused(instance, attribute, given, "it would be an option", "give the name of an account")


@frozen
class Privileges(Circumstances):
    """To inherit by settings."""

    #: By what commands are carried out as another account.
    become: Literal["sudo", "su"] | None = field(default=None, validator=optional(one_of("sudo", "su")), kw_only=True)
    become_user: str = field(default="root", validator=_user, kw_only=True)
    #: Which secret of the log-in's account is the password for it. None: for sudo the log-in's own, and su has to be told.
    become_secret: str | None = field(default=None, validator=optional_a(str, "give the name of a secret"), kw_only=True)

    def prelude(self, command: Command) -> str:
        """What a POSIX shell does first; nothing where nothing is asked, so that machines without one get their lines as they stand."""
        said = []
        if self.cwd is not None:
            fails = next((code for code in _NOT_BEGUN if code not in command.exits), _NOT_BEGUN[0])
            said.append(f"cd {shlex.quote(self.cwd if self.cwd.startswith('/') else f'./{self.cwd}')} || exit {fails}; ")
        said += [f"{name}={shlex.quote(value)}; export {name}; " for name, value in self.env.items()]
        return "".join(said)
