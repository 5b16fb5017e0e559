"""An executor that reaches no host and does as scripted, host by host."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import frozen

from taskkit.errors import HostRefused
from taskkit.outcomes import Effect, ErrorClass
from taskkit.plugins.kinds import Command, Executor, Host, Login, Operation, Run, Verb


@frozen
class Said:
    """What a host was told, as whom."""

    host: str
    user: str
    line: str


Answer = str | ErrorClass | Callable[[], str]


class FakeExecutor(Executor):
    """Hosts answer `ok`, unless `script(host, …)` says otherwise: a text, an error class, or a function that is called."""

    name = "fake"
    verbs = frozenset({Verb.COMMANDS})
    effect = Effect.IDEMPOTENT

    def __init__(self, name: str = "fake", effect: Effect = Effect.IDEMPOTENT) -> None:
        self.name = name  # type: ignore[misc]
        self.effect = effect  # type: ignore[misc]
        self.said: list[Said] = []
        self._answers: dict[str, deque[Answer]] = defaultdict(deque)
        self._down: dict[str, ErrorClass] = {}

    def script(self, host: str, *answers: Answer) -> None:
        """What the host answers to the next commands, one after the other."""
        self._answers[host].extend(answers)

    def down(self, host: str, error: ErrorClass = ErrorClass.UNREACHABLE) -> None:
        self._down[host] = error

    def up(self, host: str) -> None:
        self._down.pop(host, None)

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[FakeConnection]:
        if (error := self._down.get(host.address)) is not None:
            raise HostRefused(f"connecting to {host.address!r}", error.value.replace("_", " "), "bring it up", error=error)
        yield FakeConnection(self, host, login)

    def answer(self, host: str) -> str | ErrorClass:
        waiting = self._answers[host]
        found = waiting.popleft() if waiting else "ok"
        return found() if callable(found) else found


class FakeConnection:
    def __init__(self, executor: FakeExecutor, host: Host, login: Login) -> None:
        self._executor, self._host, self._login = executor, host, login

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for command in sequence:
            began = run.now()
            self._executor.said.append(Said(self._host.address, self._login.user, command.line))
            answer = self._executor.answer(self._host.address)
            if isinstance(answer, ErrorClass):
                yield Operation(command.line, "not_done", began, run.now(), exit=1, error=answer.value)
            else:
                yield Operation(command.line, "done", began, run.now(), exit=0, output=run.scrub(answer))
