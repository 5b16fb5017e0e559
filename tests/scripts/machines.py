"""Machines that are played: what they say to each answer, in packets of any size, and what they were told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from taskkit.errors import HostRefused
from taskkit.outcomes import Outcome
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Terminal, Verb
from taskkit.records import Record
from taskkit.scripts import Dialogue
from taskkit.secrets import Secret
from taskkit.testing import Trial

PASSWORD = "correct-horse-battery-staple"  # noqa: S105  what no test may find again
ROUTER = Record(
    "r1", "router", fields={"host": "10.0.0.1", "user": "app", "odd": "a b; reload", "lines": "a\nreload"}, secret_fields=["password"]
)
ENABLING = Record("en", "router", fields={"user": "enable"}, secret_fields=["password"])
SECRETS = {"r1": {"password": PASSWORD, "two": "line\nreload"}, "en": {"password": "an-enabling-phrase"}}
CLOSES = "<closes>"
Cuts = Callable[[bytes], Sequence[bytes]]


class Played(Executor):
    """Says the next of what it has to say after each answer that ends with Enter, and after each key."""

    name = "played"
    verbs: ClassVar[frozenset[Verb]] = frozenset({Verb.DIALOGUE})

    def __init__(self, *says: str | Exception, echoes: bool = True, cuts: Cuts = lambda said: [said]) -> None:
        self.says, self.echoes, self._cuts = says, echoes, cuts
        self.typed: list[str] = []
        self.waited: list[float] = []
        self.terminals = 0

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Played]:
        if self.says and isinstance(self.says[0], HostRefused):
            raise self.says[0]
        yield self

    @contextmanager
    def terminal(self, run: Run) -> Iterator[Terminal]:
        self.terminals += 1
        self._next = iter(self.says)
        self._coming: list[bytes] = []
        self._closed = False
        self._go_on()
        yield self

    def send(self, *parts: Secret | str) -> None:
        typed = "".join(part.reveal() if isinstance(part, Secret) else part for part in parts)
        self.typed.append(typed)
        secret = any(isinstance(part, Secret) for part in parts)
        if self.echoes and typed.endswith("\n"):
            self._coming += [("" if secret else typed[:-1]).encode(), b"\r\n"]
        self._go_on()

    def receive(self, seconds: float) -> bytes | None:
        self._coming = [piece for piece in self._coming if piece]
        if self._coming:
            return self._coming.pop(0)
        if self._closed:
            return None
        self.waited.append(seconds)
        return b""

    def _go_on(self) -> None:
        said = next(self._next, "")
        if isinstance(said, Exception):
            raise said
        self._closed = said.endswith(CLOSES)
        self._coming += self._cuts(said.removesuffix(CLOSES).replace("\n", "\r\n").encode())


def trial(dialogue: Dialogue, machine: Executor, **given: Any) -> Trial:
    return Trial(dialogue, ROUTER, shadow=ENABLING, secrets=SECRETS, executor=machine, **given)


def held(text: str, *says: str | Exception, of: dict[str, Any] | None = None, **given: Any) -> tuple[Outcome | None, Played, Trial]:
    """What becomes of a dialogue, the machine, and the job."""
    machine = Played(*says, **given)
    tried = trial(Dialogue.of("talk", text, **(of or {})), machine)
    return tried.perform(), machine, tried
