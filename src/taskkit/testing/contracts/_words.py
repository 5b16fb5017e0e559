"""What is asked of hosts, in the words of one kind of host."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any, ClassVar

from taskkit.plugins.kinds import Executor
from taskkit.plugins.verbs import Command, Host, Login
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing.contracts._contract import Contract

PASSWORD = "correct-horse-battery-staple"  # noqa: S105  what nobody may find again


class HostWords(Contract):
    """As they stand, the words are those of a POSIX shell."""

    #: Jobs that are on hosts at the same time.
    threads: ClassVar[int] = 8
    #: No more characters than this are kept of one command's output.
    most_output: ClassVar[int] = 1_048_576
    #: How many seconds of the machine's own time a command may take that has a tenth of one.
    patience: ClassVar[float] = 10.0

    def executor(self) -> Executor:
        """The one that is tried."""
        self._missing("executor")

    def host(self) -> Host:
        """A host that answers."""
        return Host("localhost")

    def login(self) -> Login:
        """With whom the host lets in."""
        return Login(Record("db-1", "trial", fields={"user": "app"}), "app", Secret(PASSWORD))

    def wrong_login(self) -> Login:
        """With whom it does not."""
        self._missing("wrong_login")

    def host_that_is_down(self) -> Host:
        self._missing("host_that_is_down")

    def open_connections(self, executor: Any) -> int:
        """How many of its connections are open, told by the host or the network."""
        self._missing("open_connections")

    def says(self, text: str) -> Command:
        """A command whose output is this text."""
        return Command(f"printf %s {shlex.quote(text)}", shell=True)  # noqa: S604  the host's words

    def exits(self, code: int, **given: Any) -> Command:
        """A command that ends with this code."""
        return Command(f"exit {code}", shell=True, **given)  # noqa: S604

    def repeats(self, stdin: str) -> Command:
        """A command that says what stands in its stdin."""
        return Command("cat", stdin=stdin)

    def floods(self, size: int) -> Command:
        """A command that says so many characters."""
        return Command(f"head -c {size} /dev/zero | tr '\\0' x", shell=True)  # noqa: S604

    def hangs(self) -> Command:
        """A command that does not end by itself, and has a tenth of a second."""
        return Command("sleep 300", timeout=0.1)

    def leaves(self, name: str) -> Command:
        """A command that leaves something of this name on the host; said twice, as the executor's `effect` says."""
        self._missing("leaves")

    def left(self) -> Collection[str]:
        """What `leaves` has left on the host, looked up by another way."""
        self._missing("left")

    def spies(self, stdin: Secret) -> Command:
        """A command with this stdin; what came there, and all else that anybody could see of it, is told by `spied`."""
        self._missing("spies")

    def spied(self) -> tuple[str, str]:
        """What came by stdin; and the arguments, environment and names that anybody on the host could see."""
        self._missing("spied")

    # of accounts whose secrets are changed

    def account(self) -> Login:
        """Somebody whom that host lets in by a secret, and who may change it: another one each time. Nobody's own account."""
        self._missing("account")

    def host_of_accounts(self) -> Host:
        """Where those are; `host` where nothing else is said."""
        return self.host()

    def refused_secret(self) -> Secret:
        """One that the host refuses by a rule, at the next change."""
        self._missing("refused_secret")

    def host_that_loses_the_answer(self) -> Host:
        """The host of the accounts, from which no answer comes to the next change."""
        self._missing("host_that_loses_the_answer")

    # of files

    def path(self, name: str) -> str:
        """Where a file of this name may be put: in a directory that is there, another one for each test."""
        self._missing("path")

    def path_of_nothing(self) -> str:
        """Where none can be put: in a directory that is not there, for one."""
        return f"{self.path('nowhere')}/file"

    # of terminals

    def typing(self, text: str) -> str:
        """What is typed so that the machine says this text; an echo of what was typed is not the same text."""
        return f"echo {text[:1]}''{text[1:]}\n"

    def leaving(self) -> str:
        """What is typed so that the machine closes."""
        return "exit\n"

    def remembering(self, word: str) -> str:
        """What is typed so that whoever sits there is known by this word, and in no other terminal."""
        return f"it={word}\n"

    def recalling(self) -> str:
        """What is typed so that the machine says that word between < and >, and <> where it knows none."""
        return 'echo "<$it>"\n'

    def measuring(self) -> str:
        """What is typed so that the machine says `ready`, reads a line that it does not show, and says its length between < and >."""
        return "stty -echo; echo re''ady; read -r it; stty echo; echo \"<${#it}>\"\n"
