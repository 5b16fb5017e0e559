"""Where, with which variables and as whom commands run on a machine that is reached by SSH."""

from __future__ import annotations

import shlex
from typing import Literal, Self

from attrs import evolve, field, frozen
from attrs.validators import optional

from taskkit.checks import one_of, optional_a, optional_name
from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.becoming import Become, account_name
from taskkit.plugins.executors._circumstances import Circumstances
from taskkit.plugins.verbs import Command

#: With these a shell says that it could not begin something.
_NOT_BEGUN = (126, 127)


@frozen
class Privileges(Circumstances):
    """To inherit by settings."""

    #: By what commands are carried out as another account.
    become: Literal["sudo", "su"] | None = field(default=None, validator=optional(one_of("sudo", "su")), kw_only=True)
    become_user: str = field(default="root", validator=account_name, kw_only=True)
    #: Which secret of the log-in's account is the password for it. None: for sudo the log-in's own, and su has to be told.
    become_secret: str | None = field(default=None, validator=optional_a(str, "give the name of a secret"), kw_only=True)

    #: Which field of a record says it in the place of these; none says it unless it is named here.
    become_field: str | None = field(default=None, validator=optional_name, kw_only=True)

    def becoming(self, said: Become) -> Self:
        """As somebody says who stands nearer to the command."""
        own = None if self.become is None else Become(self.become, self.become_user, self.become_secret)
        found = said.over(own)
        if found.by is None:
            advice = "say sudo or su beside it, or in the record type"
            raise HostRefused(f"becoming {str(said)!r}", "nobody says by what", advice, error=ErrorClass.BAD_CONFIGURATION)
        by: Literal["sudo", "su"] | None = None if found.by == "itself" else found.by
        return evolve(self, become=by, become_user=found.user or "root", become_secret=found.secret)

    def prelude(self, command: Command) -> str:
        """What a POSIX shell does first; nothing where nothing is asked, so that machines without one get their lines as they stand."""
        said = []
        if self.cwd is not None:
            fails = next((code for code in _NOT_BEGUN if code not in command.exits), _NOT_BEGUN[0])
            said.append(f"cd {shlex.quote(self.cwd if self.cwd.startswith('/') else f'./{self.cwd}')} || exit {fails}; ")
        said += [f"{name}={shlex.quote(value)}; export {name}; " for name, value in self.env.items()]
        return "".join(said)
